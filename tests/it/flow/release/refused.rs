//! What speaks against a promotion, and when it is told.

use azure_emulator::{Effect, Fault, Lock, LockLevel, SoftDelete};
use serde_json::json;

use super::*;
use crate::texts::check_has;

fn in_state(state: &str) -> SceneVersion {
    SceneVersion {
        state: state.to_owned(),
        ..on_shelf("1.0.2609402", BOTH, true)
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_there() {
    let stage = run(scene("promote", "9.9.9")).await;
    assert_eq!(
        stage.issues("error"),
        [
            "AIB821: Promoting image version 9.9.9 of 'win11-avd' in gallery 'galContoso' failed: it does not exist\nhint: check input 'ImageVersionId'; to list the versions that exist: az sig image-version list --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-images --gallery-name galContoso --gallery-image-definition win11-avd --output table"
        ]
    );
    // Nothing was looked at, so there is nothing to write down.
    assert_eq!(stage.variable("resultPath"), None);
    assert_eq!(stage.variable("imageReleased"), Some("false"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_version_can_be_restored() {
    let mut step = scene("promote", "1.0.2609402");
    step.world.galleries[0].soft_delete = Some(SoftDelete::default());
    let stage = run(step).await;
    good(&stage);
    delete(&stage, &version("1.0.2609402")).await;
    let again = then(&stage, scene("promote", "1.0.2609402")).await;
    let error = again.error();
    assert!(error.starts_with("AIB821: Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: it was deleted, and can be restored until 20"), "{error}");
    assert!(error.ends_with("\nhint: restore it: Restore-AzGalleryImageVersion -ResourceGroupName rg-images -GalleryName galContoso -GalleryImageDefinitionName win11-avd -Name 1.0.2609402 -Location westeurope"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn states_that_end_it() {
    for (state, code, text) in [
        ("Deleting", "AIB821", "it is being deleted"),
        ("Failed", "AIB822", "it is in state Failed"),
    ] {
        let stage = scene("promote", "1.0.2609402")
            .build(|cloud| put(cloud, &[in_state(state)]))
            .await;
        let error = stage.error();
        assert!(
            error.starts_with(&format!("{code}: ")) && error.contains(text),
            "{error}"
        );
        assert!(stage.elapsed < Duration::from_secs(1), "{state}");
        assert!(puts(&stage).is_empty());
    }
}

/// Something goes on: it is waited for, and the version is looked at again.
#[tokio::test(start_paused = true)]
async fn a_version_that_is_being_made_is_waited_for() {
    for state in ["Creating", "Updating", "Migrating", "Levitating"] {
        let stage = scene("promote", "1.0.2609402")
            .build_while(
                |cloud| {
                    put(
                        cloud,
                        &[on_shelf("1.0.2609301", BOTH, false), in_state(state)],
                    );
                },
                async |cloud| {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                    put(&cloud, &shelf());
                },
            )
            .await;
        good(&stage);
        let waiting = format!("waiting for the image version:  {state} (after ");
        let told = lines(&stage);
        let times = told
            .iter()
            .filter(|line| line.starts_with(&waiting))
            .count();
        assert!((5..=6).contains(&times), "{told:#?}");
        assert_eq!(latest(&stage, "galContoso", "westeurope"), "1.0.2609402");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_not_known_is_never_taken_for_good() {
    for action in ["promote", "withdraw"] {
        let stage = scene(action, "1.0.2609402")
            .build(|cloud| put(cloud, &[in_state("Levitating")]))
            .await;
        let error = stage.error();
        check_has(&error, "it is still in state Levitating after 1 h 0 min");
        assert!(
            stage.elapsed < Duration::from_secs(3700),
            "{:?}",
            stage.elapsed
        );
        assert!(puts(&stage).is_empty());
    }
    // What speaks against it is told before anything is waited for.
    let stage = scene("promote", "1.0.2609402")
        .input("requireTags", "imageTest=failed")
        .build(|cloud| put(cloud, &[in_state("Updating")]))
        .await;
    assert!(stage.error().starts_with("AIB823: "));
    assert!(stage.elapsed < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_region_without_a_replica() {
    let step = || scene("promote", "1.0.2609402").input("releaseRegions", "uksouth");
    let stage = run(step()).await;
    assert_eq!(
        stage.issues("error"),
        [
            "AIB824: Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: it has no replica in uksouth\nhint: correct input 'releaseRegions' (replicas are in westeurope, northeurope), or add the region: 'targetRegions: uksouth'"
        ]
    );
    let stage = then(&stage, step().input("targetRegions", "uksouth")).await;
    good(&stage);
    assert_eq!(latest(&stage, "galContoso", "uksouth"), "1.0.2609402");
    assert_eq!(latest(&stage, "galContoso", "westeurope"), "1.0.2609301");
    let stage = run(scene("withdraw", "1.0.2609301").input("releaseRegions", "uksouth")).await;
    assert!(stage.error().ends_with(
        "hint: correct input 'releaseRegions' (replicas are in westeurope, northeurope)"
    ));
}

#[tokio::test(start_paused = true)]
async fn too_many_tags_are_counted_before_anything_is_sent() {
    let mut full = on_shelf("1.0.2609402", BOTH, true);
    let tags = full.body["tags"].as_object_mut().unwrap();
    for number in tags.len()..48 {
        tags.insert(format!("t{number}"), json!("x"));
    }
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| put(cloud, &[full.clone()]))
        .await;
    assert!(stage.error().starts_with("AIB101: Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: it would have 51 tags, and Azure permits 50"), "{}", stage.error());
    assert!(puts(&stage).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deprecated_definition_is_warned_of() {
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| {
            put(cloud, &shelf());
            let definition = r#"{"name": "win11-avd", "location": "westeurope", "properties": {"osType": "Windows", "endOfLifeDate": "2026-01-02T00:00:00+00:00"}}"#.to_owned();
            cloud.add_fault(Fault::once("GetDefinition", Effect::Status {
                    code: 200,
                    headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                    body: definition,
                }));
        })
        .await;
    stage.check_result("SucceededWithIssues");
    assert!(stage.issues("warning")[0].starts_with("AIB829: image definition 'win11-avd' is deprecated: its end of life was 2026-01-02T00:00:00+00:00\nhint: "));
}

/// Azure's own refusals, told at once.
#[tokio::test(start_paused = true)]
async fn a_lock_is_told_at_once() {
    let mut step = scene("promote", "1.0.2609402");
    step.world.locks.push(Lock {
        scope: version("1.0.2609402"),
        level: LockLevel::ReadOnly,
    });
    let stage = run(step).await;
    stage.check_result("Failed");
    let error = stage.error();
    assert!(error.contains("Changing image version 1.0.2609402 of 'win11-avd' failed: Azure refused with ScopeLocked (409)"), "{error}");
    assert!(
        stage.elapsed < Duration::from_secs(5),
        "{:?}",
        stage.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn a_shallow_version_gets_no_second_region() {
    let mut shallow = on_shelf("1.0.2609402", &["westeurope"], true);
    shallow.body["properties"]["publishingProfile"]["replicationMode"] = json!("Shallow");
    let step = scene("promote", "1.0.2609402").input("targetRegions", "northeurope");
    let stage = step.build(|cloud| put(cloud, &[shallow])).await;
    let error = stage.error();
    assert!(
        error.ends_with(
            "hint: the version has no full copy: build it again with 'replicationMode: Full'"
        ),
        "{error}"
    );
}
