//! What was found.

use time::OffsetDateTime;

use crate::arm::gallery::Version;
use crate::error::Error;
use crate::inputs::Condition;
use crate::resource::ResourceId;

use super::standing::{Standing, holds};

/// An image definition with its versions.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its id.
    pub id: ResourceId,
    /// Its versions; nothing where they could not be read.
    pub versions: Option<Vec<Version>>,
}

/// What runs an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The name of the session host, of the VM or of the scale set.
    pub name: String,
    /// The id of the VM or of the scale set, where it is known.
    pub id: Option<String>,
    /// Its region, `westeurope`, where it is known.
    pub region: Option<String>,
    /// What kind of machine it is, and where.
    pub place: Place,
    /// Its image.
    pub runs: Runs,
    /// What that means.
    pub standing: Standing,
}

/// Where a machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A session host of a host pool.
    Pool {
        /// The pool.
        pool: ResourceId,
        /// Azure's word for how the host is.
        status: String,
        /// How many users are on it, where that is told.
        sessions: Option<u64>,
        /// Whether it lets users in.
        open: bool,
    },
    /// A VM outside of the pools.
    Virtual,
    /// A scale set.
    ScaleSet,
}

/// The image of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// A version of one of the definitions, which exists or is not there any more.
    Version(ResourceId),
    /// Another image, as Azure names it.
    Other(String),
    /// Nobody knows: the host is registered, and its VM does not exist.
    Gone,
    /// Nobody knows: it could not be read.
    Unseen,
}

/// A place that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// `the VMs of 2 session hosts of host pool 'hp'`.
    pub what: String,
    /// Who refused, and why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// A condition of the author's that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// Which one.
    pub condition: Condition,
    /// The machines of which it holds: session hosts first.
    pub machines: Vec<&'a Machine>,
}

/// How the step ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why the step failed beside what the author asked for. What was seen stands beside it.
    pub errors: Vec<Error>,
    /// Whether something was read; without that there is nothing to tell.
    pub looked: bool,
    /// The definitions.
    pub definitions: Vec<Definition>,
    /// Session hosts, VMs and scale sets.
    pub machines: Vec<Machine>,
    /// What the service connection may not read.
    pub unseen: Vec<Unseen>,
    /// The time in Azure, once everything was looked at.
    pub now: Option<OffsetDateTime>,
}

impl Outcome {
    /// The session hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &Machine> {
        let all = self.machines.iter();
        all.filter(|machine| matches!(machine.place, Place::Pool { .. }))
    }

    /// How many session hosts are behind.
    pub fn hosts_behind(&self) -> usize {
        let behind = self.hosts().filter(|host| host.standing.behind.is_some());
        behind.count()
    }

    /// The conditions that hold, in the order in which they were given; none before everything was looked at.
    pub fn hits(&self, conditions: &[Condition]) -> Vec<Hit<'_>> {
        let Some(now) = self.now else {
            return Vec::new();
        };
        let hit = |condition: &Condition| {
            let machines = self.machines.iter();
            let machines: Vec<_> = machines
                .filter(|machine| holds(*condition, &machine.standing, now))
                .collect();
            (!machines.is_empty()).then_some(Hit {
                condition: *condition,
                machines,
            })
        };
        conditions.iter().filter_map(hit).collect()
    }
}
