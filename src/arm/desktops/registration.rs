//! Tokens by which VMs register themselves as session hosts of a pool
//! (<https://learn.microsoft.com/rest/api/desktopvirtualization/host-pools/retrieve-registration-token>).

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arm::api::SESSION_HOSTS;
use crate::arm::{Arm, Failure};
use crate::resource::ResourceId;
use crate::secret::Secret;

/// A registration token.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The token, announced for masking when it was read.
    pub token: Secret,
    /// When it ends.
    pub until: Option<OffsetDateTime>,
}

impl Arm {
    /// The registration token of a pool, if it has one.
    pub async fn registration(&self, pool: &ResourceId) -> Result<Option<Registration>, Failure> {
        let doing = format!(
            "Reading the registration token of host pool '{}'",
            pool.name()
        );
        let path = format!("{pool}/retrieveRegistrationToken");
        let answer = match self.look_up(&doing, path, SESSION_HOSTS).await {
            Ok(answer) => answer,
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let token = text("token").filter(|token| !token.is_empty());
        let until = text("expirationTime");
        Ok(token.map(|token| Registration {
            token: self.client.secret(token),
            until: until.and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok()),
        }))
    }

    /// Makes a registration token for a pool that is valid `until` then. What the answer has of it is announced for masking.
    pub async fn renew_registration(
        &self,
        pool: &ResourceId,
        until: OffsetDateTime,
    ) -> Result<(), Failure> {
        let doing = format!(
            "Creating a registration token for host pool '{}'",
            pool.name()
        );
        let until = until.replace_nanosecond(0).unwrap_or(until);
        let until = until.format(&Rfc3339).unwrap_or_default();
        let body = json!({"properties": {"registrationInfo": {
            "expirationTime": until,
            "registrationTokenOperation": "Update",
        }}});
        let changed = self.patch(&doing, pool, SESSION_HOSTS, &body).await?;
        let token = changed
            .resource
            .pointer("/properties/registrationInfo/token");
        if let Some(token) = token.and_then(Value::as_str) {
            drop(self.client.secret(token));
        }
        Ok(())
    }
}
