//! The end of a step that deals with a run: issues, what exists now or what to do, the result.

use std::time::Duration;

use time::OffsetDateTime;

use super::image;
use super::subject::Subject;
use super::variables::minute;
use crate::agent::IssueKind;
use crate::error::Error;
use crate::inputs::Action;
use crate::inputs::manifest::{ACTION, TEMPLATE_NAME};
use crate::report::diff::{self, ComparisonOf};
use crate::report::ending::{Conclusion, Ending, Failure};
use crate::report::findings;
use crate::report::issue::Issue;
use crate::report::not_removed;
use crate::run::{Image, Outcome, Success};

/// Every cancel of a build ends with it, because the end of the job's time looks the same.
const PERHAPS_THE_LIMIT: &str = "if the job's time limit did this: action: submit, then wait";

/// The end of a step whose run came to `outcome`. `took` is how long the image took, or the attempt at it; `has_agent` is false at a prompt.
pub(super) fn of(
    subject: &Subject<'_>,
    outcome: &Outcome,
    took: Option<Duration>,
    has_agent: bool,
) -> Ending {
    let was_warned = !subject.warnings.is_empty();
    let mut ending = match &outcome.result {
        Ok(Success::Image(image)) => return of_image(subject, outcome, image, took),
        Ok(Success::RunContinues { deadline }) => Ending {
            lines: vec![submitted(*deadline)],
            exists: Some(format!(
                "the image is being built; to collect it: {}",
                wait_for(subject.name)
            )),
            ..Ending::done("The build continues without this job", was_warned)
        },
        // The verdict of a test has an end of its own.
        Ok(Success::TestRun(_)) => Ending::done("The test has ended", was_warned),
        Ok(Success::NotReady { error, is_issue }) => not_ready(subject, error, *is_issue),
        Err(Error::Canceled) => {
            let mut lines = not_removed::lines_of_canceled(&outcome.not_removed, has_agent);
            if subject.action == Action::Build {
                lines.push(PERHAPS_THE_LIMIT.to_owned());
            }
            return Ending {
                lines,
                ..Ending::new(Conclusion::Canceled)
            };
        }
        Err(error) => failed(subject, outcome, error),
    };
    ending
        .issues
        .extend(not_removed::issues(&outcome.not_removed));
    ending
}

/// The image is there, and may still fail the step for what has changed in it.
fn of_image(
    subject: &Subject<'_>,
    outcome: &Outcome,
    image: &Image,
    took: Option<Duration>,
) -> Ending {
    let warnings = image::warnings(image);
    let mut issues: Vec<_> = warnings.iter().map(Issue::from).collect();
    issues.extend(not_removed::issues(&outcome.not_removed));
    let mut conclusion = Conclusion::Done {
        message: image.uri.clone(),
        was_warned: !subject.warnings.is_empty(),
    };
    if let Some(compared) = &image.compared {
        issues.extend(diff::warnings(compared));
        if let Some(failure) = diff::failure(compared, ComparisonOf::OwnImage) {
            issues.push(failure.issue());
            conclusion = Conclusion::Failed(failure);
        }
    }
    Ending {
        issues,
        exists: Some(image::exists(subject, image, took)),
        ..Ending::new(conclusion)
    }
}

fn not_ready(subject: &Subject<'_>, error: &Error, is_issue: bool) -> Ending {
    let text = error.to_string();
    let mut ending = Ending::done(text.clone(), !subject.warnings.is_empty());
    if is_issue {
        let hint = error.hint();
        let issue = Issue::new(IssueKind::Warning, error.code(), &text, hint.as_deref());
        ending.issues.push(issue);
    } else {
        ending.lines.push(text);
    }
    ending.exists = Some(format!(
        "there is no image yet, and the build continues; to collect it: {}",
        wait_for(subject.name)
    ));
    ending
}

/// The step has no image, for the reason in `error`.
fn failed(subject: &Subject<'_>, outcome: &Outcome, error: &Error) -> Ending {
    let mut failure = Failure {
        hint: hint_of(subject, outcome, error),
        ..Failure::from(error)
    };
    if let Error::Preflight(found) = error {
        let issues = findings::errors(found);
        if let Some(hint) = findings::hint_of_several(found) {
            failure.hint = Some(hint);
        }
        return Ending {
            issues,
            ..Ending::new(Conclusion::Failed(failure))
        };
    }
    let mut issue = failure.issue();
    if let Error::Run { explanation, .. } = error {
        let script = explanation.script.as_ref();
        issue.place = script.map(|script| (script.file.clone(), script.line));
    }
    Ending {
        explanation: explanation(error),
        issues: vec![issue],
        ..Ending::new(Conclusion::Failed(failure))
    }
}

/// What to do about `error`, which ended the step: what was warned of before the build comes first.
pub(super) fn hint_of(subject: &Subject<'_>, outcome: &Outcome, error: &Error) -> Option<String> {
    let hint = error.hint().map(|hint| subject.naming_what_counts(&hint));
    findings::hint_with(&outcome.foreseen, hint)
}

/// What Azure and the log say of a failed run, in their own words: the headline has room for the cause alone.
pub(in crate::report) fn explanation(error: &Error) -> Vec<(String, Vec<String>)> {
    let Error::Run {
        message,
        explanation,
        ..
    } = error
    else {
        return Vec::new();
    };
    let mut groups = Vec::new();
    if !message.is_empty() {
        let title = "Azure's message about the run".to_owned();
        groups.push((title, vec![message.clone()]));
    }
    if !explanation.excerpt.is_empty() {
        let step = explanation.step.as_ref().map(ToString::to_string);
        let step = step.unwrap_or_else(|| "the build".to_owned());
        let title = format!("Last lines of {step}");
        groups.push((title, explanation.excerpt.clone()));
    }
    groups
}

/// The line that says that a run goes on.
fn submitted(deadline: Option<OffsetDateTime>) -> String {
    let until = deadline.and_then(minute);
    let until = until.map(|until| format!(" until {until} at the latest"));
    format!(
        "submitted: the build continues without this job{}",
        until.unwrap_or_default()
    )
}

/// The inputs of a step that collects the image.
fn wait_for(template: &str) -> String {
    format!(
        "{}: {}, {}: {template}",
        ACTION.name,
        Action::Wait.name(),
        TEMPLATE_NAME.name
    )
}
