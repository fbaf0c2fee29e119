//! The folder, or the single file, that is put into the build VM.

pub(super) mod file_names;
mod folder;

pub(super) use folder::named as named_folder;

use super::manifest::{
    INLINE_SCRIPT, INVENTORY, PACKAGE_ACCESS, PACKAGE_EXCLUDE, PACKAGE_PATH,
    PACKAGE_RETENTION_DAYS, STORAGE_ACCOUNT_NAME,
};
use super::origin::Origin;
use super::plan::{ArchiveFormat, Package, PackageAccess, Retention};
use super::problem::{Code, Form, Problem};
use super::reader::resource::last_of_id;
use super::reader::{AlreadyReported, Reader};
use super::template_file::{FileSteps, TemplateFile};
use crate::file::Exclusion;

/// `format` is unknown if the customization is not understood. None where nobody asked for a package: a script that needs no files, Windows Update
/// and the customizers of a template file do without, and without a storage account.
pub(super) fn read(
    reader: &mut Reader<'_>,
    format: Option<ArchiveFormat>,
    file: &TemplateFile,
) -> Result<Option<Package>, AlreadyReported> {
    let steps = file.steps.as_ref();
    let needed = steps.is_some_and(FileSteps::need_package);
    let in_file = file.may_customize();
    // With customizers of its own, a step of many pipelines names the same account without a package; and lists of contents are kept in it.
    let for_more = in_file || reader.flag(&INVENTORY).unwrap_or_default();
    let asked_for = needed || (!for_more && reader.is_set(&STORAGE_ACCOUNT_NAME));
    let script = match steps {
        Some(steps) => steps.script(),
        None if in_file => String::new(),
        None => reader.raw(&INLINE_SCRIPT).to_owned(),
    };
    if !asked_for && folder::is_left_out(reader, &script, in_file) {
        warn_without_package(reader);
        return Ok(None);
    }
    read_whole(reader, format, &script, (needed, in_file)).map(Some)
}

/// The package of a test. The checks alone do not tell that there is one: they speak of files that came with the image.
pub(super) fn for_test(
    reader: &mut Reader<'_>,
    format: Option<ArchiveFormat>,
    script: &str,
    in_vm: bool,
) -> Result<Option<Package>, AlreadyReported> {
    if folder::is_left_out(reader, "", true) {
        warn_without_package(reader);
        return Ok(None);
    }
    if in_vm && !reader.is_set(&STORAGE_ACCOUNT_NAME) {
        let text = format!(
            "a package needs a storage account, through which it gets into the VM; expected '{}' as well",
            STORAGE_ACCOUNT_NAME.name
        );
        let hint = format!(
            "set '{}', or remove '{}'",
            STORAGE_ACCOUNT_NAME.name, PACKAGE_PATH.name
        );
        let problem = Problem::new(Code::Malformed, &PACKAGE_PATH, text, Some(hint));
        return Err(reader.report(problem));
    }
    read_whole(reader, format, script, (true, true)).map(Some)
}

/// Warns of inputs about a package if there is none.
fn warn_without_package(reader: &mut Reader<'_>) {
    for input in [&PACKAGE_EXCLUDE, &PACKAGE_ACCESS, &PACKAGE_RETENTION_DAYS] {
        if reader.is_set(input) {
            let reason = "because there is no package";
            let hint = format!(
                "set '{}' as well, or remove '{}'",
                PACKAGE_PATH.name, input.name
            );
            reader.warn_without_effect(input, reason, &hint);
        }
    }
}

fn read_whole(
    reader: &mut Reader<'_>,
    format: Option<ArchiveFormat>,
    script: &str,
    (needed, told_elsewhere): (bool, bool),
) -> Result<Package, AlreadyReported> {
    let storage_account = storage_account(reader, needed);
    let exclude = exclude(reader);
    let access = reader.choice_or_default(&PACKAGE_ACCESS, ACCESS);
    let retention = retention(reader);
    let (folder, is_file) = folder::read(reader, script, needed)?;
    let name = folder::name(reader, &folder)?;
    if format == Some(ArchiveFormat::Zip) {
        folder::fits_windows(reader, &folder, &name, told_elsewhere)?;
    }
    if let (Some(format), Ok(exclude)) = (format, &exclude) {
        file_names::check(reader, &folder, &name, exclude, format)?;
    }
    // Without a format there is a problem elsewhere, and no plan.
    let format = format.unwrap_or(ArchiveFormat::TarGz);
    Ok(Package {
        blob_name: blob_name(reader, &name, format),
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
    format: "0 to 365 days",
    example: "14",
};

/// A day is longer than any build, so what a build uses is never old.
fn retention(reader: &mut Reader<'_>) -> Result<Option<Retention>, AlreadyReported> {
    let days = reader.number(&PACKAGE_RETENTION_DAYS, 0..=365, RETENTION)?;
    let run = reader.raw_inputs().unique;
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
    format: "3 to 24 lowercase letters and digits",
    example: "stimagebuilder",
};

/// The original task looked the name up ignoring case; Azure's names are lower-case
/// (<https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name>).
pub(super) fn storage_account(
    reader: &mut Reader<'_>,
    needed: bool,
) -> Result<String, AlreadyReported> {
    let Some(text) = reader.optional(&STORAGE_ACCOUNT_NAME)? else {
        let without = format!(
            "a build without a package needs no storage account: remove '{}' as well",
            PACKAGE_PATH.name
        );
        let hint = Some(without).filter(|_| !needed);
        let expected = STORAGE_ACCOUNT.expected();
        return Err(reader.missing_unless(&STORAGE_ACCOUNT_NAME, &expected, hint));
    };
    let name = text.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if (3..=24).contains(&name.len()) && name.chars().all(plain) {
        return Ok(name);
    }
    let hint = last_of_id(text).map(|name| format!("use only the name: '{name}'"));
    Err(reader.malformed(&STORAGE_ACCOUNT_NAME, text, STORAGE_ACCOUNT, hint))
}

const PATTERN: Form = Form {
    what: "a pattern",
    format: ".gitignore patterns, one per line",
    example: "node_modules/",
};

/// Each line is tried by itself, so that a wrong one is named.
fn exclude(reader: &mut Reader<'_>) -> Result<Exclusion, AlreadyReported> {
    let lines = reader.optional_lines(&PACKAGE_EXCLUDE)?.unwrap_or_default();
    let mut wrong = None;
    for line in lines.lines() {
        if Exclusion::of([line]).is_err() {
            wrong = Some(reader.malformed(&PACKAGE_EXCLUDE, line, PATTERN, None));
        }
    }
    wrong.map_or_else(|| Ok(Exclusion::of(lines.lines()).unwrap_or_default()), Err)
}

/// Build or release, then the unique number, so that no two runs meet.
fn blob_name(reader: &Reader<'_>, name: &str, format: ArchiveFormat) -> String {
    let given = reader.raw_inputs();
    Origin::of(given).blob_name(name, given.unique, format.extension())
}
