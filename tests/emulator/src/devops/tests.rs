//! Tests of the organization, through its one entrance.

use super::*;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const PATH: &str =
    "/contoso/p-1/_apis/distributedtask/hubs/build/plans/plan-1/jobs/job-1/oidctoken";
const QUERY: &str = "api-version=7.1&serviceConnectionId=c-1";

fn devops() -> DevOps {
    DevOps::new(DevOpsSettings {
        origin: "https://dev.azure.com".into(),
        organization: "contoso".into(),
        project_id: "p-1".into(),
        job_token: "job token".into(),
        connections: [(
            "c-1".to_owned(),
            OidcSubject {
                issuer: "https://issuer".into(),
                subject: "sc://a/b/c".into(),
            },
        )]
        .into(),
        oidc_lifetime: Duration::from_secs(600),
    })
}

fn request(address: &str, body: &'static str) -> Request<Bytes> {
    Request::post(address)
        .header("Authorization", "Bearer job token")
        .header("Content-Length", body.len())
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

#[test]
fn a_token_presents_the_connection_for_ten_minutes() {
    let mut devops = devops();
    let answer = devops.answer(&request(&format!("{PATH}?{QUERY}"), ""), NOW);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let claims = tokens::decode(body["oidcToken"].as_str().unwrap())
        .unwrap()
        .payload;
    assert_eq!(
        (claims["iss"].as_str(), claims["sub"].as_str()),
        (Some("https://issuer"), Some("sc://a/b/c"))
    );
    assert_eq!(
        (&claims["aud"], claims["exp"].as_i64()),
        (&json!(DevOps::AUDIENCE), Some(NOW.unix_timestamp() + 600))
    );
    assert_eq!(
        devops
            .answer(&request(&format!("{PATH}?{QUERY}"), "{}"), NOW)
            .status(),
        200
    );
    assert_eq!(devops.tokens_issued(), 2);
}

#[test]
fn a_wrong_job_token_leads_to_a_sign_in_page() {
    let mut wrong = request(&format!("{PATH}?{QUERY}"), "");
    wrong.headers_mut().insert(
        header::AUTHORIZATION,
        HeaderValue::from_static("Bearer other"),
    );
    let answer = devops().answer(&wrong, NOW);
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["Location"].as_bytes()
        ),
        (
            302,
            &b"https://dev.azure.com/_signin?realm=dev.azure.com&reply_to="[..]
        )
    );
    wrong.headers_mut().insert(
        "X-TFS-FedAuthRedirect",
        HeaderValue::from_static("Suppress"),
    );
    let answer = devops().answer(&wrong, NOW);
    assert_eq!(answer.status(), 401);
    assert!(
        answer.headers()["Content-Type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

fn check(request: &Request<Bytes>, status: u16, type_key: &str) {
    let mut devops = devops();
    let answer = devops.answer(request, NOW);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        (answer.status().as_u16(), body["typeKey"].as_str()),
        (status, Some(type_key)),
        "{} {body}",
        request.uri()
    );
    assert_eq!(devops.tokens_issued(), 0);
}

#[test]
fn wrong_requests_are_refused() {
    check(
        &request(
            &format!("{PATH}?api-version=7.1&serviceConnectionId=c-2"),
            "",
        ),
        404,
        "ServiceEndpointNotFoundException",
    );
    check(
        &request(&format!("{PATH}?serviceConnectionId=c-1"), ""),
        400,
        "VssVersionNotSpecifiedException",
    );
    check(
        &request(
            &format!("{PATH}?api-version=5.0&serviceConnectionId=c-1"),
            "",
        ),
        400,
        "VssVersionOutOfRangeException",
    );
    check(
        &request(&format!("{PATH}?{QUERY}&x=1"), ""),
        400,
        "VssPropertyValidationException",
    );
    check(
        &request(&format!("{PATH}?api-version=7.1"), ""),
        400,
        "ArgumentNullException",
    );
    check(
        &request(&format!("{PATH}?{QUERY}"), "{\"a\":1}"),
        400,
        "VssPropertyValidationException",
    );
    check(
        &request(&format!("{}?{QUERY}", PATH.replace("p-1", "p-2")), ""),
        404,
        "VssResourceNotFoundException",
    );
    let mut get = request(&format!("{PATH}?{QUERY}"), "");
    *get.method_mut() = Method::GET;
    check(&get, 405, "VssRequestMethodException");
    let mut without_length = request(&format!("{PATH}?{QUERY}"), "");
    without_length.headers_mut().remove(header::CONTENT_LENGTH);
    check(&without_length, 411, "VssServiceResponseException");
}

#[test]
fn a_connection_that_the_stage_does_not_name_gets_no_token() {
    let mut devops = devops();
    devops.set_unreferenced("c-1");
    let answer = devops.answer(&request(&format!("{PATH}?{QUERY}"), ""), NOW);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let text = "There is no explicit reference to service connection c-1 from current stage Build.Job.__default.";
    assert_eq!(
        (answer.status().as_u16(), body),
        (400, json!({"count": 96, "value": text}))
    );
    assert_eq!(devops.tokens_issued(), 0);
}
