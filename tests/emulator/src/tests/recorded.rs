//! Recorded requests get the recorded answers: status, body with the order of its members, and headers.

use http::Method;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::{Addresses, Gallery, Identity, ImageDefinition, ResourceGroup, Switches, World};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const RECORDINGS: [&str; 4] = [
    include_str!("../../testdata/recorded/cancel.json"),
    include_str!("../../testdata/recorded/cancel_signed_urls.json"),
    include_str!("../../testdata/recorded/template_outputs.json"),
    include_str!("../../testdata/recorded/managed_image.json"),
];

/// A world in which all exists that the recording names.
fn world(group: &str) -> World {
    let mut world = World::contoso(Addresses::in_process());
    NOBODY.clone_into(&mut world.subscription);
    let resource_group = group.to_owned();
    world.resource_groups = vec![ResourceGroup {
        name: group.to_owned(),
        location: "westus".to_owned(),
    }];
    let identity = |name: &str| Identity {
        name: name.to_owned(),
        resource_group: resource_group.clone(),
        location: "westus".to_owned(),
        principal: NOBODY.to_owned(),
        client: NOBODY.to_owned(),
    };
    world.identities = vec![identity("ide1"), identity("azps-mi-0b3ql2")];
    world.galleries = vec![Gallery {
        name: "azpsgallery608zhj".to_owned(),
        resource_group: resource_group.clone(),
        location: "eastus".to_owned(),
        definitions: vec![ImageDefinition {
            name: "azpsvmimage1".to_owned(),
            os_type: "Linux".to_owned(),
            hyper_v_generation: "V1".to_owned(),
            identifier: ["a", "b", "c"].map(str::to_owned),
            ..ImageDefinition::default()
        }],
        ..Gallery::default()
    }];
    world
}

fn url(request: &Value) -> String {
    let path = request["path"].as_str().unwrap();
    format!(
        "https://management.azure.emulator{path}?api-version={}",
        request["query"]["api-version"].as_str().unwrap()
    )
}

/// The headers whose values do not depend on ids or times.
const COMPARED: [&str; 7] = [
    "cache-control",
    "pragma",
    "expires",
    "strict-transport-security",
    "x-content-type-options",
    "content-type",
    "content-length",
];

fn check(recording: &str, method: &Method, wait: i64) {
    let recording: Value = serde_json::from_str(recording).unwrap();
    let name = &recording["scenario"];
    let steps = recording["steps"].as_array().unwrap();
    let put = &steps[0];
    let group = put["request"]["path"]
        .as_str()
        .unwrap()
        .split('/')
        .nth(4)
        .unwrap();
    let scene = Scene::with_world(Switches::default(), world(group));
    let wanted = steps.iter().find(|step| {
        step["request"]["method"] == method.as_str()
            && !step["request"]["path"]
                .as_str()
                .unwrap()
                .contains("/operations/")
    });
    let wanted = wanted.unwrap();
    let mut answer = scene.send(
        Method::PUT,
        &url(&put["request"]),
        Some(&put["request"]["body"]),
    );
    if method == Method::GET {
        scene.wait(wait);
        answer = scene.get(&url(&wanted["request"]));
    }
    let mut expected = wanted["response"]["body"].clone();
    // The name of the group was made from another name than the placeholder in the path, and ends with a GUID.
    for body in [&mut expected, &mut answer.body] {
        if let Some(staging) = body.pointer_mut("/properties/exactStagingResourceGroup") {
            *staging = json!(!staging.as_str().unwrap().is_empty());
        }
    }
    assert_eq!(wanted["response"]["status"], answer.status, "{name}");
    assert_eq!(answer.body.to_string(), expected.to_string(), "{name}");
    for header in COMPARED {
        let expected = wanted["response"]["headers"]
            .get(header)
            .and_then(Value::as_str);
        assert!(
            expected.is_none() || expected == answer.header(header),
            "{name}: {header}"
        );
    }
}

#[test]
fn new_templates_are_answered_byte_for_byte() {
    for recording in RECORDINGS {
        check(recording, &Method::PUT, 0);
    }
}

#[test]
fn a_provisioned_template_is_answered_byte_for_byte() {
    // The only recording without a script: the others' contents, and so their checksums, are not ours.
    check(RECORDINGS[0], &Method::GET, 40);
}
