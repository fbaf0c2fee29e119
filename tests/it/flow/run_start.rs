//! The request that starts a run goes wrong: the run is on once, whatever became of the answer.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_emulator::{Effect, Fault, RunFate, SubState};
use bytes::Bytes;
use http::{Request, Response};
use image_builder::arm::http::{Http, TransportError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::LiveSecrets;
use super::cloud_http::CloudHttp;
use super::faults::check_no_run_twice;
use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::texts::check_has;

const BUSY: &str = r#"{"error":{"code":"ServerBusy","message":"Try again later."}}"#;

fn at(operation: &str, nth: u32, times: u32, effect: Effect) -> Fault {
    Fault::once(operation, effect).starting_at(nth).times(times)
}

fn requests(stage: &Stage, operation: &str) -> Vec<Option<u16>> {
    let named = stage.cloud.requests(operation);
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
        ("504", Effect::status(504, BUSY), Some(504)),
        ("503", Effect::status(503, BUSY), Some(503)),
        ("500", Effect::status(500, ""), Some(500)),
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
    let fault = at("RunTemplate", 1, 3, Effect::status(429, BUSY));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    check_built("429", &stage, &[Some(429), Some(429), Some(429), Some(202)]);
    // The request is given up after six answers, and comes again when nothing shows a run.
    let fault = at("RunTemplate", 1, 6, Effect::status(429, BUSY));
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
    let fault = at("RunTemplate", 1, 1000, Effect::status(503, BUSY));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    stage.check_result("Failed");
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
    let fault = at("RunTemplate", 1, 1000, Effect::status(409, refusal));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    stage.check_result("Failed");
    assert_eq!(requests(&stage, "RunTemplate"), [Some(409)]);
    let error = stage.error();
    check_has(
        &error,
        "Azure refused with OperationNotAllowed (409): Operation is not allowed.",
    );
}

/// A template that Azure does not find for a moment is there: the run is followed. One that stays away is an error.
#[tokio::test(start_paused = true)]
async fn a_template_that_is_missing_for_a_moment_costs_no_build() {
    let usual = Scene::windows().build(|_| {}).await;
    let before = reads_before_the_start(&usual);
    let missing = r#"{"error":{"code":"ResourceNotFound","message":"not found"}}"#;
    for (times, result) in [(1, "Succeeded"), (2, "Succeeded"), (1000, "Failed")] {
        let fault = at(
            "GetTemplate",
            before + 2,
            times,
            Effect::status(404, missing),
        );
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
            cloud.add_fault(at("RunTemplate", 1, 1, Effect::status(504, BUSY)));
            cloud.add_fault(at(
                "GetTemplate",
                before + 1,
                10_000,
                Effect::status(500, ""),
            ));
        })
        .await;
    stage.check_result("Failed");
    assert_eq!(requests(&stage, "RunTemplate"), [Some(504)]);
    let error = stage.error();
    let text = "failed: whether it started is not known, because Azure does not answer, and a run is not started twice (";
    assert!(
        error.starts_with("AIB305: ") && error.contains(text),
        "{error}"
    );
}

/// A network that loses what the answers to the start of a run say of its operation.
#[derive(Debug)]
struct WithoutOperation(CloudHttp);

#[async_trait]
impl Http for WithoutOperation {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let starts = request.uri().path().ends_with("/run");
        let mut answer = self.0.send(request).await?;
        if starts {
            answer.headers_mut().clear();
        }
        Ok(answer)
    }
}

/// The run is on, and the template tells all that is needed.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_accepted_without_an_operation_is_followed() {
    for shows_after in [0, 100, 200] {
        let scene =
            Scene::windows().switches(|on| on.run_shows_after = Duration::from_secs(shows_after));
        let cloud = scene.new_cloud();
        let http = WithoutOperation(CloudHttp {
            cloud: Arc::clone(&cloud),
            secrets: LiveSecrets::of(&scene.world, &scene.step),
        });
        let stage = scene.build_over(cloud, Arc::new(http)).await;
        check_built(&format!("{shows_after}"), &stage, &[Some(202)]);
    }
}

/// Azure accepts a request and loses it: nobody waits until the build's time limit for a run that there is not.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_accepted_and_never_shows_is_an_error_after_minutes() {
    let fault = at("RunTemplate", 1, 1, Effect::status(202, ""));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    assert_eq!(requests(&stage, "RunTemplate"), [Some(202)]);
    let name = stage.variable("templateName").unwrap();
    assert_eq!(
        stage.error(),
        format!(
            "AIB305: Starting the run of image template '{name}' failed: Azure accepted the request, but the image template has shown no run for five minutes\nhint: run the job again: the template of this one is removed"
        )
    );
    let minutes = stage.elapsed.as_secs() / 60;
    assert!(
        (5..10).contains(&minutes),
        "{minutes}\n{}",
        stage.transcript
    );
    let line = "the image template still shows no run after 2 min 0 s";
    assert!(stage.transcript.contains(line), "{}", stage.transcript);
    check_nothing_left(&stage);
}

/// A line tells at once why nothing happens for a minute.
#[tokio::test(start_paused = true)]
async fn a_look_for_the_run_is_told_before_it_begins() {
    let fault = at("RunTemplate", 1, 1, Effect::ResetAfter);
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    let name = stage.variable("templateName").unwrap();
    let line = format!(
        "starting run template...\nwhether the run has started is not known yet, so the image template is read for up to a minute: Starting the run of image template '{name}' failed: no answer from management.azure.emulator: connection reset by peer\n"
    );
    assert!(stage.transcript.contains(&line), "{}", stage.transcript);
}

/// The template shows nothing for twenty minutes, and the operation goes on: the log does not look like that of a hung job.
#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_show_is_spoken_of() {
    let never = RunFate::NeverEnd {
        at: SubState::Building,
    };
    let stage = Scene::windows()
        .switches(|on| on.run_shows_after = Duration::from_secs(20 * 60))
        .build(|cloud| cloud.script_run(never))
        .await;
    let (unseen, _) = stage
        .transcript
        .split_once("run template:  Running")
        .unwrap();
    let told = unseen.matches("\nstill running after ").count();
    assert!((8..=10).contains(&told), "{told}\n{}", stage.transcript);
}

/// Only an answer tells that a run goes on.
#[tokio::test(start_paused = true)]
async fn without_an_answer_nothing_is_claimed_of_the_run() {
    let usual = Scene::windows().build(|_| {}).await;
    let before = reads_before_the_start(&usual);
    let stage = Scene::windows()
        .build(|cloud| {
            cloud.add_fault(at(
                "GetTemplate",
                before + 2,
                10_000,
                Effect::status(500, ""),
            ));
            cloud.add_fault(at("GetOperation", 2, 10_000, Effect::status(500, "")));
        })
        .await;
    assert_eq!(stage.result(), "Failed");
    for phase in ["running", "building"] {
        let line = format!("\nstill {phase} after ");
        assert!(!stage.transcript.contains(&line), "{}", stage.transcript);
    }
    let told = stage
        .transcript
        .matches("\nno answer at the moment")
        .count();
    assert!((4..12).contains(&told), "{told}\n{}", stage.transcript);
}

/// The template says that the run has ended, and its operation cannot be read: the log does not say that the run goes on.
#[tokio::test(start_paused = true)]
async fn a_run_that_has_ended_is_not_said_to_go_on() {
    let stage = Scene::windows()
        .build(|cloud| cloud.add_fault(at("GetOperation", 2, 10_000, Effect::status(500, ""))))
        .await;
    assert_eq!(stage.result(), "Succeeded", "{}", stage.transcript);
    let line = "\nthe run has ended, but Azure has not confirmed it after ";
    assert!(stage.transcript.contains(line), "{}", stage.transcript);
}

/// A token that is refused for a while costs no build that goes on.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_for_minutes_costs_no_build() {
    let usual = Scene::windows().build(|_| {}).await;
    let before = reads_before_the_start(&usual);
    let expired = r#"{"error":{"code":"ExpiredAuthenticationToken","message":"The access token expiry UTC time is earlier than current UTC time."}}"#;
    for (times, result) in [(8, "Succeeded"), (10_000, "Failed")] {
        let stage = Scene::windows()
            .build(|cloud| {
                cloud.add_fault(at(
                    "GetTemplate",
                    before + 2,
                    times,
                    Effect::status(401, expired),
                ));
                cloud.add_fault(at("GetOperation", 2, times, Effect::status(401, expired)));
            })
            .await;
        assert_eq!(stage.result(), result, "{times}\n{}", stage.transcript);
    }
}

/// The lines that requests write beside the events of a build.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::INFO {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Heard {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push(format!("{value:?}"));
    }
}

/// A request that nobody answers for minutes does not look like a hung job.
#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_spoken_of() {
    let usual = Scene::windows().build(|_| {}).await;
    let slow = Effect::Delay(Duration::from_secs(250));
    let fault = at("GetTemplate", reads_before_the_start(&usual) + 2, 1, slow);
    let heard = Heard::default();
    let listening = tracing_subscriber::registry()
        .with(heard.clone())
        .set_default();
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    drop(listening);
    stage.check_result("Succeeded");
    let name = stage.variable("templateName").unwrap();
    let reading = format!("Reading image template '{name}'");
    assert_eq!(
        *heard.0.lock().unwrap(),
        [
            format!("{reading}: no answer yet after 2 min 0 s"),
            format!("{reading}: no answer yet after 4 min 0 s"),
        ]
    );
}
