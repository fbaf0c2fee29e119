//! Stops, second attempts, and post-job stages under bad conditions.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher, RunFate, SubState};

use super::scene::{Scene, Stage};
use super::story::check_nothing_left;
use crate::texts::check_has;

/// After this long the image is being customized.
const CUSTOMIZING: Duration = Duration::from_secs(500);

fn forbidden(operation: &str) -> Fault {
    let body = r#"{"error":{"code":"AuthorizationFailed","message":"not permitted"}}"#;
    Fault::always(operation, Effect::status(403, body))
}

/// The lines that name the template, and the command that removes it.
fn check_names_the_template(stage: &Stage, what: &str) {
    for part in [
        "image template 't_",
        "az image builder delete --subscription ",
    ] {
        assert!(
            stage.transcript.contains(part),
            "{what}: no '{part}' in\n{}",
            stage.transcript
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_told_in_time_however_long_azure_takes() {
    for seconds in [0, 3, 10, 16, 600] {
        let scene = Scene::windows()
            .switches(|switches| switches.cancel_call = Duration::from_secs(seconds));
        let stage = scene.build_until(|_| {}, Some(CUSTOMIZING)).await;
        assert_eq!(stage.result(), "Canceled", "{seconds}");
        let took = stage.elapsed.saturating_sub(CUSTOMIZING);
        assert!(took < Duration::from_secs(6), "{seconds}: {took:?}");
        let journal = stage.cloud.journal();
        let sent = journal
            .iter()
            .any(|entry| entry.operation == Some("CancelTemplate"));
        assert!(sent, "{seconds}");
        assert!(stage.note.as_deref().unwrap().contains("imageTemplates/t_"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_ends_at_once_and_says_what_stays() {
    let again = Duration::from_secs(1);
    let stage = Scene::windows().build_until_twice(CUSTOMIZING, again).await;
    stage.check_result("Canceled");
    let took = stage.elapsed.saturating_sub(CUSTOMIZING + again);
    assert!(took < Duration::from_millis(50), "{took:?}");
    check_names_the_template(&stage, "a second stop");
    check_nothing_left(&stage.clean_up().await);
}

#[tokio::test(start_paused = true)]
async fn a_post_job_stage_without_a_way_to_azure_names_what_stays() {
    let canceled = || Scene::windows().build_until(|_| {}, Some(CUSTOMIZING));
    let no_connection = canceled()
        .await
        .step(|step| step.connections[0].data.clear());
    let stage = no_connection.clean_up().await;
    check_names_the_template(&stage, "no subscription");
    stage.check_result("SucceededWithIssues");
    let no_application = canceled().await.step(|step| {
        step.connections[0].parameters.remove("serviceprincipalid");
    });
    check_names_the_template(&no_application.clean_up().await, "no application");
    let unknown = canceled().await;
    for operation in ["GetStorageAccount", "ListStorageAccounts"] {
        unknown.cloud.add_fault(forbidden(operation));
    }
    let unknown = unknown.clean_up().await;
    unknown.check_result("SucceededWithIssues");
    assert!(unknown.cloud.inventory().templates.is_empty());
    let command = "az storage blob delete --auth-mode login";
    check_has(&unknown.transcript, command);
    let refused = canceled().await;
    refused.cloud.add_fault(forbidden("GetTemplate"));
    check_names_the_template(&refused.clean_up().await, "no right");
}

/// A run that stays `Canceling`, as was reported now and then, does not hold up the job for ever.
#[tokio::test(start_paused = true)]
async fn the_post_job_stage_does_not_wait_for_ever() {
    let scene = Scene::windows().switches(|switches| switches.cancel_never_ends = true);
    let stage = scene.build_until(|_| {}, Some(CUSTOMIZING)).await;
    let stage = stage.clean_up().await;
    assert!(
        stage.elapsed <= Duration::from_secs(241),
        "{:?}",
        stage.elapsed
    );
    stage.check_result("SucceededWithIssues");
    check_names_the_template(&stage, "a cancel without an end");
    assert!(stage.note.as_deref().unwrap().contains("imageTemplates/t_"));
}

fn does_not_resume(step: &mut pipelines_agent::Step) {
    step.inputs.insert("resume".to_owned(), "never".to_owned());
}

/// `retryCountOnTaskFailure`, where nothing is to be taken over: a new template with a new name, and nothing of the first attempt.
#[tokio::test(start_paused = true)]
async fn a_second_attempt_starts_anew_and_removes_what_the_first_left() {
    let endless = Scene::windows().switches(|switches| {
        switches.run = RunFate::Succeed;
    });
    let first = endless.build_until_crash(CUSTOMIZING).await;
    let name = first.variable("templateName").unwrap().to_owned();
    assert_eq!(first.cloud.inventory().templates.len(), 1);
    let second = first.step(does_not_resume).retry().await;
    second.check_result("Succeeded");
    assert_ne!(second.variable("templateName").unwrap(), name);
    check_nothing_left(&second);
}

/// What the first attempt left and nobody may remove is named again, and stays in the note.
#[tokio::test(start_paused = true)]
async fn a_second_attempt_keeps_the_note_of_the_first() {
    let first = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let name = first.variable("templateName").unwrap().to_owned();
    let matcher = Matcher::path(http::Method::DELETE, &format!("*/imageTemplates/{name}"));
    first.cloud.add_fault(Fault {
        matcher,
        ..forbidden("DeleteTemplate")
    });
    let second = first.step(does_not_resume).retry().await;
    second.check_result("SucceededWithIssues");
    assert!(second.issues("warning")[0].contains(&name));
    assert!(second.note.as_deref().unwrap().contains(&name));
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_an_earlier_attempt_is_removed_is_heard() {
    let scene = Scene::windows().switches(|switches| switches.cancel_never_ends = true);
    let first = scene.build_until_crash(CUSTOMIZING).await;
    let second = first
        .step(does_not_resume)
        .retry_until(Duration::from_secs(30))
        .await;
    second.check_result("Canceled");
    assert!(
        second.elapsed < Duration::from_secs(36),
        "{:?}",
        second.elapsed
    );
    check_names_the_template(&second, "the first attempt's");
}

#[tokio::test(start_paused = true)]
async fn results_say_whether_somebody_should_look() {
    let endless = |cloud: &azure_emulator::Cloud| {
        cloud.script_run(RunFate::NeverEnd {
            at: SubState::Building,
        });
    };
    let canceled = Scene::windows()
        .build_until(endless, Some(CUSTOMIZING))
        .await;
    canceled.check_result("Canceled");
    let leftovers = |cloud: &azure_emulator::Cloud| cloud.add_fault(forbidden("DeleteTemplate"));
    let with_leftovers = Scene::windows().build(leftovers).await;
    with_leftovers.check_result("SucceededWithIssues");
    check_names_the_template(&with_leftovers, "a leftover");
    let unknown = Scene::windows()
        .input("vmSise", "Standard_D2s_v5")
        .build(|_| {})
        .await;
    unknown.check_result("SucceededWithIssues");
    assert_eq!(unknown.issues("warning").len(), 1);
}

/// A note that someone else has written: nothing of it is deleted, and no token goes where it points.
#[tokio::test(start_paused = true)]
async fn a_forged_note_removes_nothing_and_leads_nowhere() {
    let stage = Scene::windows()
        .build_until(|_| {}, Some(CUSTOMIZING))
        .await;
    let note = stage.note.clone().unwrap();
    let templates = "/providers/Microsoft.VirtualMachineImages/imageTemplates";
    for (what, forged) in [
        (
            "another endpoint",
            note.replace("stcontosoimages.blob.azure", "stcontosoimages.blob.evil"),
        ),
        (
            "another address alone",
            note.replace(
                "\"url\":\"https://stcontosoimages",
                "\"url\":\"https://evil",
            ),
        ),
        (
            "another container",
            note.replace("imagebuilder-vststask", "payroll"),
        ),
        (
            "another kind",
            note.replace(templates, "/providers/Microsoft.Compute/galleries"),
        ),
        (
            "another template",
            note.replace(
                &format!("{templates}/t_"),
                &format!("{templates}/production"),
            ),
        ),
    ] {
        assert_ne!(forged, note, "{what}");
        let scene = Scene::windows();
        let stage = scene.build_until(|_| {}, Some(Duration::ZERO)).await;
        let stage = stage.with_note(&forged).clean_up().await;
        assert_eq!(
            stage.result(),
            "SucceededWithIssues",
            "{what}\n{}",
            stage.transcript
        );
        let doubt = "it does not look like something that this task created";
        assert!(
            stage.transcript.contains(doubt),
            "{what}\n{}",
            stage.transcript
        );
        for entry in stage.cloud.journal() {
            let line = entry.to_string();
            // The main stage looks at the gallery itself.
            let harmful = ["evil", "payroll", "galleries/t_", "production", "nobody"];
            assert!(
                !harmful.iter().any(|word| line.contains(word)),
                "{what}: {line}"
            );
        }
    }
}
