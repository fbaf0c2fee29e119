//! What happens during a roll-out, as data. Whoever listens decides how it reads.

use std::time::Duration;

use super::faults::Fault;
use super::host::Host;
use super::outcome::RolloutState;
use crate::arm::desktops::{HostPool, UpdateStatus};
use crate::inputs::{RolloutMethod, WantedImage};
use crate::resource::ResourceId;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What there is before anything is changed.
    Overview(Box<PoolOverview>),
    /// How it is done, and whether the step chose it.
    Method {
        /// How.
        method: RolloutMethod,
        /// Whether the author left it to the step.
        is_chosen: bool,
    },
    /// A phase begins; the one before has ended. The result file calls it a step.
    Phase(&'static str),
    /// The image of before, if a roll-out takes it.
    Previous(WantedImage),
    /// The hosts as they are now.
    Hosts(Vec<Host>),
    /// Something is about to be changed in Azure, or an earlier attempt has changed it.
    Changed,
    /// What would be done, and is not.
    Plan(Vec<String>),
    /// There is nothing to do.
    Nothing {
        /// Why.
        why: &'static str,
    },
    /// Why an update failed.
    Faults(Vec<Fault>),
    /// The step is stopped.
    Stopped {
        /// `Running` if an operation that it started continues in Azure, `Succeeded` if that had succeeded; nothing otherwise.
        state: Option<RolloutState>,
        /// What became of it, a sentence without its end.
        what: String,
    },
    /// A line of progress that has no data.
    Line(String),
    /// Something that does not stop it.
    Warning(Warning),
    /// What happens during a session host update.
    Update(UpdateEvent),
    /// How hosts are that are waited for.
    Health(HealthEvent),
    /// Old hosts that are kept as the way back.
    Kept(Vec<KeptHost>),
    /// What happens while hosts are replaced.
    Replace(ReplacementEvent),
}

/// What there is before anything is changed.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolOverview {
    /// The pool.
    pub pool: HostPool,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// The wanted image, as tables call it.
    pub wanted: String,
}

/// Something that does not stop it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The stable code.
    pub code: &'static str,
    /// A sentence.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// An old host that a roll-out has kept: drained and deallocated, with our tag on its VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHost {
    /// Its name in the pool.
    pub name: String,
    /// Its VM.
    pub machine: ResourceId,
    /// The value of the tag: `replaced-by:<version>;<time>`.
    pub tag: String,
    /// The commands that remove it.
    pub commands: Vec<String>,
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

/// What happens during a session host update.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdateEvent {
    /// The image of the configuration is about to be changed: from, to, as tables call them.
    Configuring {
        /// The image that it has.
        from: String,
        /// The image that it gets.
        to: String,
    },
    /// The change goes on; said now and then.
    StillConfiguring {
        /// Azure's word.
        state: String,
        /// Since it was asked for.
        elapsed: Duration,
    },
    /// An earlier attempt may have asked for an update that does not show yet.
    Searching,
    /// An update is about to be asked for.
    Starting,
    /// An update is followed that this attempt did not ask for.
    Following(UpdateStatus),
    /// Whether the update was asked for is not known; its status will tell.
    Unanswered {
        /// Why.
        reason: String,
    },
    /// An update has come to a new state, or still is in it.
    Status {
        /// Where it is.
        status: UpdateStatus,
        /// Since it is followed.
        elapsed: Duration,
    },
    /// A host has come to a new state.
    Host {
        /// Its name.
        name: String,
        /// Azure's word.
        status: String,
    },
    /// The service is asked to go on, or to stop.
    Control(&'static str),
    /// The service refuses to; that is no failure of its own.
    Unwilling {
        /// What it was asked for.
        action: &'static str,
        /// Why it does not.
        reason: String,
    },
    /// The status could not be read for now.
    NoNews {
        /// Why.
        reason: String,
    },
    /// There was no host to update.
    NoHosts,
}

/// What happens while new hosts are made, and old ones go out of service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplacementEvent {
    /// A deployment is about to be sent.
    Deploying {
        /// Its name.
        deployment: String,
        /// The first host and the last one.
        hosts: (String, String),
        /// How many.
        count: u32,
    },
    /// A deployment that an earlier attempt has sent is followed.
    Following {
        /// Its name.
        deployment: String,
    },
    /// An earlier attempt has made these hosts.
    Made {
        /// The deployment's name.
        deployment: String,
    },
    /// A deployment goes on; said now and then.
    Going {
        /// Its name.
        deployment: String,
        /// Azure's word.
        state: String,
        /// Since it is followed.
        elapsed: Duration,
    },
    /// Something of a deployment takes long.
    Slow {
        /// Type and name of the resource.
        resource: String,
        /// Since it was begun.
        duration: Duration,
    },
    /// A deployment has ended.
    Ended {
        /// Its name.
        deployment: String,
        /// Azure's word.
        state: String,
        /// Since it is followed.
        elapsed: Duration,
    },
    /// A new host has registered, and is drained at once.
    Registered {
        /// Its name.
        host: String,
    },
    /// A question was not answered; it goes on.
    NoNews {
        /// Why.
        reason: String,
    },
    /// Users on old hosts were told to sign out.
    Messages {
        /// How many sessions.
        sessions: usize,
        /// On how many hosts.
        hosts: usize,
        /// How long they have; nothing where as long as they like.
        grace: Option<Duration>,
    },
    /// The time of grace is over.
    SigningOut {
        /// How many sessions.
        sessions: usize,
    },
    /// An old host still has users, so it stays as it is.
    Occupied {
        /// Its name.
        host: String,
        /// How many, where that is told.
        sessions: Option<u64>,
    },
    /// An old host is switched off and stays in the pool.
    Deallocated {
        /// Its name.
        host: String,
    },
    /// An old host and its VM are gone.
    Removed {
        /// Its name.
        host: String,
    },
    /// A new host and its VM are gone, because the roll-out failed.
    TakenBack {
        /// Its name.
        host: String,
    },
}

/// Listens to a roll-out.
pub trait Events: Send + Sync {
    /// Takes note of `event`; returns when it is written down.
    fn emit(&self, event: Event);
}
