//! The page of a test: what an approver reads.

use std::fmt::Write as _;
use std::time::Duration;

use super::collected::Collected;
use super::messages;
use crate::check::Finding;
use crate::error::{Error, duration};
use crate::image_test::{NotTested, Outcome, Test, Tested, TestedImage, Verdict};
use crate::inputs::manifest::REQUIRE_TAGS;
use crate::inputs::{Action, ImageTest};
use crate::log::TestState;
use crate::report::build::{Phase, phases_section};
use crate::report::findings::causes;
use crate::report::markup::{self, cause, code, escaped, fenced, table};
use crate::report::next_step::{IMAGE_VERSION_ID, NextStep};
use crate::report::not_removed::{CODE_NOT_REMOVED, removals};
use crate::report::version;

/// Everything that the page says.
pub(super) struct Page<'a> {
    pub(super) test: &'a ImageTest,
    pub(super) outcome: &'a Outcome,
    pub(super) collected: &'a Collected,
    pub(super) phases: &'a [Phase],
    pub(super) elapsed: Duration,
    /// What was found before the run, which went on.
    pub(super) suspected: &'a [Finding],
}

/// More rows make a page that nobody reads.
const MOST_ROWS: usize = 100;

/// The page as Markdown.
pub(super) fn markdown(page: &Page<'_>) -> String {
    let mut text = headline(page);
    match &page.outcome.result {
        Ok(tested) => {
            if let Verdict::Failed(failed) = &tested.verdict {
                let display_name = page.collected.image.as_ref().map(TestedImage::display_name);
                let sentence = messages::failed(&display_name.unwrap_or_default(), &failed.text);
                text.push_str(&cause(failed.code, &sentence, failed.hint.as_deref()));
            }
        }
        Err(why) => text.push_str(&without_verdict(why)),
    }
    write!(text, "\n{}", facts(page)).ok();
    if let Ok(tested) = &page.outcome.result {
        text.push_str(&tests(tested));
        if let Verdict::Failed(failed) = &tested.verdict
            && !failed.lines.is_empty()
        {
            let lines = fenced("text", &failed.lines.join("\n"));
            write!(text, "\n### Last lines\n\n{lines}").ok();
        }
    }
    // A verdict against the image belongs to the phase that found it.
    let passed = page.outcome.result.as_ref().is_ok_and(Tested::passed);
    text.push_str(&phases_section(page.phases, !passed));
    text.push_str(&warnings(page));
    text.push_str(&next(page));
    text
}

fn headline(page: &Page<'_>) -> String {
    let image = &page.test.image;
    let name = version::named(image);
    let what = if image.name_at(1).is_some() {
        "Image version"
    } else {
        "Managed image"
    };
    let (mark, verdict) = match &page.outcome.result {
        Ok(tested) if tested.passed() => ("✅", "passed its tests"),
        Ok(_) => ("❌", "failed its tests"),
        Err(_) => ("⚠️", "was not tested"),
    };
    format!("## {mark} {what} {verdict}: {}\n", escaped(&name))
}

/// Why there is no verdict; of an image that was never booted, all that speaks against it.
fn without_verdict(why: &NotTested) -> String {
    let findings = match why {
        NotTested::Failed(error) => match error.as_ref() {
            Error::Preflight(findings) => findings.as_slice(),
            _ => &[],
        },
        NotTested::Refused(_) => &[],
    };
    let mut text = if findings.is_empty() {
        cause(why.code(), &why.to_string(), why.hint().as_deref())
    } else {
        causes(findings)
    };
    if let NotTested::Failed(error) = why
        && let Error::Run { explanation, .. } = error.as_ref()
        && !explanation.excerpt.is_empty()
    {
        let lines = fenced("text", &explanation.excerpt.join("\n"));
        write!(text, "\nLast lines of the log:\n\n{lines}").ok();
    }
    text.push_str("\nNo verdict: the version has no tag of this test.\n");
    text
}

fn facts(page: &Page<'_>) -> String {
    let mut rows = vec![
        ("Image", code(page.test.image.as_str())),
        ("Engine", code(page.test.engine.name())),
    ];
    if let Ok(tested) = &page.outcome.result {
        rows.push(("Tests", escaped(&messages::sum(tested))));
    }
    if !page.collected.tags.is_empty() {
        let tags = page.collected.tags.iter();
        let tags: Vec<_> = tags
            .map(|(name, value)| code(&format!("{name}={value}")))
            .collect();
        rows.push(("Tags", tags.join(", ")));
    }
    rows.push(("Took", duration(page.elapsed)));
    table(&rows)
}

/// What did not pass comes first.
fn tests(tested: &Tested) -> String {
    let mut text = String::from("\n### Tests\n\n| | test | time | |\n|---|---|---:|---|\n");
    let mut order: Vec<&Test> = Vec::new();
    for state in [TestState::Failed, TestState::Skipped, TestState::Passed] {
        order.extend(tested.tests.iter().filter(|test| test.state == state));
    }
    for test in order.iter().take(MOST_ROWS) {
        let took = test.elapsed.map(duration).unwrap_or_default();
        writeln!(
            text,
            "| {} | {} | {took} | {} |",
            mark(test.state),
            escaped(&test.name),
            escaped(&test.text)
        )
        .ok();
    }
    let rest = order.len().saturating_sub(MOST_ROWS);
    if rest > 0 {
        writeln!(text, "\nand {rest} more, in the Tests tab of the run").ok();
    }
    if let Some(remark) = &tested.remark {
        writeln!(text, "\n{}", escaped(remark)).ok();
    }
    text
}

fn warnings(page: &Page<'_>) -> String {
    let inputs = page.test.warnings.iter();
    let inputs = inputs.map(|it| format!("- **{}** {}\n", it.code, escaped(&it.text)));
    let suspected = page.suspected.iter().map(|finding| {
        let code = finding.code().unwrap_or_default();
        format!("- **{code}** {}\n", escaped(&finding.to_string()))
    });
    let own = page.collected.warnings.iter();
    let own = own.map(|it| {
        let warning = markup::warning(it.code, &it.text, Some(&it.hint));
        format!("- {warning}\n")
    });
    let not_removed = page.outcome.not_removed.iter();
    let not_removed =
        not_removed.map(|it| format!("- **{CODE_NOT_REMOVED}** {}\n", escaped(&it.why)));
    let all: String = inputs
        .chain(suspected)
        .chain(own)
        .chain(not_removed)
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!("\n### Warnings\n\n{all}")
}

/// The step that comes next: the promotion that demands the tag, or the withdrawal.
fn next(page: &Page<'_>) -> String {
    let image = &page.test.image;
    let passed = page.outcome.result.as_ref().is_ok_and(Tested::passed);
    let step = match page.collected.tags.first() {
        Some((tag, _)) if passed => Some(
            NextStep::new(Action::Promote)
                .with(IMAGE_VERSION_ID, image.as_str())
                .with(REQUIRE_TAGS.name, format!("{tag}=passed")),
        ),
        _ if !page.collected.latest_in.is_empty() => Some(messages::withdrawal(image)),
        _ => None,
    };
    let removals = removals(&page.outcome.not_removed);
    if step.is_none() && removals.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n### Next\n");
    if let Some(step) = step {
        let inputs = fenced("yaml", &step.yaml());
        write!(text, "\nA step with these inputs:\n\n{inputs}").ok();
    }
    if !removals.is_empty() {
        let commands = fenced("sh", &removals.join("\n"));
        write!(text, "\n{commands}").ok();
    }
    text
}

/// How a test ended, in a row of the table.
fn mark(state: TestState) -> &'static str {
    match state {
        TestState::Passed => "✅",
        TestState::Skipped => "⏭️",
        TestState::Failed => "❌",
    }
}
