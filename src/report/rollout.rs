//! `action: rollout`, worded: lines of the log, variables, the result file, the summary.

mod known;
mod replace;
mod result;
mod summary;
mod table;
mod update;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::time::Instant;

use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::issue::{Issue, report_warnings};
use super::next_step::{IMAGE_VERSION_ID, NextStep};
use crate::agent::{Console, IssueKind};
use crate::error::Error;
use crate::inputs::manifest::{HOST_COUNT, HOST_POOL_ID, ROLLOUT_METHOD};
use crate::inputs::{Action, Rollout, RolloutMethod, WhenNotReady};
use crate::rollout::State;
use crate::rollout::event::{Event, Events};
use known::{Known, Step};

/// Writes the events of a roll-out to the job's log as they come, and keeps what the end needs.
pub struct RolloutReporter<'a> {
    console: &'a Console,
    request: &'a Rollout,
    known: Mutex<Known>,
}

impl<'a> RolloutReporter<'a> {
    /// A reporter to the console; what the inputs are warned of is told first.
    pub fn new(console: &'a Console, request: &'a Rollout) -> Self {
        report_warnings(console, &request.warnings);
        Self {
            console,
            request,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, result: &Result<State, Error>, folder: &Path) {
        let mut known = self.known();
        known.end_step();
        let way_back = self.way_back(&known, result);
        let mut ending = self.ending(&known, result);
        if let Some(step) = &way_back {
            ending.lines.insert(0, step.way_back());
        }
        ending.variables = variables(&known, result);
        if known.picture.is_some() {
            let document = result::document(self.request, &known, result);
            let file = ResultFile::of_action(Action::Rollout, document);
            ending.result = Some(file.named("rollout-result.json"));
        }
        if !matches!(result, Err(Error::Canceled)) {
            ending.summary = Some(summary::markdown(&summary::Page {
                request: self.request,
                known: &known,
                result,
                way_back,
            }));
        }
        ending.tell(Files::new(self.console, folder, &self.request.name));
    }

    fn ending(&self, known: &Known, result: &Result<State, Error>) -> Ending {
        let was_warned = !known.warnings.is_empty() || !self.request.warnings.is_empty();
        let error = match result {
            Ok(state) => {
                let text = self.last_line(known, *state);
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

    fn last_line(&self, known: &Known, state: State) -> String {
        let pool = self.request.pool.name();
        let image = self.request.image.short();
        let (has, all) = (known.names(true).len(), known.hosts.len());
        match state {
            State::Nothing if self.request.preview => {
                format!("preview: nothing was changed in '{pool}'")
            }
            State::Nothing => {
                format!("'{pool}' serves {image} already: {has} of {all} hosts have it")
            }
            State::Scheduled => format!("the update of '{pool}' to {image} is scheduled"),
            State::Running => {
                format!("the roll-out of {image} to '{pool}' goes on without this step")
            }
            State::Succeeded => {
                format!("'{pool}' serves {image}: {has} of {all} hosts have it")
            }
        }
    }

    /// How to undo it. Nothing where nothing was changed, or the image of before is not known.
    fn way_back(&self, known: &Known, result: &Result<State, Error>) -> Option<NextStep> {
        if !known.changed || matches!(result, Ok(State::Nothing)) {
            return None;
        }
        // A failure that no host has met leaves nothing to undo.
        let is_met = known.goes_on || known.hosts.iter().any(|host| host.is_wanted);
        if result.is_err() && !is_met {
            return None;
        }
        let previous = known.previous.as_ref()?;
        let mut step = NextStep::new(Action::Rollout)
            .with(HOST_POOL_ID.name, self.request.pool.as_str())
            .with(IMAGE_VERSION_ID, previous.as_str());
        // Hosts that are kept serve again without a deployment.
        let keeps = self.request.keeps_old.unwrap_or(true);
        if known.method == Some(RolloutMethod::Replace) && keeps {
            step = step.with(ROLLOUT_METHOD.name, RolloutMethod::Existing.name());
            // By itself the step wants as many as serve now, and there may be fewer of the old ones.
            let wanted = known.hosts.iter().filter(|host| host.is_wanted).count();
            let kept = known.hosts.len() - wanted;
            if (1..wanted).contains(&kept) {
                step = step.with(HOST_COUNT.name, kept.to_string());
            }
        }
        Some(step)
    }

    fn words(&self, event: &Event) -> Vec<String> {
        match event {
            Event::Looked(picture) => table::lines(picture),
            Event::Method { method, is_chosen } => {
                let chosen = if *is_chosen { " (chosen by auto)" } else { "" };
                vec![format!("method:  {}{chosen}", method.name())]
            }
            Event::Nothing { why } => vec![format!("nothing to do:  {why}")],
            Event::Plan(lines) => {
                let mut all = vec!["preview:  nothing is changed; without 'preview':".to_owned()];
                all.extend(lines.iter().map(|line| format!("  {line}")));
                all
            }
            Event::Faults(faults) => faults
                .iter()
                .map(|fault| format!("fault:  {fault}"))
                .collect(),
            Event::Line(line) => vec![line.clone()],
            Event::Update(event) => update::lines(event, &self.request.image.short()),
            Event::Replace(event) => vec![replace::line(event)],
            Event::Health(event) => vec![replace::health(event)],
            Event::Step(_)
            | Event::Previous(_)
            | Event::Hosts(_)
            | Event::Changed
            | Event::Kept(_)
            | Event::Stopped { .. }
            | Event::Warning(_) => Vec::new(),
        }
    }
}

fn variables(known: &Known, result: &Result<State, Error>) -> Vec<(&'static str, String)> {
    let list = |wanted: bool| match known.picture {
        Some(_) => json!(known.names(wanted)).to_string(),
        None => String::new(),
    };
    vec![
        ("rolloutState", known.state(result).to_owned()),
        (
            "rolloutPreviousImageId",
            known.previous.clone().unwrap_or_default(),
        ),
        ("rolloutHosts", list(true)),
        ("rolloutOldHosts", list(false)),
    ]
}

impl Events for RolloutReporter<'_> {
    fn emit(&self, event: Event) {
        for line in self.words(&event) {
            self.console.line(&line);
        }
        let mut known = self.known();
        match event {
            Event::Looked(picture) => {
                known.hosts.clone_from(&picture.hosts);
                known.picture = Some(*picture);
            }
            Event::Method { method, .. } => known.method = Some(method),
            Event::Step(name) => {
                known.end_step();
                known.steps.push(Step {
                    name,
                    began: Instant::now(),
                    took: None,
                });
            }
            Event::Previous(image) => known.previous = Some(image),
            Event::Hosts(hosts) => known.hosts = hosts,
            Event::Changed => known.changed = true,
            Event::Plan(lines) => known.plan = lines,
            Event::Faults(faults) => known.faults = faults,
            Event::Kept(kept) => known.kept = kept,
            Event::Stopped { goes_on } => known.goes_on = goes_on,
            Event::Warning(warning) => {
                Issue::new(
                    IssueKind::Warning,
                    warning.code,
                    &warning.text,
                    warning.hint.as_deref(),
                )
                .tell(self.console);
                known.warnings.push(warning);
            }
            Event::Nothing { .. }
            | Event::Line(_)
            | Event::Update(_)
            | Event::Health(_)
            | Event::Replace(_) => {}
        }
    }
}
