//! The management of session hosts: defaults of updates, and provisioning, which a change of the number of hosts starts.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::batches::machine_of_configuration;
use super::configuration::merged;
use super::pools::empty;
use super::status::{Shown, percent, status_document};
use super::zone::Zone;
use super::{Object, Pool, compact};
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::{End, Operation, due};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::ids::{self, Purpose};
use crate::pools::SessionHost;

/// New session hosts that the service makes.
#[derive(Debug, Clone)]
pub(crate) struct Provisioning {
    correlation: String,
    since: OffsetDateTime,
    polls: u32,
    ended: Option<(OffsetDateTime, &'static str)>,
    canceled: Option<OffsetDateTime>,
    initial: usize,
    wanted: usize,
    management: Value,
}

impl Arm {
    pub(crate) fn get_management(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let pool = self.pool(asked)?;
        match &pool.host_management {
            Some(properties) => Ok(compact(document(pool, properties))),
            None => Err(self.no_management(asked)),
        }
    }

    /// 200, at once; `provisioningState` tells of the last provisioning (recorded).
    pub(crate) fn put_management(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        if !self.pool(asked)?.is_automated() {
            let status = self.switches.desktops.standard_pool_status;
            let text = "The host pool has no session host configuration";
            return Err(self.desktop_refusal(asked, status, text));
        }
        let existed = self.pool(asked)?.host_management.is_some();
        let sent = self.management_sent(asked, &["update", "scheduledDateTimeZone"])?;
        let pool = self.pool_mut(asked)?;
        let old = pool.host_management.clone().unwrap_or_else(|| {
            let blank = json!({
                "provisioningState": "Succeeded",
                "failedSessionHostCleanupPolicy": "KeepAll",
                "scheduledDateTimeZone": "UTC",
                "update": {},
                "provisioning": {"instanceCount": 1, "canaryPolicy": "Auto", "setDrainMode": false},
            });
            blank.as_object().cloned().unwrap_or_default()
        });
        pool.host_management = Some(merged(&old, &sent));
        let mut answer = self.get_management(asked)?;
        answer.status = if existed { 200 } else { 201 };
        Ok(answer)
    }

    /// A change of `provisioning.instanceCount` starts provisioning (recorded).
    pub(crate) fn patch_management(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        if self.pool(asked)?.host_management.is_none() {
            return Err(self.no_management(asked));
        }
        let sent = self.management_sent(asked, &[])?;
        let count = sent
            .get("provisioning")
            .and_then(|provisioning| provisioning.get("instanceCount"))
            .and_then(Value::as_u64);
        let pool = self.pool_mut(asked)?;
        let mut new = merged(&pool.host_management.clone().unwrap_or_default(), &sent);
        if count.is_some() {
            new.insert("provisioningState".to_owned(), json!("Scheduled"));
        }
        pool.host_management = Some(new);
        if let Some(count) = count {
            self.start_provisioning(asked, usize::try_from(count).unwrap_or_default())?;
        }
        self.get_management(asked)
    }

    fn no_management(&mut self, asked: &Asked<'_>) -> Refusal {
        self.desktop_refusal(asked, 404, "SessionHostManagement does not exist")
    }

    /// The properties that a body sets, checked by the definition.
    fn management_sent(&mut self, asked: &Asked<'_>, required: &[&str]) -> Result<Object, Refusal> {
        let body = asked.json()?;
        let sent = body.get("properties").and_then(Value::as_object);
        let sent = sent.cloned().unwrap_or_default();
        let missing = required.iter().find(|name| !sent.contains_key(**name));
        let problem = missing
            .map(|name| format!("The property '{name}' is required"))
            .or_else(|| malformed(&sent));
        match problem {
            Some(problem) => Err(self.desktop_refusal(asked, 400, &problem)),
            None => Ok(sent),
        }
    }

    fn start_provisioning(&mut self, asked: &Asked<'_>, wanted: usize) -> Result<(), Refusal> {
        let key = self.pool_key(asked)?;
        let correlation = self
            .ids
            .of(Purpose::Desktop, &format!("provisioning {key}"))
            .guid();
        let pool = self.pool_mut(asked)?;
        let initial = pool.hosts.len();
        pool.provisioning = Some(Provisioning {
            correlation,
            since: asked.now,
            polls: 0,
            ended: None,
            canceled: None,
            initial,
            wanted: wanted.max(initial),
            management: json!(pool.host_management),
        });
        Ok(())
    }

    /// 404 where nothing was ever provisioned (assumed).
    pub(crate) fn get_provisioning_status(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let members = self.switches.desktops.status_members;
        let pool = self.pool_mut(asked)?;
        let id = pool.id.clone();
        let Some(provisioning) = &mut pool.provisioning else {
            let text = "SessionHostProvisioning does not exist";
            return Err(self.desktop_refusal(asked, 404, text));
        };
        provisioning.polls = provisioning.polls.saturating_add(1);
        let status = provisioning
            .ended
            .map_or("ProvisioningSessionHosts", |(_, status)| status);
        let new = provisioning.wanted - provisioning.initial;
        let done = if status == "Succeeded" { new } else { 0 };
        let shown = Shown {
            id: format!("{id}/sessionHostProvisioningStatuses/default"),
            status: status.to_owned(),
            start: clock::seconds(provisioning.since),
            end: provisioning.ended.map(|(at, _)| clock::seconds(at)),
            percent: percent(done, new, provisioning.ended.is_some()),
            error: Value::Null,
            rest: json!({
                "correlationId": provisioning.correlation,
                "progress": {
                    "initialSessionHostCount": provisioning.initial,
                    "finalSessionHostCount": provisioning.wanted,
                    "sessionHostsCreationFailed": 0,
                    "executionStartTime": clock::ticks_text(provisioning.since),
                    "sessionHostsInProgress": if provisioning.ended.is_none() { new } else { 0 },
                    "sessionHostsCompleted": done,
                },
                "scheduledDateTime": clock::seconds(provisioning.since),
                "sessionHostManagement": {"properties": without_state(&provisioning.management)},
            }),
        };
        Ok(compact(status_document(shown, members)))
    }

    pub(crate) fn control_provisioning(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let action = self.control_body(asked, &["Cancel"])?;
        let pool = self.pool_mut(asked)?;
        let going = pool
            .provisioning
            .as_mut()
            .filter(|provisioning| provisioning.ended.is_none() && provisioning.canceled.is_none());
        let Some(provisioning) = going else {
            let status = self.switches.desktops.refused_control_status;
            let text = format!("No provisioning is in progress that {action} could be sent to");
            return Err(self.desktop_refusal(asked, status, &text));
        };
        provisioning.canceled = Some(asked.now);
        provisioning.polls = 0;
        self.start_control(asked)
    }

    /// The action of a control request, which has to be one of those.
    pub(super) fn control_body(
        &mut self,
        asked: &Asked<'_>,
        actions: &[&'static str],
    ) -> Result<&'static str, Refusal> {
        self.pool(asked)?;
        let body = asked.json()?;
        let sent = body.get("action").and_then(Value::as_str);
        let action = actions.iter().find(|known| Some(**known) == sent);
        let unknown = body.as_object().and_then(|body| {
            let mut names = body.keys();
            names.find(|name| !["action", "cancelMessage"].contains(&name.as_str()))
        });
        let message = body.get("cancelMessage").and_then(Value::as_str);
        match (action, unknown) {
            (Some(action), None) if message.unwrap_or_default().chars().count() <= 260 => {
                Ok(action)
            }
            _ => {
                let text = format!(
                    "The body needs 'action', one of {}, and nothing else but 'cancelMessage' of at most 260 characters",
                    actions.join(", ")
                );
                Err(self.desktop_refusal(asked, 400, &text))
            }
        }
    }

    /// 202 with `Location` and `Retry-After: 15` (recorded); the operation is that of the action, not of what it acts upon.
    pub(super) fn start_control(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let pool_id = self.pool(asked)?.id.clone();
        let id = self.ids.of(Purpose::Operation, &pool_id).guid();
        let mut operation = Operation::new(id.clone(), ids::key(&pool_id), asked.now);
        let lag = self.lag(|durations| durations.controlling_update);
        operation.close(asked.now, lag, End::Succeeded);
        let path = format!(
            "{}{pool_id}/sessionHostManagements/default/operationResults/{id}",
            self.world.addresses.arm
        );
        let form = self.switches.operation_urls;
        let query = format!("api-version={}", asked.version);
        let location = operation.url(&path, &query, form, &mut self.ids, asked.now);
        self.operations.insert(id, operation);
        Ok(empty(202)
            .with("location", location)
            .with("retry-after", self.switches.desktop_retry_after(15)))
    }

    /// 202 until the action has ended, then 204 (recorded).
    pub(crate) fn get_management_operation(
        &mut self,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        if self.poll_desktop_operation(asked)? {
            return Ok(Answer::new(204, Body::None));
        }
        let url = format!("{}{}", self.world.addresses.arm, asked.raw.uri());
        let location = super::configuration::here(asked, &url);
        Ok(empty(202)
            .with("location", location)
            .with("retry-after", self.switches.desktop_retry_after(15)))
    }

    /// The service has made its hosts, or has stopped to.
    pub(super) fn settle_provisioning(&mut self, pool: &mut Pool, now: OffsetDateTime) {
        let Some(provisioning) = &pool.provisioning else {
            return;
        };
        if provisioning.ended.is_some() {
            return;
        }
        let (since, duration, state) = match provisioning.canceled {
            Some(at) => (
                at,
                self.lag(|durations| durations.canceling_provisioning),
                "Canceled",
            ),
            None => (
                provisioning.since,
                self.lag(|durations| durations.provisioning_hosts),
                "Succeeded",
            ),
        };
        let progress = &self.switches.progress;
        let Some(at) = due(progress, duration, since, provisioning.polls, now) else {
            return;
        };
        let new = provisioning.wanted - provisioning.initial;
        if state == "Succeeded" {
            for _ in 0..new {
                self.provision_host(pool, at);
            }
        }
        if let Some(provisioning) = &mut pool.provisioning {
            provisioning.ended = Some((at, state));
        }
        if let Some(management) = &mut pool.host_management {
            management.insert("provisioningState".to_owned(), json!(state));
        }
    }

    fn provision_host(&mut self, pool: &mut Pool, at: OffsetDateTime) {
        let text = |name: &str| {
            let value = pool.configuration.as_ref().and_then(|all| all.get(name));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let prefix = text("vmNamePrefix");
        let mut numbers = 0..;
        let name = numbers.find_map(|number| {
            let name = format!("{prefix}-{number}");
            pool.host(&name).is_none().then_some(name)
        });
        let name = name.unwrap_or_default();
        let (machine, parts) = machine_of_configuration(pool, &name, &name);
        let mut scene = SessionHost {
            machine,
            parts,
            configuration: Some(text("version")),
            ..SessionHost::of_version(&name, "", "", "")
        };
        let drained = pool
            .host_management
            .as_ref()
            .and_then(|management| management.get("provisioning")?.get("setDrainMode"));
        scene.allow_new_session = drained != Some(&json!(true));
        self.place(scene.machine.clone(), Some(at));
        for part in scene.parts.clone() {
            self.place(part, Some(at));
        }
        let host = self.new_host(&pool.id, scene, Some(at), Some(at));
        pool.hosts.push(host);
    }
}

fn document(pool: &Pool, properties: &Object) -> Value {
    json!({
        "name": "default",
        "id": format!("{}/sessionHostManagements/default", pool.id),
        "type": "Microsoft.DesktopVirtualization/hostPools/sessionHostManagements",
        "properties": properties,
    })
}

/// A status repeats the management without its state (recorded).
pub(super) fn without_state(management: &Value) -> Value {
    let mut management = management.clone();
    if let Some(management) = management.as_object_mut() {
        management.shift_remove("provisioningState");
    }
    management
}

/// What is wrong with the properties of a management.
fn malformed(sent: &Object) -> Option<String> {
    let known = [
        "scheduledDateTimeZone",
        "update",
        "provisioning",
        "failedSessionHostCleanupPolicy",
        "provisioningState",
    ];
    if let Some(name) = sent.keys().find(|name| !known.contains(&name.as_str())) {
        return Some(format!("The property '{name}' is unknown"));
    }
    if let Some(zone) = sent.get("scheduledDateTimeZone")
        && zone.as_str().and_then(Zone::named).is_none()
    {
        return Some(format!("The time zone {zone} is unknown"));
    }
    if let Some(update) = sent.get("update") {
        return malformed_update(update);
    }
    None
}

/// What is wrong with the settings of an update, by the definition.
pub(super) fn malformed_update(update: &Value) -> Option<String> {
    let Some(update) = update.as_object() else {
        return Some("The value of 'update' is not valid".to_owned());
    };
    for (name, value) in update {
        let fits = match name.as_str() {
            "deleteOriginalVm" => value.is_boolean(),
            "maxVmsRemoved" => value.as_i64().is_some_and(|count| count >= 1),
            "logOffDelayMinutes" => value
                .as_i64()
                .is_some_and(|delay| (0..=60).contains(&delay)),
            "logOffMessage" => value
                .as_str()
                .is_some_and(|message| message.chars().count() <= 260),
            _ => return Some(format!("The property 'update.{name}' is unknown")),
        };
        if !fits {
            return Some(format!("The value of 'update.{name}' is not valid"));
        }
    }
    None
}
