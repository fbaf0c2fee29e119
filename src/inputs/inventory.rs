//! Lists of what is in an image: how a build keeps and compares its own, and what `diff` needs to compare two.

use super::compare_with::{self, ChangeRule, CompareWith};
use super::connection::Connection;
use super::manifest::{
    COMPARE_WITH, FAIL_ON_CHANGE, INVENTORY, INVENTORY_CONTAINER, STORAGE_ACCOUNT_NAME,
    TEMPLATE_FILE,
};
use super::plan::Package;
use super::problem::{Code, Form, Problem, Warning};
use super::reader::{AlreadyReported, Reader};
use super::template_file::TemplateFile;
use super::{given_version, package, service_connection};
use crate::resource::ResourceId;
use crate::secret::Masker;

/// How the list of an image's contents is kept and compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Whether the step that lists them is appended to the customizers.
    pub listed: bool,
    /// What it is compared with.
    pub compare_with: CompareWith,
    /// The container of the lists.
    pub container: String,
    /// The changes that fail the step.
    pub fail_on_change: Vec<ChangeRule>,
}

impl Contents {
    /// Whether there are changes that fail the step.
    pub fn gates(&self) -> bool {
        !self.fail_on_change.is_empty()
    }
}

/// Every part is read before the first `?`, so that each part reports its problems.
fn read(reader: &mut Reader<'_>) -> Result<Contents, AlreadyReported> {
    let listed = reader.flag(&INVENTORY);
    let rest = compared(reader);
    if let Ok(false) = listed {
        for input in [&COMPARE_WITH, &INVENTORY_CONTAINER, &FAIL_ON_CHANGE] {
            if reader.is_set(input) {
                let hint = format!("set '{}', or remove '{}'", INVENTORY.name, input.name);
                let reason = format!("because '{}' is 'false'", INVENTORY.name);
                reader.warn_without_effect(input, &reason, &hint);
            }
        }
    }
    Ok(Contents {
        listed: listed?,
        ..rest?
    })
}

/// As [`read`], for a build that another step has started.
pub(super) fn compared(reader: &mut Reader<'_>) -> Result<Contents, AlreadyReported> {
    let compare_with = compare_with::of_build(reader);
    rest(reader, compare_with)
}

/// As [`read`], for two versions that exist.
fn of_diff(reader: &mut Reader<'_>) -> Result<Contents, AlreadyReported> {
    let compare_with = compare_with::of_diff(reader);
    rest(reader, compare_with)
}

fn rest(
    reader: &mut Reader<'_>,
    compare_with: Result<CompareWith, AlreadyReported>,
) -> Result<Contents, AlreadyReported> {
    let container = container(reader);
    let fail_on_change = compare_with::rules(reader);
    Ok(Contents {
        listed: false,
        compare_with: compare_with?,
        container: container?,
        fail_on_change: fail_on_change?,
    })
}

const CONTAINER: Form = Form {
    what: "the name of a container",
    format: "3 to 63 lowercase letters, digits and single hyphens between them",
    example: INVENTORY_CONTAINER.default,
};

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names>
fn container(reader: &mut Reader<'_>) -> Result<String, AlreadyReported> {
    let input = &INVENTORY_CONTAINER;
    let text = reader.optional(input)?.unwrap_or(input.default);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_word = |part: &str| !part.is_empty() && part.chars().all(plain);
    if (3..=63).contains(&text.len()) && text.split('-').all(is_word) {
        return Ok(text.to_owned());
    }
    let lower = text.to_lowercase().replace('_', "-");
    let hint = (lower != text && lower.split('-').all(is_word)).then(|| format!("write '{lower}'"));
    Err(reader.malformed(input, text, CONTAINER, hint))
}

/// The name of the step that lists the contents.
pub const STEP: &str = INVENTORY.name;

/// As [`read`], for a build of the step's own, with the storage account of the lists.
pub(super) fn of_build(
    reader: &mut Reader<'_>,
    file: &TemplateFile,
    package: &Result<Option<Package>, AlreadyReported>,
) -> (
    Result<Contents, AlreadyReported>,
    Result<Option<String>, AlreadyReported>,
) {
    let contents = read(reader);
    refuse_other_steps(reader, file);
    (contents, storage_account(reader, package))
}

/// The storage account in which the lists of a build are kept: that of its package, or the one that is named for the lists alone.
fn storage_account(
    reader: &mut Reader<'_>,
    package: &Result<Option<Package>, AlreadyReported>,
) -> Result<Option<String>, AlreadyReported> {
    match package {
        Ok(Some(package)) => Ok(Some(package.storage_account.clone())),
        Ok(None)
            if reader.flag(&INVENTORY).unwrap_or_default()
                && reader.is_set(&STORAGE_ACCOUNT_NAME) =>
        {
            package::storage_account(reader, true).map(Some)
        }
        // There is a problem elsewhere, and no plan.
        Ok(None) | Err(_) => Ok(None),
    }
}

/// The step is known by its name, in the template and later.
fn refuse_other_steps(reader: &mut Reader<'_>, file: &TemplateFile) {
    if !reader.flag(&INVENTORY).unwrap_or_default() {
        return;
    }
    let Some(index) = file.step_named(STEP) else {
        return;
    };
    let text = format!(
        "customize[{index}] of the file is named '{STEP}', which is the name of the step that input '{}' adds",
        INVENTORY.name
    );
    let hint = format!(
        "give customize[{index}] another name, or remove '{}'",
        INVENTORY.name
    );
    reader.report(Problem::new(
        Code::Malformed,
        &TEMPLATE_FILE,
        text,
        Some(hint),
    ));
}

/// Two image versions that are to be compared.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The service connection.
    pub connection: Connection,
    /// The version as it is now.
    pub version: ResourceId,
    /// What it is compared with, and where the lists are.
    pub contents: Contents,
    /// The storage account of the lists.
    pub storage_account: String,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read_diff(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Diff, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let version = given_version::read(reader);
    let contents = of_diff(reader);
    let storage_account = package::storage_account(reader, true);
    Ok(Diff {
        connection: connection?,
        version: version?,
        contents: contents?,
        storage_account: storage_account?,
        name: reader.raw_inputs().template_name(),
        warnings: Vec::new(),
    })
}
