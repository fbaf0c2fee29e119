//! The end of a build, whichever way Azure takes: canceled runs, templates that can be removed and those that cannot.

use std::time::Duration;

use azure_emulator::{
    CanceledOperation, Effect, Fate, Fault, Matcher, OperationUrls, Progress, RunFate, SubState,
};

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use super::switches::{MINUTE, Switch, USUAL, check_failed, check_succeeded};

/// The template says that it was canceled, whatever its operation says.
#[tokio::test(start_paused = true)]
async fn a_canceled_run_is_one_however_its_operation_ends() {
    for end in [
        CanceledOperation::Canceled,
        CanceledOperation::Failed,
        CanceledOperation::Succeeded,
    ] {
        for status in [405, 409] {
            let stage = Scene::windows()
                .switches(|on| {
                    on.canceled_operation = end;
                    on.not_allowed_status = status;
                })
                .build_with(|cloud| async move {
                    tokio::time::sleep(5 * MINUTE).await;
                    Scene::cancel_in_the_portal(&cloud);
                })
                .await;
            let name = format!("{end:?}, {status}");
            check_failed(&name, &stage, "AIB402: The image run was canceled in Azure");
            check_nothing_left(&stage);
        }
    }
}

/// The agent cancels the job, and the post-job stage meets a run that is still being canceled.
#[tokio::test(start_paused = true)]
async fn the_post_job_stage_removes_everything_whichever_way_azure_takes() {
    let ways: [(&str, Switch); 9] = [
        ("busy is 405", |on| on.not_allowed_status = 405),
        ("busy is 409", |on| on.not_allowed_status = 409),
        ("the run's operation fails", |on| {
            on.canceled_operation = CanceledOperation::Failed;
        }),
        ("the run's operation succeeds", |on| {
            on.canceled_operation = CanceledOperation::Succeeded;
        }),
        ("plain URLs", |on| on.operation_urls = OperationUrls::Plain),
        ("Retry-After 30", |on| on.retry_after = Some(30)),
        ("a cancel is answered at once", |on| {
            on.cancel_call = Duration::ZERO;
        }),
        ("a cancel is answered after 16 s", |on| {
            on.cancel_call = Duration::from_secs(16);
        }),
        ("every look at a run fails", |on| {
            on.internal_error_every = Some(1);
        }),
    ];
    for (name, switch) in ways {
        for seconds in [40, 300, 1250] {
            let stop = Some(Duration::from_secs(seconds));
            let stage = Scene::windows()
                .switches(switch)
                .build_until(|_| {}, stop)
                .await;
            assert_eq!(stage.result(), "Canceled", "{name}\n{}", stage.transcript);
            let stage = stage.clean_up().await;
            let name = format!("{name}, {seconds} s: {}", stage.transcript);
            assert_eq!(stage.issues("warning"), Vec::<String>::new(), "{name}");
            let inventory = stage.cloud.inventory();
            assert!(
                inventory.templates.is_empty() && inventory.blobs.is_empty(),
                "{name}: {inventory}"
            );
            assert!(stage.elapsed <= 4 * MINUTE, "{name}: {:?}", stage.elapsed);
            check_no_secret(&stage);
        }
    }
}

/// A template that nobody can look at is removed all the same.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_removed() {
    for after in [1, 2, 20] {
        let effect = Effect::status(500, "");
        let fault = Fault::always("GetTemplate", effect).starting_at(after);
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        check_nothing_left(&stage);
        assert!(stage.cloud.unconsumed_faults().is_empty());
        assert!(stage.elapsed <= 50 * MINUTE, "{after}: {:?}", stage.elapsed);
    }
}

/// What stays is named, the package is gone, and the step ends.
fn check_template_named(name: &str, stage: &Stage, longest: Duration) {
    let inventory = stage.cloud.inventory();
    assert_eq!(inventory.templates.len(), 1, "{name}: {inventory}");
    assert!(
        inventory
            .blobs
            .iter()
            .all(|(_, container, ..)| container != "imagebuilder-vststask"),
        "{name}: {inventory}"
    );
    let warnings = stage.issues("warning");
    let named = warnings.iter().filter(|warning| {
        warning.starts_with("AIB601") && warning.contains(&inventory.templates[0].0)
    });
    assert_eq!(named.count(), 1, "{name}\n{}", stage.transcript);
    assert!(stage.elapsed <= longest, "{name}: {:?}", stage.elapsed);
    check_no_secret(stage);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_never_ends_is_not_waited_for_without_end() {
    let scene = || {
        Scene::windows().switches(|on| {
            on.cancel_never_ends = true;
            on.run = RunFate::NeverEnd {
                at: SubState::Building,
            };
        })
    };
    let stage = scene().build(|_| {}).await;
    check_failed("limit", &stage, "AIB403: ");
    // The build's limit, the margin after it, the time for cleaning up.
    check_template_named("limit", &stage, 160 * MINUTE);

    let stage = scene().build_until(|_| {}, Some(10 * MINUTE)).await;
    stage.check_result("Canceled");
    let stage = stage.clean_up().await;
    check_template_named("post-job stage", &stage, 5 * MINUTE);
}

/// The image is there and counts, the template that stays is named.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_or_never_ends_leaves_a_named_template() {
    let refused = Fate::Fail {
        code: "InternalOperationError".to_owned(),
        message: "the staging group is locked".to_owned(),
    };
    for fate in [refused, Fate::NeverEnd] {
        let name = format!("{fate:?}");
        let stage = Scene::windows()
            .switches(|on| on.deletion = fate)
            .build(|_| {})
            .await;
        assert_eq!(
            stage.result(),
            "SucceededWithIssues",
            "{name}\n{}",
            stage.transcript
        );
        assert!(stage.variable("imageUri").is_some());
        check_template_named(&name, &stage, USUAL + 16 * MINUTE);
    }
}

/// The first deletion acts and its answer is lost; the second one meets nothing.
#[tokio::test(start_paused = true)]
async fn deleting_what_is_gone_is_fine_with_any_status() {
    for status in [204, 404] {
        let stage = Scene::windows()
            .switches(|on| {
                on.delete_missing_status = status;
                on.progress = Progress::Immediate;
            })
            .build(|cloud| {
                cloud.add_fault(Fault::once("DeleteTemplate", Effect::ResetAfter));
            })
            .await;
        check_succeeded(&status.to_string(), &stage, USUAL);
        let answers = stage.cloud.requests("DeleteTemplate");
        let answers: Vec<_> = answers.map(|entry| entry.status).collect();
        assert_eq!(answers, [None, Some(status)], "the switch was not met");
    }
}

#[tokio::test(start_paused = true)]
async fn provisioning_without_an_end_is_given_up() {
    let stage = Scene::windows()
        .switches(|on| on.provisioning = Fate::NeverEnd)
        .build(|_| {})
        .await;
    check_failed("never", &stage, "AIB304: ");
    check_template_named("never", &stage, 80 * MINUTE);
}

/// Hundreds of builds end together, and Azure throttles for longer than a request is repeated: nothing stays.
#[tokio::test(start_paused = true)]
async fn trouble_of_minutes_leaves_nothing() {
    let blob = || Matcher::path(http::Method::DELETE, "/stcontosoimages/*");
    let template = || Matcher::operation("DeleteTemplate");
    for (matcher, code) in [
        (template(), 429),
        (template(), 503),
        (blob(), 429),
        (blob(), 503),
    ] {
        let name = format!("{matcher:?}, {code}");
        let fault = Fault::once(matcher, Effect::refusal(code, "Busy", "Not now.")).times(14);
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        check_succeeded(&name, &stage, 70 * MINUTE);
        check_nothing_left(&stage);
    }
}

/// Trouble without an end is given up in time, named, and told while it lasts.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_takes_long_is_spoken_of() {
    let refusal = Effect::refusal(429, "Busy", "Not now.");
    let fault = Fault::always("DeleteTemplate", refusal);
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    assert_eq!(
        stage.result(),
        "SucceededWithIssues",
        "{}",
        stage.transcript
    );
    let name = stage.variable("templateName").unwrap();
    let what = format!("image template '{name}' in resource group 'rg-images'");
    let line = format!("\nstill deleting {what} after ");
    let told = stage.transcript.matches(&line).count();
    assert!((5..=8).contains(&told), "{}", stage.transcript);
    let reason = format!(
        ": Deleting image template '{name}' failed: Azure refused with Busy (429): Not now. (after 6 tries in "
    );
    let line = stage
        .transcript
        .lines()
        .find(|line| line.starts_with("still deleting "));
    assert!(line.unwrap().contains(&reason), "{line:?}");
    let warnings = stage.issues("warning");
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    let parts = [
        "it still existed after 15 minutes; the last answer was: ",
        "az image builder delete ",
    ];
    assert!(parts.iter().all(|part| warning.contains(part)), "{warning}");
}

/// Azure took the template, and answers from replicas that do not know it: it is deleted, and not only said to be gone.
#[tokio::test(start_paused = true)]
async fn a_template_that_azure_took_and_does_not_show_is_deleted() {
    let missing = r#"{"error":{"code":"ResourceNotFound","message":"not found"}}"#;
    for reads in [6, 10, 1000] {
        let fault = Fault::once("GetTemplate", Effect::status(404, missing)).times(reads);
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        check_failed(
            &format!("{reads} reads"),
            &stage,
            "AIB301: Reading image template '",
        );
        check_nothing_left(&stage);
    }
}
