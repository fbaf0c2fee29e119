//! The OIDC token with which Azure Pipelines vouches for a service connection.
//!
//! `azure_identity` has a credential that does the same, but it reads the process environment; this one is told what it needs.
//! The request is the one of that credential:
//! <https://github.com/Azure/azure-sdk-for-rust/blob/main/sdk/identity/azure_identity/src/azure_pipelines_credential.rs>.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde_json::Value;

use crate::arm::http::Http;
use crate::arm::refusal::shortened;
use crate::arm::without_token::{self, Answered};
use crate::inputs::connection::{OidcRequest, OidcSource};
use crate::secret::{Masker, Secret};

/// What an OIDC token says of its bearer; a federated credential must have exactly the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
}

/// Asks for a new OIDC token each time, if it can: one lives about 10 minutes, a build takes hours.
pub(super) struct PipelinesAssertion {
    connection: String,
    source: OidcSource,
    http: Arc<dyn Http>,
    masker: Arc<dyn Masker>,
    claims: Arc<Mutex<Option<Claims>>>,
}

impl std::fmt::Debug for PipelinesAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipelinesAssertion")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// Begins every refusal, so that it is found again in the credential's text around it.
const REFUSAL: &str = "Azure Pipelines gave no OIDC token";

impl PipelinesAssertion {
    pub(super) fn new(
        connection: &str,
        source: &OidcSource,
        http: Arc<dyn Http>,
        masker: Arc<dyn Masker>,
        claims: Arc<Mutex<Option<Claims>>>,
    ) -> Self {
        Self {
            connection: connection.to_owned(),
            source: source.clone(),
            http,
            masker,
            claims,
        }
    }

    /// The refusal in a credential's error text, if the OIDC token was the trouble.
    pub(super) fn refusal_in(error: &str) -> Option<String> {
        let text = error.get(error.find(REFUSAL)?..)?;
        Some(text.lines().next().unwrap_or(text).trim().to_owned())
    }

    async fn ask(&self) -> Result<Secret, String> {
        let token = match &self.source {
            OidcSource::Given(token) => token.clone(),
            OidcSource::Request(request, given) => match (self.request(request).await, given) {
                (Ok(token), _) => token,
                (Err(_), Some(given)) => given.clone(),
                (Err(reason), None) => return Err(reason),
            },
        };
        *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = claims(&token);
        Ok(token)
    }

    async fn request(&self, request: &OidcRequest) -> Result<Secret, String> {
        let answer = without_token::send(self.http.as_ref(), &self.token_request(request)?).await;
        let answer = answer.map_err(|error| error.to_string())?;
        Ok(Secret::new(read_token(&answer)?, self.masker.as_ref()))
    }

    fn token_request(&self, request: &OidcRequest) -> Result<Request<Bytes>, String> {
        let mut url = request.uri.clone();
        url.query_pairs_mut()
            .append_pair("api-version", "7.1")
            .append_pair("serviceConnectionId", &self.connection);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", request.job_token.reveal()))
            .map_err(|_| {
            "the job's own token has characters that no header can carry".to_owned()
        })?;
        bearer.set_sensitive(true);
        Request::builder()
            .method(Method::POST)
            .uri(url.as_str())
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, "application/json")
            // Without it a refused token is answered with a redirect to a page for people.
            .header("X-TFS-FedAuthRedirect", "Suppress")
            .body(Bytes::new())
            .map_err(|error| error.to_string())
    }
}

/// Anything but 200 with JSON is a refusal: a sign-in page comes as 203 or 302.
fn read_token(answer: &Answered) -> Result<String, String> {
    let (status, body) = (answer.response.status(), answer.response.body());
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let text = |name: &str| {
        value
            .as_ref()
            .and_then(|value| value.get(name))
            .and_then(Value::as_str)
    };
    match text("oidcToken") {
        Some(token) if status.as_u16() == 200 => Ok(token.to_owned()),
        _ => {
            let reason = text("message").unwrap_or("the answer is not a token");
            let reason = shortened(reason);
            Err(format!("{}: {reason}", answer.status_text()))
        }
    }
}

/// Reads the claims without checking the signature: they are for explaining a refusal, nothing else.
fn claims(token: &Secret) -> Option<Claims> {
    let payload = token.reveal().split('.').nth(1)?;
    let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Claims {
        issuer: text("iss")?,
        subject: text("sub")?,
        audience: text("aud")?,
    })
}

#[async_trait]
impl ClientAssertion for PipelinesAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        match self.ask().await {
            Ok(token) => Ok(token.reveal().to_owned()),
            Err(reason) => Err(azure_core::Error::with_message(
                ErrorKind::Credential,
                format!("{REFUSAL}: {reason}"),
            )),
        }
    }
}
