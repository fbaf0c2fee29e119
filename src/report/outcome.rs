//! The end of a step: variables, issues, result.

use std::time::Duration;

use super::closing;
use super::diff::{self, About};
use super::doctor::{hint_with, report_findings};
use super::follow;
use super::subject::Subject;
use crate::agent::{Console, IssueKind, TaskResult};
use crate::arm::template_state::RunState;
use crate::diagnosis::{FoundIn, of_text};
use crate::error::{CHANGE_FORBIDDEN, Error, PARTLY};
use crate::inputs::{Action, Problems, Warning};
use crate::resource::ResourceId;
use crate::run::leftover::NotRemoved;
use crate::run::{Caveat, Distribution, Image, Made, Outcome, Output, Success};

/// Code of "something stays in Azure".
pub const CODE_NOT_REMOVED: &str = "AIB601";
/// The run page shows ten errors of a step; the eleventh and later ones go into one.
pub(super) const MOST_ISSUES: usize = 10;

/// Inputs that cannot be used: every problem is an issue of its own, the first one is the step's message.
pub fn report_refusal(console: &Console, problems: &Problems) {
    report_warnings(console, problems.warnings());
    let all: Vec<_> = problems.iter().collect();
    let (shown, rest) = all.split_at(if all.len() > MOST_ISSUES {
        MOST_ISSUES - 1
    } else {
        all.len()
    });
    for problem in shown {
        console.issue(
            IssueKind::Error,
            Some(problem.code.as_str()),
            &with_hint(&problem.to_string(), problem.hint.as_deref()),
        );
    }
    if let Some(first) = rest.first() {
        let text: Vec<_> = rest
            .iter()
            .map(|problem| with_hint(&problem.to_string(), problem.hint.as_deref()))
            .collect();
        console.issue(
            IssueKind::Error,
            Some(first.code.as_str()),
            &text.join("\n"),
        );
    }
    let what = match all.as_slice() {
        [only] => only.hint.clone(),
        _ => None,
    };
    let what = what.unwrap_or_else(|| {
        "correct the inputs that the errors name; nothing was sent to Azure".to_owned()
    });
    closing::what_to_do(console, "", Some(&what));
    console.complete(TaskResult::Failed, &problems.to_string());
}

/// What is worth knowing although it does not stop the build.
pub fn report_warnings(console: &Console, warnings: &[Warning]) {
    for warning in warnings {
        console.issue(
            IssueKind::Warning,
            Some(warning.code.as_str()),
            &with_hint(&warning.text, warning.hint.as_deref()),
        );
    }
}

/// What to do about `error`, which ended the step: what was warned of before the build comes first.
pub(super) fn hint_of(subject: &Subject<'_>, outcome: &Outcome, error: &Error) -> Option<String> {
    let hint = error.hint().map(|hint| subject.naming_what_counts(&hint));
    hint_with(&outcome.foreseen, hint)
}

/// The outcome of a build; `took` is how long it took.
pub(super) fn report_outcome(
    console: &Console,
    subject: &Subject<'_>,
    outcome: &Outcome,
    took: Option<Duration>,
) {
    let mut told = diff::Told::default();
    match &outcome.result {
        Ok(done) => {
            match done {
                Success::Image(image) => {
                    report_caveat(console, image);
                    report_missing(console, image);
                }
                Success::RunContinues { deadline } => console.line(&follow::submitted(*deadline)),
                // The verdict of a test is told elsewhere.
                Success::TestRun(_) => {}
                Success::NotReady { error, is_issue } => {
                    report_not_ready(console, error, *is_issue);
                }
            }
            report_not_removed(console, &outcome.not_removed);
            let compared = outcome.image().and_then(|image| image.compared.as_ref());
            if let Some(compared) = compared {
                told = diff::report_issues(console, compared, About::OwnImage);
            }
        }
        Err(Error::Canceled) => {
            report_canceled(console, &outcome.not_removed);
            if subject.action == Action::Build {
                console.line(follow::PERHAPS_THE_LIMIT);
            }
        }
        Err(Error::Preflight(findings)) => {
            report_findings(console, findings);
            report_not_removed(console, &outcome.not_removed);
        }
        Err(error) => {
            report_explanation(console, error);
            let hint = hint_of(subject, outcome, error);
            let text = with_hint(&error.to_string(), hint.as_deref());
            let place = match error {
                Error::Run { explanation, .. } => explanation
                    .script
                    .as_ref()
                    .map(|script| (script.file.as_path(), script.line)),
                _ => None,
            };
            console.issue_at(IssueKind::Error, Some(error.code()), place, &text);
            report_not_removed(console, &outcome.not_removed);
        }
    }
    closing::of_outcome(console, subject, outcome, took);
    // The image is there, and fails the step for what has changed in it.
    let compared = outcome.image().and_then(|image| image.compared.as_ref());
    let failure = compared.and_then(|compared| diff::failure(compared, About::OwnImage));
    if let Some((_, hint)) = failure.filter(|_| told.failure.is_some()) {
        closing::what_to_do(console, CHANGE_FORBIDDEN, Some(&hint));
    }
    complete(console, subject, outcome, told);
}

/// The findings that refuse a run before anything was made; whether `error` has some.
pub(super) fn report_findings_of(console: &Console, error: &Error) -> bool {
    if let Error::Preflight(findings) = error {
        report_findings(console, findings);
    }
    matches!(error, Error::Preflight(_))
}

/// What a canceled step leaves to the post-job stage.
pub(super) fn report_canceled(console: &Console, not_removed: &[NotRemoved]) {
    for not_removed in not_removed {
        let what = not_removed.leftover.describe();
        console.line(&match not_removed.removal() {
            Some(command) if console.has_agent() => {
                format!("The post-job step deletes {what}; if it does not run: {command}")
            }
            Some(command) => format!("This remains: {what}; to delete it: {command}"),
            None => not_removed.why.clone(),
        });
    }
}

fn complete(console: &Console, subject: &Subject<'_>, outcome: &Outcome, told: diff::Told) {
    if let Some(failure) = told.failure {
        return console.complete(TaskResult::Failed, &failure);
    }
    let image = outcome.image();
    let partly =
        image.is_some_and(|image| image.caveat.is_some() || missing(image).next().is_some());
    let late = matches!(
        &outcome.result,
        Ok(Success::NotReady { is_issue: true, .. })
    );
    let issues = partly
        || late
        || told.warned
        || !outcome.not_removed.is_empty()
        || !subject.warnings.is_empty();
    let done = if issues {
        TaskResult::SucceededWithIssues
    } else {
        TaskResult::Succeeded
    };
    match &outcome.result {
        Ok(Success::Image(image)) => console.complete(done, &image.uri),
        Ok(Success::RunContinues { .. }) => {
            console.complete(done, "The build goes on without this job");
        }
        Ok(Success::TestRun(_)) => console.complete(done, "The test has ended"),
        Ok(Success::NotReady { error, .. }) => console.complete(done, &error.to_string()),
        Err(Error::Canceled) => console.complete(TaskResult::Canceled, "The job was canceled"),
        Err(error) => console.complete(TaskResult::Failed, &error.to_string()),
    }
}

fn report_not_ready(console: &Console, error: &Error, is_issue: bool) {
    let text = error.to_string();
    if is_issue {
        let text = with_hint(&text, error.hint().as_deref());
        console.issue(IssueKind::Warning, Some(error.code()), &text);
    } else {
        console.line(&text);
    }
}

/// The targets that got no image, which the first one has.
pub(super) fn missing(image: &Image) -> impl Iterator<Item = &Output> {
    image.outputs.iter().filter(|output| output.uri.is_none())
}

pub(super) fn not_there(target: &Distribution) -> String {
    format!(
        "The image was not distributed to {} (run output '{}')",
        target.called(),
        target.run_output
    )
}

/// Why the run did not simply succeed, in one sentence.
pub(super) fn in_words(Caveat { state, message, .. }: &Caveat) -> String {
    let reason = if message.is_empty() {
        "Azure gave no reason"
    } else {
        message
    };
    match state {
        RunState::PartiallySucceeded => format!("The run partially succeeded: {reason}"),
        state => {
            format!("The run ended in state '{state}', which this task does not know: {reason}")
        }
    }
}

fn report_caveat(console: &Console, image: &Image) {
    let Some(caveat) = &image.caveat else {
        return;
    };
    let hint = caveat.hint.as_deref().unwrap_or(
        "the list of targets in the log shows which targets have the image; a new run distributes to all targets again",
    );
    console.issue(
        IssueKind::Warning,
        Some(PARTLY),
        &with_hint(&in_words(caveat), Some(hint)),
    );
}

fn report_missing(console: &Console, image: &Image) {
    for Output { target, .. } in missing(image) {
        let text = not_there(target);
        let hint = "other targets have the image; the build log shows the reason; a new run distributes to all targets again";
        console.issue(
            IssueKind::Warning,
            Some(PARTLY),
            &with_hint(&text, Some(hint)),
        );
    }
}

/// What Azure and the log say of a failed run, in their own words: the headline has room for the cause alone.
pub(super) fn report_explanation(console: &Console, error: &Error) {
    let Error::Run {
        message,
        explanation,
        ..
    } = error
    else {
        return;
    };
    if !message.is_empty() {
        console.group("Azure's message about the run");
        console.line(message);
    }
    if !explanation.excerpt.is_empty() {
        let step = explanation.step.as_ref().map(ToString::to_string);
        let step = step.unwrap_or_else(|| "the build".to_owned());
        console.group(&format!("Last lines of {step}"));
        for line in &explanation.excerpt {
            console.line(line);
        }
    }
    console.end_group();
}

/// The end of the post-job step.
pub fn report_clean_up(console: &Console, not_removed: &[NotRemoved]) {
    report_not_removed(console, not_removed);
    if not_removed.is_empty() {
        closing::exists(console, "Nothing is left in Azure");
        console.complete(TaskResult::Succeeded, "Nothing is left in Azure");
    } else {
        console.complete(
            TaskResult::SucceededWithIssues,
            "Something is left in Azure",
        );
    }
}

/// There is no command for what may be somebody else's.
const NOT_OURS: &str = "this task deletes only what this step created; the owner of the resource decides whether to delete it";

pub(super) fn report_not_removed(console: &Console, not_removed: &[NotRemoved]) {
    for stays in not_removed {
        let why = &stays.why;
        let known = of_text(&[FoundIn::CleanUp], why);
        let hint = match (stays.removal(), known) {
            (Some(command), Some(known)) => {
                format!("{}: {}; then run: {command}", known.cause, known.fix)
            }
            (Some(command), None) => format!("when nothing uses it any longer, run: {command}"),
            (None, _) => NOT_OURS.to_owned(),
        };
        console.issue(
            IssueKind::Warning,
            Some(CODE_NOT_REMOVED),
            &with_hint(why, Some(&hint)),
        );
    }
}

/// The image: its variables, and the block that ends the original task's log.
pub(super) fn report_image(console: &Console, image: &Image) {
    if image.made == Made::Now {
        console.line("run template:  Succeeded");
    }
    let id = image.template_id.as_ref().map_or("", ResourceId::as_str);
    console.set_variable("templateName", &image.template_name);
    console.set_variable("templateId", id);
    console.set_variable(
        "imageChanged",
        if image.changed() { "true" } else { "false" },
    );
    console.set_variable("imageUri", &image.uri);
    set_version_variables(console, &image.uri);
    if let Some(source) = &image.platform_image {
        console.set_variable("pirPublisher", &source.publisher);
        console.set_variable("pirOffer", &source.offer);
        console.set_variable("pirSku", &source.sku);
        console.set_variable("pirVersion", &source.version);
    }
    let line = "=".repeat(78);
    console.line(&line);
    console.line("## task output variables ##");
    console.line(&format!("$(imageUri) =  {}", image.uri));
    console.line(&format!("$(templateName) =  {}", image.template_name));
    console.line(&format!("$(templateId) =  {id}"));
    console.line(&line);
}

/// A gallery's image version: its number, its id, and the id of its definition.
fn set_version_variables(console: &Console, uri: &str) {
    let Ok(id) = uri.parse::<ResourceId>() else {
        return;
    };
    if let Some(definition) = id.parent() {
        console.set_variable("imageVersion", id.name());
        console.set_variable("imageVersionId", uri);
        console.set_variable("imageDefinitionId", definition.as_str());
    }
}

/// `text`, and on a line of its own what to do.
pub fn with_hint(text: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{text}\nhint: {hint}"),
        None => text.to_owned(),
    }
}
