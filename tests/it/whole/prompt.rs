//! The shipped program at a prompt: no agent, no service connection, and the Azure CLI signs in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{check_empty, instant};
use crate::pipeline::Pipeline;
use crate::proxy::Proxy;

/// An access token of the emulator's directory: its services check no signature.
fn token(pipeline: &Pipeline, audience: &str) -> String {
    let world = crate::seed::world(pipeline.server.addresses.clone());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({
        "aud": audience, "iss": world.issuer(), "tid": world.tenant, "appid": "az", "oid": "a-person",
        "nbf": now - 60, "exp": now + 3600,
    });
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&claims))
}

/// A stand-in for `az`: it knows the tokens of two audiences, and counts how often it is asked.
fn install_az(pipeline: &Pipeline) -> std::path::PathBuf {
    let folder = pipeline.step.directories.work.join("tools");
    fs::create_dir_all(&folder).unwrap();
    let expires = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3600;
    let mut script = format!(
        "#!/bin/sh\necho \"$*\" >> {}/calls\ncase \"$*\" in\n",
        folder.display()
    );
    for (scope, audience) in [
        (
            "https://management.azure.com//.default",
            "https://management.azure.com/",
        ),
        (
            "https://storage.azure.com/.default",
            "https://storage.azure.com",
        ),
    ] {
        let answer = json!({
            "accessToken": token(pipeline, audience), "expires_on": expires, "tokenType": "Bearer",
        });
        writeln!(script, "*\"--scope {scope} \"*) echo '{answer}' ;;").unwrap();
    }
    script.push_str("*) echo 'Please run az login' >&2; exit 1 ;;\nesac\n");
    let program = folder.join("az");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The inputs alone, as a person would set them, and the way to the emulator in place of the public cloud.
fn command(pipeline: &Pipeline, proxy: &Proxy) -> Command {
    let given =
        pipelines_agent::environment(&pipeline.task.manifest, &pipeline.step, &BTreeMap::new());
    let inputs = given.unwrap();
    let inputs = inputs.iter().filter(|(name, _)| name.starts_with("INPUT_"));
    let world = crate::seed::world(pipeline.server.addresses.clone());
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-builder"));
    command
        .arg("run")
        .env_clear()
        .envs(inputs)
        .env("INPUT_IBSUBSCRIPTION", world.subscription)
        .env("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port))
        .env("NO_PROXY", "localhost")
        // The emulator has no certificate for the public cloud's names.
        .env("AGENT_SKIPCERTVALIDATION", "True")
        .current_dir(&pipeline.step.directories.sources);
    command
}

fn to_public_cloud(pipeline: &Pipeline) -> Proxy {
    let arm = pipeline.server.ports[0];
    Proxy::start(None, move |host| {
        (host == "management.azure.com").then_some(arm)
    })
}

#[test]
fn the_azure_cli_signs_in_once_for_each_audience() {
    let pipeline = Pipeline::seed(instant());
    let proxy = to_public_cloud(&pipeline);
    let tools = install_az(&pipeline);
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let output = command(&pipeline, &proxy).env("PATH", path).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(
        text.lines().any(|line| line.starts_with("Succeeded")),
        "{text}"
    );
    check_empty(&pipeline);
    let calls = fs::read_to_string(tools.join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 2, "{calls}");
    let hosts = proxy.seen();
    assert!(
        hosts.iter().all(|line| line == "200 management.azure.com"),
        "{hosts:?}"
    );
}

#[test]
fn a_prompt_without_the_azure_cli_is_explained() {
    let pipeline = Pipeline::seed(instant());
    let proxy = to_public_cloud(&pipeline);
    let output = command(&pipeline, &proxy).env("PATH", "/nowhere").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(text.contains("error AIB207: "), "{text}");
    assert!(text.contains("az not found on PATH"), "{text}");
    assert!(text.contains("az login"), "{text}");
}
