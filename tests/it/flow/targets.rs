//! Several targets: each is told of, in the log, the summary and the result file.

use std::fs;

use azure_emulator::{RunFate, SubState};
use serde_json::Value;

use super::scene::{Scene, Stage};

/// A build that distributes to an image definition and to a managed image.
fn two_targets(validate: &str) -> Scene {
    let scene = Scene::windows();
    let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
    let group = gallery.split("/providers/").next().unwrap();
    let file = scene.step.directories.sources.join("targets.yml");
    let text = format!(
        "{validate}distribute:\n- type: SharedImage\n  runOutputName: gallery\n  galleryImageId: {gallery}/images/win11-avd\n  targetRegions:\n  - name: westeurope\n  - name: northeurope\n- type: ManagedImage\n  runOutputName: copy\n  imageId: {group}/providers/Microsoft.Compute/images/web\n  location: westeurope\n",
    );
    fs::write(&file, text).unwrap();
    scene
        .input("templateFile", file.to_str().unwrap())
        .input("distributeType", "managedimage")
        .input("galleryImageId", "")
        .input("replicationRegions", "")
}

fn partly(outputs: usize) -> RunFate {
    RunFate::PartiallySucceed {
        outputs,
        message: "no quota in westeurope".to_owned(),
    }
}

fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").unwrap();
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn check_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_target_is_reported() {
    let stage = two_targets("").build(|_| {}).await;
    stage.check_result("Succeeded");
    let uri = stage.variable("imageUri").unwrap();
    assert!(uri.ends_with("/images/win11-avd/versions/1.0.0"), "{uri}");
    check_contains(
        &stage.transcript,
        &[
            &format!("target 1 of 2, SharedImage win11-avd:  {uri}"),
            "target 2 of 2, ManagedImage web:  /subscriptions/",
        ],
    );
    check_contains(
        &stage.summary(),
        &[
            "## ✅ Image built: win11-avd 1.0.0",
            "| SharedImage win11-avd | version `1.0.0` | `westeurope`, `northeurope` |",
            "| ManagedImage web | built | `westeurope` |",
        ],
    );
    let result = result_file(&stage);
    assert_eq!(result["imageVersion"], "1.0.0");
    assert_eq!(result["targets"][0]["imageUri"], uri);
    assert_eq!(result["targets"][0]["regions"][1], "northeurope");
    assert_eq!(result["targets"][1]["type"], "ManagedImage");
    let copy = result["targets"][1]["imageUri"].as_str().unwrap();
    assert!(copy.ends_with("/images/web"), "{copy}");
}

#[tokio::test(start_paused = true)]
async fn a_target_without_an_image_is_an_issue() {
    let stage = two_targets("")
        .build(|cloud| cloud.script_run(partly(1)))
        .await;
    stage.check_result("SucceededWithIssues");
    let warnings = stage.issues("warning");
    let expected = "AIB406: The image was not distributed to ManagedImage web (run output 'copy')";
    let partly = "AIB406: The run partially succeeded: no quota in westeurope\n";
    for expected in [partly, expected] {
        let told = warnings.iter().any(|issue| issue.starts_with(expected));
        assert!(told, "{expected}\n{warnings:?}");
    }
    check_contains(
        &stage.transcript,
        &["target 2 of 2, ManagedImage web:  no image"],
    );
    let warning = "- **AIB406** The image was not distributed to ManagedImage web (run output 'copy'). **What to do:** other targets have the image; ";
    check_contains(
        &stage.summary(),
        &["| ManagedImage web | **no image** |", warning],
    );
    assert_eq!(result_file(&stage)["targets"][1]["imageUri"], Value::Null);
}

/// The template stays for the sake of a VHD that lies with it, and of no other.
#[tokio::test(start_paused = true)]
async fn a_vhd_that_is_not_there_keeps_no_template() {
    for (outputs, left) in [(1, 0), (2, 1)] {
        let scene = two_targets("");
        let file = scene.step.directories.sources.join("targets.yml");
        let text = fs::read_to_string(&file).unwrap();
        let (gallery, _) = text.split_once("- type: ManagedImage").unwrap();
        fs::write(
            &file,
            format!("{gallery}- type: VHD\n  runOutputName: disk\n"),
        )
        .unwrap();
        let stage = scene.build(|cloud| cloud.script_run(partly(outputs))).await;
        assert_eq!(stage.cloud.inventory().templates.len(), left, "{outputs}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_failed_its_validation_and_was_distributed_is_named() {
    let fate = RunFate::Fail {
        at: SubState::Validating,
        code: "ImageValidationFailed".to_owned(),
        message: "the check failed".to_owned(),
    };
    let validate = "validate:\n  continueDistributeOnFailure: true\n  inVMValidations:\n  - type: PowerShell\n    inline: [exit 1]\n";
    let stage = two_targets(validate)
        .build(|cloud| cloud.script_run(fate))
        .await;
    stage.check_result("Failed");
    check_contains(
        &stage.transcript,
        &["target 1 of 2, SharedImage win11-avd:  /subscriptions/"],
    );
    check_contains(
        &stage.summary(),
        &[
            "## ❌ Image build failed, but some targets have an image",
            "| SharedImage win11-avd | version `1.0.0` |",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn targets_without_any_image_are_not_listed() {
    let stage = two_targets("")
        .build(|cloud| cloud.script_run(partly(0)))
        .await;
    stage.check_result("Failed");
    assert!(!stage.transcript.contains("target 1 of 2"));
    assert!(!stage.summary().contains("### Targets"));
}
