//! The parts of the sentences of errors that depend on what happened.

use std::time::Duration;

use crate::arm::Failure;
use crate::check::Finding;
use crate::diagnosis::Explanation;
use crate::wording::duration;

/// The first finding; the others are issues of their own.
pub(super) fn first_of(findings: &[Finding]) -> String {
    let first = findings.first().map(|finding| finding.text.clone());
    let first = first.unwrap_or_default();
    match findings.len() {
        0 | 1 => first,
        all => format!("{first}; and {} more", all - 1),
    }
}

/// ` while customizing`.
pub(super) fn in_phase(phase: Option<&str>) -> String {
    phase
        .map(|phase| format!(" while {}", phase.to_lowercase()))
        .unwrap_or_default()
}

/// `, in customizer 2 of 3`.
pub(super) fn in_step(explanation: &Explanation) -> String {
    let step = explanation.step.as_ref();
    step.map(|step| format!(", in {step}")).unwrap_or_default()
}

/// What became of the request to start a run that does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartRequest {
    /// There was no good answer, and since then none about the template.
    Unanswered,
    /// It was sent a second time, because Azure had shown that there is no run.
    Repeated,
    /// Azure accepted it and named no operation.
    Accepted,
}

/// Why a run that was asked for is not followed.
pub(super) fn not_started(request: StartRequest) -> &'static str {
    match request {
        StartRequest::Unanswered => {
            "whether it started is not known, because Azure does not answer, and a run is not started twice"
        }
        StartRequest::Repeated => "there is no sign that it started, after two requests",
        StartRequest::Accepted => {
            "Azure accepted the request, but the image template has shown no run for five minutes"
        }
    }
}

/// ` (Starting ... failed: ...)`.
pub(super) fn in_parentheses(cause: Option<&Failure>) -> String {
    cause.map(|cause| format!(" ({cause})")).unwrap_or_default()
}

/// How far a run is that is not over.
pub(super) fn goes_on(phase: Option<&str>, elapsed: Duration) -> String {
    if elapsed.is_zero() {
        return "its run has not started".to_owned();
    }
    let phase = phase.unwrap_or("Running");
    format!(
        "the build continues in Azure: {phase} (after {})",
        duration(elapsed)
    )
}

/// Why the result of a run names no image.
pub(super) fn no_image(template: &str, run_output: &str, failure: Option<&Failure>) -> String {
    match failure {
        Some(failure) => failure.to_string(),
        None => format!(
            "Reading the result of image template '{template}' failed: run output '{run_output}' names no image"
        ),
    }
}

/// What was looked for in vain.
pub(super) fn no_template(group: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("there is no image template '{name}' in resource group '{group}'"),
        None => format!("this pipeline run has no image template in resource group '{group}'"),
    }
}

/// `'a', 'b'`.
pub(super) fn quoted_names(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}
