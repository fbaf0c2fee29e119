//! Making a host pool serve an image: new sessions go to hosts of this image, and to no others.
//!
//! The same step goes forward and back. It looks at everything first (`looks`), chooses how (`method`), and each method looks again before it
//! changes something: a second attempt at a job goes on where the first one was lost.

mod doctor;
pub mod event;
pub mod existing;
pub mod faults;
pub mod health;
pub mod kept;
mod looks;
mod method;
mod own;
mod permissions;
mod refused;
pub mod replace;
pub mod session_host_update;
mod stopping;
mod table;
mod target;
pub mod watch;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

pub use doctor::doctor;
use event::{Event, Events, Warning};
pub use own::Own;
pub use refused::{NotRolledOut, Refused};
pub use stopping::Stopped;
pub use table::{Host, previous};

use crate::arm::Arm;
use crate::arm::desktops::{Lists, ScalingPlan, SessionHost};
use crate::arm::gallery::Version;
use crate::arm::machine::Machine;
use crate::inputs::{Rollout, RolloutMethod};

/// How a roll-out ends that does not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There was nothing to do, or nothing was to be changed.
    Nothing,
    /// The update begins later.
    Scheduled,
    /// It goes on.
    Running,
    /// The pool serves the image.
    Succeeded,
}

impl State {
    /// The value of the variable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing",
            Self::Scheduled => "Scheduled",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
        }
    }
}

/// What is asked for, the way to Azure, who listens, and what has to be known when the step is stopped.
pub struct Job<'a> {
    /// What is asked for.
    pub request: &'a Rollout,
    /// The way to Azure.
    pub arm: &'a Arm,
    /// Who listens.
    pub events: &'a dyn Events,
    /// The lists of session hosts.
    pub lists: Lists,
    /// The deployment that goes on because of this step.
    pub going: Mutex<Option<replace::Going>>,
    /// The session host update that goes on because of this step.
    update: Mutex<Option<session_host_update::Going>>,
    /// The VMs that were read, by their ids in lower case.
    machines: Mutex<BTreeMap<String, Machine>>,
    /// The hosts as they were last.
    last: Mutex<Vec<Host>>,
}

/// What was seen before anything is changed.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The version that is wanted, if the image is one.
    pub version: Option<Version>,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// The scaling plans that are enabled for the pool.
    pub plans: Vec<ScalingPlan>,
    /// The deployments of this step's names.
    pub own: Own,
    /// How it is done.
    pub method: RolloutMethod,
    /// Whether all hosts that let users in are of the image and healthy.
    pub settled: bool,
}

/// Makes the pool serve the image, unless `stop` comes first.
pub async fn roll_out(
    request: &Rollout,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
) -> Result<State, NotRolledOut> {
    let job = Job::new(request, arm, events);
    let result = job.until_stopped(stop).await;
    result.map_err(|not_rolled_out| permissions::explained(not_rolled_out, request))
}

impl<'a> Job<'a> {
    /// A job that has done nothing.
    pub fn new(request: &'a Rollout, arm: &'a Arm, events: &'a dyn Events) -> Self {
        Self {
            request,
            arm,
            events,
            lists: Lists::default(),
            going: Mutex::default(),
            update: Mutex::default(),
            machines: Mutex::default(),
            last: Mutex::default(),
        }
    }

    async fn carry_out(&self) -> Result<State, NotRolledOut> {
        let result = self.by_method().await;
        // What was looked at has hosts.
        self.tell_kept().await;
        result
    }

    async fn by_method(&self) -> Result<State, NotRolledOut> {
        let seen = self.look().await?;
        for warning in self.request.without_effect(seen.method) {
            self.events.emit(Event::Warning(Warning {
                code: warning.code.as_str(),
                text: warning.text,
                hint: warning.hint,
            }));
        }
        if seen.settled && !self.may_go_on(&seen) {
            return Ok(self.nothing("every host that lets users in has the image, and is healthy"));
        }
        if self.request.preview {
            let lines = match seen.method {
                RolloutMethod::SessionHostUpdate => {
                    Box::pin(session_host_update::plan(self, &seen)).await?
                }
                RolloutMethod::Existing => existing::plan(self, &seen)?,
                RolloutMethod::Replace => Box::pin(replace::plan(self, &seen)).await?,
            };
            self.events.emit(Event::Plan(lines));
            return Ok(State::Nothing);
        }
        match seen.method {
            RolloutMethod::SessionHostUpdate => {
                Box::pin(session_host_update::carry_out(self, seen)).await
            }
            RolloutMethod::Existing => Box::pin(existing::carry_out(self, seen)).await,
            RolloutMethod::Replace => Box::pin(replace::carry_out(self, seen)).await,
        }
    }

    /// The old hosts that this roll-out or an earlier one has kept.
    async fn tell_kept(&self) {
        let hosts = self.last_hosts();
        let kept = kept::of(self, &hosts).await;
        if !kept.is_empty() {
            self.emit(Event::Kept(kept));
        }
    }

    /// Whether there may be something to do although all hosts that let users in are as they should be.
    fn may_go_on(&self, seen: &Seen) -> bool {
        match seen.method {
            RolloutMethod::SessionHostUpdate => true,
            RolloutMethod::Existing => false,
            RolloutMethod::Replace => seen.own.is_of(self.request),
        }
    }

    fn nothing(&self, why: &'static str) -> State {
        self.events.emit(Event::Nothing { why });
        State::Nothing
    }

    /// Azure's clock.
    pub fn now(&self) -> OffsetDateTime {
        let azure = self.arm.client.azure_time();
        azure.unwrap_or_else(OffsetDateTime::now_utc)
    }

    /// Tells of something.
    pub fn emit(&self, event: Event) {
        if let Event::Hosts(hosts) = &event {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.clone_from(hosts);
        }
        self.events.emit(event);
    }

    fn last_hosts(&self) -> Vec<Host> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    /// Tells of something that does not stop it.
    pub fn warn(&self, code: &'static str, text: String, hint: Option<String>) {
        let warning = Warning { code, text, hint };
        self.events.emit(Event::Warning(warning));
    }

    /// One session host as it is now; nothing if it is gone.
    pub async fn host(&self, name: &str) -> Result<Option<SessionHost>, NotRolledOut> {
        let pool = &self.request.pool;
        Ok(self.arm.session_host(pool, name).await?)
    }

    /// Drains a host, or lets users in again where it is to be `open`. A host that is gone needs neither.
    pub async fn drain(&self, name: &str, open: bool) -> Result<(), NotRolledOut> {
        self.events.emit(Event::Changed);
        let pool = &self.request.pool;
        self.arm.let_in(pool, name, open).await?;
        self.note_open(name, open);
        Ok(())
    }

    /// The last list follows what was changed since: it is what result and summary show.
    fn note_open(&self, name: &str, open: bool) {
        let mut hosts = self.last_hosts();
        let changed = hosts
            .iter_mut()
            .find(|host| host.host.name.eq_ignore_ascii_case(name));
        if let Some(changed) = changed {
            changed.host.allow_new_session = open;
            self.emit(Event::Hosts(hosts));
        }
    }

    /// The same for a host that is not in the pool any more.
    fn note_gone(&self, name: &str) {
        let mut hosts = self.last_hosts();
        let before = hosts.len();
        hosts.retain(|host| !host.host.name.eq_ignore_ascii_case(name));
        if hosts.len() < before {
            self.emit(Event::Hosts(hosts));
        }
    }
}
