//! How long each phase took, by the clock of whoever listens.

use std::time::Duration;

use tokio::time::Instant;

use crate::arm::template_state::RunState;
use crate::log::Step;
use crate::run::event::Event;

/// A phase of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phase {
    /// `Package`, `Customizing` ...
    pub(super) name: String,
    /// How long it took.
    pub(super) duration: Duration,
    /// How it ended, if not well: `failed`, `canceled`.
    pub(super) ended: Option<&'static str>,
}

/// What is no part of the run itself.
const BESIDE_THE_RUN: [&str; 4] = ["Package", "Template", "Log", "Clean-up"];

/// What is known of the course of a build.
#[derive(Debug)]
pub(super) struct Timeline {
    begin: Instant,
    phases: Vec<Phase>,
    open: Option<(String, Instant)>,
    /// The steps of the build VM, as its log tells, and what they are called.
    pub(super) steps: Vec<(String, Step)>,
    /// Whether this step has made the template, so that all of the image's time is its own.
    submitted: bool,
    /// How long the run took, by what was last seen of it.
    run: Option<Duration>,
    /// How the run ended, if not well.
    run_ended: Option<&'static str>,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            begin: Instant::now(),
            phases: Vec::new(),
            open: None,
            steps: Vec::new(),
            submitted: false,
            run: None,
            run_ended: None,
        }
    }

    /// Takes note of `event`. Returns whether another phase has begun.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        let before = self.count();
        self.note(event);
        self.count() != before
    }

    /// Phases so far, the open one included; this is the order of the open one, too.
    pub(super) fn count(&self) -> usize {
        self.phases.len() + usize::from(self.open.is_some())
    }

    /// The name of the open phase.
    pub(super) fn open(&self) -> Option<&str> {
        self.open.as_ref().map(|(name, _)| name.as_str())
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Submitting => self.submitted = true,
            Event::RunChanged { elapsed, .. }
            | Event::StillRunning { elapsed, .. }
            | Event::RunEnded { elapsed } => self.run = Some(*elapsed),
            _ => {}
        }
        if let Event::RunChanged { state, .. } = event {
            self.run_ended = match state {
                RunState::Failed => Some("failed"),
                RunState::Canceled => Some("canceled"),
                _ => None,
            };
        }
        match event {
            Event::Packing { .. } => self.enter("Package"),
            Event::Submitting => self.enter("Template"),
            Event::Starting => self.enter("Start"),
            Event::RunChanged {
                sub_state: Some(phase),
                ..
            } => self.enter(phase),
            Event::RunEnded { .. } => self.enter("Log"),
            Event::CleaningUp => self.enter("Clean-up"),
            Event::LogSaved { steps, .. } if self.steps.is_empty() => {
                self.steps.clone_from(steps);
            }
            _ => {}
        }
    }

    fn enter(&mut self, name: &str) {
        if self.open.as_ref().is_some_and(|(open, _)| open == name) {
            return;
        }
        self.close();
        self.open = Some((name.to_owned(), Instant::now()));
    }

    fn close(&mut self) {
        if let Some((name, begin)) = self.open.take() {
            let of_run = !BESIDE_THE_RUN.contains(&name.as_str());
            self.phases.push(Phase {
                name,
                duration: begin.elapsed(),
                ended: self.run_ended.filter(|_| of_run),
            });
        }
    }

    /// All phases, the last one up to now.
    pub(super) fn finished(&mut self) -> &[Phase] {
        self.close();
        &self.phases
    }

    /// What of the run was over when this step came to it, if it was not this step's from the beginning.
    pub(super) fn before(&self) -> Option<Phase> {
        let of_run = self.phases.iter();
        let of_run = of_run.filter(|phase| !BESIDE_THE_RUN.contains(&phase.name.as_str()));
        let seen: Duration = of_run.clone().map(|phase| phase.duration).sum();
        let unseen = self.run?.saturating_sub(seen);
        (!self.submitted && !unseen.is_zero()).then(|| Phase {
            name: "Run, before this step".to_owned(),
            duration: unseen,
            ended: self.run_ended.filter(|_| of_run.count() == 0),
        })
    }

    /// How long the image took, or the attempt at it: since the beginning of the step where it has made the template, else the run's own time.
    pub(super) fn took(&self) -> Option<Duration> {
        if self.submitted {
            return Some(self.begin.elapsed());
        }
        self.run.filter(|run| !run.is_zero())
    }
}
