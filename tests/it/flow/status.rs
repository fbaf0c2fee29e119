//! `action: status`: one line for each state of a run, the variables, and what is found.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher, RunFate};
use http::Method;
use serde_json::json;

use super::scene::{Scene, Stage};
use super::someone::{Someone, asked, marks};
use crate::texts::check_has;

const CUSTOMIZING: Duration = Duration::from_secs(500);

/// The variables of a look, in the order of the table of the documentation.
fn variables(stage: &Stage) -> [&str; 5] {
    [
        "templateName",
        "templateId",
        "runState",
        "runPhase",
        "imageReady",
    ]
    .map(|name| stage.variable(name).unwrap_or("-"))
}

#[tokio::test(start_paused = true)]
async fn a_step_in_another_job_sees_the_build_of_its_pipeline_run() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let name = stage.variable("templateName").unwrap().to_owned();
    let from = stage.cloud.journal().len();
    let stage = stage.run_action("status", &[]).await;
    stage.check_result("Succeeded");
    let line = "run template:  Running, Customizing (after 7 min, the limit is 120)";
    assert!(
        stage.transcript.lines().any(|it| it == line),
        "{}",
        stage.transcript
    );
    let id = Someone::signed_in(&stage.cloud).id("rg-images", &name);
    assert_eq!(
        variables(&stage),
        [&name, &id, "Running", "Customizing", "false"]
    );
    let result = stage.result_file();
    assert_eq!(result["schemaVersion"], 1);
    assert_eq!(result["action"], "status");
    assert_eq!(result["templateName"], json!(name));
    assert_eq!(result["runPhase"], "Customizing");
    assert_eq!(result["limitInMinutes"], 120);
    assert_eq!(result["imageReady"], false);
    assert!(stage.summary().contains("Running, Customizing"));
    // One list, nothing else of templates, and nothing is changed.
    let of_templates = asked(&stage.cloud, from, &["ListTemplatesOfGroup", "GetTemplate"]);
    assert_eq!(of_templates.len(), 1, "{of_templates:?}");
}

/// One look at template `aib-1`: its line, and the variables of state, phase and image.
async fn check_look(stage: Stage, line: &str, variables_of_run: [&str; 3]) -> Stage {
    let stage = stage
        .run_action("status", &[("templateName", "AIB-1")])
        .await;
    stage.check_result("Succeeded");
    let line = format!("run template:  {line}");
    let mut lines = stage.transcript.lines();
    assert!(lines.any(|it| it == line), "{line}\n{}", stage.transcript);
    let [_, _, of_run @ ..] = variables(&stage);
    assert_eq!(of_run, variables_of_run);
    stage
}

#[tokio::test(start_paused = true)]
async fn each_state_is_one_line_and_success() {
    let stage = Scene::windows().cloud_alone();
    let cloud = Arc::clone(&stage.cloud);
    let other = Someone::signed_in(&cloud);
    other.begin("aib-1", &json!({"owner": "web"}), &json!({}));
    let none = ["", "", "false"];
    let stage = check_look(stage, "not started (template: Creating)", none).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let stage = check_look(stage, "not started (template: Succeeded)", none).await;
    other.run("aib-1");
    let line = "Running, Queued (after 0 min, the limit is 240)";
    let stage = check_look(stage, line, ["Running", "Queued", "false"]).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let line = "Succeeded (after 19 min, the limit is 240)";
    let stage = check_look(stage, line, ["Succeeded", "", "true"]).await;
    cloud.script_run(RunFate::PartiallySucceed {
        outputs: 1,
        message: String::new(),
    });
    other.run("aib-1");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let line = "PartiallySucceeded (after 19 min, the limit is 240)";
    let stage = check_look(stage, line, ["PartiallySucceeded", "", "true"]).await;
    cloud.script_run(RunFate::customizer_failed());
    other.run("aib-1");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let stage = stage
        .run_action("status", &[("templateName", "aib-1")])
        .await;
    let line = "run template:  Failed (after 11 min, the limit is 240): During the image build a failure has occurred.";
    assert!(stage.transcript.contains(line), "{}", stage.transcript);
    assert_eq!(stage.variable("imageReady"), Some("false"));
}

/// A failed provisioning says why.
#[tokio::test(start_paused = true)]
async fn a_template_that_could_not_be_provisioned_says_why() {
    let scene = Scene::windows().switches(|switches| {
        switches.provisioning = azure_emulator::Fate::Fail {
            code: "Unauthorized".to_owned(),
            message: "Not authorized to access the resource.".to_owned(),
        };
    });
    let stage = scene.cloud_alone();
    Someone::signed_in(&stage.cloud)
        .make("aib-1", &json!({}), &json!({}))
        .await;
    let stage = stage
        .run_action("status", &[("templateName", "aib-1")])
        .await;
    stage.check_result("Succeeded");
    check_has(
        &stage.transcript,
        "run template:  not started, because the template could not be provisioned (",
    );
}

fn check_failed(stage: &Stage, code: &str, text: &str, hint: &str, name: &str) {
    stage.check_result("Failed");
    let issues = stage.issues("error");
    assert_eq!(issues.len(), 1, "{issues:?}");
    let told = format!("{code}: {text}\nhint: {hint}");
    assert!(issues[0].starts_with(&told), "{}\n{told}", issues[0]);
    // Those are set before a failure, too.
    assert_eq!(variables(stage), [name, "", "", "", "false"]);
    assert_eq!(stage.result_file()["runState"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_in_is_on_the_page_too() {
    for action in ["status", "cancel"] {
        let stage = Scene::windows().cloud_alone();
        let refused = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#;
        let token = Matcher::path(Method::POST, "*/oauth2/v2.0/token");
        stage
            .cloud
            .add_fault(Fault::always(token, Effect::status(401, refused)));
        let stage = stage.run_action(action, &[]).await;
        stage.check_result("Failed");
        let error = stage.error();
        let (error, hint) = error.split_once("\nhint: ").unwrap();
        let page = stage.page();
        check_has(&page, &error.replace(": Signing", "** Signing"));
        check_has(&page, &format!("**What to do:** {hint}"));
        assert_eq!(
            stage.transcript.matches(hint).count(),
            1,
            "{}",
            stage.transcript
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_template_the_step_fails() {
    let stage = Scene::windows().cloud_alone();
    let stage = stage.run_action("status", &[]).await;
    let text = "Looking for the image template failed: this pipeline run has no image template in resource group 'rg-images'";
    check_failed(
        &stage,
        "AIB801",
        text,
        "if another pipeline run or a person created it",
        "",
    );
    let stage = stage
        .run_action("status", &[("templateName", "aib-4711")])
        .await;
    let text = "Looking for the image template failed: there is no image template 'aib-4711' in resource group 'rg-images'";
    check_failed(&stage, "AIB801", text, "check the name", "aib-4711");
    let other = Someone::signed_in(&stage.cloud);
    other.make("aib-4712", &json!({}), &json!({})).await;
    let stage = stage
        .run_action("status", &[("templateName", "aib-4711")])
        .await;
    check_failed(
        &stage,
        "AIB801",
        text,
        "did you mean 'aib-4712'?",
        "aib-4711",
    );
}

#[tokio::test(start_paused = true)]
async fn only_templates_of_ours_and_of_the_run_that_build_count() {
    let stage = Scene::windows().cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    other
        .make("of-another-run", &marks("4712"), &json!({}))
        .await;
    let mut foreign = marks("4711");
    foreign.as_object_mut().unwrap().remove("imageBuilderTask");
    other.make("foreign", &foreign, &json!({})).await;
    let of_test = json!({
        "customize": [],
        "validate": {"sourceValidationOnly": true, "inVMValidations": [{"type": "Shell", "name": "a", "inline": ["true"]}]},
        "distribute": [{"type": "VHD", "runOutputName": "imageTest"}],
    });
    other.make("test", &marks("4711"), &of_test).await;
    let stage = stage.run_action("status", &[]).await;
    assert!(
        stage.issues("error").concat().contains("AIB801"),
        "{}",
        stage.transcript
    );
    other.make("one", &marks("4711"), &json!({})).await;
    let stage = stage.run_action("status", &[]).await;
    assert_eq!(
        stage.variable("templateName"),
        Some("one"),
        "{}",
        stage.transcript
    );
    other.make("two", &marks("4711"), &json!({})).await;
    let stage = stage.run_action("status", &[]).await;
    let text = "Looking for the image template of this pipeline run failed: there are 2 in resource group 'rg-images': 'one', 'two'";
    check_failed(
        &stage,
        "AIB802",
        text,
        "name the one that is meant with input 'templateName': $(bake.templateName)",
        "",
    );
}

/// A group with so many templates that their list has pages; that of the pipeline run is on the last one.
async fn many_templates() -> Stage {
    let stage = Scene::windows().cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    for number in 0..25 {
        other.begin(&format!("other-{number}"), &json!({}), &json!({}));
    }
    other.make("zz", &marks("4711"), &json!({})).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn the_list_is_read_to_its_end() {
    let stage = many_templates().await.run_action("status", &[]).await;
    assert_eq!(
        stage.variable("templateName"),
        Some("zz"),
        "{}",
        stage.transcript
    );
    assert_eq!(asked(&stage.cloud, 0, &["ListTemplatesOfGroup"]).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_to_its_end_is_a_failure() {
    let elsewhere = |link: &str| json!({"value": [], "nextLink": link}).to_string();
    let first = format!(
        "{}/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.VirtualMachineImages/imageTemplates?api-version=2025-10-01",
        azure_emulator::Addresses::in_process().arm
    );
    let no_template = json!({"value": [{"id": "/x"}]}).to_string();
    for (body, why) in [
        (
            elsewhere("https://evil.example/next"),
            "the next page of the list is on another host",
        ),
        (
            elsewhere(&first),
            "the list comes back to a page that was read",
        ),
        ("{}".to_owned(), "it is not a list"),
        (no_template, "an entry of the list is not an image template"),
    ] {
        let stage = many_templates().await;
        stage.cloud.add_fault(Fault::once(
            "ListTemplatesOfGroup",
            Effect::status(200, body),
        ));
        let stage = stage.run_action("status", &[]).await;
        stage.check_result("Failed");
        let told = stage.issues("error").concat();
        assert!(told.contains(why), "{told}");
        let mut journal = stage.cloud.journal().into_iter();
        assert!(!journal.any(|entry| entry.to_string().contains("evil")));
    }
}

#[tokio::test(start_paused = true)]
async fn inputs_of_a_build_are_warned_of_and_names_are_checked() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let stage = stage
        .run_action("status", &[("vmSize", "Standard_D2s_v5")])
        .await;
    stage.check_result("SucceededWithIssues");
    let told = stage.issues("warning").concat();
    check_has(
        &told,
        "AIB103: Input 'vmSize': it has no effect with action 'status'",
    );
    for name in ["..", "a/b", "a b", &"a".repeat(65), "ä"] {
        let stage = Scene::windows().cloud_alone();
        let stage = stage.run_action("status", &[("templateName", name)]).await;
        assert_eq!(stage.result(), "Failed", "{name}");
        let told = stage.issues("error").concat();
        assert!(
            told.contains("AIB101: Input 'templateName'"),
            "{name}: {told}"
        );
        assert_eq!(stage.cloud.journal().len(), 0, "{name}");
    }
}

/// A later condition reads a variable whatever became of the step; and an action that has no template names none.
#[tokio::test(start_paused = true)]
async fn refused_inputs_set_the_variables_of_their_action() {
    let all = [
        ("status", ["", "", "", "", "false"]),
        ("wait", ["", "", "", "", "false"]),
        ("run", ["", "", "", "-", "false"]),
        ("cancel", ["", "", "", "-", "-"]),
        ("sweep", ["-"; 5]),
        ("promote", ["-"; 5]),
        ("withdraw", ["-"; 5]),
        ("retain", ["-"; 5]),
    ];
    for (action, expected) in all {
        let stage = Scene::windows().cloud_alone();
        let group = [("ibAzureResourceGroup", "a/b"), ("imageVersionId", "x")];
        let stage = stage.run_action(action, &group).await;
        assert_eq!(stage.result(), "Failed", "{action}");
        assert_eq!(variables(&stage), expected, "{action}");
    }
}
