//! VMs, their parts, and tags.

use http::Method;
use serde_json::{Value, json};

use super::pools::{Estate, version};
use super::scene::Answer;
use super::versions::code;
use crate::SecondDeletion;

const COMPUTE: &str = "2024-07-01";
const RESOURCES: &str = "2021-04-01";
const DISKS: &str = "2024-03-02";
const NETWORK: &str = "2024-05-01";

fn machine(estate: &Estate, name: &str) -> String {
    format!(
        "{}/providers/Microsoft.Compute/virtualMachines/{name}",
        estate.group()
    )
}

fn post(estate: &Estate, path: &str) -> Answer {
    estate.ask(Method::POST, path, COMPUTE, &Value::Null)
}

#[test]
fn a_machine_that_is_being_deleted_is_deleted_once() {
    for (second, status) in [(SecondDeletion::Taken, 202), (SecondDeletion::Refused, 409)] {
        let estate = Estate::new(|on, _| on.desktops.second_deletion = second);
        let vm = machine(&estate, "stg-0");
        let delete = || estate.ask(Method::DELETE, &vm, COMPUTE, &Value::Null);
        let first = delete();
        assert_eq!(first.status, 202);
        estate.scene.wait(20);
        let again = delete();
        assert_eq!(again.status, status);
        let started = post(&estate, &format!("{vm}/start"));
        assert_eq!(started.status, 409);
        // The second request does not make it longer.
        estate.scene.wait(23);
        let gone = estate.ask(Method::GET, &vm, COMPUTE, &Value::Null);
        assert_eq!(gone.status, 404);
        if status == 202 {
            assert_ne!(first.operation(), again.operation());
            let operation = estate.scene.get(&again.operation());
            assert_eq!(operation.body["status"], "Succeeded");
        }
        assert_eq!(delete().status, 204);
    }
}

pub(super) fn host_status(estate: &Estate, pool: &str, name: &str) -> String {
    let hosts = estate.scene.cloud.session_hosts(&estate.pool(pool));
    let host = hosts.iter().find(|host| host.name == name).unwrap();
    host.status.clone()
}

#[test]
fn a_machine_is_stopped_and_started_and_its_host_follows() {
    for retry_after in [None, Some(10)] {
        let estate = Estate::new(|on, _| on.desktops.machine_retry_after = retry_after);
        let vm = machine(&estate, "stg-0");
        let view = || {
            let view = estate.ask(
                Method::GET,
                &format!("{vm}/instanceView"),
                COMPUTE,
                &Value::Null,
            );
            view.body["statuses"][1]["code"].clone()
        };
        assert_eq!(view(), "PowerState/running");
        let started = post(&estate, &format!("{vm}/deallocate"));
        assert_eq!(started.status, 202);
        let wait = retry_after.map(|seconds: u32| seconds.to_string());
        assert_eq!(started.header("retry-after"), wait.as_deref());
        assert_eq!(host_status(&estate, "hp-staging", "stg-0"), "Available");
        estate.scene.wait(23);
        assert_eq!(
            estate.scene.get(&started.operation()).body["status"],
            "Succeeded"
        );
        assert_eq!(view(), "PowerState/deallocated");
        assert_eq!(host_status(&estate, "hp-staging", "stg-0"), "Shutdown");
        let expanded = estate.ask(
            Method::GET,
            &format!("{vm}?$expand=instanceView"),
            COMPUTE,
            &Value::Null,
        );
        let expanded = &expanded.body["properties"]["instanceView"];
        assert_eq!(
            (&expanded["statuses"][1]["code"], expanded.get("vmAgent")),
            (&json!("PowerState/deallocated"), None)
        );
        assert_eq!(post(&estate, &format!("{vm}/start")).status, 202);
        estate.scene.wait(30);
        // It runs, and its host reports a minute later.
        assert_eq!(host_status(&estate, "hp-staging", "stg-0"), "Unavailable");
        estate.scene.wait(60);
        assert_eq!(host_status(&estate, "hp-staging", "stg-0"), "Available");
        assert_eq!(post(&estate, &format!("{vm}/powerOff")).status, 202);
        estate.scene.wait(23);
        assert_eq!(view(), "PowerState/stopped");
        assert_eq!(post(&estate, &machine(&estate, "none/start")).status, 404);
    }
}

#[test]
fn parts_go_with_a_machine_only_where_it_says_so() {
    for goes in [true, false] {
        let estate = Estate::new(|_, world| {
            let host = &mut world.host_pools[0].hosts[0];
            let (machine, parts) = crate::machine_of_version(
                "stg-0",
                host.machine.id.split("/providers/").next().unwrap(),
                "westeurope",
                &version("1.0.0"),
                goes,
            );
            (host.machine, host.parts) = (machine, parts);
        });
        let vm = machine(&estate, "stg-0");
        let disk = format!(
            "{}/providers/Microsoft.Compute/disks/stg-0_OsDisk_1",
            estate.group()
        );
        let interface = format!(
            "{}/providers/Microsoft.Network/networkInterfaces/nic-stg-0",
            estate.group()
        );
        let get = |id: &str, api: &str| estate.ask(Method::GET, id, api, &Value::Null).status;
        let delete = |id: &str, api: &str| estate.ask(Method::DELETE, id, api, &Value::Null);
        assert_eq!(
            code(&delete(&disk, DISKS)),
            (409, "OperationNotAllowed".to_owned())
        );
        assert_eq!(
            code(&delete(&interface, NETWORK)),
            (400, "NicInUse".to_owned())
        );
        let answer = delete(&format!("{vm}?forceDeletion=false"), COMPUTE);
        assert_eq!(answer.status, 202, "{}", answer.text);
        // A VM that runs takes a while.
        estate.scene.wait(39);
        assert_eq!(get(&vm, COMPUTE), 200);
        assert_eq!(
            code(&post(&estate, &format!("{vm}/start"))),
            (409, "OperationNotAllowed".to_owned())
        );
        estate.scene.wait(1);
        assert_eq!(get(&vm, COMPUTE), 404);
        assert_eq!(delete(&vm, COMPUTE).status, 204);
        assert_eq!(host_status(&estate, "hp-staging", "stg-0"), "Unavailable");
        let expected = if goes { 404 } else { 200 };
        assert_eq!(
            (get(&disk, DISKS), get(&interface, NETWORK)),
            (expected, expected)
        );
        let expected = if goes { 204 } else { 202 };
        assert_eq!(delete(&disk, DISKS).status, expected);
        assert_eq!(delete(&interface, NETWORK).status, expected);
        assert_eq!((get(&disk, DISKS), get(&interface, NETWORK)), (404, 404));
    }
}

#[test]
fn tags_are_merged_replaced_and_removed_at_a_scope() {
    let estate = Estate::new(|_, _| {});
    let vm = machine(&estate, "avd-0");
    let tags = || estate.ask(Method::GET, &vm, COMPUTE, &Value::Null).body["tags"].clone();
    let patch = |scope: &str, operation: &str, tags: Value| {
        let path = format!("{scope}/providers/Microsoft.Resources/tags/default");
        let body = json!({"operation": operation, "properties": {"tags": tags}});
        estate.ask(Method::PATCH, &path, RESOURCES, &body)
    };
    let answer = patch(&vm, "Merge", json!({"a": "1", "b": "2"}));
    assert_eq!(
        (answer.status, &answer.body["properties"]["tags"]),
        (200, &json!({"a": "1", "b": "2"}))
    );
    patch(&vm, "Merge", json!({"A": "3"}));
    assert_eq!(tags(), json!({"a": "3", "b": "2"}));
    patch(&vm, "Delete", json!({"a": "1", "b": "2"}));
    assert_eq!(tags(), json!({"a": "3"}));
    patch(&vm, "Replace", json!({"c": "4"}));
    assert_eq!(tags(), json!({"c": "4"}));
    assert_eq!(patch(&vm, "Add", json!({})).status, 400);
    assert_eq!(
        patch(&machine(&estate, "none"), "Merge", json!({})).status,
        404
    );
    // The VM's own PATCH replaces them all.
    let own = estate.ask(Method::PATCH, &vm, COMPUTE, &json!({"tags": {"d": "5"}}));
    assert_eq!((own.status, &own.body["tags"]), (200, &json!({"d": "5"})));
    assert_eq!(
        estate
            .ask(Method::PATCH, &vm, COMPUTE, &json!({"properties": {}}))
            .status,
        400
    );
    let version = version("1.0.0");
    patch(&version, "Merge", json!({"e": "6"}));
    let shown = estate
        .ask(Method::GET, &version, "2024-03-03", &Value::Null)
        .body;
    assert_eq!(shown["tags"], json!({"e": "6"}));
    let read = estate.ask(
        Method::GET,
        &format!("{version}/providers/Microsoft.Resources/tags/default"),
        RESOURCES,
        &Value::Null,
    );
    assert_eq!(read.body["properties"]["tags"], json!({"e": "6"}));
}

#[test]
fn a_list_of_resources_is_filtered_by_group() {
    let estate = Estate::new(|_, _| {});
    let subscription = estate
        .group()
        .split("/resourceGroups/")
        .next()
        .unwrap()
        .to_owned();
    let list = format!("{subscription}/resources?$filter=resourceGroup%20eq%20'RG-AVD'");
    let found = estate.ask(Method::GET, &list, RESOURCES, &Value::Null);
    let all = found.body["value"].as_array().unwrap();
    assert!(!all.is_empty());
    assert!(all.iter().all(|one| {
        one["id"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("/rg-avd/")
    }));
}
