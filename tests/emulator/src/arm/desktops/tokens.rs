//! Registration tokens, by which VMs register themselves as session hosts of a pool.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::compact;
use crate::arm::answer::{Answer, Refusal};
use crate::arm::{Arm, Asked};
use crate::ids::Purpose;
use crate::pools::Management;
use crate::switches::MissingToken;
use crate::tokens as web_tokens;

/// A token that was made.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires: OffsetDateTime,
}

impl Arm {
    /// The token of the pool, while it is valid.
    pub(crate) fn retrieve_registration_token(
        &mut self,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        let pool = self.pool(asked)?;
        let token = pool.token.clone().filter(|token| token.expires > asked.now);
        if token.is_none() && self.switches.desktops.missing_token == MissingToken::NotFound {
            return Err(self.desktop_refusal(asked, 404, "RegistrationToken does not exist"));
        }
        Ok(compact(Self::token_document(token.as_ref())))
    }

    pub(crate) fn list_registration_tokens(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let token = self.pool(asked)?.token.as_ref();
        let all: Vec<Value> = token
            .filter(|token| token.expires > asked.now)
            .map(|token| Self::token_document(Some(token)))
            .into_iter()
            .collect();
        Ok(compact(json!({"value": all, "nextLink": null})))
    }

    /// `Update` makes a new token for 1 hour to 27 days (documented), `Delete` removes it; what is shown of it.
    pub(super) fn change_registration(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        info: &Value,
    ) -> Result<Value, Refusal> {
        let operation = info
            .get("registrationTokenOperation")
            .and_then(Value::as_str)
            .unwrap_or("None");
        let Some(pool) = self.pools.get_mut(key) else {
            return Ok(Value::Null);
        };
        match operation {
            "None" => return Ok(Value::Null),
            "Delete" => {
                pool.token = None;
                return Ok(Value::Null);
            }
            "Update" => {}
            other => {
                let text = format!("'{other}' is not an operation on registration tokens");
                return Err(self.desktop_refusal(asked, 400, &text));
            }
        }
        if pool.management == Management::Automated {
            let text = "A host pool with a session host configuration has no registration token";
            return Err(self.desktop_refusal(asked, 400, text));
        }
        let time = info.get("expirationTime").and_then(Value::as_str);
        let expires = time.and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
        let permitted = asked.now + Duration::HOUR..=asked.now + Duration::days(27);
        let Some(expires) = expires.filter(|expires| permitted.contains(expires)) else {
            let text =
                "RegistrationInfo ExpirationTime must be between 1 hour and 27 days from now";
            return Err(self.desktop_refusal(asked, 400, text));
        };
        let ids = self.ids.of(Purpose::Desktop, &format!("token {key}"));
        let text = web_tokens::encode(&json!({
            "RegistrationId": ids.guid(),
            "BrokerUri": "https://rdbroker-g-eu-r0.wvd.microsoft.com/",
            "Secret": ids.opaque(900),
            "exp": expires.unix_timestamp(),
            "iss": "RDInfraTokenManager",
            "aud": "RDmi",
        }));
        let token = Token { text, expires };
        let shown = Self::token_document(Some(&token));
        self.tokens_made.push(token.text.clone());
        if let Some(pool) = self.pools.get_mut(key) {
            pool.token = Some(token);
        }
        Ok(shown)
    }

    /// The pool that a token registers hosts in, now.
    pub(crate) fn pool_of_token(&self, token: &str, now: OffsetDateTime) -> Option<String> {
        let mut pools = self.pools.iter();
        let (key, _) = pools.find(|(_, pool)| {
            let known = pool.token.as_ref();
            known.is_some_and(|known| known.text == token && known.expires > now)
        })?;
        Some(key.clone())
    }
}
