//! What the user reads: events and outcomes of a build, worded for the job's log.
//!
//! Lines that pipelines of the original task search for keep their form to the letter: `template name:  `, `put template:  Succeeded`,
//! `run template:  Succeeded`, `$(imageUri) =  `, `delete template:  Succeeded`.

mod cancel;
mod closing;
mod contents;
mod crash;
mod diff;
mod doctor;
mod files;
mod fleet;
mod follow;
mod groups;
mod image_test;
mod lines;
mod outcome;
mod plan;
mod progress;
mod records;
mod release;
mod result_file;
mod retain;
mod rollout;
mod status;
mod subject;
mod summary;
mod sweep;
mod task_variable;
mod timeline;
mod tracing;
mod words;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::agent::{Agent, Console, IssueKind, Note, TaskResult};
use crate::check::Finding;
use crate::error::Error;
use crate::inputs::{Action, Follow, Plan};
use crate::run::event::{ContentsEvent, Event, Events};
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::{Image, Outcome, Output, Success};
use files::Files;
use follow::Seen;
use groups::Groups;
use progress::Bar;
use records::Records;
use summary::Told;
use timeline::Timeline;

pub use cancel::report_cancel;
pub use crash::{Stage, report_panics};
pub use diff::DiffReporter;
pub use doctor::{Visit, report_no_visit, report_visit};
pub use fleet::FleetReporter;
pub use follow::set_nothing;
pub use image_test::TestReporter;
pub use lines::Lines;
pub use outcome::{CODE_NOT_REMOVED, report_clean_up, report_refusal, report_warnings, with_hint};
pub use release::ReleaseReporter;
pub use retain::RetainReporter;
pub use rollout::RolloutReporter;
pub use status::report_status;
pub use subject::Subject;
pub use sweep::report_sweep;
pub use task_variable::{LEFTOVERS, leftovers_from_texts};
pub use tracing::listen_to_tracing;

/// Writes a build's events to the job's log as they come.
pub struct Reporter {
    console: Console,
    /// What may exist in Azure now: kept in the note after each change, where the post-job step finds it.
    leftovers: Mutex<Vec<(Leftover, Ownership)>>,
    note: Note,
    timeline: Mutex<Timeline>,
    records: Mutex<Records>,
    groups: Mutex<Groups>,
    bar: Mutex<Bar>,
    /// What the targets of a failed run got nevertheless.
    outputs: Mutex<Vec<Output>>,
    /// What was found before the build, which went on.
    suspected: Mutex<Vec<Finding>>,
    /// What was seen of the run.
    seen: Mutex<Seen>,
    /// Where the agent has checked out the repository.
    sources: Option<PathBuf>,
}

impl Reporter {
    /// A reporter to the agent's console that starts with what an earlier stage or attempt left, and writes that down at once: it may come
    /// from two notes.
    pub fn new(agent: &Agent, leftovers: Vec<(Leftover, Ownership)>) -> Self {
        let reporter = Self {
            console: agent.console().clone(),
            leftovers: Mutex::new(leftovers),
            note: agent.note(LEFTOVERS),
            timeline: Mutex::new(Timeline::new()),
            records: Mutex::default(),
            groups: Mutex::default(),
            bar: Mutex::default(),
            outputs: Mutex::default(),
            suspected: Mutex::default(),
            seen: Mutex::default(),
            sources: agent
                .environment()
                .variable("Build.SourcesDirectory")
                .map(PathBuf::from),
        };
        reporter.change_leftovers(|_| {});
        reporter
    }

    /// What is known before anything is sent: names, source, warnings.
    pub fn announce(&self, plan: &Plan) {
        *self.records() = Records::of(&Subject::from(plan));
        self.groups().begin(&self.console);
        for line in plan::lines(plan) {
            self.console.line(&line);
        }
        self.console
            .set_variable("runOutputName", plan.run_output_name());
        outcome::report_warnings(&self.console, &plan.warnings);
    }

    /// What is known before the template of a test is sent: its name.
    fn announce_test(&self, plan: &Plan) {
        *self.records() = Records::of(&Subject::from(plan));
        self.groups().begin(&self.console);
        self.console
            .line(&format!("template name:  {}", plan.template_name));
    }

    /// The phases of the step, all of them over.
    fn phases(&self) -> Vec<timeline::Phase> {
        self.timeline().finished().to_vec()
    }

    /// What was found before the run, which went on.
    fn suspected(&self) -> Vec<Finding> {
        let suspected = self.suspected.lock();
        let suspected = suspected.unwrap_or_else(PoisonError::into_inner);
        suspected.clone()
    }

    /// What is known before a template is looked for: warnings.
    pub fn announce_wait(&self, follow: &Follow) {
        *self.records() = Records::of(&Subject::from(follow));
        self.groups().begin(&self.console);
        for line in plan::lines_of_wait(follow) {
            self.console.line(&line);
        }
        outcome::report_warnings(&self.console, &follow.warnings);
    }

    /// The end of the step: the summary of the run's page, issues, result. The summary is a file in `folder`.
    pub fn finish(&self, subject: &Subject<'_>, outcome: &Outcome, folder: &Path) {
        if let Some(image) = outcome.image() {
            let files = self.files(subject, folder);
            let path = image
                .compared
                .as_ref()
                .and_then(|compared| diff::report(&self.console, files, compared));
            self.write_result(subject, image, path.as_deref(), folder);
        }
        if let Some(text) = self.summary(subject, outcome) {
            self.files(subject, folder).summary(&text);
        }
        let last = match &outcome.result {
            Err(Error::Canceled) => TaskResult::Canceled,
            Ok(_) | Err(_) => TaskResult::Succeeded,
        };
        self.records().close(&self.console, last);
        self.console.end_group();
        let mut seen = self.seen().clone();
        let goes_on = matches!(outcome.result, Ok(Success::RunContinues { .. }));
        let looked = goes_on || seen.template_id.is_some();
        if let (None, Some(plan)) = (&seen.template_id, subject.plan) {
            seen.template_id = Some(plan.template_id.to_string());
        }
        if looked && outcome.image().is_none() && subject.action != Action::Build {
            let files = self.files(subject, folder);
            files.result(subject.action, follow::result(subject, &seen));
        }
        follow::set_variables(&self.console, subject, outcome, &seen);
        let took = self.timeline().took();
        outcome::report_outcome(&self.console, subject, outcome, took);
    }

    fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_result(
        &self,
        subject: &Subject<'_>,
        image: &Image,
        diff: Option<&str>,
        folder: &Path,
    ) {
        let mut timeline = self.timeline();
        let document = result_file::document(image, timeline.finished(), diff);
        self.files(subject, folder).document(&document);
    }

    fn files<'a>(&'a self, subject: &Subject<'a>, folder: &'a Path) -> Files<'a> {
        Files {
            console: &self.console,
            folder,
            name: subject.name,
        }
    }

    fn summary(&self, subject: &Subject<'_>, outcome: &Outcome) -> Option<String> {
        let seen = self.seen().clone();
        let mut timeline = self.timeline();
        let own = timeline.finished().to_vec();
        let phases: Vec<_> = timeline.before().into_iter().chain(own).collect();
        let outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let suspected = self.suspected.lock();
        let suspected = suspected.unwrap_or_else(PoisonError::into_inner);
        summary::markdown(&Told {
            subject,
            outcome,
            phases: &phases,
            steps: &timeline.steps,
            outputs: match outcome.image() {
                Some(image) => &image.outputs,
                None => &outputs,
            },
            took: timeline.took(),
            suspected: &suspected,
            log: seen.log,
            template: seen.template_id,
            sources: self.sources.as_deref(),
        })
    }

    /// The outcome after a second request to stop: nothing is waited for any more.
    pub fn abandoned(&self) -> Outcome {
        Outcome {
            not_removed: self.all_not_removed(),
            ..Outcome::failed(Error::Canceled)
        }
    }

    fn all_not_removed(&self) -> Vec<NotRemoved> {
        let leftovers = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let all = leftovers.iter().cloned();
        let remain = |(leftover, ownership)| {
            NotRemoved::of(leftover, ownership, "the job was ended at once")
        };
        all.map(remain).collect()
    }

    fn change_leftovers(&self, change: impl FnOnce(&mut Vec<(Leftover, Ownership)>)) {
        let mut leftovers = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = leftovers.len();
        change(&mut leftovers);
        if before + leftovers.len() > 0 {
            let all: Vec<_> = leftovers.iter().map(|(leftover, _)| leftover).collect();
            self.note.keep(&task_variable::text_of(&all));
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn move_on(&self, event: &Event) {
        let mut timeline = self.timeline();
        self.records().note(event);
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = if timeline.take(event) {
            self.records().enter(&self.console, &timeline);
            timeline.open().and_then(|phase| bar.enter(phase, event))
        } else {
            bar.take(event)
        };
        if let Some((percent, doing)) = reached {
            self.console.set_progress(percent, &doing);
        }
    }

    /// Hands files over to the run.
    fn attach(&self, event: &Event) {
        match event {
            Event::Contents(ContentsEvent::Saved { path, is_first }) => {
                self.console.upload_file(path);
                if *is_first {
                    let path = path.to_string_lossy();
                    self.console.set_variable("imageSbomPath", &path);
                }
            }
            Event::LogSaved { path, .. } => {
                self.console.upload_file(path);
                self.console
                    .set_variable("logPath", &path.to_string_lossy());
            }
            _ => {}
        }
    }

    /// Keeps the note for the post-job step in step with what exists.
    fn take_note(&self, event: &Event) {
        match event {
            Event::Registered(leftover) => {
                self.change_leftovers(|all| all.push((leftover.clone(), Ownership::Ours)));
            }
            Event::Removed(leftover)
            | Event::NotThere(leftover)
            | Event::Kept(leftover, _)
            | Event::Released(leftover) => {
                self.change_leftovers(|all| all.retain(|(known, _)| known != leftover));
            }
            _ => {}
        }
    }
}

impl Events for Reporter {
    fn emit(&self, event: Event) {
        self.take_note(&event);
        self.seen().take(&event);
        self.move_on(&event);
        let lines = words::of(&event);
        let prints = !lines.is_empty() || matches!(event, Event::Built(_));
        self.groups().take(&self.console, &event, prints);
        for line in lines {
            self.console.line(&line);
        }
        if let Some((code, text, hint)) = words::warning_of(&event) {
            let text = outcome::with_hint(&text, Some(&hint));
            self.console.issue(IssueKind::Warning, Some(code), &text);
        }
        match &event {
            Event::Suspected(findings) => {
                doctor::report_suspected(&self.console, findings);
                let mut known = self
                    .suspected
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                known.clone_from(findings);
            }
            Event::Built(image) => outcome::report_image(&self.console, image),
            Event::Following {
                template,
                run_output,
                staging_group,
                ..
            } => {
                self.console.set_variable("templateName", template.name());
                self.console.set_variable("runOutputName", run_output);
                if let Some(group) = staging_group {
                    self.console
                        .set_variable("stagingResourceGroup", group.name());
                }
            }
            Event::NotRemoved(not_removed) => {
                outcome::report_not_removed(&self.console, &[*not_removed.clone()]);
            }
            Event::Distributed(outputs) => {
                let mut known = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
                known.clone_from(outputs);
            }
            Event::Contents(_) | Event::LogSaved { .. } => self.attach(&event),
            Event::Submitted {
                staging_group: Some(group),
                ..
            } => {
                self.console
                    .set_variable("stagingResourceGroup", group.name());
            }
            Event::RunChanged { state, .. } if state.is_end() && self.records().is_of_build() => {
                self.console.set_variable("runState", &state.to_string());
            }
            _ => {}
        }
    }
}
