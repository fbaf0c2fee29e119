//! `action: report`: which machines run what, and the gates.

use std::time::Duration;

use azure_emulator::{
    Cloud, Effect, Fault, HostPool, ListScope, SceneResource, SceneVersion, SessionHost,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::scene::{Scene, Stage};
use crate::texts::check_has;

/// The host pools of the scene, with versions of some age and a step that reports on them.
struct Fleet {
    scene: Scene,
}

/// So many days and an hour ago: a test takes some time, too.
fn ago(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() - time::Duration::days(days) - time::Duration::hours(1)
}

impl Fleet {
    /// 1.0.0 of 100 days ago on the four hosts of `hp-production`, 1.0.1 of 40 days ago on the two of `hp-staging`.
    fn new() -> Self {
        let mut scene = Scene::bare("report");
        scene.world = scene.world.with_host_pools();
        scene.world.image_versions.clear();
        let mut fleet = Self { scene };
        let new = fleet.id("1.0.1");
        for host in &mut fleet.pool("hp-staging").hosts {
            set_image(host, &new, Some("1.0.1"));
        }
        let (definition, pools) = (fleet.definition(), fleet.pools());
        fleet
            .version("1.0.0", 100, &json!({}))
            .version("1.0.1", 40, &json!({}))
            .input("galleryImageId", &definition)
            .input("reportHostPools", &pools.join("\n"))
    }

    fn definition(&self) -> String {
        let world = &self.scene.world;
        format!("{}/images/win11-avd", world.gallery_id(&world.galleries[0]))
    }

    fn id(&self, number: &str) -> String {
        format!("{}/versions/{number}", self.definition())
    }

    fn pools(&self) -> Vec<String> {
        let pools = self.scene.world.host_pools.iter();
        pools.map(|pool| pool.id.clone()).collect()
    }

    fn pool(&mut self, name: &str) -> &mut HostPool {
        let mut pools = self.scene.world.host_pools.iter_mut();
        pools.find(|pool| pool.id.ends_with(name)).unwrap()
    }

    fn input(mut self, name: &str, value: &str) -> Self {
        self.scene = self.scene.input(name, value);
        self
    }

    /// With one more version, published so many days ago, with tags and members of its publishing profile.
    fn version(mut self, number: &str, days: i64, more: &Value) -> Self {
        let mut profile =
            json!({"targetRegions": [{"name": "westeurope", "regionalReplicaCount": 1}]});
        let mut tags = json!({});
        for (name, value) in more.as_object().into_iter().flatten() {
            if name == "tags" {
                tags = value.clone();
            } else {
                profile[name] = value.clone();
            }
        }
        let id = self.id(number);
        let all = &mut self.scene.world.image_versions;
        all.retain(|known| known.id != id);
        all.push(SceneVersion {
            id,
            state: "Succeeded".to_owned(),
            published: Some(ago(days)),
            body: json!({"location": "westeurope", "tags": tags, "properties": {"publishingProfile": profile}}),
        });
        self
    }

    /// With a VM or a scale set outside of the pools.
    fn machine(mut self, machine: SceneResource) -> Self {
        self.scene.world.resources.push(machine);
        self
    }

    fn vm(self, name: &str, image: &str, exact: Option<&str>) -> Self {
        let id = self.compute("virtualMachines", name);
        self.machine(SceneResource::virtual_machine(
            id,
            "westeurope",
            image,
            exact,
        ))
    }

    fn scale_set(self, name: &str, image: &str) -> Self {
        let id = self.compute("virtualMachineScaleSets", name);
        self.machine(SceneResource::scale_set(id, "westeurope", image))
    }

    fn compute(&self, kind: &str, name: &str) -> String {
        let group = self.scene.world.group_id("rg-images");
        format!("{group}/providers/Microsoft.Compute/{kind}/{name}")
    }

    async fn run(self) -> Seen {
        self.run_in(|_| {}).await
    }

    async fn run_in(self, prepare: impl FnOnce(&Cloud)) -> Seen {
        Seen(self.scene.build(prepare).await)
    }
}

/// Gives the VM of a host another image.
fn set_image(host: &mut SessionHost, id: &str, exact: Option<&str>) {
    host.machine.body["properties"]["storageProfile"]["imageReference"] = match exact {
        Some(exact) => json!({"id": id, "exactVersion": exact}),
        None => json!({"id": id}),
    };
}

struct Seen(Stage);

impl Seen {
    /// `fleet.json`.
    fn document(&self) -> Value {
        let path = self.0.variable("resultPath").unwrap();
        assert!(path.ends_with("-fleet.json"), "{path}");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// The page of the run.
    fn summary(&self) -> String {
        let lines = self.0.transcript.lines();
        let mut paths = lines.filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
        std::fs::read_to_string(paths.next().unwrap()).unwrap()
    }

    fn host(&self, name: &str) -> Value {
        let document = self.document();
        let mut hosts = document["hosts"].as_array().unwrap().iter();
        hosts.find(|host| host["name"] == name).unwrap().clone()
    }

    /// The texts without what differs from day to day.
    fn readable(&self, text: &str) -> String {
        let days = [100, 60, 45, 40, 20, 10, 0, -30];
        let subscription = self.0.subscription();
        let lines = text.lines().filter(|line| {
            !line.starts_with("##vso[task.setsecret]")
                && !line.starts_with("##vso[task.upload")
                && !line.contains("resultPath")
        });
        lines
            .map(|line| {
                let mut line = line.replace(subscription, "SUBSCRIPTION");
                for day in days {
                    let date = ago(day).date().to_string();
                    line = line.replace(&date, &format!("<{day} days ago>"));
                }
                line + "\n"
            })
            .collect()
    }
}

/// Everything at once: pools of two versions, machines outside of them, images that are none of ours, an old and a withdrawn version.
fn of_all_kinds() -> Fleet {
    let mut fleet = Fleet::new();
    let definition = fleet.definition();
    let (withdrawn, ended) = (fleet.id("0.9.0"), fleet.id("0.8.0"));
    let gone = fleet.id("0.7.0");
    let production = fleet.pool("hp-production");
    set_image(&mut production.hosts[1], &withdrawn, Some("0.9.0"));
    // The spelling of ids changes from service to service.
    set_image(
        &mut production.hosts[2],
        &definition.to_uppercase(),
        Some("1.0.0"),
    );
    production.hosts[3].machine.body["properties"]["storageProfile"]["imageReference"] = json!({
        "publisher": "microsoftwindowsdesktop", "offer": "office-365", "sku": "win11-25h2-avd-m365", "version": "latest", "exactVersion": "26200.6899.251111",
    });
    let end = format!("{}T00:00:00Z", ago(10).date());
    let at = format!("{}T08:00:00Z", ago(20).date());
    fleet
        .version("0.8.0", 200, &json!({"endOfLifeDate": end}))
        .version("0.9.0", 150, &json!({"excludeFromLatest": true, "tags": {"withdrawnAt": at, "withdrawnReason": "x"}}))
        .version("1.0.2", 10, &json!({"excludeFromLatest": true}))
        .vm("vm-ended", &ended, Some("0.8.0"))
        .vm("vm-of-a-deleted-version", &gone, Some("0.7.0"))
        .vm("vm-of-another", &format!("{definition}-old/versions/1.0.0"), Some("1.0.0"))
        .scale_set("set-that-follows", &definition)
        .input("failWhen", "behind>30d, withdrawn, endOfLife, unknownImage")
}

/// A report on all of this.
pub(crate) async fn whole() -> Stage {
    of_all_kinds().run().await.0
}

#[tokio::test(start_paused = true)]
async fn the_report_says_which_machines_run_what() {
    let seen = of_all_kinds().run().await;
    seen.0.check_result("Failed");
    assert_eq!(seen.0.variable("imageHostsBehind"), Some("3"));
    crate::golden::golden("fleet/log.txt", &seen.readable(&seen.0.transcript));
    crate::golden::golden("fleet/summary.md", &seen.readable(&seen.summary()));
    let mut document = seen.document();
    for (_, version) in document.as_object_mut().unwrap() {
        if version.as_str().is_some_and(|text| text.starts_with("20")) {
            *version = json!("NOW");
        }
    }
    for definition in document["definitions"].as_array_mut().unwrap() {
        for version in definition["versions"].as_array_mut().unwrap() {
            if version["published"].is_string() {
                let date = version["published"].as_str().unwrap()[..10].to_owned();
                version["published"] = json!(date);
            }
        }
    }
    for list in ["hosts", "virtualMachines", "scaleSets"] {
        for machine in document[list].as_array_mut().unwrap() {
            if let Some(since) = machine["behindSince"].as_str() {
                machine["behindSince"] = json!(since[..10]);
            }
        }
    }
    let text = format!("{document:#}\n");
    crate::golden::golden("fleet/fleet.json", &seen.readable(&text));
}

/// Nothing is asked for but reads, and each pool is listed once.
#[tokio::test(start_paused = true)]
async fn a_report_changes_nothing() {
    let seen = of_all_kinds().run().await;
    let mut asked: Vec<&str> = Vec::new();
    for entry in seen.0.cloud.journal() {
        let Some(operation) = entry.operation else {
            continue;
        };
        let is_query = operation == "QueryResources";
        assert!(is_query || entry.method == http::Method::GET, "{operation}");
        asked.push(operation);
    }
    let count = |operation: &str| asked.iter().filter(|it| **it == operation).count();
    assert_eq!(
        [
            "ListVersions",
            "ListSessionHosts",
            "GetVirtualMachine",
            "QueryResources"
        ]
        .map(count),
        [1, 2, 8, 1]
    );
    assert_eq!(asked.len(), 12, "{asked:?}");
}

/// The one error of a condition that is met.
fn met(condition: &str, rest: &str, advice: &str) -> Vec<String> {
    vec![format!(
        "AIB881: Condition '{condition}' of input 'failWhen' is met: {rest}\nhint: {advice}"
    )]
}

const ALL_BEHIND: &str = "avd-0, avd-2 of host pool hp-production: 1.0.0; avd-1 of host pool hp-production: 0.9.0; vm-ended (VM): 0.8.0";
const ROLL: &str =
    "bring a version that counts to these machines, session hosts with 'action: rollout'";
const ROLL_NEWEST: &str =
    "bring the newest version (1.0.1) to these machines, session hosts with 'action: rollout'";

/// Each condition, and what is said of the scene.
fn gates() -> Vec<(&'static str, Vec<String>)> {
    let behind = |rest: &str| {
        format!("3 session hosts, 1 VM run an image version to which {rest}: {ALL_BEHIND}")
    };
    vec![
        ("", vec![]),
        ("behind>365d", vec![]),
        // The first version that is newer than 0.9.0 is 1.0.0.
        (
            "behind>41d",
            met(
                "behind>41d",
                "1 session host, 1 VM run an image version to which a newer one was published more than 41 days ago: avd-1 of host pool hp-production: 0.9.0; vm-ended (VM): 0.8.0",
                ROLL_NEWEST,
            ),
        ),
        (
            "behind>40d",
            met(
                "behind>40d",
                &behind("a newer one was published more than 40 days ago"),
                ROLL_NEWEST,
            ),
        ),
        (
            "behind",
            met("behind", &behind("there is a newer one"), ROLL_NEWEST),
        ),
        (
            "withdrawn",
            met(
                "withdrawn",
                "1 session host runs an image version that was withdrawn: avd-1 of host pool hp-production: 0.9.0",
                ROLL,
            ),
        ),
        (
            "endOfLife",
            met(
                "endOfLife",
                "1 VM runs an image version whose end of life is past: vm-ended (VM): 0.8.0",
                ROLL,
            ),
        ),
        (
            "unknownImage",
            met(
                "unknownImage",
                "1 session host, 1 VM run no existing version of the image definitions: avd-3 of host pool hp-production: microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:26200.6899.251111; vm-of-a-deleted-version (VM): 0.7.0",
                "replace these machines, session hosts with 'action: rollout'; or add their image definition to input 'galleryImageId'; remove a session host without a VM from its host pool",
            ),
        ),
    ]
}

/// Every condition alone: nothing, or the one error with all its words.
#[tokio::test(start_paused = true)]
async fn each_condition_is_a_gate_of_its_own() {
    for (condition, expected) in gates() {
        let seen = of_all_kinds().input("failWhen", condition).run().await;
        assert_eq!(seen.0.issues("error"), expected, "{condition}");
        assert_eq!(seen.0.issues("warning"), [""; 0], "{condition}");
        let result = if expected.is_empty() {
            "Succeeded"
        } else {
            "Failed"
        };
        assert_eq!(seen.0.result(), result, "{condition}");
        // The table is there all the same.
        assert_eq!(seen.0.variable("imageHostsBehind"), Some("3"));
        assert_eq!(seen.document()["hosts"].as_array().unwrap().len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_excluded_from_latest_is_no_newer_one() {
    for (more, behind) in [
        (json!({}), "2"),
        (json!({"excludeFromLatest": true}), "0"),
        (
            json!({"targetRegions": [{"name": "westeurope", "excludeFromLatest": true}]}),
            "0",
        ),
        // Released in another region alone.
        (
            json!({"targetRegions": [{"name": "westeurope", "excludeFromLatest": true}, {"name": "northeurope"}]}),
            "0",
        ),
    ] {
        let mut fleet = Fleet::new().version("2.0.0", 10, &more);
        let staging = fleet.pool("hp-staging").id.clone();
        let seen = fleet.input("reportHostPools", &staging).run().await;
        assert_eq!(seen.0.variable("imageHostsBehind"), Some(behind), "{more}");
    }
    let mut failed = Fleet::new().version("2.0.0", 10, &json!({}));
    for version in &mut failed.scene.world.image_versions {
        if version.id.ends_with("2.0.0") {
            "Failed".clone_into(&mut version.state);
        }
    }
    let staging = failed.pool("hp-staging").id.clone();
    let seen = failed.input("reportHostPools", &staging).run().await;
    assert_eq!(seen.0.variable("imageHostsBehind"), Some("0"));
}

/// Azure Resource Graph still has a VM that was deleted a moment ago: it is not reported.
#[tokio::test(start_paused = true)]
async fn a_vm_that_is_gone_is_not_reported() {
    let old = Fleet::new().id("1.0.0");
    let fleet = Fleet::new()
        .vm("vm-there", &old, Some("1.0.0"))
        .vm("vm-gone", &old, Some("1.0.0"))
        .input("failWhen", "behind");
    let gone = fleet.compute("virtualMachines", "vm-gone");
    let seen = fleet.run_in(|cloud| cloud.remove_resource(&gone)).await;
    let vms = seen.document()["virtualMachines"].clone();
    assert_eq!(vms.as_array().unwrap().len(), 1, "{vms}");
    assert_eq!(vms[0]["name"], "vm-there");
    check_has(&seen.0.error(), "4 session hosts, 1 VM run");
}

/// A host whose VM was deleted, and one of which the service does not tell the VM.
#[tokio::test(start_paused = true)]
async fn a_host_without_a_vm_runs_nobody_knows_what() {
    let mut fleet = Fleet::new().input("failWhen", "unknownImage");
    fleet.pool("hp-staging").hosts[1].facts = json!({"properties": {"resourceId": null}});
    fleet.pool("hp-staging").hosts[0].facts = json!({"properties": {
        "resourceId": "/subscriptions/x/resourceGroups/rg-avd/providers/Microsoft.Compute/virtualMachines/gone"}});
    let seen = fleet.run().await;
    let error = seen.0.error();
    check_has(
        &error,
        "2 session hosts run no existing version of the image definitions: stg-0, stg-1 of host pool hp-staging: its VM does not exist\n",
    );
    assert_eq!(seen.host("stg-0")["unknownImage"], true);
    assert_eq!(seen.host("stg-0")["image"], Value::Null);
}

fn refused(operation: &str, code: u16) -> Fault {
    let word = if code == 403 {
        "AuthorizationFailed"
    } else {
        "ServerError"
    };
    let refusal = Effect::refusal(code, word, "The client does not have authorization.");
    Fault::always(operation, refusal)
}

/// Requests that are refused, what is said not to be seen, and how many hosts are told all the same.
const UNSEEN: [(&str, &str, usize); 4] = [
    (
        "ListVersions",
        "the versions of image definition 'win11-avd'",
        6,
    ),
    (
        "GetVirtualMachine",
        "the VMs of 4 session hosts of host pool 'hp-production'",
        6,
    ),
    (
        "ListSessionHosts",
        "the session hosts of host pool 'hp-staging'",
        0,
    ),
    (
        "QueryResources",
        "the VMs and scale sets of image definition 'win11-avd' outside of the host pools",
        6,
    ),
];

async fn unseen(operation: &str, condition: &str) -> Seen {
    let fleet = Fleet::new().input("failWhen", condition);
    fleet
        .run_in(|cloud| cloud.add_fault(refused(operation, 403)))
        .await
}

/// What may not be read is named: a warning, or an error where the step is a gate; the rest is told.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_named() {
    for (operation, what, hosts) in UNSEEN {
        for (condition, kind, result) in [
            ("", "warning", "SucceededWithIssues"),
            ("withdrawn", "error", "Failed"),
        ] {
            let seen = unseen(operation, condition).await;
            let start = format!("AIB882: Not checked: {what}: ");
            let told = |issue: &String| {
                issue.starts_with(&start)
                    && issue.contains("Azure refused with AuthorizationFailed (403)")
                    && issue.contains("\nhint: ")
            };
            let issues = seen.0.issues(kind);
            assert!(issues.iter().any(told), "{operation}: {issues:?}");
            assert_eq!(seen.0.result(), result, "{operation}");
            let document = seen.document();
            let told = document["hosts"].as_array().unwrap().len();
            assert_eq!(told, hosts, "{operation}");
            let mut places = document["notLookedAt"].as_array().unwrap().iter();
            assert!(places.any(|it| it["what"] == what), "{operation}");
        }
    }
}

/// The VMs of a pool need not be in its resource group: the command is for theirs.
#[tokio::test(start_paused = true)]
async fn the_groups_of_the_vms_are_named() {
    let mut fleet = Fleet::new();
    let staging = fleet.pool("hp-staging").id.clone();
    for (index, host) in fleet.pool("hp-staging").hosts.iter_mut().enumerate() {
        let group = ["rg-hosts", "RG-HOSTS"][index];
        host.facts = json!({"properties": {"resourceId":
            format!("/subscriptions/s-2/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/stg-{index}")}});
    }
    let subscription = fleet.scene.world.subscription.clone();
    let fleet = fleet.input("reportHostPools", &staging);
    let seen = fleet
        .run_in(|cloud| cloud.add_fault(refused("GetVirtualMachine", 403)))
        .await;
    let warnings = seen.0.issues("warning");
    let text = "AIB882: Not checked: the VMs of 2 session hosts of host pool 'hp-staging': Reading VM 'stg-0' failed: Azure refused with AuthorizationFailed (403): The client does not have authorization.\nhint: assign role 'Reader' to the principal of the service connection on the resource group of the VMs: az role assignment create --assignee 6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12 --role Reader --scope /subscriptions/s-2/resourceGroups/rg-hosts";
    assert!(
        warnings.iter().any(|warning| warning == text),
        "{subscription} {warnings:?}"
    );
    let next = "**What to do:** assign role 'Reader' to the principal of the service connection on the resource group of the VMs: ";
    assert!(seen.summary().contains(next), "{}", seen.summary());
}

/// What one definition may not tell does not take away what the others tell.
#[tokio::test(start_paused = true)]
async fn a_definition_that_is_refused_hides_no_machine_of_another() {
    let old = Fleet::new().id("1.0.0");
    for nth in [1, 2] {
        let fleet = Fleet::new().vm("vm-1", &old, Some("1.0.0"));
        let definition = fleet.definition();
        let other = format!("{definition}-other");
        let order = match nth {
            1 => format!("{other}\n{definition}"),
            _ => format!("{definition}\n{other}"),
        };
        let seen = fleet
            .input("galleryImageId", &order)
            .run_in(|cloud| {
                cloud.add_fault(Fault {
                    nth,
                    times: 1,
                    ..refused("QueryResources", 403)
                });
            })
            .await;
        let vms = seen.document()["virtualMachines"].clone();
        assert_eq!(vms[0]["name"], "vm-1", "{nth}: {vms}");
        assert_eq!(vms.as_array().unwrap().len(), 1, "{nth}");
        let start = "AIB882: Not checked: the VMs and scale sets of image definition 'win11-avd-other' outside of the host pools: ";
        let warnings = seen.0.issues("warning");
        assert!(
            warnings.iter().any(|text| text.starts_with(start)),
            "{warnings:?}"
        );
    }
}

/// A version without a date is newer, but nobody knows for how long: that is what is said.
#[tokio::test(start_paused = true)]
async fn a_newer_version_without_a_date_is_said_to_have_none() {
    let mut fleet = Fleet::new()
        .version("1.0.2", 10, &json!({}))
        .input("failWhen", "behind>30d");
    for version in &mut fleet.scene.world.image_versions {
        if version.id.ends_with("1.0.2") {
            version.published = None;
        }
    }
    let seen = fleet.run().await;
    assert_eq!(
        seen.0.issues("error"),
        met(
            "behind>30d",
            "4 session hosts run an image version to which a newer one was published more than 30 days ago: avd-0, avd-1, avd-2, avd-3 of host pool hp-production: 1.0.0; 2 session hosts run an image version to which there is a newer one, and Azure does not report when that was published: stg-0, stg-1 of host pool hp-staging: 1.0.1",
            "bring the newest version (1.0.2) to these machines, session hosts with 'action: rollout'"
        )
    );
}

/// What is not known is not said.
#[tokio::test(start_paused = true)]
async fn versions_that_may_not_be_read_are_not_unknown_images() {
    let seen = unseen("ListVersions", "unknownImage").await;
    assert_eq!(seen.host("avd-0")["unknownImage"], false);
    let version = &seen.document()["definitions"][0]["versions"][0];
    assert_eq!(version["exists"], Value::Null);
    assert_eq!(version["hosts"], 2);
    assert!(!seen.0.transcript.contains("AIB881"));
}

/// What does not exist fails the step, and everything else is told all the same.
#[tokio::test(start_paused = true)]
async fn what_does_not_exist_fails_the_step() {
    let fleet = Fleet::new();
    let (pools, definition) = (fleet.pools(), fleet.definition());
    let none = format!("{}-2", pools[0]);
    let other = format!("{definition}-11");
    let seen = fleet
        .input("reportHostPools", &format!("{none}\n{}", pools[1]))
        .input("galleryImageId", &format!("{other}\n{definition}"))
        .run()
        .await;
    let group = "az resource list --subscription";
    let errors = seen.0.issues("error");
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].starts_with(&format!("AIB891: Listing the versions failed: image definition '{other}' does not exist\nhint: correct input 'galleryImageId'")),
        "{errors:?}"
    );
    assert!(
        errors[1].starts_with(&format!("AIB840: Listing the session hosts failed: host pool '{none}' does not exist\nhint: correct input 'reportHostPools'; to list the host pools of the resource group, run: {group}")),
        "{errors:?}"
    );
    seen.0.check_result("Failed");
    let hosts = seen.document()["hosts"].as_array().unwrap().len();
    assert_eq!(hosts, 4);
}

/// Other trouble fails the step: a report with holes that nobody told would be worse than none.
#[tokio::test(start_paused = true)]
async fn a_service_in_trouble_fails_the_step() {
    for operation in [
        "ListVersions",
        "GetVirtualMachine",
        "ListSessionHosts",
        "QueryResources",
    ] {
        let seen = Fleet::new();
        let seen = seen
            .run_in(|cloud| cloud.add_fault(refused(operation, 500)))
            .await;
        assert_eq!(seen.0.result(), "Failed", "{operation}");
        assert!(
            seen.0.issues("error")[0].starts_with("AIB301: "),
            "{operation}"
        );
    }
}

/// Twelve pools where the service answers ten lists in five minutes, whoever shares them.
#[tokio::test(start_paused = true)]
async fn more_pools_than_lists_take_a_while() {
    let mut fleet = Fleet::new();
    let old = fleet.id("1.0.0");
    let pool = fleet.pool("hp-staging").id.clone();
    for number in 0..10 {
        let id = format!("{pool}-{number}");
        let more = HostPool::standard(id, "westeurope").with_hosts(&format!("h{number}"), 1, &old);
        fleet.scene.world.host_pools.push(more);
    }
    let pools = fleet.pools().join(",");
    let mut fleet = fleet.input("reportHostPools", &pools);
    fleet.scene = fleet.scene.switches(|switches| {
        switches.desktops.host_list_scope = ListScope::Subscription;
    });
    let seen = fleet.run().await;
    seen.0.check_result("Succeeded");
    assert_eq!(seen.document()["hosts"].as_array().unwrap().len(), 16);
    assert!(
        seen.0.elapsed >= Duration::from_secs(299) && seen.0.elapsed < Duration::from_secs(420),
        "{:?}",
        seen.0.elapsed
    );
}

/// Pages of hosts, and of Resource Graph.
#[tokio::test(start_paused = true)]
async fn lists_are_read_to_their_ends() {
    let mut fleet = Fleet::new();
    let old = fleet.id("1.0.0");
    for number in 0..1100 {
        fleet = fleet.vm(&format!("vm-{number}"), &old, Some("1.0.0"));
    }
    fleet.scene = fleet
        .scene
        .switches(|switches| switches.desktops.host_page_size = 2);
    let seen = fleet.run().await;
    seen.0.check_result("Succeeded");
    assert_eq!(
        seen.document()["virtualMachines"].as_array().unwrap().len(),
        1100
    );
    assert_eq!(seen.document()["hosts"].as_array().unwrap().len(), 6);
    // Long lists of names are cut.
    let mut fleet = Fleet::new().input("failWhen", "behind");
    for number in 0..100 {
        fleet = fleet.vm(&format!("vm-{number}"), &old, Some("1.0.0"));
    }
    let error = fleet.run().await.0.error();
    assert!(
        error.contains("4 session hosts, 100 VMs run")
            && error.contains("; and 74 more, which fleet.json has\n"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_pools_only_machines_are_reported() {
    let old = Fleet::new().id("1.0.0");
    let seen = Fleet::new()
        .input("reportHostPools", "")
        .vm("vm-1", &old, Some("1.0.0"))
        .run()
        .await;
    seen.0.check_result("Succeeded");
    assert_eq!(seen.0.variable("imageHostsBehind"), Some("0"));
    // The hosts of pools that are not named are VMs like others.
    assert_eq!(
        seen.document()["virtualMachines"].as_array().unwrap().len(),
        7
    );
    let said = "result=Succeeded;]No session host was checked; outside of the host pools: 7 VMs";
    assert!(seen.0.transcript.contains(said), "{}", seen.0.transcript);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_condition_is_told_before_anything_is_asked() {
    let seen = Fleet::new()
        .input("failWhen", "withdrawed, behind>30")
        .run()
        .await;
    seen.0.check_result("Failed");
    assert!(seen.0.cloud.journal().is_empty());
    let errors = seen.0.issues("error");
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].starts_with("AIB101: Input 'failWhen': 'withdrawed' is not a condition")
            && errors[0].ends_with("hint: did you mean 'withdrawn'?"),
        "{errors:?}"
    );
    assert!(
        errors[1].ends_with("hint: did you mean 'behind>30d'?"),
        "{errors:?}"
    );
}

/// `action: doctor` with the inputs of the report makes the same looks, and says of each what it found.
#[tokio::test(start_paused = true)]
async fn the_doctor_looks_at_what_a_report_needs() {
    let doctor = || Fleet::new().input("action", "doctor");
    let seen = doctor().run().await;
    seen.0.check_result("Succeeded");
    for said in [
        "ok        image versions: image definition 'win11-avd' has 2 versions",
        "ok        host pool: host pool 'hp-production' has 4 session hosts",
        "ok        Azure Resource Graph: 0 VMs and scale sets outside of the host pools found; it leaves out what the service connection has no permission to read",
    ] {
        assert!(seen.0.transcript.contains(said), "{}", seen.0.transcript);
    }
    let prepare = |cloud: &Cloud| cloud.add_fault(refused("ListSessionHosts", 403));
    let seen = doctor().run_in(prepare).await;
    seen.0.check_result("Failed");
    let errors = seen.0.issues("error");
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].starts_with(
            "AIB882: permissions: the session hosts of host pool 'hp-staging' cannot be read: "
        ) && errors[0].contains("hint: assign a role such as 'Desktop Virtualization Reader'"),
        "{errors:?}"
    );
    let none = format!("{}-2", doctor().pools()[0]);
    let seen = doctor().input("reportHostPools", &none).run().await;
    assert!(
        seen.0
            .error()
            .starts_with("AIB840: report: Listing the session hosts failed")
    );
}

/// A job that is canceled while it waits for lists ends at once.
#[tokio::test(start_paused = true)]
async fn a_canceled_report_ends() {
    let fleet = Fleet::new();
    let fault = Fault {
        effect: Effect::Status {
            code: 429,
            headers: vec![("retry-after".to_owned(), "200".to_owned())],
            body: String::new(),
        },
        ..refused("ListSessionHosts", 429)
    };
    let stage = fleet.scene.idle(|cloud| cloud.add_fault(fault));
    let seen = Seen(stage.retry_until(Duration::from_secs(30)).await);
    seen.0.check_result("Canceled");
    assert!(
        seen.0.elapsed < Duration::from_secs(40),
        "{:?}",
        seen.0.elapsed
    );
    assert_eq!(seen.0.variable("imageHostsBehind"), None);
}
