//! Hosts that go for good: old ones that are not kept, and new ones that failed.
//!
//! The VM gets a tag with the name of the deployment before its host leaves the pool. An attempt that dies between the two leaves a VM that no
//! pool names any more, and the next attempt finds it by that tag.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::plan::Plan;
use crate::resource::tag::ROLLOUT as TAG;
use crate::resource::{ResourceId, quoted};
use crate::rollout::codes;
use crate::rollout::event::{Event, ReplacementEvent};
use crate::rollout::health_watch::LOOK_AGAIN;
use crate::rollout::host::{Host, deletion_command, is_wanted, removal_command};
use crate::rollout::step::RolloutStep;

/// A VM that runs is deleted in a minute.
const DELETING: Duration = Duration::from_secs(300);
pub(super) const NO_MACHINE: &str = "Azure does not report its VM";

/// What is gone of a host and its VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    Nothing,
    Host,
    Both,
}

impl Removed {
    /// Whether the host is gone.
    pub(super) fn is_gone(self) -> bool {
        self != Self::Nothing
    }
}

impl RolloutStep<'_> {
    /// Takes a host out of the pool and deletes its VM.
    pub(super) async fn remove(
        &self,
        plan: &Plan,
        name: &str,
        machine: Option<&ResourceId>,
    ) -> Removed {
        // Without its host nobody would find the VM any more.
        let Some(machine) = machine else {
            self.remains(name, None, NO_MACHINE);
            return Removed::Nothing;
        };
        let mut left_behind = Vec::new();
        match self.arm.machine_with_view(machine).await {
            Ok(Some(state)) => {
                self.emit(Event::Changed);
                left_behind.clone_from(&state.left_behind);
                self.tag(machine, &state, &plan.removing()).await;
            }
            Ok(None) => {}
            Err(failure) => {
                self.remains(name, Some(machine), &failure.to_string());
                return Removed::Nothing;
            }
        }
        self.emit(Event::Changed);
        // Azure refuses it while users are on the host.
        let pool = &self.request.pool;
        if let Err(failure) = self.arm.remove_session_host(pool, name).await {
            self.remains(name, Some(machine), &failure.to_string());
            return Removed::Nothing;
        }
        self.note_gone(name);
        let of_host = format!(" of session host '{name}', which is not in the host pool any more,");
        if self.delete(name, machine, &left_behind, &of_host).await {
            Removed::Both
        } else {
            Removed::Host
        }
    }

    /// Deletes a VM; whether it is gone. `which` says more of it in the middle of a sentence.
    async fn delete(
        &self,
        name: &str,
        machine: &ResourceId,
        left_behind: &[String],
        which: &str,
    ) -> bool {
        let done = match self.arm.delete_machine(machine).await {
            Ok(None) => Ok(()),
            Ok(Some(started)) => self.end_of(name, started).await,
            // An earlier attempt has asked for it, and it goes on.
            Err(failure) if failure.is(StatusCode::CONFLICT) => {
                if self.goes_away(machine).await {
                    Ok(())
                } else {
                    Err(failure.to_string())
                }
            }
            Err(failure) => Err(failure.to_string()),
        };
        if let Err(why) = done {
            self.machine_remains(machine, which, &why);
            return false;
        }
        self.emit(Event::Replace(ReplacementEvent::Removed {
            host: name.to_owned(),
        }));
        if !left_behind.is_empty() {
            let ids: Vec<String> = left_behind.iter().map(|id| quoted(id)).collect();
            let text = format!(
                "VM '{}' is deleted, and these stay because their deleteOption is not 'Delete': {}",
                machine.name(),
                left_behind.join(", ")
            );
            let hint = format!(
                "to delete them, run: az resource delete --ids {}",
                ids.join(" ")
            );
            self.warn(codes::REMAINS, text, Some(hint));
        }
        true
    }

    /// Whether a VM that Azure does not want to delete now is gone soon.
    async fn goes_away(&self, machine: &ResourceId) -> bool {
        let start = Instant::now();
        while start.elapsed() < DELETING {
            sleep(LOOK_AGAIN).await;
            if matches!(self.arm.machine_with_view(machine).await, Ok(None)) {
                return true;
            }
        }
        false
    }

    /// Deletes the VMs whose hosts an earlier attempt has taken out of the pool: those with our own tag. Anybody who is allowed to write tags can
    /// set it, so that it alone is not enough.
    pub(super) async fn finish_removals(&self, plan: &Plan, hosts: &[Host]) {
        let subscription = self.request.pool.subscription();
        let removing = plan.removing();
        let found = self
            .arm
            .machines_with_tag(subscription, TAG, &removing)
            .await;
        let machines = match found {
            Ok(machines) => machines,
            Err(failure) => {
                let text = format!(
                    "VMs that an earlier attempt has taken out of the host pool may remain: {failure}"
                );
                let hint = format!(
                    "to list them, run: az resource list --tag {} --output table",
                    quoted(&format!("{TAG}={removing}"))
                );
                return self.warn(codes::REMAINS, text, Some(hint));
            }
        };
        for machine in machines {
            let is_host = |host: &Host| host.host.machine.as_ref() == Some(&machine);
            if hosts.iter().any(is_host) {
                continue;
            }
            // The list lags behind; the VM itself counts.
            let state = match self.arm.machine_with_view(&machine).await {
                Ok(Some(state)) => state,
                Ok(None) => continue,
                Err(failure) => {
                    self.machine_remains(&machine, "", &failure.to_string());
                    continue;
                }
            };
            if state.tag(TAG) != Some(removing.as_str()) {
                continue;
            }
            if let Some(why) = not_ours(plan, hosts, &machine) {
                let text = format!(
                    "VM '{}' remains: its tag '{TAG}' says that this roll-out deletes it, but {why}",
                    machine.name()
                );
                let hint = format!(
                    "if it is not needed, delete it: {}",
                    deletion_command(&machine)
                );
                self.warn(codes::REMAINS, text, Some(hint));
                continue;
            }
            self.emit(Event::Changed);
            let which = ", whose session host is not in the host pool any more,";
            self.delete(machine.name(), &machine, &state.left_behind, which)
                .await;
        }
    }

    /// Removes the new hosts and their VMs after a failure. They are those of our own deployments: their names were free before.
    pub(super) async fn take_back(&self, plan: &Plan) {
        self.emit(Event::Phase("back"));
        let hosts = match self.hosts().await {
            Ok(hosts) => hosts,
            Err(error) => {
                let text = format!("The new session hosts stay: {error}");
                let hint = "remove them from the host pool and delete their VMs".to_owned();
                return self.warn(codes::REMAINS, text, Some(hint));
            }
        };
        for number in 0..plan.total {
            let machine = plan.machine(number);
            let host = hosts.iter().find(|host| plan.number(host) == Some(number));
            let name = host.map_or_else(|| plan.host_name(number), |host| host.host.name.clone());
            if host.is_some_and(|host| host.host.sessions != Some(0)) {
                self.remains(&name, Some(&machine), "a user is on it");
                continue;
            }
            if self.take_one_back(plan, &name, host, &machine).await {
                self.emit(Event::Replace(ReplacementEvent::TakenBack { host: name }));
            }
        }
    }

    /// Names the VMs that a deployment of ours has made and that are not in the pool: no list of hosts has them. What cannot be read now is named by
    /// the next attempt.
    pub(super) async fn name_unregistered(&self, plan: &Plan) {
        let Ok(machines) = self.arm.machines_in(&plan.group).await else {
            return;
        };
        let hosts = self.last_hosts();
        let is_host = |machine: &ResourceId| {
            let mut hosts = hosts.iter();
            hosts.any(|host| host.host.machine.as_ref() == Some(machine))
        };
        for machine in machines {
            if plan.number_of(&machine).is_none() || is_host(&machine) {
                continue;
            }
            let found = self.arm.machine(&machine).await;
            // Its name alone does not make it ours.
            if !found.is_ok_and(|found| {
                found.is_some_and(|found| is_wanted(&self.request.image, &found.image))
            }) {
                continue;
            }
            let text = format!(
                "VM '{}' was created and has not registered in host pool '{}'",
                machine.name(),
                self.request.pool.name()
            );
            let hint = format!(
                "run the job again: the deployment continues with it; or delete it: {}",
                deletion_command(&machine)
            );
            self.warn(codes::REMAINS, text, Some(hint));
        }
    }

    /// Whether the host, if there is one, and the VM were there and are gone.
    async fn take_one_back(
        &self,
        plan: &Plan,
        name: &str,
        host: Option<&Host>,
        machine: &ResourceId,
    ) -> bool {
        // Its name alone does not make it ours.
        match self.arm.machine(machine).await {
            Ok(Some(found)) if !is_wanted(&self.request.image, &found.image) => {
                let why = format!(
                    "the VM was created from {}, so it is not of this roll-out",
                    found.image
                );
                self.new_remains(name, host, machine, &why);
                return false;
            }
            Ok(None) if host.is_none() => return false,
            Ok(_) => {}
            Err(failure) => {
                self.new_remains(name, host, machine, &failure.to_string());
                return false;
            }
        }
        if host.is_some() {
            let removed = self.remove(plan, name, Some(machine)).await;
            return removed == Removed::Both;
        }
        match self.arm.machine_with_view(machine).await {
            Ok(Some(state)) => {
                self.emit(Event::Changed);
                let which = ", which is in no host pool,";
                self.delete(name, machine, &state.left_behind, which).await
            }
            Ok(None) => false,
            Err(failure) => {
                self.new_remains(name, host, machine, &failure.to_string());
                false
            }
        }
    }

    /// A new host remains, or the VM alone where there is no host yet.
    fn new_remains(&self, name: &str, host: Option<&Host>, machine: &ResourceId, why: &str) {
        if host.is_some() {
            return self.remains(name, Some(machine), why);
        }
        self.machine_remains(machine, "", why);
    }

    fn machine_remains(&self, machine: &ResourceId, which: &str, why: &str) {
        let text = format!("VM '{}'{which} remains: {why}", machine.name());
        let hint = format!("to delete it, run: {}", deletion_command(machine));
        self.warn(codes::REMAINS, text, Some(hint));
    }

    fn remains(&self, name: &str, machine: Option<&ResourceId>, why: &str) {
        let text = format!("Session host '{name}' and its VM remain: {why}");
        let removal = removal_command(&self.request.pool, name);
        let mut hint = format!("to remove the host, run: {removal}");
        if let Some(machine) = machine {
            hint = format!("{hint}; the VM: {}", deletion_command(machine));
        }
        self.warn(codes::REMAINS, text, Some(hint));
    }
}

/// Why a VM with our tag is none that an attempt of ours has taken out of the pool.
fn not_ours(plan: &Plan, hosts: &[Host], machine: &ResourceId) -> Option<&'static str> {
    let groups = hosts.iter().filter_map(|host| host.host.machine.as_ref());
    let mut groups = groups.map(ResourceId::group);
    if machine.group() != plan.group && !groups.any(|group| group == machine.group()) {
        return Some("no session host of the host pool is in its resource group");
    }
    if plan.number_of(machine).is_some() {
        return Some("it is one of the new ones");
    }
    let name = machine.name();
    let is_of = |host: &String| {
        let short = host.split('.').next().unwrap_or_default();
        short.eq_ignore_ascii_case(name)
    };
    if plan.drained_before.iter().any(is_of) {
        return Some("its session host was drained before this roll-out");
    }
    None
}
