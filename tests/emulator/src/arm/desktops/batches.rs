//! The batches of a session host update: hosts are drained, their VMs replaced, and given back; or a host fails.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Pool;
use super::sessions::Message;
use super::update::{Stage, Update};
use super::validation::{Fault, error};
use crate::arm::Arm;
use crate::arm::machine_work::Power;
use crate::estate::SceneResource;
use crate::ids;
use crate::json::set;
use crate::pools::{UpdateFate, machine_of_image};

impl Arm {
    /// First one host, then as many at once as the update says (documented).
    pub(super) fn next_batch(&mut self, pool: &mut Pool, update: &mut Update, at: OffsetDateTime) {
        let most = update.setting("maxVmsRemoved").and_then(Value::as_u64);
        let size = if update.completed == 0 {
            1
        } else {
            usize::try_from(most.unwrap_or(1)).unwrap_or(1)
        };
        update.batch = update.queue.drain(..size.min(update.queue.len())).collect();
        if update.batch.is_empty() {
            pool.active.clone_from(&pool.configuration);
            update.enter(Stage::Succeeded, at);
            return;
        }
        let delay = update
            .setting("logOffDelayMinutes")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let text = update.setting("logOffMessage").and_then(Value::as_str);
        let text = text.unwrap_or_default().to_owned();
        for name in &update.batch {
            let Some(host) = pool.host_mut(name) else {
                continue;
            };
            for session in &host.scene.sessions {
                self.messages.push(Message {
                    host: host.scene.name.clone(),
                    user: session.user.clone(),
                    title: String::new(),
                    text: text.clone(),
                });
            }
            let out = at + time::Duration::minutes(delay);
            host.upgrading = Some((host.scene.allow_new_session, out));
            host.scene.allow_new_session = false;
        }
        update.enter(Stage::Updating, at);
    }

    pub(super) fn finish_batch(
        &mut self,
        pool: &mut Pool,
        update: &mut Update,
        at: OffsetDateTime,
    ) {
        let batch = std::mem::take(&mut update.batch);
        let fails = [UpdateFate::HostFails, UpdateFate::RollbackFails].contains(&update.fate);
        if fails && let Some(name) = batch.first() {
            fail_host(pool, update, name, at);
            return;
        }
        let locked = batch.iter().find(|name| {
            let id = pool.host(name).map(|host| host.scene.machine.id.clone());
            id.is_some_and(|id| self.is_locked_against_deletion(&id))
        });
        if let Some(name) = locked.cloned() {
            let text = format!("The VM of the session host ≤{name}≥ is locked.");
            update.error = Some(error(&[Fault::new(
                "ScopeLocked",
                "ResourceLockRule",
                text,
            )]));
            give_back(pool, &name);
            update.queue.push_front(name);
            update.enter(Stage::Failed, at);
            return;
        }
        let deletes = update.setting("deleteOriginalVm") != Some(&json!(false));
        for name in &batch {
            self.replace_machine(pool, name, deletes, at);
        }
        update.completed += batch.len();
        match update.stage {
            Stage::Cancelling => update.enter(Stage::Canceled, at),
            Stage::Pausing if !update.queue.is_empty() => update.enter(Stage::Paused, at),
            _ => self.next_batch(pool, update, at),
        }
    }

    /// Whether a lock forbids the deletion of a resource.
    fn is_locked_against_deletion(&self, id: &str) -> bool {
        let key = ids::key(id);
        let mut locks = self.world.locks.iter();
        locks.any(|lock| {
            let rest = key.strip_prefix(&ids::key(&lock.scope));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The VM of a host goes or is deallocated, and another one takes its place, named by host and time (recorded).
    fn replace_machine(&mut self, pool: &mut Pool, name: &str, deletes: bool, at: OffsetDateTime) {
        let computer = name.split('.').next().unwrap_or_default();
        let stamp = crate::clock::seconds(at);
        let stamp = stamp.trim_end_matches('Z').replace(':', "-");
        let machine_name = format!("{computer}-{stamp}-00");
        let (machine, parts) = machine_of_configuration(pool, computer, &machine_name);
        let version = pool.version();
        let Some(host) = pool.host_mut(name) else {
            return;
        };
        let old = host.scene.machine.id.clone();
        host.scene.machine = machine.clone();
        host.scene.parts.clone_from(&parts);
        host.scene.configuration = version;
        host.scene.status = None;
        host.scene.last_heartbeat = None;
        host.scene.sessions.clear();
        host.ready = Some(at);
        give_back(pool, name);
        if deletes {
            self.remove_machine(&old, at, true);
        } else {
            self.set_power(&ids::key(&old), Power::Deallocated, at);
        }
        self.place(machine, Some(at));
        for part in parts {
            self.place(part, Some(at));
        }
    }
}

/// A host fails: the first time it is rolled back and the update waits; whether the second time is one as well, the fate says.
fn fail_host(pool: &mut Pool, update: &mut Update, name: &str, at: OffsetDateTime) {
    let cancels = update.stage == Stage::Cancelling;
    let text = format!("The session host ≤{name}≥ was not registered with the host pool.");
    let fault = Fault::new(
        "AgentRegistrationFailureGeneric",
        "SessionHostHealthRule",
        text,
    );
    update.error = Some(error(&[fault]));
    give_back(pool, name);
    match update.fate {
        UpdateFate::RollbackFails => {
            update.rollback_failed += 1;
            if let Some(host) = pool.host_mut(name) {
                host.scene.status = Some("UpgradeFailed".to_owned());
                host.scene.allow_new_session = false;
            }
        }
        _ => update.queue.push_front(name.to_owned()),
    }
    update.fate = UpdateFate::Deserved;
    let stage = if cancels {
        Stage::Canceled
    } else {
        Stage::Failed
    };
    update.enter(stage, at);
}

/// A host takes sessions as it did before its update, and its users have gone.
fn give_back(pool: &mut Pool, name: &str) {
    if let Some(host) = pool.host_mut(name)
        && let Some((open, _)) = host.upgrading.take()
    {
        host.scene.allow_new_session = open;
    }
}

/// A VM as the configuration of a pool says.
pub(super) fn machine_of_configuration(
    pool: &Pool,
    computer: &str,
    name: &str,
) -> (SceneResource, Vec<SceneResource>) {
    let configuration = pool.configuration.clone().unwrap_or_default();
    let text = |name: &str| {
        let value = configuration.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let group = match text("vmResourceGroup") {
        group if group.is_empty() => pool
            .id
            .split("/providers/")
            .next()
            .unwrap_or_default()
            .to_owned(),
        group => format!(
            "/subscriptions/{}/resourceGroups/{group}",
            ids::segment_after(&pool.id, "subscriptions").unwrap_or_default()
        ),
    };
    let location = match text("vmLocation") {
        location if location.is_empty() => pool.location.clone(),
        location => location,
    };
    let info = configuration.get("imageInfo").cloned().unwrap_or_default();
    let id = info
        .pointer("/customInfo/resourceId")
        .and_then(Value::as_str);
    let image = if let Some(id) = id.filter(|_| info.get("type") == Some(&json!("Custom"))) {
        json!({"id": id, "exactVersion": id.rsplit('/').next()})
    } else {
        let member = |name: &str| info.pointer(&format!("/marketplaceInfo/{name}")).cloned();
        json!({
            "publisher": member("publisher"), "offer": member("offer"), "sku": member("sku"),
            "version": member("exactVersion"), "exactVersion": member("exactVersion"),
        })
    };
    let (mut machine, parts) = machine_of_image(name, &group, &location, &image, [true; 2]);
    let tags = configuration.get("vmTags").cloned().unwrap_or_default();
    set(&mut machine.body, "tags", tags);
    if let Some(properties) = machine.body.get_mut("properties") {
        set(
            properties,
            "hardwareProfile",
            json!({"vmSize": text("vmSizeId")}),
        );
        set(properties, "osProfile", json!({"computerName": computer}));
    }
    (machine, parts)
}
