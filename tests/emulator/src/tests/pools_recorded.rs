//! Host pools and VMs by the recordings: the same requests, in a scene like that of the recording, get the same answers up to ids and times.

use http::Method;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::scene::{Answer, Scene};
use crate::{
    Addresses, HostPool, OperationUrls, PlatformImage, Progress, ResourceGroup, SceneResource,
    SessionHost, Switches, UpdateFate, UserSession, World,
};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg000001";

/// A recording, and which of its steps were asked again.
struct Recording {
    steps: Vec<Value>,
    asked: Vec<bool>,
}

impl Recording {
    fn read(text: &str) -> Self {
        let file: Value = serde_json::from_str(text).unwrap();
        let steps = file["steps"].as_array().unwrap().clone();
        let asked = vec![false; steps.len()];
        Self { steps, asked }
    }

    fn configuration() -> Self {
        Self::read(include_str!(
            "../../../recordings/session_host_configuration.json"
        ))
    }

    fn update() -> Self {
        Self::read(include_str!("../../../recordings/session_host_update.json"))
    }

    fn sessions() -> Self {
        Self::read(include_str!("../../../recordings/host_pool_sessions.json"))
    }

    fn machine() -> Self {
        Self::read(include_str!("../../../recordings/vm_from_version.json"))
    }

    fn answer(&self, step: usize) -> &Value {
        &self.steps[step]["response"]["body"]
    }

    fn path(&self, step: usize) -> &str {
        self.steps[step]["request"]["path"].as_str().unwrap()
    }

    /// Asks what was recorded, at `address` if that was given out, and compares.
    fn ask(&mut self, scene: &Scene, step: usize, address: Option<&str>) -> Answer {
        self.asked[step] = true;
        let (request, response) = (&self.steps[step]["request"], &self.steps[step]["response"]);
        let query: Vec<String> = request["query"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let recorded = format!(
            "https://management.azure.emulator{}?{}",
            self.path(step),
            query.join("&")
        );
        let method: Method = request["method"].as_str().unwrap().parse().unwrap();
        let body = Some(&request["body"]).filter(|body| !body.is_null());
        let answer = scene.send(method, address.unwrap_or(&recorded), body);
        let place = format!("step {step}: {}", answer.text);
        assert_eq!(response["status"], answer.status, "{place}");
        assert_eq!(
            masked(&response["body"]).to_string(),
            masked(&answer.body).to_string(),
            "{place}"
        );
        headers(&response["headers"], &answer, step);
        answer
    }

    fn check_all_asked(&self, but: &[usize]) {
        let missed: Vec<usize> = (0..self.steps.len())
            .filter(|step| !self.asked[*step])
            .collect();
        assert_eq!(missed, but);
    }
}

/// A document without ids and times; what else it says stays, with the order of its members.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mask = |(name, value): (&String, &Value)| (name.clone(), masked(value));
            Value::Object(members.iter().map(mask).collect())
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) => json!(masked_text(text)),
        other => other.clone(),
    }
}

fn masked_text(text: &str) -> String {
    // Trailing zeros of a fraction are cut, so times of one kind have fractions of any length.
    if text == "{{time}}" || OffsetDateTime::parse(text, &Rfc3339).is_ok() {
        let zone = if text.ends_with('Z') { "Z" } else { "" };
        return format!("<time>{zone}");
    }
    if OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339).is_ok() {
        return "<time without a zone>".to_owned();
    }
    let is_id =
        |word: &str| word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
    let words = text.split(['/', ' ']);
    let words = words.map(|word| if is_id(word) { "<id>" } else { word });
    words.collect::<Vec<_>>().join("/")
}

/// Headers that have to be the same, or to be missing as well.
fn headers(recorded: &Value, answer: &Answer, step: usize) {
    let complete = recorded.get("x-rate-limit-limit").is_some();
    for name in [
        "cache-control",
        "pragma",
        "expires",
        "content-type",
        "x-content-type-options",
        "strict-transport-security",
        "x-cache",
        "x-powered-by",
        "x-rate-limit-limit",
        "x-rate-limit-remaining",
        "retry-after",
        "azure-asyncnotification",
    ] {
        let expected = recorded.get(name).and_then(Value::as_str);
        // The recorders of Microsoft.Compute left some out.
        if complete || expected.is_some() {
            assert_eq!(answer.header(name), expected, "step {step}: {name}");
        }
    }
    if recorded.get("content-length").is_some() {
        assert_eq!(answer.header("content-length"), Some("0"), "step {step}");
    }
    for name in ["location", "azure-asyncoperation"] {
        let path = |address: &str| {
            let path = address.split('?').next().unwrap();
            path.rsplit_once('/').unwrap().0.to_owned()
        };
        let expected = recorded.get(name).and_then(Value::as_str).map(path);
        let found = answer.header(name).map(path);
        let expected =
            expected.map(|path| path.replace("management.azure.com", "management.azure.emulator"));
        assert_eq!(found, expected, "step {step}: {name}");
    }
    for name in [
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "x-rate-limit-reset",
        "x-ms-correlation-id",
    ] {
        if recorded.get(name).is_some() {
            assert!(answer.header(name).is_some(), "step {step}: {name}");
        }
    }
}

/// The world of the recordings, with a pool whose configuration is the recorded one.
fn scene(configuration: Option<&Value>, change: impl FnOnce(&mut HostPool)) -> Scene {
    let mut world = World::contoso(Addresses::in_process());
    NOBODY.clone_into(&mut world.subscription);
    world.resource_groups = vec![ResourceGroup {
        name: "rg000001".to_owned(),
        location: "westus2".to_owned(),
    }];
    world.platform_images.push(PlatformImage {
        publisher: "microsoftwindowsdesktop".to_owned(),
        offer: "windows-11".to_owned(),
        sku: "win11-24h2-avd".to_owned(),
        versions: vec!["26100.6899.251011".to_owned()],
        ..PlatformImage::default()
    });
    let id = format!("{GROUP}/providers/Microsoft.DesktopVirtualization/hostPools/hp000001");
    let mut pool = match configuration {
        Some(properties) => HostPool {
            configuration: Some(properties.clone()),
            ..HostPool::automated(id, "westus2", "", "")
        },
        None => HostPool::standard(id, "westus2"),
    };
    change(&mut pool);
    world.host_pools = vec![pool];
    Scene::with_world(Switches::default(), world)
}

fn pool_id() -> String {
    format!("{GROUP}/providers/Microsoft.DesktopVirtualization/hostPools/hp000001")
}

fn management(answer: &Value) -> Value {
    let mut properties = answer["properties"].clone();
    properties["update"]["logOffMessage"] = json!("before");
    properties
}

#[test]
fn the_configuration_is_read_and_changed() {
    let mut recording = Recording::configuration();
    let active = recording.answer(0)["properties"].clone();
    let wanted = recording.answer(4)["properties"].clone();
    let scene = scene(Some(&wanted), |pool| {
        pool.active_configuration = Some(active);
        pool.host_management = Some(management(recording.answer(1)));
    });
    recording.ask(&scene, 0, None);
    recording.ask(&scene, 1, None);
    recording.ask(&scene, 2, None);
    let started = recording.ask(&scene, 3, None);
    let location = started.header("location").unwrap();
    scene.wait(62);
    for _ in 0..2 {
        // The PATCH brings what is there, so the version stays.
        let ended = recording.ask(&scene, 4, Some(location));
        assert_eq!(ended.body["properties"]["version"], wanted["version"]);
    }
    recording.ask(&scene, 5, None);
    recording.check_all_asked(&[]);
}

/// The scene of an update: five hosts, and a management as its status repeats it.
fn updating(recording: &Recording) -> Scene {
    let configuration = Recording::configuration();
    let mut wanted = configuration.answer(4)["properties"].clone();
    wanted["imageInfo"]["marketplaceInfo"]["exactVersion"] = json!("26100.6899.251011");
    let status = recording.answer(1).clone();
    scene(Some(&wanted), |pool| {
        let mut management = status["sessionHostManagement"]["properties"].clone();
        management["provisioningState"] = json!("Succeeded");
        // The state comes first.
        let mut properties = json!({"provisioningState": "Succeeded"});
        for (name, value) in management.as_object().unwrap() {
            properties[name] = value.clone();
        }
        pool.host_management = Some(properties);
        *pool = pool.clone().with_hosts("auto", 5, "/x/versions/1.0.0");
        for host in &mut pool.hosts {
            host.configuration = Some("2025-10-16T09:49:45Z".to_owned());
        }
    })
}

#[test]
fn an_update_is_started_seen_and_canceled() {
    let mut recording = Recording::update();
    let scene = updating(&recording);
    scene.cloud.script_update(UpdateFate::NeverEnds);
    recording.ask(&scene, 0, None);
    let asked_at = scene.now();
    scene.wait(47 * 60);
    let status = recording.ask(&scene, 1, None).body;
    // Local time of the Pacific, in summer.
    let local = asked_at - Duration::hours(7);
    let expected = local.format(&Rfc3339).unwrap();
    assert_eq!(status["startTime"], expected);
    let execution = status["progress"]["executionStartTime"].as_str().unwrap();
    assert!(!execution.ends_with('Z'), "{execution}");
    let canceled = recording.ask(&scene, 2, None);
    scene.wait(15);
    for _ in 0..2 {
        let location = canceled.header("location").unwrap();
        recording.ask(&scene, 3, Some(location));
    }
    // The rest is of provisioning, in another scene, and of an action upon a host.
    recording.check_all_asked(&[4, 5, 6, 7, 8]);
}

#[test]
fn provisioning_is_started_and_canceled() {
    let mut recording = Recording::update();
    let wanted = Recording::configuration().answer(4)["properties"].clone();
    let scene = scene(Some(&wanted), |pool| {
        pool.host_management = Some(recording.answer(5)["properties"].clone());
        *pool = pool.clone().with_hosts("shm", 2, "/x/versions/1.0.0");
    });
    recording.ask(&scene, 5, None);
    recording.ask(&scene, 6, None);
    let started = recording.ask(&scene, 7, None);
    scene.wait(15);
    let location = started.header("location").unwrap();
    assert_eq!(scene.get(location).status, 204);
    // The recorded status is of a provisioning of one more host.
    let url = format!(
        "https://management.azure.emulator{}?api-version=2025-04-01-preview",
        recording.path(6)
    );
    let three = json!({"properties": {"provisioning": {"instanceCount": 3}}});
    assert_eq!(scene.send(Method::PATCH, &url, Some(&three)).status, 200);
    recording.ask(&scene, 7, None);
    scene.wait(2);
    let status = recording.ask(&scene, 4, None).body;
    let time =
        |name: &str| OffsetDateTime::parse(status[name].as_str().unwrap(), &Rfc3339).unwrap();
    assert_eq!(time("endTime") - time("startTime"), Duration::seconds(2));
    recording.ask(&scene, 8, None);
    recording.check_all_asked(&[0, 1, 2, 3]);
}

/// A host as the recorded answer has it.
fn host_of(answer: &Value) -> SessionHost {
    let (_, name) = answer["name"].as_str().unwrap().split_once('/').unwrap();
    let mut facts = answer["properties"].clone();
    let facts_members = facts.as_object_mut().unwrap();
    // What the tests change, and what the emulator has of the users.
    for name in [
        "allowNewSession",
        "sessions",
        "activeSessions",
        "disconnectedSessions",
        "pendingSessions",
    ] {
        facts_members.shift_remove(name);
    }
    let host = SessionHost::of_version(name, GROUP, "westus2", "/x/versions/1.0.0");
    SessionHost {
        machine: SceneResource {
            id: facts["resourceId"].as_str().unwrap().to_owned(),
            body: host.machine.body.clone(),
        },
        facts: json!({"properties": facts, "systemData": answer["systemData"]}),
        ..host
    }
}

#[test]
fn hosts_are_drained_and_let_in() {
    let mut recording = Recording::sessions();
    let host = host_of(recording.answer(0));
    let scene = scene(None, |pool| pool.hosts = vec![host]);
    recording.ask(&scene, 0, None);
    recording.ask(&scene, 1, None);
    assert!(!scene.cloud.session_hosts(&pool_id())[0].open);
    recording.ask(&scene, 2, None);
    assert!(scene.cloud.session_hosts(&pool_id())[0].open);
    recording.ask(&scene, 3, None);
    recording.check_all_asked(&[4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn users_are_listed_and_signed_out() {
    let mut recording = Recording::sessions();
    let mut host = host_of(recording.answer(4));
    let without_users = scene(None, |pool| pool.hosts = vec![host.clone()]);
    recording.ask(&without_users, 4, None);
    recording.ask(&without_users, 5, None);
    let created = OffsetDateTime::parse("2023-12-21T15:40:08.15Z", &Rfc3339).unwrap();
    host.sessions = [3, 5, 2, 4]
        .map(|id| UserSession {
            state: "Disconnected".to_owned(),
            created: Some(created),
            ..UserSession::active(id, "user@example.com")
        })
        .to_vec();
    let scene = scene(None, |pool| pool.hosts = vec![host]);
    recording.ask(&scene, 9, None);
    recording.ask(&scene, 10, None);
    recording.ask(&scene, 6, None);
    recording.ask(&scene, 7, None);
    recording.ask(&scene, 8, None);
    recording.check_all_asked(&[0, 1, 2, 3]);
}

#[test]
fn a_machine_is_deallocated_and_deleted() {
    let mut recording = Recording::machine();
    let shown = recording.answer(3).clone();
    let mut world = World::contoso(Addresses::in_process());
    NOBODY.clone_into(&mut world.subscription);
    world.resource_groups = vec![ResourceGroup {
        name: "rg000001".to_owned(),
        location: "eastus".to_owned(),
    }];
    let mut body = shown.clone();
    for name in ["name", "id", "type"] {
        body.as_object_mut().unwrap().shift_remove(name);
    }
    world.resources = vec![SceneResource {
        id: shown["id"].as_str().unwrap().to_owned(),
        body,
    }];
    let switches = Switches {
        operation_urls: OperationUrls::Plain,
        progress: Progress::ByClock(Box::default()),
        ..Switches::default()
    };
    let scene = Scene::with_world(switches, world);
    recording.ask(&scene, 3, None);
    let started = recording.ask(&scene, 5, None);
    let address = started.operation();
    assert!(address.contains("?p="), "{address}");
    scene.wait(11);
    recording.ask(&scene, 6, Some(&address));
    scene.wait(36);
    recording.ask(&scene, 7, Some(&address));
    recording.ask(&scene, 8, started.header("location"));
    let deleted = recording.ask(&scene, 9, None);
    scene.wait(10);
    recording.ask(&scene, 10, Some(&deleted.operation()));
    let url = format!(
        "https://management.azure.emulator{}?api-version=2021-07-01",
        recording.path(3)
    );
    assert_eq!(scene.get(&url).status, 404);
    // Its making is asked in another scene; what its guest says of itself, and the action `runCommand`, are not emulated.
    recording.check_all_asked(&[0, 1, 2, 4, 11, 12, 13, 14, 15, 16, 17]);
}

fn plain_urls() -> Switches {
    Switches {
        operation_urls: OperationUrls::Plain,
        ..Switches::default()
    }
}

#[test]
fn a_machine_is_made() {
    let mut recording = Recording::machine();
    let mut world = World::contoso(Addresses::in_process());
    NOBODY.clone_into(&mut world.subscription);
    world.resource_groups = vec![ResourceGroup {
        name: "rg000001".to_owned(),
        location: "eastus".to_owned(),
    }];
    let image = PlatformImage {
        publisher: "MicrosoftWindowsServer".to_owned(),
        offer: "WindowsServer".to_owned(),
        sku: "2016-Datacenter".to_owned(),
        versions: vec!["14393.4651.2109130103".to_owned()],
        ..PlatformImage::default()
    };
    world.platform_images.push(image);
    if let Some(image) = world.platform_images.last_mut() {
        "Windows".clone_into(&mut image.facts.os_type);
    }
    world.resources = vec![SceneResource {
        id: format!("{GROUP}/providers/Microsoft.Network/networkInterfaces/nic000001"),
        body: json!({"location": "eastus", "properties": {}}),
    }];
    let scene = Scene::with_world(plain_urls(), world);
    let made = recording.ask(&scene, 0, None);
    assert!(!made.text.contains("adminPassword"), "{}", made.text);
    scene.wait(10);
    recording.ask(&scene, 1, Some(&made.operation()));
    scene.wait(51);
    recording.ask(&scene, 2, Some(&made.operation()));
    recording.ask(&scene, 3, None);
    recording.check_all_asked(&[4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
}

/// `provisioningState` `Succeeded`, `exitCode` 0, `executionState` `Running`, and yet it was not run.
#[test]
fn a_command_without_a_script_is_not_run() {
    let mut recording = Recording::machine();
    let mut world = World::contoso(Addresses::in_process());
    NOBODY.clone_into(&mut world.subscription);
    let group = "clitest.rg000001";
    world.resource_groups = vec![ResourceGroup {
        name: group.to_owned(),
        location: "westus".to_owned(),
    }];
    let machine = recording.path(15).split("/runCommands/").next().unwrap();
    world.resources = vec![SceneResource {
        id: machine.to_owned(),
        body: json!({"location": "westus", "properties": {}}),
    }];
    let scene = Scene::with_world(plain_urls(), world);
    let started = recording.ask(&scene, 15, None);
    scene.wait(30);
    recording.ask(&scene, 16, Some(&started.operation()));
    recording.ask(&scene, 17, None);
}
