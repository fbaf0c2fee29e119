//! The whole life of templates of all kinds in the emulator, by the published definition.

use azure_emulator::{Addresses, Gallery, ImageDefinition, PlatformImage, RunFate, Subnet, World};
use http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::witness::{Witness, template_path};
use super::{golden_template, golden_templates};
use crate::job::{SUBSCRIPTION, id};

/// The world of the golden templates: what they name exists.
fn world() -> World {
    let mut world = World::contoso(Addresses::in_process());
    world.subscription = SUBSCRIPTION.rsplit('/').next().unwrap().to_owned();
    let definition = |name: &str, versions: &[&str]| ImageDefinition {
        name: name.to_owned(),
        os_type: "Linux".to_owned(),
        hyper_v_generation: "V2".to_owned(),
        identifier: ["Contoso".to_owned(), "Web".to_owned(), name.to_owned()],
        versions: versions.iter().map(|&number| number.to_owned()).collect(),
        ..ImageDefinition::default()
    };
    world.galleries.push(Gallery {
        name: "gallery".to_owned(),
        definitions: vec![definition("base", &["1.2.0"]), definition("web", &[])],
        ..world.galleries[0].clone()
    });
    world
        .managed_images
        .push(id("Microsoft.Compute/images/base"));
    for group in ["rg-images", "rg-network"] {
        let network = "providers/Microsoft.Network/virtualNetworks/vnet/subnets";
        for (name, delegation) in [
            ("build", None),
            (
                "containers",
                Some("Microsoft.ContainerInstance/containerGroups"),
            ),
        ] {
            world.subnets.push(Subnet {
                id: format!("{SUBSCRIPTION}/resourceGroups/{group}/{network}/{name}"),
                delegation: delegation.map(str::to_owned),
                ..Subnet::default()
            });
        }
    }
    world.platform_images.push(PlatformImage {
        publisher: "microsoftwindowsdesktop".to_owned(),
        offer: "office-365".to_owned(),
        sku: "win11-24h2-avd-m365".to_owned(),
        versions: vec!["26100.10".to_owned()],
        ..PlatformImage::default()
    });
    world.platform_images.push(PlatformImage {
        publisher: "center-for-internet-security-inc".to_owned(),
        offer: "cis-ubuntu".to_owned(),
        sku: "cis-ubuntu2404-l1".to_owned(),
        versions: vec!["1.0.8".to_owned()],
        ..PlatformImage::default()
    });
    for (_, template) in golden_templates() {
        let mut links = Vec::new();
        collect_links(&template, &mut links);
        let files = links.into_iter().map(|link| (link, b"test".to_vec()));
        world.public_files.extend(files);
    }
    world.public_files.insert(
        "https://scripts.example/check.sh".to_owned(),
        b"true\n".to_vec(),
    );
    world
}

/// Every file that a template has fetched. Their text is `test`, of which the golden templates hold the checksum.
fn collect_links(value: &Value, links: &mut Vec<String>) {
    let members = value.as_object().into_iter().flatten();
    for (name, member) in members {
        match member.as_str() {
            Some(link) if ["sourceUri", "scriptUri"].contains(&name.as_str()) => {
                links.push(link.to_owned());
            }
            _ => collect_links(member, links),
        }
    }
    for item in value.as_array().into_iter().flatten() {
        collect_links(item, links);
    }
}

/// A template with everything that the definition has and our own templates don't.
fn full_template() -> Value {
    let mut body = golden_template("gallery-without-regions");
    let properties = json!({
        "optimize": {"vmBoot": {"state": "Enabled"}, "workload": {"state": "Disabled"}},
        "autoRun": {"state": "Disabled"},
        "validate": {
            "continueDistributeOnFailure": false,
            "sourceValidationOnly": false,
            "inVMValidations": [
                {"type": "Shell", "name": "check", "scriptUri": "https://scripts.example/check.sh"},
                {"type": "PowerShell", "inline": ["exit 0"], "validExitCodes": [0, 3010]},
            ],
        },
        "errorHandling": {"onCustomizerError": "cleanup", "onValidationError": "abort"},
        "vmProfile": {"vmSize": "Standard_D2s_v5", "osDiskSizeGB": 64},
        "stagingResourceGroup": format!("{SUBSCRIPTION}/resourceGroups/rg-staging"),
        "additionalDataDisks": [{"sizeGB": 32}],
        "managedResourceTags": {"for": "tests"},
    });
    let members = body["properties"].as_object_mut().unwrap();
    members.extend(properties.as_object().unwrap().clone());
    let target = members["distribute"][0].as_object_mut().unwrap();
    target.insert(
        "versioning".to_owned(),
        json!({"scheme": "Latest", "major": 2}),
    );
    target.insert("artifactTags".to_owned(), json!({"a": "b"}));
    body["tags"] = json!({"team": "images"});
    body
}

#[test]
fn every_golden_template_lives_by_the_definition() {
    let witness = Witness::new(world());
    let mut templates = golden_templates();
    templates.push(("everything".to_owned(), full_template()));
    for (name, body) in &templates {
        let path = witness.provision(name, body);
        let (end, phases) = witness.run(&path);
        assert_eq!(end["status"], "Succeeded", "{name}: {end:#}");
        assert!(phases.contains("Running Building"), "{phases:?}");
        assert!(phases.contains("Succeeded -"), "{phases:?}");
        let outputs = witness.get(&format!("{path}/runOutputs"));
        let output = outputs["value"][0]["name"].as_str().unwrap();
        witness.get(&format!("{path}/runOutputs/{output}"));
    }
    let mut listed = 0;
    for list in ["/resourceGroups/rg-images", ""] {
        let path =
            format!("{SUBSCRIPTION}{list}/providers/Microsoft.VirtualMachineImages/imageTemplates");
        let mut page = witness.get(&path);
        loop {
            listed += page["value"].as_array().unwrap().len();
            let Some(next) = page["nextLink"].as_str() else {
                break;
            };
            page = witness.ask_url(&Method::GET, next, &Value::Null).1;
        }
    }
    assert_eq!(listed, 2 * templates.len());
    for (name, _) in &templates {
        let path = template_path(name);
        let (status, _, started) = witness.ask(&Method::DELETE, &path, &Value::Null);
        assert_eq!(status, 202);
        witness.follow(&started, Duration::minutes(2));
        assert_eq!(witness.ask(&Method::GET, &path, &Value::Null).0, 404);
        assert_eq!(witness.ask(&Method::DELETE, &path, &Value::Null).0, 204);
    }
}

#[test]
fn trouble_is_told_by_the_definition() {
    let witness = Witness::new(world());
    let good = golden_template("build-vm");
    let ask = |method: Method, path: &str, body: &Value| witness.ask(&method, path, body).0;
    let mut unknown = good.clone();
    unknown["properties"]["colour"] = json!("red");
    assert_eq!(ask(Method::PUT, &template_path("one"), &unknown), 400);
    let mut missing = good.clone();
    missing["properties"]["source"]["imageId"] = json!(id("Microsoft.Compute/images/none"));
    let (status, _, put) = witness.ask(&Method::PUT, &template_path("failed"), &missing);
    assert_eq!(status, 201);
    let end = witness.follow(&put, Duration::minutes(2));
    assert_eq!(end["status"], "Failed", "{end:#}");
    let failed = witness.get(&template_path("failed"));
    assert_eq!(failed["properties"]["provisioningState"], "Failed");
    assert!(failed["properties"]["provisioningError"].is_object());

    let path = witness.provision("one", &good);
    assert_eq!(ask(Method::PUT, &path, &good), 409);
    let cancel = format!("{path}/cancel");
    assert_eq!(witness.post(&cancel).0, 409);
    assert_eq!(
        witness.post(&format!("{}/run", template_path("none"))).0,
        404
    );
    witness.arm.cloud.script_run(RunFate::customizer_failed());
    let (end, phases) = witness.run(&path);
    assert_eq!(end["status"], "Failed");
    assert!(phases.contains("Failed -"), "{phases:?}");
    witness.arm.cloud.script_run(RunFate::PartiallySucceed {
        outputs: 0,
        message: "1 of 1 targets failed".to_owned(),
    });
    let (_, phases) = witness.run(&path);
    assert!(phases.contains("PartiallySucceeded -"), "{phases:?}");

    let (_, _, started) = witness.post(&format!("{path}/run"));
    assert_eq!(ask(Method::DELETE, &path, &Value::Null), 409);
    assert_eq!(witness.post(&cancel).0, 204);
    let canceling = witness.get(&path);
    assert_eq!(
        canceling["properties"]["lastRunStatus"]["runState"],
        "Canceling"
    );
    let end = witness.follow(&started, Duration::minutes(5));
    assert_eq!(end["status"], "Canceled");
    let canceled = witness.get(&path);
    assert_eq!(
        canceled["properties"]["lastRunStatus"]["runState"],
        "Canceled"
    );
    let output = format!("{path}/runOutputs/none");
    assert_eq!(ask(Method::GET, &output, &Value::Null), 404);
}

#[test]
fn changes_and_triggers_follow_the_definition() {
    let witness = Witness::new(world());
    let path = witness.provision("one", &golden_template("from-gallery-shell-to-gallery"));
    let ask = |method: Method, path: &str, body: Value| witness.ask(&method, path, &body);
    let (status, ..) = ask(Method::PATCH, &path, json!({"tags": {"a": "b"}}));
    assert_eq!(status, 200);
    let profile = json!({"properties": {"vmProfile": {"vmSize": "Standard_D2s_v5"}}});
    let (status, _, started) = ask(Method::PATCH, &path, profile);
    assert_eq!(status, 202);
    witness.follow(&started, Duration::minutes(1));

    let trigger = format!("{path}/triggers/source");
    assert_eq!(ask(Method::GET, &trigger, Value::Null).0, 404);
    let body = json!({"properties": {"kind": "SourceImage"}});
    let (status, _, started) = ask(Method::PUT, &trigger, body);
    assert_eq!(status, 201);
    witness.follow(&started, Duration::minutes(1));
    witness.get(&trigger);
    let all = witness.get(&format!("{path}/triggers"));
    assert_eq!(all["value"].as_array().unwrap().len(), 1);
    let (status, _, started) = ask(Method::DELETE, &trigger, Value::Null);
    assert_eq!(status, 202);
    witness.follow(&started, Duration::minutes(1));
    assert_eq!(ask(Method::DELETE, &trigger, Value::Null).0, 204);
    let body = json!({"properties": {"kind": "Weather"}});
    assert_eq!(ask(Method::PUT, &trigger, body).0, 400);
}
