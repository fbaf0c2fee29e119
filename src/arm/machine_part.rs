//! Virtual machines that are made to see an image boot, and what belongs to one: network interface, disks, run commands, boot diagnostics.
//!
//! <https://learn.microsoft.com/rest/api/compute/virtual-machines>, <https://learn.microsoft.com/rest/api/compute/virtual-machine-run-commands>

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::api::{DISKS, MACHINES, NETWORKS};
use super::client::{Call, Signer, asked_pause};
use super::failure::{Cause, Failure};
use super::image_template::Seen;
use super::operation::Started;
use super::refusal::shortened;
use super::resource_manager::{Arm, Changed};
use super::retry::Repeat;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::secret::Secret;

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
            Self::Vm => "Microsoft.Compute/virtualMachines",
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

/// The member of a VM that has its size.
pub fn hardware(size: &str) -> Value {
    json!({"vmSize": size})
}

/// The value of a tag of a resource. Names of tags ignore letter case.
pub fn tag<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let mut tags = document.get("tags")?.as_object()?.iter();
    let (_, value) = tags.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    value.as_str()
}

/// Where a VM is on its way up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineView {
    /// `Creating`, `Succeeded`, `Failed` ...
    pub state: String,
    /// Code and text of a creation that failed, where the VM tells them.
    pub failure: Option<(String, String)>,
    /// `VM running` and the like; empty where Azure does not tell.
    pub power: String,
    /// Whether it runs.
    pub is_running: bool,
    /// What the guest agent last said, or Azure of it.
    pub agent: Option<String>,
    /// Whether the guest agent is ready.
    pub agent_is_ready: bool,
}

impl MachineView {
    /// Reads a VM with its instance view.
    pub fn read(document: &Value) -> Self {
        let text = |value: &Value, pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        let list = |pointer: &str| document.pointer(pointer).and_then(Value::as_array);
        let statuses = list("/properties/instanceView/statuses");
        let with_code = |prefix: &str| {
            let mut all = statuses.into_iter().flatten();
            let found = all.find(|status| {
                let code = text(status, "/code").unwrap_or_default();
                starts_with(&code, prefix)
            });
            found.cloned().unwrap_or_default()
        };
        let power = with_code("PowerState/");
        let agent = list("/properties/instanceView/vmAgent/statuses");
        let agent: Vec<&Value> = agent.into_iter().flatten().collect();
        let is_ready = |status: &&Value| {
            text(status, "/displayStatus").is_some_and(|it| it.eq_ignore_ascii_case("Ready"))
        };
        let said =
            |status: &&Value| text(status, "/message").or_else(|| text(status, "/displayStatus"));
        let failed = with_code(FAILED);
        let code = text(&failed, "/code").unwrap_or_default();
        let code = code.get(FAILED.len()..).map(str::to_owned);
        Self {
            state: text(document, "/properties/provisioningState").unwrap_or_default(),
            failure: code.map(|code| {
                let message = text(&failed, "/message").unwrap_or_default();
                (code, shortened(&message))
            }),
            is_running: text(&power, "/code")
                .is_some_and(|code| code.eq_ignore_ascii_case("PowerState/running")),
            power: text(&power, "/displayStatus").unwrap_or_default(),
            agent: agent.first().and_then(said).map(|said| shortened(&said)),
            agent_is_ready: agent.iter().any(is_ready),
        }
    }

    /// Whether it is up and takes commands.
    pub fn is_ready(&self) -> bool {
        self.state.eq_ignore_ascii_case("Succeeded") && self.is_running && self.agent_is_ready
    }
}

/// How the code of a creation begins that failed; Azure's own code follows.
const FAILED: &str = "ProvisioningState/failed/";

fn starts_with(text: &str, prefix: &str) -> bool {
    let start = text.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Where a managed run command is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandView {
    /// Of the resource: `Creating`, `Succeeded`, `Failed`. It says nothing of the script.
    pub provisioning: String,
    /// Of the script: `Pending`, `Running`, `Failed`, `Succeeded`, `TimedOut`, `Canceled`, `Unknown`; empty where Azure does not tell.
    pub state: String,
    /// Azure's text about it.
    pub message: String,
    /// The exit code; 0 as long as there is none.
    pub exit_code: i64,
    /// The end of the standard output.
    pub output: String,
    /// The end of the standard error.
    pub error: String,
    /// Whether Azure says when it began.
    pub has_begun: bool,
    /// Whether Azure says when it ended.
    pub has_ended: bool,
}

impl CommandView {
    /// Reads a run command with its instance view.
    pub fn read(document: &Value) -> Self {
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let code = document.pointer("/properties/instanceView/exitCode");
        Self {
            provisioning: text("/properties/provisioningState"),
            state: text("/properties/instanceView/executionState"),
            message: shortened(&text("/properties/instanceView/executionMessage")),
            exit_code: code.and_then(Value::as_i64).unwrap_or_default(),
            output: text("/properties/instanceView/output"),
            error: text("/properties/instanceView/error"),
            has_begun: !text("/properties/instanceView/startTime").is_empty(),
            has_ended: !text("/properties/instanceView/endTime").is_empty(),
        }
    }
}

/// Where the pictures of a VM's screen and its serial log are. Who knows these links can read them.
#[derive(Debug, Clone)]
pub struct BootDiagnostics {
    /// A picture of the screen.
    pub screen: Option<Secret>,
    /// What was written to the serial port.
    pub serial: Option<Secret>,
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

    /// Asks for a VM or a network interface. Never repeated blindly: an answer that got lost is decided by a look.
    pub async fn create_part(
        &self,
        part: Part,
        id: &ResourceId,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let doing = format!("Creating {} '{}'", part.noun(), id.name());
        self.put(&doing, id, part.api(), body).await
    }

    /// Gives a VM, a network interface or a disk these tags in place of its own.
    pub async fn set_tags_of_part(
        &self,
        part: Part,
        id: &ResourceId,
        tags: &Value,
    ) -> Result<(), Failure> {
        let doing = format!("Tagging {} '{}'", part.noun(), id.name());
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

    /// How a VM is doing; nothing where there is none.
    pub async fn machine_view(
        &self,
        id: &ResourceId,
    ) -> Result<Seen<Option<MachineView>>, Failure> {
        let doing = format!("Reading VM '{}'", id.name());
        let path = format!("{id}?$expand=instanceView");
        self.view(&doing, path, MachineView::read).await
    }

    /// Asks for a script to be run in a VM, as run command `name`. Never repeated blindly.
    pub async fn run_command(
        &self,
        machine: &ResourceId,
        name: &str,
        body: &Value,
    ) -> Result<Started, Failure> {
        let doing = format!("Starting the script in VM '{}'", machine.name());
        let path = format!("{machine}/runCommands/{name}");
        Ok(self.put(&doing, path, MACHINES, body).await?.started)
    }

    /// How a run command is doing; nothing where there is none.
    pub async fn command_view(
        &self,
        machine: &ResourceId,
        name: &str,
    ) -> Result<Seen<Option<CommandView>>, Failure> {
        let doing = format!("Reading the script's state in VM '{}'", machine.name());
        let path = format!("{machine}/runCommands/{name}?$expand=instanceView");
        self.view(&doing, path, CommandView::read).await
    }

    async fn view<T>(
        &self,
        doing: &str,
        path: String,
        read: impl FnOnce(&Value) -> T,
    ) -> Result<Seen<Option<T>>, Failure> {
        let answer = match self
            .send_in(self.reading(doing, path, MACHINES), MACHINES)
            .await
        {
            Ok(answer) => answer,
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
                return Ok(Seen {
                    value: None,
                    pause: None,
                });
            }
            Err(failure) => return Err(failure),
        };
        let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        Ok(Seen {
            value: Some(read(&document)),
            pause: asked_pause(answer.headers()),
        })
    }

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

    /// What is behind a link of boot diagnostics. No token goes there: the link itself is what proves the right to read.
    pub async fn behind_link(&self, doing: &str, link: &Secret) -> Result<Bytes, Failure> {
        let mut call = Call::new(doing, Method::GET, link.reveal(), &self.scope);
        call.signer = Some(Arc::new(ByLink));
        call.expects_json = false;
        Ok(self.client.send(&call).await?.into_body())
    }
}

/// The right to read is in the address.
#[derive(Debug)]
struct ByLink;

impl Signer for ByLink {
    fn sign(&self, _: &mut Request<Bytes>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(view: Value) -> MachineView {
        let mut document = json!({"properties": {"provisioningState": "Succeeded"}});
        document["properties"]["instanceView"] = view;
        MachineView::read(&document)
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
        let ready = machine(
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
            assert!(!machine(view.clone()).is_ready(), "{view}");
        }
        let mut creating = ready;
        creating.state = "Creating".to_owned();
        assert!(!creating.is_ready());
    }

    #[test]
    fn a_machine_tells_why_it_could_not_be_made() {
        let failed = machine(json!({"statuses": [
            {"code": "ProvisioningState/failed/AllocationFailed", "level": "Error", "message": "no room"}
        ]}));
        let expected = ("AllocationFailed".to_owned(), "no room".to_owned());
        assert_eq!(failed.failure, Some(expected));
        let unnamed = machine(json!({"statuses": [{"code": "ProvisioningState/failed"}]}));
        assert_eq!(unnamed.failure, None);
    }

    /// The view is that of a recording of 2022.
    #[test]
    fn a_command_is_read_as_it_was_recorded() {
        let document = json!({"properties": {"source": {}, "timeoutInSeconds": 0, "provisioningState": "Succeeded", "asyncExecution": false,
            "instanceView": {"exitCode": 0, "executionState": "Running", "executionMessage": "Execution failed: failed to get configuration",
                "output": "", "error": "", "startTime": "2022-02-10T08:06:05+00:00", "endTime": "2022-02-10T08:06:05+00:00"}}});
        let view = CommandView::read(&document);
        assert_eq!(
            (
                view.provisioning.as_str(),
                view.state.as_str(),
                view.exit_code
            ),
            ("Succeeded", "Running", 0)
        );
        assert!(view.message.starts_with("Execution failed") && view.has_begun && view.has_ended);
        assert_eq!(
            CommandView::read(&json!({"properties": {}})),
            CommandView::default()
        );
    }

    #[test]
    fn tags_have_no_letter_case() {
        let document = json!({"tags": {"IMAGEBUILDERRUN": "c/p/1", "n": 7}});
        assert_eq!(tag(&document, "imageBuilderRun"), Some("c/p/1"));
        assert_eq!(tag(&document, "n"), None);
        assert_eq!(tag(&json!({}), "n"), None);
    }
}
