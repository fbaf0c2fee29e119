//! What the log says of a test.

use super::collected::Collected;
use crate::error::duration;
use crate::image_test::codes::{CHECK_FAILED, NOT_BOOTED, NOT_TAGGED, VM_STAYS};
use crate::image_test::event::Event;
use crate::image_test::vm::event as vm;
use crate::image_test::{Test, Tested, TestedImage, Verdict};
use crate::inputs::ImageTest;
use crate::inputs::manifest::{KEEP_VM_ON_FAILURE, STORAGE_ACCOUNT_NAME};
use crate::log::TestState;
use crate::report::messages::Messages;
use crate::report::next_step::NextStep;
use crate::report::release::words_of_progress;
use crate::report::version;
use crate::resource::ResourceId;

/// More lines are a list that nobody reads; the file has them all.
const MOST_LINES: usize = 200;

/// `Testing image version 1.0.2 of 'web' failed: …`
pub(super) fn failed(display_name: &str, text: &str) -> String {
    format!("Testing {display_name} failed: {text}")
}

/// `win11-avd 1.0.2 passed its tests (imageTest=passed)`
pub(super) fn passed(test: &ImageTest, collected: &Collected) -> String {
    let name = version::named(&test.image);
    let tag = collected.tags.first();
    let tag = tag.map(|(name, value)| format!(", and has the tag {name}={value}"));
    format!("{name} passed its tests{}", tag.unwrap_or_default())
}

/// What the log says of `event`.
pub(super) fn of(event: &Event) -> Messages {
    match event {
        Event::Found(image) => Messages::line(found(image)),
        Event::WaitingForReplica {
            region,
            state,
            percent,
            elapsed,
        } => {
            let percent = percent.map(|percent| format!(", {percent} %"));
            Messages::line(format!(
                "waiting for the replica in {region}:  {state}{} (after {})",
                percent.unwrap_or_default(),
                duration(*elapsed)
            ))
        }
        Event::Limits => Messages::line(
            "what this test does not have of a session host:  a domain, the agent of Azure Virtual Desktop, the pool's network (unless subnets are given) and its trusted launch settings",
        ),
        Event::TestsMayBeMissing => Messages::warning(
            CHECK_FAILED,
            "The log of the checks could not be read: the state of the run decides, and single tests may be missing",
            "the log line above says why; the service connection needs read permission on the staging resource group",
        ),
        Event::Judged(tested) => Messages::lines(verdict(tested)),
        Event::Tagging(progress) => Messages::lines(words_of_progress(progress)),
        Event::Tagged { tags } => {
            let tags: Vec<_> = tags
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            Messages::line(format!("tags of the image version:  {}", tags.join(", ")))
        }
        Event::NotTagged {
            image,
            reason,
            hint,
        } => Messages::warning(
            NOT_TAGGED,
            format!("Tagging image version {} failed: {reason}", image.name()),
            hint,
        ),
        Event::FailedLatest { image, regions } => Messages::warning(
            CHECK_FAILED,
            format!(
                "Image version {} has failed its test, and it is the latest one in {}: whoever requests the latest version gets it",
                image.name(),
                regions.join(", ")
            ),
            format!(
                "withdraw it, with a step of these inputs: {}",
                withdrawal(image).in_a_line()
            ),
        ),
        Event::Vm(event) => of_vm(event),
        Event::Attach(_) => Messages::NONE,
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each event")]
fn of_vm(event: &vm::Event) -> Messages {
    match event {
        vm::Event::Creating {
            name,
            size,
            region,
            group,
        } => Messages::line(format!(
            "create VM:  {name} ({size}) in {region}, resource group {group}"
        )),
        vm::Event::Asked | vm::Event::CleaningUp => Messages::NONE,
        vm::Event::Booting { state, elapsed } => Messages::line(format!(
            "waiting for the VM:  {state} (after {})",
            duration(*elapsed)
        )),
        vm::Event::Ready { elapsed } => Messages::line(format!(
            "boot VM:  Succeeded, its guest agent is ready after {}",
            duration(*elapsed)
        )),
        vm::Event::Again { reason } => {
            Messages::line(format!("the request is sent again:  {reason}"))
        }
        vm::Event::CheckStarted { name } => Messages::line(format!("check '{name}':  starting")),
        vm::Event::CheckRuns { elapsed } => Messages::line(format!(
            "the check is running (after {})",
            duration(*elapsed)
        )),
        vm::Event::OutputCut => Messages::line(format!(
            "only the last 4,096 bytes of the output are known; with '{}' the task reads all of it",
            STORAGE_ACCOUNT_NAME.name
        )),
        vm::Event::OutputTooLong => Messages::warning(
            CHECK_FAILED,
            "The output of the check is longer than 256 MB: only its beginning and its end are known, and single tests may be missing",
            "let the script write less",
        ),
        vm::Event::OutputUnread { reason } => Messages::warning(
            CHECK_FAILED,
            format!(
                "The output of the check is known in part only, and single tests may be missing: {reason}"
            ),
            format!(
                "let the subnet of the VM and the agent reach the storage account in input '{}' (its firewall)",
                STORAGE_ACCOUNT_NAME.name
            ),
        ),
        vm::Event::NoDiagnostics { reason } => Messages::warning(
            NOT_BOOTED,
            format!("There is no boot screenshot or serial log: {reason}"),
            format!(
                "the verdict stands; with '{}: true' the VM stays, and the portal shows its boot diagnostics",
                KEEP_VM_ON_FAILURE.name
            ),
        ),
        vm::Event::Kept { what, command } => Messages::warning(
            VM_STAYS,
            format!(
                "The {what} stays, because the test failed and '{}' is true; it costs money until it is deleted",
                KEEP_VM_ON_FAILURE.name
            ),
            format!("to delete it with its disk and its network interface: {command}"),
        ),
        vm::Event::EarlierRemoved { count } => Messages::line(format!(
            "an earlier attempt at this step left {count} resources, which were deleted"
        )),
        vm::Event::EarlierUnknown { reason } => Messages::line(format!(
            "what an earlier attempt at this step left was not searched for:  {reason}"
        )),
    }
}

fn found(image: &TestedImage) -> String {
    match &image.version {
        Some(_) => version::line(&image.id),
        None => format!("managed image:  {}", image.name),
    }
}

/// One line for each test, and the verdict.
fn verdict(tested: &Tested) -> Vec<String> {
    let shown = tested.tests.iter().take(MOST_LINES);
    let mut lines: Vec<_> = shown.map(line).collect();
    let rest = tested.tests.len().saturating_sub(MOST_LINES);
    if rest > 0 {
        lines.push(format!("and {rest} more tests; the file has them all"));
    }
    lines.extend(tested.remark.clone());
    lines.push(format!("image test:  {}", sum(tested)));
    lines
}

fn line(test: &Test) -> String {
    let took = test.elapsed.map(|took| format!(" ({})", duration(took)));
    let why = match test.text.as_str() {
        "" => String::new(),
        said => format!(": {said}"),
    };
    format!(
        "test {}:  {}{}{why}",
        test.name,
        test.state.as_str(),
        took.unwrap_or_default()
    )
}

/// `passed (12 tests, 1 skipped)`, `failed (2 of 12 tests, 1 skipped)`.
pub(super) fn sum(tested: &Tested) -> String {
    let all = tested.tests.len();
    let failed = tested.count(TestState::Failed);
    let skipped = tested.count(TestState::Skipped);
    let tests = if all == 1 { "test" } else { "tests" };
    let skipped = match skipped {
        0 => String::new(),
        count => format!(", {count} skipped"),
    };
    match tested.verdict {
        Verdict::Passed => format!("passed ({all} {tests}{skipped})"),
        Verdict::Failed(_) => format!("failed ({failed} of {all} {tests}{skipped})"),
    }
}

/// A step that withdraws `image`.
pub(super) fn withdrawal(image: &ResourceId) -> NextStep {
    NextStep::withdrawal(image, "failed its test")
}
