//! What a build may leave in Azure: registered before it is made, removed after it has served, or named with the command that removes it.

use serde::{Deserialize, Serialize};

use super::event::{Event, Events};
use crate::resource::{IMAGE_TEMPLATE, ResourceId};
use crate::storage::{BlobRef, CONTAINER};

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
    /// The package, written by a key of the account, because the service connection has no role for its blobs.
    BlobByKey(Box<BlobRef>),
}

impl Leftover {
    /// The image template `id`.
    pub fn template(id: &ResourceId) -> Self {
        Self::Template { id: id.to_string() }
    }

    /// The blob, if it is one.
    pub fn blob(&self) -> Option<&BlobRef> {
        match self {
            Self::Blob(blob) | Self::BlobByKey(blob) => Some(blob),
            Self::Template { .. } => None,
        }
    }

    /// Whether it looks like something that this task makes. A note comes by way of variables, which somebody else may have set,
    /// and everything in it is deleted with the rights of the service connection.
    pub fn is_of_this_task(&self) -> bool {
        match self {
            Self::Template { id } => id.parse::<ResourceId>().is_ok_and(|id| {
                let number = id.name().strip_prefix("t_");
                id.is(IMAGE_TEMPLATE) && number.is_some_and(is_number)
            }),
            Self::Blob(blob) | Self::BlobByKey(blob) => {
                let mut parts = blob.name.split(['-', '_', '/', '.']);
                blob.container == CONTAINER && parts.any(|part| part.len() > 12 && is_number(part))
            }
        }
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
            Self::Blob(blob) | Self::BlobByKey(blob) => blob.to_string(),
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
            Self::Blob(blob) => blob.removal_command("login"),
            Self::BlobByKey(blob) => blob.removal_command("key"),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_task_makes_is_taken_from_a_note() {
        let check = |id: &str, expected| {
            let leftover = Leftover::Template { id: id.to_owned() };
            assert_eq!(leftover.is_of_this_task(), expected, "{id}");
        };
        let group = "/subscriptions/s/resourceGroups/g/providers";
        let templates = format!("{group}/Microsoft.VirtualMachineImages/imageTemplates");
        check(&format!("{templates}/t_1763800000000000"), true);
        check(&format!("{templates}/production"), false);
        check(&format!("{templates}/t_"), false);
        check(&format!("{templates}/t_1/runOutputs/t_1"), false);
        check(&format!("{group}/Microsoft.Compute/galleries/t_1"), false);
        check("/subscriptions/s/resourceGroups/t_1", false);
        check("t_1", false);
    }
}
