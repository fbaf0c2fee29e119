//! The lines and the warnings of a test.

use super::known::Known;
use super::vm;
use crate::error::duration;
use crate::image_test::codes::{CHECK_FAILED, NOT_TAGGED};
use crate::image_test::event::Event;
use crate::image_test::{Test, Tested, TestedImage, Verdict};
use crate::inputs::ImageTest;
use crate::log::TestState;
use crate::report::next_step::NextStep;
use crate::report::release::words_of_progress;
use crate::report::version;
use crate::resource::ResourceId;

/// More lines are a list that nobody reads; the file has them all.
const MOST_LINES: usize = 200;

/// `Testing image version 1.0.2 of 'web' failed: …`
pub(super) fn failed(called: &str, text: &str) -> String {
    format!("Testing {called} failed: {text}")
}

/// `win11-avd 1.0.2 passed its tests (imageTest=passed)`
pub(super) fn passed(test: &ImageTest, known: &Known) -> String {
    let name = version::named(&test.image);
    let tag = known.tags.first();
    let tag = tag.map(|(name, value)| format!(", and has the tag {name}={value}"));
    format!("{name} passed its tests{}", tag.unwrap_or_default())
}

/// The lines for `event`.
pub(super) fn of(event: &Event) -> Vec<String> {
    match event {
        Event::Found(image) => vec![found(image)],
        Event::WaitingForReplica {
            region,
            state,
            percent,
            elapsed,
        } => {
            let percent = percent.map(|percent| format!(", {percent} %"));
            vec![format!(
                "waiting for the replica in {region}:  {state}{} (after {})",
                percent.unwrap_or_default(),
                duration(*elapsed)
            )]
        }
        Event::Limits => vec![
            "what this test does not have of a session host:  a domain, the agent of Azure Virtual Desktop, the pool's network (unless subnets are given) and its trusted launch settings".to_owned(),
        ],
        Event::Judged(tested) => verdict(tested),
        Event::Tagging(progress) => words_of_progress(progress),
        Event::Tagged { tags } => {
            let tags: Vec<_> = tags
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            vec![format!("tags of the image version:  {}", tags.join(", "))]
        }
        Event::Vm(event) => vm::of(event),
        Event::TestsMayBeMissing
        | Event::NotTagged { .. }
        | Event::FailedLatest { .. }
        | Event::Attach(_) => Vec::new(),
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

/// What is said as a warning: its code, a sentence, and what to do.
pub(super) fn warning_of(event: &Event) -> Option<(&'static str, String, String)> {
    match event {
        Event::TestsMayBeMissing => Some((
            CHECK_FAILED,
            "The log of the checks could not be read: the state of the run decides, and single tests may be missing".to_owned(),
            "the log line above says why; the service connection needs read permission on the staging resource group".to_owned(),
        )),
        Event::NotTagged {
            image,
            reason,
            hint,
        } => Some((
            NOT_TAGGED,
            format!("Tagging image version {} failed: {reason}", image.name()),
            hint.clone(),
        )),
        Event::FailedLatest { image, regions } => Some((
            CHECK_FAILED,
            format!(
                "Image version {} has failed its test, and it is the latest one in {}: who asks for the latest version gets it",
                image.name(),
                regions.join(", ")
            ),
            format!(
                "withdraw it, with a step of these inputs: {}",
                withdrawal(image).in_a_line()
            ),
        )),
        Event::Vm(event) => vm::warning_of(event),
        _ => None,
    }
}

/// A step that withdraws `image`.
pub(super) fn withdrawal(image: &ResourceId) -> NextStep {
    NextStep::withdrawal(image, "failed its test")
}
