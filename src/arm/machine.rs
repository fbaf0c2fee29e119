//! Virtual machines: where one is, its image, its tags, whether it is up, and what stays when it is deleted
//! (<https://learn.microsoft.com/rest/api/compute/virtual-machines>, <https://learn.microsoft.com/rest/api/resources/tags/update-at-scope>).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::api::{MACHINES, RESOURCES};
use super::client::{Call, Signer, asked_pause};
use super::failure::{Cause, Failure};
use super::machine_image::MachineImage;
use super::machine_part::Part;
use super::operation::Started;
use super::pace::Polled;
use super::refusal::shortened;
use super::resource_manager::Arm;
use super::retry::Repeat;
use crate::resource::{ResourceGroupId, ResourceId, plain_region};
use crate::secret::Secret;

pub use super::machine_part::MACHINE;

/// A VM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its region, `westeurope`; empty where Azure does not say it.
    pub region: String,
    /// What it was made of.
    pub image: MachineImage,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Ids of disks and network interfaces that stay when it is deleted.
    pub left_behind: Vec<String>,
    /// How its creation is: `Creating`, `Succeeded`, `Failed` ...
    pub provisioning: String,
    /// Code and text of a creation that failed, where Azure has them.
    pub failure: Option<(String, String)>,
    /// The last part of its power state: `running`, `deallocated`; empty where its instance view was not asked for or has none.
    pub power: String,
    /// The power state in Azure's words for people: `VM running`; empty as above.
    pub power_in_words: String,
    /// What the guest agent last said, or Azure of it.
    pub agent: Option<String>,
    /// Whether the guest agent is ready.
    pub agent_is_ready: bool,
}

impl Machine {
    /// Reads a VM, with or without its instance view.
    pub fn read(document: &Value) -> Self {
        let tags = document.get("tags").and_then(Value::as_object);
        let tag = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.into()));
        let image = document.pointer("/properties/storageProfile/imageReference");
        let list = |pointer: &str| document.pointer(pointer).and_then(Value::as_array);
        let statuses = list("/properties/instanceView/statuses");
        let with_code = |prefix: &str| {
            let mut all = statuses.into_iter().flatten();
            let status = all.find_map(|status| {
                let code = status.get("code")?.as_str()?;
                let start = code.get(..prefix.len())?;
                let rest = code.get(prefix.len()..)?;
                start.eq_ignore_ascii_case(prefix).then_some((rest, status))
            });
            status.unwrap_or(("", &Value::Null))
        };
        let (power, power_status) = with_code("PowerState/");
        let (failure, failed) = with_code("ProvisioningState/failed/");
        let agent = list("/properties/instanceView/vmAgent/statuses");
        let agent: Vec<&Value> = agent.into_iter().flatten().collect();
        let is_ready = |status: &&Value| {
            text(status, "/displayStatus").is_some_and(|it| it.eq_ignore_ascii_case("Ready"))
        };
        let said =
            |status: &&Value| text(status, "/message").or_else(|| text(status, "/displayStatus"));
        let message = text(failed, "/message").unwrap_or_default();
        Self {
            region: plain_region(&text(document, "/location").unwrap_or_default()),
            image: image.map(MachineImage::read).unwrap_or_default(),
            tags: tags.into_iter().flatten().filter_map(tag).collect(),
            left_behind: left_behind(document),
            provisioning: text(document, "/properties/provisioningState").unwrap_or_default(),
            failure: (!failure.is_empty()).then(|| (failure.to_owned(), shortened(&message))),
            power: power.to_ascii_lowercase(),
            power_in_words: text(power_status, "/displayStatus").unwrap_or_default(),
            agent: agent.first().and_then(said).map(|said| shortened(&said)),
            agent_is_ready: agent.iter().any(is_ready),
        }
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.power == "running"
    }

    /// Whether it is up and takes commands.
    pub fn is_ready(&self) -> bool {
        let is_made = self.provisioning.eq_ignore_ascii_case("Succeeded");
        is_made && self.is_running() && self.agent_is_ready
    }

    /// The value of a tag; names of tags ignore case.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        let found = tags.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned)
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
    /// A VM; nothing if it is gone. It has no power state and nothing of the guest agent.
    pub async fn machine(&self, id: &ResourceId) -> Result<Option<Machine>, Failure> {
        let doing = format!("Reading VM '{}'", id.name());
        let found = self.get_if_there(&doing, id, MACHINES).await?;
        Ok(found.as_ref().map(Machine::read))
    }

    /// A VM with its instance view; nothing if it is gone.
    pub async fn machine_with_view(&self, id: &ResourceId) -> Result<Option<Machine>, Failure> {
        Ok(self.poll_machine(id).await?.value)
    }

    /// The same, with the pause that Azure asks for.
    pub async fn poll_machine(&self, id: &ResourceId) -> Result<Polled<Option<Machine>>, Failure> {
        let doing = format!("Reading VM '{}'", id.name());
        let path = format!("{id}?$expand=instanceView");
        self.view(&doing, path, Machine::read).await
    }

    /// What `read` makes of a VM, or of something below it, with the pause that Azure asks for.
    pub(super) async fn view<T>(
        &self,
        doing: &str,
        path: String,
        read: impl FnOnce(&Value) -> T,
    ) -> Result<Polled<Option<T>>, Failure> {
        let request = self.reading(doing, path, MACHINES);
        match self.send_in(request, MACHINES).await {
            Ok(answer) => {
                let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                Ok(Polled {
                    value: Some(read(&document)),
                    pause: asked_pause(answer.headers()),
                })
            }
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(Polled {
                value: None,
                pause: None,
            }),
            Err(failure) => Err(failure),
        }
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

    /// The ids of the VMs of a resource group.
    pub async fn machines_in(&self, group: &ResourceGroupId) -> Result<Vec<ResourceId>, Failure> {
        Ok(ids(&self.parts(Part::Vm, group).await?))
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

/// Where the pictures of a VM's screen and its serial log are. Who knows these links can read them.
///
/// <https://learn.microsoft.com/rest/api/compute/virtual-machines/retrieve-boot-diagnostics-data>
#[derive(Debug, Clone)]
pub struct BootDiagnostics {
    /// A picture of the screen.
    pub screen: Option<Secret>,
    /// What was written to the serial port.
    pub serial: Option<Secret>,
}

impl Arm {
    /// The links to the boot diagnostics of a VM, valid for some minutes.
    pub async fn boot_diagnostics(&self, machine: &ResourceId) -> Result<BootDiagnostics, Failure> {
        let doing = format!("Asking for the boot diagnostics of VM '{}'", machine.name());
        let path =
            format!("{machine}/retrieveBootDiagnosticsData?sasUriExpirationTimeInMinutes=10");
        let call = self.request(&doing, Method::POST, path, MACHINES);
        let answer = self
            .change(call.repeated(Repeat::Always), MACHINES)
            .await?
            .resource;
        let link = |name: &str| {
            let link = answer.get(name).and_then(Value::as_str);
            link.map(|link| self.client.secret(link))
        };
        let links = BootDiagnostics {
            screen: link("consoleScreenshotBlobUri"),
            serial: link("serialConsoleLogBlobUri"),
        };
        if links.screen.is_none() && links.serial.is_none() {
            let cause = Cause::Unreadable("there is no link in it".to_owned());
            return Err(Failure::of(doing, cause));
        }
        Ok(links)
    }

    /// What is behind a link of boot diagnostics. No token goes there: the link itself is the permission.
    pub async fn behind_link(&self, doing: &str, link: &Secret) -> Result<Bytes, Failure> {
        let mut call = Call::new(doing, Method::GET, link.reveal(), &self.scope);
        call.signer = Some(Arc::new(ByLink));
        call.expects_json = false;
        Ok(self.client.send(&call).await?.into_body())
    }
}

/// The permission to read is in the address.
#[derive(Debug)]
struct ByLink;

impl Signer for ByLink {
    fn sign(&self, _: &mut Request<Bytes>) {}
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
        let machine = Machine::read(&document);
        assert_eq!(machine.left_behind, ["/data1", "/data2", "/nic2"]);
        assert_eq!(machine.power, "deallocated");
        assert_eq!(machine.tag("owner"), Some("a"));
        assert_eq!(Machine::read(&json!({})), Machine::default());
        let machine = Machine::read(&json!({"location": "West Europe", "properties": {}}));
        assert_eq!(machine.region, "westeurope");
    }

    fn machine_with(view: Value) -> Machine {
        let mut document = json!({"properties": {"provisioningState": "Succeeded"}});
        document["properties"]["instanceView"] = view;
        Machine::read(&document)
    }

    /// The view is that of a recording of 2021.
    #[test]
    fn a_machine_is_ready_when_it_runs_and_its_agent_says_so() {
        let power =
            |code: &str| json!({"code": code, "level": "Info", "displayStatus": "VM running"});
        let agent = |status: &str| {
            json!({"vmAgentVersion": "2.7.41491.1024", "statuses": [{"code": "ProvisioningState/succeeded", "level": "Info",
                "displayStatus": status, "message": "GuestAgent is running and processing the extensions.", "time": "2021-10-09T06:55:00+00:00"}]})
        };
        let made = json!({"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"});
        let ready = machine_with(
            json!({"computerName": "myVM", "vmAgent": agent("Ready"), "statuses": [made, power("PowerState/running")]}),
        );
        assert!(ready.is_ready() && ready.failure.is_none(), "{ready:?}");
        for view in [
            json!({"vmAgent": agent("Not Ready"), "statuses": [made, power("PowerState/running")]}),
            json!({"vmAgent": agent("Ready"), "statuses": [made, power("PowerState/stopped")]}),
            json!({"vmAgent": agent("Ready"), "statuses": [made]}),
            json!({"statuses": [made, power("PowerState/running")]}),
            json!({"vmAgent": {"statuses": []}, "statuses": 7}),
            Value::Null,
        ] {
            assert!(!machine_with(view.clone()).is_ready(), "{view}");
        }
        let mut creating = ready;
        creating.provisioning = "Creating".to_owned();
        assert!(!creating.is_ready());
    }

    #[test]
    fn a_machine_tells_why_it_could_not_be_made() {
        let failed = machine_with(json!({"statuses": [
            {"code": "ProvisioningState/failed/AllocationFailed", "level": "Error", "message": "no room"}
        ]}));
        let expected = ("AllocationFailed".to_owned(), "no room".to_owned());
        assert_eq!(failed.failure, Some(expected));
        let unnamed = machine_with(json!({"statuses": [{"code": "ProvisioningState/failed"}]}));
        assert_eq!(unnamed.failure, None);
    }
}
