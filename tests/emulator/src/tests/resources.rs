//! The resources beside templates, PATCH, the deletion of image versions, and a sign-in that leads to them.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::scene::{Scene, VERSION};
use crate::{Addresses, Progress, Switches, World};

#[test]
fn resources_are_read() {
    let scene = Scene::new(Switches::default());
    let check = |path: &str, version: &str, pointer: &str, expected: &str| {
        let answer = scene.get(&scene.url(path).replace(VERSION, version));
        let found = answer.body.pointer(pointer).and_then(Value::as_str);
        assert_eq!(found, Some(expected), "{path}: {}", answer.text);
    };
    let account = "/providers/Microsoft.Storage/storageAccounts";
    let endpoint = "https://stcontosoimages.blob.azure.emulator/";
    let one = format!("{account}/stcontosoimages");
    check(
        &one,
        "2024-01-01",
        "/properties/primaryEndpoints/blob",
        endpoint,
    );
    check(account, "2024-01-01", "/value/0/name", "stcontosoimages");
    check(
        &format!("{account}/none"),
        "2024-01-01",
        "/error/code",
        "ResourceNotFound",
    );
    let identity = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ID-image-builder";
    check(identity, "2024-11-30", "/name", "id-image-builder");
    let definition = "/providers/Microsoft.Compute/galleries/galContoso/images/win11-avd";
    check(definition, "2023-07-03", "/properties/osType", "Windows");
    check("", "2025-04-01", "/name", "rg-images");
    let locations = scene
        .url("/locations")
        .replace("/resourceGroups/rg-images", "")
        .replace(VERSION, "2022-12-01");
    let locations = scene.get(&locations).body;
    assert_eq!(locations["value"][1]["displayName"], "East US 2");
    assert_eq!(locations["value"][1]["name"], "eastus2");
    let keys = scene
        .url(&format!("{one}/listKeys"))
        .replace(VERSION, "2024-01-01");
    assert_eq!(
        scene.send(Method::POST, &keys, None).body["keys"][0]["keyName"],
        "key1"
    );
    let arm = "https://management.azure.emulator";
    let provider = format!(
        "{arm}{}",
        scene.group.replace(
            "resourceGroups/rg-images",
            "providers/Microsoft.VirtualMachineImages"
        )
    );
    let provider = scene
        .get(&format!("{provider}?api-version=2025-04-01"))
        .body;
    assert_eq!(provider["registrationState"], "Registered");
    assert_eq!(provider["resourceTypes"][0]["apiVersions"][0], "2025-10-01");
}

#[test]
fn a_provider_that_is_not_registered_refuses_templates() {
    let mut world = World::contoso(Addresses::in_process());
    world
        .unregistered_providers
        .push("Microsoft.VirtualMachineImages".to_owned());
    let scene = Scene::with_world(Switches::default(), world);
    let refused = scene.put(&scene.body());
    assert_eq!(
        (refused.status, &refused.body["error"]["code"]),
        (409, &json!("MissingSubscriptionRegistration"))
    );
}

#[test]
fn patch_changes_tags_at_once_and_the_identity_in_an_operation() {
    let scene = Scene::provisioned(Switches::default());
    let patch = |body: &Value| scene.send(Method::PATCH, &scene.template_url(""), Some(body));
    let tags = patch(&json!({"tags": {"a": "b"}}));
    assert_eq!((tags.status, &tags.body["tags"]), (200, &json!({"a": "b"})));
    let identity = patch(&json!({"identity": {"type": "None"}}));
    assert_eq!((identity.status, identity.text.as_str()), (202, ""));
    assert_eq!(patch(&json!({"tags": {}})).status, 409);
    scene.wait(2);
    assert_eq!(
        scene.get(identity.header("location").unwrap()).body["status"],
        "Succeeded"
    );
    assert_eq!(scene.template()["identity"], json!({"type": "None"}));
}

#[test]
fn an_image_version_is_deleted_in_an_operation() {
    let mut world = World::contoso(Addresses::in_process());
    world.galleries[0].definitions[1].versions = vec!["1.0.0".to_owned(), "1.0.1".to_owned()];
    let scene = Scene::with_world(Switches::default(), world);
    let versions = "/providers/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404/versions";
    let url = |rest: &str| {
        scene
            .url(&format!("{versions}{rest}"))
            .replace(VERSION, "2023-07-03")
    };
    let count = || scene.get(&url("")).body["value"].as_array().unwrap().len();
    assert_eq!(count(), 2);
    let delete = scene.send(Method::DELETE, &url("/1.0.0"), None);
    assert_eq!(
        (delete.status, delete.header("retry-after")),
        (202, Some("60"))
    );
    assert_eq!(scene.get(delete.header("location").unwrap()).status, 202);
    assert_eq!(scene.get(&delete.operation()).body["status"], "InProgress");
    scene.wait(135);
    assert_eq!(scene.get(&delete.operation()).body["status"], "Succeeded");
    assert_eq!(scene.get(delete.header("location").unwrap()).status, 200);
    assert_eq!(count(), 1);
    assert_eq!(scene.send(Method::DELETE, &url("/1.0.0"), None).status, 204);
}

#[test]
fn a_sign_in_gives_a_token_that_opens_resource_manager() {
    let world = World::contoso(Addresses::in_process());
    let (tenant, application) = (world.tenant.clone(), world.applications[0].clone());
    let mut scene = Scene::with_world(
        Switches {
            progress: Progress::Immediate,
            ..Switches::default()
        },
        world,
    );
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
        application.client,
        application.secret.unwrap()
    );
    let request = Request::post(format!(
        "https://login.azure.emulator/{tenant}/oauth2/v2.0/token"
    ))
    .header("content-type", "application/x-www-form-urlencoded")
    .header("content-length", form.len())
    .body(Bytes::from(form))
    .unwrap();
    let answer = scene.cloud.answer(request).response().unwrap();
    let token: Value = serde_json::from_slice(answer.body()).unwrap();
    token["access_token"]
        .as_str()
        .unwrap()
        .clone_into(&mut scene.token);
    assert_eq!(scene.put(&scene.body()).status, 201);
    scene.wait(3601);
    assert_eq!(
        scene.get(&scene.template_url("")).body["error"]["code"],
        "ExpiredAuthenticationToken"
    );
}
