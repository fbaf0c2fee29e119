//! The lines and the warnings of a test in a VM.

use crate::error::duration;
use crate::image_test::codes::{CHECK_FAILED, NOT_BOOTED, VM_STAYS};
use crate::image_test::vm::event::Event;
use crate::inputs::manifest::{KEEP_VM_ON_FAILURE, STORAGE_ACCOUNT_NAME};

/// The lines for `event`.
pub(super) fn of(event: &Event) -> Vec<String> {
    let line = match event {
        Event::Creating {
            name,
            size,
            region,
            group,
        } => format!("create VM:  {name} ({size}) in {region}, resource group {group}"),
        Event::Booting { state, elapsed } => {
            format!(
                "waiting for the VM:  {state} (after {})",
                duration(*elapsed)
            )
        }
        Event::Ready { elapsed } => {
            format!(
                "boot VM:  Succeeded, its guest agent is ready after {}",
                duration(*elapsed)
            )
        }
        Event::Again { reason } => format!("the request is sent again:  {reason}"),
        Event::CheckStarted { name } => format!("check '{name}':  starting"),
        Event::CheckRuns { elapsed } => {
            format!("the check is running (after {})", duration(*elapsed))
        }
        Event::OutputCut => format!(
            "only the last 4,096 bytes of the output are known; with '{}' the task reads all of it",
            STORAGE_ACCOUNT_NAME.name
        ),
        Event::EarlierRemoved { count } => {
            format!("an earlier attempt at this step left {count} resources, which were deleted")
        }
        Event::EarlierUnknown { reason } => {
            format!("what an earlier attempt at this step left was not looked for:  {reason}")
        }
        Event::OutputUnread { .. }
        | Event::OutputTooLong
        | Event::NoDiagnostics { .. }
        | Event::Kept { .. } => return Vec::new(),
    };
    vec![line]
}

/// What is said as a warning: its code, a sentence, and what to do.
pub(super) fn warning_of(event: &Event) -> Option<(&'static str, String, String)> {
    match event {
        Event::OutputTooLong => Some((
            CHECK_FAILED,
            "The output of the check is longer than 256 MB: only its beginning and its end are known, and single tests may be missing".to_owned(),
            "let the script write less".to_owned(),
        )),
        Event::OutputUnread { reason } => Some((
            CHECK_FAILED,
            format!(
                "The output of the check is known in part only, and single tests may be missing: {reason}"
            ),
            format!(
                "let the subnet of the VM and the agent reach the storage account in input '{}' (its firewall)",
                STORAGE_ACCOUNT_NAME.name
            ),
        )),
        Event::NoDiagnostics { reason } => Some((
            NOT_BOOTED,
            format!("There is no boot screenshot or serial log: {reason}"),
            format!(
                "the verdict stands; with '{}: true' the VM stays, and the portal shows its boot diagnostics",
                KEEP_VM_ON_FAILURE.name
            ),
        )),
        Event::Kept { what, command } => Some((
            VM_STAYS,
            format!("The {what} stays, because the test failed and '{}' is true; it costs money until it is deleted", KEEP_VM_ON_FAILURE.name),
            format!("to delete it with its disk and its network interface: {command}"),
        )),
        _ => None,
    }
}
