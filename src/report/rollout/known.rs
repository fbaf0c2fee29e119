//! What the end of a roll-out needs of its events.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::inputs::RolloutMethod;
use crate::rollout::event::{Picture, Warning};
use crate::rollout::faults::Fault;
use crate::rollout::kept::KeptHost;
use crate::rollout::{Host, State};

/// What the events have said so far.
#[derive(Default)]
pub(super) struct Known {
    pub(super) picture: Option<Picture>,
    pub(super) method: Option<RolloutMethod>,
    /// The hosts as they were last.
    pub(super) hosts: Vec<Host>,
    pub(super) previous: Option<String>,
    pub(super) changed: bool,
    /// Whether something goes on in Azure after the step was stopped.
    pub(super) goes_on: bool,
    pub(super) steps: Vec<Step>,
    pub(super) faults: Vec<Fault>,
    pub(super) kept: Vec<KeptHost>,
    pub(super) warnings: Vec<Warning>,
    pub(super) plan: Vec<String>,
}

/// A step of the result file.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) began: Instant,
    pub(super) took: Option<Duration>,
}

impl Known {
    /// Ends the step at work.
    pub(super) fn end_step(&mut self) {
        if let Some(step) = self.steps.last_mut().filter(|step| step.took.is_none()) {
            step.took = Some(step.began.elapsed());
        }
    }

    /// The value of `rolloutState`: what a roll-out that failed has left is said only once something was changed.
    pub(super) fn state(&self, result: &Result<State, Error>) -> &'static str {
        match result {
            Ok(state) => state.name(),
            Err(_) if self.goes_on => State::Running.name(),
            Err(_) if self.changed => "Failed",
            Err(_) => "",
        }
    }

    pub(super) fn names(&self, wanted: bool) -> Vec<&str> {
        let hosts = self.hosts.iter().filter(|host| host.is_wanted == wanted);
        hosts.map(Host::name).collect()
    }
}
