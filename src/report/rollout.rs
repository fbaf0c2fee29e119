//! `action: rollout`, worded: lines of the log, variables, the result file, the summary.

mod collected;
mod messages;
mod summary;
mod table;
mod way_back;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::collected::Collected;
use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::issue::{Issue, report_warnings};
use crate::agent::{Console, IssueKind};
use crate::error::Error;
use crate::inputs::{Action, Rollout, RolloutMethod, WhenNotReady};
use crate::rollout::event::{Event, Events};
use crate::rollout::{Host, RolloutState};
use collected::MOST_NAMED;

/// Writes the events of a roll-out to the job's log as they come, and keeps what the end needs.
pub struct RolloutReporter<'a> {
    console: &'a Console,
    request: &'a Rollout,
    collected: Mutex<Collected>,
}

impl<'a> RolloutReporter<'a> {
    /// A reporter to the console; what the inputs are warned of is told first.
    pub fn new(console: &'a Console, request: &'a Rollout) -> Self {
        report_warnings(console, &request.warnings);
        Self {
            console,
            request,
            collected: Mutex::default(),
        }
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, result: &Result<RolloutState, Error>, folder: &Path) {
        let mut collected = self.collected();
        collected.end_phase();
        let way_back = way_back::step(self.request, &collected, result);
        let mut ending = self.ending(&collected, result);
        ending.lines.splice(0..0, self.drained(&collected, result));
        if let Some(step) = &way_back {
            ending.lines.insert(0, step.way_back());
        }
        if matches!(result, Err(Error::Canceled)) {
            ending.lines.push(collected.next_action().to_owned());
        }
        ending.variables = variables(&collected, result);
        if collected.overview.is_some() {
            let document = document(self.request, &collected, result);
            let file = ResultFile::of_action(Action::Rollout, document);
            ending.result = Some(file.named("rollout-result.json"));
        }
        ending.summary = Some(summary::markdown(&summary::Page {
            request: self.request,
            collected: &collected,
            result,
            way_back,
        }));
        ending.tell(Files::new(self.console, folder, &self.request.name));
    }

    fn ending(&self, collected: &Collected, result: &Result<RolloutState, Error>) -> Ending {
        let was_warned = !collected.warnings.is_empty() || !self.request.warnings.is_empty();
        let error = match result {
            Ok(state) => {
                let text = self.last_line(collected, *state);
                return Ending {
                    exists: Some(text.clone()),
                    ..Ending::done(text, was_warned)
                };
            }
            Err(error) => error,
        };
        let (text, hint) = (error.to_string(), error.hint());
        let is_late = matches!(error, Error::RolloutNotReady(_));
        let issue = Issue::new(IssueKind::Warning, error.code(), &text, hint.as_deref());
        match self.request.when_not_ready {
            WhenNotReady::Succeed if is_late => Ending {
                lines: vec![issue.text],
                ..Ending::done(text, was_warned)
            },
            WhenNotReady::SucceedWithIssues if is_late => Ending {
                issues: vec![issue],
                ..Ending::done(text, was_warned)
            },
            _ => Ending::from(error),
        }
    }

    /// A line for each drained host of the image, with the command that lets users in.
    fn drained(&self, collected: &Collected, result: &Result<RolloutState, Error>) -> Vec<String> {
        let is_end = matches!(result, Ok(RolloutState::Nothing | RolloutState::Succeeded));
        if !is_end || self.request.preview {
            return Vec::new();
        }
        let line = |host: &Host| {
            let command = host.opening(&self.request.pool);
            format!("{}:  drained; to let users in: {command}", host.name())
        };
        let drained = collected.drained().into_iter().take(MOST_NAMED);
        drained.map(line).collect()
    }

    fn last_line(&self, collected: &Collected, state: RolloutState) -> String {
        let pool = self.request.pool.name();
        let image = self.request.image.short();
        let (has, all) = (collected.names(true).len(), collected.hosts.len());
        let drained = collected.drained_in_words();
        match state {
            RolloutState::Nothing if self.request.preview => {
                format!("preview: nothing was changed in '{pool}'")
            }
            RolloutState::Nothing => {
                format!("'{pool}' serves {image} already: {has} of {all} hosts have it{drained}")
            }
            RolloutState::Scheduled => format!("the update of '{pool}' to {image} is scheduled"),
            RolloutState::Running => {
                format!("the roll-out of {image} to '{pool}' continues without this step")
            }
            RolloutState::Succeeded => {
                format!("'{pool}' serves {image}: {has} of {all} hosts have it{drained}")
            }
        }
    }
}

fn variables(
    collected: &Collected,
    result: &Result<RolloutState, Error>,
) -> Vec<(&'static str, String)> {
    let list = |wanted: bool| match collected.overview {
        Some(_) => json!(collected.names(wanted)).to_string(),
        None => String::new(),
    };
    vec![
        ("rolloutState", collected.state(result).to_owned()),
        (
            "rolloutPreviousImageId",
            collected
                .previous
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        ("rolloutHosts", list(true)),
        ("rolloutOldHosts", list(false)),
    ]
}

impl Events for RolloutReporter<'_> {
    fn emit(&self, event: Event) {
        for line in messages::lines(&event, &self.request.image.short()) {
            self.console.line(&line);
        }
        if let Event::Warning(warning) = &event {
            Issue::new(
                IssueKind::Warning,
                warning.code,
                &warning.text,
                warning.hint.as_deref(),
            )
            .tell(self.console);
        }
        self.collected().note(event);
    }
}

/// The members of `rollout-result.json`, which a later job needs to go on; `docs/host-pools.md` describes them.
fn document(
    request: &Rollout,
    collected: &Collected,
    result: &Result<RolloutState, Error>,
) -> Value {
    let hosts: Vec<Value> = collected
        .hosts
        .iter()
        .map(|host| {
            json!({
                "name": host.name(),
                "vmId": host.host.machine.as_ref().map(ToString::to_string),
                "version": host.version(),
                "status": host.host.status,
                "sessions": host.host.sessions,
                "allowNewSession": host.is_open(),
            })
        })
        .collect();
    let steps: Vec<Value> = collected
        .phases
        .iter()
        .map(|phase| {
            let took = phase.took.unwrap_or_else(|| phase.began.elapsed());
            json!({"name": phase.name, "seconds": took.as_secs()})
        })
        .collect();
    let faults: Vec<Value> = collected
        .faults
        .iter()
        .map(|fault| json!({"code": fault.code, "text": fault.text, "context": fault.context}))
        .collect();
    json!({
        "hostPoolId": request.pool.as_str(),
        "method": collected.method.map(RolloutMethod::name),
        "state": collected.state(result),
        "preview": request.preview,
        "imageVersionId": request.image.to_string(),
        "previousImageId": collected.previous.as_ref().map(ToString::to_string),
        "hosts": hosts,
        "steps": steps,
        "faults": faults,
    })
}
