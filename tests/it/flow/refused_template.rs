//! What a build says when Azure refuses the template itself, and which code each warning carries.

use std::fmt::Write as _;
use std::fs;

use azure_emulator::{Effect, Fault};
use serde_json::{Value, json};

use super::scene::Scene;
use super::story::check_nothing_left;
use crate::golden::golden;
use crate::known_failures::check_words;

const GROUP: &str = "/subscriptions/s/resourceGroups/rg-images";

/// Answers to the PUT of the template, in the form in which Azure Resource Manager gives them.
fn refusals() -> Vec<Value> {
    let template = format!("{GROUP}/providers/Microsoft.VirtualMachineImages/imageTemplates/t_1");
    let identity = format!(
        "{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder"
    );
    let policy = |assignment: &str| {
        let id = format!(
            "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/{assignment}"
        );
        json!({
            "policyAssignmentName": assignment,
            "policyAssignmentDisplayName": "Require a cost center",
            "policyAssignmentId": id,
            "policyDefinitionDisplayName": "Require a tag on resources",
            "policyDefinitionEffect": "deny",
            "evaluationDetails": {"evaluatedExpressions": [{
                "result": "True", "expressionKind": "Field", "expression": "tags[CostCenter]", "path": "tags[CostCenter]",
                "targetValue": "false", "operator": "Exists",
            }]},
        })
    };
    vec![
        json!({
            "code": "AuthorizationFailed",
            "message": format!(
                "The client 'b1f4d1a0-0000-4000-8000-000000000001' with object id 'c2e5e2b1-0000-4000-8000-000000000002' does not have authorization to perform action 'Microsoft.VirtualMachineImages/imageTemplates/write' over scope '{template}' or the scope is invalid. If access was recently granted, please refresh your credentials."
            ),
        }),
        json!({
            "code": "LinkedAuthorizationFailed",
            "message": format!(
                "The client with object id 'c2e5e2b1-0000-4000-8000-000000000002' has permission to perform action 'Microsoft.VirtualMachineImages/imageTemplates/write' on scope '{template}'; however, it does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '{identity}' or the linked scope(s) are invalid."
            ),
        }),
        json!({
            "code": "RequestDisallowedByPolicy",
            "target": "t_1",
            "message": "Resource 't_1' was disallowed by policy. Reasons: 'Resources need a cost center.'. See error details for policy resource IDs.",
            "additionalInfo": [{"type": "PolicyViolation", "info": policy("5f0a")}],
        }),
        json!({
            "code": "RequestDisallowedByPolicy",
            "target": "t_1",
            "message": r#"Resource 't_1' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Allowed regions","id":"/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/77"},"policyDefinition":{"name":"Allowed locations","id":"/providers/Microsoft.Authorization/policyDefinitions/e5"}}]'."#,
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_refused_template_is_told_whole() {
    let mut page = String::new();
    for error in refusals() {
        let effect = Effect::status(403, json!({ "error": error }));
        let stage = Scene::windows()
            .build(|cloud| cloud.add_fault(Fault::once("PutTemplate", effect)))
            .await;
        stage.check_result("Failed");
        check_nothing_left(&stage);
        let name = stage.variable("templateName").unwrap();
        let told = stage
            .error()
            .replace(name.trim_start_matches("t_"), "NUMBER");
        writeln!(page, "{told}\n").unwrap();
    }
    check_words(&page);
    golden("failures/refused-template.txt", &page);
}

#[tokio::test(start_paused = true)]
async fn a_repository_in_the_package_is_a_warning_with_a_code_of_its_own() {
    let scene = Scene::windows();
    let package = scene.step.directories.sources.join("wvd/images");
    fs::create_dir(package.join(".git")).unwrap();
    fs::write(package.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let stage = scene.build(|_| {}).await;
    let warnings = stage.issues("warning");
    assert_eq!(
        warnings,
        [
            "AIB506: The package contains a Git repository, which is copied into the build VM with its whole history\nhint: to exclude it, add the line '.git/' to input 'packageExclude'"
        ]
    );
}
