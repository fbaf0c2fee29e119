//! A VM that is made to see an image boot, and what belongs to it: network interface and disks. What can be done with each of the three.
//!
//! <https://learn.microsoft.com/rest/api/compute/virtual-machines>, <https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces>,
//! <https://learn.microsoft.com/rest/api/compute/disks>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::{DISKS, MACHINES, NETWORKS};
use super::failure::Failure;
use super::operation::Started;
use super::resource_manager::{Arm, Changed};
use crate::resource::{ResourceGroupId, ResourceId};

/// The resource type of a VM.
pub const MACHINE: &str = "Microsoft.Compute/virtualMachines";

/// A VM, or something that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The VM itself.
    Vm,
    /// Its network interface.
    Nic,
    /// A disk of it.
    Disk,
}

impl Part {
    /// All kinds, in the order in which they are deleted: Azure deletes nothing that a VM still has.
    pub const ALL: [Self; 3] = [Self::Vm, Self::Nic, Self::Disk];

    /// Its resource type.
    pub fn resource_type(self) -> &'static str {
        match self {
            Self::Vm => MACHINE,
            Self::Nic => "Microsoft.Network/networkInterfaces",
            Self::Disk => "Microsoft.Compute/disks",
        }
    }

    fn api(self) -> &'static str {
        match self {
            Self::Vm => MACHINES,
            Self::Nic => NETWORKS,
            Self::Disk => DISKS,
        }
    }

    /// What it is called in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Vm => "VM",
            Self::Nic => "network interface",
            Self::Disk => "disk",
        }
    }

    /// The id of the one with this name in a group.
    pub fn id(self, group: &ResourceGroupId, name: &str) -> ResourceId {
        let (subscription, group) = (group.subscription(), group.name());
        ResourceId::in_group(subscription, group, self.resource_type(), name)
    }
}

/// The value of a tag of a resource. Names of tags ignore letter case.
pub fn tag<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let mut tags = document.get("tags")?.as_object()?.iter();
    let (_, value) = tags.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    value.as_str()
}

impl Arm {
    /// A VM, a network interface or a disk; nothing where there is none.
    pub async fn part(&self, part: Part, id: &ResourceId) -> Result<Option<Value>, Failure> {
        let doing = format!("Reading {} '{}'", part.noun(), id.name());
        self.get_if_there(&doing, id, part.api()).await
    }

    /// All of a kind in a resource group, to the last page.
    pub async fn parts(&self, part: Part, group: &ResourceGroupId) -> Result<Vec<Value>, Failure> {
        let doing = format!(
            "Listing the {}s of resource group '{}'",
            part.noun(),
            group.name()
        );
        let path = format!("{group}/providers/{}", part.resource_type());
        self.pages(&doing, path, part.api()).await
    }

    /// Asks for a VM or a network interface. Never repeated blindly: after a lost answer the caller reads the resource.
    pub async fn create_part(
        &self,
        part: Part,
        id: &ResourceId,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let doing = format!("Creating {} '{}'", part.noun(), id.name());
        self.put(&doing, id, part.api(), body).await
    }

    /// Sets the tags of a VM, a network interface or a disk: those that are left out are gone.
    pub async fn set_tags(
        &self,
        part: Part,
        id: &ResourceId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let doing = format!("Setting the tags of {} '{}'", part.noun(), id.name());
        let body = json!({"tags": tags});
        self.patch(&doing, id, part.api(), &body).await.map(drop)
    }

    /// Deletes one; nothing where there is none. A VM is not shut down first.
    pub async fn delete_part(
        &self,
        part: Part,
        id: &ResourceId,
    ) -> Result<Option<Started>, Failure> {
        let doing = format!("Deleting {} '{}'", part.noun(), id.name());
        match part {
            Part::Vm => {
                let path = format!("{id}?forceDeletion=true");
                self.delete(&doing, path, part.api()).await
            }
            Part::Nic | Part::Disk => self.delete(&doing, id, part.api()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_no_letter_case() {
        let document = json!({"tags": {"IMAGEBUILDERRUN": "c/p/1", "n": 7}});
        assert_eq!(tag(&document, "imageBuilderRun"), Some("c/p/1"));
        assert_eq!(tag(&document, "n"), None);
        assert_eq!(tag(&json!({}), "n"), None);
    }
}
