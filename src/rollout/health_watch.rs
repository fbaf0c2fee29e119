//! The health of session hosts that are waited for. They are read one by one, because the service permits few lists.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::event::{Event, HealthEvent};
use super::health::{self, Health};
use super::step::RolloutStep;

/// How many hosts are read together.
const AT_ONCE: usize = 8;
/// How often the hosts that are waited for are read.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(300);

/// How a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostState {
    /// Its name.
    pub(super) name: String,
    /// Whether it lets users in.
    pub(super) is_open: bool,
    /// How many users are on it, where that is told.
    pub(super) sessions: Option<u64>,
    /// How it is.
    pub(super) health: Health,
}

impl HostState {
    /// Whether users can work on it.
    pub(super) fn is_healthy(&self) -> bool {
        self.health.is_healthy()
    }

    /// `avd-0: its status is NeedsAssistance; ...`; nothing for a healthy one.
    pub(super) fn illness(&self) -> Option<String> {
        match &self.health {
            Health::Healthy { .. } => None,
            Health::Ill { reasons } => Some(format!("{}: {}", self.name, reasons.join(", "))),
        }
    }
}

/// The lines of the log about hosts that are waited for: each change once, and now and then that it goes on.
pub(super) struct HealthLog {
    since: Instant,
    spoken: Instant,
    known: BTreeMap<String, Health>,
}

impl HealthLog {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            spoken: Instant::now(),
            known: BTreeMap::new(),
        }
    }

    /// Tells what has changed.
    pub(super) fn tell(&mut self, step: &RolloutStep<'_>, states: &[HostState]) {
        let elapsed = self.since.elapsed();
        for state in states {
            let before = self.known.insert(state.name.clone(), state.health.clone());
            if before.is_some_and(|before| is_same(&before, &state.health)) {
                continue;
            }
            self.spoken = Instant::now();
            let host = state.name.clone();
            step.emit(Event::Health(match &state.health {
                Health::Healthy { unknown } => HealthEvent::Healthy {
                    host,
                    unknown: unknown.clone(),
                    elapsed,
                },
                Health::Ill { reasons } => HealthEvent::Ill {
                    host,
                    reasons: reasons.clone(),
                    elapsed,
                },
            }));
        }
        self.beat(
            step,
            states.iter().filter(|state| !state.is_healthy()).count(),
        );
    }

    /// Says now and then that so many `hosts` are waited for.
    pub(super) fn beat(&mut self, step: &RolloutStep<'_>, hosts: usize) {
        if hosts > 0 && self.spoken.elapsed() >= HEARTBEAT {
            self.spoken = Instant::now();
            let elapsed = self.since.elapsed();
            step.emit(Event::Health(HealthEvent::Waiting { hosts, elapsed }));
        }
    }
}

/// A heartbeat that grows older is no news.
fn is_same(before: &Health, now: &Health) -> bool {
    let plain = |health: &Health| match health {
        Health::Healthy { .. } => Vec::new(),
        Health::Ill { reasons } => {
            let aged = |reason: &&String| !reason.starts_with(health::OLD_HEARTBEAT);
            reasons.iter().filter(aged).cloned().collect()
        }
    };
    before.is_healthy() == now.is_healthy() && plain(before) == plain(now)
}

impl RolloutStep<'_> {
    /// How these hosts are now.
    pub(super) async fn states_of(&self, names: &[String]) -> Vec<HostState> {
        let mut states = Vec::new();
        for some in names.chunks(AT_ONCE) {
            let some = some.iter().map(|name| self.state_of(name));
            states.extend(join_all(some).await);
        }
        states
    }

    async fn state_of(&self, name: &str) -> HostState {
        let ill = |reason: String| HostState {
            name: name.to_owned(),
            is_open: false,
            sessions: None,
            health: Health::Ill {
                reasons: vec![reason],
            },
        };
        match self.host(name).await {
            Ok(Some(host)) => HostState {
                name: name.to_owned(),
                is_open: host.allow_new_session,
                sessions: host.sessions,
                health: health::of(&host, self.now()),
            },
            Ok(None) => ill("it is not in the host pool".to_owned()),
            Err(not_read) => ill(not_read.to_string()),
        }
    }
}

/// How many of them are healthy.
pub(super) fn healthy(states: &[HostState]) -> usize {
    states.iter().filter(|state| state.is_healthy()).count()
}

/// Those that are not, in one sentence.
pub(super) fn illnesses(states: &[HostState]) -> String {
    let all: Vec<String> = states.iter().filter_map(HostState::illness).collect();
    all.join("; ")
}
