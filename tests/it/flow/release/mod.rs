//! Promoting and withdrawing image versions: what is asked of Azure, what it comes to, and what is told.

mod copies;
mod doctor;
mod faults;
mod promote;
mod refused;
mod withdraw;

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, Entry, SceneVersion};
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use time::macros::datetime;

use super::scene::{Scene, Stage, clock};
use crate::emulated::token;

/// The id of a version of `win11-avd` in `galContoso`.
fn version(number: &str) -> String {
    format!("{}/versions/{number}", definition("galContoso"))
}

/// The id of a version of `win11-avd` in `galProduction`.
fn copy(number: &str) -> String {
    format!("{}/versions/{number}", definition("galProduction"))
}

fn definition(gallery: &str) -> String {
    let world = Scene::windows().world;
    let mut galleries = world.galleries.iter();
    let gallery = galleries.find(|known| known.name == gallery).unwrap();
    format!("{}/images/win11-avd", world.gallery_id(gallery))
}

const BOTH: &[&str] = &["westeurope", "northeurope"];

/// A version that is there before the step begins.
fn on_shelf(number: &str, regions: &[&str], excluded: bool) -> SceneVersion {
    let regions: Vec<_> = regions
        .iter()
        .map(|name| json!({"name": name, "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}))
        .collect();
    SceneVersion {
        id: version(number),
        state: "Succeeded".to_owned(),
        published: Some(datetime!(2026-11-20 10:00 UTC)),
        body: json!({
            "location": "westeurope",
            "tags": {"buildNumber": number, "imageTest": "passed"},
            "properties": {
                "publishingProfile": {"targetRegions": regions, "replicaCount": 1, "excludeFromLatest": excluded, "storageAccountType": "Standard_LRS"},
                "storageProfile": {"osDiskImage": {"sizeInGB": 127, "hostCaching": "ReadWrite", "source": {}}},
            },
        }),
    }
}

/// The usual shelf: an older version that counts, and a newer one that was built and does not count yet.
fn shelf() -> Vec<SceneVersion> {
    vec![
        on_shelf("1.0.2609301", BOTH, false),
        on_shelf("1.0.2609402", BOTH, true),
    ]
}

fn put(cloud: &Cloud, versions: &[SceneVersion]) {
    for version in versions {
        cloud.put_image_version(version);
    }
}

/// `action` for a version, on the usual shelf.
fn scene(action: &str, number: &str) -> Scene {
    let scene = Scene::bare(action).input("imageVersionId", &version(number));
    if action == "withdraw" {
        scene.input("withdrawReason", "sign-in fails")
    } else {
        scene
    }
}

/// The step on the usual shelf.
async fn run(scene: Scene) -> Stage {
    scene.build(|cloud| put(cloud, &shelf())).await
}

/// A second step in the same cloud.
async fn then(stage: &Stage, scene: Scene) -> Stage {
    scene.build_in(Arc::clone(&stage.cloud)).await
}

fn puts(stage: &Stage) -> Vec<Entry> {
    let journal = stage.cloud.journal().into_iter();
    journal
        .filter(|entry| entry.method == Method::PUT && entry.path.contains("/versions/"))
        .collect()
}

/// A version as it is now.
fn shown(stage: &Stage, id: &str) -> Value {
    let shown = stage.cloud.image_version(id);
    shown.unwrap_or_else(|| panic!("{id} is not there\n{}", stage.transcript))
}

fn tags(stage: &Stage, id: &str) -> Value {
    shown(stage, id)["tags"].clone()
}

fn profile(stage: &Stage, id: &str) -> Value {
    shown(stage, id)["properties"]["publishingProfile"].clone()
}

/// The flags of the regions, in order: `None` where there is none.
fn flags(stage: &Stage, id: &str) -> Vec<(String, Option<bool>)> {
    let profile = profile(stage, id);
    let regions = profile["targetRegions"].as_array().unwrap().iter();
    regions
        .map(|region| {
            let name = region["name"]
                .as_str()
                .unwrap()
                .replace(' ', "")
                .to_lowercase();
            (name, region["excludeFromLatest"].as_bool())
        })
        .collect()
}

/// Who is the latest one by the emulated cloud's own reading.
fn latest(stage: &Stage, gallery: &str, region: &str) -> String {
    let latest = stage.cloud.latest_version(&definition(gallery), region);
    let name = latest.as_deref().and_then(|id| id.rsplit('/').next());
    name.unwrap_or("none").to_owned()
}

fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").expect("a result file");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The page of the run.
fn page(stage: &Stage) -> String {
    let mut paths = stage
        .transcript
        .lines()
        .filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
    std::fs::read_to_string(paths.next().unwrap()).unwrap()
}

/// Someone deletes a version.
async fn delete(stage: &Stage, id: &str) {
    let world = Scene::windows().world;
    let request = Request::builder()
        .method(Method::DELETE)
        .uri(format!(
            "{}{id}?api-version=2024-03-03",
            world.addresses.arm
        ))
        .header("authorization", format!("Bearer {}", token(&world)))
        .body(Bytes::new())
        .unwrap();
    let answer = stage.cloud.answer(request).response().unwrap();
    assert_eq!(answer.status(), 202, "{answer:?}");
    tokio::time::sleep(Duration::from_secs(200)).await;
}

/// The lines that people read, without commands.
fn lines(stage: &Stage) -> Vec<String> {
    let lines = stage.transcript.lines();
    lines
        .filter(|line| !line.starts_with("##"))
        .map(str::to_owned)
        .collect()
}

fn good(stage: &Stage) {
    stage.check_result("Succeeded");
}

/// The year, month and day by the cloud's clock.
fn today() -> String {
    let azure_emulator::Clock::Given(now) = clock() else {
        unreachable!()
    };
    now().date().to_string()
}
