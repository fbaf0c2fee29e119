//! Few runs of the whole chain: an agent, the launcher, the shipped program, HTTPS, and the emulated cloud.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher, Progress, RunFate, Switches};
use pipelines_agent::{Interruption, Job, JobRun, ServiceConnection, TaskResult, Trigger};

use crate::pipeline::{Pipeline, quick};
use crate::seed;

/// Without a `Retry-After`, as on answers about a template, there are 15 s between two questions: so there shall be no second one.
fn instant() -> Switches {
    Switches {
        progress: Progress::Immediate,
        ..quick()
    }
}

fn run(pipeline: &Pipeline) -> JobRun {
    let job = Job::new(&pipeline.agent, &pipeline.task, pipeline.step.clone())
        .run()
        .unwrap();
    job.assert_no_violations();
    job
}

fn check_empty(pipeline: &Pipeline) {
    let inventory = pipeline.server.cloud.inventory();
    let left = inventory.templates.len() + inventory.blobs.len() + inventory.staging_groups.len();
    assert_eq!(left, 0, "{inventory}");
}

#[test]
fn the_seed_scenario_makes_an_image() {
    let pipeline = Pipeline::seed(quick());
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    check_empty(&pipeline);
    let versions = pipeline.server.cloud.inventory().image_versions;
    assert_eq!(versions.len(), 1);
    let uri = job.main.variables.value("imageUri").map(str::to_owned);
    assert_eq!(
        uri.as_deref(),
        Some(versions[0].0.as_str()),
        "{}",
        job.log()
    );
    assert_eq!(job.main.output_variables.get("bake.imageUri"), uri.as_ref());
    assert!(job.main.orphans.is_empty());
}

#[test]
fn a_service_principal_with_a_secret_signs_in() {
    let mut pipeline = Pipeline::seed(quick());
    let world = seed::world(pipeline.server.addresses.clone());
    let secret = world.applications[0].secret.clone().unwrap();
    let connection: ServiceConnection = seed::connection(&world, "ServicePrincipal")
        .parameter("authenticationType", "spnKey")
        .parameter("serviceprincipalkey", secret);
    pipeline.step.connections = vec![connection];
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    check_empty(&pipeline);
}

#[test]
fn a_failed_run_fails_the_step_and_leaves_nothing() {
    let pipeline = Pipeline::seed(quick());
    pipeline
        .server
        .cloud
        .script_run(RunFate::customizer_failed());
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed);
    assert_eq!(job.main.exit_code, Some(0));
    assert_eq!(job.main.errors().len(), 1, "{}", job.log());
    check_empty(&pipeline);
}

#[test]
fn bad_input_never_reaches_azure() {
    let mut pipeline = Pipeline::seed(quick());
    for (name, value) in [
        ("buildTimeoutInMinutes", "3"),
        ("managedIdentity", "id-image-builder"),
        ("packagePath", "wvd/Images"),
        ("distributeType", "gallry"),
    ] {
        pipeline
            .step
            .inputs
            .insert(name.to_owned(), value.to_owned());
    }
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed);
    assert_eq!(job.main.errors().len(), 4, "{}", job.log());
    assert!(pipeline.server.cloud.journal().is_empty());
}

#[test]
fn a_certificate_that_nobody_trusts_is_explained() {
    let mut pipeline = Pipeline::seed(quick());
    pipeline.step = pipeline.step.variable("Agent.CAInfo", "");
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed);
    assert!(job.log().contains("certificate"), "{}", job.log());
    assert!(
        job.main.duration < Duration::from_secs(10),
        "it is not tried again and again: {:?}",
        job.main.duration
    );
}

#[test]
fn a_canceled_job_cancels_the_run_and_its_post_job_stage_empties_the_cloud() {
    let pipeline = Pipeline::seed(instant());
    pipeline.server.cloud.script_run(RunFate::NeverEnd {
        at: azure_emulator::SubState::Customizing,
    });
    let cancel = Interruption::cancel(Trigger::line("Running, Customizing"));
    let job = Job::new(&pipeline.agent, &pipeline.task, pipeline.step.clone())
        .interrupted(cancel)
        .run()
        .unwrap();
    job.assert_no_violations();
    let cancellation = job.main.cancellation.as_ref().expect("the trigger was met");
    assert!(
        cancellation.took().unwrap() < Duration::from_secs(7),
        "{cancellation:?}"
    );
    assert_eq!(cancellation.killed, None);
    assert_eq!(job.main.result, TaskResult::Canceled, "{}", job.log());
    assert!(job.main.orphans.is_empty());
    check_empty(&pipeline);
    let canceled = pipeline
        .server
        .cloud
        .journal()
        .iter()
        .filter(|entry| entry.operation == Some("CancelTemplate"))
        .count();
    assert!(canceled >= 1);
}

#[test]
fn a_killed_launcher_leaves_no_process_and_nothing_in_the_cloud() {
    let pipeline = Pipeline::seed(instant());
    pipeline.server.cloud.script_run(RunFate::NeverEnd {
        at: azure_emulator::SubState::Building,
    });
    let kill = Interruption::kill_node(Trigger::line("Running, Building"));
    let job = Job::new(&pipeline.agent, &pipeline.task, pipeline.step.clone())
        .interrupted(kill)
        .run()
        .unwrap();
    assert!(job.main.cancellation.is_some(), "{}", job.log());
    check_empty(&pipeline);
    assert!(job.post.as_ref().unwrap().orphans.is_empty());
}

#[test]
fn a_killed_core_is_reported_and_cleaned_up_after() {
    let pipeline = Pipeline::seed(instant());
    pipeline.server.cloud.script_run(RunFate::NeverEnd {
        at: azure_emulator::SubState::Building,
    });
    let kill = Interruption::kill_children(Trigger::line("Running, Building"));
    let job = Job::new(&pipeline.agent, &pipeline.task, pipeline.step.clone())
        .interrupted(kill)
        .run()
        .unwrap();
    job.assert_no_violations();
    assert_eq!(job.main.result, TaskResult::Failed, "{}", job.log());
    assert!(
        job.main.raw_text().contains("code=AIB902;"),
        "{}",
        job.log()
    );
    check_empty(&pipeline);
}

#[test]
fn debug_output_shows_requests_and_no_secret() {
    let mut pipeline = Pipeline::seed(quick());
    pipeline.step = pipeline.step.variable("System.Debug", "true");
    let fault = Fault::once(Matcher::operation("GetTemplate"), Effect::NotJson);
    pipeline.server.cloud.add_fault(fault);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    let log = job.log();
    assert!(log.contains("PUT https://localhost:"), "{log}");
    assert!(log.contains("trying again"), "{log}");
    assert!(
        !job.main.raw_text().contains("sig=")
            || job
                .main
                .raw_text()
                .lines()
                .filter(|line| line.contains("sig="))
                .all(|line| line.contains("task.setsecret"))
    );
}
