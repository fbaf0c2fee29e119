//! Host pools, session hosts and user sessions as the service writes them (recorded: 2025, 2026).

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Host, Object, Pool, is_preview};
use crate::arm::Arm;
use crate::arm::machine_work::Power;
use crate::clock;
use crate::ids;
use crate::pools::{HealthCheck, ScalingPlan, UserSession};

/// What a host reports when nothing is wrong: name and message of each check (recorded: 2026-03).
const CHECKS: [(&str, &str); 8] = [
    ("DomainJoinedCheck", ""),
    ("DomainTrustCheck", ""),
    (
        "SxSStackListenerCheck",
        "SessionHost healthy: SessionHost healthy: SxS stack listener is ready",
    ),
    (
        "MonitoringAgentCheck",
        "Located running process at C:\\Program Files\\Microsoft RDInfra\\RDMonitoringAgent_46.24.3\\Agent\\MonAgentLauncher.exe",
    ),
    ("MetaDataServiceCheck", ""),
    (
        "AppAttachHealthCheck",
        "SessionHost healthy: MSIX packages have been properly staged",
    ),
    ("TURNRelayAccessHealthCheck", ""),
    (
        "AADJoinedHealthCheck",
        "SessionHost healthy: Microsoft Entra ID Join check succeeded.",
    ),
];

impl Arm {
    /// What a host says of itself, or what the service makes of its silence.
    pub(crate) fn host_status(&self, host: &Host, now: OffsetDateTime) -> String {
        if let Some(status) = &host.scene.status {
            return status.clone();
        }
        let machine = ids::key(&host.scene.machine.id);
        let status = if host.upgrading.is_some() {
            "Upgrading"
        } else if self.placed(&machine).is_none() {
            "Unavailable"
        } else if self.power(&machine).0 != Power::Running {
            "Shutdown"
        } else if self.reports_from(host).is_some_and(|ready| now < ready) {
            "Unavailable"
        } else {
            "Available"
        };
        status.to_owned()
    }

    /// When a host whose VM runs begins to report.
    fn reports_from(&self, host: &Host) -> Option<OffsetDateTime> {
        let boot = self.lag(|durations| durations.booting_host);
        let started = self.power(&ids::key(&host.scene.machine.id)).1;
        let started = started.map(|since| since + boot);
        host.ready.max(started)
    }

    /// The last time that a host has reported; it does so every 30 s.
    fn last_heartbeat(&self, host: &Host, now: OffsetDateTime) -> Option<OffsetDateTime> {
        if let Some(last) = host.scene.last_heartbeat {
            return Some(last);
        }
        let machine = ids::key(&host.scene.machine.id);
        let beat = |at: OffsetDateTime| {
            let since = at.unix_timestamp().rem_euclid(30);
            let at = at.replace_nanosecond(730_000_000).unwrap_or(at);
            at - time::Duration::seconds(since + 1)
        };
        let gone = self.resources.get(&machine).and_then(|placed| placed.until);
        if let Some(gone) = gone {
            return Some(beat(gone));
        }
        let (power, since) = self.power(&machine);
        if power != Power::Running {
            return Some(beat(since.unwrap_or(now)));
        }
        let ready = self.reports_from(host);
        if ready.is_some_and(|ready| now < ready) {
            return None;
        }
        Some(ready.map_or(beat(now), |ready| beat(now).max(ready)))
    }

    pub(super) fn host_document(
        &self,
        pool: &Pool,
        host: &Host,
        version: &str,
        now: OffsetDateTime,
    ) -> Value {
        let scene = &host.scene;
        let status = self.host_status(host, now);
        let beat = self.last_heartbeat(host, now);
        let in_state = |state: &str| {
            let of_state = scene
                .sessions
                .iter()
                .filter(|session| session.state == state);
            of_state.count()
        };
        let mut properties = Object::new();
        let mut put = |name: &str, value: Value| {
            properties.insert(name.to_owned(), value);
        };
        if is_preview(version) {
            put("activeSessions", json!(in_state("Active")));
            put("disconnectedSessions", json!(in_state("Disconnected")));
            put("pendingSessions", json!(in_state("Pending")));
            put("sessionHostConfiguration", json!(scene.configuration));
        }
        put("friendlyName", host.friendly_name.clone());
        put("lastHeartBeat", json!(beat.map(clock::hundredths)));
        put("statusTimestamp", Value::Null);
        let registered = host.created.unwrap_or(BEGINNING);
        put("lastUpdateTime", json!(clock::hundredths(registered)));
        put("sessions", json!(scene.sessions.len()));
        put("agentVersion", json!("1.0.13229.200"));
        put("allowNewSession", json!(scene.allow_new_session));
        put("assignedUser", host.assigned_user.clone());
        put("status", json!(status));
        put("osVersion", json!("10.0.26100.7171"));
        put("sxSStackVersion", json!("rdp-sxs251112650"));
        put("updateState", json!("Succeeded"));
        put("updateErrorMessage", json!(""));
        let checks = checks(&scene.checks, &status, beat.unwrap_or(registered));
        put("sessionHostHealthCheckResults", checks);
        put("resourceId", json!(scene.machine.id));
        put("virtualMachineId", json!(host.machine_id));
        put("objectId", json!(host.object));
        let (by, kind, at) = match &host.modified {
            Some((by, at)) => (json!(by), json!("Application"), *at),
            None => (Value::Null, Value::Null, registered),
        };
        let mut data = system_data(registered, &by, &kind, at);
        overwrite(&mut properties, scene.facts.get("properties"));
        if let Some(data) = data.as_object_mut() {
            overwrite(data, scene.facts.get("systemData"));
        }
        json!({
            "name": format!("{}/{}", pool.name(), scene.name),
            "id": format!("{}/sessionhosts/{}", pool.lower_id(), scene.name),
            "type": "Microsoft.DesktopVirtualization/hostpools/sessionhosts",
            "properties": properties,
            "systemData": data,
        })
    }

    pub(super) fn pool_document(&self, pool: &Pool, version: &str) -> Value {
        let mut properties = json!({
            "objectId": pool.object,
            "friendlyName": null,
            "description": null,
            "hostPoolType": if pool.personal { "Personal" } else { "Pooled" },
            "personalDesktopAssignmentType": if pool.personal { json!("Automatic") } else { Value::Null },
            "customRdpProperty": "",
            "maxSessionLimit": 999_999,
            "loadBalancerType": if pool.personal { "Persistent" } else { "BreadthFirst" },
            "ring": null,
            "validationEnvironment": false,
            "registrationInfo": null,
            "vmTemplate": null,
            "applicationGroupReferences": [],
            "preferredAppGroupType": "Desktop",
            "startVMOnConnect": false,
            "cloudPcResource": false,
            "publicNetworkAccess": "Enabled",
            "agentUpdate": null,
        });
        if let (true, Some(properties)) = (is_preview(version), properties.as_object_mut()) {
            let kind = json!(pool.management.name());
            properties.insert("managementType".to_owned(), kind);
        }
        if let Some(properties) = properties.as_object_mut() {
            overwrite(properties, Some(&Value::Object(pool.settings.clone())));
        }
        let mut document = Object::new();
        document.insert("name".to_owned(), json!(pool.name()));
        document.insert("id".to_owned(), json!(pool.lower_id()));
        let kind = "Microsoft.DesktopVirtualization/hostpools";
        document.insert("type".to_owned(), json!(kind));
        document.insert("location".to_owned(), json!(pool.location));
        document.insert("tags".to_owned(), json!(pool.tags));
        if let Some(principal) = &pool.identity {
            let identity = json!({"type": "SystemAssigned", "principalId": principal, "tenantId": self.world.tenant});
            document.insert("identity".to_owned(), identity);
        }
        document.insert("properties".to_owned(), properties);
        Value::Object(document)
    }

    pub(crate) fn plan_document(plan: &ScalingPlan) -> Value {
        let name = plan.id.rsplit('/').next();
        let pools: Vec<Value> = plan
            .pools
            .iter()
            .map(|(id, on)| json!({"hostPoolArmPath": id, "scalingPlanEnabled": on}))
            .collect();
        json!({
            "name": name,
            "id": plan.id,
            "type": "Microsoft.DesktopVirtualization/scalingplans",
            "location": plan.location,
            "tags": {},
            "properties": {
                "objectId": null,
                "description": "",
                "friendlyName": name,
                "timeZone": "UTC",
                "hostPoolType": "Pooled",
                "exclusionTag": "",
                "schedules": [],
                "hostPoolReferences": pools,
            },
        })
    }
}

/// Since when that exists of which nothing else is known.
pub(crate) const BEGINNING: OffsetDateTime = time::macros::datetime!(2025-04-01 08:00 UTC);

/// A session; in a list of a whole pool without `systemData` (recorded).
pub(super) fn session_document(
    pool: &Pool,
    host: &Host,
    session: &UserSession,
    with_data: bool,
) -> Value {
    let created = session.created.unwrap_or(BEGINNING);
    let user = session.user.split('@').next().unwrap_or_default();
    let user =
        user.get(..1).unwrap_or_default().to_ascii_uppercase() + user.get(1..).unwrap_or_default();
    let place = format!("{}/{}", host.scene.name, session.id);
    let none = Value::Null;
    json!({
        "name": format!("{}/{place}", pool.name()),
        "id": format!(
            "{}/sessionhosts/{}/usersessions/{}", pool.lower_id(), host.scene.name, session.id
        ),
        "type": "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions",
        "properties": {
            "createTime": clock::hundredths(created),
            "userPrincipalName": session.user,
            "sessionState": session.state,
            "applicationType": "Desktop",
            "activeDirectoryUserName": format!("AzureAD\\{user}"),
            "objectId": host.object,
        },
        "systemData": if with_data { system_data(created, &none, &none, created) } else { Value::Null },
    })
}

fn system_data(created: OffsetDateTime, by: &Value, kind: &Value, at: OffsetDateTime) -> Value {
    json!({
        "createdBy": null,
        "createdByType": null,
        "createdAt": clock::hundredths(created),
        "lastModifiedBy": by,
        "lastModifiedByType": kind,
        "lastModifiedAt": clock::hundredths(at),
    })
}

fn checks(wrong: &[HealthCheck], status: &str, at: OffsetDateTime) -> Value {
    let check = |name: &str, result: &str, message: &str| {
        json!({
            "healthCheckName": name,
            "healthCheckResult": result,
            "additionalFailureDetails": {
                "message": message,
                "errorCode": if result == "HealthCheckFailed" { -2_147_467_259 } else { 0 },
                "lastHealthCheckDateTime": clock::ticks_text(at),
            },
        })
    };
    let result = if status == "Shutdown" {
        "SessionHostShutdown"
    } else {
        "HealthCheckSucceeded"
    };
    let is_wrong = |name: &str| wrong.iter().any(|check| check.name == name);
    let usual = CHECKS
        .iter()
        .filter(|(name, _)| !is_wrong(name))
        .map(|(name, message)| check(name, result, message));
    let wrong = wrong
        .iter()
        .map(|wrong| check(&wrong.name, &wrong.result, &wrong.message));
    usual.chain(wrong).collect()
}

/// Sets members; those that are there stay in their places.
pub(super) fn overwrite(target: &mut Object, with: Option<&Value>) {
    for (name, value) in with.and_then(Value::as_object).into_iter().flatten() {
        target.insert(name.clone(), value.clone());
    }
}
