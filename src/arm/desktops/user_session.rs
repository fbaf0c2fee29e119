//! Users on session hosts: who is there, a message, a log-off; and a host that leaves its pool
//! (<https://learn.microsoft.com/rest/api/desktopvirtualization/user-sessions>).

use serde_json::{Value, json};

use super::pool::host_path;
use crate::arm::api::SESSION_HOSTS;
use crate::arm::{Arm, Failure};
use crate::resource::ResourceId;

/// A user on a session host. Who it is does not matter here.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
