//! Microsoft Entra ID: discovery documents and the token endpoint for applications (client credentials).
//!
//! The flows are those of <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>: a secret, an assertion
//! of the application's own (certificate), an assertion of somebody else's (federated credential). **No assertion's signature is checked**;
//! its claims, its times and the certificate's thumbprint are.

mod assertion;
mod discovery;
mod form;
mod metadata_service;
mod refusal;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::tokens;
use form::{Form, Generation, audience};
pub(crate) use metadata_service::METADATA_SERVICE;
use refusal::Refusal;

/// What the directory knows.
#[derive(Debug, Clone)]
pub struct EntraSettings {
    /// Where clients sign in: `https://host[:port]`, without a slash at the end.
    pub authority: String,
    /// The id of the one tenant.
    pub tenant: String,
    /// The applications registered in the tenant.
    pub applications: Vec<Application>,
    /// The managed identities of the agent's machine: first its own (system-assigned), then those assigned to it.
    pub machine_identities: Vec<Application>,
    /// How long an access token is valid.
    pub token_lifetime: Duration,
}

/// An application with its service principal.
#[derive(Debug, Clone, Default)]
pub struct Application {
    /// The application (client) id.
    pub client: String,
    /// The object id of the service principal.
    pub object: String,
    /// The client secret, if it has one.
    pub secret: Option<String>,
    /// The outside identities it trusts.
    pub federated: Vec<FederatedCredential>,
    /// Its certificates: the SHA-1 or SHA-256 hash of the DER form, in hexadecimal digits.
    pub certificate_thumbprints: Vec<String>,
}

/// An outside identity that may sign in as the application; every member must match exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedCredential {
    /// `iss` of the outside token.
    pub issuer: String,
    /// `sub` of the outside token.
    pub subject: String,
    /// `aud` of the outside token, as a rule `api://AzureADTokenExchange`.
    pub audience: String,
}

/// The emulated directory.
#[derive(Debug)]
pub struct Entra {
    settings: EntraSettings,
    tokens_issued: u64,
    requests: u64,
}

impl Entra {
    /// A directory that has issued nothing yet.
    pub fn new(settings: EntraSettings) -> Self {
        Self {
            settings,
            tokens_issued: 0,
            requests: 0,
        }
    }

    /// The directory's settings.
    pub fn settings(&self) -> &EntraSettings {
        &self.settings
    }

    /// The directory's settings, to change what it knows: a secret that was revoked, a credential that was added.
    pub fn settings_mut(&mut self) -> &mut EntraSettings {
        &mut self.settings
    }

    /// How many access tokens were issued.
    pub fn tokens_issued(&self) -> u64 {
        self.tokens_issued
    }

    /// The `iss` of every access token issued here: the issuer of v1 tokens, which Azure Resource Manager and Azure Storage accept.
    pub fn issuer(&self) -> String {
        format!("https://sts.windows.net/{}/", self.settings.tenant)
    }

    /// Answers one request.
    pub fn answer(&mut self, request: &Request<Bytes>, now: OffsetDateTime) -> Response<Bytes> {
        self.requests += 1;
        let parts: Vec<&str> = request
            .uri()
            .path()
            .trim_start_matches('/')
            .splitn(2, '/')
            .collect();
        let (tenant, rest) = match parts.as_slice() {
            [tenant, rest] => (*tenant, *rest),
            _ => ("", ""),
        };
        let answer = match (request.method(), rest) {
            (&Method::GET, "v2.0/.well-known/openid-configuration") => self.configuration(tenant),
            (&Method::GET, "discovery/instance") if tenant == "common" => Ok(self.instance()),
            (&Method::POST, "oauth2/v2.0/token") => {
                self.token(tenant, request, Generation::Two, now)
            }
            (&Method::POST, "oauth2/token") => self.token(tenant, request, Generation::One, now),
            (_, "oauth2/v2.0/token" | "oauth2/token") => {
                Err(Refusal::wrong_method(request.method()))
            }
            _ => return empty(StatusCode::NOT_FOUND),
        };
        match answer {
            Ok(body) => respond(StatusCode::OK, &body),
            Err(refusal) => {
                let correlation = request
                    .headers()
                    .get("client-request-id")
                    .and_then(|id| id.to_str().ok());
                respond(
                    refusal.status(),
                    &refusal.body(&self.settings.authority, self.requests, correlation, now),
                )
            }
        }
    }

    fn token(
        &mut self,
        tenant: &str,
        request: &Request<Bytes>,
        generation: Generation,
        now: OffsetDateTime,
    ) -> Result<Value, Refusal> {
        if matches!(tenant, "common" | "organizations" | "consumers") {
            return Err(Refusal::no_tenant());
        }
        if !tenant.eq_ignore_ascii_case(&self.settings.tenant) {
            return Err(Refusal::unknown_tenant(tenant));
        }
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            return Err(Refusal::missing_field("grant_type"));
        }
        let form = Form::read(request.body())?;
        match form.required("grant_type")? {
            "client_credentials" => {}
            other => return Err(Refusal::unsupported_grant(other)),
        }
        let client = form.required("client_id")?;
        let application = self
            .settings
            .applications
            .iter()
            .find(|application| application.client.eq_ignore_ascii_case(client));
        let application = application
            .ok_or_else(|| Refusal::unknown_application(client, &self.settings.tenant))?;
        let audience = audience(&form, generation)?;
        let authentication = self.authenticate(application, &form, now)?;
        let token = self.access_token(application, &audience, authentication, now);
        self.tokens_issued += 1;
        let lifetime = self.settings.token_lifetime.as_secs();
        Ok(match generation {
            Generation::Two => json!({
                "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token,
            }),
            // The first generation writes numbers as text.
            Generation::One => json!({
                "token_type": "Bearer", "expires_in": lifetime.to_string(), "ext_expires_in": lifetime.to_string(),
                "expires_on": self.expiry(now).to_string(), "not_before": now.unix_timestamp().to_string(),
                "resource": audience, "access_token": token,
            }),
        })
    }

    /// Who the client is, and by which kind of proof: claim `appidacr` is "1" for a secret, "2" for an assertion.
    fn authenticate(
        &self,
        application: &Application,
        form: &Form,
        now: OffsetDateTime,
    ) -> Result<&'static str, Refusal> {
        match (form.get("client_secret"), form.get("client_assertion")) {
            (Some(_), Some(_)) => Err(Refusal::two_proofs()),
            (None, None) => Err(Refusal::no_proof()),
            (Some(secret), None) if application.secret.as_deref() == Some(secret) => Ok("1"),
            (Some(_), None) => Err(Refusal::wrong_secret(&application.client)),
            (None, Some(assertion)) => {
                let kind = form.required("client_assertion_type")?;
                if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
                    return Err(Refusal::assertion_type(kind));
                }
                assertion::check(&self.settings, application, assertion, now)?;
                Ok("2")
            }
        }
    }

    fn expiry(&self, now: OffsetDateTime) -> i64 {
        now.unix_timestamp()
            .saturating_add_unsigned(self.settings.token_lifetime.as_secs())
    }

    /// The claims of a v1 access token for an application:
    /// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>.
    fn access_token(
        &self,
        application: &Application,
        audience: &str,
        authentication: &str,
        now: OffsetDateTime,
    ) -> String {
        let issuer = self.issuer();
        tokens::encode(&json!({
            "aud": audience,
            "iss": issuer,
            "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(),
            "exp": self.expiry(now),
            "appid": application.client,
            "appidacr": authentication,
            "idp": issuer,
            "idtyp": "app",
            "oid": application.object,
            "sub": application.object,
            "tid": self.settings.tenant,
            // Unique, so that two tokens of one second can be told apart.
            "uti": format!("token-{}", self.tokens_issued + 1),
            "ver": "1.0",
        }))
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store, no-cache"),
    );
    *response.body_mut() = Bytes::from(body.to_string());
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
