//! `action: status`: the state of a run, in one line.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::markup::{cause, code, escaped, table};
use super::version::portal;
use crate::agent::Console;
use crate::arm::template_state::RunState;
use crate::error::Error;
use crate::inputs::{Action, Existing};
use crate::run::find::FoundTemplate;
use crate::run::status::Status;

/// The end of `action: status`; the files are in `folder`. Whatever the run's state is, the step succeeds.
pub fn report_status(
    console: &Console,
    request: &Existing,
    result: &Result<Status, Error>,
    folder: &Path,
) {
    let status = result.as_ref().ok();
    let mut ending = match result {
        Ok(status) => Ending {
            lines: vec![line(status)],
            ..Ending::done(line(status), !request.warnings.is_empty())
        },
        Err(error) => Ending::from(error),
    };
    ending.variables = variables(request, status);
    if reached_azure(result) {
        ending.result = Some(ResultFile::of_action(
            Action::Status,
            document(request, status),
        ));
    }
    if !matches!(result, Err(Error::Canceled)) {
        ending.summary = Some(summary(request, result));
    }
    ending.tell(Files::new(console, folder, &request.files));
}

/// Whether Azure said something of what the step is about.
pub(super) fn reached_azure<T>(result: &Result<T, Error>) -> bool {
    !matches!(
        result,
        Err(Error::Canceled | Error::SignIn(_) | Error::Network(_))
    )
}

fn variables(request: &Existing, status: Option<&Status>) -> Vec<(&'static str, String)> {
    let mut variables = template_variables(request, status.map(|status| &status.found));
    let phase = status.and_then(Status::phase).unwrap_or_default();
    variables.push(("runPhase", phase.to_owned()));
    let is_ready = status.is_some_and(Status::has_image);
    variables.push(("imageReady", is_ready.to_string()));
    variables
}

/// What later steps find the template by; empty where there is none.
pub(super) fn template_variables(
    request: &Existing,
    found: Option<&FoundTemplate>,
) -> Vec<(&'static str, String)> {
    let given = request.template_name.as_deref().unwrap_or_default();
    let name = found.map_or(given, |found| found.id.name());
    let id = found.map_or("", |found| found.id.as_str());
    let run = found.and_then(|found| found.template.last_run.as_ref());
    let state = run.map(|run| run.state.to_string());
    vec![
        ("templateName", name.to_owned()),
        ("templateId", id.to_owned()),
        ("runState", state.unwrap_or_default()),
    ]
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

/// A template and its run, in a result file.
pub(super) fn template_members(request: &Existing, found: Option<&FoundTemplate>) -> Value {
    let run = found.and_then(|found| found.template.last_run.as_ref());
    let name = found.map(|found| found.id.name().to_owned());
    json!({
        "templateName": name.or_else(|| request.template_name.clone()),
        "templateId": found.map(|found| found.id.as_str()),
        "provisioningState": found.map(|found| &found.template.provisioning_state),
        "runState": run.map(|run| run.state.to_string()),
        "runMessage": run.map(|run| &run.message),
    })
}

fn document(request: &Existing, status: Option<&Status>) -> Value {
    let mut members = template_members(request, status.map(|status| &status.found));
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

fn summary(request: &Existing, result: &Result<Status, Error>) -> String {
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
            if let Some(page) = portal(&request.connection, id.as_str()) {
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
    let cause = cause(error.code(), &error.to_string(), error.hint().as_deref());
    format!("## ❌ {title}\n{cause}")
}
