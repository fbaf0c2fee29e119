//! What is sent to change a version, beside what the Azure CLI sent for the same answer.

use image_builder::arm::gallery::{Body, Version};
use image_builder::template::model::TargetRegion;
use serde_json::{Value, json};

use crate::golden::golden;
use crate::recordings::steps;

/// The names of all members, with their places; what is in a list counts once.
fn members(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let place = format!("{place}/{name}");
                members(value, &place, found);
                found.push(place);
            }
        }
        Value::Array(all) => all.iter().for_each(|value| members(value, place, found)),
        _ => {}
    }
    found.sort();
    found.dedup();
}

fn members_of(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    members(value, "", &mut found);
    found
}

/// The Azure CLI read version 1.1.2 and added a region: the same is made of the same answer. A region that is there is sent back whole, where the
/// Azure CLI was told its name alone.
#[test]
fn a_region_is_added_as_the_azure_cli_adds_it() {
    let steps = steps("gallery_version_replication");
    let change = steps
        .iter()
        .rposition(|(method, _, sent, _)| method == "PUT" && sent.is_object())
        .unwrap();
    let path = &steps[change].1;
    let (.., before) = steps[..change]
        .iter()
        .rfind(|(method, known, ..)| method == "GET" && known == path)
        .unwrap();
    let mut body = Body::of(&Version::read(before).unwrap());
    body.add_region(&TargetRegion {
        name: "westus2".to_owned(),
        replica_count: Some(1),
        ..TargetRegion::default()
    });
    let (_, _, sent, _) = &steps[change];
    let regions = "/properties/publishingProfile/targetRegions";
    let without = |names: Vec<String>| -> Vec<String> {
        let inside = format!("{regions}/");
        names
            .into_iter()
            .filter(|name| !name.starts_with(&inside))
            .collect()
    };
    assert_eq!(without(members_of(body.json())), without(members_of(sent)));
    let names = |value: &Value| -> Vec<String> {
        let all = value.pointer(regions).unwrap().as_array().unwrap();
        let mut names: Vec<_> = all
            .iter()
            .map(|region| {
                region["name"]
                    .as_str()
                    .unwrap()
                    .replace(' ', "")
                    .to_lowercase()
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(body.json()), names(sent));
    golden(
        "versions/region-added.json",
        &format!("{:#}\n", body.json()),
    );
}

/// The Azure CLI switched off the block of deletion: apart from that, it sent what is sent here, and an empty source.
#[test]
fn a_flag_is_changed_as_the_azure_cli_changes_it() {
    let steps = steps("gallery_version_lifecycle");
    let (_, _, _, before) = &steps[0];
    let (method, _, sent, _) = &steps[1];
    assert_eq!(method, "PUT");
    let body = Body::of(&Version::read(before).unwrap());
    let mut expected = members_of(sent);
    expected.retain(|name| !name.ends_with("/source"));
    assert_eq!(members_of(body.json()), expected);
    let profile = "/properties/publishingProfile";
    let plain = |value: &Value| {
        let mut profile = value.pointer(profile).unwrap().clone();
        // The same moment, written otherwise.
        profile["endOfLifeDate"] = json!(profile["endOfLifeDate"].as_str().unwrap().get(..19));
        profile
    };
    assert_eq!(plain(body.json()), plain(sent));
}

/// What every answer of the recordings lacks or has, the body has no member that the answer has not.
#[test]
fn nothing_is_added_that_azure_did_not_answer() {
    for name in ["gallery_version_lifecycle", "gallery_version_replication"] {
        let mut seen = 0;
        for (_, _, _, answer) in steps(name) {
            let Some(version) = Version::read(&answer) else {
                continue;
            };
            let body = Body::of(&version);
            let known = members_of(&answer);
            for member in members_of(body.json()) {
                assert!(known.contains(&member), "{member}");
            }
            let text = body.json().to_string();
            for gone in [
                "provisioningState",
                "publishedDate",
                "sizeInGB",
                "\"source\"",
                "replicationStatus",
                "validationsProfile",
                "reportedForPolicyViolation",
            ] {
                assert!(!text.contains(gone), "{gone}: {text}");
            }
            assert!(body.is_like(&body.clone(), &[]));
            seen += 1;
        }
        assert!(seen > 3, "{name}");
    }
}
