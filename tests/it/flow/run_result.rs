//! What a run made, when Azure tells of it late, in part, in unknown words, or never.

use std::time::Duration;

use azure_emulator::{Effect, Fault, ImageDisk, PartialOperation, RunFate};
use serde_json::{Value, json};

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use super::switches::{MINUTE, USUAL};
use crate::texts::check_has;

/// Longer than any build.
const NEVER: Duration = Duration::from_secs(10 * 24 * 3600);

fn check_built(cell: &str, stage: &Stage) {
    assert_eq!(stage.result(), "Succeeded", "{cell}\n{}", stage.transcript);
    assert!(stage.cloud.unconsumed_faults().is_empty(), "{cell}");
    check_no_secret(stage);
    check_nothing_left(stage);
}

fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").unwrap();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A managed image instead of an image version.
fn managed_image() -> Scene {
    let scene = Scene::windows();
    let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
    let group = gallery.split("/providers/").next().unwrap();
    let image = format!("{group}/providers/Microsoft.Compute/images/web");
    scene
        .input("distributeType", "managedimage")
        .input("imageIdForDistribute", &image)
}

fn fixed_number() -> Scene {
    Scene::windows().input("imageVersion", "4.5.6")
}

#[tokio::test(start_paused = true)]
async fn a_run_output_that_comes_late_is_read_again() {
    let missing = || {
        Fault::once(
            "GetRunOutput",
            Effect::refusal(404, "ResourceNotFound", "not found"),
        )
        .times(2)
    };
    let stage = Scene::windows()
        .build(|cloud| cloud.add_fault(missing()))
        .await;
    check_built("404 twice", &stage);
    assert!(stage.elapsed <= USUAL + MINUTE);
    // The run's operation ends 65 s after the run, when its end is told.
    for seconds in [0, 65 + 50] {
        let stage = Scene::windows()
            .switches(|on| on.run_outputs_after = Duration::from_secs(seconds))
            .switches(|on| on.image_disk = ImageDisk::Unnamed)
            .build(|_| {})
            .await;
        check_built("late", &stage);
        let uri = stage.variable("imageUri").unwrap();
        assert!(uri.ends_with("/images/win11-avd/versions/1.0.0"), "{uri}");
    }
}

/// What is no id and no address is not believed.
#[tokio::test(start_paused = true)]
async fn a_run_output_that_names_no_image_claims_none() {
    for output in [
        json!({"artifactId": "/subscriptions/x/../../evil ##vso[task.setvariable variable=a]b"}),
        json!({"artifactId": "succeeded"}),
        json!({"artifactUri": "javascript:alert(1)"}),
        json!({"artifactUri": "a VHD"}),
    ] {
        let answer = Effect::status(200, json!({"properties": output}));
        let stage = Scene::windows()
            .build(|cloud| cloud.add_fault(Fault::always("GetRunOutput", answer)))
            .await;
        stage.check_result("Succeeded");
        let uri = stage.variable("imageUri").unwrap();
        assert!(uri.ends_with("/images/win11-avd/versions/1.0.0"), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_image_of_the_run_is_found_without_a_run_output() {
    for (cell, scene, image_disk, expected) in [
        (
            "a version",
            Scene::windows(),
            ImageDisk::Named,
            "/images/win11-avd/versions/1.0.0",
        ),
        (
            "a number of our own",
            fixed_number(),
            ImageDisk::Unnamed,
            "/images/win11-avd/versions/4.5.6",
        ),
        (
            "a managed image",
            managed_image(),
            ImageDisk::Named,
            "/providers/Microsoft.Compute/images/web",
        ),
    ] {
        let stage = scene
            .switches(|on| on.run_outputs_after = NEVER)
            .switches(|on| on.image_disk = image_disk)
            .build(|_| {})
            .await;
        check_built(cell, &stage);
        let uri = stage.variable("imageUri").unwrap();
        assert!(uri.ends_with(expected), "{cell}: {uri}");
        let line = format!(
            "the run output has no image id; the image of this run was found at the target: {uri} (Reading run output '"
        );
        assert!(
            stage.transcript.contains(&line),
            "{cell}\n{}",
            stage.transcript
        );
    }
}

/// A missing permission, or lasting trouble, costs no image either.
#[tokio::test(start_paused = true)]
async fn a_run_output_that_is_refused_costs_no_image() {
    for code in [403, 500] {
        let fault = Fault::always("GetRunOutput", Effect::status(code, ""));
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        check_built("refused", &stage);
    }
}

/// What is not proven to be of this run is not taken for it: not the newest version, and not the managed image of that name.
#[tokio::test(start_paused = true)]
async fn an_image_without_proof_is_not_claimed() {
    let mut older = Scene::windows();
    let definitions = &mut older.world.galleries[0].definitions;
    let definition = definitions.iter_mut().find(|it| it.name == "win11-avd");
    definition.unwrap().versions.push("9.0.0".to_owned());
    for (cell, scene, command) in [
        (
            "a version",
            Scene::windows(),
            "az sig image-version list --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-images --gallery-name galContoso --gallery-image-definition win11-avd --query \"[].{version: name, published: publishingProfile.publishedDate}\" --output table",
        ),
        ("an older version", older, "az sig image-version list "),
        (
            "a managed image",
            managed_image(),
            "az image show --ids /subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/images/web",
        ),
    ] {
        let stage = scene
            .switches(|on| on.run_outputs_after = NEVER)
            .switches(|on| on.image_disk = ImageDisk::Unnamed)
            .build(|_| {})
            .await;
        assert_eq!(stage.result(), "Failed", "{cell}\n{}", stage.transcript);
        assert_eq!(stage.variable("imageUri"), None, "{cell}");
        let error = stage.error();
        assert!(
            error.starts_with("AIB404: Reading run output '"),
            "{cell}: {error}"
        );
        let hint = format!(
            "\nhint: the run has succeeded, so the image can be there, but nothing proves which one it created; to see what is there, run: {command}"
        );
        assert!(error.contains(&hint), "{cell}: {error}");
        check_nothing_left(&stage);
    }
}

/// The VHD lies in the staging group, and would go with the template.
#[tokio::test(start_paused = true)]
async fn a_vhd_whose_run_output_cannot_be_read_stays() {
    let stage = Scene::windows()
        .input("distributeType", "vhd")
        .switches(|on| on.run_outputs_after = NEVER)
        .build(|_| {})
        .await;
    stage.check_result("Failed");
    check_has(&stage.error(), "the VHD can be there");
    assert_eq!(stage.cloud.inventory().templates.len(), 1);
    let kept = "remains, because the VHD, or the VM of the failed build, would be deleted with it";
    assert!(stage.transcript.contains(kept), "{}", stage.transcript);
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_with_our_output_has_issues() {
    for operation in [PartialOperation::Succeeded, PartialOperation::Failed] {
        let fate = RunFate::PartiallySucceed {
            outputs: 1,
            message: "QuotaExceeded: no more cores in northeurope".to_owned(),
        };
        let stage = Scene::windows()
            .switches(|on| on.partial_operation = operation)
            .build(|cloud| cloud.script_run(fate))
            .await;
        assert_eq!(
            stage.result(),
            "SucceededWithIssues",
            "{operation:?}\n{}",
            stage.transcript
        );
        check_nothing_left(&stage);
        let warnings = stage.issues("warning");
        let sentence = "The run partially succeeded: QuotaExceeded: no more cores in northeurope";
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].starts_with(&format!("AIB406: {sentence}\nhint: ")),
            "{warnings:?}"
        );
        let uri = stage.variable("imageUri").unwrap();
        let target = format!("target 1 of 1, SharedImage win11-avd:  {uri}");
        assert!(stage.transcript.contains(&target), "{}", stage.transcript);
        let summary = stage.summary();
        for part in [
            "## ⚠️ Image built: win11-avd 1.0.0",
            "### Targets",
            &format!("- **AIB406** {sentence}. **What to do:** "),
        ] {
            assert!(summary.contains(part), "{part} is not in {summary}");
        }
        let result = result_file(&stage);
        assert_eq!(result["runState"], "PartiallySucceeded");
        assert_eq!(
            result["runMessage"],
            "QuotaExceeded: no more cores in northeurope"
        );
        assert_eq!(stage.variable("runState"), Some("PartiallySucceeded"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_simple_success_has_no_caveat() {
    let stage = Scene::windows().build(|_| {}).await;
    let result = result_file(&stage);
    assert_eq!(result.get("runState"), None);
    assert_eq!(result["imageChanged"], json!(true));
}

/// A state that nobody knows, with an end time, is an end: it costs no waiting, and the run output tells what there is.
#[tokio::test(start_paused = true)]
async fn an_unknown_end_is_an_end() {
    for (outputs, result) in [(1, "SucceededWithIssues"), (0, "Failed")] {
        let fate = RunFate::EndAs {
            state: "Completed",
            outputs,
        };
        let stage = Scene::windows().build(|cloud| cloud.script_run(fate)).await;
        assert_eq!(stage.result(), result, "{}", stage.transcript);
        assert!(stage.elapsed <= USUAL + 2 * MINUTE, "{:?}", stage.elapsed);
        check_nothing_left(&stage);
        let (kind, text) = match outputs {
            0 => (
                "error",
                "it ended as 'Completed', and the first target has no image",
            ),
            _ => (
                "warning",
                "AIB406: The run ended in state 'Completed', which this task does not know: Azure gave no reason",
            ),
        };
        let issues = stage.issues(kind);
        assert!(issues[0].contains(text), "{issues:?}");
    }
}
