//! Hosts that go for good: old ones that are not kept, and new ones that failed.
//!
//! The VM gets a tag with the name of the deployment before its host leaves the pool. An attempt that dies between the two leaves a VM that no
//! pool names any more, and the next attempt finds it by that tag.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::plan::Plan;
use super::{Event, REMAINS};
use crate::resource::{ResourceId, quoted};
use crate::rollout::event::Event as Of;
use crate::rollout::kept::TAG;
use crate::rollout::watch::LOOK_AGAIN;
use crate::rollout::{Host, Job};

/// A VM that runs is deleted in a minute.
const DELETING: Duration = Duration::from_secs(300);

impl Job<'_> {
    /// Removes a host from the pool and deletes its VM. Whether the host is gone from the pool.
    pub(super) async fn remove(
        &self,
        plan: &Plan,
        name: &str,
        machine: Option<&ResourceId>,
    ) -> bool {
        self.emit(Of::Changed);
        let mut left_behind = Vec::new();
        if let Some(machine) = machine {
            match self.arm.machine_state(machine).await {
                Ok(Some(state)) => {
                    left_behind.clone_from(&state.left_behind);
                    self.tag(machine, &state, &plan.removing()).await;
                }
                Ok(None) => {}
                Err(failure) => {
                    self.remains(name, Some(machine), &failure.to_string());
                    return false;
                }
            }
        }
        // Azure refuses it while users are on the host.
        let pool = &self.request.pool;
        if let Err(failure) = self.arm.remove_session_host(pool, name).await {
            self.remains(name, machine, &failure.to_string());
            return false;
        }
        if let Some(machine) = machine {
            self.delete(name, machine, &left_behind).await;
        }
        true
    }

    async fn delete(&self, name: &str, machine: &ResourceId, left_behind: &[String]) {
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
            let text = format!(
                "VM '{}' of session host '{name}', which is not in the host pool any more, remains: {why}",
                machine.name()
            );
            let hint = format!(
                "to delete it, run: az vm delete --yes --ids {}",
                quoted(machine.as_str())
            );
            return self.warn(REMAINS, text, Some(hint));
        }
        self.emit(Of::Replace(Event::Removed {
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
            self.warn(REMAINS, text, Some(hint));
        }
    }

    /// Whether a VM that Azure does not want to delete now is gone soon.
    async fn goes_away(&self, machine: &ResourceId) -> bool {
        let start = Instant::now();
        while start.elapsed() < DELETING {
            sleep(LOOK_AGAIN).await;
            if matches!(self.arm.machine_state(machine).await, Ok(None)) {
                return true;
            }
        }
        false
    }

    /// Deletes the VMs whose hosts an earlier attempt has taken out of the pool: those with our own tag alone.
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
                let reason = failure.to_string();
                return self.emit(Of::Replace(Event::NoNews { reason }));
            }
        };
        for machine in machines {
            let is_host = |host: &Host| host.host.machine.as_ref() == Some(&machine);
            if hosts.iter().any(is_host) {
                continue;
            }
            // The list lags behind; the VM itself counts.
            if let Ok(Some(state)) = self.arm.machine_state(&machine).await
                && state.tag(TAG) == Some(removing.as_str())
            {
                self.emit(Of::Changed);
                self.delete(machine.name(), &machine, &state.left_behind)
                    .await;
            }
        }
    }

    /// Removes the new hosts and their VMs after a failure. They are those of our own deployments: their names were free before.
    pub(super) async fn take_back(&self, plan: &Plan) {
        self.emit(Of::Step("back"));
        let hosts = match self.hosts().await {
            Ok(hosts) => hosts,
            Err(error) => {
                let text = format!("The new session hosts stay: {error}");
                let hint = "remove them from the host pool and delete their VMs".to_owned();
                return self.warn(REMAINS, text, Some(hint));
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
                self.emit(Of::Replace(Event::TakenBack { host: name }));
            }
        }
    }

    async fn take_one_back(
        &self,
        plan: &Plan,
        name: &str,
        host: Option<&Host>,
        machine: &ResourceId,
    ) -> bool {
        if host.is_some() {
            return self.remove(plan, name, Some(machine)).await;
        }
        match self.arm.machine_state(machine).await {
            Ok(Some(state)) => {
                self.emit(Of::Changed);
                self.delete(name, machine, &state.left_behind).await;
                true
            }
            Ok(None) => false,
            Err(failure) => {
                self.remains(name, Some(machine), &failure.to_string());
                false
            }
        }
    }

    fn remains(&self, name: &str, machine: Option<&ResourceId>, why: &str) {
        let text = format!("Session host '{name}' and its VM remain: {why}");
        let pool = &self.request.pool;
        let host = quoted(&format!("{pool}/sessionHosts/{name}")).clone();
        let mut hint = format!("to remove the host, run: az resource delete --ids {host}");
        if let Some(machine) = machine {
            hint = format!(
                "{hint}; the VM: az vm delete --yes --ids {}",
                quoted(machine.as_str())
            );
        }
        self.warn(REMAINS, text, Some(hint));
    }
}
