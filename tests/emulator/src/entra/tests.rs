//! Tests of the directory, through its one entrance.

use super::*;
use crate::tokens::{decode, encode};
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn entra() -> Entra {
    Entra::new(EntraSettings {
        authority: "https://localhost:8443".into(),
        tenant: "tenant-1".into(),
        applications: vec![
            Application {
                client: "client-1".into(),
                object: "object-1".into(),
                secret: Some("s3cret+/=".into()),
                federated: vec![FederatedCredential {
                    issuer: "https://issuer".into(),
                    subject: "sc://a/b/c".into(),
                    audience: "api://AzureADTokenExchange".into(),
                }],
                certificate_thumbprints: vec!["000102fbff".into()],
            },
            Application {
                client: "client-2".into(),
                object: "object-2".into(),
                ..Application::default()
            },
        ],
        machine_identities: Vec::new(),
        token_lifetime: Duration::from_secs(3600),
    })
}

fn ask(entra: &mut Entra, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let request = Request::post(path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap();
    let answer = entra.answer(&request, NOW);
    (
        answer.status().as_u16(),
        serde_json::from_slice(answer.body()).unwrap_or_default(),
    )
}

fn form<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "client-1"),
        ("client_secret", "s3cret+/="),
        ("scope", "https://management.azure.com/.default"),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    fields
}

#[test]
fn a_token_names_audience_issuer_and_principal() {
    let mut entra = entra();
    let checks = [
        (
            "https://management.azure.com/.default",
            "https://management.azure.com",
        ),
        (
            "https://management.azure.com//.default",
            "https://management.azure.com/",
        ),
    ];
    for (scope, audience) in checks {
        let (status, body) = ask(
            &mut entra,
            "/tenant-1/oauth2/v2.0/token",
            &form(&[
                ("scope", scope),
                ("x-client-SKU", "a"),
                ("x-ms-lib-capability", "retry-after, h429"),
                ("claims", "{}"),
            ]),
        );
        assert_eq!(
            (status, &body["expires_in"], &body["token_type"]),
            (200, &json!(3600), &json!("Bearer")),
            "{body}"
        );
        let mut headers = http::HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            format!("Bearer {}", body["access_token"].as_str().unwrap())
                .parse()
                .unwrap(),
        );
        let claims = tokens::verify(
            &headers,
            &[audience],
            "https://sts.windows.net/tenant-1/",
            NOW,
        )
        .unwrap();
        assert_eq!(
            (
                claims.client.as_str(),
                claims.object.as_str(),
                claims.tenant.as_str()
            ),
            ("client-1", "object-1", "tenant-1")
        );
        assert_eq!(claims.expires, NOW.unix_timestamp() + 3600);
    }
    assert_eq!(entra.tokens_issued(), 2);
}

#[test]
fn the_first_generation_takes_a_resource() {
    let mut entra = entra();
    let fields = form(&[
        ("scope", ""),
        ("resource", "https://management.core.windows.net/"),
    ]);
    let (status, body) = ask(&mut entra, "/tenant-1/oauth2/token", &fields);
    assert_eq!(
        (status, &body["expires_in"]),
        (200, &json!("3600")),
        "{body}"
    );
    let payload = decode(body["access_token"].as_str().unwrap())
        .unwrap()
        .payload;
    assert_eq!(payload["aud"], "https://management.core.windows.net/");
    assert_eq!(
        ask(&mut entra, "/tenant-1/oauth2/v2.0/token", &fields).1["error_codes"],
        json!([9_010_010])
    );
}

fn refused(fields: &[(&str, &str)], status: u16, error: &str, text: &str) {
    let mut entra = entra();
    let (found, body) = ask(&mut entra, "/tenant-1/oauth2/v2.0/token", fields);
    assert_eq!(
        (found, body["error"].as_str().unwrap_or_default()),
        (status, error),
        "{body}"
    );
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with(text), "{description}");
    assert!(
        description.contains("\r\nTrace ID: ")
            && description.ends_with("\r\nTimestamp: 2026-11-22 12:00:00Z"),
        "{description}"
    );
    assert_eq!(entra.tokens_issued(), 0);
}

#[test]
fn wrong_requests_are_refused_as_entra_does() {
    let bad = (400, "invalid_request");
    let unproven = (401, "invalid_client");
    let field =
        "AADSTS900144: The request body must contain the following parameter: 'grant_type'.";
    let unknown = "AADSTS9002313: Invalid request. Request is malformed or invalid. The emulator knows no form field 'username'.";
    let table = [
        ("grant_type", "", bad, field),
        (
            "grant_type",
            "password",
            (400, "unsupported_grant_type"),
            "AADSTS70003: ",
        ),
        (
            "client_id",
            "client-9",
            (400, "unauthorized_client"),
            "AADSTS700016: Application with identifier 'client-9'",
        ),
        (
            "client_secret",
            "wrong",
            unproven,
            "AADSTS7000215: Invalid client secret provided.",
        ),
        ("client_secret", "", unproven, "AADSTS7000216: "),
        (
            "scope",
            "https://management.azure.com/user",
            (400, "invalid_scope"),
            "AADSTS70011: ",
        ),
        (
            "scope",
            "https://a/.default https://b/.default",
            (400, "invalid_scope"),
            "AADSTS70011: ",
        ),
        ("username", "me", bad, unknown),
        ("client_assertion", "a.b.c", bad, "AADSTS9002313: "),
    ];
    for (name, value, (status, error), text) in table {
        refused(&form(&[(name, value)]), status, error, text);
    }
    let mut twice = form(&[]);
    twice.push(("scope", "https://b/.default"));
    refused(&twice, 400, "invalid_request", "AADSTS9000411: ");
}

/// Signs in as `client` with an assertion; `None` when a token is issued, else the AADSTS number.
fn assert_with(client: &str, header: &Value, payload: &Value) -> Option<u64> {
    let assertion = encode(payload);
    let payload_part = assertion.split('.').nth(1).unwrap();
    let header_part = encode(header).split('.').nth(1).unwrap().to_owned();
    let assertion = format!("{header_part}.{payload_part}.sig");
    let fields = form(&[
        ("client_id", client),
        ("client_secret", ""),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &assertion),
    ]);
    let (status, body) = ask(&mut entra(), "/tenant-1/oauth2/v2.0/token", &fields);
    assert_eq!(status == 200, body["access_token"].is_string(), "{body}");
    body["error_codes"][0].as_u64()
}

#[test]
fn federated_assertions_must_match_a_credential() {
    let now = NOW.unix_timestamp();
    let good = json!({"iss": "https://issuer", "sub": "sc://a/b/c", "aud": "api://AzureADTokenExchange", "nbf": now, "exp": now + 600});
    let header = json!({"alg": "RS256", "x5t": "AAEC"});
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        assert_with("client-1", &header, &claims)
    };
    assert_eq!(assert_with("client-1", &header, &good), None);
    assert_eq!(assert_with("client-2", &header, &good), Some(70025));
    assert_eq!(changed("iss", json!("https://issuer/")), Some(700_211));
    assert_eq!(changed("sub", json!("sc://A/b/c")), Some(700_213));
    assert_eq!(changed("aud", json!("api://other")), Some(700_212));
    assert_eq!(changed("exp", json!(now)), Some(700_024));
    assert_eq!(changed("nbf", json!(now + 1)), Some(700_024));
    assert_eq!(changed("sub", Value::Null), Some(50027));
}

#[test]
fn certificate_assertions_must_name_application_endpoint_and_certificate() {
    let now = NOW.unix_timestamp();
    let endpoint = "https://localhost:8443/tenant-1/oauth2/v2.0/token";
    let good = json!({"iss": "client-1", "sub": "client-1", "aud": endpoint, "nbf": now, "exp": now + 300});
    let header = json!({"alg": "PS256", "x5t#S256": "AAEC-_8"});
    let changed = |name: &str, value: &str| {
        let mut claims = good.clone();
        claims[name] = json!(value);
        assert_with("client-1", &header, &claims)
    };
    assert_eq!(assert_with("client-1", &header, &good), None);
    assert_eq!(
        assert_with("client-1", &json!({"x5t": "AAEC+/8="}), &good),
        None
    );
    assert_eq!(
        assert_with("client-1", &json!({"x5t": "AAAA"}), &good),
        Some(700_027)
    );
    assert_eq!(
        assert_with("client-1", &json!({"alg": "PS256"}), &good),
        Some(50027)
    );
    assert_eq!(changed("iss", "client-2"), Some(700_021));
    assert_eq!(changed("sub", "client-2"), Some(700_021));
    assert_eq!(changed("aud", "api://AzureADTokenExchange"), Some(700_023));
}

#[test]
fn discovery_names_this_host_and_unknown_tenants_are_refused() {
    let mut entra = entra();
    let mut get = |path: &str| {
        let answer = entra.answer(&Request::get(path).body(Bytes::new()).unwrap(), NOW);
        (
            answer.status().as_u16(),
            serde_json::from_slice::<Value>(answer.body()).unwrap_or_default(),
        )
    };
    let (status, body) = get("/tenant-1/v2.0/.well-known/openid-configuration");
    assert_eq!(
        (status, &body["issuer"]),
        (200, &json!("https://localhost:8443/tenant-1/v2.0"))
    );
    assert_eq!(
        body["token_endpoint"],
        "https://localhost:8443/tenant-1/oauth2/v2.0/token"
    );
    assert_eq!(
        get("/organizations/v2.0/.well-known/openid-configuration").1["issuer"],
        "https://localhost:8443/{tenantid}/v2.0"
    );
    assert_eq!(
        get("/tenant-2/v2.0/.well-known/openid-configuration").1["error_codes"],
        json!([90002])
    );
    assert_eq!(
        get("/common/discovery/instance?api-version=1.1").1["metadata"][0]["aliases"],
        json!(["localhost:8443"])
    );
    assert_eq!(
        get("/tenant-1/oauth2/v2.0/token").1["error_codes"],
        json!([900_561])
    );
    assert_eq!(get("/tenant-1/elsewhere").0, 404);
    assert_eq!(
        ask(&mut entra, "/tenant-2/oauth2/v2.0/token", &form(&[])).1["error_codes"],
        json!([90002])
    );
    assert_eq!(
        ask(&mut entra, "/common/oauth2/v2.0/token", &form(&[])).1["error_codes"],
        json!([50059])
    );
}
