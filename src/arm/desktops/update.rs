//! Session host updates: asking for one, its status, and what can be done with it.
//!
//! There is one status for a pool, that of the last update, and a request for an update is answered with 204 and nothing else (recorded in 2025):
//! a new update is told from the one before by its correlation id and its start. The start is local time of the update's zone with a `Z` behind
//! (recorded), so it is compared with another start alone, and never with a clock.

use std::fmt;

use serde_json::{Value, json};

use crate::arm::api::HOST_POOLS;
use crate::arm::client::asked_pause;
use crate::arm::failure::{Cause, Failure};
use crate::arm::operation::Started;
use crate::arm::pace::Polled;
use crate::arm::refusal::{LONGEST_DOCUMENT, cut};
use crate::arm::resource_manager::Arm;
use crate::resource::ResourceId;

/// The status of the last update of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateStatus {
    /// Azure's word: `UpdatingSessionHosts`.
    pub status: String,
    /// What tells it from other updates; empty where it has none.
    pub correlation: String,
    /// The same, and no time to compute with.
    pub start: String,
    /// Azure's code and text. The text is a list of faults as JSON.
    pub error: Option<(String, String)>,
    /// How many hosts there are to update, where it is known.
    pub total: Option<u64>,
    /// Hosts that have been updated.
    pub completed: u64,
    /// Hosts that are being updated.
    pub in_progress: u64,
    /// Hosts that failed, and could not be given back as they were.
    pub rollback_failed: u64,
    /// For when it is scheduled, in the words of the service.
    pub scheduled: Option<String>,
}

impl UpdateStatus {
    /// Reads an answer. Members stand at the top, as recorded, or under `properties`, as in the definition.
    fn read(document: &Value) -> Option<Self> {
        let member = |name: &str| {
            let inside = || document.get("properties")?.get(name);
            let own = document.get(name).filter(|value| !value.is_null());
            own.or_else(inside).filter(|value| !value.is_null())
        };
        let text = |name: &str| member(name).and_then(Value::as_str).map(str::to_owned);
        let count = |name: &str| member("progress")?.get(name)?.as_u64();
        let error = member("error").map(|error| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            (
                text("code").to_owned(),
                cut(text("message"), LONGEST_DOCUMENT),
            )
        });
        Some(Self {
            status: text("status")?,
            correlation: text("correlationId").unwrap_or_default(),
            start: text("startTime").unwrap_or_default(),
            error,
            total: count("totalSessionHosts"),
            completed: count("sessionHostsCompleted").unwrap_or_default(),
            in_progress: count("sessionHostsInProgress").unwrap_or_default(),
            rollback_failed: count("sessionHostsRollbackFailed").unwrap_or_default(),
            scheduled: text("scheduledDateTime"),
        })
    }

    /// Whether both tell of the same update.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.correlation == other.correlation && self.start == other.start
    }

    /// Whether the status is this word.
    pub fn is(&self, word: &str) -> bool {
        self.status.eq_ignore_ascii_case(word)
    }

    /// Whether it was canceled, in either spelling.
    pub fn is_canceled(&self) -> bool {
        self.is("Canceled") || self.is("Cancelled")
    }

    /// Whether it is over, or waits after a failure. Every other word, known or not, is that of an update that goes on.
    pub fn is_end(&self) -> bool {
        self.is("Succeeded") || self.is("Failed") || self.is_canceled()
    }

    /// Whether it counts a host that was touched.
    pub fn counts_work(&self) -> bool {
        self.completed + self.in_progress + self.rollback_failed > 0
    }
}

/// `UpdatingSessionHosts, 1 of 8`.
impl fmt::Display for UpdateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status)?;
        if let Some(total) = self.total.filter(|total| *total > 0) {
            write!(f, ", {} of {total}", self.completed)?;
        }
        if self.rollback_failed > 0 {
            write!(f, ", {} failed", self.rollback_failed)?;
        }
        match &self.scheduled {
            Some(at) if self.is("Scheduled") => write!(f, " at {at}"),
            _ => Ok(()),
        }
    }
}

/// What an update is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRequest {
    /// Whether the old VMs are deleted; else they are deallocated.
    pub deletes_old: bool,
    /// How many hosts are updated at once.
    pub most_at_once: u32,
    /// Minutes from the message to signing out.
    pub delay: u32,
    /// What users read.
    pub message: String,
    /// When it begins, in UTC: `2026-12-01T19:00:00Z`; at once without it.
    pub at: Option<String>,
}

impl UpdateRequest {
    /// The body of the request. The zone is UTC always: times of the status are in it.
    pub fn json(&self) -> Value {
        let mut body = json!({
            "update": {
                "deleteOriginalVm": self.deletes_old,
                "maxVmsRemoved": self.most_at_once,
                "logOffDelayMinutes": self.delay,
                "logOffMessage": self.message,
            },
            "scheduledDateTimeZone": "UTC",
        });
        if let (Some(at), Some(body)) = (&self.at, body.as_object_mut()) {
            body.insert("scheduledDateTime".to_owned(), json!(at));
        }
        body
    }
}

/// The body of a request that controls an update.
pub fn control_body(action: &str) -> Value {
    json!({"action": action})
}

impl Arm {
    /// The status of the last update of a pool; nothing if it never had one.
    pub async fn update_status(
        &self,
        pool: &ResourceId,
    ) -> Result<Polled<Option<UpdateStatus>>, Failure> {
        let doing = format!(
            "Reading the status of the session host update of host pool '{}'",
            pool.name()
        );
        let path =
            format!("{pool}/sessionHostManagements/default/sessionHostUpdateStatuses/default");
        let call = self.reading(&doing, path, HOST_POOLS);
        let answer = match self.client.send(&call).await {
            Ok(answer) => answer,
            Err(failure) if failure.is(http::StatusCode::NOT_FOUND) => {
                return Ok(Polled {
                    value: None,
                    pause: None,
                });
            }
            Err(failure) => return Err(failure),
        };
        let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let status = UpdateStatus::read(&document).ok_or_else(|| {
            let what = "it has no status".to_owned();
            Failure::of(&doing, Cause::Unreadable(what))
        })?;
        Ok(Polled {
            value: Some(status),
            pause: asked_pause(answer.headers()),
        })
    }

    /// Asks for an update: answered with 204 alone. Never sent twice where Azure may have acted.
    pub async fn initiate_update(
        &self,
        pool: &ResourceId,
        request: &UpdateRequest,
    ) -> Result<(), Failure> {
        let doing = format!(
            "Starting the session host update of host pool '{}'",
            pool.name()
        );
        let path = format!("{pool}/sessionHostManagements/default/initiateSessionHostUpdate");
        self.post(&doing, path, HOST_POOLS, &request.json())
            .await
            .map(drop)
    }

    /// Sends `Retry` or `Cancel` to the update of a pool: 202 with a place to ask for the end of the action, not of the update.
    pub async fn control_update(
        &self,
        pool: &ResourceId,
        action: &str,
    ) -> Result<Started, Failure> {
        let doing = format!(
            "Sending {action} to the session host update of host pool '{}'",
            pool.name()
        );
        let path = format!("{pool}/sessionHostManagements/default/controlSessionHostUpdate");
        let changed = self
            .post(&doing, path, HOST_POOLS, &control_body(action))
            .await?;
        Ok(changed.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As recorded in June 2025, in Azure/azure-powershell: members come twice.
    fn recorded() -> Value {
        let rest = json!({
            "correlationId": "c1",
            "progress": {"totalSessionHosts": 5, "sessionHostsRollbackFailed": 0, "executionStartTime": "2025-06-25T18:56:58.6758392", "sessionHostsInProgress": 1, "sessionHostsCompleted": 0},
            "scheduledDateTime": null,
        });
        let mut document = json!({
            "id": "/x", "status": "UpdatingSessionHosts", "startTime": "2025-06-25T18:56:58Z", "endTime": null, "percentComplete": 0.0, "error": null,
            "properties": rest.clone(),
        });
        let members = document.as_object_mut().unwrap();
        members.extend(rest.as_object().unwrap().clone());
        document
    }

    #[test]
    fn a_status_is_read_wherever_its_members_are() {
        let expected = UpdateStatus {
            status: "UpdatingSessionHosts".to_owned(),
            correlation: "c1".to_owned(),
            start: "2025-06-25T18:56:58Z".to_owned(),
            total: Some(5),
            in_progress: 1,
            ..UpdateStatus::default()
        };
        let whole = recorded();
        assert_eq!(UpdateStatus::read(&whole).as_ref(), Some(&expected));
        let mut top = whole.clone();
        top.as_object_mut().unwrap().remove("properties");
        assert_eq!(UpdateStatus::read(&top).as_ref(), Some(&expected));
        let mut below = whole;
        for name in ["correlationId", "progress", "scheduledDateTime"] {
            below.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(UpdateStatus::read(&below).as_ref(), Some(&expected));
        // As the definition has it, with everything below.
        let all = json!({"properties": {"status": "Failed", "startTime": "s", "error": {"code": "UpdateFailure", "message": "[]"}}});
        let all = UpdateStatus::read(&all).unwrap();
        assert!(all.is("failed") && all.is_end() && !all.counts_work());
        assert_eq!(all.error, Some(("UpdateFailure".into(), "[]".into())));
        assert_eq!(UpdateStatus::read(&json!({})), None);
    }

    #[test]
    fn the_top_counts_before_what_is_below() {
        let mut document = recorded();
        document["correlationId"] = json!("top");
        let status = UpdateStatus::read(&document).unwrap();
        assert_eq!(status.correlation, "top");
    }

    #[test]
    fn every_word_but_three_is_of_an_update_that_goes_on() {
        let status = |word: &str| UpdateStatus {
            status: word.to_owned(),
            ..UpdateStatus::default()
        };
        for word in ["Succeeded", "Failed", "Canceled", "Cancelled", "failed"] {
            assert!(status(word).is_end(), "{word}");
        }
        for word in [
            "Scheduled",
            "ValidatingSessionHostUpdate",
            "UpdatingSessionHosts",
            "Pausing",
            "Paused",
            "Cancelling",
            "Error",
            "Resuming",
            "Starting",
            "Levitating",
        ] {
            assert!(!status(word).is_end(), "{word}");
        }
    }
}
