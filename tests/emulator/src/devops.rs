//! Azure DevOps: the one endpoint that a task asks for itself, the identity token of a service connection.
//!
//! The request is the one of
//! [`AzurePipelinesCredential`](https://github.com/Azure/azure-sdk-for-rust/blob/main/sdk/identity/azure_identity/src/azure_pipelines_credential.rs)
//! and of [`createOidcToken`](https://github.com/microsoft/azure-devops-node-api/blob/master/api/TaskApi.ts).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::tokens;

/// What the organization knows.
#[derive(Debug, Clone)]
pub struct DevOpsSettings {
    /// `https://host[:port]`, without a slash at the end.
    pub origin: String,
    /// The organization's name.
    pub organization: String,
    /// The project's id.
    pub project_id: String,
    /// The job's access token.
    pub job_token: String,
    /// Service connections by id.
    pub connections: BTreeMap<String, OidcSubject>,
    /// How long an identity token is valid; the real service grants about ten minutes.
    pub oidc_lifetime: Duration,
}

/// As whom a service connection presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSubject {
    /// `iss`, for example `https://vstoken.dev.azure.com/{organization id}`.
    pub issuer: String,
    /// `sub`, for example `sc://{organization}/{project}/{connection}`.
    pub subject: String,
}

/// The emulated organization.
#[derive(Debug)]
pub struct DevOps {
    settings: DevOpsSettings,
    /// Connections that exist, but that the job's stage does not name.
    unreferenced: BTreeSet<String>,
    tokens_issued: u64,
}

/// Namespace and assembly of the exceptions that the service names.
const WEB_API: &str = "Microsoft.VisualStudio.Services.WebApi";

/// A refusal in the service's own form.
struct Refusal {
    status: StatusCode,
    type_key: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, type_key: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            type_key,
            message: message.into(),
        }
    }

    /// A refusal without a type is the bare text that the service wraps where it throws no exception of its own.
    fn body(&self) -> Value {
        if self.type_key.is_empty() {
            return json!({"count": self.message.chars().count(), "value": self.message});
        }
        json!({
            "$id": "1",
            "innerException": null,
            "message": self.message,
            "typeName": format!("{WEB_API}.{}, {WEB_API}", self.type_key),
            "typeKey": self.type_key,
            "errorCode": 0,
            "eventId": 3000,
        })
    }
}

impl DevOps {
    /// The audience of every identity token.
    pub const AUDIENCE: &str = "api://AzureADTokenExchange";
    /// The versions of the resource that are answered.
    pub const API_VERSIONS: [&str; 3] = ["7.1", "7.1-preview.1", "7.2-preview.1"];

    /// An organization that has issued nothing yet.
    pub fn new(settings: DevOpsSettings) -> Self {
        Self {
            settings,
            unreferenced: BTreeSet::new(),
            tokens_issued: 0,
        }
    }

    /// The organization's settings, to change what it knows: another job token, a connection that was removed.
    pub fn settings_mut(&mut self) -> &mut DevOpsSettings {
        &mut self.settings
    }

    /// Makes a connection one that the job's stage does not name: since March 2026 the service issues no token for such a connection. The text is
    /// [as reported](https://github.com/dotnet/docker-tools/issues/2012); the status (400) is assumed.
    pub fn set_unreferenced(&mut self, connection: impl Into<String>) {
        self.unreferenced.insert(connection.into());
    }

    /// How many identity tokens were issued.
    pub fn tokens_issued(&self) -> u64 {
        self.tokens_issued
    }

    /// Answers one request.
    pub fn answer(&mut self, request: &Request<Bytes>, now: OffsetDateTime) -> Response<Bytes> {
        if tokens::bearer(request.headers()) != Ok(self.settings.job_token.as_str()) {
            return self.sign_in(request.headers());
        }
        match self.oidc_token(request, now) {
            Ok(token) => respond(StatusCode::OK, &json!({ "oidcToken": token })),
            Err(refusal) => respond(refusal.status, &refusal.body()),
        }
    }

    /// A request without a valid token: a page for people, unless the client asks not to be redirected.
    fn sign_in(&self, headers: &HeaderMap) -> Response<Bytes> {
        let suppressed = headers
            .get("X-TFS-FedAuthRedirect")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"suppress"));
        let location = format!(
            "{}/_signin?realm=dev.azure.com&reply_to=",
            self.settings.origin
        );
        let page = format!(
            "<html><head><title>Object moved</title></head><body>\r\n<h2>Object moved to <a href=\"{}\">here</a>.</h2>\r\n</body></html>",
            location.replace('&', "&amp;")
        );
        let mut response = Response::new(Bytes::from(page));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        if suppressed {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        } else {
            if let Ok(location) = HeaderValue::from_str(&location) {
                headers.insert(header::LOCATION, location);
            }
            *response.status_mut() = StatusCode::FOUND;
        }
        response
    }

    fn oidc_token(
        &mut self,
        request: &Request<Bytes>,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        self.check_path(request.uri().path())?;
        if request.method() != Method::POST {
            let message = format!(
                "The requested resource does not support http method '{}'.",
                request.method()
            );
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "VssRequestMethodException",
                message,
            ));
        }
        check_body(request)?;
        let connection = connection_id(request)?;
        let subject = self.settings.connections.get(&connection).ok_or_else(|| {
            let message = format!("Service connection with id '{connection}' was not found or is not authorized for this job.");
            Refusal::new(StatusCode::NOT_FOUND, "ServiceEndpointNotFoundException", message)
        })?;
        if self.unreferenced.contains(&connection) {
            let message = format!(
                "There is no explicit reference to service connection {connection} from current stage Build.Job.__default."
            );
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "", message));
        }
        let issued = now.unix_timestamp();
        let token = tokens::encode(&json!({
            "jti": format!("0d1c0000-0000-4000-8000-{:012x}", self.tokens_issued + 1),
            "sub": subject.subject,
            "aud": Self::AUDIENCE,
            "iss": subject.issuer,
            "iat": issued,
            "nbf": issued,
            "exp": issued.saturating_add_unsigned(self.settings.oidc_lifetime.as_secs()),
        }));
        self.tokens_issued += 1;
        Ok(token)
    }

    /// `/{organization}/{project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/jobs/{job}/oidctoken`, letter case ignored.
    fn check_path(&self, path: &str) -> Result<(), Refusal> {
        let parts: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(str::to_ascii_lowercase)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let known = match parts.as_slice() {
            [
                organization,
                project,
                "_apis",
                "distributedtask",
                "hubs",
                hub,
                "plans",
                plan,
                "jobs",
                job,
                "oidctoken",
            ] => {
                self.settings
                    .organization
                    .eq_ignore_ascii_case(organization)
                    && self.settings.project_id.eq_ignore_ascii_case(project)
                    && ![hub, plan, job].iter().any(|part| part.is_empty())
            }
            _ => false,
        };
        let message = format!("The emulator knows no resource '{path}'.");
        if known {
            Ok(())
        } else {
            Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "VssResourceNotFoundException",
                message,
            ))
        }
    }
}

/// A POST without a length is refused by the front end; the body is empty or an empty JSON object.
fn check_body(request: &Request<Bytes>) -> Result<(), Refusal> {
    let headers = request.headers();
    if !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
    {
        return Err(Refusal::new(
            StatusCode::LENGTH_REQUIRED,
            "VssServiceResponseException",
            "Length Required",
        ));
    }
    let empty = request.body().is_empty()
        || serde_json::from_slice::<Value>(request.body())
            .is_ok_and(|body| body.as_object().is_some_and(serde_json::Map::is_empty));
    if empty {
        return Ok(());
    }
    let message = "The request body must be empty or an empty JSON object.";
    Err(Refusal::new(
        StatusCode::BAD_REQUEST,
        "VssPropertyValidationException",
        message,
    ))
}

/// Checks the query, and returns its service connection.
fn connection_id(request: &Request<Bytes>) -> Result<String, Refusal> {
    let bad = |type_key, message: String| Refusal::new(StatusCode::BAD_REQUEST, type_key, message);
    let (mut version, mut connection) = (accepted_version(request.headers()), None);
    for (name, value) in
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
    {
        match name.as_ref() {
            "api-version" => version = Some(value.into_owned()),
            "serviceConnectionId" => connection = Some(value.into_owned()),
            other => {
                return Err(bad(
                    "VssPropertyValidationException",
                    format!("The emulator knows no query parameter '{other}'."),
                ));
            }
        }
    }
    let Some(version) = version else {
        return Err(bad(
            "VssVersionNotSpecifiedException",
            "No api-version was supplied for the \"POST\" request. The version must be supplied either as part of the Accept header \
             (e.g. \"application/json; api-version=1.0\") or as a query parameter (e.g. \"?api-version=1.0\")."
                .into(),
        ));
    };
    if !DevOps::API_VERSIONS.contains(&version.as_str()) {
        let message =
            format!("The requested REST API version of {version} is out of range for this server.");
        return Err(bad("VssVersionOutOfRangeException", message));
    }
    // Without a connection the real endpoint issues a token for the pipeline itself, which no service connection trusts.
    connection.ok_or_else(|| {
        bad(
            "ArgumentNullException",
            "Value cannot be null. Parameter name: serviceConnectionId".into(),
        )
    })
}

/// The version in an `Accept: application/json;api-version=...` header.
fn accepted_version(headers: &HeaderMap) -> Option<String> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    let version = accept
        .split(';')
        .find_map(|part| part.trim().strip_prefix("api-version="))?;
    Some(version.to_owned())
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8; api-version=7.1");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
