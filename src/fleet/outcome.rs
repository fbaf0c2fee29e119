//! What was found.

use time::OffsetDateTime;

use crate::arm::gallery::Version;
use crate::error::Error;
use crate::inputs::Condition;
use crate::resource::ResourceId;

use super::judgement::{Judgement, holds};

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
    pub kind: MachineKind,
    /// Its image.
    pub image: RunningImage,
    /// What that means.
    pub judgement: Judgement,
}

/// What kind of machine it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineKind {
    /// A session host of a host pool.
    SessionHost {
        /// The pool.
        pool: ResourceId,
        /// Azure's word for how the host is.
        status: String,
        /// How many users are on it, where that is known.
        sessions: Option<u64>,
        /// Whether it lets users in.
        open: bool,
    },
    /// A VM outside of the pools.
    Vm,
    /// A scale set.
    ScaleSet,
}

/// The image of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunningImage {
    /// A version of one of the definitions, which exists or is not there any more.
    Version(ResourceId),
    /// Another image, as Azure names it.
    Other(String),
    /// Not known: the host is registered, and its VM does not exist.
    NoVm,
    /// Not known: it could not be read.
    NotRead,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRead {
    /// `the VMs of 2 session hosts of host pool 'hp'`.
    pub what: String,
    /// Who refused, and why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// A condition of the author's that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetCondition<'a> {
    /// Which one.
    pub condition: Condition,
    /// The machines of which it holds, or may hold: session hosts first.
    pub machines: Vec<&'a Machine>,
    /// Those of them of which Azure does not say since when there is a newer version.
    pub undated: Vec<&'a Machine>,
}

/// How the step ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why the step failed, apart from the conditions. What was read is there all the same.
    pub errors: Vec<Error>,
    /// Whether anything was read; without that there is nothing to report.
    pub has_read: bool,
    /// The definitions.
    pub definitions: Vec<Definition>,
    /// Session hosts, VMs and scale sets.
    pub machines: Vec<Machine>,
    /// What the service connection has no permission to read.
    pub not_read: Vec<NotRead>,
    /// The time in Azure, once everything was read.
    pub now: Option<OffsetDateTime>,
}

impl Outcome {
    /// The session hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &Machine> {
        let all = self.machines.iter();
        all.filter(|machine| matches!(machine.kind, MachineKind::SessionHost { .. }))
    }

    /// How many session hosts are behind.
    pub fn hosts_behind(&self) -> usize {
        let behind = self.hosts().filter(|host| host.judgement.behind.is_some());
        behind.count()
    }

    /// The conditions that are met, in the order in which they were given; none before everything was read.
    pub fn met(&self, conditions: &[Condition]) -> Vec<MetCondition<'_>> {
        let Some(now) = self.now else {
            return Vec::new();
        };
        let met = |condition: &Condition| {
            let machines = self.machines.iter();
            let machines: Vec<_> = machines
                .filter(|machine| holds(*condition, &machine.judgement, now))
                .collect();
            let is_undated = |machine: &&Machine| match (condition, &machine.judgement.behind) {
                (Condition::BehindFor(days), Some(behind)) => {
                    behind.is_longer_than(*days, now).is_none()
                }
                _ => false,
            };
            (!machines.is_empty()).then_some(MetCondition {
                condition: *condition,
                undated: machines.iter().copied().filter(is_undated).collect(),
                machines,
            })
        };
        conditions.iter().filter_map(met).collect()
    }
}
