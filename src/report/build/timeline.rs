//! How long each phase took, by the clock of whoever listens, and the section of the page that shows it.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::Instant;

use crate::arm::template_state::RunState;
use crate::error::duration;
use crate::log::Step;
use crate::report::markup::escaped;
use crate::run::event::Event;

/// A phase of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Phase {
    /// `Package`, `Customizing` ...
    pub(in crate::report) name: String,
    /// How long it took.
    pub(in crate::report) duration: Duration,
    /// How it ended, if not well: `failed`, `canceled`.
    pub(in crate::report) ended: Option<&'static str>,
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

    pub(super) fn enter(&mut self, name: &str) {
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

/// Cells of the longest bar.
const WIDTH: u128 = 24;

/// How long each phase took. Phases that took no time have none to show, but for the one that failed.
pub(in crate::report) fn section(phases: &[Phase], failed: bool) -> String {
    // What failed before the run failed in the last phase before the clean-up.
    let beside = |phase: &Phase| ["Log", "Clean-up", "Tags"].contains(&phase.name.as_str());
    let failed = failed && phases.iter().all(|phase| phase.ended.is_none());
    let failed = phases.iter().rposition(|phase| failed && !beside(phase));
    let took_time = |phase: &Phase| phase.duration.as_secs() > 0;
    let shown: Vec<_> = phases
        .iter()
        .enumerate()
        .filter(|(index, phase)| {
            took_time(phase) || phase.ended.is_some() || failed == Some(*index)
        })
        .collect();
    let says_something =
        |phase: &Phase| !beside(phase) && (took_time(phase) || phase.ended.is_some());
    if !phases.iter().any(says_something) {
        return String::new();
    }
    let longest = shown
        .iter()
        .map(|(_, phase)| phase.duration.as_secs().into());
    let longest: u128 = longest.max().unwrap_or(1).max(1);
    let mut text = String::from("\n### Timeline\n\n| phase | time | |\n|---|---:|---|\n");
    for (index, phase) in shown {
        let took = phase.duration;
        let cells = (u128::from(took.as_secs()) * WIDTH).div_ceil(longest);
        let bar = "█".repeat(usize::try_from(cells).unwrap_or_default());
        let ended = phase.ended.or((failed == Some(index)).then_some("failed"));
        let ended = ended.map(|ended| format!(" **{ended}**"));
        let name = escaped(&phase.name);
        let ended = ended.unwrap_or_default();
        writeln!(text, "| {name} | {} | {bar}{ended} |", duration(took)).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_to_scale_and_short_phases_show() {
        let phase = |name: &str, seconds| Phase {
            name: name.to_owned(),
            duration: Duration::from_secs(seconds),
            ended: None,
        };
        let text = section(&[phase("A", 0), phase("B", 1), phase("C", 240)], false);
        let bars: Vec<_> = text
            .lines()
            .skip(5)
            .map(|line| line.matches('█').count())
            .collect();
        assert_eq!(bars, [1, 24], "{text}");
        assert_eq!(section(&[], false), "");
        assert_eq!(
            section(&[phase("Log", 1), phase("Clean-up", 90)], false),
            ""
        );
    }

    #[test]
    fn a_phase_that_failed_at_once_is_the_one_that_is_marked() {
        let phase = |name: &str, seconds| Phase {
            name: name.to_owned(),
            duration: Duration::from_secs(seconds),
            ended: None,
        };
        let text = section(&[phase("Package", 60), phase("Create VM", 0)], true);
        assert!(
            text.ends_with("| Create VM | 0 s |  **failed** |\n"),
            "{text}"
        );
        assert_eq!(text.matches("**failed**").count(), 1, "{text}");
        assert_eq!(section(&[phase("Template", 0)], true), "");
    }

    #[test]
    fn the_phase_that_failed_is_marked() {
        let phase = |name: &str, ended| Phase {
            name: name.to_owned(),
            duration: Duration::from_secs(60),
            ended,
        };
        let bar = "█".repeat(24);
        let early = section(&[phase("Template", None), phase("Clean-up", None)], true);
        assert!(
            early.contains(&format!("| Template | 1 min 0 s | {bar} **failed** |")),
            "{early}"
        );
        assert!(
            early.ends_with(&format!("| Clean-up | 1 min 0 s | {bar} |\n")),
            "{early}"
        );
        let run = [phase("Building", Some("canceled")), phase("Start", None)];
        let run = section(&run, true);
        assert!(
            run.contains(&format!("| Building | 1 min 0 s | {bar} **canceled** |")),
            "{run}"
        );
        assert!(
            run.ends_with(&format!("| Start | 1 min 0 s | {bar} |\n")),
            "{run}"
        );
    }
}
