//! The lost agent, and builds that outlive their job: through the launcher, on fresh agents in one cloud.

use std::time::Duration;

use azure_emulator::{Durations, Progress, RunFate, SubState, Switches};
use pipelines_agent::{
    Directories, Interruption, JobRun, Step, TaskResult, Trigger, ViolationKind,
};
use tempfile::TempDir;

use super::{check_empty, judged, run};
use crate::pipeline::{Pipeline, quick};
use crate::seed;

/// A run that is on until [`hours_pass`], however late the job is interrupted.
fn unhurried() -> Switches {
    Switches {
        progress: Progress::ByClock(Box::new(Durations {
            provisioning: Duration::ZERO,
            queued: Duration::ZERO,
            building: Duration::from_secs(3600),
            ..Durations::default()
        })),
        ..quick()
    }
}

/// The step on another agent: nothing of the first one is there, neither files nor notes.
pub(super) fn on_a_fresh_agent(
    pipeline: &mut Pipeline,
    change: impl FnOnce(Step) -> Step,
) -> TempDir {
    let folder = TempDir::new().unwrap();
    let directories = Directories::create(folder.path()).unwrap();
    seed::check_out(&directories.sources);
    let step = pipeline.step.clone();
    let sources = step.directories.sources.display().to_string();
    let mut step = change(Step {
        directories,
        ..step
    });
    // What the author wrote as a path of the sources folder is one of the new one.
    let here = step.directories.sources.display().to_string();
    for value in step.inputs.values_mut() {
        *value = value.replace(&sources, &here);
    }
    pipeline.step = step;
    folder
}

/// Whoever comes later comes long after: what can end has ended. How it is waited for, 15 s from question to question, is the business of tests
/// with a paused clock (`flow::outlive`).
pub(super) fn hours_pass(pipeline: &Pipeline) {
    let cloud = &pipeline.server.cloud;
    cloud.change_switches(|on| on.progress = Progress::Immediate);
}

pub(super) fn obeyed(pipeline: &Pipeline, operation: &str) -> usize {
    let journal = pipeline.server.cloud.journal();
    let obeyed = journal.iter().filter(|entry| {
        entry.operation == Some(operation) && entry.status.is_some_and(|status| status < 300)
    });
    obeyed.count()
}

fn check_one_image(pipeline: &Pipeline, job: &JobRun) {
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    check_empty(pipeline);
    let versions = pipeline.server.cloud.inventory().image_versions;
    assert_eq!(versions.len(), 1, "{}", job.log());
    let uri = job.main.variables.value("imageUri");
    assert_eq!(uri, Some(versions[0].0.as_str()), "{}", job.log());
    assert_eq!(obeyed(pipeline, "RunTemplate"), 1, "{}", job.log());
}

/// Launcher and core are killed together after the run was started: there is no post-job stage, and the machine is gone.
#[test]
fn a_lost_agent_and_a_second_attempt_make_one_image() {
    let mut pipeline = Pipeline::seed(unhurried());
    let half = &[ViolationKind::Unparsable, ViolationKind::UnknownCommand][..];
    let lost = Interruption::lose_agent(Trigger::line("run template:  Running"));
    let first = judged(&pipeline, Some(lost), half);
    assert!(first.post.is_none());
    assert_eq!(pipeline.server.cloud.inventory().templates.len(), 1);
    let _folder = on_a_fresh_agent(&mut pipeline, |step| {
        step.variable("System.JobAttempt", "2")
    });
    hours_pass(&pipeline);
    let second = run(&pipeline);
    check_one_image(&pipeline, &second);
    assert_eq!(obeyed(&pipeline, "PutTemplate"), 1, "{}", second.log());
    let told = "the run of an earlier attempt has ended";
    assert!(second.log().contains(told), "{}", second.log());
}

/// SIGINT with `onCancel: leave`: the run continues, and the second attempt collects.
#[test]
fn a_canceled_job_leaves_its_run_and_the_second_attempt_collects() {
    let mut pipeline = Pipeline::seed(unhurried());
    pipeline.step = pipeline.step.clone().input("onCancel", "leave");
    let cancel = Interruption::cancel(Trigger::line("run template:  Running"));
    let first = judged(&pipeline, Some(cancel), &[]);
    assert_eq!(first.main.result, TaskResult::Canceled, "{}", first.log());
    assert!(first.log().contains("left running: t_"), "{}", first.log());
    assert_eq!(obeyed(&pipeline, "CancelTemplate"), 0);
    assert_eq!(
        pipeline.server.cloud.inventory().templates.len(),
        1,
        "{}",
        first.log()
    );
    let _folder = on_a_fresh_agent(&mut pipeline, |step| {
        step.variable("System.JobAttempt", "2")
    });
    hours_pass(&pipeline);
    check_one_image(&pipeline, &run(&pipeline));
}

/// One job submits, another one waits, and is canceled.
#[test]
fn one_job_submits_and_another_one_waits() {
    let mut pipeline = Pipeline::seed(quick());
    pipeline.server.cloud.script_run(RunFate::NeverEnd {
        at: SubState::Building,
    });
    pipeline.step = pipeline
        .step
        .clone()
        .input("action", "submit")
        .input("templateName", "aib-4711");
    let first = run(&pipeline);
    assert_eq!(first.result, TaskResult::Succeeded, "{}", first.log());
    assert_eq!(
        first
            .main
            .output_variables
            .get("bake.imageReady")
            .map(String::as_str),
        Some("false")
    );
    assert_eq!(
        first
            .main
            .output_variables
            .get("bake.templateName")
            .map(String::as_str),
        Some("aib-4711")
    );
    hours_pass(&pipeline);
    let _folder = on_a_fresh_agent(&mut pipeline, |mut step| {
        let keep = ["ibSubscription", "ibAzureResourceGroup", "templateName"];
        step.inputs.retain(|name, _| keep.contains(&name.as_str()));
        step.input("action", "wait")
            .variable("System.JobIdentifier", "finish.collect.__default")
    });
    let cancel = Interruption::cancel(Trigger::line("following image template"));
    let canceled = judged(&pipeline, Some(cancel), &[]);
    assert_eq!(
        canceled.main.result,
        TaskResult::Canceled,
        "{}",
        canceled.log()
    );
    // By default a template of ours goes with the job that waits for it.
    check_empty(&pipeline);
    assert_eq!(obeyed(&pipeline, "CancelTemplate"), 1, "{}", canceled.log());
}
