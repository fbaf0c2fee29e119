//! Templates that others have made, and `action: run`.

use azure_emulator::RunFate;
use azure_emulator::{Effect, Fault};

use super::*;

/// A template of someone else: not ours, for it has no tag of ours.
async fn foreign() -> Arc<Cloud> {
    let cloud = submit("win11").new_cloud();
    submit("win11")
        .dies_at(
            Arc::clone(&cloud),
            starts_run,
            crate::flow::scene::Death::Before,
        )
        .await;
    cloud.set_template_tags("win11", &[("owner", "someone")]);
    cloud
}

fn start_in_the_portal(cloud: &Cloud) {
    let path = only_template(cloud);
    assert_eq!(
        in_the_portal(cloud, Method::POST, &format!("{path}/run"), "").as_u16(),
        202
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_never_touches_a_template_of_somebody_else() {
    for over in [false, true] {
        let cloud = foreign().await;
        start_in_the_portal(&cloud);
        if over {
            tokio::time::sleep(LONG).await;
        }
        let from = cloud.journal().len();
        let stage = in_cloud(
            action("wait", "win11").input("keepTemplate", "true"),
            &cloud,
        )
        .await;
        stage.check_result("Succeeded");
        assert_eq!(
            stage.variable("imageUri"),
            Some(cloud.inventory().image_versions[0].0.as_str())
        );
        assert_eq!(changes(&cloud, from), NOTHING);
        assert_eq!(templates(&cloud), ["win11"]);
        assert_eq!(cloud.template_tags("win11").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_canceled_wait_leaves_the_run_of_somebody_else() {
    for (how, cancels) in [("", 0), ("leave", 0), ("cancel", 1)] {
        let cloud = foreign().await;
        start_in_the_portal(&cloud);
        let waiting = action("wait", "win11").input("onCancel", how);
        let stage = waiting.canceled_in(Arc::clone(&cloud), CUSTOMIZING).await;
        stage.check_result("Canceled");
        assert_eq!(obeyed(&cloud, "CancelTemplate"), cancels, "{how}");
        let warned = stage
            .issues("warning")
            .iter()
            .any(|issue| issue.starts_with("AIB808: "));
        assert_eq!(warned, cancels == 0, "{how}");
        stage.clean_up().await;
        assert_eq!(templates(&cloud), ["win11"]);
    }
}

/// There is no run yet: nothing is stopped, and nothing is said of it.
#[tokio::test(start_paused = true)]
async fn a_canceled_wait_for_somebody_elses_run_stops_nothing() {
    let cloud = foreign().await;
    let from = cloud.journal().len();
    let waiting = action("wait", "win11");
    let stage = waiting.canceled_in(Arc::clone(&cloud), PROVISIONING).await;
    stage.check_result("Canceled");
    assert!(
        !stage.transcript.contains("\ncanceling the run\n"),
        "{}",
        stage.transcript
    );
    assert_eq!(changes(&cloud, from), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn the_failure_of_somebody_elses_run_is_explained() {
    let cloud = foreign().await;
    cloud.script_run(RunFate::customizer_failed());
    start_in_the_portal(&cloud);
    let stage = in_cloud(action("wait", "win11"), &cloud).await;
    stage.check_result("Failed");
    check_says(&stage, "build log:");
    assert_eq!(templates(&cloud), ["win11"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_told_is_told_so() {
    let cloud = foreign().await;
    cloud.change_switches(|switches| {
        switches.run_outputs_after = LONG;
        switches.image_disk = azure_emulator::ImageDisk::Unnamed;
    });
    start_in_the_portal(&cloud);
    let error = in_cloud(action("wait", "win11"), &cloud).await.error();
    assert!(error.starts_with("AIB807: "), "{error}");
    assert_eq!(templates(&cloud), ["win11"]);
}

#[tokio::test(start_paused = true)]
async fn a_template_of_somebody_else_is_run_and_left() {
    let cloud = foreign().await;
    for number in 1..=2 {
        let from = cloud.journal().len();
        let stage = in_cloud(action("run", "win11"), &cloud).await;
        stage.check_result("Succeeded");
        assert_eq!(cloud.inventory().image_versions.len(), number);
        let changed = changes(&cloud, from);
        assert!(
            changed.len() == 1 && changed[0].contains("/run"),
            "{changed:?}"
        );
        assert_eq!(cloud.template_tags("win11").len(), 1);
        assert_eq!(stage.variable("imageReady"), Some("true"));
        let newest = format!("1.0.{}", number - 1);
        assert_eq!(stage.variable("imageVersion"), Some(newest.as_str()));
    }
}

/// The run before shows for a while after the start of the next one.
#[tokio::test(start_paused = true)]
async fn the_run_before_is_not_taken_for_the_one_that_was_started() {
    let cloud = foreign().await;
    start_in_the_portal(&cloud);
    tokio::time::sleep(LONG).await;
    cloud.change_switches(|switches| switches.run_shows_after = std::time::Duration::from_secs(90));
    let stage = in_cloud(action("run", "win11"), &cloud).await;
    stage.check_result("Succeeded");
    assert_eq!(
        stage.variable("imageVersion"),
        Some("1.0.1"),
        "{}",
        stage.transcript
    );
    assert!(
        stage.elapsed > std::time::Duration::from_secs(600),
        "{:?}",
        stage.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_on_is_not_started_again() {
    for ours in [false, true] {
        let cloud = if ours {
            submit("win11").build(|_| {}).await.cloud
        } else {
            let cloud = foreign().await;
            start_in_the_portal(&cloud);
            cloud
        };
        let from = cloud.journal().len();
        let stage = in_cloud(action("run", "win11"), &cloud).await;
        let error = stage.error();
        assert!(
            error.starts_with("AIB803: ") && error.contains("it is running already (since "),
            "{error}"
        );
        assert!(error.contains("action: wait"), "{error}");
        assert_eq!(changes(&cloud, from), NOTHING);
        assert_eq!(stage.note.as_deref().unwrap_or("[]"), "[]");
    }
}

/// Someone is quicker, or the first answer got lost: Azure says that a run is on.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_start_is_no_second_run() {
    let cloud = foreign().await;
    cloud.add_fault(Fault::once("RunTemplate", Effect::ResetAfter));
    let stage = in_cloud(action("run", "win11"), &cloud).await;
    stage.check_result("Succeeded");
    assert_eq!(cloud.inventory().image_versions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_of_ours_is_marked_before_it_is_run() {
    for merges in [false, true] {
        let cloud = submit("win11").new_cloud();
        submit("win11")
            .dies_at(
                Arc::clone(&cloud),
                starts_run,
                crate::flow::scene::Death::Before,
            )
            .await;
        let before = cloud.template_tags("win11");
        if merges {
            cloud.change_switches(|switches| {
                switches.patched_tags = azure_emulator::PatchedTags::Merged;
            });
        }
        // It dies while the image is being customized; the next attempt follows, and the one after that collects.
        action("run", "win11")
            .dies_after(Arc::clone(&cloud), CUSTOMIZING)
            .await;
        let tags = cloud.template_tags("win11");
        assert_eq!(tags.get("imageBuilderRun"), before.get("imageBuilderRun"));
        assert_eq!(
            tags.get("imageBuilderStep").map(String::as_str),
            Some("finish.collect.__default/image")
        );
        assert_eq!(tags.len(), before.len(), "{tags:?}");
        let second = in_cloud(action("run", "win11").attempt(2), &cloud).await;
        check_one_image("run", &second, 1);
        let version = cloud.inventory().image_versions[0].0.clone();
        let of_image = cloud.image_tags(&version);
        assert_eq!(
            of_image.get("imageBuilderStep").map(String::as_str),
            Some("finish.collect.__default/image")
        );
    }
    let cloud = submit("win11").new_cloud();
    submit("win11")
        .dies_at(
            Arc::clone(&cloud),
            starts_run,
            crate::flow::scene::Death::Before,
        )
        .await;
    action("run", "win11")
        .dies_after(Arc::clone(&cloud), CUSTOMIZING)
        .await;
    tokio::time::sleep(LONG).await;
    check_one_image(
        "collected",
        &in_cloud(action("run", "win11"), &cloud).await,
        1,
    );
}

#[tokio::test(start_paused = true)]
async fn a_canceled_run_cancels_what_it_has_started() {
    for (how, cancels) in [("", 1), ("leave", 0)] {
        let cloud = foreign().await;
        let running = action("run", "win11").input("onCancel", how);
        let stage = running.canceled_in(Arc::clone(&cloud), CUSTOMIZING).await;
        stage.check_result("Canceled");
        assert_eq!(obeyed(&cloud, "CancelTemplate"), cancels, "{how}");
        stage.clean_up().await;
        assert_eq!(templates(&cloud), ["win11"]);
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_nothing_to_run() {
    let stage = action("run", "win11").build(|_| {}).await;
    assert!(stage.error().starts_with("AIB801: "), "{}", stage.error());
    assert_eq!(stage.variable("imageReady"), Some("false"));
}

/// A trigger of Azure starts another run while one is followed.
#[tokio::test(start_paused = true)]
async fn another_run_of_the_template_is_told() {
    let cloud = foreign().await;
    start_in_the_portal(&cloud);
    let waiting = action("wait", "win11").build_in(Arc::clone(&cloud));
    let meanwhile = async {
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
        // Nobody sees the first one end.
        let refused = Fault::always(
            "GetTemplate",
            Effect::refusal(500, "InternalServerError", "no"),
        );
        let path = only_template(&cloud);
        Scene::cancel_in_the_portal(&cloud);
        cloud.add_fault(refused);
        tokio::time::sleep(std::time::Duration::from_secs(45)).await;
        let started = in_the_portal(&cloud, Method::POST, &format!("{path}/run"), "");
        cloud.clear_faults();
        started
    };
    let (stage, started) = tokio::join!(waiting, meanwhile);
    assert_eq!(started.as_u16(), 202);
    stage.check_result("Succeeded");
    check_says(&stage, "Azure has started another run of the template");
}

/// A misspelt name is no way to the image of another step.
#[tokio::test(start_paused = true)]
async fn the_image_of_another_step_is_not_what_was_run() {
    let first = submit("aib-4711").build(|_| {}).await;
    in_cloud(action("wait", "aib-4711"), &first.cloud).await;
    let from = first.cloud.journal().len();
    let run = action("run", "aib-4712").variable("System.JobIdentifier", "x");
    let stage = in_cloud(run, &first.cloud).await;
    stage.check_result("Failed");
    let told = stage.issues("error")[0].clone();
    assert!(
        told.starts_with("AIB801: ") && told.contains("there is no image template 'aib-4712'"),
        "{told}"
    );
    assert_eq!(changes(&first.cloud, from), NOTHING);
    assert_eq!(stage.variable("imageReady"), Some("false"));
}
