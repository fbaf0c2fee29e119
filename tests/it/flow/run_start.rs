//! The request that starts a run goes wrong: the run is on once, whatever became of the answer.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher};

use super::faults::check_no_run_twice;
use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};

const BUSY: &str = r#"{"error":{"code":"ServerBusy","message":"Try again later."}}"#;

fn answered(code: u16, body: &str) -> Effect {
    Effect::Status {
        code,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

fn at(operation: &str, nth: u32, times: u32, effect: Effect) -> Fault {
    Fault {
        matcher: Matcher::operation(operation),
        nth,
        times,
        effect,
    }
}

fn requests(stage: &Stage, operation: &str) -> Vec<Option<u16>> {
    let journal = stage.cloud.journal();
    let named = journal
        .iter()
        .filter(|entry| entry.operation == Some(operation));
    named.map(|entry| entry.status).collect()
}

fn check_built(cell: &str, stage: &Stage, starts: &[Option<u16>]) {
    assert_eq!(stage.result(), "Succeeded", "{cell}\n{}", stage.transcript);
    assert_eq!(requests(stage, "RunTemplate"), starts, "{cell}");
    assert_eq!(stage.cloud.inventory().image_versions.len(), 1, "{cell}");
    check_no_run_twice(cell, &stage.cloud.journal());
    check_no_secret(stage);
    check_nothing_left(stage);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_did_not_begin_is_asked_for_once_more() {
    for (cell, effect, first) in [
        ("504", answered(504, BUSY), Some(504)),
        ("503", answered(503, BUSY), Some(503)),
        ("500", answered(500, ""), Some(500)),
        ("a reset", Effect::ResetBefore, None),
        ("a gateway's page", Effect::NotJson, Some(502)),
    ] {
        let fault = at("RunTemplate", 1, 1, effect);
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        check_built(cell, &stage, &[first, Some(202)]);
        let line =
            "Azure shows no run, so the run is started again: Starting the run of image template '";
        assert!(stage.transcript.contains(line), "{cell}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_is_sent_again_as_often_as_any() {
    let fault = at("RunTemplate", 1, 3, answered(429, BUSY));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    check_built("429", &stage, &[Some(429), Some(429), Some(429), Some(202)]);
    // The request is given up after six answers, and comes again when nothing shows a run.
    let fault = at("RunTemplate", 1, 6, answered(429, BUSY));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    let mut starts = vec![Some(429); 6];
    starts.push(Some(202));
    check_built("429 for long", &stage, &starts);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_began_is_followed() {
    for (cell, shows_after, refusal, starts) in [
        ("shows at once", 0, 409, vec![None]),
        ("shows after half a minute", 30, 409, vec![None]),
        // Too late for the first look: Azure refuses the second request, which says that the run is on.
        ("shows after 100 s", 100, 409, vec![None, Some(409)]),
        ("refused with 405", 100, 405, vec![None, Some(405)]),
    ] {
        let fault = at("RunTemplate", 1, 1, Effect::ResetAfter);
        let stage = Scene::windows()
            .switches(|on| on.run_shows_after = Duration::from_secs(shows_after))
            .switches(|on| on.not_allowed_status = refusal)
            .build(|cloud| cloud.add_fault(fault))
            .await;
        check_built(cell, &stage, &starts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_shows_late_is_followed_by_its_operation() {
    let stage = Scene::windows()
        .switches(|on| on.run_shows_after = Duration::from_secs(600))
        .build(|_| {})
        .await;
    check_built("shows after ten minutes", &stage, &[Some(202)]);
}

#[tokio::test(start_paused = true)]
async fn after_two_requests_it_is_an_error() {
    let fault = at("RunTemplate", 1, 1000, answered(503, BUSY));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    assert_eq!(stage.result(), "Failed");
    assert_eq!(requests(&stage, "RunTemplate"), [Some(503), Some(503)]);
    let name = stage
        .transcript
        .lines()
        .find_map(|line| line.strip_prefix("template name:  "));
    let name = name.unwrap();
    assert_eq!(
        stage.error(),
        format!(
            "AIB305: Starting the run of image template '{name}' failed: there is no sign that it started, after two requests (Starting the run of image template '{name}' failed: Azure refused with ServerBusy (503): Try again later.)\nhint: run the job again: the template of this one is removed"
        )
    );
    check_nothing_left(&stage);
}

/// Azure refuses and shows nothing: its refusal is the error.
#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_run_is_told_as_it_is() {
    let refusal =
        r#"{"error":{"code":"OperationNotAllowed","message":"Operation is not allowed."}}"#;
    let fault = at("RunTemplate", 1, 1000, answered(409, refusal));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    assert_eq!(stage.result(), "Failed");
    assert_eq!(requests(&stage, "RunTemplate"), [Some(409)]);
    let error = stage.error();
    assert!(
        error.contains("Azure refused with OperationNotAllowed (409): Operation is not allowed."),
        "{error}"
    );
}

/// A template that Azure does not find for a moment is there: the run is followed. One that stays away is an error.
#[tokio::test(start_paused = true)]
async fn a_template_that_is_missing_for_a_moment_costs_no_build() {
    let usual = Scene::windows().build(|_| {}).await;
    let before = reads_before_the_start(&usual);
    let missing = r#"{"error":{"code":"ResourceNotFound","message":"not found"}}"#;
    for (times, result) in [(1, "Succeeded"), (2, "Succeeded"), (1000, "Failed")] {
        let fault = at("GetTemplate", before + 2, times, answered(404, missing));
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        assert_eq!(stage.result(), result, "{times}\n{}", stage.transcript);
    }
}

fn reads_before_the_start(stage: &Stage) -> u32 {
    let journal = stage.cloud.journal();
    let before = journal
        .iter()
        .take_while(|entry| entry.operation != Some("RunTemplate"))
        .filter(|entry| entry.operation == Some("GetTemplate"));
    u32::try_from(before.count()).unwrap()
}

/// As long as Azure does not say that there is no run, nothing is asked for again.
#[tokio::test(start_paused = true)]
async fn without_an_answer_nothing_is_sent_twice() {
    let usual = Scene::windows().build(|_| {}).await;
    let before = reads_before_the_start(&usual);
    let stage = Scene::windows()
        .build(|cloud| {
            cloud.add_fault(at("RunTemplate", 1, 1, answered(504, BUSY)));
            cloud.add_fault(at("GetTemplate", before + 1, 10_000, answered(500, "")));
        })
        .await;
    assert_eq!(stage.result(), "Failed");
    assert_eq!(requests(&stage, "RunTemplate"), [Some(504)]);
    let error = stage.error();
    let text = "failed: whether it started is not known, because Azure does not answer, and a run is not started twice (";
    assert!(
        error.starts_with("AIB305: ") && error.contains(text),
        "{error}"
    );
}
