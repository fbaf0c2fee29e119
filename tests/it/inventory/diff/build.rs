//! The end of a build whose image is listed: what changed since the latest version before it.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, SceneVersion};
use bytes::Bytes;
use image_builder::inventory::{Inventory, Kind, Subject, read, write};
use serde_json::{Value, json};
use time::macros::datetime;

use super::scene::{ACCOUNT, CONTAINER, blob_name, file, result, sha256};
use crate::flow::scene::{Scene, Stage};
use crate::flow::story::check_no_secret;
use crate::golden::golden;
use crate::texts::check_starts;

/// A build of ubuntu-2404 whose image is listed.
fn scene() -> Scene {
    Scene::linux()
        .input("inventory", "true")
        .input("imageVersion", "1.0.9")
}

fn id(scene: &Scene, number: &str) -> String {
    let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
    format!("{gallery}/images/ubuntu-2404/versions/{number}")
}

/// What the image of these builds holds.
async fn listed() -> Inventory {
    let stage = scene().build(|_| {}).await;
    let content = std::fs::read(stage.variable("imageSbomPath").unwrap()).unwrap();
    read(&content).unwrap()
}

/// Version 1.0.1, with a list that differs: one package is older, one newer, one is not there, one is.
async fn earlier() -> Inventory {
    let mut inventory = listed().await;
    let mut components = inventory.components.clone();
    components.retain(|it| it.name != "curl" || it.kind != Kind::Deb);
    for it in &mut components {
        if it.kind == Kind::Deb && it.name == "openssl" {
            "3.0.13-0ubuntu3.1".clone_into(&mut it.version);
        }
        if it.kind == Kind::Deb && it.name == "bash" {
            "9:1".clone_into(&mut it.version);
        }
    }
    let mut gone = components[0].clone();
    "a-tool".clone_into(&mut gone.name);
    components.push(gone);
    inventory.components = components;
    inventory
}

/// Puts version 1.0.1 and its list into the world.
fn with_earlier(mut scene: Scene, inventory: &Inventory) -> (Scene, impl FnOnce(&Cloud) + use<>) {
    let id = id(&scene, "1.0.1");
    let subject = Subject {
        id: &id,
        name: "ubuntu-2404",
        version: Some("1.0.1"),
        ended: None,
        task_version: "1.1.0",
        provenance: &[],
    };
    let content = write(inventory, subject);
    let tags = json!({"imageInventorySha256": sha256(&content)});
    let body = json!({"location": "westeurope", "tags": tags, "properties": {"publishingProfile": {
        "targetRegions": [{"name": "West Europe"}],
    }}});
    let name = blob_name(&id);
    scene.world.image_versions.push(SceneVersion {
        id,
        state: "Succeeded".to_owned(),
        published: Some(datetime!(2026-10-28 08:00:00 UTC)),
        body,
    });
    (scene, move |cloud| {
        cloud.put_blob(ACCOUNT, CONTAINER, &name, Bytes::from(content));
    })
}

fn nothing_left(stage: &Stage) {
    check_no_secret(stage);
    let inventory = stage.cloud.inventory();
    assert!(inventory.templates.is_empty(), "{inventory}");
    assert_eq!(stage.note.as_deref().unwrap_or("[]"), "[]");
}

#[tokio::test(start_paused = true)]
async fn a_build_tells_what_changed_since_the_latest_version() {
    let (scene, prepare) = with_earlier(scene(), &earlier().await);
    let (from, to) = (id(&scene, "1.0.1"), id(&scene, "1.0.9"));
    let stage = scene.build(prepare).await;
    stage.check_result("Succeeded");
    nothing_left(&stage);
    golden("summaries/inventory-changes.md", &stage.summary());
    let told = stage
        .readable_transcript()
        .lines()
        .skip_while(|line| !line.starts_with("compared with:"))
        .fold(String::new(), |text, line| text + line + "\n");
    golden("transcripts/inventory-changes.txt", &told);
    let file = file(&stage);
    assert_eq!((&file["from"], &file["to"]), (&json!(from), &json!(to)));
    let expected = json!({
        "from": from, "to": to, "added": 1, "removed": 1, "changed": 2, "forbidden": 0,
        "path": stage.variable("imageDiffPath").unwrap(),
    });
    assert_eq!(result(&stage)["diff"], expected);
    assert_eq!(stage.variable("imageChanges"), Some("4"));
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_change_fails_the_step_though_the_image_exists() {
    let earlier = earlier().await;
    for (excluded, expected) in [
        (
            "true",
            "the image version exists and is excluded from latest, so only those who ask for its number get it; if the changes are meant, promote it with 'action: promote', and change 'failOnChange' for the next build",
        ),
        (
            "false",
            "the image version exists and counts as latest: to change that, run a step with 'action: withdraw', 'ImageVersionId: ID' and 'withdrawReason'; if the changes are meant, change 'failOnChange' for the next build",
        ),
    ] {
        let scene = scene()
            .input("failOnChange", "removed: A-*\ndowngraded: bash")
            .input("excludeFromLatest", excluded);
        let (scene, prepare) = with_earlier(scene, &earlier);
        let id = id(&scene, "1.0.9");
        let stage = scene.build(prepare).await;
        stage.check_result("Failed");
        nothing_left(&stage);
        let bash = file(&stage)["changed"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == "bash")
            .unwrap()["now"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            stage.error(),
            format!(
                "AIB873: Comparing 1.0.9 with 1.0.1 failed: 'failOnChange' forbids 2 changes: a-tool was removed (removed: A-*); bash was downgraded from 9:1 to {bash} (downgraded: bash)\n\
                 hint: {}",
                expected
                    .replace("ID", &id)
                    .replace("IDVersionId", "ImageVersionId")
            )
        );
        // The error has said it.
        let last = stage.transcript.matches("What to do: ").count();
        assert_eq!(last, 0, "{}", stage.transcript);
        // What later steps need is there.
        assert_eq!(stage.variable("imageVersionId"), Some(id.as_str()));
        assert_eq!(stage.variable("imageChanges"), Some("4"));
        assert!(stage.cloud.image_version(&id).is_some());
        assert_eq!(result(&stage)["diff"]["forbidden"], 2);
        if excluded == "true" {
            golden("summaries/inventory-forbidden.md", &stage.summary());
        }
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn a_build_without_anything_to_compare_with_says_why() {
    let without_list = |mut scene: Scene| {
        let (other, _) = with_earlier(
            scene,
            &Inventory::new(
                image_builder::inventory::System::default(),
                Vec::new(),
                Vec::new(),
            ),
        );
        scene = other;
        scene
    };
    let first = |scene: Scene| scene;
    let first: &dyn Fn(Scene) -> Scene = &first;
    for (name, prepare, why) in [
        (
            "first",
            first,
            "ubuntu-2404 had no latest version in westeurope before 1.0.9",
        ),
        ("no list", &without_list, "1.0.1 has no inventory"),
        (
            "no account",
            &|scene| {
                without_list(scene)
                    .input("storageAccountName", "")
                    .input("packagePath", "")
                    .input("inlineScript", "true")
            },
            "no inventory is kept, because 'storageAccountName' is empty",
        ),
    ] {
        let stage = prepare(scene()).build(|_| {}).await;
        assert_eq!(stage.result(), "Succeeded", "{name} {}", stage.transcript);
        nothing_left(&stage);
        let told = format!("nothing to compare with: {why}");
        assert!(
            stage.transcript.lines().any(|line| line == told),
            "{name} {}",
            stage.transcript
        );
        assert!(
            stage
                .summary()
                .contains("### What changed\n\nnothing to compare with: "),
            "{name}"
        );
        assert_eq!(
            result(&stage)["diff"],
            json!({"nothingToCompareWith": why}),
            "{name}"
        );
        assert_eq!(stage.variable("imageChanges"), None, "{name}");
        let stage = prepare(scene())
            .input("failOnChange", "added: *")
            .build(|_| {})
            .await;
        assert_eq!(stage.result(), "SucceededWithIssues", "{name}");
        let warnings = stage.issues("warning");
        assert!(
            warnings.iter().any(|it| it.starts_with(&format!(
                "AIB877: 'failOnChange' has let everything pass, because there was {told}\nhint: "
            ))),
            "{name} {warnings:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_no_comparison_gets_none() {
    let (scene, prepare) = with_earlier(scene().input("compareWith", "none"), &earlier().await);
    let stage = scene.build(prepare).await;
    stage.check_result("Succeeded");
    assert!(
        !stage.transcript.contains("compare"),
        "{}",
        stage.transcript
    );
    assert!(!stage.summary().contains("What changed"));
    assert_eq!(result(&stage)["diff"], Value::Null);
}

/// A second attempt finds the image that the first one has made, and its list where it is kept: the gate does not open because it is tried again.
#[tokio::test(start_paused = true)]
async fn a_second_attempt_does_not_open_the_gate() {
    let attempt = |number: u32| {
        scene()
            .input("failOnChange", "removed: *")
            .variable("System.JobAttempt", &number.to_string())
    };
    let (scene, prepare) = with_earlier(attempt(1), &earlier().await);
    let first = scene.build(prepare).await;
    first.check_result("Failed");
    let again = attempt(2).build_in(Arc::clone(&first.cloud)).await;
    again.check_result("Failed");
    assert_eq!(again.error(), first.error());
    let page = again.summary();
    check_starts(
        &page,
        "## ❌ Image found, but with changes that fail the step: ",
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_build_compares_and_gates() {
    let submit = scene()
        .input("action", "submit")
        .input("templateName", "aib-4711");
    let (submit, prepare) = with_earlier(submit, &earlier().await);
    let id = id(&submit, "1.0.9");
    let submitted = submit.build(prepare).await;
    submitted.check_result("Succeeded");
    assert_eq!(submitted.variable("imageChanges"), None);
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    let wait = || {
        Scene::bare("wait")
            .input("ibAzureResourceGroup", "rg-images")
            .input("templateName", "aib-4711")
            .input("storageAccountName", ACCOUNT)
    };
    let gated = wait().input("failOnChange", "removed: a-*");
    let stage = gated.build_in(Arc::clone(&submitted.cloud)).await;
    stage.check_result("Failed");
    nothing_left(&stage);
    check_starts(
        &stage.error(),
        "AIB873: Comparing 1.0.9 with 1.0.1 failed: 'failOnChange' forbids 1 change: a-tool was removed (removed: a-*)\n",
    );
    assert_eq!(stage.variable("imageVersionId"), Some(id.as_str()));
    assert_eq!(stage.variable("imageChanges"), Some("4"));
}

/// A template without the step lists nothing, and the gate of who waits says so.
#[tokio::test(start_paused = true)]
async fn a_gate_without_a_list_says_that_it_did_not_gate() {
    let submitted = Scene::linux()
        .input("action", "submit")
        .input("templateName", "aib-4711")
        .build(|_| {})
        .await;
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    let stage = Scene::bare("wait")
        .input("ibAzureResourceGroup", "rg-images")
        .input("templateName", "aib-4711")
        .input("storageAccountName", ACCOUNT)
        .input("failOnChange", "removed: *")
        .build_in(Arc::clone(&submitted.cloud))
        .await;
    stage.check_result("SucceededWithIssues");
    let warnings = stage.issues("warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("AIB877: 'failOnChange' has let everything pass, because there was nothing to compare with: "),
        "{warnings:?}"
    );
}
