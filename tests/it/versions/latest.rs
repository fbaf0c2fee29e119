//! Which version is the latest in a region: the client, the emulated cloud, and a naive reading of the documents, three that were written apart.

use std::sync::Arc;

use azure_emulator::{Clock, Cloud, SceneVersion, Switches};
use image_builder::arm::gallery::{Version, latest, regions};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use crate::seed;

const REGIONS: [(&str, &str); 3] = [
    ("westeurope", "West Europe"),
    ("northeurope", "North Europe"),
    ("swedencentral", "swedencentral"),
];
const STATES: [&str; 8] = [
    "Succeeded",
    "Succeeded",
    "Updating",
    "Creating",
    "Failed",
    "Deleting",
    "Migrating",
    "Levitating",
];

/// A version as Azure answers it, with its replication.
fn document() -> impl Strategy<Value = Value> {
    let number = (
        0..3_u32,
        0..12_u32,
        prop::sample::select(vec![0_u32, 9, 10, 2_147_483_647]),
    );
    let replica = || {
        let states = vec!["Completed", "completed", "Replicating", "Failed", "Unknown"];
        (
            prop::option::of(any::<bool>()),
            prop::option::of(prop::sample::select(states)),
            any::<bool>(),
        )
    };
    let replicas = prop::collection::vec(prop::option::of(replica()), REGIONS.len());
    let state = prop::sample::select(STATES.to_vec());
    (number, state, prop::option::of(any::<bool>()), replicas).prop_map(
        |((major, minor, patch), state, excluded, replicas)| {
            let (mut targets, mut summary) = (Vec::new(), Vec::new());
            for ((plain, shown), replica) in REGIONS.iter().zip(replicas) {
                let Some((excluded, state, is_plain)) = replica else {
                    continue;
                };
                let mut target = json!({"name": if is_plain { plain } else { shown }});
                if let Some(excluded) = excluded {
                    target["excludeFromLatest"] = json!(excluded);
                }
                targets.push(target);
                if let Some(state) = state {
                    summary.push(json!({"region": plain, "state": state, "progress": 50}));
                }
            }
            let name = format!("{major}.{minor}.{patch}");
            let mut profile = json!({"targetRegions": targets});
            if let Some(excluded) = excluded {
                profile["excludeFromLatest"] = json!(excluded);
            }
            json!({
                "name": name, "id": format!("/versions/{name}"), "location": "westeurope",
                "properties": {
                    "publishingProfile": profile,
                    "provisioningState": state,
                    "replicationStatus": {"summary": summary},
                },
            })
        },
    )
}

/// Sorts everything, then takes the first one that nothing speaks against.
fn naive(documents: &[Value], region: &str) -> Option<String> {
    let mut all: Vec<&Value> = documents.iter().collect();
    all.sort_by_key(|document| {
        let name = document["name"].as_str().unwrap();
        let parts: Vec<u64> = name.split('.').map(|part| part.parse().unwrap()).collect();
        std::cmp::Reverse(parts)
    });
    for document in all {
        let properties = &document["properties"];
        let profile = &properties["publishingProfile"];
        if profile["excludeFromLatest"] == true {
            continue;
        }
        let targets = profile["targetRegions"].as_array().unwrap();
        let named = |target: &&Value| {
            let name = target["name"].as_str().unwrap();
            name.replace(' ', "").to_lowercase() == region
        };
        match targets.iter().find(named) {
            None => continue,
            Some(target) if target["excludeFromLatest"] == true => continue,
            Some(_) => {}
        }
        let complete = || {
            let summary = properties["replicationStatus"]["summary"].as_array();
            summary.into_iter().flatten().any(|state| {
                state["region"] == region
                    && state["state"].as_str().unwrap().to_lowercase() == "completed"
            })
        };
        match properties["provisioningState"].as_str().unwrap() {
            "Succeeded" => {}
            "Updating" if complete() => {}
            _ => continue,
        }
        return Some(document["name"].as_str().unwrap().to_owned());
    }
    None
}

/// No number twice: they are names.
fn distinct(mut documents: Vec<Value>) -> Vec<Value> {
    documents.sort_by_key(|document| document["name"].as_str().unwrap().to_owned());
    documents.dedup_by_key(|document| document["name"].clone());
    documents
}

fn ours(documents: &[Value], region: &str) -> Option<String> {
    let versions: Vec<_> = documents.iter().filter_map(Version::read).collect();
    latest(&versions, region).map(|version| version.name.clone())
}

/// The emulated cloud, and what it shows of these versions: there, each replica of a version that changes is complete.
fn shown_by_cloud(documents: &[Value]) -> (Cloud, String, Vec<Value>) {
    let world = seed::world(azure_emulator::Addresses::in_process());
    let definition = format!("{}/images/win11-avd", world.gallery_id(&world.galleries[0]));
    let now = datetime!(2026-11-28 18:00 UTC);
    let cloud = Cloud::new(
        world,
        Switches::default(),
        Clock::Given(Arc::new(move || now)),
    );
    let mut shown = Vec::new();
    for document in documents {
        let id = format!(
            "{definition}/versions/{}",
            document["name"].as_str().unwrap()
        );
        cloud.put_image_version(&SceneVersion {
            id: id.clone(),
            state: document["properties"]["provisioningState"]
                .as_str()
                .unwrap()
                .to_owned(),
            published: Some(now),
            body: document.clone(),
        });
        shown.push(cloud.image_version(&id).unwrap());
    }
    (cloud, definition, shown)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_client_and_a_naive_reading_say_the_same(documents in prop::collection::vec(document(), 0..8)) {
        let documents = distinct(documents);
        for (region, _) in REGIONS {
            prop_assert_eq!(ours(&documents, region), naive(&documents, region), "{} {:#?}", region, documents);
        }
        let versions: Vec<_> = documents.iter().filter_map(Version::read).collect();
        let named = |region: &&str| {
            documents.iter().any(|document| document["properties"]["publishingProfile"]["targetRegions"]
                .as_array().unwrap().iter().any(|target| target["name"].as_str().unwrap().replace(' ', "").to_lowercase() == **region))
        };
        let mut expected: Vec<_> = REGIONS.iter().map(|(plain, _)| *plain).filter(named).collect();
        expected.sort_unstable();
        prop_assert_eq!(regions(&versions), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_client_and_the_emulated_cloud_say_the_same(documents in prop::collection::vec(document(), 0..6)) {
        let (cloud, definition, shown) = shown_by_cloud(&distinct(documents));
        for (region, _) in REGIONS {
            let theirs = cloud.latest_version(&definition, region);
            let theirs = theirs.map(|id| id.rsplit('/').next().unwrap().to_owned());
            prop_assert_eq!(ours(&shown, region), theirs, "{} {:#?}", region, shown);
        }
    }
}
