//! Where the package lies on the agent, and the name that it has in the build VM.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::file_names;
use crate::inputs::manifest::{PACKAGE_PATH, PROVISIONER, STORAGE_ACCOUNT_NAME};
use crate::inputs::path::{Bounds, Outside, resolved, what_there_is};
use crate::inputs::problem::{Code, Form, Problem, quoted};
use crate::inputs::raw_inputs::RawInputs;
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::spelling::tidy;

fn wrong_path(text: String, hint: Option<String>) -> Problem {
    Problem::new(Code::PackagePath, &PACKAGE_PATH, text, hint)
}

/// Whether nobody named a folder: the input is empty, or the agent filled it in; and no script reads from where the package lands. What the customizers
/// of a template file (`in_file`) read may come from elsewhere, if not even the agent named a folder.
pub(super) fn is_left_out(reader: &Reader<'_>, script: &str, in_file: bool) -> bool {
    let text = tidy(reader.raw(&PACKAGE_PATH));
    let folder = absolute(&reader.raw_inputs().working_directory, text);
    let filled_in = is_root(reader.raw_inputs(), &folder) && !text.ends_with(['/', '\\']);
    (text.is_empty() || filled_in)
        && ((text.is_empty() && in_file) || !names_place_of(script, &folder))
}

/// A storage account that is named means that a package is wanted.
fn without_package() -> String {
    format!(
        "for a build without a package, remove '{}' as well",
        STORAGE_ACCOUNT_NAME.name
    )
}

/// Whether this is the folder of the whole job.
fn is_root(given: &RawInputs, folder: &Path) -> bool {
    let roots = [
        Some(&given.working_directory),
        given.sources_directory.as_ref(),
    ];
    roots
        .into_iter()
        .flatten()
        .any(|root| !root.as_os_str().is_empty() && resolved(root) == folder)
}

/// The folder or file that the input names, whether it is there or not.
pub(in crate::inputs) fn named(given: &RawInputs) -> Option<PathBuf> {
    let text = given.inputs.get(&PACKAGE_PATH.name.to_ascii_lowercase())?;
    let text = text.trim().trim_matches('"').trim();
    (!text.is_empty()).then(|| absolute(&given.working_directory, text))
}

/// The path, and whether it is a single file.
pub(super) fn read(
    reader: &mut Reader<'_>,
    script: &str,
    needed: bool,
) -> Result<(PathBuf, bool), AlreadyReported> {
    let form = Form {
        what: "a folder",
        format: "the path of a folder",
        example: "drop/webapp",
    };
    let without = Some(without_package()).filter(|_| !needed);
    let Some(text) = reader.optional(&PACKAGE_PATH)? else {
        return Err(reader.missing_unless(&PACKAGE_PATH, &form.expected(), without));
    };
    let given = reader.raw_inputs();
    let folder = absolute(&given.working_directory, text);
    let ends_with_separator = text.ends_with(['/', '\\']);
    let is_root = is_root(given, &folder);
    let is_read = needed || names_place_of(script, &folder);
    if is_root && !ends_with_separator && is_read {
        let sentence = format!(
            "Input '{}': all of {} is uploaded, because the script reads from the folder where it is unpacked",
            PACKAGE_PATH.name,
            quoted(text)
        );
        let hint = "specify a smaller folder, or end the path with a slash, as in '$(System.DefaultWorkingDirectory)/', to upload all of it without this warning";
        reader.warn(Code::PackagePath, sentence, Some(hint.to_owned()));
    } else if is_root && !ends_with_separator {
        let sentence = format!(
            "{} is the working directory of the whole job, which the agent sets if the input is empty; expected a folder in it, for example {}",
            quoted(text),
            form.example
        );
        let hint = format!(
            "to upload all of it on purpose, write '$(System.DefaultWorkingDirectory)/' with a slash at the end; {}",
            without_package()
        );
        return Err(reader.report(wrong_path(sentence, Some(hint))));
    }
    let bounds = Bounds::of(given);
    if bounds.holds_by_name(&folder)
        && let Err(outside @ Outside::Elsewhere(_)) = bounds.check(&folder)
    {
        let shown = quoted(&folder.display().to_string());
        let sentence = format!("{shown} {}", outside.reason(&folder));
        let hint = format!(
            "to upload that folder on purpose, set '{}' to its path instead of a link",
            PACKAGE_PATH.name
        );
        return Err(reader.report(wrong_path(sentence, Some(hint))));
    }
    match check(&folder) {
        Ok(is_file) => Ok((folder, is_file)),
        Err((sentence, hint)) => Err(reader.report(wrong_path(sentence, hint))),
    }
}

/// Whether a script names the place where the package lands. Then the folder of the whole job is meant, and not a forgotten input.
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

/// The path under `root`; its last part names the folder in the build VM. A path may be written for Windows, on an agent where `\` separates nothing.
fn absolute(root: &Path, text: &str) -> PathBuf {
    let as_given = root.join(text);
    if cfg!(windows) || as_given.exists() {
        resolved(&as_given)
    } else {
        resolved(&root.join(text.replace('\\', "/")))
    }
}

const NOTHING_THERE: &str = "create it in an earlier step, such as a checkout or a download of artifacts; with 'checkout: none' there are no files";

/// Whether it is a single file instead of a folder with something in it; if it is neither, a sentence and a hint.
fn check(folder: &Path) -> Result<bool, (String, Option<String>)> {
    let shown = quoted(&folder.display().to_string());
    let metadata = fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            let hint = what_there_is(folder).unwrap_or_else(|| NOTHING_THERE.to_owned());
            (format!("{shown} does not exist"), Some(hint))
        }
        _ => {
            let hint = "grant read permission to the user account that runs the agent".to_owned();
            (format!("{shown} cannot be read: {error}"), Some(hint))
        }
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
        let hint = "an earlier step of this job must put files into it, such as a download of the pipeline artifact";
        return Err((format!("{shown} is empty"), Some(hint.to_owned())));
    }
    Ok(false)
}

/// The last part of the path. Line breaks and the like would break the script that unpacks the package.
pub(super) fn name(reader: &mut Reader<'_>, folder: &Path) -> Result<String, AlreadyReported> {
    let name = folder.file_name().and_then(|name| name.to_str());
    match name {
        Some(name) if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => {
            let shown = quoted(&folder.display().to_string());
            let sentence = format!(
                "{shown} does not end in a name that a folder in the build VM can have; expected a folder, for example drop/webapp"
            );
            Err(reader.report(wrong_path(sentence, None)))
        }
    }
}

/// With customizers in a template file (`in_file`) these say the system. A Linux agent may hold a folder whose name Windows refuses
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions>).
pub(super) fn fits_windows(
    reader: &mut Reader<'_>,
    folder: &Path,
    name: &str,
    in_file: bool,
) -> Result<(), AlreadyReported> {
    let Some(why) = file_names::windows_fault(name) else {
        return Ok(());
    };
    let sentence = format!(
        "{} ends in a name that Windows does not accept for a folder: {why}; expected a folder, for example drop/webapp",
        quoted(&folder.display().to_string())
    );
    let hint = if in_file {
        "rename the folder".to_owned()
    } else {
        format!(
            "rename the folder, or set '{}' to 'shell' for a Linux image",
            PROVISIONER.name
        )
    };
    Err(reader.report(wrong_path(sentence, Some(hint))))
}
