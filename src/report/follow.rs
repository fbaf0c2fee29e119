//! A build that outlives its job, or whose job has outlived another one: lines, warnings, variables.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::subject::Subject;
use crate::agent::Console;
use crate::error::{DROPPED, LEFT_RUNNING, duration};
use crate::inputs::Action;
use crate::inputs::declared::{ON_CANCEL, RESUME};
use crate::run::event::Event;
use crate::run::{Outcome, Success};

/// What is said at every cancel of a build: it cannot be told from the end of the job's time.
pub(super) const PERHAPS_THE_LIMIT: &str =
    "if the job's time limit did this: action: submit, then wait";

/// What has been seen of the run, for variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) template_id: Option<String>,
    pub(super) state: String,
    pub(super) phase: String,
    /// The file with the log of the build, by its name.
    pub(super) log: Option<String>,
}

impl Seen {
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Following { template, .. } | Event::LeftRunning { template } => {
                self.template_id = Some(template.to_string());
            }
            Event::RunChanged {
                state, sub_state, ..
            } => {
                self.state = state.to_string();
                self.phase = sub_state.clone().unwrap_or_default();
            }
            Event::LogSaved { path, .. } if self.log.is_none() => {
                let name = path.file_name().unwrap_or_default();
                self.log = Some(name.to_string_lossy().into_owned());
            }
            Event::Starting | Event::EarlierRunning { .. } => "Running".clone_into(&mut self.state),
            Event::EarlierEnded => "Succeeded".clone_into(&mut self.state),
            _ => {}
        }
    }
}

/// The variables that later steps decide by. They are set before a failure, too.
pub(super) fn set_variables(
    console: &Console,
    subject: &Subject<'_>,
    outcome: &Outcome,
    seen: &Seen,
) {
    let names = variables_of(subject.action);
    let image = outcome.image();
    let deadline = match &outcome.result {
        Ok(Success::RunContinues { deadline }) => deadline.and_then(in_words),
        _ => None,
    };
    let state = match (&outcome.result, seen.state.as_str()) {
        (Ok(Success::Image(image)), "") if image.changed() => "Succeeded",
        (_, state) => state,
    };
    for name in names {
        let value = match *name {
            // The image has told its own template, and a template that was found its name.
            "templateId" | "templateName" if image.is_some() => continue,
            "templateName" if seen.template_id.is_some() => continue,
            "templateName" => subject.given_name.unwrap_or_default().to_owned(),
            "templateId" => seen.template_id.clone().unwrap_or_default(),
            "runState" => state.to_owned(),
            "runPhase" => seen.phase.clone(),
            "runDeadline" => deadline.clone().unwrap_or_default(),
            _ => image.is_some().to_string(),
        };
        console.set_variable(name, &value);
    }
}

/// What a later job reads of a run that has no image, or none yet.
pub(super) fn result(subject: &Subject<'_>, seen: &Seen) -> Value {
    let id = seen.template_id.as_deref();
    let name = id.and_then(|id| id.rsplit('/').next());
    json!({
        "templateName": name.or(subject.given_name),
        "templateId": id,
        "runState": Some(&seen.state).filter(|state| !state.is_empty()),
        "runPhase": Some(&seen.phase).filter(|phase| !phase.is_empty()),
        "imageReady": false,
    })
}

/// Sets them for inputs that are refused. `template` is the name that was given.
pub fn set_nothing(console: &Console, action: Action, template: &str) {
    for name in variables_of(action) {
        let value = match *name {
            "imageReady" => "false",
            "templateName" => template,
            _ => "",
        };
        console.set_variable(name, value);
    }
}

fn variables_of(action: Action) -> &'static [&'static str] {
    match action {
        Action::Submit => &["templateId", "runState", "runDeadline", "imageReady"],
        Action::Wait | Action::Status => &[
            "templateName",
            "templateId",
            "runState",
            "runPhase",
            "imageReady",
        ],
        Action::Run => &["templateName", "templateId", "runState", "imageReady"],
        Action::Cancel => &["templateName", "templateId", "runState"],
        Action::Rollout => &[
            "rolloutState",
            "rolloutPreviousImageId",
            "rolloutHosts",
            "rolloutOldHosts",
        ],
        Action::Test => &["imageTested"],
        _ => &[],
    }
}

/// A time for people and for scripts, in UTC.
fn in_words(time: OffsetDateTime) -> Option<String> {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.to_offset(time::UtcOffset::UTC).format(format).ok()
}

/// A time for people, in UTC.
pub(super) fn minute(time: OffsetDateTime) -> Option<String> {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    time.to_offset(time::UtcOffset::UTC).format(format).ok()
}

/// The line that says that a run goes on.
pub(super) fn submitted(deadline: Option<OffsetDateTime>) -> String {
    let until = deadline.and_then(minute);
    let until = until.map(|until| format!(" until {until} at the latest"));
    format!(
        "submitted: the build goes on without this job{}",
        until.unwrap_or_default()
    )
}

/// The lines for `event`.
pub(super) fn lines(event: &Event) -> Vec<String> {
    let line = match event {
        Event::Following {
            template,
            since,
            by,
            ..
        } => {
            let since = since.map(|since| format!(", started {} ago", duration(since)));
            let by = by.as_ref().map(|by| format!(" by {by}"));
            let (since, by) = (since.unwrap_or_default(), by.unwrap_or_default());
            return vec![
                format!("template name:  {}", template.name()),
                format!("following image template '{}'{since}{by}", template.name()),
            ];
        }
        Event::AnotherRun => "Azure has started another run of the template, by its trigger; that one is followed from now on".to_owned(),
        Event::FoundByTags { name } => {
            format!("the image template is gone; its image was found by its tags: {name}")
        }
        Event::EarlierImage { name } => earlier_image(name),
        Event::EarlierProvisioning { template } => {
            format!("template '{template}' of an earlier attempt is being provisioned")
        }
        Event::EarlierNotStarted { template } => {
            format!("template '{template}' of an earlier attempt: starting its run")
        }
        Event::EarlierRunning { elapsed } => format!(
            "following the run that an earlier attempt started {} ago",
            duration(*elapsed)
        ),
        Event::EarlierEnded => "the run of an earlier attempt has ended".to_owned(),
        Event::EarlierFailed { state } => {
            let how = if state.to_string() == "Canceled" { "was canceled" } else { "failed" };
            format!("the run of an earlier attempt {how}: building anew")
        }
        Event::OrphanedPackagesRemoved { count } => {
            format!("deleted {count} packages that earlier attempts left")
        }
        Event::KeepTagNotWritten { reason } => format!(
            "the template stays, but without the tag that says so, so 'action: sweep' deletes it:  {reason}"
        ),
        _ => return Vec::new(),
    };
    vec![line]
}

/// What is said of an image that an earlier attempt has made, in the log and in the summary.
pub(super) fn earlier_image(name: &str) -> String {
    format!(
        "the image of an earlier attempt is there: {name} (to build anew: {}: never)",
        RESUME.name
    )
}

/// What is said as a warning: its code, a sentence, and what to do.
pub(super) fn warning_of(event: &Event) -> Option<(&'static str, String, String)> {
    match event {
        Event::EarlierDiscarded { template, why } => Some((
            DROPPED,
            format!("The template of an earlier attempt {why}: '{template}' is deleted"),
            "nothing is to be done: the image is built anew".to_owned(),
        )),
        Event::LeftRunning { template } => Some((
            LEFT_RUNNING,
            format!(
                "The job was canceled, and the run goes on: left running: {}",
                template.name()
            ),
            format!(
                "come back with 'action: wait', or stop it with 'action: cancel'; with '{}: cancel' a canceled job cancels its run",
                ON_CANCEL.name
            ),
        )),
        _ => None,
    }
}
