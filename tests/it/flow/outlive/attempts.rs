//! Which attempts there are, and what goes wrong between them.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Effect, Fault};
use http::Method;

use super::adoption::died_after;
use super::*;
use crate::flow::scene::Death;

/// `retryCountOnTaskFailure` runs the step again in the same attempt.
#[tokio::test(start_paused = true)]
async fn a_first_attempt_takes_over_what_has_the_same_inputs() {
    for name in ["", "aib-4711"] {
        let scene = || attempt(1).input("templateName", name);
        let cloud = died_after(scene(), CUSTOMIZING).await;
        check_one_image(name, &in_cloud(scene(), &cloud).await, 1);
    }
    // Other inputs are another step of the same name.
    let cloud = died_after(attempt(1), CUSTOMIZING).await;
    let other = attempt(1).input("inlineScript", "Write-Host other");
    let second = in_cloud(other, &cloud).await;
    second.check_result("Succeeded");
    assert_eq!(templates(&cloud).len(), 1);
    assert_eq!(obeyed(&cloud, "CancelTemplate"), 0);
    let named = |script| {
        attempt(1)
            .input("templateName", "aib")
            .input("inlineScript", script)
    };
    let cloud = died_after(named("a"), CUSTOMIZING).await;
    let from = cloud.journal().len();
    let error = in_cloud(named("b"), &cloud).await.error();
    assert!(
        error.starts_with("AIB803: ") && error.contains("with other inputs"),
        "{error}"
    );
    assert_eq!(changes(&cloud, from), NOTHING);
}

/// The step again in the same job, with the note of the first time: what is taken over is not removed first.
#[tokio::test(start_paused = true)]
async fn a_repeated_step_takes_over_what_its_note_names() {
    let first = attempt(1).build_until_crash(CUSTOMIZING).await;
    assert!(first.note.as_deref().unwrap().contains("imageTemplates/t_"));
    let second = first.retry().await;
    check_one_image("retry", &second, 1);
    check_says(
        &second,
        "following the run that an earlier attempt started ",
    );
}

/// Two jobs under one name start together: the slower PUT is refused.
#[tokio::test(start_paused = true)]
async fn a_put_that_comes_too_late_leads_to_the_template_that_is_there() {
    let scene = || attempt(1).input("templateName", "aib-4711");
    let cloud = scene().new_cloud();
    let puts = |_: usize, request: &http::Request<bytes::Bytes>| {
        request.method() == Method::PUT && request.uri().path().contains("imageTemplates")
    };
    let first = scene()
        .dies_at(Arc::clone(&cloud), puts, Death::Before)
        .await;
    assert_eq!(first.transcript.matches("starting put template").count(), 1);
    cloud.add_fault(Fault::once(
        "GetTemplate",
        Effect::refusal(404, "ResourceNotFound", "not there"),
    ));
    // The first look finds nothing, and then someone is quicker.
    scene()
        .attempt(1)
        .dies_after(Arc::clone(&cloud), CUSTOMIZING)
        .await;
    cloud.add_fault(Fault::once(
        "GetTemplate",
        Effect::refusal(404, "ResourceNotFound", "not there"),
    ));
    let second = in_cloud(scene(), &cloud).await;
    second.check_result("Succeeded");
    assert_eq!(obeyed(&cloud, "RunTemplate"), 1);
    check_says(
        &second,
        "following the run that an earlier attempt started ",
    );
    assert!(templates(&cloud).is_empty());
    assert_eq!(cloud.inventory().image_versions.len(), 1);
}

/// A kill between upload and PUT leaves a package that nothing names.
#[tokio::test(start_paused = true)]
async fn packages_that_nothing_names_go_when_they_are_old_enough() {
    let puts = |_: usize, request: &http::Request<bytes::Bytes>| {
        request.method() == Method::PUT && request.uri().path().contains("imageTemplates")
    };
    for (wait, left) in [(60, 1), (3600, 0)] {
        let cloud = attempt(1).new_cloud();
        attempt(1)
            .dies_at(Arc::clone(&cloud), puts, Death::Before)
            .await;
        assert_eq!(cloud.inventory().blobs.len(), 1);
        tokio::time::sleep(Duration::from_secs(wait)).await;
        let second = in_cloud(attempt(2), &cloud).await;
        second.check_result("Succeeded");
        assert_eq!(cloud.inventory().blobs.len(), left, "{wait}");
        assert!(cloud.inventory().templates.is_empty());
    }
}

/// A number that comes from the clock is another one in each attempt.
#[tokio::test(start_paused = true)]
async fn a_number_that_comes_from_the_clock_is_no_other_input() {
    let scene = |number| {
        attempt(number).input(
            "imageVersion",
            "1.$(Year)$(Month)$(DayOfMonth).$(Hours)$(Minutes)",
        )
    };
    let cloud = died_after(scene(1), CUSTOMIZING).await;
    check_one_image("clock", &in_cloud(scene(2), &cloud).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_fails_a_second_attempt() {
    let cloud = died_after(attempt(1), CUSTOMIZING).await;
    let refusal = Effect::refusal(403, "AuthorizationFailed", "not permitted");
    let fault = Fault::always("ListTemplatesOfGroup", refusal);
    cloud.add_fault(fault.clone());
    let from = cloud.journal().len();
    assert_eq!(in_cloud(attempt(2), &cloud).await.result(), "Failed");
    assert_eq!(changes(&cloud, from), NOTHING);
    // A first attempt has nothing to take over, as far as anybody knows.
    let stage = attempt(1).build(|cloud| cloud.add_fault(fault)).await;
    stage.check_result("Succeeded");
}

/// The tags that a template and its image get, and what a person may have set.
#[tokio::test(start_paused = true)]
async fn template_and_image_carry_the_key() {
    let cloud = died_after(
        attempt(1)
            .input("templateName", "aib")
            .input("keepTemplate", "true"),
        CUSTOMIZING,
    )
    .await;
    let tags = cloud.template_tags("aib");
    for name in [
        "imageBuilderTask",
        "imageBuilderRun",
        "imageBuilderStep",
        "imageBuilderInputs",
        "imageBuilderPackage",
        "imageBuilderMade",
    ] {
        assert!(
            tags.get(name).is_some_and(|value| !value.is_empty()),
            "{name}: {tags:?}"
        );
    }
    assert_eq!(
        tags.get("imageBuilderKeep").map(String::as_str),
        Some("true")
    );
    tokio::time::sleep(LONG).await;
    let version = cloud.inventory().image_versions[0].0.clone();
    let of_image = cloud.image_tags(&version);
    for name in ["imageBuilderRun", "imageBuilderStep", "imageBuilderInputs"] {
        assert_eq!(of_image.get(name), tags.get(name), "{name}");
    }
    let plain = attempt(1)
        .input("provenanceTags", "false")
        .build(|_| {})
        .await;
    let version = plain.cloud.inventory().image_versions[0].0.clone();
    assert!(
        !plain
            .cloud
            .image_tags(&version)
            .keys()
            .any(|name| name.starts_with("imageBuilder"))
    );
}

/// A release counts its attempts itself, and its packages are named by them.
#[tokio::test(start_paused = true)]
async fn a_release_is_taken_over_as_well() {
    let scene = |number: &str| {
        attempt(1)
            .variable("Release.ReleaseId", "31")
            .variable("Release.EnvironmentId", "9")
            .variable("Release.AttemptNumber", number)
    };
    let cloud = died_after(scene("1"), CUSTOMIZING).await;
    let second = in_cloud(scene("2"), &cloud).await;
    check_one_image("release", &second, 1);
    check_says(
        &second,
        "following the run that an earlier attempt started ",
    );
    let third = in_cloud(scene("3"), &cloud).await;
    check_one_image("image", &third, 1);
    // Another environment of the same release is another run.
    let other = in_cloud(scene("2").variable("Release.EnvironmentId", "10"), &cloud).await;
    other.check_result("Succeeded");
    assert_eq!(obeyed(&cloud, "RunTemplate"), 2);
}

/// `waitTimeoutInMinutes` of a build: it fails, and everything stays.
#[tokio::test(start_paused = true)]
async fn a_build_that_waits_no_longer_leaves_everything() {
    let scene = |number| attempt(number).input("waitTimeoutInMinutes", "9");
    let first = scene(1).build(|_| {}).await;
    let error = first.error();
    assert!(
        error.starts_with("AIB804: ") && error.contains("Customizing (after "),
        "{error}"
    );
    assert_eq!(first.note.as_deref(), Some("[]"));
    assert_eq!(templates(&first.cloud).len(), 1);
    assert_eq!(obeyed(&first.cloud, "CancelTemplate"), 0);
    let second = in_cloud(attempt(2), &first.cloud).await;
    check_one_image("later", &second, 1);
}

/// The answers to PUT and to the start got lost, under a name of the author's.
#[tokio::test(start_paused = true)]
async fn lost_answers_are_no_second_template_and_no_second_run() {
    for operation in ["PutTemplate", "RunTemplate"] {
        let scene = attempt(1).input("templateName", "aib-4711");
        let stage = scene
            .build(|cloud| {
                cloud.add_fault(Fault::once(operation, Effect::ResetAfter));
            })
            .await;
        // What was obeyed without an answer has no status.
        check_one_image(operation, &stage, usize::from(operation != "RunTemplate"));
        assert_eq!(
            obeyed(&stage.cloud, "PutTemplate"),
            usize::from(operation != "PutTemplate")
        );
    }
}
