//! What the end of a roll-out needs of its events.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::inputs::{RolloutMethod, WantedImage};
use crate::rollout::event::{Event, KeptHost, PoolOverview, Warning};
use crate::rollout::faults::Fault;
use crate::rollout::{Host, RolloutState};
use crate::wording::{duration, some_of};

/// What the events have said so far.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) overview: Option<PoolOverview>,
    pub(super) method: Option<RolloutMethod>,
    /// The hosts as they were last.
    pub(super) hosts: Vec<Host>,
    pub(super) previous: Option<WantedImage>,
    pub(super) changed: bool,
    /// The state of the roll-out in Azure when the step was stopped: `Running`, `Succeeded`, or none of them.
    pub(super) left: Option<RolloutState>,
    /// What became of it then.
    pub(super) stopped: Option<String>,
    pub(super) phases: Vec<Phase>,
    pub(super) faults: Vec<Fault>,
    pub(super) kept: Vec<KeptHost>,
    pub(super) warnings: Vec<Warning>,
    pub(super) plan: Vec<String>,
}

/// How many drained hosts are named.
pub(super) const MOST_NAMED: usize = 10;

/// A phase, which the result file calls a step.
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) began: Instant,
    pub(super) took: Option<Duration>,
}

impl Collected {
    /// Keeps what an event says.
    pub(super) fn note(&mut self, event: Event) {
        match event {
            Event::Overview(overview) => {
                self.hosts.clone_from(&overview.hosts);
                self.overview = Some(*overview);
            }
            Event::Method { method, .. } => self.method = Some(method),
            Event::Phase(name) => {
                self.end_phase();
                self.phases.push(Phase {
                    name,
                    began: Instant::now(),
                    took: None,
                });
            }
            Event::Previous(image) => self.previous = Some(image),
            Event::Hosts(hosts) => self.hosts = hosts,
            Event::Changed => self.changed = true,
            Event::Plan(lines) => self.plan = lines,
            Event::Faults(faults) => self.faults = faults,
            Event::Kept(kept) => self.kept = kept,
            Event::Stopped { state, what } => {
                self.left = state;
                self.stopped = Some(what);
            }
            Event::Warning(warning) => self.warnings.push(warning),
            Event::Nothing { .. }
            | Event::Line(_)
            | Event::Update(_)
            | Event::Health(_)
            | Event::Replace(_) => {}
        }
    }

    /// Ends the phase at work.
    pub(super) fn end_phase(&mut self) {
        if let Some(phase) = self.phases.last_mut().filter(|phase| phase.took.is_none()) {
            phase.took = Some(phase.began.elapsed());
        }
    }

    /// The hosts of the wanted image that let no users in.
    pub(super) fn drained(&self) -> Vec<&Host> {
        let hosts = self.hosts.iter();
        hosts
            .filter(|host| host.is_wanted && !host.is_open())
            .collect()
    }

    /// ` (1 is drained: avd-2)`; nothing where all of them let users in.
    pub(super) fn drained_in_words(&self) -> String {
        let drained = self.drained();
        let names: Vec<&str> = drained.iter().map(|host| host.name()).collect();
        let names = some_of(&names, MOST_NAMED);
        match drained.len() {
            0 => String::new(),
            1 => format!(" (1 is drained: {names})"),
            all => format!(" ({all} are drained: {names})"),
        }
    }

    /// What was done, with the time that each phase took; the last one was not finished.
    pub(super) fn phases_in_words(&self) -> String {
        let phase = |phase: &Phase| {
            let took = phase.took.unwrap_or_else(|| phase.began.elapsed());
            format!("{} ({})", phase.name, duration(took))
        };
        let Some((last, done)) = self.phases.split_last() else {
            return String::new();
        };
        let mut all: Vec<String> = done.iter().map(phase).collect();
        all.push(format!("{}, which did not end", phase(last)));
        all.join(", ")
    }

    /// What to do after the job was canceled.
    pub(super) fn next_action(&self) -> &'static str {
        if self.changed {
            "run the job again to continue"
        } else {
            "nothing was changed in Azure"
        }
    }

    /// The value of `rolloutState`: what a roll-out that failed has left is said only once something was changed.
    pub(super) fn state(&self, result: &Result<RolloutState, Error>) -> &'static str {
        match result {
            Ok(state) => state.name(),
            Err(_) => match self.left {
                Some(state) => state.name(),
                None if self.changed => "Failed",
                None => "",
            },
        }
    }

    pub(super) fn names(&self, wanted: bool) -> Vec<&str> {
        let hosts = self.hosts.iter().filter(|host| host.is_wanted == wanted);
        hosts.map(Host::name).collect()
    }
}
