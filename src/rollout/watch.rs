//! Looks at session hosts one by one, so that the few lists that the service permits are not spent, and waits until they are healthy.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::Job;
use super::event::Event as Of;
use super::health::{self, Health};

/// So many hosts are looked at together.
const AT_ONCE: usize = 8;
/// Between two looks at the hosts that are waited for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(300);

/// How a host was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// Its name.
    pub(super) name: String,
    /// Whether it lets users in.
    pub(super) is_open: bool,
    /// How many users are on it, where that is told.
    pub(super) sessions: Option<u64>,
    /// How it is.
    pub(super) health: Health,
}

/// What is told of the hosts that are waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthEvent {
    /// A host is healthy now.
    Healthy {
        /// Its name.
        host: String,
        /// The checks that have not come to a result.
        unknown: Vec<String>,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// A host is not healthy, and why.
    Ill {
        /// Its name.
        host: String,
        /// Why.
        reasons: Vec<String>,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// Still so many are waited for.
    Waiting {
        /// How many.
        hosts: usize,
        /// Since they are waited for.
        elapsed: Duration,
    },
}

impl Look {
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

/// Tells each change once.
pub(super) struct Told {
    since: Instant,
    spoken: Instant,
    known: BTreeMap<String, Health>,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            spoken: Instant::now(),
            known: BTreeMap::new(),
        }
    }

    pub(super) fn tell(&mut self, job: &Job<'_>, looks: &[Look]) {
        let elapsed = self.since.elapsed();
        for look in looks {
            let before = self.known.insert(look.name.clone(), look.health.clone());
            if before.is_some_and(|before| is_same(&before, &look.health)) {
                continue;
            }
            self.spoken = Instant::now();
            let host = look.name.clone();
            job.emit(Of::Health(match &look.health {
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
        self.beat(job, looks.iter().filter(|look| !look.is_healthy()).count());
    }

    pub(super) fn beat(&mut self, job: &Job<'_>, hosts: usize) {
        if hosts > 0 && self.spoken.elapsed() >= HEARTBEAT {
            self.spoken = Instant::now();
            let elapsed = self.since.elapsed();
            job.emit(Of::Health(HealthEvent::Waiting { hosts, elapsed }));
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

impl Job<'_> {
    /// How these hosts are now.
    pub(super) async fn look_at(&self, names: &[String]) -> Vec<Look> {
        let mut looks = Vec::new();
        for some in names.chunks(AT_ONCE) {
            let some = some.iter().map(|name| self.look_at_one(name));
            looks.extend(join_all(some).await);
        }
        looks
    }

    pub(super) async fn look_at_one(&self, name: &str) -> Look {
        let ill = |reason: String| Look {
            name: name.to_owned(),
            is_open: false,
            sessions: None,
            health: Health::Ill {
                reasons: vec![reason],
            },
        };
        match self.host(name).await {
            Ok(Some(host)) => Look {
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
pub(super) fn healthy(looks: &[Look]) -> usize {
    looks.iter().filter(|look| look.is_healthy()).count()
}

/// Those that are not, in one sentence.
pub(super) fn illnesses(looks: &[Look]) -> String {
    let all: Vec<String> = looks.iter().filter_map(Look::illness).collect();
    all.join("; ")
}
