//! What `build` and `submit` do when something of theirs is there: a row of the table of states each.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, Fate, RunFate};
use http::Method;

use super::*;
use crate::flow::scene::Death;
use crate::texts::check_has;

/// A cloud in which attempt 1 died after `time`.
pub(super) async fn died_after(scene: Scene, time: Duration) -> Arc<Cloud> {
    let cloud = scene.new_cloud();
    scene.dies_after(Arc::clone(&cloud), time).await;
    cloud
}

/// A cloud in which attempt 1 died before it started the run.
pub(super) async fn died_before_run(scene: Scene) -> Arc<Cloud> {
    let cloud = scene.new_cloud();
    scene
        .dies_at(Arc::clone(&cloud), starts_run, Death::Before)
        .await;
    cloud
}

fn again(stage: &Stage) {
    let dropped = stage.issues("warning");
    assert!(
        dropped.iter().any(|issue| issue.starts_with("AIB806: ")),
        "{}",
        stage.transcript
    );
}

/// As a stage that has a warning of a dropped template.
fn check_built_anew(what: &str, stage: &Stage, runs: usize) {
    assert_eq!(stage.result(), "Succeeded", "{what}\n{}", stage.transcript);
    again(stage);
    check_one_image(what, stage, runs);
}

#[tokio::test(start_paused = true)]
async fn the_image_of_an_earlier_attempt_is_the_image() {
    let first = attempt(1).build(|_| {}).await;
    let cloud = Arc::clone(&first.cloud);
    let from = cloud.journal().len();
    let second = in_cloud(attempt(2), &cloud).await;
    check_one_image("image", &second, 1);
    check_says(
        &second,
        "the image of an earlier attempt is there: 1.0.0 (to build again: resume: never)",
    );
    assert!(
        second
            .summary()
            .contains("the image of an earlier attempt is there: 1.0.0"),
        "{}",
        second.summary()
    );
    assert_eq!(changes(&cloud, from), NOTHING);
    assert_eq!(second.variable("imageChanged"), Some("true"));
    assert_eq!(second.issues("warning"), NOTHING);
    // A submit says that there is nothing to wait for.
    let third = in_cloud(attempt(3).input("action", "submit"), &cloud).await;
    check_one_image("submit", &third, 1);
    assert_eq!(third.variable("imageReady"), Some("true"));
    assert_eq!(third.variable("runState"), Some("Succeeded"));
    assert_eq!(third.variable("runDeadline"), Some(""));
    // Other inputs, another step, and whoever does not want it build.
    for (what, other) in [
        (
            "inputs",
            attempt(2).input("inlineScript", "Write-Host other"),
        ),
        (
            "step",
            attempt(2).variable("System.JobIdentifier", "Build.other.__default"),
        ),
        ("never", attempt(2).input("resume", "never")),
        ("first attempt", attempt(1)),
    ] {
        let before = cloud.inventory().image_versions.len();
        let stage = in_cloud(other, &cloud).await;
        assert_eq!(stage.result(), "Succeeded", "{what}\n{}", stage.transcript);
        assert_eq!(cloud.inventory().image_versions.len(), before + 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_is_found_as_well() {
    let image =
        "/subscriptions/{s}/resourceGroups/rg-images/providers/Microsoft.Compute/images/win11";
    let scene = || {
        let scene = attempt(1);
        let image = image.replace("{s}", &scene.world.subscription);
        scene
            .input("distributeType", "managedImage")
            .input("imageIdForDistribute", &image)
            .input("managedImageLocation", "westeurope")
    };
    let first = scene().build(|_| {}).await;
    first.check_result("Succeeded");
    for listed in [false, true] {
        first
            .cloud
            .change_switches(|switches| switches.tags_in_lists_by_tag = listed);
        let second = in_cloud(scene().attempt(2), &first.cloud).await;
        second.check_result("Succeeded");
        check_says(&second, "the image of an earlier attempt is there: win11");
        assert_eq!(second.variable("imageUri"), first.variable("imageUri"));
    }
    assert_eq!(obeyed(&first.cloud, "RunTemplate"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_that_finds_nothing_builds() {
    for (name, value) in [
        ("System.JobAttempt", "2"),
        ("System.StageAttempt", "3"),
        ("System.PhaseAttempt", "2"),
    ] {
        let stage = attempt(1).variable(name, value).build(|_| {}).await;
        check_one_image(name, &stage, 1);
        assert_eq!(obeyed(&stage.cloud, "ListResources"), 1, "{name}");
    }
    // What is no number is the first attempt.
    for value in ["", "two", "0", "1"] {
        let stage = attempt(1)
            .variable("System.StageAttempt", value)
            .build(|_| {})
            .await;
        check_one_image(value, &stage, 1);
        assert_eq!(obeyed(&stage.cloud, "ListResources"), 0, "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_inputs_are_built_anew() {
    for (what, time) in [("provisioning", PROVISIONING), ("running", CUSTOMIZING)] {
        for name in ["", "aib-4711"] {
            let scene = |number| attempt(number).input("templateName", name);
            let cloud = died_after(scene(1), time).await;
            let changed = scene(2).input("inlineScript", "Write-Host other");
            let second = in_cloud(changed, &cloud).await;
            let runs = 1 + usize::from(what == "running");
            check_built_anew(what, &second, runs);
            check_says(&second, "was created with other inputs");
            assert_eq!(obeyed(&cloud, "CancelTemplate"), runs - 1, "{what}");
        }
    }
}

/// The sum is a tag, which others may leave as it is while they change the template.
#[tokio::test(start_paused = true)]
async fn a_template_that_was_changed_is_not_what_would_be_sent() {
    let cloud = died_before_run(attempt(1)).await;
    let path = only_template(&cloud);
    let other = "/galleries/gal_other/images/win11";
    let body = template_document(&cloud);
    let mut targets = body["properties"]["distribute"].clone();
    let id = targets[0]["galleryImageId"].as_str().unwrap().to_owned();
    let start = id.split("/galleries/").next().unwrap();
    targets[0]["galleryImageId"] = format!("{start}{other}").into();
    let change = serde_json::json!({"properties": {"distribute": targets}}).to_string();
    assert_eq!(
        in_the_portal(&cloud, Method::PATCH, &path, &change).as_u16(),
        202
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    check_built_anew("distribute", &in_cloud(attempt(2), &cloud).await, 1);
}

/// The one template that there is, as someone in the portal reads it.
fn template_document(cloud: &Cloud) -> serde_json::Value {
    let path = only_template(cloud);
    super::read_in_the_portal(cloud, &path)
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_being_provisioned_is_waited_for() {
    for name in ["", "aib-4711"] {
        let scene = |number| attempt(number).input("templateName", name);
        let cloud = died_after(scene(1), PROVISIONING).await;
        let second = in_cloud(scene(2), &cloud).await;
        check_one_image(name, &second, 1);
        check_says(&second, " of an earlier attempt is being provisioned");
        check_says(&second, " of an earlier attempt: starting its run");
        assert_eq!(obeyed(&cloud, "PutTemplate"), 1);
        assert_eq!(second.issues("warning"), NOTHING);
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_could_not_be_provisioned_is_built_anew() {
    let scene = attempt(1).switches(|switches| {
        switches.provisioning = Fate::Fail {
            code: "InternalOperationError".to_owned(),
            message: "no".to_owned(),
        };
    });
    let cloud = died_after(scene, Duration::from_secs(7)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cloud.inventory().templates.len(), 1);
    cloud.change_switches(|switches| switches.provisioning = Fate::Deserved);
    check_built_anew("Failed", &in_cloud(attempt(2), &cloud).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_being_deleted_is_waited_out() {
    let deletes = |_: usize, request: &http::Request<bytes::Bytes>| {
        request.method() == Method::DELETE && request.uri().path().contains("imageTemplates")
    };
    for name in ["", "aib-4711"] {
        // After a good build: the image is there.
        let scene = |number| attempt(number).input("templateName", name);
        let cloud = scene(1).new_cloud();
        scene(1)
            .dies_at(Arc::clone(&cloud), deletes, Death::After)
            .await;
        check_one_image("after a build", &in_cloud(scene(2), &cloud).await, 1);
        // After a failed one: there is none.
        let cloud = scene(1).new_cloud();
        cloud.script_run(RunFate::customizer_failed());
        scene(1)
            .dies_at(Arc::clone(&cloud), deletes, Death::After)
            .await;
        check_one_image("after a failure", &in_cloud(scene(2), &cloud).await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_never_started_is_started() {
    let cloud = died_before_run(attempt(1)).await;
    let second = in_cloud(attempt(2), &cloud).await;
    check_one_image("never run", &second, 1);
    check_says(&second, " of an earlier attempt: starting its run");
    assert_eq!(obeyed(&cloud, "PutTemplate"), 1);
    // Its POST was obeyed, and does not show yet: a refusal is as good.
    let scene = attempt(1).switches(|switches| switches.run_shows_after = Duration::from_secs(40));
    let cloud = scene.new_cloud();
    scene
        .dies_at(Arc::clone(&cloud), starts_run, Death::After)
        .await;
    check_one_image("obeyed", &in_cloud(attempt(2), &cloud).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_ends_too_early_is_made_anew() {
    let scene = |number| attempt(number).input("packageAccess", "sas");
    let cloud = died_before_run(scene(1)).await;
    tokio::time::sleep(Duration::from_secs(70 * 60)).await;
    let second = in_cloud(scene(2), &cloud).await;
    check_built_anew("link", &second, 1);
    check_says(&second, "expires before the build can end");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_on_is_followed() {
    for name in ["", "aib-4711"] {
        let scene = |number| attempt(number).input("templateName", name);
        let cloud = died_after(scene(1), CUSTOMIZING).await;
        let from = cloud.journal().len();
        let second = in_cloud(scene(2), &cloud).await;
        check_one_image(name, &second, 1);
        check_says(
            &second,
            "following the run that an earlier attempt started ",
        );
        let changed = changes(&cloud, from);
        assert_eq!(changed.len(), 2, "blob and template: {changed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_submit_leaves_a_run_alone_that_is_on() {
    let scene = |number| attempt(number).input("action", "submit");
    let cloud = died_after(scene(1), CUSTOMIZING).await;
    let from = cloud.journal().len();
    let second = in_cloud(scene(2), &cloud).await;
    second.check_result("Succeeded");
    check_says(
        &second,
        "submitted: the build continues without this job until ",
    );
    assert_eq!(second.variable("imageReady"), Some("false"));
    assert_eq!(second.note.as_deref(), Some("[]"));
    assert_eq!(changes(&cloud, from), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_being_canceled_is_waited_out() {
    let cloud = died_after(attempt(1), CUSTOMIZING).await;
    Scene::cancel_in_the_portal(&cloud);
    check_built_anew("Canceling", &in_cloud(attempt(2), &cloud).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_ended_well_is_collected() {
    let cloud = died_after(attempt(1), CUSTOMIZING).await;
    tokio::time::sleep(LONG).await;
    let second = in_cloud(attempt(2), &cloud).await;
    check_one_image("ended", &second, 1);
    check_says(&second, "the run of an earlier attempt has ended");
    check_says(&second, "build log:");
    // Some of its targets have it.
    let cloud = attempt(1).new_cloud();
    cloud.script_run(RunFate::PartiallySucceed {
        outputs: 1,
        message: "one of the targets".to_owned(),
    });
    attempt(1).dies_after(Arc::clone(&cloud), CUSTOMIZING).await;
    tokio::time::sleep(LONG).await;
    let second = in_cloud(attempt(2), &cloud).await;
    second.check_result("SucceededWithIssues");
    assert_eq!(obeyed(&cloud, "RunTemplate"), 1);
    check_nothing_left(&second);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_failed_is_built_anew() {
    let cloud = attempt(1).new_cloud();
    cloud.script_run(RunFate::customizer_failed());
    attempt(1).dies_after(Arc::clone(&cloud), CUSTOMIZING).await;
    tokio::time::sleep(LONG).await;
    let second = in_cloud(attempt(2), &cloud).await;
    check_one_image("failed", &second, 2);
    check_says(
        &second,
        "the run of an earlier attempt failed: building again",
    );
    assert_eq!(
        second.transcript.matches("##vso[task.uploadfile]").count(),
        3,
        "{}",
        second.transcript
    );
    // Or was canceled.
    let cloud = died_after(attempt(1), CUSTOMIZING).await;
    Scene::cancel_in_the_portal(&cloud);
    tokio::time::sleep(LONG).await;
    let second = in_cloud(attempt(2), &cloud).await;
    check_one_image("canceled", &second, 2);
    check_says(
        &second,
        "the run of an earlier attempt was canceled: building again",
    );
}

#[tokio::test(start_paused = true)]
async fn several_templates_of_one_key_are_named() {
    let cloud = died_after(attempt(1), CUSTOMIZING).await;
    attempt(2)
        .input("resume", "never")
        .dies_after(Arc::clone(&cloud), CUSTOMIZING)
        .await;
    let from = cloud.journal().len();
    let third = in_cloud(attempt(3), &cloud).await;
    third.check_result("Failed");
    let error = third.error();
    assert!(error.starts_with("AIB802: "), "{error}");
    for name in templates(&cloud) {
        assert!(error.contains(&format!("'{name}'")), "{error}");
    }
    assert_eq!(templates(&cloud).len(), 2);
    assert_eq!(changes(&cloud, from), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn never_leaves_alone_what_is_at_work() {
    let scene = |number| attempt(number).input("templateName", "aib-4711");
    for (what, time) in [("provisioning", PROVISIONING), ("running", CUSTOMIZING)] {
        let cloud = died_after(scene(1), time).await;
        let from = cloud.journal().len();
        let second = in_cloud(scene(2).input("resume", "never"), &cloud).await;
        let error = second.error();
        assert!(error.starts_with("AIB803: "), "{what}: {error}");
        check_has(&error, "'aib-4711' is in use by an earlier attempt");
        assert_eq!(changes(&cloud, from), NOTHING, "{what}");
    }
    // What has ended, or has never run, goes.
    let cloud = died_after(scene(1), CUSTOMIZING).await;
    tokio::time::sleep(LONG).await;
    let second = in_cloud(scene(2).input("resume", "never"), &cloud).await;
    second.check_result("Succeeded");
    assert_eq!(cloud.inventory().image_versions.len(), 2);
    check_nothing_left(&second);
    let cloud = died_before_run(scene(1)).await;
    let second = in_cloud(scene(2).input("resume", "never"), &cloud).await;
    check_one_image("never run", &second, 1);
    assert_eq!(obeyed(&cloud, "PutTemplate"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_run_or_step_uses_is_refused() {
    let scene = || attempt(1).input("templateName", "Golden");
    let other = |name: &str| match name {
        "run" => attempt(2)
            .variable("Build.BuildId", "4712")
            .input("templateName", "golden"),
        _ => attempt(2)
            .variable("System.JobIdentifier", "Build.other.__default")
            .input("templateName", "golden"),
    };
    for (what, whose) in [
        ("run", "pipeline run 4711"),
        ("step", "another step of this pipeline run"),
    ] {
        let cloud = died_after(scene(), CUSTOMIZING).await;
        let from = cloud.journal().len();
        for (time, verb) in [(Duration::ZERO, "is in use by"), (LONG, "was left by")] {
            tokio::time::sleep(time).await;
            let stage = in_cloud(other(what), &cloud).await;
            let error = stage.error();
            assert!(error.starts_with("AIB803: "), "{error}");
            assert!(
                error.contains(&format!("'golden' {verb} {whose}")),
                "{what}: {error}"
            );
            assert!(error.contains("give another 'templateName'"), "{error}");
            assert_eq!(stage.note.as_deref().unwrap_or("[]"), "[]");
        }
        assert_eq!(changes(&cloud, from), NOTHING);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_else_uses_is_refused() {
    let scene = |number| attempt(number).input("templateName", "win11");
    for resume in ["auto", "never"] {
        let cloud = died_after(scene(1), CUSTOMIZING).await;
        cloud.set_template_tags("win11", &[("owner", "someone")]);
        let from = cloud.journal().len();
        let stage = in_cloud(scene(2).input("resume", resume), &cloud).await;
        let error = stage.error();
        assert!(error.starts_with("AIB803: "), "{error}");
        check_has(&error, "'win11' was not created by this task");
        assert!(error.contains("action: run"), "{error}");
        assert_eq!(changes(&cloud, from), NOTHING);
    }
}
