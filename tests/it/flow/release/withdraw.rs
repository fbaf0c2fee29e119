//! A version that no longer counts.

use azure_emulator::{Effect, Fault, SceneResource};
use serde_json::json;

use super::*;
use crate::texts::{check_has, check_starts};

/// Both versions count.
fn released() -> Vec<SceneVersion> {
    vec![
        on_shelf("1.0.2609301", BOTH, false),
        on_shelf("1.0.2609402", BOTH, false),
    ]
}

#[tokio::test(start_paused = true)]
async fn the_version_before_is_the_latest_again() {
    let stage = scene("withdraw", "1.0.2609402")
        .input("withdrawReason", "sign-in\nfails\u{7}!")
        .build(|cloud| put(cloud, &released()))
        .await;
    good(&stage);
    let id = version("1.0.2609402");
    let told = lines(&stage);
    for line in [
        "latest before:  1.0.2609402 in westeurope, northeurope".to_owned(),
        "latest after:  1.0.2609301 in westeurope, northeurope".to_owned(),
        "put image version:  Succeeded".to_owned(),
        "latest now:  1.0.2609301 in westeurope, northeurope".to_owned(),
        format!("the way back:  action: promote, imageVersionId: {id}"),
    ] {
        assert!(told.contains(&line), "{line}: {told:#?}");
    }
    assert_eq!(latest(&stage, "galContoso", "westeurope"), "1.0.2609301");
    let profile = profile(&stage, &id);
    assert_eq!(profile["excludeFromLatest"], true);
    assert!(
        profile["endOfLifeDate"]
            .as_str()
            .unwrap()
            .starts_with(&today())
    );
    let tags = tags(&stage, &id);
    assert_eq!(tags["withdrawnReason"], "sign-in fails !");
    assert_eq!(tags["withdrawnBy"], "images");
    assert!(tags["withdrawnAt"].as_str().unwrap().starts_with(&today()));
    assert_eq!(stage.variable("imageReleased"), Some("false"));
    assert_eq!(stage.variable("imagePreviousVersionId"), Some(id.as_str()));
    assert_eq!(result_file(&stage)["release"]["action"], "withdraw");
    assert!(stage.elapsed < Duration::from_secs(200));
    let page = page(&stage);
    check_has(
        &page,
        "## ✅ Image version withdrawn: win11-avd 1.0.2609402",
    );
    check_has(&page, &format!("action: promote\nimageVersionId: {id}"));

    // The first reason stays.
    let again = scene("withdraw", "1.0.2609402").input("withdrawReason", "another one");
    let again = then(&stage, again).await;
    good(&again);
    assert_eq!(puts(&again).len(), 1);
    assert_eq!(
        super::tags(&again, &id)["withdrawnReason"],
        "sign-in fails !"
    );
    // And the way back.
    let back = then(&stage, scene("promote", "1.0.2609402")).await;
    good(&back);
    assert_eq!(latest(&back, "galContoso", "westeurope"), "1.0.2609402");
    assert_eq!(super::profile(&back, &id).get("endOfLifeDate"), None);
}

#[tokio::test(start_paused = true)]
async fn a_region_is_not_left_without_a_latest_version() {
    let versions = || {
        vec![
            on_shelf("1.0.2609301", &["westeurope"], false),
            on_shelf("1.0.2609402", BOTH, false),
        ]
    };
    let stage = scene("withdraw", "1.0.2609402")
        .build(|cloud| put(cloud, &versions()))
        .await;
    stage.check_result("Failed");
    assert_eq!(
        stage.issues("error"),
        [
            "AIB828: Withdrawing image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: northeurope would have no latest version\nhint: promote another version first (action: promote), or set 'withdrawLast: true'"
        ]
    );
    assert!(puts(&stage).is_empty());
    assert!(
        stage
            .transcript
            .contains("latest after:  none in northeurope")
    );
    assert_eq!(stage.variable("imageReleased"), Some("true"));
    // Where another one is left, it is withdrawn all the same.
    let some = scene("withdraw", "1.0.2609402").input("releaseRegions", "westeurope");
    let some = then(&stage, some).await;
    good(&some);
    assert_eq!(latest(&some, "galContoso", "westeurope"), "1.0.2609301");
    assert_eq!(latest(&some, "galContoso", "northeurope"), "1.0.2609402");
    let id = version("1.0.2609402");
    assert_eq!(profile(&some, &id)["excludeFromLatest"], false);
    // It still counts somewhere: its life goes on.
    assert_eq!(profile(&some, &id).get("endOfLifeDate"), None);
    // With the permission to do so.
    let last = scene("withdraw", "1.0.2609402").input("withdrawLast", "true");
    let last = then(&stage, last).await;
    last.check_result("SucceededWithIssues");
    assert_eq!(
        last.issues("warning"),
        [
            "AIB828: no version counts in northeurope any longer\nhint: VMs and scale sets that ask for the latest version there get none: promote another one (action: promote)"
        ]
    );
    assert!(
        profile(&last, &id)["endOfLifeDate"]
            .as_str()
            .unwrap()
            .starts_with(&today())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_version_needs_no_withdrawal() {
    let mut failed = on_shelf("1.0.2609402", BOTH, false);
    failed.state = "Failed".to_owned();
    let stage = scene("withdraw", "1.0.2609402")
        .build(|cloud| put(cloud, &[failed]))
        .await;
    good(&stage);
    assert!(puts(&stage).is_empty());
    assert!(
        stage
            .transcript
            .contains("nothing to do: a version in state Failed counts nowhere")
    );
    assert_eq!(stage.variable("imageReleased"), Some("false"));
}

#[tokio::test(start_paused = true)]
async fn one_that_never_counted_gets_its_reason() {
    let stage = run(scene("withdraw", "1.0.2609402").input("endOfLifeInDays", "7")).await;
    good(&stage);
    let id = version("1.0.2609402");
    assert_eq!(tags(&stage, &id)["withdrawnReason"], "sign-in fails");
    let date = profile(&stage, &id)["endOfLifeDate"].clone();
    assert!(!date.as_str().unwrap().starts_with(&today()), "{date}");
    assert_eq!(puts(&stage).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_preview_withdraws_nothing() {
    let stage = scene("withdraw", "1.0.2609402")
        .input("preview", "true")
        .build(|cloud| put(cloud, &released()))
        .await;
    good(&stage);
    assert!(puts(&stage).is_empty());
    let told = lines(&stage);
    let after = "latest after:  1.0.2609301 in westeurope, northeurope";
    assert_eq!(
        told.iter().filter(|line| *line == after).count(),
        1,
        "{told:#?}"
    );
    assert_eq!(stage.variable("imageReleased"), Some("true"));
}

/// Two jobs at once: each sees that the other one's version counts, and nothing is left.
#[tokio::test(start_paused = true)]
async fn the_look_afterwards_shows_what_two_at_once_have_done() {
    let other = async |cloud: Arc<Cloud>| {
        tokio::time::sleep(Duration::from_secs(100)).await;
        put(&cloud, &[on_shelf("1.0.2609301", BOTH, true)]);
    };
    let stage = scene("withdraw", "1.0.2609402")
        .build_while(|cloud| put(cloud, &released()), other)
        .await;
    stage.check_result("SucceededWithIssues");
    let warning = &stage.issues("warning")[0];
    check_starts(
        warning,
        "AIB828: no version counts in westeurope, northeurope any longer",
    );
}

/// Neither inputs of a promotion nor the reason of nothing.
#[tokio::test(start_paused = true)]
async fn inputs_without_effect_are_warned_of() {
    let stage = scene("withdraw", "1.0.2609402")
        .input("promoteTo", &definition("galProduction"))
        .input("targetRegions", "uksouth")
        .input("requireTags", "a=b")
        .build(|cloud| put(cloud, &released()))
        .await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(
        stage.issues("warning"),
        [
            "AIB103: These inputs have no effect with action 'withdraw': 'targetRegions', 'promoteTo', 'requireTags'\nhint: remove them; 'targetRegions' is an input of build, submit, promote, render; 'promoteTo' is an input of promote; 'requireTags' is an input of promote, rollout"
        ]
    );
    assert_eq!(
        profile(&stage, &version("1.0.2609402"))["targetRegions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let none = Scene::bare("withdraw")
        .input("imageVersionId", &version("1.0.2609402"))
        .build(|_| {})
        .await;
    assert_eq!(
        none.error(),
        "AIB100: Input 'withdrawReason': it is required but empty; expected a sentence that says why, for example sign-in fails with 1.0.2609402"
    );
    assert!(none.cloud.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_block_of_deletion_needs_an_end_of_life() {
    // Withdrawn in one region, it still counts, and has no end of life.
    let step = scene("withdraw", "1.0.2609402")
        .input("releaseRegions", "westeurope")
        .input("blockDeletionUntilEndOfLife", "true");
    let stage = step.build(|cloud| put(cloud, &released())).await;
    assert_eq!(
        stage.issues("error"),
        [
            "AIB101: Withdrawing image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: deletion is to be blocked until the end of life, and there is no end of life\nhint: set 'endOfLifeInDays'"
        ]
    );
    assert!(puts(&stage).is_empty());
    let step = scene("withdraw", "1.0.2609402").input("blockDeletionUntilEndOfLife", "true");
    let stage = then(&stage, step).await;
    good(&stage);
    let safety = shown(&stage, &version("1.0.2609402"))["properties"]["safetyProfile"].clone();
    assert_eq!(safety["blockDeletionBeforeEndOfLife"], json!(true));
}

fn machine(name: &str, image: &str, exact: Option<&str>) -> SceneResource {
    let group = Scene::windows().world.group_id("rg-hosts");
    let id = format!("{group}/providers/Microsoft.Compute/virtualMachines/{name}");
    SceneResource::virtual_machine(&id, "westeurope", image, exact)
}

/// Copies and machines are told, where Resource Graph may be asked; they change nothing.
#[tokio::test(start_paused = true)]
async fn copies_and_machines_are_told() {
    let mut step = scene("withdraw", "1.0.2609402");
    let definition_id = definition("galContoso");
    step.world.resources = vec![
        machine("a", &version("1.0.2609402").to_uppercase(), None),
        machine("b", &definition_id, Some("1.0.2609402")),
        machine("c", &definition_id, Some("1.0.2609301")),
        machine(
            "d",
            &format!("{definition_id}-2/versions/1.0.2609402"),
            None,
        ),
    ];
    let mut copied = SceneVersion {
        id: copy("1.0.2609402"),
        ..on_shelf("1.0.2609402", BOTH, false)
    };
    copied.body["tags"] = json!({"copiedFrom": version("1.0.2609402").to_uppercase()});
    step.world.image_versions = released();
    step.world.image_versions.push(copied);
    let stage = step.build(|_| {}).await;
    good(&stage);
    let told = lines(&stage);
    assert!(
        told.contains(&format!("a copy stays as it is:  {}", copy("1.0.2609402"))),
        "{told:#?}"
    );
    assert!(
        told.contains(&"in use:  2 virtual machines, 0 scale sets".to_owned()),
        "{told:#?}"
    );
    assert_eq!(latest(&stage, "galProduction", "westeurope"), "1.0.2609402");
    // Refused: not a word.
    let stage = scene("withdraw", "1.0.2609402")
        .build(|cloud| {
            put(cloud, &released());
            cloud.add_fault(
                Fault::once(
                    "QueryResources",
                    Effect::refusal(403, "AuthorizationFailed", "no"),
                )
                .times(99),
            );
        })
        .await;
    good(&stage);
    assert!(!stage.transcript.contains("in use:"));
}
