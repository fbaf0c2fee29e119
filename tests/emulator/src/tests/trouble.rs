//! Failures, faults, progress and pages.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::scene::Scene;
use crate::{
    Addresses, Effect, Fault, ImageDisk, Outcome, PartialOperation, Progress, RunFate, SubState,
    Switches, World,
};

#[test]
fn a_failed_submission_is_a_201_with_two_codes() {
    let scene = Scene::new(Switches::default());
    let mut body = scene.body();
    body["properties"]["source"]["sku"] = json!("missing");
    let put = scene.put(&body);
    assert_eq!(put.status, 201);
    scene.wait(12);
    let operation = scene.get(&put.operation()).body;
    assert_eq!(operation["status"], "Failed");
    assert_eq!(
        operation["error"]["message"],
        "Platform Image was not found"
    );
    let properties = scene.template()["properties"].clone();
    assert_eq!(properties["provisioningState"], "Failed");
    assert_eq!(
        properties["provisioningError"]["provisioningErrorCode"],
        "BadPIRSource"
    );
    assert_ne!(operation["error"]["code"], "BadPIRSource");
    assert_eq!(
        scene.post("run").body["error"]["code"],
        "OperationNotAllowed"
    );
}

#[test]
fn polls_move_the_work_on() {
    let scene = Scene::new(Switches {
        progress: Progress::AfterPolls(1),
        ..Switches::default()
    });
    let put = scene.put(&scene.body());
    let status = |url: &str| scene.get(url).body["status"].clone();
    assert_eq!(status(&put.operation()), "InProgress");
    assert_eq!(status(&put.operation()), "Succeeded");
    let run = scene.post("run");
    let sub_state = || scene.template()["properties"]["lastRunStatus"]["runSubState"].clone();
    for expected in ["Queued", "Building", "Customizing", "Distributing"] {
        assert_eq!(sub_state(), expected);
    }
    assert_eq!(sub_state(), Value::Null);
    assert_eq!(status(&run.operation()), "Succeeded");
}

#[test]
fn runs_end_as_scripted() {
    let check = |fate: RunFate, state: &str, operation: &str, message: &str| {
        let scene = Scene::provisioned(Switches {
            retry_after: Some(7),
            ..Switches::default()
        });
        scene.cloud.script_run(fate);
        let run = scene.post("run");
        assert_eq!(run.header("retry-after"), Some("7"));
        scene.wait(4000);
        let status = scene.template()["properties"]["lastRunStatus"].clone();
        assert_eq!(status["runState"], state, "{status}");
        assert!(
            status["message"].as_str().unwrap().contains(message),
            "{status}"
        );
        assert_eq!(
            scene.template()["properties"]["provisioningState"],
            "Succeeded"
        );
        assert_eq!(scene.get(&run.operation()).body["status"], operation);
    };
    check(RunFate::Succeed, "Succeeded", "Succeeded", "");
    check(
        RunFate::customizer_failed(),
        "Failed",
        "Failed",
        "/containers/packerlogs/",
    );
    check(
        RunFate::distribution_failed_as_json(),
        "Failed",
        "Failed",
        "\"code\": \"InternalOperationError\"",
    );
    check(
        RunFate::NeverEnd {
            at: SubState::Validating,
        },
        "Running",
        "InProgress",
        "",
    );
    let partial = RunFate::PartiallySucceed {
        outputs: 0,
        message: "Failed in distributing".to_owned(),
    };
    check(
        partial,
        "PartiallySucceeded",
        "Succeeded",
        "Failed in distributing",
    );
}

/// What a run reached is told by its state; what its operation ends with is a switch, because nobody has recorded it.
#[test]
fn the_operation_of_a_partial_run_is_a_switch() {
    let check = |switch: PartialOperation, expected: &str| {
        let scene = Scene::provisioned(Switches {
            partial_operation: switch,
            ..Switches::default()
        });
        scene.cloud.script_run(RunFate::PartiallySucceed {
            outputs: 1,
            message: "no quota".to_owned(),
        });
        let run = scene.post("run");
        scene.wait(4000);
        let status = scene.template()["properties"]["lastRunStatus"].clone();
        assert_eq!(status["runState"], "PartiallySucceeded");
        let operation = scene.get(&run.operation()).body;
        assert_eq!(operation["status"], expected);
        let message = if expected == "Failed" {
            json!("no quota")
        } else {
            Value::Null
        };
        assert_eq!(operation["error"]["message"], message);
    };
    check(PartialOperation::Succeeded, "Succeeded");
    check(PartialOperation::Failed, "Failed");
}

#[test]
fn a_run_may_end_in_a_state_that_nobody_knows() {
    let scene = Scene::provisioned(Switches::default());
    scene.cloud.script_run(RunFate::EndAs {
        state: "Completed",
        outputs: 1,
    });
    scene.post("run");
    scene.wait(4000);
    let status = scene.template()["properties"]["lastRunStatus"].clone();
    assert_eq!(status["runState"], "Completed");
    assert_ne!(status["endTime"], "0001-01-01T00:00:00Z");
    assert_eq!(
        scene.get(&scene.template_url("/runOutputs/out")).status,
        200
    );
}

#[test]
fn a_run_shows_and_its_outputs_come_as_switched() {
    let check = |shows_after: u64, outputs_after: u64| {
        let scene = Scene::provisioned(Switches {
            run_shows_after: Duration::from_secs(shows_after),
            run_outputs_after: Duration::from_secs(outputs_after),
            ..Switches::default()
        });
        let shown = || {
            scene.template()["properties"]
                .get("lastRunStatus")
                .is_some()
        };
        let output = || scene.get(&scene.template_url("/runOutputs/out")).status;
        scene.post("run");
        assert_eq!(shown(), shows_after == 0);
        // It goes on all the same, and another one is refused.
        let again = scene.post("run");
        assert_eq!(again.body["error"]["code"], "OperationNotAllowed");
        scene.wait(100);
        assert!(shown());
        assert_eq!(output(), 404);
        // The run takes 1140 s.
        scene.wait(1050);
        assert_eq!(output(), if outputs_after == 0 { 200 } else { 404 });
        let list = scene.get(&scene.template_url("/runOutputs"));
        let count = list.body["value"].as_array().unwrap().len();
        assert_eq!(count, usize::from(outputs_after == 0));
        scene.wait(100);
        assert_eq!(output(), 200);
    };
    check(0, 0);
    check(60, 60);
}

#[test]
fn images_name_the_disk_that_they_were_made_of_as_switched() {
    for (image_disk, names) in [(ImageDisk::Named, true), (ImageDisk::Unnamed, false)] {
        let scene = Scene::provisioned(Switches {
            image_disk,
            ..Switches::default()
        });
        let staging = scene.template()["properties"]["exactStagingResourceGroup"].clone();
        scene.post("run");
        scene.wait(4000);
        let output = scene.get(&scene.template_url("/runOutputs/out")).body;
        let id = output["properties"]["artifactId"].as_str().unwrap();
        let url = format!("https://management.azure.emulator{id}?api-version=2024-03-03");
        let image = scene.get(&url).body;
        let disk = &image["properties"]["storageProfile"]["osDiskImage"]["source"];
        let account = disk["storageAccountId"].as_str().unwrap_or_default();
        assert_eq!(
            account.starts_with(staging.as_str().unwrap()),
            names,
            "{image}"
        );
    }
}

#[test]
fn faults_are_met_once_and_counted() {
    let scene = Scene::provisioned(Switches::default());
    let fault = |effect: Effect| Fault::once("RunTemplate", effect);
    scene.cloud.add_fault(fault(Effect::ResetAfter));
    assert_eq!(scene.cloud.unconsumed_faults().len(), 1);
    let request = Request::post(scene.template_url("/run"))
        .header("authorization", format!("Bearer {}", scene.token))
        .header("content-length", 0)
        .body(Bytes::new())
        .unwrap();
    assert!(matches!(
        scene.cloud.answer(request).outcome,
        Outcome::Reset
    ));
    assert!(scene.cloud.unconsumed_faults().is_empty());
    // The service has acted although nobody was told.
    assert_eq!(
        scene.template()["properties"]["lastRunStatus"]["runState"],
        "Running"
    );
    scene
        .cloud
        .add_fault(Fault::once("GetTemplate", Effect::ExpireToken));
    let expired = scene.get(&scene.template_url(""));
    assert_eq!(expired.body["error"]["code"], "ExpiredAuthenticationToken");
    assert!(expired.header("www-authenticate").is_some());
    scene
        .cloud
        .add_fault(Fault::once("GetTemplate", Effect::NotJson));
    assert_eq!(scene.get(&scene.template_url("")).status, 502);
    let journal = scene.cloud.journal();
    assert_eq!(journal.last().unwrap().status, Some(502));
    assert!(
        journal
            .iter()
            .any(|entry| entry.operation == Some("RunTemplate") && entry.status.is_none())
    );
}

#[test]
fn lists_have_pages_of_ten() {
    let scene = Scene::new(Switches::default());
    for number in 0..11 {
        let url = scene
            .template_url("")
            .replace("/web?", &format!("/t{number:02}?"));
        assert_eq!(
            scene.send(Method::PUT, &url, Some(&scene.body())).status,
            201
        );
    }
    let first = scene.get(&scene.url("/providers/Microsoft.VirtualMachineImages/imageTemplates"));
    assert_eq!(first.body["value"].as_array().unwrap().len(), 10);
    assert!(first.text.contains("\\u0026skipToken=10"));
    let second = scene.get(first.body["nextLink"].as_str().unwrap());
    assert_eq!(second.body["value"].as_array().unwrap().len(), 1);
    assert_eq!(second.body.get("nextLink"), None);
}

#[test]
fn a_blob_behind_a_bare_url_needs_a_role_of_the_identity() {
    let check = |may_read: bool, expected: &str| {
        let mut world = World::contoso(Addresses::in_process());
        if may_read {
            let principal = world.identities[0].principal.clone();
            world.storage_accounts[0]
                .roles
                .insert(principal, vec![crate::blob::BlobRole::Reader]);
        }
        let scene = Scene::with_world(Switches::default(), world);
        scene.cloud.put_blob(
            "stcontosoimages",
            "scripts",
            "a.sh",
            Bytes::from_static(b"echo"),
        );
        let mut body = scene.body();
        body["properties"]["customize"][0]["scriptUri"] =
            json!("https://stcontosoimages.blob.azure.emulator/scripts/a.sh");
        scene.put(&body);
        scene.wait(60);
        assert_eq!(
            scene.template()["properties"]["provisioningState"],
            expected
        );
    };
    check(true, "Succeeded");
    check(false, "Failed");
}
