//! The variables by which later steps decide, and the result file of a run that has no image, or none yet.

use serde_json::json;
use time::OffsetDateTime;
use time::macros::format_description;

use super::subject::Subject;
use crate::inputs::Action;
use crate::report::files::ResultFile;
use crate::report::variables;
use crate::run::event::Event;
use crate::run::leftover::Leftover;
use crate::run::{Outcome, Success};

/// What the events have said of the run.
#[derive(Debug, Clone, Default)]
pub(super) struct RunFacts {
    /// Id of the template that was followed.
    pub(super) template_id: Option<String>,
    /// Id of the step's own template while it exists, as far as is known.
    pub(super) existing: Option<String>,
    pub(super) state: String,
    pub(super) phase: String,
    /// The file with the log of the build, by its name.
    pub(super) log: Option<String>,
}

impl RunFacts {
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Following { template, .. } | Event::LeftRunning { template } => {
                self.template_id = Some(template.to_string());
            }
            Event::Registered(Leftover::Template { id }) => self.existing = Some(id.clone()),
            Event::Removed(leftover) | Event::NotThere(leftover) if leftover.is_template() => {
                self.existing = None;
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

/// The variables of a step that deals with a run. They are set before a failure, too.
pub(super) fn variables(
    subject: &Subject<'_>,
    outcome: &Outcome,
    facts: &RunFacts,
) -> Vec<(&'static str, String)> {
    let image = outcome.image();
    let deadline = match &outcome.result {
        Ok(Success::RunContinues { deadline }) => deadline.and_then(second),
        _ => None,
    };
    let state = match (&outcome.result, facts.state.as_str()) {
        (Ok(Success::Image(image)), "") if image.changed() => "Succeeded",
        (_, state) => state,
    };
    let value = |name: &&'static str| {
        let value = match *name {
            // The image has told its own template, and a template that was found its name.
            "templateId" | "templateName" if image.is_some() => return None,
            "templateName" if facts.template_id.is_some() => return None,
            "templateName" => subject.given_name.unwrap_or_default().to_owned(),
            "templateId" => facts.template_id.clone().unwrap_or_default(),
            "runState" => state.to_owned(),
            "runPhase" => facts.phase.clone(),
            "runDeadline" => deadline.clone().unwrap_or_default(),
            _ => image.is_some().to_string(),
        };
        Some((*name, value))
    };
    if subject.action == Action::Build {
        // A build that has no image has said its template's name; the id is that of one that is left.
        let left = facts.existing.clone().filter(|_| image.is_none());
        return left.map(|id| ("templateId", id)).into_iter().collect();
    }
    variables::names(subject.action)
        .iter()
        .filter_map(value)
        .collect()
}

/// What a later job reads of a run that has no image, or none yet.
pub(super) fn result(subject: &Subject<'_>, facts: &RunFacts) -> ResultFile {
    let id = facts.template_id.as_deref();
    let name = id.and_then(|id| id.rsplit('/').next());
    let members = json!({
        "templateName": name.or(subject.given_name),
        "templateId": id,
        "runState": Some(&facts.state).filter(|state| !state.is_empty()),
        "runPhase": Some(&facts.phase).filter(|phase| !phase.is_empty()),
        "imageReady": false,
    });
    ResultFile::of_action(subject.action, members)
}

/// A time for scripts, in UTC: `2026-11-29T10:30:00Z`.
fn second(time: OffsetDateTime) -> Option<String> {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.to_offset(time::UtcOffset::UTC).format(format).ok()
}

/// A time for people, in UTC: `2026-11-29 10:30 UTC`.
pub(super) fn minute(time: OffsetDateTime) -> Option<String> {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    time.to_offset(time::UtcOffset::UTC).format(format).ok()
}
