//! The folder, or the single file, that is put into the build VM.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use ignore::gitignore::GitignoreBuilder;

use super::declared::{
    INLINE_SCRIPT, PACKAGE_ACCESS, PACKAGE_EXCLUDE, PACKAGE_PATH, PACKAGE_RETENTION_DAYS,
    PROVISIONER, STORAGE_ACCOUNT_NAME,
};
use super::given::Given;
use super::plan::{ArchiveFormat, Package, PackageAccess, Retention};
use super::problem::{Code, Form, Problem, quoted};
use super::reading::{Reading, Reported};
use super::spelling::nearest;
use super::template_file::FileSteps;

/// `format` is unknown if the customization is not understood. With the customizers of a template file there need be no package.
pub(super) fn read(
    reading: &mut Reading<'_>,
    format: Option<ArchiveFormat>,
    steps: Option<&FileSteps>,
) -> Result<Option<Package>, Reported> {
    if let Some(steps) = steps
        && !steps.need_package()
        && is_left_out(reading, &steps.script())
    {
        return Ok(None);
    }
    read_whole(reading, format, steps).map(Some)
}

fn read_whole(
    reading: &mut Reading<'_>,
    format: Option<ArchiveFormat>,
    steps: Option<&FileSteps>,
) -> Result<Package, Reported> {
    let storage_account = storage_account(reading);
    let exclude = exclude(reading);
    let access = reading.choice_or_default(&PACKAGE_ACCESS, ACCESS);
    let retention = retention(reading);
    let (folder, is_file) = folder(reading, steps)?;
    let name = name(reading, &folder)?;
    let format = match format {
        Some(ArchiveFormat::Zip) => {
            fits_windows(reading, &folder, &name)?;
            ArchiveFormat::Zip
        }
        // Without a format there is a problem elsewhere, and no plan.
        Some(ArchiveFormat::TarGz) | None => ArchiveFormat::TarGz,
    };
    Ok(Package {
        blob_name: blob_name(reading, &name, format),
        folder,
        is_file,
        exclude: exclude?,
        name,
        storage_account: storage_account?,
        format,
        access: access?.unwrap_or_default(),
        retention: retention?,
    })
}

const RETENTION: Form = Form {
    what: "a number of days",
    looks: "0 to 365 days",
    example: "14",
};

/// A day is longer than any build, so what a build uses is never old.
fn retention(reading: &mut Reading<'_>) -> Result<Option<Retention>, Reported> {
    let days = reading.number(&PACKAGE_RETENTION_DAYS, 0..=365, RETENTION)?;
    let run = reading.given().unique;
    Ok(days
        .filter(|days| *days > 0)
        .map(|days| Retention { days, run }))
}

const ACCESS: &[(&str, PackageAccess)] = &[
    ("auto", PackageAccess::Auto),
    ("identity", PackageAccess::Identity),
    ("sas", PackageAccess::Sas),
    ("key", PackageAccess::Key),
];

const STORAGE_ACCOUNT: Form = Form {
    what: "the name of a storage account",
    looks: "3 to 24 lower-case letters and digits",
    example: "stimagebuilder",
};

/// The original task looked the name up ignoring case; Azure's names are lower-case
/// (<https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name>).
fn storage_account(reading: &mut Reading<'_>) -> Result<String, Reported> {
    let text = reading.required(&STORAGE_ACCOUNT_NAME, STORAGE_ACCOUNT)?;
    let name = text.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if (3..=24).contains(&name.len()) && name.chars().all(plain) {
        return Ok(name);
    }
    let hint = super::last_of_id(text).map(|name| format!("the name alone is enough: '{name}'"));
    Err(reading.malformed(&STORAGE_ACCOUNT_NAME, text, STORAGE_ACCOUNT, hint))
}

const PATTERN: Form = Form {
    what: "a pattern",
    looks: "patterns as in a .gitignore file, one in each line",
    example: "node_modules/",
};

/// Each line is tried by itself, so that a wrong one is named.
fn exclude(reading: &mut Reading<'_>) -> Result<Vec<String>, Reported> {
    let lines = reading.optional(&PACKAGE_EXCLUDE)?.unwrap_or_default();
    let mut wrong = None;
    for line in lines.lines() {
        if GitignoreBuilder::new("").add_line(None, line).is_err() {
            wrong = Some(reading.malformed(&PACKAGE_EXCLUDE, line, PATTERN, None));
        }
    }
    wrong.map_or_else(|| Ok(lines.lines().map(str::to_owned).collect()), Err)
}

/// The original's layout: build or release, then the unique number, so that no two runs meet.
fn blob_name(reading: &Reading<'_>, name: &str, format: ArchiveFormat) -> String {
    let given = reading.given();
    let (unique, extension) = (given.unique, format.extension());
    let run = match (&given.release, &given.build_id) {
        (Some((release, attempt)), _) => format!("{release}-{attempt}"),
        (None, Some(build)) => format!("{build}-{unique}"),
        (None, None) => unique.to_string(),
    };
    format!("{name}/{run}/{name}_{unique}{extension}")
}

fn wrong_path(text: String, hint: Option<String>) -> Problem {
    Problem::new(Code::PackagePath, &PACKAGE_PATH, text, hint)
}

/// Whether nobody named a folder: the input is empty, or the agent filled it in and no script reads from where it lands.
fn is_left_out(reading: &Reading<'_>, script: &str) -> bool {
    let text = reading.raw(&PACKAGE_PATH).trim().trim_matches('"').trim();
    let folder = absolute(&reading.given().working_directory, text);
    let filled_in = is_root(reading.given(), &folder) && !text.ends_with(['/', '\\']);
    text.is_empty() || (filled_in && !names_place_of(script, &folder))
}

/// Whether this is the folder of the whole job.
fn is_root(given: &Given, folder: &Path) -> bool {
    let roots = [
        Some(&given.working_directory),
        given.sources_directory.as_ref(),
    ];
    roots
        .into_iter()
        .flatten()
        .any(|root| !root.as_os_str().is_empty() && resolved(root) == folder)
}

/// The path, and whether it is a single file.
fn folder(
    reading: &mut Reading<'_>,
    steps: Option<&FileSteps>,
) -> Result<(PathBuf, bool), Reported> {
    let form = Form {
        what: "a folder",
        looks: "the path of a folder",
        example: "drop/webapp",
    };
    let text = reading.required(&PACKAGE_PATH, form)?;
    let text = text.trim_matches('"').trim();
    if text.is_empty() {
        return Err(reading.missing(&PACKAGE_PATH, &form.expected()));
    }
    let given = reading.given();
    let folder = absolute(&given.working_directory, text);
    let ends_with_separator = text.ends_with(['/', '\\']);
    let is_root = is_root(given, &folder);
    let is_read = match steps {
        Some(steps) => steps.need_package() || names_place_of(&steps.script(), &folder),
        None => names_place_of(reading.raw(&INLINE_SCRIPT), &folder),
    };
    if is_root && !ends_with_separator && is_read {
        let sentence = format!(
            "Input '{}': all of {} is uploaded, because the script reads from where it lands",
            PACKAGE_PATH.name,
            quoted(text)
        );
        let hint = "name a smaller folder; or write the slash at the end, as in '$(System.DefaultWorkingDirectory)/', to upload all of it without this warning";
        reading.warn(Code::PackagePath, sentence, Some(hint.to_owned()));
    } else if is_root && !ends_with_separator {
        let sentence = format!(
            "{} is the folder of the whole job, which the agent fills in where the input is empty; expected a folder in it, for example {}",
            quoted(text),
            form.example
        );
        let hint = "to upload all of it on purpose, write '$(System.DefaultWorkingDirectory)/' with the slash at the end";
        return Err(reading.report(wrong_path(sentence, Some(hint.to_owned()))));
    }
    match check(&folder) {
        Ok(is_file) => Ok((folder, is_file)),
        Err((sentence, hint)) => Err(reading.report(wrong_path(sentence, hint))),
    }
}

/// Whether a script names the place where the package lands. Then the folder of the whole job is no forgotten input.
fn names_place_of(script: &str, folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let places = [
        r"c:\buildartifacts".to_owned(),
        format!("/tmp/{name}").to_lowercase(),
    ];
    let script = script.to_lowercase();
    script
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .any(|line| places.iter().any(|place| line.contains(place)))
}

/// The path under `root`. A path may be written for Windows, on an agent where `\` separates nothing.
fn absolute(root: &Path, text: &str) -> PathBuf {
    let as_given = root.join(text);
    if cfg!(windows) || as_given.exists() {
        resolved(&as_given)
    } else {
        resolved(&root.join(text.replace('\\', "/")))
    }
}

/// The path without `.` and `..`: its last part names the folder in the build VM.
fn resolved(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                result.push(component);
            }
        }
    }
    result
}

/// Whether it is a single file instead of a folder with something in it; if it is neither, a sentence and a hint.
fn check(folder: &Path) -> Result<bool, (String, Option<String>)> {
    let shown = quoted(&folder.display().to_string());
    let metadata = fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            (format!("{shown} does not exist"), what_there_is(folder))
        }
        _ => (format!("{shown} cannot be read: {error}"), None),
    })?;
    if metadata.is_file() {
        return Ok(true);
    }
    if !metadata.is_dir() {
        let sentence = format!("{shown} is neither a folder nor a file; expected a folder");
        return Err((sentence, None));
    }
    let mut entries =
        fs::read_dir(folder).map_err(|error| (format!("{shown} cannot be read: {error}"), None))?;
    if entries.next().is_none() {
        let hint = "an earlier step of this job has to put files into it, such as a download of the pipeline artifact";
        return Err((format!("{shown} is empty"), Some(hint.to_owned())));
    }
    Ok(false)
}

/// Looks at the nearest folder that exists, for a name that is spelled a little differently.
pub(super) fn what_there_is(folder: &Path) -> Option<String> {
    let (parent, missing) = folder
        .ancestors()
        .zip(folder.ancestors().skip(1))
        .map(|(child, parent)| (parent, child))
        .find(|(parent, _)| parent.is_dir())?;
    let missing = missing.file_name()?.to_str()?;
    let siblings: Vec<String> = fs::read_dir(parent)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let same = siblings
        .iter()
        .find(|name| name.to_lowercase() == missing.to_lowercase());
    let parent = quoted(&parent.display().to_string());
    if let Some(name) = same {
        let name = quoted(name);
        return Some(format!(
            "{parent} holds {name}; paths are case-sensitive on Linux agents"
        ));
    }
    let near = nearest(missing, siblings.iter().map(String::as_str));
    near.map(|name| format!("{parent} holds {}; did you mean that?", quoted(name)))
}

/// The last part of the path. Line breaks and the like would break the script that unpacks the package.
fn name(reading: &mut Reading<'_>, folder: &Path) -> Result<String, Reported> {
    let name = folder.file_name().and_then(|name| name.to_str());
    match name {
        Some(name) if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => {
            let shown = quoted(&folder.display().to_string());
            let sentence = format!(
                "{shown} does not end in a name that a folder in the build VM can have; expected a folder, for example drop/webapp"
            );
            Err(reading.report(wrong_path(sentence, None)))
        }
    }
}

/// A Linux agent may hold a folder whose name Windows refuses
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions>).
fn fits_windows(reading: &mut Reading<'_>, folder: &Path, name: &str) -> Result<(), Reported> {
    let refused =
        name.contains(['<', '>', ':', '"', '|', '?', '*', '\\']) || name.ends_with(['.', ' ']);
    if !refused {
        return Ok(());
    }
    let sentence = format!(
        "{} has a last part that Windows does not take as a folder's name; expected no '<>:\"|?*\\' and no '.' or blank at the end, for example drop/webapp",
        quoted(&folder.display().to_string())
    );
    let hint = format!(
        "rename the folder, or set '{}' to 'shell' for a Linux image",
        PROVISIONER.name
    );
    Err(reading.report(wrong_path(sentence, Some(hint))))
}
