//! The task that waits without an agent: Azure Pipelines itself sends its request, and evaluates its expression on the answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Fate, RunFate, SubState};
use http::Method;
use serde_json::{Value, json};

use crate::flow::scene::Scene;
use crate::flow::someone::Someone;

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn manifest() -> Value {
    serde_json::from_str(&file("gate/task.json")).unwrap()
}

fn request(member: &str) -> String {
    let manifest = manifest();
    let text = manifest["execution"]["HttpRequest"]["Execute"][member].as_str();
    text.unwrap_or_else(|| panic!("no {member}")).to_owned()
}

/// Expressions as Azure Pipelines evaluates them, as far as ours need it
/// (<https://learn.microsoft.com/azure/devops/pipelines/process/expressions>): `or`, `eq`, `in`, texts, and `root` with its members.
struct Expression<'a> {
    rest: &'a str,
    root: &'a Value,
}

impl<'a> Expression<'a> {
    fn evaluate(text: &'a str, root: &'a Value) -> bool {
        let mut expression = Self { rest: text, root };
        let value = expression.value();
        assert_eq!(expression.rest.trim(), "", "not understood in {text}");
        value == Value::Bool(true)
    }

    fn takes(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(token);
        rest.inspect(|rest| self.rest = rest).is_some()
    }

    fn text(&mut self) -> Option<String> {
        if !self.takes("'") {
            return None;
        }
        let (text, rest) = self.rest.split_once('\'').unwrap();
        self.rest = rest;
        Some(text.to_owned())
    }

    fn value(&mut self) -> Value {
        if let Some(text) = self.text() {
            return Value::from(text);
        }
        if self.takes("root") {
            let mut value = self.root.clone();
            while self.takes("[") {
                let name = self.text().unwrap();
                assert!(self.takes("]"), "{}", self.rest);
                // A member of nothing is nothing.
                value = value.get(&name).cloned().unwrap_or_default();
            }
            return value;
        }
        let name = ["or", "eq", "in"].into_iter().find(|name| self.takes(name));
        let name = name.unwrap_or_else(|| panic!("not understood: {}", self.rest));
        assert!(self.takes("("), "{}", self.rest);
        let mut values = vec![self.value()];
        while self.takes(",") {
            values.push(self.value());
        }
        assert!(self.takes(")"), "{}", self.rest);
        let (first, others) = values.split_first().unwrap();
        Value::Bool(match name {
            "or" => values.contains(&Value::Bool(true)),
            "eq" => others.len() == 1 && same(first, &others[0]),
            _ => others.iter().any(|other| same(first, other)),
        })
    }
}

/// Texts compare without letter case, and nothing is an empty text.
fn same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.to_lowercase()),
        _ => None,
    };
    text(one).is_some() && text(one) == text(other)
}

fn has_ended(template: &Value) -> bool {
    Expression::evaluate(&request("Expression"), template)
}

#[test]
fn the_evaluator_knows_true_from_false() {
    let root = json!({"a": {"b": "X"}});
    for (text, expected) in [
        ("eq(root['a']['b'], 'x')", true),
        ("eq(root['a']['c'], 'x')", false),
        ("eq(root['z']['c'], '')", true),
        ("in(root['a']['b'], 'y', 'x')", true),
        ("in(root['a']['b'], 'y')", false),
        ("or(eq('a', 'b'), in('c', 'C'))", true),
        ("or(eq('a', 'b'), eq('c', 'd'))", false),
    ] {
        assert_eq!(Expression::evaluate(text, &root), expected, "{text}");
    }
}

/// What Azure has answered, before, during and after runs.
#[test]
fn recorded_templates_pass_when_their_run_has_ended() {
    let mut seen = BTreeMap::new();
    for name in [
        "cancel",
        "cancel_signed_urls",
        "managed_image",
        "run_signed_urls",
        "template_outputs",
    ] {
        let recording = file(&format!("tests/emulator/testdata/recorded/{name}.json"));
        let recording: Value = serde_json::from_str(&recording).unwrap();
        templates(&recording, &mut |template| {
            let properties = &template["properties"];
            let state = properties["lastRunStatus"]["runState"].as_str();
            let provisioning = properties["provisioningState"].as_str().unwrap();
            let told = format!("{provisioning} {}", state.unwrap_or("-"));
            let ended = match state {
                Some("Running" | "Canceling") => false,
                Some(_) => true,
                None => provisioning == "Failed",
            };
            assert_eq!(has_ended(template), ended, "{name}: {told}");
            *seen.entry(told).or_insert(0) += 1;
        });
    }
    // The states that no recording has are those of the emulated cloud, below.
    for state in [
        "Creating -",
        "Succeeded -",
        "Succeeded Running",
        "Succeeded Canceling",
        "Succeeded Succeeded",
    ] {
        assert!(seen.contains_key(state), "{state} is not among {seen:?}");
    }
}

/// Calls `take` with each image template in a document.
fn templates(value: &Value, take: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| templates(one, take)),
        Value::Object(members) => {
            let kind = value["type"].as_str().unwrap_or_default();
            if kind.eq_ignore_ascii_case("Microsoft.VirtualMachineImages/imageTemplates")
                && value["properties"]["provisioningState"].is_string()
            {
                take(value);
            }
            members.values().for_each(|one| templates(one, take));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Microsoft's schema for tasks does not know the handler of server tasks, and everything else of ours.
#[test]
fn the_manifest_keeps_to_the_schema_but_for_its_handler() {
    let schema = file("tests/testdata/task-manifest/tasks.schema.json");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft4::new(&schema).unwrap();
    let mut manifest = manifest();
    let offences = |manifest: &Value| -> Vec<String> {
        let errors = validator.iter_errors(manifest);
        errors
            .map(|error| error.instance_path().to_string())
            .collect()
    };
    assert_eq!(offences(&manifest), ["/execution"]);
    let execution = manifest["execution"].as_object_mut().unwrap();
    assert!(execution.remove("HttpRequest").is_some() && execution.is_empty());
    assert_eq!(offences(&manifest), Vec::<String>::new());
    // An id of its own, and a folder of its own in the package.
    let task: Value = serde_json::from_str(&file("task/task.json")).unwrap();
    assert_ne!(task["id"], manifest["id"]);
    assert_ne!(task["name"], manifest["name"]);
    let extension: Value = serde_json::from_str(&file("vss-extension.json")).unwrap();
    let contributed = extension["contributions"].as_array().unwrap().iter();
    let folders: Vec<_> = contributed
        .map(|contribution| contribution["properties"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(folders, ["task", "gate"]);
}

/// The request as Azure Pipelines sends it: its variables are the inputs and the service connection.
fn url(scene: &Scene, template: &str) -> String {
    let (arm, subscription) = (&scene.world.addresses.arm, &scene.world.subscription);
    let mut url = request("EndpointUrl");
    for (name, value) in [
        ("endpoint.url", format!("{arm}/")),
        ("endpoint.subscriptionId", subscription.clone()),
        ("resourceGroup", "rg-images".to_owned()),
        ("templateName", template.to_owned()),
    ] {
        let variable = format!("$({name})");
        assert!(url.contains(&variable), "{url} has no {variable}");
        url = url.replace(&variable, &value);
    }
    assert!(!url.contains("$("), "{url}");
    url
}

/// One evaluation of the gate.
fn evaluated(other: &Someone, url: &str) -> bool {
    let method: Method = request("Method").parse().unwrap();
    let answer = other.send_to(&method, url);
    assert_eq!(answer.status(), 200);
    has_ended(&serde_json::from_slice(answer.body()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_gate_opens_when_the_run_has_ended() {
    let never_ends = RunFate::NeverEnd {
        at: SubState::Customizing,
    };
    for (fate, opens) in [
        (RunFate::Succeed, true),
        (RunFate::customizer_failed(), true),
        (never_ends, false),
    ] {
        let scene = Scene::windows();
        let url = url(&scene, "aib-4711");
        let stage = scene.cloud_alone();
        let cloud = Arc::clone(&stage.cloud);
        let other = Someone::signed_in(&cloud);
        other.begin("aib-4711", &json!({}), &json!({}));
        assert!(!evaluated(&other, &url), "it is being provisioned");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!evaluated(&other, &url), "it has not run");
        cloud.script_run(fate);
        other.run("aib-4711");
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(!evaluated(&other, &url), "it runs");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(evaluated(&other, &url), opens);
    }
}

#[tokio::test(start_paused = true)]
async fn the_gate_opens_when_the_template_could_not_be_provisioned() {
    let scene = Scene::windows().switches(|switches| {
        switches.provisioning = Fate::Fail {
            code: "Unauthorized".to_owned(),
            message: "No.".to_owned(),
        };
    });
    let url = url(&scene, "aib-4711");
    let stage = scene.cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    other.make("aib-4711", &json!({}), &json!({})).await;
    assert!(evaluated(&other, &url));
}

/// The check *Invoke REST API* on the page asks and judges as the gate does, and sends no token of the job.
#[test]
fn the_check_on_the_page_is_the_same_one() {
    let page = file("docs/long-builds.md");
    let expression = request("Expression");
    assert!(page.contains(&expression), "{expression}");
    assert!(page.contains(&request("Headers")));
    let url = request("EndpointUrl");
    let version = url.split_once("api-version=").unwrap().1;
    assert!(page.contains(&format!("?api-version={version}")));
    assert!(!request("Headers").contains("AccessToken"));
}
