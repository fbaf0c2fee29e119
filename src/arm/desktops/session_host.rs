//! A session host as the service writes it, its users, and how it leaves its pool.

use crate::arm::Cause;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arm::api::SESSION_HOSTS;
use crate::arm::machine::MACHINE;
use crate::arm::{Arm, Failure};
use crate::resource::ResourceId;

/// A session host of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHost {
    /// Its name in the pool; `name.domain` where it has joined a domain.
    pub name: String,
    /// The VM behind it; nothing where Azure tells no id, or not that of a VM: what it names is stopped and deleted.
    pub machine: Option<ResourceId>,
    /// Azure's word for how it is: `Available`, `Unavailable`, `Shutdown`, `NeedsAssistance` and others. `Available` was recorded of a host whose last
    /// heartbeat was three days old.
    pub status: String,
    /// Whether it lets users in. One of which that is not told counts as open.
    pub allow_new_session: bool,
    /// How many users are on it, where that is told.
    pub sessions: Option<u64>,
    /// When it was heard last.
    pub last_heartbeat: Option<OffsetDateTime>,
    /// What it has checked of itself.
    pub checks: Vec<HealthCheck>,
}

/// One check of a session host of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// `DomainJoinedCheck`.
    pub name: String,
    /// `HealthCheckSucceeded`, `HealthCheckFailed`, `SessionHostShutdown`, `Unknown`.
    pub result: String,
    /// What is said about it; often empty.
    pub message: String,
}

impl SessionHost {
    /// Reads an answer, or an item of a list; nothing if it has no name.
    pub fn read(document: &Value) -> Option<Self> {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let name = text("/name")?.rsplit('/').next()?;
        let beat = text("/properties/lastHeartBeat");
        let checks = document.pointer("/properties/sessionHostHealthCheckResults");
        let checks = checks.and_then(Value::as_array).into_iter().flatten();
        let open = document.pointer("/properties/allowNewSession");
        let sessions = document.pointer("/properties/sessions");
        (!name.is_empty()).then(|| Self {
            name: name.to_owned(),
            machine: text("/properties/resourceId")
                .and_then(|id| id.parse().ok())
                .filter(|id: &ResourceId| id.is(MACHINE)),
            status: text("/properties/status").unwrap_or_default().to_owned(),
            allow_new_session: open.and_then(Value::as_bool).unwrap_or(true),
            sessions: sessions.and_then(Value::as_u64),
            last_heartbeat: beat.and_then(|beat| OffsetDateTime::parse(beat, &Rfc3339).ok()),
            checks: checks.map(HealthCheck::read).collect(),
        })
    }
}

impl HealthCheck {
    fn read(document: &Value) -> Self {
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            name: text("/healthCheckName"),
            result: text("/healthCheckResult"),
            message: text("/additionalFailureDetails/message"),
        }
    }
}

/// A user on a session host. Who it is does not matter here.
///
/// <https://learn.microsoft.com/rest/api/desktopvirtualization/user-sessions>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSession {
    /// The number of the session on its host.
    pub id: String,
    /// Whether nobody works in it at the moment.
    pub is_disconnected: bool,
}

impl UserSession {
    fn read(document: &Value) -> Option<Self> {
        let name = document.get("name")?.as_str()?;
        let id = name.rsplit('/').next()?;
        let state = document.pointer("/properties/sessionState");
        let state = state.and_then(Value::as_str).unwrap_or_default();
        let is_number = !id.is_empty() && id.chars().all(|c| c.is_ascii_digit());
        is_number.then(|| Self {
            id: id.to_owned(),
            is_disconnected: state.eq_ignore_ascii_case("Disconnected"),
        })
    }
}

impl Arm {
    /// The sessions on a host.
    pub async fn user_sessions(
        &self,
        pool: &ResourceId,
        host: &str,
    ) -> Result<Vec<UserSession>, Failure> {
        let doing = format!("Listing the sessions on session host '{host}'");
        let id = host_path(&doing, pool, host)?;
        let all = self
            .pages(&doing, format!("{id}/userSessions"), SESSION_HOSTS)
            .await?;
        Ok(all.iter().filter_map(UserSession::read).collect())
    }

    /// Shows a message in a session.
    pub async fn send_message(
        &self,
        pool: &ResourceId,
        host: &str,
        session: &UserSession,
        (title, text): (&str, &str),
    ) -> Result<(), Failure> {
        let doing = format!("Sending a message to a session on '{host}'");
        let id = host_path(&doing, pool, host)?;
        let path = format!("{id}/userSessions/{}/sendMessage", session.id);
        let body = json!({"messageTitle": title, "messageBody": text});
        self.post(&doing, path, SESSION_HOSTS, &body)
            .await
            .map(drop)
    }

    /// Signs the user of a session out.
    pub async fn sign_out(
        &self,
        pool: &ResourceId,
        host: &str,
        session: &UserSession,
    ) -> Result<(), Failure> {
        let doing = format!("Signing a user out of '{host}'");
        let id = host_path(&doing, pool, host)?;
        let path = format!("{id}/userSessions/{}?force=true", session.id);
        self.delete(&doing, path, SESSION_HOSTS).await.map(drop)
    }

    /// Takes a session host out of its pool; the VM stays. Azure refuses it while users are on the host.
    pub async fn remove_session_host(&self, pool: &ResourceId, host: &str) -> Result<(), Failure> {
        let doing = format!("Removing session host '{host}' from the host pool");
        let id = host_path(&doing, pool, host)?;
        self.delete(&doing, id, SESSION_HOSTS).await.map(drop)
    }
}

/// The path of a session host, whose name comes from an answer.
pub(super) fn host_path(doing: &str, pool: &ResourceId, name: &str) -> Result<String, Failure> {
    let path = format!("{pool}/sessionHosts/{name}");
    let parsed = path.parse::<ResourceId>();
    match parsed.ok().filter(|id| id.name() == name) {
        Some(_) => Ok(path),
        None => Err(Failure::of(
            doing,
            Cause::Unreadable("a session host has a name that none can have".to_owned()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    const POOL: &str = "/subscriptions/s/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp";

    /// As recorded in March 2026, in Azure/azure-powershell.
    #[test]
    fn a_host_is_read_as_it_was_recorded() {
        let machine = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/auto2-0-2025-11-11T03-38-31-00";
        let document = json!({
            "name": "hp000001/auto2-0",
            "id": "/subscriptions/s/resourcegroups/rg/providers/Microsoft.DesktopVirtualization/hostpools/hp000001/sessionhosts/auto2-0",
            "type": "Microsoft.DesktopVirtualization/hostpools/sessionhosts",
            "properties": {
                "friendlyName": null, "lastHeartBeat": "2026-03-07T14:57:29.73Z", "sessions": 2, "allowNewSession": false, "assignedUser": null,
                "status": "Available", "updateState": "Succeeded",
                "sessionHostHealthCheckResults": [{
                    "healthCheckName": "DomainJoinedCheck", "healthCheckResult": "HealthCheckSucceeded",
                    "additionalFailureDetails": {"message": "", "errorCode": 0, "lastHealthCheckDateTime": "2026-03-09T10:42:51.6949252Z"},
                }],
                "resourceId": machine,
            },
        });
        let host = SessionHost::read(&document).unwrap();
        let expected = SessionHost {
            name: "auto2-0".to_owned(),
            machine: machine.parse().ok(),
            status: "Available".to_owned(),
            allow_new_session: false,
            sessions: Some(2),
            last_heartbeat: Some(datetime!(2026-03-07 14:57:29.73 UTC)),
            checks: vec![HealthCheck {
                name: "DomainJoinedCheck".to_owned(),
                result: "HealthCheckSucceeded".to_owned(),
                message: String::new(),
            }],
        };
        assert_eq!(host, expected);
        let bare = SessionHost::read(&json!({"name": "hp/h.contoso.example"})).unwrap();
        assert_eq!(
            (bare.name.as_str(), bare.machine),
            ("h.contoso.example", None)
        );
        assert!(bare.allow_new_session && bare.last_heartbeat.is_none());
        assert_eq!(bare.sessions, None);
        for other in [
            "../x",
            "/subscriptions/s/resourceGroups/rg",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/d",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm/extensions/e",
        ] {
            let odd = json!({"name": "hp/h", "properties": {"resourceId": other}});
            assert_eq!(SessionHost::read(&odd).unwrap().machine, None, "{other}");
        }
        assert_eq!(SessionHost::read(&json!({"name": "hp/"})), None);
        assert_eq!(SessionHost::read(&json!({"properties": {}})), None);
    }

    /// As recorded in March 2026, in Azure/azure-powershell.
    #[test]
    fn a_session_is_read_as_it_was_recorded() {
        let document = json!({
            "name": "hp000001/userSess-sh-0/3",
            "properties": {"createTime": "2023-12-21T15:40:08.15Z", "userPrincipalName": "user@example.com", "sessionState": "Disconnected"},
            "systemData": null,
        });
        let expected = UserSession {
            id: "3".to_owned(),
            is_disconnected: true,
        };
        assert_eq!(UserSession::read(&document), Some(expected));
        for name in ["hp/h/..", "hp/h/", "", "hp/h/3?x"] {
            assert_eq!(UserSession::read(&json!({"name": name})), None, "{name}");
        }
    }

    #[test]
    fn the_name_of_a_host_leads_nowhere_else() {
        let pool: ResourceId = POOL.parse().unwrap();
        let path = |name: &str| host_path("Reading", &pool, name).ok();
        let own = format!("{POOL}/sessionHosts/avd-0.contoso.example");
        assert_eq!(path("avd-0.contoso.example"), Some(own));
        for name in ["", "..", "a/b/c", "a?b", "a/", "a#b", "a%2e"] {
            assert_eq!(path(name), None, "{name}");
        }
    }
}
