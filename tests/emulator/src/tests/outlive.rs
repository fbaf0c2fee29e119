//! Templates and runs that others left: aged, started by themselves, shown late, changed by PATCH.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::{PatchedTags, Switches};

fn run(scene: &Scene) -> Value {
    scene.template()["properties"]["lastRunStatus"].clone()
}

#[test]
fn a_run_ages_as_if_it_had_been_started_earlier() {
    let scene = Scene::provisioned(Switches::default());
    assert_eq!(scene.post("run").status, 202);
    assert_eq!(run(&scene)["runSubState"], "Queued");
    assert_eq!(run(&scene)["startTime"], "2025-04-30T06:07:39.630984039Z");
    // Queued 10 s, building 230 s: 5 min later it customizes.
    assert!(scene.cloud.age_template("WEB", Duration::from_secs(300)));
    let aged = run(&scene);
    assert_eq!(aged["runSubState"], "Customizing");
    assert_eq!(aged["startTime"], "2025-04-30T06:02:39.630984039Z");
    assert!(scene.cloud.age_template("web", Duration::from_secs(3600)));
    let ended = run(&scene);
    assert_eq!(ended["runState"], "Succeeded");
    assert_eq!(ended["endTime"], "2025-04-30T05:21:40Z");
    assert!(!scene.cloud.age_template("other", Duration::ZERO));
}

#[test]
fn a_template_with_auto_run_runs_once_it_is_provisioned() {
    let scene = Scene::new(Switches::default());
    let mut body = scene.body();
    body["properties"]["autoRun"] = json!({"state": "Enabled"});
    let url = scene
        .template_url("")
        .replace(super::scene::VERSION, "2025-10-01");
    // With the newest api-version a member without a value is not taken.
    body["properties"]["customize"][0]
        .as_object_mut()
        .unwrap()
        .remove("sha256Checksum");
    let answer = scene.send(Method::PUT, &url, Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text);
    scene.wait(34);
    assert_eq!(run(&scene), Value::Null);
    scene.wait(1);
    assert_eq!(run(&scene)["runState"], "Running");
    assert_eq!(
        scene.post("run").body["error"]["code"],
        "OperationNotAllowed"
    );
    scene.wait(1140);
    assert_eq!(run(&scene)["runState"], "Succeeded");
}

#[test]
fn a_run_can_show_late() {
    let scene = Scene::provisioned(Switches {
        run_shows_after: Duration::from_secs(20),
        ..Switches::default()
    });
    scene.post("run");
    scene.wait(19);
    assert_eq!(run(&scene), Value::Null);
    // It goes on nevertheless.
    assert_eq!(scene.post("run").status, 409);
    scene.wait(1);
    assert_eq!(run(&scene)["runState"], "Running");
    scene.wait(2000);
    let first = run(&scene);
    scene.post("run");
    assert_eq!(run(&scene), first);
    scene.wait(20);
    assert_ne!(run(&scene)["startTime"], first["startTime"]);
}

#[test]
fn a_patch_replaces_or_adds_tags_and_those_of_the_targets() {
    let check = |patched_tags: PatchedTags, tags: Value, artifact_tags: Value| {
        let scene = Scene::new(Switches {
            patched_tags,
            ..Switches::default()
        });
        let mut body = scene.body();
        body["tags"] = json!({"a": "1", "b": "2"});
        body["properties"]["distribute"][0]["artifactTags"] = json!({"c": "3"});
        scene.put(&body);
        scene.wait(60);
        let mut targets = body["properties"]["distribute"].clone();
        targets[0]["artifactTags"] = json!({"d": "4"});
        let patch = json!({"tags": {"b": "5"}, "properties": {"distribute": targets}});
        let answer = scene.send(Method::PATCH, &scene.template_url(""), Some(&patch));
        assert_eq!(answer.status, 202, "{}", answer.text);
        scene.wait(2);
        let template = scene.template();
        assert_eq!(template["tags"], tags);
        assert_eq!(
            template["properties"]["distribute"][0]["artifactTags"],
            artifact_tags
        );
    };
    check(PatchedTags::Replaced, json!({"b": "5"}), json!({"d": "4"}));
    check(
        PatchedTags::Merged,
        json!({"a": "1", "b": "5"}),
        json!({"c": "3", "d": "4"}),
    );
}

#[test]
fn templates_tell_who_made_them_only_by_a_switch() {
    for shown in [false, true] {
        let scene = Scene::provisioned(Switches {
            templates_have_system_data: shown,
            ..Switches::default()
        });
        let data = scene.template()["systemData"].clone();
        let expected = if shown {
            json!("2025-04-30T06:06:40Z")
        } else {
            Value::Null
        };
        assert_eq!(data["createdAt"], expected);
    }
}
