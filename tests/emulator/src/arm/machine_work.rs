//! Virtual machines that are started, stopped, changed and deleted, and the disks and network interfaces that stay or go with them.

use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::{End, Operation};
use crate::arm::routes::Call;
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::estate::SceneResource;
use crate::ids::{self, Purpose};
use crate::json::set;
use crate::switches::SecondDeletion;

/// Whether a VM runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    /// Switched off; its cores are still paid for.
    Stopped,
    Deallocated,
}

impl Power {
    fn status(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("PowerState/running", "VM running"),
            Self::Stopped => ("PowerState/stopped", "VM stopped"),
            Self::Deallocated => ("PowerState/deallocated", "VM deallocated"),
        }
    }
}

/// What goes on upon a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Power(Power),
    Deletion,
    Creation,
}

/// A VM that is being made.
pub(crate) struct Creation {
    pub(crate) operation: String,
    /// Whether its guest agent never reports.
    pub(crate) is_silent: bool,
}

/// A VM on which something was done.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    power: Power,
    since: OffsetDateTime,
    work: Option<(String, Work)>,
    /// Its guest agent never reports.
    is_silent: bool,
}

impl Arm {
    /// Whether a VM runs, and since when; one of the scene always did.
    pub(crate) fn power(&self, key: &str) -> (Power, Option<OffsetDateTime>) {
        let machine = self.machines.get(key);
        machine.map_or((Power::Running, None), |machine| {
            (machine.power, Some(machine.since))
        })
    }

    pub(crate) fn set_power(&mut self, key: &str, power: Power, at: OffsetDateTime) {
        let machine = Machine {
            power,
            since: at,
            work: None,
            is_silent: self.is_silent(key),
        };
        self.machines.insert(key.to_owned(), machine);
    }

    pub(crate) fn begin_creation(&mut self, key: &str, creation: Creation, at: OffsetDateTime) {
        let machine = Machine {
            power: Power::Running,
            since: at,
            work: Some((creation.operation, Work::Creation)),
            is_silent: creation.is_silent,
        };
        self.machines.insert(key.to_owned(), machine);
    }

    pub(crate) fn is_silent(&self, key: &str) -> bool {
        let machine = self.machines.get(key);
        machine.is_some_and(|machine| machine.is_silent)
    }

    /// A VM is made, or not: its disks are there, and the state says which.
    fn finish_creation(&mut self, key: &str, at: OffsetDateTime) {
        let failed = self.machines.get(key).is_some_and(|machine| {
            let operation = machine.work.as_ref().map(|(id, _)| id);
            let operation = operation.and_then(|id| self.operations.get(id));
            operation.is_some_and(Operation::has_failed)
        });
        if let Some(machine) = self.machines.get_mut(key) {
            machine.work = None;
            machine.since = at;
        }
        let Some(placed) = self.resources.get_mut(key) else {
            return;
        };
        let id = placed
            .document()
            .get("id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let id = id.unwrap_or_default();
        let group = id
            .split("/providers/")
            .next()
            .unwrap_or_default()
            .to_owned();
        let state = if failed { "Failed" } else { "Succeeded" };
        placed.set_property("provisioningState", json!(state));
        let mut made = Vec::new();
        let mut give_id = |disk: &mut Value| {
            let name = disk.get("name").and_then(Value::as_str).unwrap_or_default();
            let id = format!("{group}/providers/Microsoft.Compute/disks/{name}");
            if let Some(managed) = disk.get_mut("managedDisk") {
                set(managed, "id", json!(id));
            }
            made.push(id);
        };
        if let Some(disk) = placed.property_mut("/properties/storageProfile/osDisk") {
            give_id(disk);
        }
        let disks = placed.property_mut("/properties/storageProfile/dataDisks");
        for disk in disks.and_then(Value::as_array_mut).into_iter().flatten() {
            give_id(disk);
        }
        let document = placed.document();
        let location = document.get("location").cloned().unwrap_or_default();
        let tags = document.get("tags").cloned();
        let tags = tags.filter(|_| self.switches.desktops.disks_have_tags);
        for disk in made {
            let mut body = json!({"location": location, "managedBy": id, "properties": {"diskState": "Attached", "provisioningState": "Succeeded",
                "timeCreated": clock::with_offset(at)}});
            if let Some(tags) = &tags {
                set(&mut body, "tags", tags.clone());
            }
            self.place(SceneResource { id: disk, body }, Some(at));
        }
    }

    /// Takes a VM away, and of its disks and network interfaces those whose `deleteOption` says so, or all.
    pub(crate) fn remove_machine(&mut self, id: &str, at: OffsetDateTime, all: bool) {
        let document = self
            .placed(&ids::key(id))
            .map(super::machines::Placed::document);
        let document = document.unwrap_or_default();
        let counts = self.switches.desktops.delete_option_counts;
        let goes = |part: &Value, option: &str| {
            all || counts && part.pointer(option).and_then(Value::as_str) == Some("Delete")
        };
        let list = |path: &str| {
            let list = document.pointer(path).and_then(Value::as_array);
            list.cloned().unwrap_or_default()
        };
        let mut parts = Vec::new();
        let mut disks = list("/properties/storageProfile/dataDisks");
        disks.extend(
            document
                .pointer("/properties/storageProfile/osDisk")
                .cloned(),
        );
        for disk in disks {
            if goes(&disk, "/deleteOption") {
                parts.extend(disk.pointer("/managedDisk/id").cloned());
            }
        }
        for interface in list("/properties/networkProfile/networkInterfaces") {
            if goes(&interface, "/properties/deleteOption") {
                parts.extend(interface.get("id").cloned());
            }
        }
        for part in parts.iter().filter_map(Value::as_str) {
            self.displace(part, at);
        }
        self.displace(id, at);
        self.machines.remove(&ids::key(id));
        let below = format!("{}/runcommands/", ids::key(id));
        self.run_commands.retain(|key, _| !key.starts_with(&below));
    }

    /// A VM, with its instance view if that is asked for.
    pub(crate) fn get_machine(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let mut answer = self.get_placed(asked)?;
        let expands = asked
            .query("$expand")
            .is_some_and(|expand| expand.eq_ignore_ascii_case("instanceView"));
        if let (true, Body::Compute(document)) = (expands, &mut answer.body)
            && let Some(properties) = document
                .get_mut("properties")
                .and_then(Value::as_object_mut)
        {
            let view = self.instance_view(&ids::key(asked.raw.uri().path()), asked.now);
            properties.insert("instanceView".to_owned(), view);
        }
        Ok(answer)
    }

    pub(crate) fn get_instance_view(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = self.machine_key(asked)?;
        Ok(Answer::new(
            200,
            Body::Compute(self.instance_view(&key, asked.now)),
        ))
    }

    fn instance_view(&self, key: &str, now: OffsetDateTime) -> Value {
        let (power, since) = self.power(key);
        let (code, text) = power.status();
        let mut view = Map::new();
        if power == Power::Running {
            let booting = self.lag(|durations| durations.booting_host);
            let is_ready = !self.is_silent(key) && since.is_none_or(|since| now >= since + booting);
            let ready = if is_ready {
                json!({
                    "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready",
                    "message": "GuestAgent is running and processing the extensions.", "time": clock::with_offset(now),
                })
            } else {
                json!({
                    "code": "ProvisioningState/Unavailable", "level": "Warning", "displayStatus": "Not Ready",
                    "message": "VM status blob is found but not yet populated.", "time": clock::with_offset(now),
                })
            };
            let agent = json!({"vmAgentVersion": "2.7.41491.1183", "statuses": [ready], "extensionHandlers": []});
            view.insert("vmAgent".to_owned(), agent);
        }
        view.insert("hyperVGeneration".to_owned(), json!("V2"));
        let provisioned = json!({
            "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded",
            "time": clock::with_offset(since.unwrap_or(super::desktops::BEGINNING)),
        });
        let power = json!({"code": code, "level": "Info", "displayStatus": text});
        view.insert("statuses".to_owned(), json!([provisioned, power]));
        Value::Object(view)
    }

    /// The key of the VM that a request names, if it is there.
    pub(crate) fn machine_key(&self, asked: &Asked<'_>) -> Result<String, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("machine"));
        let key = ids::key(&format!(
            "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}",
            asked.path.get("subscription")
        ));
        if self.placed(&key).is_some() {
            return Ok(key);
        }
        let kind = "Microsoft.Compute/virtualMachines";
        Err(Refusal::not_found(kind, name, group))
    }

    /// Start, restart, power off and deallocate: 202 with both headers (recorded for deallocate).
    pub(crate) fn change_power(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = self.machine_key(asked)?;
        self.check_idle(&key, asked)?;
        let power = match asked.route.call {
            Call::DeallocateVirtualMachine => Power::Deallocated,
            Call::PowerOffVirtualMachine => Power::Stopped,
            _ => Power::Running,
        };
        let lag = self.lag(|durations| {
            if power == Power::Running {
                durations.starting_machine
            } else {
                durations.stopping_machine
            }
        });
        let answer = self.start_machine_work(asked, &key, lag, Work::Power(power));
        let bucket = "Microsoft.Compute/UpdateVM3Min;237,Microsoft.Compute/UpdateVM30Min;1194";
        Ok(answer.with("x-ms-ratelimit-remaining-resource", bucket))
    }

    /// 202 with both headers; a VM that is deallocated goes in 0.4 s (recorded). 204 where there is none.
    pub(crate) fn delete_machine(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let Ok(key) = self.machine_key(asked) else {
            return Ok(Answer::new(204, Body::None));
        };
        if let Some(first) = self.deletion_of(&key) {
            return self.delete_again(asked, &key, &first);
        }
        let lag = if self.power(&key).0 == Power::Running {
            self.lag(|durations| durations.deleting_machine)
        } else {
            self.lag(|durations| durations.changing_gallery)
        };
        let answer = self.start_machine_work(asked, &key, lag, Work::Deletion);
        let bucket = "Microsoft.Compute/DeleteVM3Min;238,Microsoft.Compute/DeleteVM30Min;1198";
        Ok(answer.with("x-ms-ratelimit-remaining-resource", bucket))
    }

    /// The operation that deletes a VM, if one goes on.
    fn deletion_of(&self, key: &str) -> Option<String> {
        match self.machines.get(key)?.work.as_ref()? {
            (operation, Work::Deletion) => Some(operation.clone()),
            _ => None,
        }
    }

    /// A VM that is being deleted may be deleted again, as the refusal of everything else says; with the switch the requests conflict.
    fn delete_again(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        first: &str,
    ) -> Result<Answer, Refusal> {
        if self.switches.desktops.second_deletion == SecondDeletion::Refused {
            let message = "The request failed due to conflict with a concurrent request. To resolve it, please refer to \
                           https://aka.ms/activitylog to get more details on the conflicting requests.";
            return Err(Refusal::by_compute(409, "Conflict", message.to_owned()));
        }
        let location = self.region_of(key);
        let headers = self.operation_headers(asked, key, first, &location, true);
        Ok(Answer::new(202, Body::Empty).with_all(headers))
    }

    /// Nothing else is done with a VM that is being deleted (reported: Azure/azure-sdk-for-python#2702).
    fn check_idle(&self, key: &str, asked: &Asked<'_>) -> Result<(), Refusal> {
        if self.deletion_of(key).is_none() {
            return Ok(());
        }
        let message = format!(
            "Operation is not allowed on VM '{}' because it is marked for deletion. You can only retry the Delete operation (or wait for an \
             ongoing one to complete).",
            asked.path.get("machine")
        );
        Err(Refusal::by_compute(409, "OperationNotAllowed", message))
    }

    fn start_machine_work(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        lag: Duration,
        work: Work,
    ) -> Answer {
        let location = self.region_of(key);
        let end = (lag, End::Succeeded);
        let (id, headers) = self.start_machine_operation(asked, key, &location, end, true);
        let (power, since) = self.power(key);
        let machine = Machine {
            power,
            since: since.unwrap_or(super::desktops::BEGINNING),
            work: Some((id, work)),
            is_silent: self.is_silent(key),
        };
        self.machines.insert(key.to_owned(), machine);
        Answer::new(202, Body::Empty).with_all(headers)
    }

    /// Makes an operation upon a VM or a part of one, and the headers that name it (recorded: `p` before the api-version).
    pub(crate) fn start_machine_operation(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        location: &str,
        (lag, end): (Duration, End),
        with_location: bool,
    ) -> (String, Vec<(&'static str, String)>) {
        let id = self.ids.of(Purpose::Operation, key).guid();
        let mut operation = Operation::new(id.clone(), key.to_owned(), asked.now);
        // What takes for ever does not end.
        if lag < Duration::MAX {
            operation.close(asked.now, lag, end);
        }
        self.operations.insert(id.clone(), operation);
        let headers = self.operation_headers(asked, key, &id, location, with_location);
        (id, headers)
    }

    /// The headers that name an operation upon a VM or a part of one.
    fn operation_headers(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        id: &str,
        location: &str,
        with_location: bool,
    ) -> Vec<(&'static str, String)> {
        let partition = self.ids.of(Purpose::Operation, key).guid();
        let path = format!(
            "{}/subscriptions/{}/providers/Microsoft.Compute/locations/{}/operations/{id}",
            self.world.addresses.arm,
            asked.path.get("subscription"),
            crate::arm::regions::plain(location)
        );
        let Some(operation) = self.operations.get_mut(id) else {
            return Vec::new();
        };
        let (form, version) = (self.switches.operation_urls, &asked.version);
        let mut url = |query: &str| operation.url(&path, query, form, &mut self.ids, asked.now);
        let mut headers = vec![
            ("azure-asyncnotification", "Enabled".to_owned()),
            (
                "azure-asyncoperation",
                url(&format!("p={partition}&api-version={version}")),
            ),
        ];
        if with_location {
            let query = format!("p={partition}&monitor=true&api-version={version}");
            headers.push(("location", url(&query)));
        }
        if let Some(seconds) = self.switches.machine_retry_after() {
            headers.push(("retry-after", seconds.to_string()));
        }
        headers
    }

    fn region_of(&self, key: &str) -> String {
        let document = self.placed(key).map(super::machines::Placed::document);
        let region = document
            .as_ref()
            .and_then(|it| it.get("location")?.as_str());
        region.unwrap_or("westeurope").to_owned()
    }

    /// The document; at `Location` 202 until the end, and then nothing (recorded).
    pub(crate) fn get_machine_operation(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.path.get("operation").to_ascii_lowercase();
        let Some(operation) = self.operations.get_mut(&id) else {
            let message = format!("The operation '{id}' was not found.");
            return Err(Refusal::new(404, "OperationNotFound", message));
        };
        operation.check_query(asked.raw.uri().query().unwrap_or_default())?;
        let over = operation.is_over();
        let retry_after = self.switches.machine_retry_after().filter(|_| !over);
        let answer = match (asked.query("monitor").is_some(), over) {
            (true, false) => Answer::new(202, Body::Empty),
            (true, true) => Answer::new(200, Body::Empty),
            (false, _) => Answer::new(200, Body::Compute(operation.compute_document())),
        };
        operation.count_poll();
        Ok(answer.with_some("retry-after", retry_after))
    }

    /// Tags; nothing else of a VM can be changed here.
    pub(crate) fn patch_machine(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = self.machine_key(asked)?;
        self.check_idle(&key, asked)?;
        let body = asked.json()?.as_object().cloned().unwrap_or_default();
        if let Some(name) = body.keys().find(|name| *name != "tags") {
            let message = format!("The emulator changes tags of a VM alone, not '{name}'.");
            return Err(Refusal::by_compute(400, "BadRequest", message));
        }
        if let (Some(tags), Some(placed)) = (body.get("tags"), self.resources.get_mut(&key)) {
            placed.set_tags(tags.clone());
        }
        self.get_machine(asked)
    }

    /// A disk or a network interface: 202 with both headers, 204 where there is none, 409 while a VM has it.
    pub(crate) fn delete_part(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = ids::key(asked.raw.uri().path());
        let Some(placed) = self.placed(&key) else {
            return Ok(Answer::new(204, Body::None));
        };
        let document = placed.document();
        let owner = ["/managedBy", "/properties/virtualMachine/id"]
            .iter()
            .find_map(|path| document.pointer(path)?.as_str());
        let name = document
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(owner) = owner.filter(|owner| self.placed(&ids::key(owner)).is_some()) {
            let (code, message) = if asked.route.call == Call::DeleteDisk {
                (
                    "OperationNotAllowed",
                    format!("Disk {name} is attached to VM {owner}."),
                )
            } else {
                (
                    "NicInUse",
                    format!(
                        "Network Interface {name} is used by existing resource {owner}. In order to delete the network interface, it \
                             must be dissociated from the resource."
                    ),
                )
            };
            let status = if code == "NicInUse" { 400 } else { 409 };
            return Err(Refusal::by_compute(status, code, message));
        }
        let location = document.get("location").and_then(Value::as_str);
        let location = location.unwrap_or("westeurope").to_owned();
        let id = document
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let id = id.to_owned();
        let end = (Duration::ZERO, End::Succeeded);
        let (_, headers) = self.start_machine_operation(asked, &key, &location, end, true);
        self.displace(&id, asked.now);
        Ok(Answer::new(202, Body::Empty).with_all(headers))
    }

    /// What operations upon VMs have brought about.
    pub(crate) fn settle_machines(&mut self) {
        let operations = &self.operations;
        let ended: Vec<(String, Work, OffsetDateTime)> = self
            .machines
            .iter()
            .filter_map(|(key, machine)| {
                let (id, work) = machine.work.as_ref()?;
                let at = operations.get(id)?.ended_at()?;
                Some((key.clone(), *work, at))
            })
            .collect();
        for (key, work, at) in ended {
            match work {
                Work::Power(power) => self.set_power(&key, power, at),
                Work::Deletion => self.remove_machine(&key, at, false),
                Work::Creation => self.finish_creation(&key, at),
            }
        }
    }
}
