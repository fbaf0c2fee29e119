//! The other templates of the samples: what they make.

use std::collections::BTreeSet;

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use super::commands::run_with_stand_in;
use super::deployments::{Resource, deploy, template};
use super::files::samples;

fn of_kind<'a>(resources: &'a [Resource], kind: &str) -> Vec<&'a Resource> {
    resources.iter().filter(|one| one.kind == kind).collect()
}

const VERSION: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/y/versions/1.0.2632601";

fn session_hosts(prefix: &str, count: u32) -> Vec<Resource> {
    let given = [
        ("namePrefix", json!(prefix)),
        ("count", json!(count)),
        ("imageVersionId", json!(VERSION)),
        ("hostPoolName", json!("hp-staging")),
        ("registrationToken", json!("the key")),
        ("subnetId", json!("/subscriptions/s/subnet")),
        ("adminPassword", json!("the password")),
    ];
    deploy(
        &template("host-pools/session-hosts.json"),
        &given,
        Some("rg-avd"),
    )
}

#[test]
fn session_hosts_come_from_the_image_version() {
    let resources = session_hosts("avd2632601", 2);
    let machines = of_kind(&resources, "Microsoft.Compute/virtualMachines");
    let names: Vec<_> = machines.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["avd2632601-0", "avd2632601-1"]);
    for machine in machines {
        assert_eq!(
            machine.text("/properties/storageProfile/imageReference/id"),
            VERSION
        );
        assert_eq!(
            machine.text("/properties/securityProfile/securityType"),
            "TrustedLaunch"
        );
        assert_eq!(
            machine.text("/properties/osProfile/computerName"),
            machine.name
        );
    }
    assert_eq!(resources.len(), 8);
}

/// The longest prefix that the template takes, and its last machine: a computer's name has 15 characters.
#[test]
fn computer_names_fit() {
    let written = template("host-pools/session-hosts.json");
    let most = |name: &str, bound: &str| written["parameters"][name][bound].as_u64().unwrap();
    let (length, count) = (most("namePrefix", "maxLength"), most("count", "maxValue"));
    let last = format!(
        "{}-{}",
        "x".repeat(usize::try_from(length).unwrap()),
        count - 1
    );
    assert_eq!(last.len(), 15);
}

/// The key and the password never come into what a deployment shows.
#[test]
fn secrets_of_session_hosts_are_secure() {
    let written = template("host-pools/session-hosts.json");
    for name in ["registrationToken", "adminPassword"] {
        assert_eq!(written["parameters"][name]["type"], "securestring");
    }
    for extension in of_kind(
        &session_hosts("a", 1),
        "Microsoft.Compute/virtualMachines/extensions",
    ) {
        assert!(
            !extension.body["properties"]["settings"]
                .to_string()
                .contains("the key")
        );
    }
}

#[test]
fn the_network_is_as_the_service_wants_it() {
    let resources = deploy(
        &template("private-network/network.json"),
        &[],
        Some("rg-images"),
    );
    let network = of_kind(&resources, "Microsoft.Network/virtualNetworks")[0];
    let subnets = network.body["properties"]["subnets"].as_array().unwrap();
    let names: Vec<_> = subnets
        .iter()
        .map(|subnet| subnet["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["snet-build", "snet-containers"]);
    assert_eq!(
        subnets[0]["properties"]["privateLinkServiceNetworkPolicies"],
        "Disabled"
    );
    assert_eq!(
        subnets[1]["properties"]["delegations"][0]["properties"]["serviceName"],
        "Microsoft.ContainerInstance/containerGroups"
    );
    // New networks have no way out of their own.
    assert!(
        subnets
            .iter()
            .all(|subnet| subnet["properties"]["natGateway"]["id"].is_string())
    );
    let rules = of_kind(&resources, "Microsoft.Network/networkSecurityGroups")[0];
    assert_eq!(
        rules.body["properties"]["securityRules"][0]["properties"]["destinationPortRanges"],
        json!(["22", "5986"])
    );
}

#[test]
fn the_alert_is_for_runs() {
    let given = [("mailAddress", json!("images@contoso.example"))];
    let resources = deploy(&template("alert/alert.json"), &given, Some("rg-images"));
    let alert = of_kind(&resources, "Microsoft.Insights/activityLogAlerts")[0];
    let conditions = alert.body["properties"]["condition"]["allOf"]
        .as_array()
        .unwrap();
    let wanted = json!("Microsoft.VirtualMachineImages/imageTemplates/run/action");
    assert!(
        conditions
            .iter()
            .any(|one| one["field"] == "operationName" && one["equals"] == wanted)
    );
}

/// Every template of the samples is deployed by a test, and every other JSON file can be read.
#[test]
fn no_template_is_forgotten() {
    let mut templates = BTreeSet::new();
    for file in samples(&["json"]) {
        let value: Value = serde_json::from_str(&file.text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.path));
        if value.get("$schema").is_some() {
            templates.insert(file.path.trim_start_matches("samples/").to_owned());
        }
    }
    let tested = [
        "alert/alert.json",
        "host-pools/session-hosts.json",
        "private-network/network.json",
        "setup/main.json",
    ];
    assert_eq!(templates, tested.map(str::to_owned).into());
}

/// The scripts of the host pools, with a stand-in for Azure CLI.
#[cfg(target_os = "linux")]
#[test]
fn host_pool_scripts_do_what_they_say() {
    let version = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/y/versions/1.0.7";
    let calls = |script: &str, arguments: &[&str]| -> Vec<String> {
        let calls = run_with_stand_in(&format!("host-pools/{script}"), arguments);
        calls.iter().map(|words| words.join(" ")).collect()
    };
    let added = calls(
        "add-session-hosts.sh",
        &["rg-avd", "hp", "2", "2632601", version],
    );
    let deployment = added
        .iter()
        .find(|call| call.starts_with("deployment group create"))
        .unwrap();
    assert!(
        deployment.contains("--no-wait --template-file session-hosts.json"),
        "{deployment}"
    );
    assert!(added.last().unwrap().starts_with("deployment group show"));

    let drained = calls("drain-session-hosts.sh", &["rg-avd", "hp", "avd2632601"]);
    let closed: Vec<_> = drained
        .iter()
        .filter(|call| call.contains("allowNewSession"))
        .collect();
    assert_eq!(closed.len(), 2, "{drained:#?}");
    assert!(closed[0].contains("/sessionHosts/avd1-0?"), "{}", closed[0]);
}
