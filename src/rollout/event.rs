//! What happens during a roll-out, as data. Whoever listens decides how it reads.

use super::faults::Fault;
use super::{Host, kept, replace, session_host_update, watch};
use crate::arm::desktops::HostPool;
use crate::inputs::RolloutMethod;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What there is before anything is changed.
    Looked(Box<Picture>),
    /// How it is done, and whether the step chose it.
    Method {
        /// How.
        method: RolloutMethod,
        /// Whether the author left it to the step.
        is_chosen: bool,
    },
    /// A step begins; the one before has ended.
    Step(&'static str),
    /// The image of before: the id of a version, or `publisher:offer:sku:version`.
    Previous(String),
    /// The hosts as they are now.
    Hosts(Vec<Host>),
    /// Something is about to be changed in Azure.
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
    /// The step is stopped; whether something goes on in Azure because of it.
    Stopped {
        /// Whether something goes on.
        goes_on: bool,
    },
    /// A line of progress that has no data.
    Line(String),
    /// Something that does not stop it.
    Warning(Warning),
    /// Of a session host update.
    Update(session_host_update::Event),
    /// Of hosts that are waited for.
    Health(watch::HealthEvent),
    /// Old hosts that are kept as the way back.
    Kept(Vec<kept::KeptHost>),
    /// Of hosts that are made.
    Replace(replace::Event),
}

/// What there is before anything is changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
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

/// Listens to a roll-out.
pub trait Events: Send + Sync {
    /// Takes note of `event`; returns when it is written down.
    fn emit(&self, event: Event);
}
