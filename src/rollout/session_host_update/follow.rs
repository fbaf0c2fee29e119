//! Following an update to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::preflight::{UpdateState, control_command};
use crate::arm::desktops::UpdateStatus;
use crate::arm::pace::{Pace, Polled};
use crate::rollout::codes;
use crate::rollout::event::{Event, UpdateEvent};
use crate::rollout::host::Host;
use crate::rollout::outcome::{NotRolledOut, RolloutState};
use crate::rollout::preflight::Preflight;
use crate::rollout::step::{Ongoing, RolloutStep};

/// The pause between two reads, where the service does not say.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// Someone who pauses an update for longer may have forgotten it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// How long reads may fail before the step gives up.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);
/// A failed update that was tried again leaves the state of failure within this time.
const LEAVES_FAILURE: Duration = Duration::from_secs(5 * 60);

/// An update that is over, or waits after a failure.
#[derive(Debug, Clone)]
pub(super) struct Over {
    /// Its last status.
    pub(super) status: UpdateStatus,
    /// Whether it has touched a host.
    pub(super) worked: bool,
}

impl RolloutStep<'_> {
    /// The update that an earlier attempt has begun: followed, unless the author does not want that.
    pub(super) async fn follow_earlier(
        &self,
        found: &Preflight,
        update: &UpdateState,
        status: UpdateStatus,
    ) -> Result<RolloutState, NotRolledOut> {
        self.emit(Event::Phase("update"));
        self.note_ongoing(Ongoing::Update(status.to_string()));
        self.emit(Event::Update(UpdateEvent::Following(status.clone())));
        self.emit(Event::Changed);
        let is_scheduled = status.is("Scheduled");
        // One that begins later is left to itself, unless the author says otherwise.
        if is_scheduled && self.request.waits != Some(true) {
            return Ok(RolloutState::Scheduled);
        }
        if !is_scheduled && self.request.waits == Some(false) {
            return Ok(RolloutState::Running);
        }
        self.to_its_end(found, update, status, false).await
    }

    /// Looks until the update is over. `since_failure` is when one that has failed was tried again.
    pub(super) async fn until_over(
        &self,
        first: UpdateStatus,
        since_failure: Option<Instant>,
    ) -> Result<Over, NotRolledOut> {
        let mut watch = Watch::new(self);
        let mut pace = Pace::new(None);
        let mut answer = Polled {
            value: Some(first),
            pause: None,
        };
        loop {
            if let Some(status) = &answer.value {
                self.note_ongoing(Ongoing::Update(status.to_string()));
                let is_old_failure = status.is("Failed")
                    && since_failure.is_some_and(|since| since.elapsed() < LEAVES_FAILURE);
                if !is_old_failure {
                    watch.tell(status);
                    if status.is_end() {
                        self.forget_ongoing();
                        return Ok(Over {
                            status: status.clone(),
                            worked: watch.worked,
                        });
                    }
                    watch.tell_hosts().await;
                }
            }
            pace.asked(answer.pause);
            sleep(if pace.is_asked() {
                pace.pause()
            } else {
                LOOK_AGAIN
            })
            .await;
            answer = self.status_now().await?;
        }
    }

    /// The status, asked for again for a while where Azure does not answer.
    pub(super) async fn status_now(&self) -> Result<Polled<Option<UpdateStatus>>, NotRolledOut> {
        let start = Instant::now();
        let mut is_told = false;
        loop {
            match self.arm.update_status(&self.request.pool).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.is_passing() && start.elapsed() < LONGEST_SILENCE => {
                    if !is_told {
                        is_told = true;
                        let reason = failure.to_string();
                        self.emit(Event::Update(UpdateEvent::NoNews { reason }));
                    }
                    sleep(LOOK_AGAIN).await;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }
}

/// What was told of an update so far.
struct Watch<'a, 'j> {
    step: &'a RolloutStep<'j>,
    start: Instant,
    last_line: Option<(String, Instant)>,
    worked: bool,
    paused: Option<Instant>,
    is_warned: bool,
    hosts: BTreeMap<String, String>,
}

impl<'a, 'j> Watch<'a, 'j> {
    fn new(step: &'a RolloutStep<'j>) -> Self {
        let hosts = step.last_hosts();
        let hosts = hosts
            .iter()
            .map(|host| (host.name().to_owned(), state(host)));
        Self {
            step,
            start: Instant::now(),
            last_line: None,
            worked: false,
            paused: None,
            is_warned: false,
            hosts: hosts.collect(),
        }
    }

    /// Tells each change, and now and then that it goes on.
    fn tell(&mut self, status: &UpdateStatus) {
        self.worked |= status.is("UpdatingSessionHosts") || status.counts_work();
        let now = status.to_string();
        let is_news = self
            .last_line
            .as_ref()
            .is_none_or(|(last_line, _)| *last_line != now);
        let is_due = |(_, at): &(String, Instant)| at.elapsed() >= HEARTBEAT;
        if is_news || self.last_line.as_ref().is_some_and(is_due) {
            self.last_line = Some((now, Instant::now()));
            self.step.emit(Event::Update(UpdateEvent::Status {
                status: status.clone(),
                elapsed: self.start.elapsed(),
            }));
        }
        if !status.is("Paused") {
            self.paused = None;
            return;
        }
        let since = *self.paused.get_or_insert_with(Instant::now);
        if since.elapsed() > LONGEST_PAUSE && !self.is_warned {
            self.is_warned = true;
            let text = format!(
                "the session host update of host pool '{}' is paused for more than 30 minutes: {}",
                self.step.request.pool.name(),
                status
            );
            let hint = format!(
                "resume it: {}; after two weeks the service cancels it",
                control_command(&self.step.request.pool, "Resume")
            );
            self.step.warn(codes::PAUSED, text, Some(hint));
        }
    }

    /// Names the hosts that have come to another state, when it is time for a list. What cannot be read now is read again later.
    async fn tell_hosts(&mut self) {
        if !self.step.lists.is_free() {
            return;
        }
        let Ok(hosts) = self.step.hosts().await else {
            return;
        };
        for host in &hosts {
            let now = state(host);
            let before = self.hosts.insert(host.name().to_owned(), now.clone());
            if before.as_ref() != Some(&now) {
                self.step.emit(Event::Update(UpdateEvent::Host {
                    name: host.name().to_owned(),
                    status: now,
                }));
            }
        }
    }
}

/// `Available 1.0.2609402`.
fn state(host: &Host) -> String {
    format!("{} {}", host.host.status, host.version())
        .trim()
        .to_owned()
}
