//! The custom roles of `samples/setup` have the actions that the task needs: it is watched in the emulated cloud, and each request to Azure
//! Resource Manager is one action (<https://learn.microsoft.com/azure/role-based-access-control/role-definitions>).

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use azure_emulator::{RunFate, Service, StagingAccess};
use serde_json::Value;

use super::files::{Document, root};
use crate::flow::scene::{Scene, Stage};
use crate::retain::scene::Shelf;

/// The roles, in the order of the page. Their files are written by hand; the page, and the template of the setup, are made of them.
pub(super) const ROLES: [&str; 11] = [
    "pipeline",
    "reader",
    "log",
    "image",
    "network",
    "release",
    "release-reader",
    "report",
    "rollout",
    "test",
    "test-vm",
];

/// The file of a role.
pub(super) fn role(name: &str) -> Value {
    serde_json::from_str(&role_file(name)).unwrap()
}

fn role_file(name: &str) -> String {
    let path = root().join(format!("samples/setup/roles/{name}.json"));
    fs::read_to_string(path).unwrap()
}

fn actions(name: &str) -> BTreeSet<String> {
    let role = role(name);
    let list = role["Actions"].as_array().unwrap();
    list.iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

/// The action that a request is.
fn action(method: &str, path: &str) -> String {
    let (types, last_is_name) = match path.rsplit_once("/providers/") {
        Some((_, namespace)) if !namespace.contains('/') => (
            "Microsoft.Resources/subscriptions/providers".to_owned(),
            true,
        ),
        Some((_, rest)) => {
            let segments: Vec<_> = rest.split('/').collect();
            let types: Vec<_> = segments.iter().skip(1).step_by(2).collect();
            let types = types
                .into_iter()
                .fold(segments[0].to_owned(), |all, one| all + "/" + one);
            (types, segments.len() % 2 == 1)
        }
        None => (
            "Microsoft.Resources/subscriptions/resourceGroups".to_owned(),
            true,
        ),
    };
    match method {
        "GET" | "HEAD" => format!("{types}/read"),
        "PUT" | "PATCH" if last_is_name => format!("{types}/write"),
        "DELETE" if last_is_name => format!("{types}/delete"),
        "POST" if !last_is_name => format!("{types}/action"),
        _ => panic!("{method} {path}"),
    }
}

/// What the builds did: in the group of the images or below, and elsewhere in the subscription.
fn needed(stages: &[Stage]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut group, mut subscription) = (BTreeSet::new(), BTreeSet::new());
    let journals = stages.iter().flat_map(|stage| stage.cloud.journal());
    for entry in journals.filter(|entry| entry.service == Service::Arm) {
        let path = entry.path.to_lowercase() + "/";
        let in_group = path.contains("/resourcegroups/rg-images/");
        let actions = if in_group {
            &mut group
        } else {
            &mut subscription
        };
        actions.insert(action(entry.method.as_str(), &entry.path));
    }
    (group, subscription)
}

/// What a role has besides what these builds did, and why.
type Reasons<'a> = [(&'a str, &'a str)];

const PIPELINE_TOO: [(&str, &str); 3] = [
    (
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        "Azure asks for it when a template names the identity",
    ),
    (
        "Microsoft.Compute/galleries/images/read",
        "the checks before a build",
    ),
    (
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        "the checks before a build",
    ),
];

const READER_TOO: [(&str, &str); 5] = [
    (
        "Microsoft.Resources/subscriptions/providers/read",
        "the checks before a build",
    ),
    (
        "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/read",
        "the checks before a build, for the nearest SKU",
    ),
    (
        "Microsoft.Compute/skus/read",
        "the checks before a build, for the VM size",
    ),
    (
        "Microsoft.Compute/locations/usages/read",
        "the checks before a build, for the quotas",
    ),
    (
        "Microsoft.Compute/locations/vmSizes/read",
        "the checks before a build, for a VM size that the first list lacks",
    ),
];

/// What the checks before a build ask for, and do without where it is not given.
const OPTIONAL: [&str; 3] = [
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleDefinitions/read",
];

/// The role has every action that was needed, and no other without a reason.
fn check(names: &[&str], needed: &BTreeSet<String>, reasons: &Reasons<'_>) {
    let own: BTreeSet<_> = names.iter().copied().flat_map(actions).collect();
    let name = names.join("' and '");
    let missing = needed.difference(&own);
    let missing: Vec<_> = missing
        .filter(|action| !OPTIONAL.contains(&action.as_str()))
        .collect();
    assert!(missing.is_empty(), "role '{name}' lacks {missing:#?}");
    let spare = own.difference(needed);
    let without: Vec<_> = spare
        .filter(|action| reasons.iter().all(|(known, _)| known != action))
        .collect();
    assert!(without.is_empty(), "role '{name}' needs no {without:#?}");
    for (action, why) in reasons {
        assert!(own.contains(*action), "role '{name}' lacks {action}: {why}");
    }
}

/// The roles are given: no key is asked for.
fn with_roles(scene: Scene) -> Scene {
    scene.switches(|switches| switches.staging_access = StagingAccess::Role)
}

#[tokio::test(start_paused = true)]
async fn the_roles_have_the_actions_of_a_build() {
    let fails = |cloud: &azure_emulator::Cloud| cloud.script_run(RunFate::customizer_failed());
    let canceled = with_roles(Scene::linux()).build_until(|_| {}, Some(Duration::from_secs(300)));
    let stages = [
        with_roles(Scene::windows()).build(|_| {}).await,
        with_roles(Scene::linux()).build(fails).await,
        canceled.await.clean_up().await,
    ];
    let results: Vec<_> = stages.iter().map(Stage::result).collect();
    assert_eq!(results[..2], ["Succeeded", "Failed"]);
    let (group, subscription) = needed(&stages);

    check(&["pipeline"], &group, &PIPELINE_TOO);
    check(&["reader", "log"], &subscription, &READER_TOO);
}

const RELEASE_TOO: [(&str, &str); 3] = [
    (
        "Microsoft.Compute/galleries/read",
        "copies into another gallery",
    ),
    (
        "Microsoft.Compute/galleries/images/read",
        "promote, which looks at the definition",
    ),
    (
        "Microsoft.Compute/galleries/images/versions/write",
        "promote and withdraw",
    ),
];

const RELEASE_READER_TOO: [(&str, &str); 1] = [(
    "Microsoft.VirtualMachineImages/imageTemplates/read",
    "Azure Resource Graph shows only what the caller has permission to read",
)];

/// Everybody may list the subscriptions that they see, and ask Azure Resource Graph for what they can read.
const NEEDS_NO_ROLE: [&str; 2] = [
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.ResourceGraph/resources/action",
];

#[tokio::test(start_paused = true)]
async fn the_roles_of_releases_have_the_actions_of_retain() {
    let ended = Shelf::with(4).run().await;
    let (group, mut subscription) = needed(&[ended.stage]);
    subscription.retain(|action| !NEEDS_NO_ROLE.contains(&action.as_str()));
    check(&["release"], &group, &RELEASE_TOO);
    check(&["release-reader"], &subscription, &RELEASE_READER_TOO);
}

const TEST_TOO: [(&str, &str); 4] = [
    (
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        "Azure asks for it when a template names the identity",
    ),
    (
        "Microsoft.VirtualMachineImages/imageTemplates/runOutputs/read",
        "builds",
    ),
    (
        "Microsoft.VirtualMachineImages/imageTemplates/cancel/action",
        "a canceled test",
    ),
    (
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        "the checks before a build",
    ),
];

#[tokio::test(start_paused = true)]
async fn the_roles_of_tests_have_the_actions_of_a_test() {
    let stage = crate::flow::image_test::whole(with_roles).await;
    stage.check_result("Succeeded");
    let (group, _) = needed(&[stage]);
    check(&["pipeline", "test"], &group, &TEST_TOO);
}

const TEST_VM_TOO: [(&str, &str); 3] = [
    (
        "Microsoft.Compute/disks/write",
        "Azure asks for it when a VM is made with a disk",
    ),
    (
        "Microsoft.Network/networkInterfaces/join/action",
        "Azure asks for it when a VM names its network interface",
    ),
    (
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Azure asks for it when a network interface names its subnet",
    ),
];

#[tokio::test(start_paused = true)]
async fn the_roles_of_tests_in_a_vm_have_the_actions_of_a_test() {
    let stages = Box::pin(crate::flow::image_test::in_a_vm()).await;
    let (group, _) = needed(&stages);
    check(&["test", "test-vm"], &group, &TEST_VM_TOO);
}

const REPORT_TOO: [(&str, &str); 2] = [
    (
        "Microsoft.Compute/virtualMachineScaleSets/read",
        "Azure Resource Graph shows only what the caller has permission to read",
    ),
    (
        "Microsoft.DesktopVirtualization/hostpools/read",
        "the list of the host pools, which the text of an error asks for",
    ),
];

#[tokio::test(start_paused = true)]
async fn the_role_of_reports_has_the_actions_of_a_report() {
    let stage = crate::flow::fleet::whole().await;
    let (mut all, subscription) = needed(&[stage]);
    all.extend(subscription);
    let lower = |action: &String| {
        let action = action.replace("hostPools/sessionHosts", "hostpools/sessionhosts");
        action.clone()
    };
    let mut all: BTreeSet<String> = all.iter().map(lower).collect();
    all.retain(|action| !NEEDS_NO_ROLE.contains(&action.as_str()));
    check(&["report"], &all, &REPORT_TOO);
}

const ROLLOUT_TOO: [(&str, &str); 4] = [
    (
        "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write",
        "existing: drain, and let in again",
    ),
    (
        "Microsoft.Compute/virtualMachines/start/action",
        "existing: start a host",
    ),
    (
        "Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/operationresults/read",
        "the end of Retry and Cancel",
    ),
    (
        "Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/controlsessionhostupdate/action",
        "Retry and Cancel",
    ),
];

#[tokio::test(start_paused = true)]
async fn the_role_of_rollouts_has_the_actions_of_an_update() {
    let stage = crate::flow::rollout::whole_update().await;
    let (mut all, mut subscription) = needed(&[stage]);
    // Without it the VM size is not compared, as the page says.
    let sizes = "Microsoft.Compute/skus/read";
    assert!(subscription.remove(sizes));
    let page = fs::read_to_string("docs/permissions.md").unwrap();
    let (_, rollout) = page.split_once("## Roll out to host pools").unwrap();
    assert!(rollout.contains(&format!("`{sizes}` on the subscription")));
    all.extend(subscription);
    // Azure's actions ignore letter case, and its pages write these in lower case.
    let lower = |action: &String| match action.strip_prefix("Microsoft.DesktopVirtualization/") {
        Some(rest) => {
            let rest = rest.to_lowercase();
            format!("Microsoft.DesktopVirtualization/{rest}")
        }
        None => action.clone(),
    };
    let mut all: BTreeSet<String> = all.iter().map(lower).collect();
    all.retain(|action| !NEEDS_NO_ROLE.contains(&action.as_str()));
    check(&["rollout"], &all, &ROLLOUT_TOO);
}

#[test]
fn requests_are_actions() {
    let group = "/subscriptions/s/resourceGroups/g";
    let builder = "Microsoft.VirtualMachineImages";
    for (method, path, wanted) in [
        (
            "GET",
            "/providers/Microsoft.Compute",
            "Microsoft.Resources/subscriptions/providers/read",
        ),
        (
            "GET",
            "",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ),
        (
            "PUT",
            "/providers/Microsoft.VirtualMachineImages/imageTemplates/t",
            "imageTemplates/write",
        ),
        (
            "POST",
            "/providers/Microsoft.VirtualMachineImages/imageTemplates/t/run",
            "imageTemplates/run/action",
        ),
        (
            "GET",
            "/providers/Microsoft.VirtualMachineImages/imageTemplates/t/runOutputs",
            "imageTemplates/runOutputs/read",
        ),
    ] {
        let found = action(method, &format!("{group}{path}"));
        assert_eq!(found.trim_start_matches(&format!("{builder}/")), wanted);
    }
}

/// The page shows the roles as the files have them. `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_page_shows_the_roles() {
    let page = Document::read(&root().join("docs/permissions.md"));
    let mut files = ROLES.iter().map(|name| role_file(name));
    let parts = page
        .text
        .split("```")
        .map(|part| match part.strip_prefix("json\n") {
            Some(_) => format!("json\n{}", files.next().unwrap()),
            None => part.to_owned(),
        });
    let made = parts.collect::<Vec<_>>().join("```");
    assert_eq!(files.next(), None, "a role is not on the page");
    check_made("docs/permissions.md", &made);
}

/// The template of the setup makes the roles as the files have them. `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_template_has_the_roles() {
    let path = "samples/setup/main.json";
    let mut text = fs::read_to_string(root().join(path)).unwrap();
    for role in ROLES.map(role) {
        let start = format!("\"roleName\": {},", role["Name"]);
        let start = text.find(&start).unwrap();
        let within = |text: &str, what: &str| start + text[start..].find(what).unwrap();
        let lists = [
            ("actions", "Actions"),
            ("notActions", "NotActions"),
            ("dataActions", "DataActions"),
            ("notDataActions", "NotDataActions"),
        ];
        for (name, of_file) in lists {
            let begin = within(&text, &format!("            \"{name}\": ["));
            let end = begin + text[begin..].find(']').unwrap() + 1;
            let list = serde_json::to_string_pretty(&role[of_file]).unwrap();
            let list = list.replace('\n', "\n            ");
            text.replace_range(begin..end, &format!("            \"{name}\": {list}"));
        }
        let begin = within(&text, "\"description\": ");
        let end = begin + text[begin..].find(",\n").unwrap();
        text.replace_range(
            begin..end,
            &format!("\"description\": {}", role["Description"]),
        );
    }
    check_made(path, &text);
}

/// Whether the file at `path` is `made`, or makes it so.
fn check_made(path: &str, made: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, made).unwrap();
        return;
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text == made,
        "{} is out of date; run with UPDATE_GOLDEN=1",
        path.display()
    );
}
