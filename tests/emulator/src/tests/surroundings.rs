//! What a pipeline looks at before it builds: the marketplace, sizes and quotas, networks, roles, api-versions.

use serde_json::{Value, json};

use super::scene::{Answer, Scene};
use crate::surroundings::Deprecation;
use crate::{Addresses, Switches, World};

fn world() -> World {
    World::contoso(Addresses::in_process())
}

fn get(scene: &Scene, path: &str, query: &str) -> Answer {
    scene.get(&format!("https://management.azure.emulator{path}?{query}"))
}

fn offers(scene: &Scene, rest: &str, query: &str) -> Answer {
    let subscription = scene.group.replace("/resourceGroups/rg-images", "");
    let path = format!(
        "{subscription}/providers/Microsoft.Compute/locations/westeurope/publishers/canonical/artifacttypes/vmimage/offers{rest}"
    );
    get(scene, &path, &format!("api-version=2024-07-01{query}"))
}

fn names(answer: &Answer) -> Vec<&str> {
    let list = answer.body.as_array().or(answer.body["value"].as_array());
    let list = list.unwrap_or_else(|| panic!("{}", answer.text));
    list.iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_marketplace_is_listed_from_publisher_to_version() {
    let scene = Scene::new(Switches::default());
    assert_eq!(
        names(&offers(&scene, "", "")),
        ["UbuntuServer", "ubuntu-24_04-lts"]
    );
    let compute = scene
        .group
        .replace("/resourceGroups/rg-images", "/providers/Microsoft.Compute");
    let publishers = format!("{compute}/locations/westeurope/publishers");
    let publishers = get(&scene, &publishers, "api-version=2024-07-01");
    assert_eq!(
        names(&publishers),
        [
            "Canonical",
            "MicrosoftWindowsServer",
            "microsoftwindowsdesktop"
        ]
    );
    let offer = "/ubuntu-24_04-lts/skus";
    assert_eq!(names(&offers(&scene, offer, "")), ["server"]);
    let versions = "/ubuntu-24_04-lts/skus/server/versions";
    let newest = offers(&scene, versions, "&$top=1&$orderby=name%20desc");
    assert_eq!(names(&newest), ["24.04.202511110"]);
    let image = offers(&scene, &format!("{versions}/24.04.202511110"), "").body;
    let properties = &image["properties"];
    assert_eq!(properties["hyperVGeneration"], "V2");
    assert_eq!(properties["osDiskImage"]["operatingSystem"], "Linux");
    assert_eq!(properties["features"][0]["value"], "TrustedLaunchSupported");
    assert_eq!(
        properties["imageDeprecationStatus"],
        json!({"imageState": "Active"})
    );
    for path in [
        "/none/skus",
        "/ubuntu-24_04-lts/skus/none/versions",
        "/ubuntu-24_04-lts/skus/server/versions/1.0.0",
    ] {
        let missing = offers(&scene, path, "");
        let error = &missing.body["error"];
        assert_eq!((missing.status, &error["code"]), (404, &json!("NotFound")));
        assert_eq!(error["message"], "Artifact: VMImage was not found.");
    }
}

#[test]
fn a_retired_image_and_one_that_is_sold_say_so() {
    let mut world = world();
    let facts = &mut world.platform_images[3].facts;
    facts.deprecation = Some(Deprecation {
        state: "ScheduledForDeprecation".to_owned(),
        time: Some("2026-12-31T00:00:00Z".to_owned()),
        alternative: Some("ubuntu-26_04-lts".to_owned()),
    });
    facts.plan = Some(["l1", "cis", "cis-ubuntu"].map(str::to_owned));
    let scene = Scene::with_world(Switches::default(), world);
    let path = "/ubuntu-24_04-lts/skus/server/versions/24.04.202511110";
    let image = offers(&scene, path, "").body;
    let end = &image["properties"]["imageDeprecationStatus"];
    assert_eq!(end["imageState"], "ScheduledForDeprecation");
    assert_eq!(end["alternativeOption"]["value"], "ubuntu-26_04-lts");
    assert_eq!(image["properties"]["plan"]["product"], "cis-ubuntu");
}

#[test]
fn sizes_and_quotas_are_listed() {
    let mut world = world();
    world.vm_sizes[0].restriction = Some("NotAvailableForSubscription".to_owned());
    let scene = Scene::with_world(Switches::default(), world);
    let compute = scene
        .group
        .replace("/resourceGroups/rg-images", "/providers/Microsoft.Compute");
    let query = "api-version=2021-07-01&$filter=location%20eq%20'westeurope'";
    let sizes = get(&scene, &format!("{compute}/skus"), query);
    assert!(names(&sizes).contains(&"Standard_D2ds_v5"));
    let restricted = &sizes.body["value"][0];
    assert_eq!(
        restricted["restrictions"][0]["reasonCode"],
        "NotAvailableForSubscription"
    );
    assert_eq!(restricted["capabilities"][0]["value"], "1");
    let usages = get(
        &scene,
        &format!("{compute}/locations/westeurope/usages"),
        "api-version=2024-07-01",
    );
    assert_eq!(usages.body["value"][0]["name"]["value"], "cores");
    assert_eq!(usages.body["value"][0]["limit"], 100);
}

#[test]
fn what_there_is_instead_of_a_name_is_listed() {
    let mut world = world();
    let image = format!(
        "{}/providers/Microsoft.Compute/images/base",
        world.group_id("rg-images")
    );
    world.managed_images.push(image);
    let definition = &mut world.galleries[0].definitions[0];
    definition.specialized = true;
    definition.purchase_plan = Some(["l1", "cis", "cis-windows"].map(str::to_owned));
    definition.versions.push("1.0.0".to_owned());
    definition.versions_in = Some("northeurope".to_owned());
    definition.versions_state = Some("Failed");
    let scene = Scene::with_world(Switches::default(), world);
    let subscription = scene.group.replace("/resourceGroups/rg-images", "");
    let list = |path: &str, version: &str| get(&scene, path, &format!("api-version={version}"));
    let groups = list(&format!("{subscription}/resourcegroups"), "2021-04-01");
    assert_eq!(names(&groups), ["rg-images", "rg-production"]);
    let compute = "providers/Microsoft.Compute";
    let sizes = format!("{subscription}/{compute}/locations/westeurope/vmSizes");
    let sizes = list(&sizes, "2024-07-01");
    assert!(names(&sizes).contains(&"Standard_D2ds_v5"));
    assert_eq!(sizes.body["value"][0]["numberOfCores"], 1);
    let images = list(&format!("{}/{compute}/images", scene.group), "2024-07-01");
    assert_eq!(names(&images), ["base"]);
    let definition = format!(
        "{}/{compute}/galleries/galContoso/images/win11-avd",
        scene.group
    );
    let properties = &list(&definition, "2024-03-03").body["properties"];
    assert_eq!(properties["osState"], "Specialized");
    assert_eq!(properties["purchasePlan"]["product"], "cis-windows");
    let version = list(&format!("{definition}/versions/1.0.0"), "2024-03-03").body;
    assert_eq!(version["properties"]["provisioningState"], "Failed");
    let region = &version["properties"]["publishingProfile"]["targetRegions"][0];
    assert_eq!(region["name"], "North Europe");
}

#[test]
fn networks_tell_what_matters_to_a_build() {
    let mut world = world();
    world.subnets[0].private_link_policies = true;
    world.subnets[0].default_outbound = Some(false);
    world.subnets[0].nat_gateway = true;
    let scene = Scene::with_world(Switches::default(), world);
    let network = |rest: &str| {
        let path = format!(
            "{}/providers/Microsoft.Network/virtualNetworks{rest}",
            scene.group
        );
        get(&scene, &path, "api-version=2024-05-01")
    };
    assert_eq!(names(&network("")), ["vnet-images"]);
    let subnet = network("/vnet-images/subnets/snet-build").body;
    let properties = &subnet["properties"];
    assert_eq!(properties["privateLinkServiceNetworkPolicies"], "Enabled");
    assert_eq!(properties["defaultOutboundAccess"], false);
    assert!(properties["natGateway"]["id"].is_string());
    let containers = &network("/vnet-images").body["properties"]["subnets"][1];
    assert_eq!(
        containers["properties"]["delegations"][0]["properties"]["serviceName"],
        "Microsoft.ContainerInstance/containerGroups"
    );
    let check = |rest: &str, code: &str| {
        let missing = network(rest);
        assert_eq!(
            (missing.status, &missing.body["error"]["code"]),
            (404, &json!(code))
        );
    };
    check("/vnet-images/subnets/none", "NotFound");
    check("/none/subnets/none", "ResourceNotFound");
}

/// Of a host pool as of everything else: the roles that the caller has there and above, and none where it has none.
#[test]
fn permissions_on_a_host_pool_are_those_of_roles() {
    let world = world().with_host_pools();
    let pool = world.host_pools[1].id.clone();
    let path = format!("{pool}/providers/Microsoft.Authorization/permissions");
    let actions = |world: World| {
        let scene = Scene::with_world(Switches::default(), world);
        get(&scene, &path, "api-version=2022-04-01").body["value"].clone()
    };
    let own = actions(world.clone());
    assert_eq!(own.as_array().map(Vec::len), Some(1));
    assert_eq!(own[0]["actions"], json!(["*"]));
    let without = World {
        role_assignments: Vec::new(),
        ..world
    };
    assert_eq!(actions(without), json!([]));
}

#[test]
fn roles_hold_at_their_scope_and_below() {
    let mut world = world();
    let identity = world.identities[0].principal.clone();
    world.role_assignments[1]
        .scope
        .push_str("/providers/Microsoft.Compute/galleries/galContoso");
    let scene = Scene::with_world(Switches::default(), world);
    let at = |path: &str, rest: &str, query: &str| {
        let path = format!(
            "{}{path}/providers/Microsoft.Authorization/{rest}",
            scene.group
        );
        get(&scene, &path, &format!("api-version=2022-04-01{query}"))
    };
    let own = at("", "permissions", "");
    assert_eq!(own.body["value"][0]["actions"], json!(["*"]));
    let gallery = "/providers/Microsoft.Compute/galleries/galContoso";
    let filter = format!("&$filter=principalId%20eq%20'{identity}'");
    let count = |answer: &Answer| answer.body["value"].as_array().map_or(99, Vec::len);
    let here = at(
        &format!("{gallery}/images/win11-avd"),
        "roleAssignments",
        &filter,
    );
    assert_eq!(count(&here), 1, "{}", here.text);
    assert_eq!(count(&at("", "roleAssignments", &filter)), 0);
    let role = here.body["value"][0]["properties"]["roleDefinitionId"].as_str();
    let role = get(&scene, role.unwrap(), "api-version=2022-04-01").body;
    let actions = role["properties"]["permissions"][0]["actions"].as_array();
    let publishes = json!("Microsoft.Compute/galleries/images/versions/write");
    assert!(actions.unwrap().contains(&publishes));
    assert_eq!(at("", "roleAssignments", "").status, 400);
    assert_eq!(at("", "roleDefinitions/none", "").status, 404);
}

#[test]
fn a_cloud_may_lag_behind_with_its_api_versions() {
    let switches = Switches {
        newest_builder_version: Some("2024-02-01".to_owned()),
        ..Switches::default()
    };
    let scene = Scene::new(switches);
    let template = |version: &str| {
        let path = format!(
            "{}/providers/Microsoft.VirtualMachineImages/imageTemplates/none",
            scene.group
        );
        get(&scene, &path, &format!("api-version={version}"))
    };
    let refused = template("2025-10-01");
    let error = &refused.body["error"];
    assert_eq!(
        (refused.status, &error["code"]),
        (400, &json!("NoRegisteredProviderFound"))
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.ends_with("2023-07-01, 2024-02-01'."), "{message}");
    assert_eq!(template("2024-02-01").status, 404);
    let provider = scene.group.replace(
        "resourceGroups/rg-images",
        "providers/Microsoft.VirtualMachineImages",
    );
    let provider = get(&scene, &provider, "api-version=2025-04-01").body;
    let versions = &provider["resourceTypes"][0]["apiVersions"];
    assert_eq!(versions[0], Value::from("2024-02-01"));
}
