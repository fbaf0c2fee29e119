//! Where a run stands, in one line.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::closing;
use super::files::Files;
use super::outcome::with_hint;
use super::summary::image::portal;
use super::summary::markup::{code, escaped, table, with_commands};
use crate::agent::{Console, IssueKind, TaskResult};
use crate::arm::template_state::RunState;
use crate::error::Error;
use crate::inputs::{Action, Existing};
use crate::run::find::FoundTemplate;
use crate::run::status::Status;

/// The end of `action: status`; the files are in `folder`. Whatever the run's state is, the step succeeds.
pub fn report_status(
    console: &Console,
    asked: &Existing,
    result: &Result<Status, Error>,
    folder: &Path,
) {
    let status = result.as_ref().ok();
    set_variables(console, asked, status);
    let files = Files {
        console,
        folder,
        name: &asked.files,
    };
    if let Some(line) = status.map(line) {
        console.line(&line);
    }
    if looked(result) {
        files.result(Action::Status, document(asked, status));
        files.summary(&summary(asked, result));
    }
    let issues = !asked.warnings.is_empty();
    match result {
        Ok(status) if issues => console.complete(TaskResult::SucceededWithIssues, &line(status)),
        Ok(status) => console.complete(TaskResult::Succeeded, &line(status)),
        Err(error) => report_error(console, error),
    }
}

/// Whether Azure said something of the template.
pub(super) fn looked<T>(result: &Result<T, Error>) -> bool {
    !matches!(
        result,
        Err(Error::Canceled | Error::SignIn(_) | Error::Network(_))
    )
}

/// Why the step failed, or that it was canceled.
pub(super) fn report_error(console: &Console, error: &Error) {
    if matches!(error, Error::Canceled) {
        return console.complete(TaskResult::Canceled, "The job was canceled");
    }
    let text = with_hint(&error.to_string(), error.hint().as_deref());
    console.issue(IssueKind::Error, Some(error.code()), &text);
    closing::what_to_do(console, error.code(), error.hint().as_deref());
    console.complete(TaskResult::Failed, &error.to_string());
}

fn set_variables(console: &Console, asked: &Existing, status: Option<&Status>) {
    let phase = status.and_then(Status::phase);
    set_template_variables(console, asked, status.map(|status| &status.found));
    console.set_variable("runPhase", phase.unwrap_or_default());
    let ready = status.is_some_and(Status::has_image);
    console.set_variable("imageReady", if ready { "true" } else { "false" });
}

/// What later steps find the template by; empty where there is none.
pub(super) fn set_template_variables(
    console: &Console,
    asked: &Existing,
    found: Option<&FoundTemplate>,
) {
    let given = asked.template_name.as_deref().unwrap_or_default();
    let name = found.map_or(given, |found| found.id.name());
    console.set_variable("templateName", name);
    let id = found.map(|found| found.id.as_str());
    console.set_variable("templateId", id.unwrap_or_default());
    let run = found.and_then(|found| found.template.last_run.as_ref());
    let state = run.map(|run| run.state.to_string());
    console.set_variable("runState", &state.unwrap_or_default());
}

fn minutes(time: Duration) -> u64 {
    time.as_secs() / 60
}

fn line(status: &Status) -> String {
    let template = &status.found.template;
    let Some(state) = status.state() else {
        let provisioning = &template.provisioning_state;
        return match &template.provisioning_error {
            Some((code, text)) if provisioning.eq_ignore_ascii_case("failed") => format!(
                "run template:  not started, because the template could not be provisioned ({code}: {text})"
            ),
            _ if provisioning.is_empty() => "run template:  not started".to_owned(),
            _ => format!("run template:  not started (template: {provisioning})"),
        };
    };
    let phase = status.phase().map(|phase| format!(", {phase}"));
    let after = status
        .elapsed
        .map(|elapsed| format!("after {} min, ", minutes(elapsed)));
    let message = template.last_run.as_ref().map(|run| run.message.as_str());
    let message = message.filter(|message| !message.is_empty());
    format!(
        "run template:  {state}{} ({}the limit is {}){}",
        phase.unwrap_or_default(),
        after.unwrap_or_default(),
        status.limit_minutes,
        message
            .map(|message| format!(": {message}"))
            .unwrap_or_default()
    )
}

/// The members that tell of a template and its run.
pub(super) fn of_template(asked: &Existing, found: Option<&FoundTemplate>) -> Value {
    let run = found.and_then(|found| found.template.last_run.as_ref());
    let name = found.map(|found| found.id.name().to_owned());
    json!({
        "templateName": name.or_else(|| asked.template_name.clone()),
        "templateId": found.map(|found| found.id.as_str()),
        "provisioningState": found.map(|found| &found.template.provisioning_state),
        "runState": run.map(|run| run.state.to_string()),
        "runMessage": run.map(|run| &run.message),
    })
}

fn document(asked: &Existing, status: Option<&Status>) -> Value {
    let mut members = of_template(asked, status.map(|status| &status.found));
    let elapsed = status.and_then(|status| status.elapsed);
    for (name, value) in [
        ("runPhase", json!(status.and_then(Status::phase))),
        ("runSeconds", json!(elapsed.map(|time| time.as_secs()))),
        (
            "limitInMinutes",
            json!(status.map(|status| status.limit_minutes)),
        ),
        ("imageReady", json!(status.is_some_and(Status::has_image))),
    ] {
        if let Some(members) = members.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    }
    members
}

fn summary(asked: &Existing, result: &Result<Status, Error>) -> String {
    match result {
        Err(error) => failure("State of the image build", error),
        Ok(status) => {
            let line = line(status);
            let state = line.trim_start_matches("run template:  ");
            let id = &status.found.id;
            let mut rows = vec![
                ("Image template", code(id.name())),
                ("Resource group", code(id.resource_group())),
                ("Run", escaped(state)),
            ];
            if let Some(page) = portal(&asked.connection, id.as_str()) {
                rows.push(("Portal", format!("[open the image template](<{page}>)")));
            }
            let mark = match status.state() {
                None => "⏸️",
                Some(RunState::Succeeded) => "✅",
                Some(RunState::Running | RunState::Canceling) => "⏳",
                Some(RunState::Failed | RunState::Canceled) => "❌",
                Some(_) => "⚠️",
            };
            format!("## {mark} State of the image build\n\n{}", table(&rows))
        }
    }
}

/// A page that says only why it is empty.
pub(super) fn failure(title: &str, error: &Error) -> String {
    let hint = error.hint();
    let hint = hint.map(|hint| format!("\n**What to do:** {}\n", with_commands(&hint)));
    format!(
        "## ❌ {title}\n\n**{}** {}\n{}",
        error.code(),
        escaped(&error.to_string()),
        hint.unwrap_or_default()
    )
}
