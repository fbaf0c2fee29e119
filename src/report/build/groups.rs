//! The groups of a build's log, in their order: what will be built, the package, the template, the run, the clean-up. Within the run each step in the
//! build VM has a group of its own, because groups do not nest.

use crate::agent::Console;
use crate::arm::template_state::RunState;
use crate::error::duration;
use crate::run::event::Event;

/// A part of the log. What comes later is never followed by what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Plan,
    Package,
    Template,
    Run,
    CleanUp,
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Self::Plan => "Plan",
            Self::Package => "Package",
            Self::Template => "Template",
            Self::Run => "Run",
            Self::CleanUp => "Clean-up",
        }
    }
}

/// Which group is open. Outside of a build, as in the post-job step, there are none.
#[derive(Debug, Default)]
pub(super) struct Groups {
    part: Option<Part>,
    is_open: bool,
    /// Whether it is that of a step in the build VM.
    is_step: bool,
    /// What the run's lines after a step's group stand under.
    continued: Option<String>,
    /// Whether there were steps: from then on each phase of the run has a group, too.
    had_steps: bool,
}

impl Groups {
    /// What will be built, or waited for.
    pub(super) fn begin(&mut self, console: &Console) {
        self.part = Some(Part::Plan);
        self.open(console, Part::Plan.title());
    }

    /// Opens and closes what `event` begins and ends; `lines` says whether something is going to be printed of it.
    pub(super) fn take(&mut self, console: &Console, event: &Event, lines: bool) {
        match event {
            Event::StepStarted { name } => {
                self.part = self.part.max(Some(Part::Run));
                self.open(console, name);
                (self.is_step, self.had_steps) = (true, true);
                return;
            }
            Event::StepEnded { elapsed, failed } => {
                return self.end_step(console, *elapsed, *failed);
            }
            Event::RunChanged {
                sub_state: Some(phase),
                ..
            } if self.part >= Some(Part::Run) => {
                self.continued = Some(format!("Run: {phase}"));
                if self.had_steps && !self.is_step {
                    self.close(console);
                }
            }
            _ => {}
        }
        let begun = begins(event, self.part).filter(|part| Some(*part) > self.part);
        if let (Some(part), Some(_)) = (begun, self.part) {
            self.part = begun;
            self.open(console, part.title());
        } else if self.is_step && ends_steps(event) {
            self.close(console);
        }
        if lines && !self.is_open && self.part.is_some() {
            let title = self.continued.clone();
            self.open(console, title.as_deref().unwrap_or(Part::Run.title()));
        }
    }

    /// The last line of a step's output is how long it was seen, unless the run has gone on meanwhile.
    fn end_step(&mut self, console: &Console, elapsed: std::time::Duration, failed: bool) {
        if !self.is_step {
            return;
        }
        let how = if failed { "failed" } else { "ended" };
        console.line(&format!("{how} after {}", duration(elapsed)));
        self.close(console);
        if failed {
            self.continued = Some("Run: Packer cleans up".to_owned());
        }
    }

    fn open(&mut self, console: &Console, title: &str) {
        console.group(title);
        (self.is_open, self.is_step) = (true, false);
    }

    fn close(&mut self, console: &Console) {
        console.end_group();
        (self.is_open, self.is_step) = (false, false);
    }
}

/// The part that begins with `event`. What an earlier attempt left is dealt with where it is found.
fn begins(event: &Event, now: Option<Part>) -> Option<Part> {
    match event {
        Event::Packing { .. } | Event::PackageReused { .. } => Some(Part::Package),
        Event::Submitting | Event::EarlierProvisioning { .. } => Some(Part::Template),
        Event::Starting
        | Event::RunChanged { .. }
        | Event::EarlierRunning { .. }
        | Event::EarlierEnded => Some(Part::Run),
        Event::CleaningUp => Some(Part::CleanUp),
        Event::Kept(..) if now == Some(Part::Run) => Some(Part::CleanUp),
        _ => None,
    }
}

/// Steps run while the image is made and checked.
fn ends_steps(event: &Event) -> bool {
    match event {
        Event::RunChanged {
            state, sub_state, ..
        } => {
            let phase = sub_state.as_deref().unwrap_or_default();
            *state != RunState::Running
                || !["Building", "Customizing", "Validating"].contains(&phase)
        }
        Event::RunEnded { .. } | Event::Canceling => true,
        _ => false,
    }
}
