//! What people script while the emulator runs.

use http::Method;
use serde_json::json;

use super::scene::Scene;
use crate::{Addresses, Switches, World, control};

#[test]
fn the_ends_of_coming_runs_are_scripted() {
    let check = |script: &str, expected: &str| {
        let scene = Scene::provisioned(Switches::default());
        let path = "/_emulator/runs";
        let answer = control::answer(&scene.cloud, &Method::POST, path, script.as_bytes()).unwrap();
        assert_eq!(answer.status().as_u16(), 204, "{script}");
        assert_eq!(scene.post("run").status, 202);
        scene.wait(4000);
        let status = scene.template()["properties"]["lastRunStatus"].clone();
        assert_eq!(status["runState"], expected, "{script}: {status}");
    };
    check(r#"{"end": "succeeds"}"#, "Succeeded");
    check(r#"{"end": "customizerFails", "times": 2}"#, "Failed");
    check(r#"{"end": "doesNotBoot"}"#, "Failed");
    check(r#"{"end": "outOfTime"}"#, "Failed");
    // Without validators a run fails at the state before.
    check(r#"{"end": "validatorFails"}"#, "Failed");
    check(r#"{"end": "distributionFails"}"#, "Failed");
    check(r#"{"end": "partiallySucceeds"}"#, "PartiallySucceeded");
    check(r#"{"end": "neverEnds"}"#, "Running");
}

#[test]
fn the_scripts_of_the_page_for_people_are_understood() {
    let page = include_str!("../../../../docs/emulator.md");
    let world = World::contoso(Addresses::in_process()).with_host_pools();
    let scene = Scene::with_world(Switches::default(), world);
    assert_eq!(scene.put(&scene.body()).status, 201);
    let mut scripts = 0;
    for line in page
        .lines()
        .filter_map(|line| line.strip_prefix("curl --data '"))
    {
        let (script, rest) = line.split_once("' \"$AZURE_EMULATOR").unwrap();
        let path = rest.trim_end_matches('"');
        let answer = control::answer(&scene.cloud, &Method::POST, path, script.as_bytes()).unwrap();
        assert_eq!(answer.status().as_u16(), 204, "{line}");
        scripts += 1;
    }
    assert_eq!(scripts, 15);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn host_pools_are_scripted() {
    let world = World::contoso(Addresses::in_process()).with_host_pools();
    let scene = Scene::with_world(Switches::default(), world);
    let script = |path: &str, script: &str| {
        let path = format!("/_emulator/{path}");
        let answer = control::answer(&scene.cloud, &Method::POST, &path, script.as_bytes());
        answer.unwrap().status().as_u16()
    };
    for end in [
        "succeeds",
        "capacityRule",
        "noHosts",
        "keyVault",
        "hostFails",
        "rollbackFails",
        "neverStarts",
        "neverEnds",
        "error",
    ] {
        assert_eq!(
            script("updates", &format!("{{\"end\": \"{end}\"}}")),
            204,
            "{end}"
        );
    }
    for end in [
        "succeeds",
        "extensionFails",
        "quotaExceeded",
        "neverEnds",
        "hostsNeedAssistance",
    ] {
        assert_eq!(
            script("deployments", &format!("{{\"end\": \"{end}\"}}")),
            204,
            "{end}"
        );
    }
    for end in [
        "succeeds",
        "agentNeverReports",
        "provisioningTimesOut",
        "allocationFails",
        "quotaExceeded",
        "sizeNotAvailable",
    ] {
        assert_eq!(
            script("machines", &format!("{{\"end\": \"{end}\"}}")),
            204,
            "{end}"
        );
    }
    for end in ["succeeds", "fails", "timesOut", "notRun", "neverEnds"] {
        assert_eq!(
            script("commands", &format!("{{\"end\": \"{end}\"}}")),
            204,
            "{end}"
        );
    }
    assert_eq!(script("updates", r#"{"end": "somehow"}"#), 400);
    assert_eq!(script("hosts", r#"{"host": "avd-9"}"#), 400);
    assert_eq!(
        script("hosts", r#"{"host": "avd-0", "pool": "hp-staging"}"#),
        400
    );
    let host = r#"{"host": "avd-0", "pool": "hp-production", "lastHeartBeat": "2025-04-29T00:00:00Z", "allowNewSession": false}"#;
    assert_eq!(script("hosts", host), 204);
    assert_eq!(
        script(
            "hosts",
            r#"{"host": "avd-1", "signIn": "new@contoso.example"}"#
        ),
        204
    );
    let pool = scene.cloud.host_pools();
    let pool = pool
        .iter()
        .find(|id| id.ends_with("hp-production"))
        .unwrap();
    let hosts = scene.cloud.session_hosts(pool);
    assert!(!hosts[0].open);
    assert!(
        hosts
            .iter()
            .any(|host| host.users.contains(&"new@contoso.example".to_owned()))
    );
}

#[test]
fn the_scene_changes_as_scripted() {
    let scene = Scene::provisioned(Switches::default());
    let script = |script: serde_json::Value| {
        let (path, script) = ("/_emulator/scene", script.to_string());
        let answer = control::answer(&scene.cloud, &Method::POST, path, script.as_bytes()).unwrap();
        assert_eq!(answer.status().as_u16(), 204, "{script}");
    };
    let version = super::versions::id("7.0.0");
    let body = json!({"location": "westeurope", "tags": {"a": "b"}});
    script(
        json!({"putVersion": {"id": version, "state": "Failed", "publishedDate": "2025-01-31T00:00:00Z", "body": body}}),
    );
    let shown = scene.cloud.image_version(&version).unwrap();
    assert_eq!(shown["tags"], json!({"a": "b"}));
    assert_eq!(shown["properties"]["provisioningState"], "Failed");
    let profile = &shown["properties"]["publishingProfile"];
    assert_eq!(profile["publishedDate"], "2025-01-31T00:00:00+00:00");
    let machine = scene
        .url("/providers/Microsoft.Compute/virtualMachines/vm")
        .replace(super::scene::VERSION, "2024-07-01");
    let id = format!(
        "{}/providers/Microsoft.Compute/virtualMachines/vm",
        scene.group
    );
    script(json!({"putResource": {"id": id, "body": {"location": "westeurope"}}}));
    assert_eq!(scene.get(&machine).body["location"], "westeurope");
    script(json!({"removeResource": id}));
    assert_eq!(scene.get(&machine).status, 404);
    scene.post("run");
    script(json!({"ageTemplate": {"name": "web", "minutes": 60}}));
    assert_eq!(
        scene.template()["properties"]["lastRunStatus"]["runState"],
        "Succeeded"
    );
    script(json!({"lock": {"scope": scene.group}}));
    let delete = scene.send(Method::DELETE, &scene.template_url(""), None);
    assert_eq!(delete.body["error"]["code"], "ScopeLocked");
}

#[test]
fn a_script_that_is_not_understood_is_refused() {
    let scene = Scene::new(Switches::default());
    let check = |path: &str, script: &str| {
        let answer = control::answer(&scene.cloud, &Method::POST, path, script.as_bytes()).unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{path} {script}");
    };
    check("/_emulator/runs", r#"{"end": "well"}"#);
    check("/_emulator/runs", r#"{"end": "succeeds", "at": 1}"#);
    check("/_emulator/faults", r#"{"effect": "status"}"#);
    let scene = "/_emulator/scene";
    check(scene, r#"{"ageTemplate": {"name": "none", "minutes": 1}}"#);
    check(scene, r#"{"lock": {"scope": "/a", "forever": true}}"#);
    let version = r#"{"putVersion": {"id": "/v", "publishedDate": "today", "body": {}}}"#;
    check(scene, version);
}
