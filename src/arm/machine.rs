//! Virtual machines: power, tags, and what goes along when one is deleted
//! (<https://learn.microsoft.com/rest/api/compute/virtual-machines>, <https://learn.microsoft.com/rest/api/resources/tags/update-at-scope>).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::{MACHINES, RESOURCES};
use super::failure::Failure;
use super::operation::Started;
use super::resource_manager::Arm;
use crate::resource::{ResourceGroupId, ResourceId};

/// The resource type of a VM.
pub const MACHINE: &str = "Microsoft.Compute/virtualMachines";

/// A VM as far as it matters to who starts it or takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The last part of its power state: `running`, `deallocated`; empty where Azure tells none.
    pub power: String,
    /// Ids of disks and network interfaces that stay when it is deleted.
    pub left_behind: Vec<String>,
}

impl MachineState {
    fn read(document: &Value) -> Self {
        let tags = document.get("tags").and_then(Value::as_object);
        let tags = tags.into_iter().flatten();
        let codes = document.pointer("/properties/instanceView/statuses");
        let codes = codes.and_then(Value::as_array).into_iter().flatten();
        let mut codes = codes.filter_map(|status| status.get("code")?.as_str());
        let power = codes.find_map(|code| {
            code.split_once('/')
                .filter(|(kind, _)| *kind == "PowerState")
        });
        Self {
            tags: tags
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
            power: power.map_or_else(String::new, |(_, state)| state.to_ascii_lowercase()),
            left_behind: left_behind(document),
        }
    }

    /// The value of a tag; names of tags ignore case.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        let found = tags.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// `deleteOption` is `Detach` where nothing else is said, and then the part stays.
fn left_behind(document: &Value) -> Vec<String> {
    let disk = |disk: &Value| {
        let id = disk.pointer("/managedDisk/id")?.as_str()?;
        Some((id.to_owned(), disk.get("deleteOption").cloned()))
    };
    let interface = |interface: &Value| {
        let id = interface.get("id")?.as_str()?;
        let option = interface.pointer("/properties/deleteOption").cloned();
        Some((id.to_owned(), option))
    };
    let list = |path: &str| {
        let list = document.pointer(path).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    let system = document.pointer("/properties/storageProfile/osDisk");
    let all = system.and_then(disk).into_iter();
    let all = all.chain(list("/properties/storageProfile/dataDisks").filter_map(disk));
    let all = all.chain(list("/properties/networkProfile/networkInterfaces").filter_map(interface));
    all.filter(|(_, option)| {
        let option = option.as_ref().and_then(Value::as_str);
        !option.is_some_and(|option| option.eq_ignore_ascii_case("Delete"))
    })
    .map(|(id, _)| id)
    .collect()
}

impl Arm {
    /// A VM with its power state; nothing if it is gone.
    pub async fn machine_state(&self, id: &ResourceId) -> Result<Option<MachineState>, Failure> {
        let doing = format!("Reading VM '{}'", id.name());
        let path = format!("{id}?$expand=instanceView");
        let found = self.get_if_there(&doing, path, MACHINES).await?;
        Ok(found.as_ref().map(MachineState::read))
    }

    /// Starts a VM.
    pub async fn start_machine(&self, id: &ResourceId) -> Result<Started, Failure> {
        let doing = format!("Starting VM '{}'", id.name());
        self.ask_for(&doing, format!("{id}/start"), MACHINES).await
    }

    /// Stops a VM, so that its processors cost nothing.
    pub async fn deallocate_machine(&self, id: &ResourceId) -> Result<Started, Failure> {
        let doing = format!("Deallocating VM '{}'", id.name());
        self.ask_for(&doing, format!("{id}/deallocate"), MACHINES)
            .await
    }

    /// Deletes a VM, which is shut down before; nothing if there is none.
    pub async fn delete_machine(&self, id: &ResourceId) -> Result<Option<Started>, Failure> {
        let doing = format!("Deleting VM '{}'", id.name());
        let path = format!("{id}?forceDeletion=false");
        self.delete(&doing, path, MACHINES).await
    }

    /// Adds a tag to a resource. Its other tags stay.
    pub async fn add_tag(&self, id: &ResourceId, name: &str, value: &str) -> Result<(), Failure> {
        let doing = format!("Adding tag '{name}' to '{}'", id.name());
        let path = format!("{id}/providers/Microsoft.Resources/tags/default");
        let body = json!({"operation": "Merge", "properties": {"tags": {name: value}}});
        self.patch(&doing, path, RESOURCES, &body).await.map(drop)
    }

    /// Sets the tags of a VM: those that are left out are gone.
    pub async fn set_tags_of_machine(
        &self,
        id: &ResourceId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let doing = format!("Setting the tags of VM '{}'", id.name());
        let body = json!({"tags": tags});
        self.patch(&doing, id, MACHINES, &body).await.map(drop)
    }

    /// The ids of the VMs of a resource group.
    pub async fn machines_in(&self, group: &ResourceGroupId) -> Result<Vec<ResourceId>, Failure> {
        let doing = format!("Listing the VMs of resource group '{}'", group.name());
        let path = format!("{group}/providers/{MACHINE}");
        let all = self.pages(&doing, path, MACHINES).await?;
        Ok(ids(&all))
    }

    /// The ids of the VMs of a subscription with this tag.
    pub async fn machines_with_tag(
        &self,
        subscription: &str,
        name: &str,
        value: &str,
    ) -> Result<Vec<ResourceId>, Failure> {
        let quoted = |text: &str| text.replace('\'', "''");
        let path = format!(
            "/subscriptions/{subscription}/resources?$filter=tagName eq '{}' and tagValue eq '{}'",
            quoted(name),
            quoted(value)
        );
        let doing = format!("Looking for VMs with tag '{name}'");
        let all = self.pages(&doing, path, RESOURCES).await?;
        Ok(ids(&all))
    }
}

/// The ids of the VMs in a list.
fn ids(list: &[Value]) -> Vec<ResourceId> {
    let ids = list.iter().filter_map(|item| item.get("id")?.as_str());
    let ids = ids.filter_map(|id| id.parse().ok());
    ids.filter(|id: &ResourceId| id.is(MACHINE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_deleted_along_stays() {
        let document = json!({
            "tags": {"Owner": "a"},
            "properties": {
                "storageProfile": {
                    "osDisk": {"managedDisk": {"id": "/os"}, "deleteOption": "Delete"},
                    "dataDisks": [
                        {"managedDisk": {"id": "/data1"}, "deleteOption": "Detach"},
                        {"managedDisk": {"id": "/data2"}},
                        {"vhd": {}},
                    ],
                },
                "networkProfile": {"networkInterfaces": [
                    {"id": "/nic1", "properties": {"deleteOption": "delete"}},
                    {"id": "/nic2"},
                ]},
                "instanceView": {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/Deallocated"}]},
            },
        });
        let machine = MachineState::read(&document);
        assert_eq!(machine.left_behind, ["/data1", "/data2", "/nic2"]);
        assert_eq!(machine.power, "deallocated");
        assert_eq!(machine.tag("owner"), Some("a"));
        let bare = MachineState::read(&json!({}));
        assert!(bare.left_behind.is_empty() && bare.power.is_empty());
    }
}
