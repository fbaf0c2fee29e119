//! The core's client and its steps of a build, given recorded answers, come to the right end.

use http::Method;
use image_builder::arm::image_template::RunOutput;
use image_builder::arm::operation::{Started, Status};
use image_builder::arm::template_state::RunState;
use image_builder::run::clean_up::{Budget, cancel_runs, clean_up};
use image_builder::run::leftover::Leftover;
use serde_json::json;

use super::performance::Performance;
use super::recording::{Recording, Step};
use super::replay::read;

/// The steps of a recording that the client's way touches, for a file that goes on with something else.
fn without(recording: Recording, unused: impl Fn(&Step) -> bool) -> Vec<Step> {
    let steps = recording.steps.into_iter();
    steps.filter(|step| !unused(step)).collect()
}

/// The canceled run, in the words of the note in `cancel.json`, after the last step of a recording; then the recorded deletion.
fn canceled_and_deleted(mut steps: Vec<Step>) -> Vec<Step> {
    let template = steps[0].path.clone();
    let mut canceled = steps.last().unwrap().clone();
    assert_eq!(canceled.path, template);
    let run = &mut canceled.answer["properties"]["lastRunStatus"];
    run["endTime"] = run["startTime"].clone();
    run["runState"] = json!("Canceled");
    run["message"] = json!("The build was canceled");
    steps.push(canceled);
    let mut deletion = read("delete_template").steps;
    deletion[0].path = template;
    steps.extend(deletion);
    steps
}

/// Made, run and read of api-version 2020-02-14: the run's operation tells the end alone, since the template is not shown again.
#[tokio::test(start_paused = true)]
async fn managed_image() {
    let recording = read("managed_image");
    let second = recording.steps[8].clone();
    // An image is nothing that the client looks at.
    let steps = without(recording, |step| step.path.contains("/Microsoft.Compute/"));
    let mut performance = Performance::new(steps);
    let mut leftovers = performance.no_leftovers();
    assert_eq!(performance.create(&mut leftovers).await, None);
    let started = performance.start().await;
    let end = performance.watch(&started).await;
    assert_eq!((end.state, end.message.as_str()), (RunState::Succeeded, ""));
    assert_eq!(performance.replay.polls("0000000000a2"), 14);
    let output = performance
        .arm
        .run_output(performance.id(), "img_1")
        .await
        .unwrap();
    let image = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/img_tmpl_managed000001/providers/Microsoft.Compute/images/img_1";
    assert_eq!(
        output,
        RunOutput {
            artifact_id: Some(image.to_owned()),
            artifact_uri: None,
        }
    );
    drop(leftovers);
    performance = performance.about(&second.path);
    let mut leftovers = performance.no_leftovers();
    assert_eq!(performance.create(&mut leftovers).await, None);
    drop(leftovers);
    performance.finish();
}

#[tokio::test(start_paused = true)]
async fn template_outputs() {
    let performance = Performance::of("template_outputs");
    let mut leftovers = performance.no_leftovers();
    let version = performance.create(&mut leftovers).await;
    assert_eq!(version.as_deref(), Some("18.04.201808140"));
    assert_eq!(performance.replay.polls("0000000000c1"), 2);
    assert_eq!(leftovers.all(), [Leftover::template(performance.id())]);
    performance.finish();
}

/// Clean-up after a build that broke off: it finds the run, cancels it, waits for its end and deletes the template.
#[tokio::test(start_paused = true)]
async fn cancel() {
    // The run's operation was started and never asked for.
    let performance = Performance::new(canceled_and_deleted(read("cancel").steps));
    let mut leftovers = performance.no_leftovers();
    let version = performance.create(&mut leftovers).await;
    assert_eq!(version.as_deref(), Some("18.04.201808140"));
    let started = performance.start().await;
    assert!(started.operation.is_some());
    let not_removed = clean_up(
        &performance.arm,
        &performance.owner(),
        &mut leftovers,
        Budget::AFTER_BUILD,
    )
    .await;
    assert_eq!(
        (not_removed.as_slice(), leftovers.all()),
        (&[][..], Vec::new())
    );
    performance.finish();
}

/// A canceled job: the run is told to stop at once, and the next stage finds it stopping.
#[tokio::test(start_paused = true)]
async fn cancel_signed_urls() {
    let steps = canceled_and_deleted(read("cancel_signed_urls").steps);
    let performance = Performance::new(steps);
    let mut leftovers = performance.no_leftovers();
    let version = performance.create(&mut leftovers).await;
    assert_eq!(version.as_deref(), Some("18.04.202401161"));
    let started = performance.start().await;
    assert!(started.operation.unwrap().reveal().len() > 3000);
    let templates = [performance.id().clone()];
    cancel_runs(&performance.arm, &templates, &performance.heard).await;
    let seen = performance.arm.template(performance.id()).await.unwrap();
    assert_eq!(seen.value.last_run.unwrap().state, RunState::Canceling);
    let not_removed = clean_up(
        &performance.arm,
        &performance.owner(),
        &mut leftovers,
        Budget::AFTER_CANCEL,
    )
    .await;
    assert_eq!(
        (not_removed.as_slice(), leftovers.all()),
        (&[][..], Vec::new())
    );
    performance.finish();
}

/// A canceled run that is watched: the template says what became of it, the operation of which nothing is recorded is not needed.
#[tokio::test(start_paused = true)]
async fn a_canceled_run_is_followed_to_its_end() {
    let performance = Performance::new(canceled_and_deleted(read("cancel").steps));
    let mut leftovers = performance.no_leftovers();
    performance.create(&mut leftovers).await;
    performance.start().await;
    let look = performance.arm.template(performance.id()).await.unwrap();
    assert_eq!(look.value.last_run.unwrap().state, RunState::Running);
    performance.arm.cancel_run(performance.id()).await.unwrap();
    let template_alone = Started {
        operation: None,
        pause: None,
    };
    let end = performance.watch(&template_alone).await;
    assert_eq!(end.state, RunState::Canceled);
    assert_eq!(end.message, "The build was canceled");
    assert_eq!(
        performance.heard.run_states(),
        ["Canceling -", "Canceled -"]
    );
}

#[tokio::test(start_paused = true)]
async fn run_signed_urls() {
    let performance = Performance::of("run_signed_urls");
    let started = performance.start().await;
    let end = performance.watch(&started).await;
    assert_eq!((end.state, end.message.as_str()), (RunState::Succeeded, ""));
    assert_eq!(performance.replay.polls("0000000000f3"), 39);
    assert_eq!(performance.heard.run_states(), ["Succeeded -"]);
    performance.finish();
}

/// Of triggers the core knows nothing; their operations are like any other.
#[tokio::test(start_paused = true)]
async fn trigger() {
    let recording = read("trigger");
    let (made, deleted) = (recording.steps[4].clone(), recording.steps[9].clone());
    // The client reads neither triggers nor the second address of an operation.
    let second_address = recording.steps[12].query.clone();
    let steps = without(recording, |step| {
        step.query == second_address
            || (step.method == Method::GET && step.path.contains("/triggers"))
    });
    let performance = Performance::new(steps);
    let mut leftovers = performance.no_leftovers();
    let version = performance.create(&mut leftovers).await;
    assert_eq!(version.as_deref(), Some("18.04.202401161"));
    assert_eq!(performance.replay.polls("000000000071"), 3);
    assert_eq!(performance.follow(&made).await, Status::Succeeded);
    assert_eq!(performance.replay.polls("000000000072"), 2);
    assert_eq!(performance.follow(&deleted).await, Status::Succeeded);
    assert_eq!(performance.replay.polls("000000000073"), 2);
    performance.finish();
}

#[tokio::test(start_paused = true)]
async fn delete_template() {
    let performance = Performance::of("delete_template");
    let deletion = performance.arm.delete_template(performance.id()).await;
    let started = deletion.unwrap().unwrap();
    assert_eq!(performance.end(&started).await, Status::Succeeded);
    assert_eq!(performance.replay.polls("000000000061"), 3);
    performance.finish();
}

/// The core makes no gallery image versions itself; their operations of Microsoft.Compute, with another document and `Retry-After`, are read.
#[tokio::test(start_paused = true)]
async fn gallery_version_replication() {
    let recording = read("gallery_version_replication");
    let (made, changed) = (recording.steps[0].clone(), recording.steps[6].clone());
    let steps = without(recording, |step| {
        step.path.contains("/versions") && step.method != Method::PUT
    });
    let performance = Performance::new(steps);
    let start = tokio::time::Instant::now();
    assert_eq!(performance.follow(&made).await, Status::Succeeded);
    assert_eq!(performance.replay.polls("0000000000d1"), 7);
    assert_eq!(start.elapsed().as_secs(), 7 * 60);
    assert_eq!(performance.follow(&changed).await, Status::Succeeded);
    assert_eq!(performance.replay.polls("0000000000d2"), 7);
    performance.finish();
}
