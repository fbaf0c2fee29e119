//! `action: test` with `testEngine: vm` through the launcher: its agent is lost while the check runs, a second attempt on a fresh one finishes, and nothing is
//! left.

use std::thread;

use azure_emulator::{CommandFate, SceneVersion};
use pipelines_agent::{Interruption, JobRun, TaskResult, Trigger, ViolationKind};
use serde_json::json;
use time::macros::datetime;

use super::interruptions::wait_until;
use super::outlive::{hours_pass, obeyed, on_a_fresh_agent};
use super::{give, judged, run};
use crate::pipeline::{Pipeline, quick};

fn pipeline() -> Pipeline {
    let (mut version, mut subnet) = (String::new(), String::new());
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        let gallery = world.gallery_id(&world.galleries[0]);
        version = format!("{gallery}/images/win11-avd/versions/1.0.2");
        subnet.clone_from(&world.subnets[0].id);
        world.image_versions.push(SceneVersion {
            id: version.clone(),
            state: "Succeeded".to_owned(),
            published: Some(datetime!(2026-11-20 00:00 UTC)),
            body: json!({"location": "westeurope", "tags": {}, "properties": {"publishingProfile": {"targetRegions": [{"name": "West Europe"}]}}}),
        });
    });
    let inputs = [
        ("action", "test"),
        ("imageVersionId", &version),
        ("testEngine", "vm"),
        ("testVmGroup", "rg-images"),
        ("testSubnetId", &subnet),
        ("vmSize", "Standard_D2ds_v5"),
        ("provisioner", "powershell"),
        ("validationInlineScript", "exit 0"),
        ("packagePath", "wvd/images"),
        ("storageAccountName", "stcontosoimages"),
    ];
    give(&mut pipeline, "test", &inputs);
    pipeline
}

/// VMs, network interfaces and disks of tests, and blobs of the task.
fn left(pipeline: &Pipeline) -> (usize, usize) {
    let cloud = &pipeline.server.cloud;
    let all = cloud.resources().into_iter();
    let parts = all.filter(|id| id.rsplit('/').next().unwrap().starts_with("tst-"));
    (parts.count(), cloud.inventory().blobs.len())
}

/// The line of the log comes before the request, so only the cloud knows when a check runs: an earlier end would leave it to the second attempt.
fn interrupted_in_a_check(
    pipeline: &Pipeline,
    interruption: fn(Trigger) -> Interruption,
    forgiven: &[ViolationKind],
) -> JobRun {
    let (fire, trigger) = Trigger::signal();
    thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(|| obeyed(pipeline, "PutRunCommand") > 0);
            hours_pass(pipeline);
            fire.fire();
        });
        judged(pipeline, Some(interruption(trigger)), forgiven)
    })
}

#[test]
fn a_lost_agent_and_a_second_attempt_leave_nothing() {
    let mut pipeline = pipeline();
    let half = &[ViolationKind::Unparsable, ViolationKind::UnknownCommand][..];
    pipeline.server.cloud.script_command(CommandFate::NeverEnds);
    let first = interrupted_in_a_check(&pipeline, Interruption::lose_agent, half);
    assert!(first.post.is_none());
    assert_eq!(left(&pipeline).0, 3, "{}", first.log());
    let _folder = on_a_fresh_agent(&mut pipeline, |step| {
        step.variable("System.JobAttempt", "2")
    });
    let second = run(&pipeline);
    assert_eq!(second.result, TaskResult::Succeeded, "{}", second.log());
    let tested = second.main.output_variables.get("test.imageTested");
    assert_eq!(tested.map(String::as_str), Some("passed"));
    let told = "an earlier attempt at this step left";
    assert!(second.log().contains(told), "{}", second.log());
    // The package of the first attempt is young, and may be of a job beside this one: a later step deletes it.
    let (parts, blobs) = left(&pipeline);
    assert!(
        parts == 0 && blobs <= 1,
        "{parts} {blobs}\n{}",
        second.log()
    );
}

/// The post-job step deletes what a canceled test has made.
#[test]
fn a_canceled_test_leaves_nothing() {
    let pipeline = pipeline();
    pipeline.server.cloud.script_command(CommandFate::NeverEnds);
    let job = interrupted_in_a_check(&pipeline, Interruption::cancel, &[]);
    assert_eq!(job.main.result, TaskResult::Canceled, "{}", job.log());
    assert_eq!(left(&pipeline), (0, 0), "{}", job.log());
}
