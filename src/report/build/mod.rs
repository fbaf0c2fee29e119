//! A build, or a step that waits for one, worded: lines, variables, issues, the summary, the result file.
//!
//! Lines that pipelines of the original task search for keep their form to the letter: `template name:  `, `put template:  Succeeded`,
//! `run template:  Succeeded`, `$(imageUri) =  `, `delete template:  Succeeded`.

mod contents;
mod ending;
mod groups;
mod image;
mod image_summary;
mod messages;
mod note;
mod plan;
mod progress;
mod records;
mod result_file;
mod subject;
mod summary;
mod timeline;
mod variables;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::diff;
use super::files::Files;
use super::findings;
use super::issue::{self, Issue, report_warnings};
use super::not_removed;
use crate::agent::{Agent, Console, Note, TaskResult};
use crate::check::Finding;
use crate::error::Error;
use crate::inputs::{Action, Follow, Plan};
use crate::run::event::{ContentsEvent, Event, Events};
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::{Outcome, Output, Success};
use groups::Groups;
use progress::Bar;
use records::Records;
use summary::Summary;
use timeline::Timeline;
use variables::RunFacts;

pub(super) use ending::explanation;
pub use messages::Lines;
pub(super) use messages::replication;
pub use note::{LEFTOVERS, leftovers_from_texts};
pub use subject::Subject;
pub(super) use timeline::{Phase, section as phases_section};

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
    facts: Mutex<RunFacts>,
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
            facts: Mutex::default(),
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
        report_warnings(&self.console, &plan.warnings);
    }

    /// What is known before the template of a test is sent: its name.
    pub(super) fn announce_test(&self, plan: &Plan) {
        *self.records() = Records::of(&Subject::from(plan));
        self.groups().begin(&self.console);
        self.console
            .line(&format!("template name:  {}", plan.template_name));
    }

    /// A phase begins that no event of a build tells of.
    pub(super) fn enter_phase(&self, name: &str) {
        self.timeline().enter(name);
    }

    /// The phases of the step, all of them over.
    pub(super) fn phases(&self) -> Vec<Phase> {
        self.timeline().finished().to_vec()
    }

    /// What was found before the run, which went on.
    pub(super) fn suspected(&self) -> Vec<Finding> {
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
        report_warnings(&self.console, &follow.warnings);
    }

    /// The end of the step: files, variables, issues, the last line, the result. The files are in `folder`.
    pub fn finish(&self, subject: &Subject<'_>, outcome: &Outcome, folder: &Path) {
        let files = Files::new(&self.console, folder, subject.name);
        if let Some(image) = outcome.image() {
            let compared = image.compared.as_ref();
            let diff_file = compared.and_then(|it| diff::report(&self.console, files, it));
            let mut timeline = self.timeline();
            files.result(result_file::of(
                image,
                timeline.finished(),
                diff_file.as_deref(),
            ));
        }
        if let Some(text) = self.summary(subject, outcome) {
            files.summary(&text);
        }
        self.close_records(matches!(outcome.result, Err(Error::Canceled)));
        self.console.end_group();
        let mut facts = self.facts().clone();
        let goes_on = matches!(outcome.result, Ok(Success::RunContinues { .. }));
        if subject.plan.is_some() {
            facts.template_id.clone_from(&facts.existing);
        }
        let is_known = goes_on || facts.template_id.is_some();
        let (took, has_agent) = (self.timeline().took(), self.console.has_agent());
        let mut ending = ending::of(subject, outcome, took, has_agent);
        ending.variables = variables::variables(subject, outcome, &facts);
        if is_known && outcome.image().is_none() && subject.action != Action::Build {
            ending.result = Some(variables::result(subject, &facts));
        }
        ending.tell(files);
    }

    /// Ends the record of the phase at work.
    pub(super) fn close_records(&self, is_canceled: bool) {
        let result = if is_canceled {
            TaskResult::Canceled
        } else {
            TaskResult::Succeeded
        };
        self.records().close(&self.console, result);
    }

    fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self) -> MutexGuard<'_, RunFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn summary(&self, subject: &Subject<'_>, outcome: &Outcome) -> Option<String> {
        let facts = self.facts().clone();
        let mut timeline = self.timeline();
        let own = timeline.finished().to_vec();
        let phases: Vec<_> = timeline.before().into_iter().chain(own).collect();
        let outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        summary::markdown(&Summary {
            subject,
            outcome,
            phases: &phases,
            steps: &timeline.steps,
            outputs: match outcome.image() {
                Some(image) => &image.outputs,
                None => &outputs,
            },
            took: timeline.took(),
            suspected: &self.suspected(),
            log: facts.log,
            template: facts.template_id,
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

    pub(super) fn all_not_removed(&self) -> Vec<NotRemoved> {
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
            self.note.keep(&note::text_of(&all));
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
        self.facts().take(&event);
        self.move_on(&event);
        let messages = messages::of(&event);
        let prints = !messages.lines.is_empty() || matches!(event, Event::Built(_));
        self.groups().take(&self.console, &event, prints);
        for line in messages.lines {
            self.console.line(&line);
        }
        if let Some(warning) = &messages.warning {
            Issue::from(warning).tell(&self.console);
        }
        match &event {
            Event::Suspected(findings) => {
                issue::tell(&self.console, &findings::warnings(findings));
                let mut known = self
                    .suspected
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                known.clone_from(findings);
            }
            Event::Built(image) => image::report(&self.console, image),
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
                for warning in not_removed::issues(&[*not_removed.clone()]) {
                    warning.tell(&self.console);
                }
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
