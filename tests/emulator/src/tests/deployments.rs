//! Deployments of session hosts.

use http::Method;
use serde_json::{Value, json};

use super::machines::host_status;
use super::pools::{Estate, STABLE, version};
use super::scene::Answer;
use super::versions::code;
use crate::{DeploymentFate, Switches};

const RESOURCES: &str = "2021-04-01";

/// A template with the parameters of session hosts.
fn template() -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "namePrefix": {"type": "string", "maxLength": 12},
            "count": {"type": "int", "defaultValue": 1, "maxValue": 99},
            "firstIndex": {"type": "int", "defaultValue": 0},
            "imageVersionId": {"type": "string"},
            "hostPoolName": {"type": "string"},
            "registrationToken": {"type": "securestring"},
            "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
            "note": {"type": "string", "defaultValue": "[concat('a', 'b')]"},
        },
        "resources": [
            {"type": "Microsoft.Compute/virtualMachines", "name": "[parameters('namePrefix')]", "properties": {
                "storageProfile": {"osDisk": {"deleteOption": "Delete"}}, "networkProfile": {"networkInterfaces": [{"id": "x"}]}}},
            {"type": "Microsoft.Compute/virtualMachines/extensions", "name": "[format('{0}-{1}/Register', parameters('namePrefix'), copyIndex())]",
                "properties": {"protectedSettings": {"token": "[parameters('registrationToken')]"}}},
        ],
    })
}

struct Deployed {
    estate: Estate,
    token: String,
}

impl Deployed {
    fn new(change: impl FnOnce(&mut Switches)) -> Self {
        let estate = Estate::new(|on, _| change(on));
        let body = json!({"properties": {"registrationInfo": {"expirationTime": "2025-04-30T10:06:40Z", "registrationTokenOperation": "Update"}}});
        let made = estate.ask(Method::PATCH, &estate.pool("hp-staging"), STABLE, &body);
        let token = made.body["properties"]["registrationInfo"]["token"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { estate, token }
    }

    fn path(&self, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Resources/deployments/{name}",
            self.estate.group()
        )
    }

    fn body(&self, more: &[(&str, Value)]) -> Value {
        let mut parameters = json!({
            "namePrefix": {"value": "new"}, "count": {"value": 2}, "imageVersionId": {"value": version("1.0.1")},
            "hostPoolName": {"value": "hp-staging"}, "registrationToken": {"value": self.token},
        });
        for (name, value) in more {
            parameters[name] = json!({"value": value});
        }
        json!({"properties": {"mode": "Incremental", "template": template(), "parameters": parameters}})
    }

    fn put(&self, name: &str, more: &[(&str, Value)]) -> Answer {
        self.estate
            .ask(Method::PUT, &self.path(name), RESOURCES, &self.body(more))
    }

    fn get(&self, name: &str) -> Value {
        self.estate
            .ask(Method::GET, &self.path(name), RESOURCES, &Value::Null)
            .body
    }

    fn state(&self, name: &str) -> Value {
        self.get(name)["properties"]["provisioningState"].clone()
    }

    fn operations(&self, name: &str) -> Vec<(String, String)> {
        let path = format!("{}/deployments/{name}/operations", self.estate.group());
        let one = self
            .estate
            .ask(Method::GET, &path, RESOURCES, &Value::Null)
            .body;
        let longer = format!("{}/operations", self.path(name));
        let other = self
            .estate
            .ask(Method::GET, &longer, RESOURCES, &Value::Null)
            .body;
        assert_eq!(one, other);
        let operations = one["value"].as_array().unwrap().iter();
        let told = |operation: &Value| {
            let properties = &operation["properties"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (
                text(&properties["targetResource"]["resourceName"]),
                text(&properties["provisioningState"]),
            )
        };
        operations.map(told).collect()
    }

    fn hosts(&self) -> Vec<String> {
        let hosts = self
            .estate
            .scene
            .cloud
            .session_hosts(&self.estate.pool("hp-staging"));
        hosts.into_iter().map(|host| host.name).collect()
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_deployment_makes_hosts_that_register_open() {
    let deployed = Deployed::new(|_| {});
    let missing = deployed
        .estate
        .ask(Method::GET, &deployed.path("d"), RESOURCES, &Value::Null);
    assert_eq!(code(&missing), (404, "DeploymentNotFound".to_owned()));
    let answer = deployed.put("d", &[("firstIndex", json!(3))]);
    assert_eq!(
        (
            answer.status,
            &answer.body["properties"]["provisioningState"]
        ),
        (201, &json!("Accepted")),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("retry-after"), None);
    // Secure parameters are not shown, expressions not evaluated.
    let parameters = &answer.body["properties"]["parameters"];
    assert_eq!(
        parameters["registrationToken"],
        json!({"type": "SecureString"})
    );
    assert_eq!(parameters["count"], json!({"type": "Int", "value": 2}));
    assert_eq!(parameters["location"]["value"], "westeurope");
    assert!(!answer.text.contains(&deployed.token));
    let poll = |expected: &str| {
        let document = deployed.estate.scene.get(&answer.operation());
        assert_eq!(document.body["status"], expected);
    };
    deployed.estate.scene.wait(10);
    poll("Running");
    assert_eq!(
        code(&deployed.put("d", &[])),
        (409, "DeploymentActive".to_owned())
    );
    assert_eq!(
        deployed.operations("d")[1],
        ("new-3".to_owned(), "Running".to_owned())
    );
    deployed.estate.scene.wait(44);
    let running = deployed.operations("d");
    assert_eq!(running[1], ("new-3".to_owned(), "Succeeded".to_owned()));
    assert_eq!(
        running[2],
        ("new-3/Register".to_owned(), "Running".to_owned())
    );
    assert_eq!(deployed.hosts(), ["stg-0", "stg-1"]);
    deployed.estate.scene.wait(186);
    assert_eq!(deployed.hosts(), ["stg-0", "stg-1", "new-3", "new-4"]);
    let new = deployed
        .estate
        .scene
        .cloud
        .session_hosts(&deployed.estate.pool("hp-staging"))[2]
        .clone();
    assert_eq!(
        (new.status.as_str(), new.open, new.image),
        ("Unavailable", true, version("1.0.1"))
    );
    assert_eq!(deployed.state("d"), "Running");
    deployed.estate.scene.wait(60);
    poll("Succeeded");
    assert_eq!(
        host_status(&deployed.estate, "hp-staging", "new-3"),
        "Available"
    );
    let done = deployed.get("d");
    assert_eq!(
        (
            &done["properties"]["duration"],
            &done["properties"]["outputs"]
        ),
        (&json!("PT5M0S"), &json!({}))
    );
    // The disk goes with the VM, the network interface stays, as the template says.
    let vm = deployed.estate.scene.cloud.resource(&new.machine).unwrap();
    assert_eq!(
        vm["properties"]["storageProfile"]["osDisk"]["deleteOption"],
        "Delete"
    );
    assert_eq!(
        vm["properties"]["networkProfile"]["networkInterfaces"][0]["properties"]["deleteOption"],
        "Detach"
    );
    // Once more: what is there stays as it is.
    assert_eq!(
        deployed
            .put("d", &[("firstIndex", json!(3)), ("count", json!(3))])
            .status,
        200
    );
    deployed.estate.scene.wait(300);
    assert_eq!(
        deployed.hosts(),
        ["stg-0", "stg-1", "new-3", "new-4", "new-5"]
    );
    assert_eq!(
        deployed.estate.scene.cloud.deployments(),
        [("d".to_owned(), "Succeeded".to_owned())]
    );
}

#[test]
fn hosts_are_named_with_a_domain_by_a_switch() {
    let deployed = Deployed::new(|on| on.desktops.host_domain = Some("contoso.local".to_owned()));
    deployed.put("d", &[("count", json!(1))]);
    deployed.estate.scene.wait(300);
    assert_eq!(deployed.hosts(), ["stg-0", "stg-1", "new-0.contoso.local"]);
    let host = format!(
        "{}/sessionHosts/new-0.contoso.local",
        deployed.estate.pool("hp-staging")
    );
    assert_eq!(
        deployed
            .estate
            .ask(Method::GET, &host, STABLE, &Value::Null)
            .status,
        200
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_deployment_fails_with_what_its_resources_say() {
    let check = |fate: DeploymentFate, more: &[(&str, Value)], inner: &str, hosts: usize| {
        let deployed = Deployed::new(|on| on.desktops.deployment = fate);
        let answer = deployed.put("d", more);
        deployed.estate.scene.wait(300);
        let failed = deployed.get("d");
        assert_eq!(failed["properties"]["provisioningState"], "Failed");
        let error = &failed["properties"]["error"];
        assert_eq!(
            (&error["code"], &error["details"][0]["code"]),
            (&json!("DeploymentFailed"), &json!(inner))
        );
        assert_eq!(
            &deployed.estate.scene.get(&answer.operation()).body["error"],
            error
        );
        let operations = deployed.operations("d");
        assert!(
            operations.iter().any(|(_, state)| state == "Failed"),
            "{operations:?}"
        );
        assert_eq!(deployed.hosts().len(), hosts);
    };
    check(
        DeploymentFate::ExtensionFails,
        &[],
        "VMExtensionProvisioningError",
        3,
    );
    check(DeploymentFate::QuotaExceeded, &[], "OperationNotAllowed", 2);
    check(
        DeploymentFate::Deserved,
        &[("registrationToken", json!("other"))],
        "VMExtensionProvisioningError",
        2,
    );
    check(
        DeploymentFate::Deserved,
        &[("hostPoolName", json!("hp-production"))],
        "VMExtensionProvisioningError",
        2,
    );
    check(
        DeploymentFate::Deserved,
        &[("location", json!("eastus"))],
        "GalleryImageNotFound",
        2,
    );
    check(
        DeploymentFate::Deserved,
        &[("imageVersionId", json!(version("9.0.0")))],
        "GalleryImageNotFound",
        2,
    );
    // Of a VM that is there the image cannot change.
    check(
        DeploymentFate::Deserved,
        &[("namePrefix", json!("stg"))],
        "PropertyChangeNotAllowed",
        2,
    );
    let deployed = Deployed::new(|on| on.desktops.deployment = DeploymentFate::HostsNeedAssistance);
    deployed.put("d", &[]);
    deployed.estate.scene.wait(300);
    assert_eq!(deployed.state("d"), "Succeeded");
    assert_eq!(
        host_status(&deployed.estate, "hp-staging", "new-0"),
        "NeedsAssistance"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn parameters_are_checked_before_anything_is_made() {
    let deployed = Deployed::new(|_| {});
    let check = |more: &[(&str, Value)], text: &str| {
        for answer in [
            deployed.put("d", more),
            deployed.estate.ask(
                Method::POST,
                &format!("{}/validate", deployed.path("d")),
                RESOURCES,
                &deployed.body(more),
            ),
        ] {
            assert_eq!(
                code(&answer),
                (400, "InvalidTemplate".to_owned()),
                "{}",
                answer.text
            );
            assert!(answer.text.contains(text), "{}", answer.text);
        }
    };
    check(
        &[("size", json!("x"))],
        "The template parameters 'size' in the parameters file are not valid",
    );
    check(
        &[("count", json!("2"))],
        "Expected 'Integer'. Actual 'String'",
    );
    check(
        &[("count", json!(100))],
        "The provided value for the template parameter 'count' is not valid",
    );
    check(
        &[("namePrefix", json!("thirteen-char"))],
        "The provided value for the template parameter 'namePrefix' is not valid",
    );
    let mut body = deployed.body(&[]);
    body["properties"]["parameters"]
        .as_object_mut()
        .unwrap()
        .shift_remove("hostPoolName");
    let answer = deployed
        .estate
        .ask(Method::PUT, &deployed.path("d"), RESOURCES, &body);
    assert!(
        answer
            .text
            .contains("The value for the template parameter 'hostPoolName'"),
        "{}",
        answer.text
    );
    body["properties"]["mode"] = json!("Some");
    assert_eq!(
        deployed
            .estate
            .ask(Method::PUT, &deployed.path("d"), RESOURCES, &body)
            .status,
        400
    );
    let name = "x".repeat(65);
    assert_eq!(
        code(&deployed.put(&name, &[])),
        (400, "InvalidDeploymentName".to_owned())
    );
    let valid = deployed.estate.ask(
        Method::POST,
        &format!("{}/validate", deployed.path("d")),
        RESOURCES,
        &deployed.body(&[]),
    );
    assert_eq!(valid.status, 200);
    assert!(deployed.estate.scene.cloud.deployments().is_empty());
}

#[test]
fn a_canceled_deployment_makes_no_more_machines() {
    let cancel = |deployed: &Deployed| {
        let path = format!("{}/cancel", deployed.path("d"));
        deployed
            .estate
            .ask(Method::POST, &path, RESOURCES, &Value::Null)
            .status
    };
    // Before the VMs are there, nothing comes.
    let deployed = Deployed::new(|_| {});
    deployed.put("d", &[]);
    deployed.estate.scene.wait(10);
    assert_eq!(cancel(&deployed), 204);
    assert_eq!(deployed.state("d"), "Canceled");
    assert_eq!(cancel(&deployed), 409);
    deployed.estate.scene.wait(600);
    assert_eq!(deployed.hosts(), ["stg-0", "stg-1"]);
    // After that they register all the same, unless the switch says otherwise.
    for (stops, hosts) in [(false, 4), (true, 2)] {
        let deployed = Deployed::new(|on| on.desktops.canceling_stops_registration = stops);
        deployed.put("d", &[]);
        deployed.estate.scene.wait(60);
        assert_eq!(cancel(&deployed), 204);
        deployed.estate.scene.wait(600);
        assert_eq!(deployed.hosts().len(), hosts);
    }
    let deployed = Deployed::new(|on| on.desktops.deployment = DeploymentFate::NeverEnds);
    deployed.put("d", &[]);
    deployed.estate.scene.wait(7200);
    assert_eq!(deployed.state("d"), "Running");
    assert_eq!(deployed.operations("d")[2].1, "Running");
    assert_eq!(cancel(&deployed), 204);
    assert_eq!(deployed.hosts(), ["stg-0", "stg-1"]);
}
