//! How values reach the task.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::Bench;
use crate::{Permissions, ServiceConnection, Step, StepRun, TaskFolder, environment};

const PRINT_ENVIRONMENT: &str =
    "require('fs').writeSync(1, JSON.stringify({env: process.env, cwd: process.cwd()}))";

const CONNECTION: &str = "0a1b2c3d-1111-4222-8333-444455556666";

fn federated() -> ServiceConnection {
    ServiceConnection::new(
        CONNECTION.to_uppercase(),
        "images-prod",
        "https://management.azure.com/",
        "WorkloadIdentityFederation",
    )
    .parameter("serviceprincipalid", "6f1c0000-client")
    .parameter("tenantid", "72f9-tenant")
    .data("subscriptionId", "sub-1")
}

fn bench() -> Bench {
    Bench::with(
        PRINT_ENVIRONMENT,
        None,
        &json!({ "inputs": [
            { "name": "azure", "type": "connectedService:AzureRM", "aliases": ["azureSubscription"] },
            { "name": "flag", "type": "boolean", "defaultValue": true },
            { "name": "off", "type": "boolean", "defaultValue": "false" },
            { "name": "text", "type": "string", "defaultValue": " a default " },
            { "name": "package", "type": "filePath" },
            { "name": "script", "type": "filePath" },
            { "name": "empty", "type": "string" },
        ]}),
    )
}

fn check(environment: &BTreeMap<String, String>, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        assert_eq!(environment.get(*name).map(String::as_str), *value, "{name}");
    }
}

fn printed(run: &StepRun) -> (BTreeMap<String, String>, String) {
    let value: serde_json::Value = serde_json::from_str(&run.raw[0].text).unwrap();
    (
        serde_json::from_value(value["env"].clone()).unwrap(),
        value["cwd"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn inputs_arrive_by_the_agents_rules() {
    let bench = bench();
    let sources = bench.path().join("1/s");
    let step = bench
        .step()
        .input(" azureSubscription ", "images-prod")
        .input("TEXT", "  $(region) $(loop) $(HOME) $(nope)  ")
        .input("script", "a/./b/../c.sh")
        .input("undeclared thing", "kept")
        .variable("Region", " westus ")
        .variable("loop", "$(region)")
        .connection(federated());
    let inherited = BTreeMap::from([("HOME".to_owned(), "/home/agent".to_owned())]);
    let environment = environment(&bench.task.manifest, &step, &inherited).unwrap();
    let script = sources.join("a/c.sh");
    check(
        &environment,
        &[
            ("INPUT_AZURE", Some(CONNECTION)),
            ("INPUT_AZURESUBSCRIPTION", None),
            ("INPUT_FLAG", Some("True")),
            ("INPUT_OFF", Some("false")),
            ("INPUT_TEXT", Some(" westus  $(region) /home/agent $(nope)")),
            ("INPUT_PACKAGE", sources.to_str()),
            ("INPUT_SCRIPT", script.to_str()),
            ("INPUT_EMPTY", Some("")),
            ("INPUT_UNDECLARED_THING", Some("kept")),
        ],
    );
}

#[test]
fn variables_have_their_names_and_their_order() {
    let bench = bench();
    let mut step = bench
        .step()
        .named("bake")
        .env("MY_FLAG", " $(flag) ")
        .env("BUILD_BUILDID", "forged")
        .env("INPUT_FLAG", "forged")
        .variable("flag", "on")
        .secret_variable("my.key", "hush-hush");
    step.task_variables.set("template name", "t_1");
    step.prepended_paths = vec!["/first".to_owned(), "/second".to_owned()];
    let inherited = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
    let environment = environment(&bench.task.manifest, &step, &inherited).unwrap();
    check(
        &environment,
        &[
            ("MY_FLAG", Some("on")),
            ("BUILD_BUILDID", Some("4711")),
            ("INPUT_FLAG", Some("True")),
            ("SECRET_MY_KEY", Some("hush-hush")),
            ("MY_KEY", None),
            ("VSTS_SECRET_VARIABLES", Some(r#"["my.key"]"#)),
            ("agent.jobstatus", Some("Succeeded")),
            ("AGENT_JOBSTATUS", Some("Succeeded")),
            ("SYSTEM_TASKINSTANCENAME", Some("bake")),
            ("VSTS_TASKVARIABLE_TEMPLATE_NAME", Some("t_1")),
            ("PATH", Some("/second:/first:/bin")),
        ],
    );
    assert!(environment["VSTS_PUBLIC_VARIABLES"].contains("\"Build.BuildId\""));
    assert!(!environment["VSTS_PUBLIC_VARIABLES"].contains("my.key"));
}

#[test]
fn named_connections_and_the_jobs_own_are_handed_on() {
    let bench = bench();
    let other = ServiceConnection::new(
        "ffff2c3d-1111-4222-8333-444455556666",
        "other",
        "https://x/",
        "Token",
    );
    let step = bench
        .step()
        .input("azure", CONNECTION)
        .system("https://dev.azure.com/contoso/", "job-token")
        .connection(federated())
        .connection(other);
    let environment = environment(&bench.task.manifest, &step, &BTreeMap::new()).unwrap();
    let job = r#"{"parameters":{"AccessToken":"job-token"},"scheme":"OAuth"}"#;
    check(
        &environment,
        &[
            (
                &format!("ENDPOINT_URL_{CONNECTION}"),
                Some("https://management.azure.com/"),
            ),
            (
                &format!("ENDPOINT_AUTH_SCHEME_{CONNECTION}"),
                Some("WorkloadIdentityFederation"),
            ),
            (
                &format!("ENDPOINT_AUTH_PARAMETER_{CONNECTION}_TENANTID"),
                Some("72f9-tenant"),
            ),
            (
                &format!("ENDPOINT_DATA_{CONNECTION}_SUBSCRIPTIONID"),
                Some("sub-1"),
            ),
            (
                &format!("ENDPOINT_DATA_{CONNECTION}"),
                Some(r#"{"subscriptionId":"sub-1"}"#),
            ),
            ("ENDPOINT_URL_ffff2c3d-1111-4222-8333-444455556666", None),
            (
                "ENDPOINT_URL_SYSTEMVSSCONNECTION",
                Some("https://dev.azure.com/contoso/"),
            ),
            ("ENDPOINT_AUTH_SYSTEMVSSCONNECTION", Some(job)),
            (
                "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN",
                Some("job-token"),
            ),
            ("ENDPOINT_DATA_SYSTEMVSSCONNECTION", None),
        ],
    );
}

#[test]
fn an_unknown_connection_stops_the_pipeline() {
    let bench = bench();
    let step = bench
        .step()
        .input("azure", "images-test")
        .connection(federated());
    let error = environment(&bench.task.manifest, &step, &BTreeMap::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("'images-test'"), "{error}");
}

fn check_arrival(mut bench: Bench, in_container: bool) {
    bench.agent = bench.agent.inherit("CARRIED", "over");
    if in_container {
        bench.agent = bench.agent.in_container();
    }
    let mut step: Step = bench.step().input("text", "two\nlines");
    step.prepended_paths = vec!["/first".to_owned()];
    let (environment, cwd) = printed(&bench.run(&step));
    let path = format!("/first:{}", bench.agent.inherited["PATH"]);
    check(
        &environment,
        &[
            ("INPUT_TEXT", Some("two\nlines")),
            ("TF_BUILD", Some("True")),
            ("CARRIED", Some("over")),
            ("CARGO_MANIFEST_DIR", None),
            ("PATH", Some(&path)),
        ],
    );
    assert_eq!(
        Path::new(&cwd).canonicalize().unwrap(),
        bench.path().join("1/s").canonicalize().unwrap()
    );
}

#[test]
fn the_process_has_the_environment_on_a_machine_and_in_a_container() {
    check_arrival(bench(), false);
    check_arrival(bench(), true);
}

#[test]
fn an_installed_task_has_no_executable_file() {
    let bench = Bench::new("");
    let source = bench.path().join("source");
    fs::create_dir(source.join("bin")).unwrap();
    fs::write(source.join("bin/core"), "#!/bin/sh").unwrap();
    fs::set_permissions(source.join("bin/core"), fs::Permissions::from_mode(0o755)).unwrap();
    for (permissions, file_mode, folder_mode) in [
        (Permissions::ReadOnly, 0o444, 0o555),
        (Permissions::Unzipped, 0o644, 0o755),
    ] {
        let task = TaskFolder::install(&source, bench.path(), permissions).unwrap();
        let mode = |path: &str| {
            fs::metadata(task.path.join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert!(
            task.path
                .ends_with("_tasks/Sample_0f9d7d2e-0000-4000-8000-000000000001/1.0.5")
        );
        assert_eq!(
            (mode("bin/core"), mode("task.json"), mode("bin")),
            (file_mode, file_mode, folder_mode)
        );
    }
}
