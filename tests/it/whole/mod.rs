//! Few runs of the whole chain: an agent, the launcher, the shipped program, HTTPS, and the emulated cloud.

mod diff;
mod fleet;
mod image_test;
mod interruptions;
mod network;
mod outlive;
mod ownership;
#[cfg(unix)]
mod prompt;
mod release;
mod retain;
mod rollout;
mod test_vm;

use std::time::Duration;

use azure_emulator::{Effect, Fault, Progress, RunFate, Switches};
use pipelines_agent::{
    Interruption, Job, JobRun, Permissions, ServiceConnection, StepRun, TaskFolder, TaskResult,
    ViolationKind,
};

use crate::flow::LiveSecrets;
use crate::pipeline::{Pipeline, packaged_task, quick};
use crate::protocol_check::check_protocol;
use crate::seed;

/// Gives the step this name and these inputs alone, beside the service connection.
fn give(pipeline: &mut Pipeline, name: &str, inputs: &[(&str, &str)]) {
    pipeline.step.name = Some(name.to_owned());
    let given = &mut pipeline.step.inputs;
    given.retain(|name, _| name == "ibSubscription");
    for (name, value) in inputs {
        given.insert((*name).to_owned(), (*value).to_owned());
    }
}

/// Without a `Retry-After`, as on answers about a template, there are 15 s between two questions: so there shall be no second one.
fn instant() -> Switches {
    Switches {
        progress: Progress::Immediate,
        ..quick()
    }
}

fn run(pipeline: &Pipeline) -> JobRun {
    judged(pipeline, None, &[])
}

/// Runs both stages. This is the one place where jobs are run, so all are judged: no word of others is a command, one result, no secret in
/// the open, nothing left running. `forgiven` is what the agent alone is to blame for.
fn judged(
    pipeline: &Pipeline,
    interruption: Option<Interruption>,
    forgiven: &[ViolationKind],
) -> JobRun {
    judged_twice(pipeline, (interruption, None), forgiven)
}

/// The same, with an interruption of the post-job stage, too.
fn judged_twice(
    pipeline: &Pipeline,
    (interruption, of_post): (Option<Interruption>, Option<Interruption>),
    forgiven: &[ViolationKind],
) -> JobRun {
    let mut job = Job::new(&pipeline.agent, &pipeline.task, pipeline.step.clone());
    if let Some(interruption) = interruption {
        job = job.interrupted(interruption);
    }
    if let Some(interruption) = of_post {
        job = job.post_interrupted(interruption);
    }
    let job = job.run().unwrap();
    let world = seed::world(pipeline.server.addresses.clone());
    let secrets = LiveSecrets::of(&world, &pipeline.step);
    for stage in [Some(&job.main), job.post.as_ref()].into_iter().flatten() {
        let violations = stage.violations.iter();
        let found: Vec<_> = violations
            .filter(|violation| !forgiven.contains(&violation.kind))
            .collect();
        assert!(found.is_empty(), "{found:#?}\n{}", job.log());
        check_protocol(&spoken_by_the_core(stage));
        secrets.check(&stage.raw_text());
    }
    job
}

/// What the launcher says of a core that died is said after an empty line, and may follow a result.
fn spoken_by_the_core(stage: &StepRun) -> String {
    let text = stage.raw_text();
    let end = text.find("\n\n##vso[task.logissue type=");
    text[..end.unwrap_or(text.len())].to_owned()
}

/// A test that ran a job by itself would not be judged.
#[test]
fn every_job_is_judged() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/whole");
    let runs = std::fs::read_dir(folder).unwrap().map(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        text.matches(concat!("Job::", "new(")).count()
            + text.matches(concat!("agent", ".run(")).count()
    });
    assert_eq!(runs.sum::<usize>(), 1);
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
    // The log of the build, the result and the summary; the agent took the files.
    assert_eq!(job.main.attachments.len(), 3, "{}", job.log());
    let records = &job.main.records;
    assert!(records.len() >= 4, "{records:#?}");
    for record in records {
        assert_eq!(record.state, "Completed", "{record:#?}");
        assert!(record.finish_time.is_some(), "{record:#?}");
    }
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

/// `target: { commands: restricted }` in YAML.
#[test]
fn a_restricted_step_builds_all_the_same() {
    let mut pipeline = Pipeline::seed(quick());
    pipeline.step = pipeline.step.restricted();
    let job = judged(&pipeline, None, &[ViolationKind::NotAllowed]);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    assert!(job.main.variables.value("imageUri").is_some());
    let refused = job
        .main
        .violations
        .iter()
        .map(|violation| &violation.detail);
    for detail in refused {
        let optional = [
            "task.uploadsummary",
            "task.uploadfile",
            "task.addattachment",
        ];
        assert!(
            optional.iter().any(|name| detail.contains(name)),
            "{detail}"
        );
    }
}

#[test]
fn a_read_only_task_folder_is_enough() {
    let mut pipeline = Pipeline::seed(quick());
    let work = pipeline.step.directories.work.clone();
    pipeline.task = TaskFolder::install(packaged_task(), &work, Permissions::ReadOnly).unwrap();
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    // Only what may be written can be removed when the test ends.
    TaskFolder::install(packaged_task(), &work, Permissions::Unzipped).unwrap();
}

#[test]
fn debug_output_shows_requests_and_no_secret() {
    let mut pipeline = Pipeline::seed(quick());
    pipeline.step = pipeline.step.variable("System.Debug", "true");
    let fault = Fault::once("GetTemplate", Effect::NotJson);
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
