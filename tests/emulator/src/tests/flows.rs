//! The recorded flows: template, run, cancel, delete, run outputs.

use http::Method;
use serde_json::json;

use super::scene::{Scene, VERSION};
use crate::{Progress, Switches};

#[test]
fn a_new_template_is_answered_as_recorded() {
    let scene = Scene::new(Switches::default());
    let put = scene.put(&scene.body());
    assert_eq!(put.status, 201, "{}", put.text);
    assert!(put.header("location").is_none());
    assert!(put.header("retry-after").is_none());
    assert_eq!(put.header("content-type"), Some("application/json"));
    assert!(
        put.text.starts_with("{\n \"properties\": {\n  \"source\""),
        "{}",
        put.text
    );
    assert!(
        put.body["id"]
            .as_str()
            .unwrap()
            .contains("/resourcegroups/rg-images/")
    );
    let properties = &put.body["properties"];
    assert_eq!(properties["source"]["exactVersion"], "latest");
    assert_eq!(properties["customize"][0].get("sha256Checksum"), None);
    assert_eq!(
        properties["vmProfile"],
        json!({"vmSize": "", "osDiskSizeGB": 0})
    );
    assert_eq!(properties["buildTimeoutInMinutes"], 0);
    assert_eq!(properties["exactStagingResourceGroup"], "");
    assert_eq!(scene.put(&scene.body()).body["error"]["code"], "Conflict");
}

#[test]
fn provisioning_fills_in_what_the_service_finds_out() {
    let scene = Scene::new(Switches::default());
    let put = scene.put(&scene.body());
    let operation = put.operation();
    assert!(operation.len() > 3000);
    assert_eq!(scene.get(&operation).body["status"], "InProgress");
    scene.wait(40);
    let done = scene.get(&operation);
    assert_eq!(
        (done.status, &done.body["status"]),
        (200, &json!("Succeeded"))
    );
    assert_eq!(done.body["endTime"], "2025-04-30T06:07:15Z");
    let id = done.body["name"].as_str().unwrap();
    assert_eq!(id, id.to_uppercase());
    assert_eq!(
        put.header("x-ms-request-id"),
        Some(id.to_lowercase().as_str())
    );
    let template = scene.template();
    let properties = &template["properties"];
    assert_eq!(properties["source"]["exactVersion"], "18.04.202401161");
    assert_eq!(
        properties["customize"][0]["sha256Checksum"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    let staging = properties["exactStagingResourceGroup"].as_str().unwrap();
    assert!(
        staging.contains("/resourceGroups/IT_rg-images_web_"),
        "{staging}"
    );
    let identities = template["identity"]["userAssignedIdentities"]
        .as_object()
        .unwrap();
    assert!(
        identities
            .values()
            .all(|identity| identity["clientId"].is_string())
    );
}

#[test]
fn a_run_passes_through_its_states() {
    let scene = Scene::provisioned(Switches::default());
    assert!(
        scene.template()["properties"]
            .get("lastRunStatus")
            .is_none()
    );
    let run = scene.post("run");
    assert_eq!((run.status, run.text.as_str()), (202, ""));
    assert_ne!(run.header("location"), run.header("azure-asyncoperation"));
    let location = run.header("location").unwrap().to_owned();
    assert_eq!(scene.get(&location).body["status"], "InProgress");
    let status = scene.template()["properties"]["lastRunStatus"].clone();
    assert_eq!(status["runSubState"], "Queued");
    assert_eq!(status["endTime"], "0001-01-01T00:00:00Z");
    assert_eq!(status["startTime"], "2025-04-30T06:07:39.630984039Z");
    assert_eq!(
        scene.post("run").body["error"]["code"],
        "OperationNotAllowed"
    );
    scene.wait(1160);
    // The run has ended, its operation has not.
    let status = scene.template()["properties"]["lastRunStatus"].clone();
    assert_eq!(
        (&status["runState"], status.get("runSubState")),
        (&json!("Succeeded"), None)
    );
    assert_eq!(scene.get(&run.operation()).body["status"], "InProgress");
    scene.wait(65);
    assert_eq!(scene.get(&run.operation()).body["status"], "Succeeded");
}

#[test]
fn a_gallery_image_version_is_there_before_the_run_ends() {
    let scene = Scene::provisioned(Switches::default());
    scene.post("run");
    assert_eq!(
        scene.get(&scene.template_url("/runOutputs/out")).status,
        404
    );
    scene.wait(700);
    let status = scene.template()["properties"]["lastRunStatus"].clone();
    assert_eq!(status["runSubState"], "Distributing");
    let gallery = "/providers/Microsoft.Compute/galleries/galContoso";
    let version = scene.url(&format!("{gallery}/images/ubuntu-2404/versions/1.0.0"));
    let version = format!(
        "{}&$expand=ReplicationStatus",
        version.replace(VERSION, "2023-07-03")
    );
    assert_eq!(
        scene.get(&version).body["properties"]["provisioningState"],
        "Creating"
    );
    scene.wait(460);
    let output = scene.get(&scene.template_url("/runOutputs/out")).body;
    let artifact = output["properties"]["artifactId"].as_str().unwrap();
    assert!(
        artifact.ends_with("/images/ubuntu-2404/versions/1.0.0"),
        "{artifact}"
    );
    let done = scene.get(&version);
    assert!(done.text.starts_with("{\r\n  \"name\""));
    let properties = &done.body["properties"];
    assert_eq!(
        properties["publishingProfile"]["targetRegions"][0]["name"],
        "East US 2"
    );
    assert_eq!(
        properties["replicationStatus"]["summary"][0]["region"],
        "eastus2"
    );
    assert_eq!(
        properties["replicationStatus"]["aggregatedState"],
        "Completed"
    );
}

#[test]
fn cancel_answers_nothing_to_poll() {
    let scene = Scene::provisioned(Switches::default());
    assert_eq!(scene.post("cancel").status, 409);
    let run = scene.post("run");
    scene.wait(20);
    let cancel = scene.post("cancel");
    assert_eq!((cancel.status, cancel.text.as_str()), (204, ""));
    for header in [
        "location",
        "azure-asyncoperation",
        "content-length",
        "content-type",
    ] {
        assert_eq!(cancel.header(header), None, "{header}");
    }
    let status = scene.template()["properties"]["lastRunStatus"].clone();
    assert_eq!(
        (&status["runState"], &status["message"]),
        (&json!("Canceling"), &json!("Canceling image build"))
    );
    assert_eq!(status.get("runSubState"), None);
    assert_eq!(
        scene.post("cancel").body["error"]["code"],
        "OperationNotAllowed"
    );
    let refused = scene.send(Method::DELETE, &scene.template_url(""), None);
    assert!(
        refused.text.contains("run state: canceling"),
        "{}",
        refused.text
    );
    scene.wait(40);
    let status = scene.template()["properties"]["lastRunStatus"].clone();
    assert_eq!(
        (&status["runState"], &status["message"]),
        (&json!("Canceled"), &json!("The build was canceled"))
    );
    scene.wait(65);
    assert_eq!(scene.get(&run.operation()).body["status"], "Canceled");
}

#[test]
fn delete_takes_all_with_it() {
    let scene = Scene::provisioned(Switches::default());
    let delete = scene.send(Method::DELETE, &scene.template_url(""), None);
    assert_eq!(delete.status, 202);
    assert!(delete.header("location").is_some());
    scene.wait(62);
    assert_eq!(scene.get(&delete.operation()).body["status"], "InProgress");
    scene.wait(30);
    assert_eq!(
        scene.get(delete.header("location").unwrap()).body["status"],
        "Succeeded"
    );
    assert_eq!(
        scene.get(&scene.template_url("")).body["error"]["code"],
        "ResourceNotFound"
    );
    assert_eq!(
        scene
            .send(Method::DELETE, &scene.template_url(""), None)
            .status,
        204
    );
    assert!(
        scene.cloud.inventory().is_empty(),
        "{}",
        scene.cloud.inventory()
    );
}

#[test]
fn a_managed_image_and_a_vhd_have_their_run_outputs() {
    let scene = Scene::new(Switches {
        progress: Progress::Immediate,
        ..Switches::default()
    });
    let mut body = scene.body();
    let image = format!("{}/providers/Microsoft.Compute/images/img", scene.group);
    body["properties"]["distribute"] = json!([
        {"type": "ManagedImage", "runOutputName": "image", "imageId": image, "location": "westeurope"},
        {"type": "VHD", "runOutputName": "vhd", "artifactTags": {"is_vhd": "True"}},
    ]);
    assert_eq!(
        scene.put(&body).body["properties"]["distribute"][0]["artifactTags"],
        json!({})
    );
    scene.post("run");
    let outputs = scene.get(&scene.template_url("/runOutputs")).body;
    assert_eq!(outputs["value"][0]["properties"]["artifactId"], image);
    let vhd = outputs["value"][1]["properties"]["artifactUri"]
        .as_str()
        .unwrap();
    assert!(vhd.contains(".blob.azure.emulator/vhds/vhd_2025"), "{vhd}");
    let url = format!("https://management.azure.emulator{image}?api-version=2024-03-01");
    assert_eq!(
        scene.get(&url).body["properties"]["provisioningState"],
        "Succeeded"
    );
}

#[test]
fn a_region_in_words_gives_urls_without_blanks() {
    let scene = Scene::new(Switches::default());
    let mut body = scene.body();
    body["location"] = json!("West Europe");
    let put = scene.put(&body);
    assert_eq!(
        (put.status, &put.body["location"]),
        (201, &json!("westeurope"))
    );
    assert!(
        put.operation()
            .contains("/locations/westeurope/operations/")
    );
}
