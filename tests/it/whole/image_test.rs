//! `action: test` through the launcher: a test in restricted mode, whose publication the agent refuses, and a canceled one whose post-job stage
//! leaves nothing.

use azure_emulator::{RunFate, SceneVersion, SubState, Switches};
use pipelines_agent::{Interruption, TaskResult, Trigger, ViolationKind};
use serde_json::json;
use time::macros::datetime;

use super::{instant, judged, run};
use crate::pipeline::{Pipeline, quick};

const INPUTS: [&str; 5] = [
    "ibSubscription",
    "ibAzureResourceGroup",
    "ibLocation",
    "managedIdentity",
    "vmSize",
];

/// A step that tests a version, and the version's id.
fn pipeline(switches: Switches) -> (Pipeline, String) {
    let mut id = String::new();
    let mut pipeline = Pipeline::seed_in(switches, |world| {
        let gallery = world.gallery_id(&world.galleries[0]);
        id = format!("{gallery}/images/win11-avd/versions/1.0.2");
        world.image_versions.push(SceneVersion {
            id: id.clone(),
            state: "Succeeded".to_owned(),
            published: Some(datetime!(2026-11-20 00:00 UTC)),
            body: json!({"location": "westeurope", "tags": {}, "properties": {"publishingProfile": {"targetRegions": [{"name": "West Europe"}], "excludeFromLatest": true}}}),
        });
    });
    pipeline
        .step
        .inputs
        .retain(|name, _| INPUTS.contains(&name.as_str()));
    for (name, value) in [
        ("action", "test"),
        ("imageVersionId", id.as_str()),
        ("provisioner", "powershell"),
        ("validationInlineScript", "exit 0"),
    ] {
        pipeline
            .step
            .inputs
            .insert(name.to_owned(), value.to_owned());
    }
    pipeline.step.name = Some("test".to_owned());
    (pipeline, id)
}

#[test]
fn a_version_is_tested_by_the_program_that_ships() {
    let switches = Switches {
        validation_lines: Some(vec![
            "image-test: failed teams: not there".to_owned(),
            "image-test: passed a, b".to_owned(),
        ]),
        ..quick()
    };
    let (pipeline, id) = pipeline(switches);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed, "{}", job.log());
    assert_eq!(job.main.output_variables["test.imageTested"], "failed");
    let version = pipeline.server.cloud.image_version(&id).unwrap();
    assert_eq!(version["tags"]["imageTest"], "failed");
    assert_eq!(version["tags"]["imageTestRun"], "20261122.1");
    let log = job.log();
    for line in [
        "image version:  1.0.2 of win11-avd in galContoso",
        "test teams:  failed: not there",
        "image test:  failed (1 of 4 tests)",
        "Testing image version 1.0.2 of 'win11-avd' failed: test 'teams' failed",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    // The JUnit file, the result, the summary and both logs.
    let mut attached = job.main.attachments.iter();
    let junit = attached.find(|it| it.name.ends_with("-image-test.xml"));
    let junit = junit.unwrap().text();
    assert!(junit.contains("name=\"a, b\""), "{junit}");
    assert!(pipeline.server.cloud.inventory().templates.is_empty());
}

#[test]
fn a_restricted_step_attaches_what_it_may_not_publish() {
    let (mut pipeline, _) = pipeline(quick());
    pipeline.step = pipeline.step.restricted();
    let job = judged(&pipeline, None, &[ViolationKind::NotAllowed]);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    assert_eq!(job.main.output_variables["test.imageTested"], "passed");
    let refused = job.main.violations.iter();
    let refused: Vec<_> = refused.map(|violation| violation.detail.clone()).collect();
    assert!(
        refused
            .iter()
            .any(|detail| detail.contains("results.publish")),
        "{refused:?}"
    );
}

#[test]
fn a_canceled_test_leaves_nothing() {
    let switches = Switches {
        run: RunFate::NeverEnd {
            at: SubState::Validating,
        },
        ..instant()
    };
    let (pipeline, id) = pipeline(switches);
    let stop = Interruption::cancel(Trigger::line("Running, Validating"));
    let job = judged(&pipeline, Some(stop), &[]);
    assert_eq!(job.result, TaskResult::Canceled, "{}", job.log());
    let version = pipeline.server.cloud.image_version(&id).unwrap();
    assert_eq!(version["tags"]["imageTest"], json!(null));
    assert!(
        pipeline.server.cloud.inventory().templates.is_empty(),
        "{}",
        job.log()
    );
}
