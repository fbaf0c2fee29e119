//! What an image's contents are kept for, and compared with.

use super::comparison::{self, ChangeRule, CompareWith};
use super::declared::{COMPARE_WITH, FAIL_ON_CHANGE, INVENTORY, INVENTORY_CONTAINER};
use super::reading::{Reading, Reported};

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

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<Contents, Reported> {
    let listed = reading.flag(&INVENTORY);
    let rest = compared(reading);
    if let Ok(false) = listed {
        for input in [&COMPARE_WITH, &INVENTORY_CONTAINER, &FAIL_ON_CHANGE] {
            if reading.is_set(input) {
                let hint = format!("set '{}', or remove '{}'", INVENTORY.name, input.name);
                let reason = format!("because '{}' is 'false'", INVENTORY.name);
                reading.warn_without_effect(input, &reason, &hint);
            }
        }
    }
    Ok(Contents {
        listed: listed?,
        ..rest?
    })
}

/// As [`read`], for who follows a build that another step has started.
pub(super) fn compared(reading: &mut Reading<'_>) -> Result<Contents, Reported> {
    let compare_with = comparison::of_build(reading);
    rest(reading, compare_with)
}

/// As [`read`], for who compares two versions that are there.
pub(super) fn of_diff(reading: &mut Reading<'_>) -> Result<Contents, Reported> {
    let compare_with = comparison::of_diff(reading);
    rest(reading, compare_with)
}

fn rest(
    reading: &mut Reading<'_>,
    compare_with: Result<CompareWith, Reported>,
) -> Result<Contents, Reported> {
    let container = reading.optional(&INVENTORY_CONTAINER);
    let fail_on_change = comparison::rules(reading);
    Ok(Contents {
        listed: false,
        compare_with: compare_with?,
        container: container?.unwrap_or(INVENTORY_CONTAINER.default).to_owned(),
        fail_on_change: fail_on_change?,
    })
}
