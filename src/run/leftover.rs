//! What a build may leave in Azure: registered before it is made, removed after it has served, or named with the command that removes it.

use serde::{Deserialize, Serialize};

use super::event::{Event, Events};
use crate::resource::{IMAGE_TEMPLATE, ResourceId};
use crate::storage::BlobRef;

/// One thing that may exist in Azure because of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Leftover {
    /// An image template, with its staging resource group and perhaps a run.
    Template {
        /// Its resource id.
        id: String,
    },
    /// The package.
    Blob(Box<BlobRef>),
}

impl Leftover {
    /// The image template `id`.
    pub fn template(id: &ResourceId) -> Self {
        Self::Template { id: id.to_string() }
    }

    /// What it is, for a sentence.
    pub fn describe(&self) -> String {
        match self {
            Self::Template { id } => match id.parse::<ResourceId>() {
                Ok(id) => format!(
                    "image template '{}' in resource group '{}'",
                    id.name(),
                    id.resource_group()
                ),
                Err(_) => format!("image template '{id}'"),
            },
            Self::Blob(blob) => blob.to_string(),
        }
    }

    /// The command that removes it.
    pub fn removal_command(&self) -> String {
        match self {
            Self::Template { id } => match id.parse::<ResourceId>() {
                Ok(id) if id.is(IMAGE_TEMPLATE) => format!(
                    "az image builder delete --subscription {} --resource-group {} --name {}",
                    id.subscription(),
                    id.resource_group(),
                    id.name()
                ),
                _ => format!("az resource delete --ids {id}"),
            },
            Self::Blob(blob) => blob.removal_command(),
        }
    }
}

/// Something that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// What stays.
    pub leftover: Leftover,
    /// Who refused to remove it, and why, as a sentence.
    pub why: String,
}

impl Remains {
    /// `leftover` stays for `reason`.
    pub fn of(leftover: Leftover, reason: &str) -> Self {
        let why = format!("Removing {} failed: {reason}", leftover.describe());
        Self { leftover, why }
    }
}

/// The things that may exist now. Every change is told to the listener at once, who keeps it where a later step finds it.
pub struct Leftovers<'a> {
    events: &'a dyn Events,
    all: Vec<Leftover>,
}

impl<'a> Leftovers<'a> {
    /// Nothing yet.
    pub fn none(events: &'a dyn Events) -> Self {
        Self {
            events,
            all: Vec::new(),
        }
    }

    /// What an earlier step registered; nothing is said.
    pub fn known(events: &'a dyn Events, all: Vec<Leftover>) -> Self {
        Self { events, all }
    }

    /// To be called before the request that may make `leftover`.
    pub fn register(&mut self, leftover: Leftover) {
        self.all.push(leftover.clone());
        self.events.emit(Event::Registered(leftover));
    }

    /// `leftover` is gone.
    pub fn removed(&mut self, leftover: &Leftover) {
        self.all.retain(|known| known != leftover);
        self.events.emit(Event::Removed(leftover.clone()));
    }

    /// `leftover` never came to be through us: what is there under its name, if anything, is somebody else's.
    pub fn not_ours(&mut self, leftover: &Leftover) {
        self.all.retain(|known| known != leftover);
        self.events.emit(Event::NotOurs(leftover.clone()));
    }

    /// `leftover` stays on purpose.
    pub fn keep(&mut self, leftover: &Leftover) {
        self.all.retain(|known| known != leftover);
        self.events.emit(Event::Kept(leftover.clone()));
    }

    /// Everything stays, for one reason.
    pub fn all_remain(&self, reason: &str) -> Vec<Remains> {
        self.all
            .iter()
            .map(|leftover| Remains::of(leftover.clone(), reason))
            .collect()
    }

    /// What may exist, in the order in which it was registered.
    pub fn all(&self) -> &[Leftover] {
        &self.all
    }
}
