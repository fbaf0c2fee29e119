//! The emulator, put into the scene of a recording and asked the same requests at the same times, answers alike.

use std::time::Duration;

use azure_emulator::{Durations, OperationUrls};
use serde_json::{Value, json};

use super::recording::Step;
use super::rehearsal::Rehearsal;
use crate::emulated::json_of;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A run of this length altogether; the operation ends so long after it.
fn run_of(total: u64, closing: Duration) -> Durations {
    Durations {
        queued: seconds(10),
        building: seconds(100),
        customizing: seconds(100),
        distributing: seconds(total - 210),
        closing,
        ..Durations::default()
    }
}

fn provisioned_after(provisioning: u64) -> Durations {
    Durations {
        provisioning: seconds(provisioning),
        ..Durations::default()
    }
}

#[test]
fn managed_image() {
    let durations = Durations {
        provisioning: seconds(31),
        ..run_of(428, Duration::from_millis(200))
    };
    Rehearsal::new("managed_image", OperationUrls::Plain, durations).check();
}

#[test]
fn template_outputs() {
    let durations = provisioned_after(36);
    Rehearsal::new("template_outputs", OperationUrls::Plain, durations).check();
}

#[test]
fn cancel() {
    let durations = provisioned_after(11);
    Rehearsal::new("cancel", OperationUrls::Plain, durations).check();
}

#[test]
fn cancel_signed_urls() {
    let durations = provisioned_after(30);
    Rehearsal::new("cancel_signed_urls", OperationUrls::Signed, durations).check();
}

#[test]
fn run_signed_urls() {
    let rehearsal = Rehearsal::new(
        "run_signed_urls",
        OperationUrls::Signed,
        run_of(1167, seconds(65)),
    );
    // The recording starts with the run; the template is made of what is recorded of it in the end.
    let last = rehearsal.recording.steps.last().unwrap().clone();
    let sent = sent_for(&last.answer);
    rehearsal.with(&last.path, "2022-07-01", &sent).check();
}

/// What was sent for a template that is answered like this.
fn sent_for(answer: &Value) -> Value {
    let mut properties = answer["properties"].clone();
    for member in [
        "provisioningState",
        "lastRunStatus",
        "exactStagingResourceGroup",
    ] {
        properties.as_object_mut().unwrap().remove(member);
    }
    properties["source"]
        .as_object_mut()
        .unwrap()
        .remove("exactVersion");
    properties["distribute"][0]
        .as_object_mut()
        .unwrap()
        .remove("versioning");
    let mut identity = answer["identity"].clone();
    for value in identity["userAssignedIdentities"]
        .as_object_mut()
        .unwrap()
        .values_mut()
    {
        *value = json!({});
    }
    json!({"location": answer["location"], "identity": identity, "properties": properties})
}

#[test]
fn trigger() {
    let durations = provisioned_after(40);
    Rehearsal::new("trigger", OperationUrls::Signed, durations).check();
}

#[test]
fn delete_template() {
    let rehearsal = Rehearsal::new(
        "delete_template",
        OperationUrls::Plain,
        Durations::default(),
    );
    // Of the template nothing is recorded but its end.
    let path = rehearsal.recording.steps[0].path.clone();
    let group =
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers";
    let identity =
        format!("{group}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder");
    let template = json!({
        "location": "eastus",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "source": {"type": "PlatformImage", "publisher": "Canonical", "offer": "UbuntuServer", "sku": "18.04-LTS", "version": "latest"},
            "distribute": [{"type": "VHD", "runOutputName": "vhd"}],
        },
    });
    rehearsal.with(&path, "2022-07-01", &template).check();
}

#[test]
fn gallery_version_replication() {
    let durations = Durations {
        replicating: seconds(408),
        ..Durations::default()
    };
    let rehearsal = Rehearsal::new(
        "gallery_version_replication",
        OperationUrls::Plain,
        durations,
    );
    // The last two steps are from another recording, which does not show how its version was made.
    let last = rehearsal.recording.steps.last().unwrap().clone();
    let shown = &rehearsal.recording.steps[10].answer;
    let version = json!({
        "location": shown["location"],
        "properties": {
            "publishingProfile": {
                "targetRegions": [{"name": "eastus2"}],
                "endOfLifeDate": shown["properties"]["publishingProfile"]["endOfLifeDate"],
            },
            "storageProfile": {
                "source": shown["properties"]["storageProfile"]["source"],
                "osDiskImage": {"hostCaching": "None"},
            },
        },
    });
    rehearsal.with(&last.path, "2019-12-01", &version).check();
}

/// Every step counts: a recording that is altered in one place is not met any more.
#[test]
fn an_altered_recording_is_told() {
    let check = |alter: fn(&mut Step), index: usize, expected: &str| {
        let durations = provisioned_after(30);
        let mut rehearsal = Rehearsal::new("cancel_signed_urls", OperationUrls::Signed, durations);
        alter(&mut rehearsal.recording.steps[index]);
        let (left, _) = rehearsal.perform();
        assert_eq!(left.len(), 1, "{left:#?}");
        assert!(left[0].starts_with(expected), "{left:#?}");
    };
    check(
        |step| step.status = 200,
        0,
        "step 0 status: recorded 200, found \"201",
    );
    check(
        |step| step.answer["properties"]["source"]["sku"] = json!("19.04"),
        0,
        "step 0 /properties/source/sku: ",
    );
    check(
        |step| step.answer["status"] = json!("Running"),
        1,
        "step 1 /status: ",
    );
    check(
        |step| step.answer["properties"]["lastRunStatus"] = Value::Null,
        2,
        "step 2 /properties/lastRunStatus: ",
    );
    check(
        |step| drop(step.headers.remove("location")),
        3,
        "step 3 header location: ",
    );
    let wait = |step: &mut Step| {
        let wait = json!("15");
        step.headers.insert("retry-after".to_owned(), wait);
    };
    check(wait, 4, "step 4 header retry-after: ");
    check(
        |step| step.answer["properties"]["lastRunStatus"]["runState"] = json!("Running"),
        5,
        "step 5 /properties/lastRunStatus/runState: ",
    );
}

/// What the recording does not show: a version that cannot be made is refused.
#[test]
fn a_gallery_version_of_nothing_is_refused() {
    let rehearsal = Rehearsal::new(
        "gallery_version_replication",
        OperationUrls::Plain,
        Durations::default(),
    );
    let step = &rehearsal.recording.steps[0];
    let check = |pointer: &str, value: Value, status: u16, code: &str| {
        let mut body = step.sent.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let url = format!("{}{}?{}", rehearsal.arm.base, step.path, step.query);
        let answer = rehearsal.arm.send(&step.method, &url, &body);
        let error = &json_of(&answer)["error"];
        assert_eq!(
            (answer.status().as_u16(), &error["code"]),
            (status, &json!(code))
        );
    };
    let image = step.sent["properties"]["storageProfile"]["source"]["id"].as_str();
    let missing = json!(image.unwrap().replace("managedImage1", "none"));
    check("/location", Value::Null, 400, "InvalidParameter");
    check(
        "/properties/storageProfile",
        Value::Null,
        400,
        "InvalidParameter",
    );
    check(
        "/properties/storageProfile/source/id",
        missing,
        404,
        "ResourceNotFound",
    );
}
