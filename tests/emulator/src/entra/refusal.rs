//! The token endpoint's refusals: AADSTS number, OAuth error code and text, as
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes> lists them.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    number: u32,
    error: &'static str,
    text: String,
}

/// Reads like a table: one line per refusal.
impl Refusal {
    fn new(number: u32, error: &'static str, text: String) -> Self {
        Self {
            number,
            error,
            text,
        }
    }

    pub(super) fn unknown_tenant(tenant: &str) -> Self {
        Self::new(
            90002,
            "invalid_request",
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. \
                 Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
            ),
        )
    }

    pub(super) fn no_tenant() -> Self {
        let text = "No tenant-identifying information found in either the request or implied by any provided credentials.";
        Self::new(50059, "invalid_request", text.into())
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        let text =
            format!("Endpoint only accepts POST, OPTIONS requests. Received a {method} request.");
        Self::new(900_561, "invalid_request", text)
    }

    pub(super) fn missing_field(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::new(900_144, "invalid_request", text)
    }

    /// The real endpoint ignores what it does not know; the emulator names it.
    pub(super) fn unknown_field(name: &str) -> Self {
        let text = format!(
            "Invalid request. Request is malformed or invalid. The emulator knows no form field '{name}'."
        );
        Self::new(9_002_313, "invalid_request", text)
    }

    pub(super) fn duplicate_field(name: &str) -> Self {
        let text =
            format!("The request is not properly formatted. The parameter '{name}' is duplicated.");
        Self::new(9_000_411, "invalid_request", text)
    }

    pub(super) fn unsupported_grant(grant: &str) -> Self {
        Self::new(
            70003,
            "unsupported_grant_type",
            format!("The app requested an unsupported grant type '{grant}'."),
        )
    }

    pub(super) fn unknown_application(client: &str, tenant: &str) -> Self {
        Self::new(
            700_016,
            "unauthorized_client",
            format!(
                "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has \
                 not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your \
                 authentication request to the wrong tenant."
            ),
        )
    }

    pub(super) fn invalid_scope(scope: &str) -> Self {
        Self::new(
            70011,
            "invalid_scope",
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not \
                 valid. The scope {scope} is not valid."
            ),
        )
    }

    pub(super) fn resource_in_second_generation() -> Self {
        let text = "The resource parameter provided in the request doesn't match with the requested scopes.";
        Self::new(9_010_010, "invalid_target", text.into())
    }

    pub(super) fn no_proof() -> Self {
        let text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
        Self::new(7_000_216, "invalid_client", text.into())
    }

    pub(super) fn two_proofs() -> Self {
        let text = "Invalid request. Request is malformed or invalid. It holds both 'client_secret' and 'client_assertion'.";
        Self::new(9_002_313, "invalid_request", text.into())
    }

    pub(super) fn wrong_secret(client: &str) -> Self {
        Self::new(
            7_000_215,
            "invalid_client",
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client \
                 secret ID, for a secret added to app '{client}'."
            ),
        )
    }

    pub(super) fn assertion_type(kind: &str) -> Self {
        let text = format!(
            "Invalid client assertion type '{kind}'. It must be 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'."
        );
        Self::new(50027, "invalid_request", text)
    }

    pub(super) fn malformed_assertion(why: &str) -> Self {
        Self::new(
            50027,
            "invalid_client",
            format!("JWT token is invalid or malformed: {why}."),
        )
    }

    pub(super) fn outside_its_time(now: OffsetDateTime, from: i64, until: i64) -> Self {
        Self::new(
            700_024,
            "invalid_client",
            format!(
                "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion \
                 {}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
                moment(now.unix_timestamp()),
                moment(from),
                moment(until)
            ),
        )
    }

    pub(super) fn foreign_identifier(client: &str) -> Self {
        let text = format!(
            "Client assertion application identifier doesn't match 'client_id' parameter. Expected '{client}'."
        );
        Self::new(700_021, "invalid_client", text)
    }

    pub(super) fn foreign_audience() -> Self {
        let text = "Client assertion audience claim does not match Realm issuer. Review the documentation at \
                    https://learn.microsoft.com/entra/identity-platform/certificate-credentials .";
        Self::new(700_023, "invalid_client", text.into())
    }

    pub(super) fn unknown_certificate(thumbprint: &str, client: &str) -> Self {
        Self::new(
            700_027,
            "invalid_client",
            format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. \
                 [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph \
                 Explorer or directly use MS Graph to see configured keys for app Id '{client}'.]"
            ),
        )
    }

    pub(super) fn no_federated_credentials(client: &str) -> Self {
        Self::new(
            70025,
            "invalid_client",
            format!("The client '{client}' has no configured federated identity credentials."),
        )
    }

    /// `what` is the first claim that matches no credential: issuer, subject or audience.
    pub(super) fn no_matching_credential(
        what: &str,
        [issuer, subject, audience]: [&str; 3],
    ) -> Self {
        let (number, presented) = match what {
            "issuer" => (700_211, issuer),
            "audience" => (700_212, audience),
            _ => (700_213, subject),
        };
        Self::new(
            number,
            "invalid_client",
            format!(
                "No matching federated identity record found for presented assertion {what} '{presented}'. Check your federated identity \
                 credential Subject, Audience and Issuer against the presented assertion. Assertion Issuer: '{issuer}'. Assertion Subject: \
                 '{subject}'. Assertion Audience: '{audience}'. \
                 https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
            ),
        )
    }

    /// 401 when the client could not prove who it is, 400 for everything else.
    pub(super) fn status(&self) -> StatusCode {
        if self.error == "invalid_client" {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        }
    }

    /// The error document. `count` makes its ids unique; `correlation` is the client's own id.
    pub(super) fn body(
        &self,
        authority: &str,
        count: u64,
        correlation: Option<&str>,
        now: OffsetDateTime,
    ) -> Value {
        let trace = format!("7ace0000-0000-4000-8000-{count:012x}");
        let correlation = correlation.map_or_else(
            || format!("c0440000-0000-4000-8000-{count:012x}"),
            str::to_owned,
        );
        let stamp = now
            .format(format_description!(
                "[year]-[month]-[day] [hour]:[minute]:[second]Z"
            ))
            .unwrap_or_default();
        json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}",
                self.number, self.text
            ),
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{authority}/error?code={}", self.number),
        })
    }
}

fn moment(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}
