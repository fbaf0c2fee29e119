//! Canceled jobs: what becomes of the run, what the post-job stage does, and how to come back.

use azure_emulator::{Effect, Fault};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_build_that_is_canceled_leaves_its_run_where_that_is_asked_for() {
    let scene = |number| attempt(number).input("onCancel", "leave");
    let cloud = scene(1).new_cloud();
    let first = scene(1).canceled_in(Arc::clone(&cloud), CUSTOMIZING).await;
    first.check_result("Canceled");
    let warning = &first.issues("warning")[0];
    assert!(
        warning.starts_with("AIB808: ") && warning.contains("left running: t_"),
        "{warning}"
    );
    assert!(warning.contains("action: wait"), "{warning}");
    assert_eq!(first.note.as_deref(), Some("[]"));
    assert_eq!(obeyed(&cloud, "CancelTemplate"), 0);
    let id = first.variable("templateId").unwrap().to_owned();
    assert_eq!(templates(&cloud), [id.rsplit('/').next().unwrap()]);
    first.clean_up().await;
    let second = in_cloud(scene(2), &cloud).await;
    check_one_image("leave", &second, 1);
    // Before a run has started there is nothing to leave.
    let cloud = scene(1).new_cloud();
    let first = scene(1).canceled_in(Arc::clone(&cloud), PROVISIONING).await;
    // The post-job stage deletes what is still there when the step ends.
    assert_eq!(
        first.variable("templateId").is_some(),
        !templates(&cloud).is_empty()
    );
    check_nothing_left(&first.clean_up().await);
}

#[tokio::test(start_paused = true)]
async fn every_cancel_of_a_build_names_the_way_around_a_time_limit() {
    let line = "if the job's time limit did this: action: submit, then wait";
    for (time, how) in [
        (PROVISIONING, ""),
        (CUSTOMIZING, ""),
        (CUSTOMIZING, "leave"),
    ] {
        let scene = attempt(1).input("onCancel", how);
        let cloud = scene.new_cloud();
        let stage = scene.canceled_in(cloud, time).await;
        assert_eq!(
            stage.transcript.matches(line).count(),
            1,
            "{}",
            stage.transcript
        );
    }
    let scene = submit("aib-4711");
    let cloud = scene.new_cloud();
    let stage = scene.canceled_in(cloud, PROVISIONING).await;
    check_silent(&stage, line);
    // There is no run yet.
    check_silent(&stage, "canceling the run");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_template_of_ours_cancels_by_default() {
    for (how, cancels) in [("", 1), ("cancel", 1), ("leave", 0)] {
        for name in ["aib-4711", ""] {
            let first = submit("aib-4711").build(|_| {}).await;
            let cloud = Arc::clone(&first.cloud);
            let waiting = action("wait", name).input("onCancel", how);
            let stage = waiting.canceled_in(Arc::clone(&cloud), CUSTOMIZING).await;
            stage.check_result("Canceled");
            assert_eq!(obeyed(&cloud, "CancelTemplate"), cancels, "{how}");
            check_silent(&stage, "if the job's time limit did this");
            let left = cancels == 0;
            assert_eq!(stage.note.as_deref() == Some("[]"), left, "{how}");
            let after = stage.clean_up().await;
            assert_eq!(
                templates(&cloud).is_empty(),
                !left,
                "{how} '{name}'\n{}",
                after.transcript
            );
            if left {
                check_one_image(how, &in_cloud(action("wait", name), &cloud).await, 1);
            } else {
                check_nothing_left(&after);
            }
        }
    }
}

/// A note may name any template: the post-job stage of a `wait` deletes the one of its input, or of its run, if it is ours.
#[tokio::test(start_paused = true)]
async fn the_post_job_stage_of_a_wait_deletes_what_it_dealt_with() {
    let first = submit("aib-4711").build(|_| {}).await;
    let cloud = Arc::clone(&first.cloud);
    let other = submit("other").variable("Build.BuildId", "4712");
    in_cloud(other, &cloud).await;
    for name in ["aib-4711", ""] {
        let waiting = action("wait", name);
        let stage = waiting
            .canceled_in(Arc::clone(&cloud), std::time::Duration::from_secs(60))
            .await;
        let note = stage.note.clone().unwrap().replace("aib-4711", "other");
        let after = stage.with_note(&note).clean_up().await;
        assert!(
            after.issues("warning")[0].starts_with("AIB601: Left alone: "),
            "{}",
            after.transcript
        );
        assert!(
            templates(&cloud).contains(&"other".to_owned()),
            "{}",
            after.transcript
        );
    }
}

/// No template is made.
fn refuse(cloud: &Cloud) {
    let effect = Effect::status(
        403,
        r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#,
    );
    cloud.add_fault(Fault::once("PutTemplate", effect));
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_makes_no_template_names_none() {
    let name = "aib-4711";
    let early = submit(name)
        .canceled_in(submit(name).new_cloud(), Duration::ZERO)
        .await;
    let refused = submit(name).build(refuse);
    for stage in [early, refused.await] {
        assert_eq!(stage.variable("templateName"), Some(name));
        assert_eq!(
            stage.variable("templateId"),
            Some(""),
            "{}",
            stage.transcript
        );
        assert_eq!(stage.variable("imageReady"), Some("false"));
    }
    // A build sets it only if a template stays.
    let failed = attempt(1).build(refuse);
    assert_eq!(failed.await.variable("templateId"), None);
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_is_canceled_leaves_nothing() {
    for time in [PROVISIONING, std::time::Duration::from_secs(1)] {
        let cloud = submit("aib-4711").new_cloud();
        let stage = submit("aib-4711")
            .canceled_in(Arc::clone(&cloud), time)
            .await;
        stage.check_result("Canceled");
        check_nothing_left(&stage.clean_up().await);
    }
}

/// Nobody has started the run yet: `leave` leaves the template to whoever does.
#[tokio::test(start_paused = true)]
async fn a_wait_for_a_run_that_has_not_begun_can_leave_the_template() {
    for (how, left) in [("leave", 1), ("", 0)] {
        let cloud = submit("aib").new_cloud();
        let dies = crate::flow::scene::Death::Before;
        submit("aib")
            .dies_at(Arc::clone(&cloud), starts_run, dies)
            .await;
        let waiting = action("wait", "aib").input("onCancel", how);
        let minute = std::time::Duration::from_secs(60);
        let stage = waiting.canceled_in(Arc::clone(&cloud), minute).await;
        stage.check_result("Canceled");
        stage.clean_up().await;
        assert_eq!(templates(&cloud).len(), left, "{how}");
    }
}
