//! What an image's contents are kept for, and compared with.

use super::declared::{COMPARE_WITH, FAIL_ON_CHANGE, INVENTORY, INVENTORY_CONTAINER};
use super::reading::{Reading, Reported};

/// How the list of an image's contents is kept and compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Whether the step that lists them is appended to the customizers.
    pub listed: bool,
    /// What is compared with, as the author writes it.
    pub compare_with: Option<String>,
    /// The container of the lists.
    pub container: String,
    /// The changes that fail the step, a line each.
    pub fail_on_change: Vec<String>,
}

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<Contents, Reported> {
    let listed = reading.flag(&INVENTORY);
    let rest = compared(reading);
    Ok(Contents {
        listed: listed?,
        ..rest?
    })
}

/// As [`read`], for who does not make the template.
pub(super) fn compared(reading: &mut Reading<'_>) -> Result<Contents, Reported> {
    let compare_with = reading.optional(&COMPARE_WITH);
    let container = reading.optional(&INVENTORY_CONTAINER);
    let fail_on_change = reading.optional_lines(&FAIL_ON_CHANGE);
    let lines = fail_on_change?.unwrap_or_default().lines();
    Ok(Contents {
        listed: false,
        compare_with: compare_with?.map(str::to_owned),
        container: container?.unwrap_or(INVENTORY_CONTAINER.default).to_owned(),
        fail_on_change: lines.map(str::to_owned).collect(),
    })
}
