//! `action: rollout` through the launcher, on fresh agents in one cloud: launcher and program are killed together while the service updates hosts.

use std::time::Duration;

use azure_emulator::{Durations, Progress};
use pipelines_agent::{Interruption, TaskResult, Trigger, ViolationKind};

use super::outlive::{hours_pass, obeyed, on_a_fresh_agent};
use super::{give, judged, run};
use crate::pipeline::{Pipeline, quick};

#[test]
fn a_lost_agent_and_a_second_attempt_make_one_update() {
    let mut switches = quick();
    // Long enough that the update is not over when the agent is lost, and nothing else is waited for.
    switches.progress = Progress::ByClock(Box::new(Durations {
        changing_configuration: Duration::ZERO,
        update_shows: Duration::ZERO,
        validating_update: Duration::ZERO,
        updating_hosts: Duration::from_secs(60),
        ..Durations::default()
    }));
    let (mut pool, mut version) = (String::new(), String::new());
    let mut pipeline = Pipeline::seed_in(switches, |world| {
        *world = world.clone().with_host_pools();
        pool.clone_from(&world.host_pools[1].id);
        let gallery = world.gallery_id(&world.galleries[0]);
        version = format!("{gallery}/images/win11-avd/versions/1.0.1");
    });
    let inputs = [
        ("action", "rollout"),
        ("hostPoolId", pool.as_str()),
        ("imageVersionId", version.as_str()),
    ];
    give(&mut pipeline, "rollout", &inputs);
    let half = &[ViolationKind::Unparsable, ViolationKind::UnknownCommand][..];
    let line = "session host update:  UpdatingSessionHosts";
    let lost = Interruption::lose_agent(Trigger::line(line));
    let first = judged(&pipeline, Some(lost), half);
    assert!(first.post.is_none());
    let _folder = on_a_fresh_agent(&mut pipeline, |step| {
        step.variable("System.JobAttempt", "2")
    });
    hours_pass(&pipeline);
    let second = run(&pipeline);
    assert_eq!(second.result, TaskResult::Succeeded, "{}", second.log());
    let cloud = &pipeline.server.cloud;
    let hosts = cloud.session_hosts(&pool);
    assert!(
        hosts.iter().all(|host| host.open && host.image == version),
        "{hosts:?}\n{}",
        second.log()
    );
    assert_eq!(cloud.updates_begun(), 1, "{}", second.log());
    assert_eq!(obeyed(&pipeline, "InitiateUpdate"), 1);
    assert_eq!(obeyed(&pipeline, "PatchSessionHostConfiguration"), 1);
    let variables = &second.main.output_variables;
    let state = variables["rollout.rolloutState"].as_str();
    assert!(["Succeeded", "Nothing"].contains(&state), "{state}");
    assert_eq!(
        variables["rollout.rolloutHosts"],
        r#"["avd-0","avd-1","avd-2","avd-3"]"#
    );
}

/// What is to be made, without a token and without a change: the template and its parameters come from files of the repository.
#[test]
fn new_hosts_are_planned_by_the_program_that_ships() {
    let (mut pool, mut version) = (String::new(), String::new());
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        *world = world.clone().with_host_pools();
        pool.clone_from(&world.host_pools[0].id);
        let gallery = world.gallery_id(&world.galleries[0]);
        version = format!("{gallery}/images/win11-avd/versions/1.0.1");
    });
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = pipeline.step.directories.sources.clone();
    std::fs::copy(
        root.join("samples/host-pools/session-hosts.json"),
        sources.join("session-hosts.json"),
    )
    .unwrap();
    let inputs = [
        ("action", "rollout"),
        ("hostPoolId", pool.as_str()),
        ("imageVersionId", version.as_str()),
        ("sessionHostTemplate", "session-hosts.json"),
        (
            "sessionHostParameters",
            "subnetId=/subscriptions/s/subnet\nadminPassword=P4ssw0rd-of-the-hosts",
        ),
        ("preview", "true"),
    ];
    give(&mut pipeline, "rollout", &inputs);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    let log = job.log().clone();
    assert!(log.contains("method:  replace"), "{log}");
    assert!(log.contains("-0 by deployment image-rollout-"), "{log}");
    assert!(!log.contains("P4ssw0rd-of-the-hosts"), "{log}");
    assert!(pipeline.server.cloud.registration_tokens().is_empty());
    assert_eq!(obeyed(&pipeline, "PutDeployment"), 0);
    let variables = &job.main.output_variables;
    assert_eq!(variables["rollout.rolloutState"], "Nothing");
}
