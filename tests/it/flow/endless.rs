//! Servers that dictate without measure: waits of a day, texts of megabytes, tokens for ever.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher, RunFate, SubState};
use http::Method;

use super::scene::{Scene, Stage};
use crate::texts::check_has;

fn answer(code: u16, body: String) -> Effect {
    Effect::Status {
        code,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body,
    }
}

/// No line that an agent has to take is longer than what it shows.
fn check_lengths(stage: &Stage) {
    let longest = stage.transcript.lines().map(str::len).max().unwrap();
    assert!(longest < 20_000, "{longest}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_a_day_between_two_questions_is_one_of_minutes() {
    let scene = Scene::linux().switches(|switches| switches.retry_after = Some(86_400));
    let stage = scene.build(|_| {}).await;
    stage.check_result("Succeeded");
    assert!(
        stage.elapsed < Duration::from_secs(3600),
        "{:?}",
        stage.elapsed
    );
}

/// A refusal that passes with tomorrow is one that the next question does not get.
#[tokio::test(start_paused = true)]
async fn a_refusal_until_tomorrow_costs_no_build_that_has_begun() {
    for operation in ["GetTemplate", "GetOperation", "RunTemplate", "GetRunOutput"] {
        let effect = Effect::Status {
            code: 429,
            headers: vec![("Retry-After".to_owned(), "86400".to_owned())],
            body: r#"{"error":{"code":"TooManyRequests","message":"tomorrow"}}"#.to_owned(),
        };
        let fault = Fault::once(operation, effect);
        let stage = Scene::linux().build(|cloud| cloud.add_fault(fault)).await;
        assert_eq!(
            stage.result(),
            "Succeeded",
            "{operation}\n{}",
            stage.transcript
        );
        assert!(
            stage.elapsed < Duration::from_secs(3600),
            "{operation}: {:?}",
            stage.elapsed
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_cut() {
    let long = "x".repeat(3_000_000);
    let error = serde_json::json!({ "error": { "code": "Conflict", "message": long } }).to_string();
    let fault = Fault::always("PutTemplate", answer(409, error));
    let stage = Scene::linux().build(|cloud| cloud.add_fault(fault)).await;
    stage.check_result("Failed");
    check_lengths(&stage);

    let fate = RunFate::Fail {
        at: SubState::Customizing,
        code: "X".to_owned(),
        message: long,
    };
    let stage = Scene::linux().build(|cloud| cloud.script_run(fate)).await;
    stage.check_result("Failed");
    check_lengths(&stage);
    assert!(stage.summary().len() < 40_000);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_many_details_is_read_in_no_time() {
    let detail = |number: usize| serde_json::json!({ "code": format!("C{number}"), "message": format!("detail {number}") });
    let details: Vec<_> = (0..60_000).map(detail).collect();
    let error =
        serde_json::json!({ "error": { "code": "A", "message": "outer", "details": details } });
    let fault = Fault::always("PutTemplate", answer(400, error.to_string()));
    let stage = Scene::linux().build(|cloud| cloud.add_fault(fault)).await;
    stage.check_result("Failed");
    check_has(&stage.error(), "outer C0: detail 0");
    check_lengths(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_token_for_ever_is_one_for_a_day() {
    let token = |expires_in: &str| {
        format!(
            r#"{{"token_type":"Bearer","expires_in":{expires_in},"ext_expires_in":{expires_in},"access_token":"a-token-without-end"}}"#
        )
    };
    for life in ["253402300799", "9223372036854775807", "-1"] {
        let matcher = Matcher::path(Method::POST, "*/oauth2/v2.0/token");
        let fault = Fault::always(matcher, answer(200, token(life)));
        let stage = Scene::linux().build(|cloud| cloud.add_fault(fault)).await;
        // The cloud refuses a token that it has not given; nothing is broken on the way there.
        assert_eq!(stage.result(), "Failed", "{life}");
        assert!(!stage.transcript.contains("AIB903"), "{}", stage.transcript);
        assert!(stage.error().contains("401"), "{life}: {}", stage.error());
    }
}
