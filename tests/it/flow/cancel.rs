//! `action: cancel`, row by row: what is found, what is done, what stays.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, Effect, Fault, Matcher, RunFate, SubState};
use http::Method;
use serde_json::{Value, json};

use super::scene::{Scene, Stage};
use super::someone::{PROJECT, Someone, asked, marks};
use crate::texts::check_has;

const CUSTOMIZING: Duration = Duration::from_secs(500);
const ACCOUNT: &str = "stcontosoimages";
const PACKAGES: &str = "imagebuilder-vststask";
const PACKAGE: &str = "web/4711-1763800000000000/web_1763800000000000.zip";

/// Everything that changes something in Azure Resource Manager or storage, by operation.
const CHANGES: [&str; 6] = [
    "PutTemplate",
    "PatchTemplate",
    "DeleteTemplate",
    "RunTemplate",
    "CancelTemplate",
    "DeleteBlob",
];

/// A template of ours with a package, in a cloud of its own.
async fn with_template(scene: Scene, more: &Value, keep: bool) -> (Stage, Arc<Cloud>, Someone) {
    let put = |cloud: &Cloud| cloud.put_blob(ACCOUNT, PACKAGES, PACKAGE, "x".into());
    let stage = scene.idle(put);
    let cloud = Arc::clone(&stage.cloud);
    let other = Someone::signed_in(&cloud);
    let mut tags = marks("4711");
    tags["imageBuilderPackage"] = json!(format!("rg-images/{ACCOUNT}/{PACKAGE}"));
    if keep {
        tags["imagebuilderkeep"] = json!("Yes");
    }
    other.make("t_17", &tags, more).await;
    (stage, cloud, other)
}

fn check_gone(stage: &Stage) {
    assert_eq!(
        stage.templates(),
        Vec::<String>::new(),
        "{}",
        stage.transcript
    );
    assert_eq!(
        stage.packages(),
        Vec::<String>::new(),
        "{}",
        stage.transcript
    );
    assert_eq!(stage.result_file()["template"], "deleted");
}

fn check_there(stage: &Stage) {
    assert_eq!(stage.templates(), ["t_17"], "{}", stage.transcript);
    assert_eq!(stage.packages(), [PACKAGE], "{}", stage.transcript);
    assert_eq!(stage.result_file()["template"], "kept");
}

fn warned(stage: &Stage, code: &str) -> String {
    stage.check_result("SucceededWithIssues");
    let told = stage.issues("warning");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(code), "{told:?}");
    told[0].clone()
}

/// The build's own job is lost; another job cancels its run.
#[tokio::test(start_paused = true)]
async fn a_running_build_is_canceled_and_nothing_stays() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let name = stage.variable("templateName").unwrap().to_owned();
    assert_eq!(stage.packages().len(), 1);
    let from = stage.cloud.journal().len();
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
    assert!(stage.note.is_none(), "{:?}", stage.note);
    assert_eq!(stage.variable("templateName"), Some(name.as_str()));
    assert_eq!(stage.variable("runState"), Some("Canceled"));
    // One cancel, the package before the template.
    let changes = asked(&stage.cloud, from, &CHANGES);
    let of = |word: &str| changes.iter().position(|line| line.contains(word));
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(
        of("/cancel") < of(PACKAGES) && of("/cancel") == Some(0),
        "{changes:?}"
    );
    check_has(&stage.summary(), "the run was canceled");
    let result = stage.result_file();
    assert_eq!(result["action"], "cancel");
    assert_eq!(result["deleted"].as_array().unwrap().len(), 2);
    // What it does a second time is to say that there is nothing.
    let stage = stage.run_action("cancel", &[]).await;
    assert!(stage.issues("error").concat().contains("AIB801"));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_template_is_not_touched() {
    let stage = Scene::windows().cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    other
        .make_and_run("win11", &json!({"owner": "web"}), &json!({}))
        .await;
    for preview in ["false", "true"] {
        let from = stage.cloud.journal().len();
        let inputs = [("templateName", "win11"), ("preview", preview)];
        let stage = Scene::windows()
            .at(&stage.cloud)
            .run_action("cancel", &inputs)
            .await;
        stage.check_result("Failed");
        let told = stage.issues("error").concat();
        assert!(told.starts_with("AIB803: Canceling the run of image template 'win11' failed: 'win11' was not created by this task"), "{told}");
        check_has(&told, "az image builder cancel --subscription ");
        assert_eq!(asked(&stage.cloud, from, &CHANGES), Vec::<String>::new());
        assert_eq!(other.state("win11"), "Running");
        assert_eq!(stage.variable("templateName"), Some("win11"));
    }
}

/// Ours, of another pipeline run: whoever names it means it.
#[tokio::test(start_paused = true)]
async fn a_template_of_another_pipeline_run_is_canceled_by_its_name() {
    let (stage, _, other) = with_template(Scene::windows(), &json!({}), false).await;
    other.run("t_17");
    let stage = stage.step(|step| step.variables.set("Build.BuildId", "9999"));
    let stage = stage
        .run_action("cancel", &[("templateName", "T_17")])
        .await;
    stage.check_result("Succeeded");
    check_gone(&stage);
}

#[tokio::test(start_paused = true)]
async fn what_never_ran_is_deleted_after_its_provisioning() {
    let (stage, ..) = with_template(Scene::windows(), &json!({}), false).await;
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
    assert_eq!(
        asked(&stage.cloud, 0, &["CancelTemplate"]),
        Vec::<String>::new()
    );
    assert_eq!(stage.variable("runState"), Some(""));

    let stage = Scene::windows().cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    other.begin("t_18", &marks("4711"), &json!({}));
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
    assert!(
        stage.elapsed > Duration::from_secs(35),
        "{:?}",
        stage.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_being_canceled_is_followed() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    Scene::cancel_in_the_portal(&stage.cloud);
    let from = stage.cloud.journal().len();
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
    assert_eq!(
        asked(&stage.cloud, from, &["CancelTemplate"]),
        Vec::<String>::new()
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_takes_long_leaves_the_template_with_its_command() {
    let scene = Scene::windows().switches(|switches| switches.cancel_never_ends = true);
    let stage = scene.build_until_crash(CUSTOMIZING).await;
    let from = stage.cloud.journal().len();
    let stage = stage.run_action("cancel", &[]).await;
    let told = warned(&stage, "AIB808: ");
    check_has(&told, "is 'Canceling' 10 minutes after the cancellation");
    check_has(&told, "az image builder delete --subscription ");
    assert_eq!(stage.templates().len(), 1);
    assert_eq!(stage.packages().len(), 1);
    let minutes = stage.elapsed.as_secs() / 60;
    assert!((10..=12).contains(&minutes), "{minutes}");
    assert_eq!(stage.result_file()["template"], "kept");
    // The post-job stage deletes nothing.
    assert!(stage.note.is_none());
    let stage = stage.clean_up().await;
    assert_eq!(stage.templates().len(), 1);
    assert_eq!(
        asked(
            &stage.cloud,
            from,
            &["CancelTemplate", "DeleteTemplate", "DeleteBlob"]
        )
        .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_with_an_image_is_left_for_wait() {
    for fate in [
        RunFate::Succeed,
        RunFate::PartiallySucceed {
            outputs: 1,
            message: String::new(),
        },
    ] {
        let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
        cloud.script_run(fate);
        other.run("t_17");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let from = cloud.journal().len();
        let stage = stage.run_action("cancel", &[]).await;
        let told = warned(
            &stage,
            "AIB809: There is nothing to cancel: the run of image template 't_17' has ended with '",
        );
        assert!(told.contains("action 'wait' collects the image"), "{told}");
        check_there(&stage);
        assert_eq!(asked(&cloud, from, &CHANGES), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_without_an_image_is_cleaned_up() {
    for canceled in [false, true] {
        let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
        if !canceled {
            cloud.script_run(RunFate::customizer_failed());
        }
        other.run("t_17");
        tokio::time::sleep(CUSTOMIZING).await;
        if canceled {
            Scene::cancel_in_the_portal(&cloud);
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let stage = stage.run_action("cancel", &[]).await;
        let expected = if canceled { "Canceled" } else { "Failed" };
        let told = warned(&stage, "AIB809: ");
        check_has(&told, &format!("has ended with '{expected}'"));
        check_gone(&stage);
    }
}

/// By the input, which leaves the tag for `sweep`, or by the tag.
#[tokio::test(start_paused = true)]
async fn what_is_to_be_kept_is_canceled_and_not_deleted() {
    for by_tag in [false, true] {
        let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), by_tag).await;
        other.run("t_17");
        tokio::time::sleep(CUSTOMIZING).await;
        let keep = if by_tag { "false" } else { "true" };
        let stage = stage.run_action("cancel", &[("keepTemplate", keep)]).await;
        stage.check_result("Succeeded");
        check_there(&stage);
        assert_eq!(other.state("t_17"), "Canceled");
        let tags = cloud.template_tags("t_17");
        let kept = tags
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("imageBuilderKeep"));
        let expected = if by_tag { "Yes" } else { "true" };
        assert_eq!(kept.unwrap().1, expected);
        // The other tags are as they were.
        assert_eq!(tags["imageBuilderRun"], format!("{PROJECT}/4711"));
        assert!(tags.contains_key("imageBuilderPackage"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_with_the_word_false_keeps_nothing() {
    let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
    let mut tags: Vec<(String, String)> = cloud.template_tags("t_17").into_iter().collect();
    tags.push(("imageBuilderKeep".to_owned(), "FALSE".to_owned()));
    let tags: Vec<_> = tags
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    cloud.set_template_tags("t_17", &tags);
    other.run("t_17");
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_preview_says_what_would_be_done() {
    let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
    other.run("t_17");
    tokio::time::sleep(CUSTOMIZING).await;
    let from = cloud.journal().len();
    let stage = stage.run_action("cancel", &[("preview", "true")]).await;
    stage.check_result("Succeeded");
    let line = "image template 't_17':  preview, nothing is changed; would cancel the run, and delete the template and its package";
    assert!(stage.transcript.contains(line), "{}", stage.transcript);
    assert_eq!(asked(&cloud, from, &CHANGES), Vec::<String>::new());
    assert_eq!(other.state("t_17"), "Running");
    assert_eq!(stage.result_file()["template"], "unchanged");
    assert_eq!(stage.variable("runState"), Some("Running"));
}

/// Azure refuses the cancel because the run has just ended: what it came to decides.
#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_late_is_no_failure() {
    let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
    cloud.script_run(RunFate::NeverEnd {
        at: SubState::Customizing,
    });
    other.run("t_17");
    tokio::time::sleep(CUSTOMIZING).await;
    // Refused twice, and accepted then.
    cloud.add_fault(
        Fault::once(
            "CancelTemplate",
            Effect::refusal(409, "OperationNotAllowed", "no run is in progress"),
        )
        .times(2),
    );
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
    assert_eq!(asked(&cloud, 0, &["CancelTemplate"]).len(), 3);
}

/// The tag cannot be written: what is asked for is done, and how to write it is told.
#[tokio::test(start_paused = true)]
async fn a_tag_that_cannot_be_written_is_told_of() {
    let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
    other.run("t_17");
    cloud.add_fault(Fault::always(
        "PatchTemplate",
        Effect::refusal(403, "AuthorizationFailed", "not permitted"),
    ));
    let stage = stage
        .run_action("cancel", &[("keepTemplate", "true")])
        .await;
    let told = warned(
        &stage,
        "AIB601: The image template 't_17' has no tag 'imageBuilderKeep'",
    );
    check_has(&told, "az tag update --operation Merge --resource-id ");
    check_there(&stage);
}

/// Nobody may cancel it: nothing is deleted either.
#[tokio::test(start_paused = true)]
async fn a_cancel_that_is_forbidden_fails() {
    let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
    other.run("t_17");
    cloud.add_fault(Fault::always(
        "CancelTemplate",
        Effect::refusal(403, "AuthorizationFailed", "not permitted"),
    ));
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Failed");
    assert_eq!(stage.templates(), ["t_17"]);
    assert_eq!(stage.packages(), [PACKAGE]);
    assert_eq!(other.state("t_17"), "Running");
}

/// The package cannot be deleted: its template stays, whose tag alone names it.
#[tokio::test(start_paused = true)]
async fn a_package_that_cannot_be_deleted_keeps_its_template() {
    let (stage, cloud, other) = with_template(Scene::windows(), &json!({}), false).await;
    other.run("t_17");
    cloud.add_fault(Fault::always(Matcher::path(Method::DELETE, "*imagebuilder-vststask*"), Effect::status(403, "<?xml version=\"1.0\"?><Error><Code>AuthorizationFailure</Code><Message>No.</Message></Error>")));
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(stage.templates(), ["t_17"]);
    assert_eq!(stage.packages(), [PACKAGE]);
    let told = stage.issues("warning");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("AIB601: Deleting blob 'web/"),
        "{told:?}"
    );
    assert!(told[1].contains("only its tag names it"), "{told:?}");
    cloud.clear_faults();
    let stage = stage.run_action("cancel", &[]).await;
    check_gone(&stage);
}

const NOT_ITS_FORM: &str = "what its tag 'imageBuilderPackage' says is not what this task writes";
const OF_ANOTHER_RUN: &str = "it is not of the pipeline run of image template 't_17'";
const OF_A_TWIN: &str = "image template 'twin' names it, too";

/// Blobs that a tag may name, and why each of them is left.
const NOT_ITS_OWN: [(&str, &str); 7] = [
    ("prod.tfstate", NOT_ITS_FORM),
    ("../tfstate/prod.tfstate", NOT_ITS_FORM),
    ("web/4712-17/web_17.zip", OF_ANOTHER_RUN),
    ("web/31-2/web_17.zip", OF_ANOTHER_RUN),
    ("web/17/web_17.zip", OF_ANOTHER_RUN),
    ("web/4711-17/web_17.zip", OF_A_TWIN),
    ("web/4711-18/web_18.zip", OF_A_TWIN),
];

/// A template that names two packages: one by its tag, one by an address in its script.
async fn make_twin(other: &Someone) {
    let by_tag = json!({"imageBuilderPackage": format!("other/{ACCOUNT}/web/4711-17/web_17.zip")});
    let address =
        format!("https://{ACCOUNT}.blob.core.windows.net/{PACKAGES}/web/4711-18/web_18.zip?sig=a");
    let script = format!("curl '{address}'");
    let by_address = json!({"customize": [{"type": "Shell", "name": "a", "inline": [script]}]});
    other.make("twin", &by_tag, &by_address).await;
}

/// A tag is a text that others may write.
#[tokio::test(start_paused = true)]
async fn a_package_that_is_not_the_templates_own_is_left_and_named() {
    for (blob, why) in NOT_ITS_OWN {
        let put = |cloud: &Cloud| {
            let there = if blob.starts_with("..") {
                "prod.tfstate"
            } else {
                blob
            };
            cloud.put_blob(ACCOUNT, PACKAGES, there, "x".into());
            cloud.put_blob(ACCOUNT, "tfstate", "prod.tfstate", "x".into());
        };
        let stage = Scene::windows().idle(put);
        let other = Someone::signed_in(&stage.cloud);
        let mut tags = marks("4711");
        tags["imageBuilderPackage"] = json!(format!("rg-images/{ACCOUNT}/{blob}"));
        other.make("t_17", &tags, &json!({})).await;
        make_twin(&other).await;
        let before = stage.cloud.inventory().blobs;
        let stage = stage
            .run_action("cancel", &[("templateName", "t_17")])
            .await;
        let told = warned(&stage, "AIB601: Left alone: the package '");
        assert!(told.contains(&format!(": {why}\n")), "{blob}: {told}");
        assert!(!told.contains("az "), "{told}");
        assert_eq!(stage.cloud.inventory().blobs, before, "{blob}");
        assert_eq!(stage.templates(), ["twin"], "{blob}");
        let deleted = asked(&stage.cloud, 0, &["DeleteBlob"]);
        assert_eq!(deleted, Vec::<String>::new());
    }
}

/// A role for blobs is missing, and a key of the account does instead, as when the package was sent.
#[tokio::test(start_paused = true)]
async fn a_package_is_deleted_by_a_key_where_the_role_is_missing() {
    let mut scene = Scene::windows();
    scene.world.storage_accounts[0].roles.clear();
    let (stage, ..) = with_template(scene, &json!({}), false).await;
    let stage = stage.run_action("cancel", &[]).await;
    stage.check_result("Succeeded");
    check_gone(&stage);
}
