//! What is refused.

use serde_json::{Value, json};

use super::scene::{Scene, VERSION};
use crate::{Switches, tokens};

/// A PUT in which one member has this value (null: is gone); `expected` is in the refusal, or empty when it is accepted.
fn check_body(version: &'static str, pointer: &str, value: Value, expected: &str) {
    let mut scene = Scene::new(Switches::default());
    scene.version = version;
    let mut body = scene.body();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(member);
    } else {
        parent.insert(member.to_owned(), value);
    }
    let answer = scene.put(&body);
    let status = if expected.is_empty() { 201 } else { 400 };
    assert_eq!(
        answer.status, status,
        "{version} {pointer}: {}",
        answer.text
    );
    assert!(
        answer.text.contains(expected),
        "{version} {pointer}: {}",
        answer.text
    );
}

#[test]
fn members_are_checked_by_api_version() {
    let check = check_body;
    let vm_boot = || json!({"vmboot": {"state": "Enabled"}});
    let disks = || json!([{"sizeGB": 1}]);
    check(
        "2024-02-01",
        "/properties/optimize",
        vm_boot(),
        "unknown field \\\"vmboot\\\"",
    );
    check("2023-07-01", "/properties/optimize", vm_boot(), "");
    check(
        "2024-02-01",
        "/properties/additionalDataDisks",
        disks(),
        "unknown field",
    );
    check("2025-10-01", "/properties/additionalDataDisks", disks(), "");
    check(
        "2025-10-01",
        "/apiVersion",
        json!("x"),
        "unknown field \\\"apiVersion\\\"",
    );
    check("2023-07-01", "/apiVersion", json!("x"), "");
    check(
        "2025-10-01",
        "/properties/provisioningState",
        json!("Failed"),
        "",
    );
    check(
        "2020-02-14",
        "/identity",
        Value::Null,
        "{\n \"code\": \"ValidationFailed\"",
    );
}

#[test]
fn values_are_checked_against_the_definition() {
    let check =
        |pointer: &str, value: Value, expected: &str| check_body(VERSION, pointer, value, expected);
    check("/identity", Value::Null, "Missing field 'identity'");
    check("/location", Value::Null, "Missing field 'location'");
    check(
        "/location",
        json!("moon"),
        "LocationNotAvailableForResourceType",
    );
    check(
        "/properties/distribute",
        json!([]),
        "Missing field 'distribute'",
    );
    check(
        "/properties/source",
        json!({"type": "Iso"}),
        "Field 'type' has a bad value: 'Iso'",
    );
    check(
        "/properties/source",
        json!({"type": "ManagedImage"}),
        "Missing field 'imageId'",
    );
    check(
        "/properties/buildTimeoutInMinutes",
        json!(961),
        "bad value: '961'",
    );
    check(
        "/properties/buildTimeoutInMinutes",
        json!("60"),
        "cannot unmarshal string",
    );
    check(
        "/properties/vmProfile",
        json!({"osDiskSizeGB": -1}),
        "bad value: '-1'",
    );
    let name = json!([{"type": "VHD", "runOutputName": "a b"}]);
    check("/properties/distribute", name, "bad value: 'a b'");
    let twice =
        json!([{"type": "VHD", "runOutputName": "a"}, {"type": "VHD", "runOutputName": "a"}]);
    check("/properties/distribute", twice, "it is used twice");
    let both =
        json!([{"type": "Shell", "inline": ["x"], "scriptUri": "https://scripts.example/one.sh"}]);
    check("/properties/customize", both, "exclude each other");
}

#[test]
fn requests_are_checked_before_anything_else() {
    let scene = Scene::provisioned(Switches::default());
    let check = |url: &str, status: u16, code: &str| {
        let answer = scene.get(url);
        assert_eq!(
            (answer.status, answer.body["error"]["code"].as_str()),
            (status, Some(code)),
            "{url}"
        );
    };
    let template = scene.template_url("");
    check(
        template.split('?').next().unwrap(),
        400,
        "MissingApiVersionParameter",
    );
    check(
        &template.replace(VERSION, "2023-07-02"),
        400,
        "NoRegisteredProviderFound",
    );
    check(
        &format!("{template}&$expand=x"),
        400,
        "InvalidQueryParameter",
    );
    check(&scene.template_url("/run"), 405, "HttpMethodNotAllowed");
    check(&scene.template_url("/build"), 404, "InvalidResourceType");
    check(
        &template.replace("rg-images", "rg-none"),
        404,
        "ResourceGroupNotFound",
    );
    check(
        &template.replace("/3a7f", "/4a7f"),
        404,
        "SubscriptionNotFound",
    );
    let run = scene.post("run");
    check(
        &run.operation().replace("&h=", "&h=A"),
        403,
        "InvalidOperationUrlSignature",
    );
    let mut stranger = scene;
    stranger.token = "none".to_owned();
    assert_eq!(stranger.get(&template).status, 401);
    let mut other = Scene::new(Switches::default());
    other.token = tokens::encode(&json!({"aud": "https://storage.azure.com/"}));
    assert_eq!(other.get(&template).status, 401);
}
