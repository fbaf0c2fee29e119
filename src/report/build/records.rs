//! The phases of a build as records under the step.

use super::subject::Subject;
use super::timeline::Timeline;
use crate::agent::{Console, TaskResult};
use crate::arm::template_state::RunState;
use crate::inputs::Action;
use crate::run::event::Event;

/// What the agent is shown of the phases.
#[derive(Debug)]
pub(super) struct Records {
    /// What makes the records' ids differ from those of other steps; nothing before the build is known.
    seed: Option<u64>,
    is_build: bool,
    /// Name and order of the record that is at work.
    open: Option<(String, usize)>,
    /// How the phase at work ends, as far as is known.
    outcome: TaskResult,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            seed: None,
            is_build: false,
            open: None,
            outcome: TaskResult::Succeeded,
        }
    }
}

impl Records {
    /// The records of what the step is about.
    pub(super) fn of(subject: &Subject<'_>) -> Self {
        let number = subject
            .name
            .trim_start_matches(|c: char| !c.is_ascii_digit());
        Self {
            // A name of the author's may hold any number, or none.
            seed: Some(number.parse().unwrap_or_else(|_| sum(subject.name))),
            is_build: subject.action == Action::Build,
            ..Self::default()
        }
    }

    /// Whether the step builds, and waits for the build.
    pub(super) fn is_of_build(&self) -> bool {
        self.is_build
    }

    /// Shows the phase that has begun.
    pub(super) fn enter(&mut self, console: &Console, timeline: &Timeline) {
        self.close(console, self.outcome);
        self.outcome = TaskResult::Succeeded;
        if let (Some(name), Some(seed)) = (timeline.open(), self.seed) {
            let order = timeline.count();
            console.record(&id(seed, order), name, order, None);
            self.open = Some((name.to_owned(), order));
        }
    }

    /// The phase at work is over.
    pub(super) fn close(&mut self, console: &Console, result: TaskResult) {
        if let (Some((name, order)), Some(seed)) = (self.open.take(), self.seed) {
            console.record(&id(seed, order), &name, order, Some(result));
        }
    }

    /// A run that fails, fails in the phase at work.
    pub(super) fn note(&mut self, event: &Event) {
        if let Event::RunChanged { state, .. } = event {
            self.outcome = match state {
                RunState::Failed => TaskResult::Failed,
                RunState::Canceled => TaskResult::Canceled,
                _ => TaskResult::Succeeded,
            };
        }
    }
}

/// A number for a name; FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn sum(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A GUID of the step's own number and the record's.
fn id(seed: u64, order: usize) -> String {
    format!(
        "{order:08x}-0000-4000-8000-{:012x}",
        seed & 0xffff_ffff_ffff
    )
}
