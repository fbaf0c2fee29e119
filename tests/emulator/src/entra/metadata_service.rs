//! Tokens of a virtual machine's managed identities:
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use time::OffsetDateTime;

use super::{Entra, respond};

/// The address of the service: plain HTTP, reached from within the machine only.
pub(crate) const METADATA_SERVICE: &str = "169.254.169.254";

impl Entra {
    /// Answers a request for a token. Numbers are texts, and `expires_on` is the time of day.
    pub fn answer_metadata_service(
        &mut self,
        request: &Request<Bytes>,
        now: OffsetDateTime,
    ) -> Response<Bytes> {
        let refuse = |status, error: &str, text: &str| {
            respond(status, &json!({"error": error, "error_description": text}))
        };
        let headers = request.headers();
        let says_so = headers
            .get("metadata")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        if !says_so || headers.contains_key("x-forwarded-for") {
            let text = "Required metadata header not specified";
            return refuse(StatusCode::BAD_REQUEST, "invalid_request", text);
        }
        let (mut resource, mut client, mut version) = (None, None, None);
        let query = request.uri().query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "resource" => resource = Some(value.into_owned()),
                "client_id" => client = Some(value.into_owned()),
                "api-version" => version = Some(value.into_owned()),
                _ => {}
            }
        }
        let known = request.uri().path() == "/metadata/identity/oauth2/token"
            && request.method() == Method::GET
            && matches!(version.as_deref(), Some("2018-02-01" | "2019-08-01"));
        let Some(resource) = resource.filter(|_| known) else {
            let text = "The emulator knows no such request";
            return refuse(StatusCode::BAD_REQUEST, "bad_request_102", text);
        };
        let mut identities = self.settings.machine_identities.iter();
        let identity = match &client {
            None => identities.next(),
            Some(client) => identities
                .skip(1)
                .find(|known| known.client.eq_ignore_ascii_case(client)),
        };
        let Some(identity) = identity else {
            return refuse(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "Identity not found",
            );
        };
        let token = self.access_token(identity, &resource, "2", now);
        let body = json!({
            "access_token": token,
            "client_id": identity.client,
            "expires_in": self.settings.token_lifetime.as_secs().to_string(),
            "expires_on": self.expiry(now).to_string(),
            "ext_expires_in": self.settings.token_lifetime.as_secs().to_string(),
            "not_before": now.unix_timestamp().to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        self.tokens_issued += 1;
        respond(StatusCode::OK, &body)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;
    use time::macros::datetime;

    use super::super::{Application, EntraSettings};
    use super::*;
    use crate::tokens::decode;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const PATH: &str = "/metadata/identity/oauth2/token?api-version=2019-08-01";

    fn check(query: &str, header: &str, expected: Result<&str, &str>) {
        let identity = |client: &str, object: &str| Application {
            client: client.to_owned(),
            object: object.to_owned(),
            ..Application::default()
        };
        let mut entra = Entra::new(EntraSettings {
            authority: "https://localhost".into(),
            tenant: "t".into(),
            applications: Vec::new(),
            machine_identities: vec![identity("own", "object-1"), identity("other", "object-2")],
            token_lifetime: Duration::from_secs(300),
        });
        let request = Request::get(format!("http://{METADATA_SERVICE}{PATH}{query}"))
            .header(header, "true")
            .body(Bytes::new());
        let answer = entra.answer_metadata_service(&request.unwrap(), NOW);
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let found = match text("access_token") {
            Some(token) => {
                let until = (NOW + Duration::from_secs(300)).unix_timestamp();
                assert_eq!(text("expires_on"), Some(until.to_string()));
                let claims = decode(&token).unwrap().payload;
                Ok(format!("{} {}", claims["oid"], claims["aud"]))
            }
            None => Err(text("error_description").unwrap()),
        };
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{query} {header}");
    }

    #[test]
    fn the_machine_has_its_own_identity_and_those_assigned_to_it() {
        let own = r#""object-1" "https://a/""#;
        let other = r#""object-2" "https://a/""#;
        check("&resource=https://a/", "Metadata", Ok(own));
        check(
            "&resource=https://a/&client_id=OTHER",
            "Metadata",
            Ok(other),
        );
        let unknown = Err("Identity not found");
        check("&resource=https://a/&client_id=own", "Metadata", unknown);
        check("&resource=https://a/&client_id=x", "Metadata", unknown);
        let no_header = Err("Required metadata header not specified");
        check("&resource=https://a/", "Accept", no_header);
        check("", "Metadata", Err("The emulator knows no such request"));
    }
}
