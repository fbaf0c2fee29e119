//! What the tests of session host updates have in common: the pool of production, and what has to hold in each of them.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_emulator::{Cloud, Durations, Entry, Progress, Service};
use bytes::Bytes;
use http::{Method, Request, Response};
use image_builder::arm::http::{Http, TransportError};
use serde_json::Value;

use crate::flow::LiveSecrets;
use crate::flow::cloud_http::CloudHttp;
use crate::flow::scene::{Scene, Stage};

pub(super) const OLD: &str = "1.0.0";
pub(super) const NEW: &str = "1.0.1";

pub(super) fn group() -> String {
    let world = Scene::windows().world;
    format!(
        "/subscriptions/{}/resourceGroups/rg-avd",
        world.subscription
    )
}

/// The pool whose hosts the service makes.
pub(super) fn production() -> String {
    format!(
        "{}/providers/Microsoft.DesktopVirtualization/hostPools/hp-production",
        group()
    )
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

/// A roll-out of the new version to the pool of production.
pub(super) fn update() -> Scene {
    let mut scene = Scene::bare("rollout");
    scene.world = scene.world.with_host_pools();
    scene
        .input("hostPoolId", &production())
        .input("imageVersionId", &version(NEW))
}

/// The same where the hosts take a minute each.
pub(super) fn quick() -> Scene {
    let durations = Durations {
        updating_hosts: Duration::from_secs(60),
        ..Durations::default()
    };
    update().switches(|on| on.progress = Progress::ByClock(Box::new(durations)))
}

pub(super) async fn run(scene: Scene, prepare: impl FnOnce(&Cloud)) -> Stage {
    let cloud = scene.new_cloud();
    prepare(&cloud);
    run_in(scene, &cloud).await
}

/// The same in a cloud where something has happened already.
pub(super) async fn run_in(scene: Scene, cloud: &Arc<Cloud>) -> Stage {
    let stage = scene.build_in(Arc::clone(cloud)).await;
    check_changes(&stage.cloud, &stage.transcript);
    stage
}

/// Every request that changes something is about the configuration and the updates of the pool.
fn check_changes(cloud: &Cloud, transcript: &str) {
    let own = production().to_lowercase();
    for entry in changes(cloud) {
        let path = entry.path.to_lowercase();
        let rest = path.strip_prefix(&own).unwrap_or_default();
        let is_own = rest.starts_with("/sessionhostconfigurations/default")
            || rest.starts_with("/sessionhostmanagements/default/");
        assert!(is_own, "{entry}\n{transcript}");
    }
}

/// The requests that change something.
pub(super) fn changes(cloud: &Cloud) -> Vec<Entry> {
    let journal = cloud.journal().into_iter();
    journal
        .filter(|entry| entry.service == Service::Arm && entry.method != Method::GET)
        .collect()
}

/// What a step has sent to change something: method, path with query, body.
pub(super) type Sent = (String, String, Value);

/// A way to the network that keeps what is sent to change something.
#[derive(Debug)]
struct Spy {
    inner: CloudHttp,
    sent: Arc<Mutex<Vec<Sent>>>,
}

#[async_trait]
impl Http for Spy {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path_and_query().unwrap().to_string();
        if request.method() != Method::GET && path.contains("DesktopVirtualization") {
            let body = serde_json::from_slice(request.body()).unwrap_or_default();
            let sent = (request.method().to_string(), path, body);
            self.sent.lock().unwrap().push(sent);
        }
        self.inner.send(request).await
    }
}

/// A step in this cloud, and what it has sent to change something.
pub(super) async fn spied(scene: Scene, cloud: &Arc<Cloud>) -> (Stage, Vec<Sent>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let spy = Spy {
        inner: CloudHttp {
            cloud: Arc::clone(cloud),
            secrets: LiveSecrets::of(&scene.world, &scene.step),
        },
        sent: Arc::clone(&sent),
    };
    let stage = scene.build_over(Arc::clone(cloud), Arc::new(spy)).await;
    check_changes(&stage.cloud, &stage.transcript);
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    (stage, sent)
}

/// How many requests of this route the cloud has obeyed.
pub(super) fn obeyed(cloud: &Cloud, operation: &str) -> usize {
    let journal = cloud.journal().into_iter();
    let is = |entry: &Entry| {
        entry.operation == Some(operation) && entry.status.is_some_and(|status| status < 300)
    };
    journal.filter(is).count()
}

/// The hosts of the pool in a line each: `avd-0 1.0.1 open`.
pub(super) fn hosts(cloud: &Cloud) -> Vec<String> {
    let all = cloud.session_hosts(&production()).into_iter();
    all.map(|host| {
        let version = host.image.rsplit('/').next().unwrap_or_default();
        let open = if host.open { "open" } else { "drained" };
        format!("{} {version} {open}", host.name)
    })
    .collect()
}

/// All four hosts alike.
pub(super) fn all(version: &str) -> Vec<String> {
    (0..4)
        .map(|number| format!("avd-{number} {version} open"))
        .collect()
}

/// The image of the wanted configuration.
pub(super) fn configured(cloud: &Cloud) -> String {
    let path = format!("{}/sessionHostConfigurations/default", production());
    let world = Scene::windows().world;
    let request = Request::get(format!(
        "{}{path}?api-version=2025-04-01-preview",
        world.addresses.arm
    ))
    .header(
        "authorization",
        format!("Bearer {}", crate::emulated::token(&world)),
    )
    .body(Bytes::new())
    .unwrap();
    let answer = cloud.answer(request).response().unwrap().into_body();
    let document: Value = serde_json::from_slice(&answer).unwrap();
    let image = &document["properties"]["imageInfo"];
    let id = image["customInfo"]["resourceId"]
        .as_str()
        .unwrap_or_default();
    id.rsplit('/').next().unwrap().to_owned()
}

pub(super) fn assert_good(stage: &Stage) {
    stage.check_result("Succeeded");
}

/// The lines that people read, without commands.
pub(super) fn log(stage: &Stage) -> String {
    let lines = stage.transcript.lines();
    let lines = lines.filter(|line| !line.starts_with("##vso"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

pub(super) fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").expect("a result file");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The page of the run.
pub(super) fn page(stage: &Stage) -> String {
    let mut paths = stage
        .transcript
        .lines()
        .filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
    fs::read_to_string(paths.next().unwrap()).unwrap()
}

/// What a step came to, whole: its result and issues, the variables, what the pool has, and what was sent to change it.
pub(super) fn outcome(stage: &Stage) -> String {
    let mut lines = vec![format!("result: {}", stage.result())];
    for kind in ["error", "warning"] {
        let issues = stage.issues(kind).into_iter();
        lines.extend(issues.map(|issue| format!("{kind}: {}", issue.replace('\n', "\n  "))));
    }
    let told = stage.variable("rolloutState").unwrap_or("not set");
    lines.push(format!("state: {told}"));
    lines.push(format!("configuration: {}", configured(&stage.cloud)));
    lines.push(format!("hosts: {}", hosts(&stage.cloud).join(", ")));
    let sent: Vec<_> = changes(&stage.cloud)
        .iter()
        .map(|entry| {
            let end = entry.path.rsplit('/').next().unwrap_or_default();
            let status = entry.status.map_or("lost".to_owned(), |it| it.to_string());
            format!("{} {end} {status}", entry.method)
        })
        .collect();
    lines.push(format!("sent: {}", sent.join(", ")));
    lines.join("\n")
}
