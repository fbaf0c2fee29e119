//! What people script while the emulator runs.

use http::Method;

use super::scene::Scene;
use crate::{Switches, control};

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
    check(r#"{"end": "distributionFails"}"#, "Failed");
    check(r#"{"end": "partiallySucceeds"}"#, "PartiallySucceeded");
    check(r#"{"end": "neverEnds"}"#, "Running");
}

#[test]
fn the_scripts_of_the_page_for_people_are_understood() {
    let page = include_str!("../../../../docs/emulator.md");
    let scene = Scene::provisioned(Switches::default());
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
    assert_eq!(scripts, 9);
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
