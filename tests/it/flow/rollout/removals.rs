//! Nothing is removed that is not provably of the roll-out, and what stays is named.

use std::sync::Arc;

use azure_emulator::{Cloud, DeploymentFate, Fault, SceneResource, machine_of_version};
use http::Method;
use serde_json::json;

use super::hosts::*;
use crate::flow::scene::Stage;

fn warnings(stage: &Stage) -> Vec<String> {
    stage.issues("warning")
}

/// Puts a VM of a version into the cloud.
fn put_machine(cloud: &Cloud, name: &str, group: &str, number: &str) -> String {
    let (machine, parts) = machine_of_version(name, group, "westeurope", &version(number), true);
    let id = machine.id.clone();
    for part in parts.into_iter().chain([machine]) {
        cloud.put_resource(part);
    }
    id
}

/// The prefix of the new hosts' names, by a roll-out that only begins.
async fn begun(count: &str) -> (Arc<Cloud>, String) {
    let scene = replace()
        .input("hostCount", count)
        .input("rolloutWait", "false");
    let stage = run(scene, |_| {}).await;
    assert_good(&stage);
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    let all = hosts(&stage.cloud);
    let new = all.iter().find(|host| host.starts_with("avd")).unwrap();
    let prefix = new.split('-').next().unwrap().to_owned();
    (Arc::clone(&stage.cloud), prefix)
}

#[tokio::test(start_paused = true)]
async fn a_host_without_a_known_vm_stays_and_is_named() {
    let disk = format!("{}/providers/Microsoft.Compute/disks/d", group());
    for (keep, expected) in [
        (
            "false",
            "AIB601: Session host 'stg-0' and its VM remain: Azure does not report its VM",
        ),
        (
            "true",
            "AIB601: The old session host 'stg-0' stays drained as it is: Azure does not report its VM",
        ),
    ] {
        let stage = run(replace().input("keepOldHosts", keep), |cloud| {
            change(cloud, "stg-0", |host| {
                host.facts = json!({"properties": {"resourceId": disk}});
            });
        })
        .await;
        let told = warnings(&stage);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(expected), "{told:?}");
        let all = hosts(&stage.cloud);
        assert_eq!(all[0], "stg-0 1.0.0 drained", "{all:?}");
        let journal = stage.cloud.journal();
        let touched = journal
            .iter()
            .find(|entry| entry.method != Method::GET && entry.path.contains("/disks/"));
        assert!(touched.is_none(), "{touched:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_that_makes_more_finds_names_that_are_taken() {
    let (cloud, prefix) = begun("1").await;
    let foreign = put_machine(&cloud, &format!("{prefix}-1"), &group(), OLD);
    let second = run_in(replace().input("hostCount", "2").attempt(2), &cloud).await;
    let error = second.error();
    let expected = format!(
        "AIB854: Rolling out to host pool 'hp-staging' failed: 1 of the names that the new hosts would get is taken: {prefix}-1\n"
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(cloud.resource(&foreign).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_vm_of_another_image_is_not_taken_back() {
    let cloud = replace().new_cloud();
    cloud.script_deployment(DeploymentFate::HostsNeedAssistance);
    let scene = || replace().input("onRolloutFailure", "back");
    // Someone makes the VM of the rest's name while the canary is waited for.
    let (probe, prefix) = begun("2").await;
    drop(probe);
    let planted = Arc::clone(&cloud);
    let name = format!("{prefix}-1");
    let task = tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        put_machine(&planted, &name, &group(), OLD)
    });
    let stage = run_in(scene(), &cloud).await;
    let foreign = task.await.unwrap();
    assert!(cloud.resource(&foreign).is_some(), "{}", stage.transcript);
    let told = warnings(&stage);
    let expected = format!(
        "AIB601: VM '{prefix}-1' remains: the VM was created from {}, so it is not of this roll-out\nhint: to delete it, run: az vm delete --yes --ids {foreign}",
        version(OLD)
    );
    assert_eq!(told, [expected]);
    assert_eq!(hosts(&cloud), ["stg-0 1.0.0 open", "stg-1 1.0.0 open"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_vm_that_cannot_be_deleted_is_not_said_to_be_taken_back() {
    let scene = replace().input("onRolloutFailure", "back");
    let stage = run(scene, |cloud| {
        cloud.script_deployment(DeploymentFate::HostsNeedAssistance);
        let mut fault = Fault::once("DeleteVirtualMachine", forbidden());
        fault.times = 20;
        cloud.add_fault(fault);
    })
    .await;
    let told = log(&stage);
    assert!(!told.contains("taken back"), "{told}");
    let warnings = warnings(&stage);
    assert!(
        warnings[0].contains("which is not in the host pool any more, remains: "),
        "{warnings:?}"
    );
    // The host is gone, and result and summary do not show it any more.
    let result = result_file(&stage);
    let names: Vec<&str> = result["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["stg-0", "stg-1"], "{result}");
    assert_eq!(stage.variable("rolloutHosts"), Some("[]"));
}

#[tokio::test(start_paused = true)]
async fn a_tag_alone_deletes_no_vm() {
    let (cloud, prefix) = begun("2").await;
    let names = cloud.deployments();
    let (deployment, _) = names.first().unwrap();
    let deployment = deployment.rsplit('/').next().unwrap();
    let deployment = deployment.strip_suffix("-canary").unwrap();
    let elsewhere = group().replace("rg-avd", "rg-images");
    let (machine, _) = machine_of_version("sql-0", &elsewhere, "westeurope", &version(OLD), true);
    let (id, mut body) = (machine.id, machine.body);
    body["tags"] = json!({"imageRollout": format!("removing:{deployment}")});
    cloud.put_resource(SceneResource {
        id: id.clone(),
        body,
    });
    let scene = replace()
        .input("hostCount", "2")
        .input("keepOldHosts", "false")
        .attempt(2);
    let watch = Watch::begin(&cloud);
    let second = scene.build_in(Arc::clone(&cloud)).await;
    watch.end(&second, 2);
    let told = warnings(&second);
    assert_eq!(
        told,
        [format!(
            "AIB601: VM 'sql-0' remains: its tag 'imageRollout' says that this roll-out deletes it, but no session host of the host pool is in its resource group\n\
             hint: if it is not needed, delete it: az vm delete --yes --ids {id}"
        )]
    );
    assert!(cloud.resource(&id).is_some());
    assert_eq!(
        hosts(&cloud),
        [
            format!("{prefix}-0 1.0.1 open"),
            format!("{prefix}-1 1.0.1 open")
        ]
    );
}
