//! The other templates of the samples: what they make.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::deployments::{Resource, deploy, template};
use super::files::{root, samples};

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

/// The action deploys a first host and then the others; a template that is deployed again leaves what is there as it is.
#[test]
fn session_hosts_begin_at_a_number() {
    let names = |first: u32, count: u32| -> Vec<String> {
        let given = [
            ("namePrefix", json!("avd")),
            ("count", json!(count)),
            ("firstIndex", json!(first)),
            ("imageVersionId", json!(VERSION)),
            ("hostPoolName", json!("hp-staging")),
            ("registrationToken", json!("the key")),
            ("subnetId", json!("/subscriptions/s/subnet")),
            ("adminPassword", json!("the password")),
        ];
        let template = template("host-pools/session-hosts.json");
        let resources = deploy(&template, &given, Some("rg-avd"));
        let resources = resources.into_iter();
        resources
            .map(|one| format!("{} {}", one.kind, one.name))
            .collect()
    };
    let mut parts = [names(0, 1), names(1, 2)].concat();
    let mut whole = names(0, 3);
    parts.sort();
    whole.sort();
    assert_eq!(parts, whole);
    assert!(
        whole.contains(&"Microsoft.Compute/virtualMachines avd-2".to_owned()),
        "{whole:?}"
    );
}

/// Everything that the task fills in is there, of the type that it sends.
#[test]
fn session_hosts_have_what_the_task_fills_in() {
    let written = template("host-pools/session-hosts.json");
    for (name, kind) in [
        ("imageVersionId", "string"),
        ("hostPoolName", "string"),
        ("registrationToken", "securestring"),
        ("namePrefix", "string"),
        ("count", "int"),
        ("firstIndex", "int"),
    ] {
        assert_eq!(written["parameters"][name]["type"], kind, "{name}");
    }
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
        "seed/desktops.json",
        "setup/main.json",
    ];
    assert_eq!(templates, tested.map(str::to_owned).into());
}

/// The pool of `samples/seed`, of one kind or the other.
fn desktops(automated: bool) -> Vec<Resource> {
    let mut given = vec![
        ("hostPoolName", json!("hp-x")),
        ("automated", json!(automated)),
        ("pipelinePrincipalId", json!("the pipeline")),
        ("usersGroupId", json!("the users")),
    ];
    if automated {
        given.push(("adminPassword", json!("the password")));
    }
    deploy(&template("seed/desktops.json"), &given, Some("rg-avd"))
}

/// Who has which role on what: the last part of a role's id, and the scope.
fn assignments(resources: &[Resource]) -> BTreeSet<(String, String, String)> {
    let all = of_kind(resources, "Microsoft.Authorization/roleAssignments");
    let of = |one: &&Resource| {
        let role = one.text("/properties/roleDefinitionId").rsplit('/').next();
        let scope = one.body["scope"].as_str().unwrap_or("the group");
        let who = one.text("/properties/principalId");
        let who = if who.starts_with("reference(") {
            "the pool"
        } else {
            who
        };
        (who.to_owned(), role.unwrap().to_owned(), scope.to_owned())
    };
    all.iter().map(of).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one template, member by member")]
fn a_host_pool_has_a_network_users_and_somebody_who_rolls_out() {
    let [standard, automated] = [false, true].map(desktops);
    let pool = "Microsoft.DesktopVirtualization/hostPools/hp-x";
    let expected = |more: &[(&str, &str, &str)]| {
        let all = [
            (
                "the users",
                "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63",
                "Microsoft.DesktopVirtualization/applicationGroups/dag-hp-x",
            ),
            (
                "the users",
                "fb879df8-f326-4884-b1cf-06f3ad86be52",
                "the group",
            ),
            ("the pipeline", "e307426c-f9b6-4e81-87de-d99efb3c32bc", pool),
            (
                "the pipeline",
                "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
                "the group",
            ),
            (
                "the pipeline",
                "4d97b98b-1d4f-4787-a291-c67834d212e7",
                "the group",
            ),
            (
                "the pipeline",
                "4a9ae827-6dc8-4573-8ac7-8239d42aa03f",
                "the group",
            ),
        ];
        let all = all.iter().chain(more).copied();
        let texts =
            all.map(|(who, role, scope)| (who.to_owned(), role.to_owned(), scope.to_owned()));
        texts.collect::<BTreeSet<_>>()
    };
    assert_eq!(assignments(&standard), expected(&[]));
    let vault = "Microsoft.KeyVault/vaults/kv-contoso-avd";
    assert_eq!(
        assignments(&automated),
        expected(&[
            ("the pool", "4633458b-17de-408a-b874-0445c86b69e6", vault),
            (
                "the pool",
                "a959dbd1-f747-45e3-8ba6-dd80f235f97c",
                "the group"
            ),
        ])
    );
    for (resources, kind) in [(&standard, "Standard"), (&automated, "Automated")] {
        let pool = of_kind(resources, "Microsoft.DesktopVirtualization/hostPools")[0];
        assert_eq!(pool.text("/properties/managementType"), kind);
        let network = of_kind(resources, "Microsoft.Network/virtualNetworks")[0];
        let subnet = &network.body["properties"]["subnets"][0];
        assert!(subnet["properties"]["natGateway"]["id"].is_string());
        assert_eq!(subnet["name"], "snet-hosts");
    }
    let parts = |resources: &[Resource], kind: &str| of_kind(resources, kind).len();
    for kind in [
        "Microsoft.DesktopVirtualization/hostPools/sessionHostConfigurations",
        "Microsoft.DesktopVirtualization/hostPools/sessionHostManagements",
        "Microsoft.KeyVault/vaults",
    ] {
        assert_eq!(
            (parts(&standard, kind), parts(&automated, kind)),
            (0, 1),
            "{kind}"
        );
    }
    // The password is in the vault and nowhere else.
    let with = |one: &&Resource| one.body.to_string().contains("the password");
    let with: Vec<&str> = automated
        .iter()
        .filter(with)
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(with, ["kv-contoso-avd/password"]);
    assert_eq!(
        template("seed/desktops.json")["parameters"]["adminPassword"]["type"],
        "securestring"
    );
}

/// Every member of a value is one of the definition, down to the last one.
fn unknown(value: &Value, schema: &Value, definitions: &Value, path: &str) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &definitions[reference.rsplit('/').next().unwrap()],
        None => schema,
    };
    let Some(members) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let Some(object) = value.as_object() else {
        return vec![format!("{path} is no object")];
    };
    let inside = object
        .iter()
        .flat_map(|(name, value)| match members.get(name) {
            Some(member) => unknown(value, member, definitions, &format!("{path}.{name}")),
            None => vec![format!("{path}.{name}")],
        });
    inside.collect()
}

#[test]
fn host_pools_are_as_published() {
    let path = root().join("tests/testdata/openapi/desktopvirtualization.json");
    let published: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let definitions = &published["definitions"];
    for (kind, name) in [
        ("hostPools", "HostPool"),
        (
            "hostPools/sessionHostConfigurations",
            "SessionHostConfiguration",
        ),
        ("hostPools/sessionHostManagements", "SessionHostManagement"),
    ] {
        let kind = format!("Microsoft.DesktopVirtualization/{kind}");
        let resources = desktops(true);
        let made = of_kind(&resources, &kind)[0];
        assert_eq!(made.body["apiVersion"], published["info"]["version"]);
        let properties = &definitions[name]["properties"]["properties"];
        assert_eq!(
            unknown(&made.body["properties"], properties, definitions, &kind),
            [""; 0]
        );
        let schema = json!({"definitions": definitions, "$ref": properties["$ref"]});
        let validator = jsonschema::draft4::new(&schema).unwrap();
        let offences = validator.iter_errors(&made.body["properties"]);
        let offences: Vec<_> = offences.map(|one| one.to_string()).collect();
        assert!(offences.is_empty(), "{offences:#?}");
    }
    // The check itself.
    let pool = &definitions["HostPoolProperties"];
    assert_eq!(
        unknown(
            &json!({"managmentType": "Standard"}),
            pool,
            definitions,
            "x"
        ),
        ["x.managmentType"]
    );
}
