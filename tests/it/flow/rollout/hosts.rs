//! What the methods that make or open hosts have in common in tests: the pool of staging, and what has to hold in each of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_emulator::{Cloud, Durations, Effect, HostView, Progress, SessionHost, UserSession};
use http::Method;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::flow::scene::{Scene, Stage};

pub(super) const OLD: &str = "1.0.0";
pub(super) const NEW: &str = "1.0.1";
pub(super) const PASSWORD: &str = "P4ssw0rd-of-the-hosts";

pub(super) fn group() -> String {
    let world = Scene::windows().world;
    format!(
        "/subscriptions/{}/resourceGroups/rg-avd",
        world.subscription
    )
}

/// The pool whose hosts its owner makes.
pub(super) fn staging() -> String {
    format!(
        "{}/providers/Microsoft.DesktopVirtualization/hostPools/hp-staging",
        group()
    )
}

fn production() -> String {
    staging().replace("hp-staging", "hp-production")
}

pub(super) fn version(number: &str) -> String {
    let world = Scene::windows().world;
    let mut galleries = world.galleries.iter();
    let gallery = galleries.find(|it| it.name == "galContoso").unwrap();
    format!(
        "{}/images/win11-avd/versions/{number}",
        world.gallery_id(gallery)
    )
}

pub(super) fn machine(name: &str) -> String {
    format!(
        "{}/providers/Microsoft.Compute/virtualMachines/{name}",
        group()
    )
}

/// A roll-out of the new version to the pool of staging.
pub(super) fn rollout(method: &str) -> Scene {
    let mut scene = Scene::bare("rollout");
    scene.world = scene.world.with_host_pools();
    scene
        .input("hostPoolId", &staging())
        .input("imageVersionId", &version(NEW))
        .input("rolloutMethod", method)
}

/// The same with the sample's template.
pub(super) fn replace() -> Scene {
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/host-pools/session-hosts.json");
    replace_with(&fs::read_to_string(sample).unwrap())
}

/// The same with another template.
pub(super) fn replace_with(template: &str) -> Scene {
    let scene = rollout("replace");
    let folder = scene.step.directories.sources.join("avd");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("session-hosts.json"), template).unwrap();
    let subnet = format!(
        "{}/providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts",
        group()
    );
    scene
        .input("sessionHostTemplate", "avd/session-hosts.json")
        .input(
            "sessionHostParameters",
            &format!("subnetId={subnet}\nadminPassword={PASSWORD}"),
        )
}

/// The sample's template after a change.
pub(super) fn template(change: impl FnOnce(&mut Value)) -> String {
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/host-pools/session-hosts.json");
    let mut template = serde_json::from_str(&fs::read_to_string(sample).unwrap()).unwrap();
    change(&mut template);
    template.to_string()
}

/// The least number of open hosts that work, looked at every few seconds.
pub(super) struct Watch {
    least: Arc<Mutex<usize>>,
    foreign: BTreeMap<String, String>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(super) fn begin(cloud: &Arc<Cloud>) -> Self {
        let least = Arc::new(Mutex::new(serving(cloud)));
        let (seen, cloud_of_task) = (Arc::clone(&least), Arc::clone(cloud));
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(13)).await;
                let now = serving(&cloud_of_task);
                let mut least = seen.lock().unwrap();
                *least = now.min(*least);
            }
        });
        Self {
            least,
            foreign: foreign(cloud),
            task,
        }
    }

    /// Never fewer open hosts than `target`, and nothing of others touched.
    pub(super) fn end(self, stage: &Stage, target: usize) {
        self.task.abort();
        let least = *self.least.lock().unwrap();
        assert!(
            least >= target,
            "only {least} open and healthy hosts\n{}",
            stage.transcript
        );
        assert_eq!(foreign(&stage.cloud), self.foreign, "{}", stage.transcript);
        check_changes(stage);
        check_token(stage);
    }
}

/// The hosts that users can sign in to.
fn serving(cloud: &Cloud) -> usize {
    let hosts = cloud.session_hosts(&staging());
    let works = |host: &&HostView| host.open && host.status == "Available";
    hosts.iter().filter(works).count()
}

/// What is not of this roll-out: the other pool.
fn foreign(cloud: &Cloud) -> BTreeMap<String, String> {
    let hosts = cloud.session_hosts(&production()).into_iter();
    hosts
        .map(|host| (host.name.clone(), format!("{host:?}")))
        .collect()
}

/// Every request that changes something is about the pool, its hosts, or the deployments of this step.
fn check_changes(stage: &Stage) {
    let own = |path: &str| {
        let path = path.to_lowercase();
        let starts = [
            staging(),
            format!(
                "{}/providers/Microsoft.Resources/deployments/image-rollout-",
                group()
            ),
            machine("stg-"),
            machine("avd"),
            machine("new-"),
        ];
        starts
            .iter()
            .any(|start| path.starts_with(&start.to_lowercase()))
    };
    for entry in stage.cloud.journal() {
        let changes = entry.method != Method::GET && entry.service == azure_emulator::Service::Arm;
        assert!(
            !changes || own(&entry.path),
            "{entry}\n{}",
            stage.transcript
        );
    }
}

/// No token and no password in the log or a file, but where they are announced for masking.
fn check_token(stage: &Stage) {
    let log: Vec<&str> = stage
        .transcript
        .lines()
        .filter(|line| !line.starts_with("##vso[task.setsecret]"))
        .collect();
    let mut texts = vec![log.join("\n")];
    for (start, ()) in [
        ("##vso[task.uploadsummary]", ()),
        ("##vso[task.uploadfile]", ()),
    ] {
        let paths = stage.transcript.lines();
        for path in paths.filter_map(|line| line.strip_prefix(start)) {
            texts.push(fs::read_to_string(path).unwrap_or_default());
        }
    }
    let mut secrets = stage.cloud.registration_tokens();
    secrets.push(PASSWORD.to_owned());
    for secret in &secrets {
        for text in &texts {
            assert!(!text.contains(secret.as_str()), "a secret in\n{text}");
        }
    }
}

/// A roll-out in a cloud that `prepare` has changed; never fewer open hosts than there were, or than `target`.
pub(super) async fn run(scene: Scene, prepare: impl FnOnce(&Cloud)) -> Stage {
    let cloud = scene.new_cloud();
    prepare(&cloud);
    run_in(scene, &cloud).await
}

/// The same in a cloud where something has happened already.
pub(super) async fn run_in(scene: Scene, cloud: &Arc<Cloud>) -> Stage {
    let watch = Watch::begin(cloud);
    let target = serving(cloud);
    let stage = scene.build_in(Arc::clone(cloud)).await;
    watch.end(&stage, target);
    stage
}

/// The hosts of the pool in a line each: `avd-0 1.0.1 open, 2 users`, with a `-` for the status of those that do not work.
pub(super) fn hosts(cloud: &Cloud) -> Vec<String> {
    let all = cloud.session_hosts(&staging()).into_iter();
    all.map(|host| {
        let version = host.image.rsplit('/').next().unwrap_or_default();
        let open = if host.open { "open" } else { "drained" };
        let runs = if cloud.machine_runs(&host.machine) {
            ""
        } else {
            ", stopped"
        };
        let users = match host.users.len() {
            0 => String::new(),
            users => format!(", {users} users"),
        };
        format!("{} {version} {open}{runs}{users}", host.name)
    })
    .collect()
}

/// Changes a host of the pool.
pub(super) fn change(cloud: &Cloud, host: &str, change: impl FnOnce(&mut SessionHost)) {
    assert!(cloud.change_session_host(&staging(), host, change));
}

/// The lines that people read, without commands.
pub(super) fn log(stage: &Stage) -> String {
    let lines = stage.transcript.lines();
    let lines = lines.filter(|line| !line.starts_with("##vso"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// How many requests of this route the cloud has obeyed.
pub(super) fn obeyed(cloud: &Cloud, operation: &str) -> usize {
    let journal = cloud.journal().into_iter();
    let is = |entry: &azure_emulator::Entry| {
        entry.operation == Some(operation) && entry.status.is_some_and(|status| status < 300)
    };
    journal.filter(is).count()
}

pub(super) fn assert_good(stage: &Stage) {
    stage.check_result("Succeeded");
}

/// The file of results.
pub(super) fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").expect("a result file");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// How the new hosts are called: six digits of the build number, two of the pool's sum.
pub(super) fn prefix(cloud: &Cloud) -> String {
    let all = hosts(cloud);
    let new = all.iter().find(|host| host.starts_with("avd")).unwrap();
    new.split('-').next().unwrap().to_owned()
}

/// The hosts with a stand-in for the new ones' prefix.
pub(super) fn ended(cloud: &Cloud) -> Vec<String> {
    let prefix = prefix(cloud);
    let all = hosts(cloud).into_iter();
    all.map(|host| host.replace(&prefix, "new")).collect()
}

pub(super) const KEPT: [&str; 4] = [
    "stg-0 1.0.0 drained, stopped",
    "stg-1 1.0.0 drained, stopped",
    "new-0 1.0.1 open",
    "new-1 1.0.1 open",
];

pub(super) fn with_users(cloud: &Cloud) {
    change(cloud, "stg-0", |host| {
        host.sessions = vec![
            UserSession::active(2, "anna@contoso.example"),
            UserSession {
                state: "Disconnected".to_owned(),
                ..UserSession::active(3, "bert@contoso.example")
            },
        ];
    });
}

/// A roll-out in a cloud where hosts are made in a minute.
pub(super) fn quick() -> Scene {
    replace().switches(|switches| {
        let durations = Durations {
            creating_machine: Duration::from_secs(10),
            registering_host: Duration::from_secs(25),
            finishing_deployment: Duration::from_secs(20),
            booting_host: Duration::from_secs(10),
            ..Durations::default()
        };
        switches.progress = Progress::ByClock(Box::new(durations));
    })
}

/// Azure refuses a request for lack of a permission.
pub(super) fn forbidden() -> Effect {
    let body = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;
    Effect::status(403, body)
}
