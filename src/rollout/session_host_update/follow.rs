//! Following an update to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::event::Event as Of;
use super::super::{Host, Job, NotRolledOut, Seen, State};
use super::event::{Event, words};
use super::look::{Look, control};
use super::stopped::Going;
use crate::arm::desktops::UpdateStatus;
use crate::arm::image_template::Seen as Answer;
use crate::arm::pace::Pace;

/// Code of "the update is paused".
const PAUSED: &str = "AIB851";
/// Between two looks, where the service does not say.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// Somebody who pauses an update for longer may have forgotten it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// So long may looks fail.
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

impl Job<'_> {
    /// The update that an earlier attempt has begun: followed, unless the author does not want that.
    pub(super) async fn follow_earlier(
        &self,
        seen: &Seen,
        look: &Look,
        status: UpdateStatus,
    ) -> Result<State, NotRolledOut> {
        self.emit(Of::Step("update"));
        self.note_update(Going::seen(&status));
        self.emit(Of::Update(Event::Following(status.clone())));
        let is_scheduled = status.is("Scheduled");
        // One that begins later is left to itself, unless the author says otherwise.
        if is_scheduled && self.request.waits != Some(true) {
            return Ok(State::Scheduled);
        }
        if !is_scheduled && self.request.waits == Some(false) {
            return Ok(State::Running);
        }
        self.to_its_end(seen, look, status, false).await
    }

    /// Looks until the update is over. `since_failure` is when one that has failed was tried again.
    pub(super) async fn until_over(
        &self,
        first: UpdateStatus,
        since_failure: Option<Instant>,
    ) -> Result<Over, NotRolledOut> {
        let mut watch = Watch::new(self);
        let mut pace = Pace::new(None);
        let mut answer = Answer {
            value: Some(first),
            pause: None,
        };
        loop {
            if let Some(status) = &answer.value {
                self.note_update(Going::seen(status));
                let is_old_failure = status.is("Failed")
                    && since_failure.is_some_and(|since| since.elapsed() < LEAVES_FAILURE);
                if !is_old_failure {
                    watch.tell(status);
                    if status.is_end() {
                        self.forget_update();
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
    pub(super) async fn status_now(&self) -> Result<Answer<Option<UpdateStatus>>, NotRolledOut> {
        let start = Instant::now();
        let mut is_told = false;
        loop {
            match self.arm.update_status(&self.request.pool).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.is_passing() && start.elapsed() < LONGEST_SILENCE => {
                    if !is_told {
                        is_told = true;
                        let reason = failure.to_string();
                        self.emit(Of::Update(Event::NoNews { reason }));
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
    job: &'a Job<'j>,
    start: Instant,
    told: Option<(String, Instant)>,
    worked: bool,
    paused: Option<Instant>,
    is_warned: bool,
    hosts: BTreeMap<String, String>,
}

impl<'a, 'j> Watch<'a, 'j> {
    fn new(job: &'a Job<'j>) -> Self {
        let hosts = job.last_hosts();
        let hosts = hosts
            .iter()
            .map(|host| (host.name().to_owned(), state(host)));
        Self {
            job,
            start: Instant::now(),
            told: None,
            worked: false,
            paused: None,
            is_warned: false,
            hosts: hosts.collect(),
        }
    }

    /// Tells each change, and now and then that it goes on.
    fn tell(&mut self, status: &UpdateStatus) {
        self.worked |= status.is("UpdatingSessionHosts") || status.counts_work();
        let now = words(status);
        let is_news = self.told.as_ref().is_none_or(|(told, _)| *told != now);
        let is_due = |(_, at): &(String, Instant)| at.elapsed() >= HEARTBEAT;
        if is_news || self.told.as_ref().is_some_and(is_due) {
            self.told = Some((now, Instant::now()));
            self.job.emit(Of::Update(Event::Status {
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
                self.job.request.pool.name(),
                words(status)
            );
            let hint = format!(
                "resume it: {}; after two weeks the service cancels it",
                control(&self.job.request.pool, "Resume")
            );
            self.job.warn(PAUSED, text, Some(hint));
        }
    }

    /// Names the hosts that have come to another state, when it is time for a list. What cannot be read is looked at again later.
    async fn tell_hosts(&mut self) {
        if !self.job.lists.is_free() {
            return;
        }
        let Ok(hosts) = self.job.hosts().await else {
            return;
        };
        for host in &hosts {
            let now = state(host);
            let before = self.hosts.insert(host.name().to_owned(), now.clone());
            if before.as_ref() != Some(&now) {
                self.job.emit(Of::Update(Event::Host {
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
