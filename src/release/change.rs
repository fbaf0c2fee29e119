//! Changes or copies an image version. The change takes effect once, even if an answer gets lost or someone else changes the version at the same
//! time.
//!
//! What is wanted is decided again from each look, so that the change of someone else is never undone, and what is there already is not asked
//! for. There is no way to say "unless it has changed" (no ETag): of two changes at once the last one wins.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use crate::arm::gallery::{Body, RegionState, State, Version};
use crate::arm::operation::{Started, Status};
use crate::arm::pace::{Pace, READ_AFTER_WRITE};
use crate::arm::{Arm, Failure};
use crate::resource::ResourceId;

/// How long a change or a copy is followed. A flag takes 150 s (recorded in 2026), replicas take minutes to hours.
pub const CHANGE_LIMIT: Duration = Duration::from_secs(90 * 60);
/// How long a change of someone else is waited for.
pub const OTHERS_LIMIT: Duration = Duration::from_secs(60 * 60);
/// How often a change is asked for again.
const MOST_REPEATS: u32 = 3;
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(120);
/// The pause between two reads of a version.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long reads may fail before the step gives up.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);

/// What happens on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The request is about to be sent.
    Sending,
    /// The version is not at an end; said now and then.
    Busy {
        /// Its state: `Updating`.
        state: String,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// The replication has come to a new state.
    Replicating(Vec<RegionState>),
    /// The request is sent again after a look.
    Again {
        /// What came of the one before.
        reason: String,
    },
    /// The change is made.
    Succeeded,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It was so already: nothing was sent.
    Already(Version),
    /// The version as it is now, and whether Azure said that it made a new one (201); nothing if its answer got lost.
    Made(Version, Option<bool>),
}

/// Why a version was not changed. `E` is the caller's own reason.
#[derive(Debug, Clone, PartialEq)]
pub enum NotChanged<E> {
    /// The version is now in a state in which the caller does not want the change.
    Unwanted(E),
    /// Azure refused, or could not be reached.
    Azure(Failure),
    /// The change began and ended badly, with Azure's code and text.
    Ended {
        /// Azure's code; empty if there was none.
        code: String,
        /// Azure's text; empty if there was none.
        message: String,
    },
    /// The version was still in this state when the time was over.
    Late {
        /// Azure's word.
        state: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// It is gone.
    Gone,
}

impl<E> From<Failure> for NotChanged<E> {
    fn from(failure: Failure) -> Self {
        Self::Azure(failure)
    }
}

/// What a version is to become, given how it is now: `None` if nothing is to be done. It is called with `None` where there is no such
/// version.
pub type Wanted<'a, E> = dyn Fn(Option<&Version>) -> Result<Option<Body>, E> + Sync + 'a;

/// A version to change.
pub struct Change<'a> {
    /// The way to Azure.
    pub arm: &'a Arm,
    /// The version's id.
    pub id: &'a ResourceId,
    /// Whether the replication is told of.
    pub replicates: bool,
    /// Who listens.
    pub tell: &'a (dyn Fn(Progress) + Sync),
}

impl Change<'_> {
    /// Sends what is `wanted` of the version, `seen` last, until it is so.
    pub async fn make<E>(
        &self,
        seen: Option<Version>,
        wanted: &Wanted<'_, E>,
    ) -> Result<Changed, NotChanged<E>> {
        let mut seen = seen;
        let mut last = None;
        for _ in 0..=MOST_REPEATS {
            let Some(body) = wanted(seen.as_ref()).map_err(NotChanged::Unwanted)? else {
                let seen = seen.ok_or(NotChanged::Gone)?;
                return Ok(self.is_so(seen, last.is_some()));
            };
            if let Some(failure) = &last {
                let reason = format!("{failure}");
                (self.tell)(Progress::Again { reason });
            }
            (self.tell)(Progress::Sending);
            let start = Instant::now();
            match self.arm.put_version(self.id, &body).await {
                Ok((started, created)) => {
                    self.follow(&started, start).await?;
                    let version = self.settled(None).await?.ok_or(NotChanged::Gone)?;
                    (self.tell)(Progress::Succeeded);
                    return Ok(Changed::Made(version, Some(created)));
                }
                Err(failure) if failure.may_have_acted() => {
                    seen = self
                        .after_lost_answer(seen.as_ref())
                        .await
                        .map_err(|look| {
                            // If the look fails, too, the first failure is reported.
                            match look {
                                NotChanged::Azure(_) => NotChanged::Azure(failure.clone()),
                                other => other,
                            }
                        })?;
                    last = Some(failure);
                }
                Err(failure) if self.is_busy(&failure).await => {
                    sleep(LOOK_AGAIN).await;
                    seen = self.settled(Some(OTHERS_LIMIT)).await?;
                    last = Some(failure);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        // Another look may show that the last request came through.
        match (
            wanted(seen.as_ref()).map_err(NotChanged::Unwanted)?,
            seen,
            last,
        ) {
            (None, Some(version), _) => Ok(self.is_so(version, true)),
            (_, _, Some(failure)) => Err(failure.into()),
            (_, _, None) => Err(NotChanged::Gone),
        }
    }

    fn is_so(&self, version: Version, sent: bool) -> Changed {
        if !sent {
            return Changed::Already(version);
        }
        (self.tell)(Progress::Succeeded);
        Changed::Made(version, None)
    }

    /// Waits until the version is at an end, or gone; `None` waits as long as a change of our own is followed.
    pub async fn settled<E>(
        &self,
        limit: Option<Duration>,
    ) -> Result<Option<Version>, NotChanged<E>> {
        let limit = limit.unwrap_or(CHANGE_LIMIT);
        let start = Instant::now();
        let mut heart = Heartbeat::new(self, start);
        loop {
            let Some(version) = self.look().await? else {
                return Ok(None);
            };
            if version.state.is_end() || version.state == State::Deleting {
                return Ok(Some(version));
            }
            let state = version.state.as_str().to_owned();
            if start.elapsed() >= limit {
                return Err(NotChanged::Late { state, limit });
            }
            heart.beat(&state).await;
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Looks, and looks again for a while where Azure does not answer.
    async fn look(&self) -> Result<Option<Version>, Failure> {
        let start = Instant::now();
        loop {
            match self.arm.version(self.id).await {
                Err(failure) if failure.is_passing() && start.elapsed() < LONGEST_SILENCE => {
                    sleep(LOOK_AGAIN).await;
                }
                other => return other,
            }
        }
    }

    /// The answer to the request got lost: the version tells what became of it. `before` is how it was.
    async fn after_lost_answer<E>(
        &self,
        before: Option<&Version>,
    ) -> Result<Option<Version>, NotChanged<E>> {
        let start = Instant::now();
        loop {
            let now = self.look().await?;
            let same = match (before, &now) {
                (None, None) => true,
                (Some(before), Some(now)) => before.document == now.document,
                _ => false,
            };
            if !same {
                return self.settled(None).await;
            }
            if start.elapsed() >= READ_AFTER_WRITE {
                return Ok(now);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether Azure refused because something is going on with the version. Other refusals are told at once.
    async fn is_busy(&self, failure: &Failure) -> bool {
        let Some(refusal) = failure.refusal() else {
            return false;
        };
        if refusal.status != StatusCode::CONFLICT {
            return false;
        }
        match refusal.code.as_str() {
            "Conflict" => true,
            "ScopeLocked" | "PropertyChangeNotAllowed" | "OperationNotAllowed" => false,
            _ => {
                let look = self.arm.version(self.id).await;
                look.is_ok_and(|now| now.is_some_and(|now| now.state == State::Updating))
            }
        }
    }

    /// Follows an operation to its end.
    async fn follow<E>(&self, started: &Started, start: Instant) -> Result<(), NotChanged<E>> {
        let Some(address) = &started.operation else {
            return Ok(());
        };
        let doing = format!("Changing image version {}", self.id.name());
        let mut pace = Pace::new(started.pause);
        let mut heart = Heartbeat::new(self, start);
        let mut news = Instant::now();
        while start.elapsed() < CHANGE_LIMIT {
            sleep(pace.pause()).await;
            match self.arm.operation(&doing, address).await {
                Ok(seen) => {
                    news = Instant::now();
                    pace.asked(seen.pause);
                    match seen.value {
                        Status::InProgress => heart.beat(State::Updating.as_str()).await,
                        Status::Succeeded => return Ok(()),
                        Status::Failed { code, message } => {
                            return Err(NotChanged::Ended { code, message });
                        }
                        Status::Canceled => {
                            let code = "Canceled".to_owned();
                            let message = "the operation was canceled".to_owned();
                            return Err(NotChanged::Ended { code, message });
                        }
                    }
                }
                Err(failure) if failure.is_passing() && news.elapsed() < LONGEST_SILENCE => {}
                // The version itself tells enough.
                Err(_) => return Ok(()),
            }
        }
        let state = State::Updating.as_str().to_owned();
        let limit = CHANGE_LIMIT;
        Err(NotChanged::Late { state, limit })
    }
}

/// Says now and then that it goes on, and how far the replication is.
struct Heartbeat<'a> {
    change: &'a Change<'a>,
    start: Instant,
    spoken: Option<Instant>,
    regions: Vec<RegionState>,
}

impl<'a> Heartbeat<'a> {
    fn new(change: &'a Change<'a>, start: Instant) -> Self {
        Self {
            change,
            start,
            spoken: None,
            regions: Vec::new(),
        }
    }

    async fn beat(&mut self, state: &str) {
        let is_due = |spoken: Instant| spoken.elapsed() >= HEARTBEAT;
        if !self.spoken.is_none_or(is_due) {
            return;
        }
        self.spoken = Some(Instant::now());
        (self.change.tell)(Progress::Busy {
            state: state.to_owned(),
            elapsed: self.start.elapsed(),
        });
        if !self.change.replicates {
            return;
        }
        // What cannot be read now is asked again.
        let Ok(Some(version)) = self.change.arm.version(self.change.id).await else {
            return;
        };
        let regions = version.replication.unwrap_or_default();
        if !regions.is_empty() && regions != self.regions {
            self.regions.clone_from(&regions);
            (self.change.tell)(Progress::Replicating(regions));
        }
    }
}
