//! Builds that outlive their job: what a later attempt takes over, and what other steps and other people's templates come to.

mod adoption;
mod attempts;
mod crashes;
mod existing;
mod inputs;
mod leaving;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Addresses, Cloud, World};
use http::{Method, Request};

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};

/// No requests, or no issues.
const NOTHING: [&str; 0] = [];
/// After this long the template is being provisioned.
const PROVISIONING: Duration = Duration::from_secs(20);
/// After this long the image is being customized.
const CUSTOMIZING: Duration = Duration::from_secs(500);
/// After this long every run is over.
const LONG: Duration = Duration::from_secs(40 * 60);

/// How many requests of this name the cloud has obeyed.
fn obeyed(cloud: &Cloud, operation: &str) -> usize {
    let all = cloud.requests(operation);
    all.filter(|entry| entry.status.is_some_and(|status| status < 300))
        .count()
}

/// The requests that change something, from number `from` on.
fn changes(cloud: &Cloud, from: usize) -> Vec<String> {
    let journal = cloud.journal().into_iter().skip(from);
    let harmless = |path: &str| {
        let reads = ["/token", "/oidctoken", "/listKeys"];
        reads.iter().any(|end| path.ends_with(end))
    };
    journal
        .filter(|entry| entry.method != Method::GET && entry.method != Method::HEAD)
        .filter(|entry| !harmless(&entry.path))
        .map(|entry| entry.to_string())
        .collect()
}

/// Whether a request is the one that starts a run.
fn starts_run(_: usize, request: &Request<bytes::Bytes>) -> bool {
    request.method() == Method::POST && request.uri().path().ends_with("/run")
}

fn templates(cloud: &Cloud) -> Vec<String> {
    let inventory = cloud.inventory();
    let names = inventory.templates.iter();
    names
        .map(|(id, _)| id.rsplit('/').next().unwrap().to_owned())
        .collect()
}

/// One image, nothing else, and one run for it.
fn check_one_image(what: &str, stage: &Stage, runs: usize) {
    let transcript = &stage.transcript;
    assert_eq!(stage.result(), "Succeeded", "{what}\n{transcript}");
    let versions = stage.cloud.inventory().image_versions;
    assert_eq!(versions.len(), 1, "{what}\n{transcript}");
    assert_eq!(
        stage.variable("imageUri"),
        Some(versions[0].0.as_str()),
        "{what}\n{transcript}"
    );
    assert_eq!(
        obeyed(&stage.cloud, "RunTemplate"),
        runs,
        "{what}\n{transcript}"
    );
    check_nothing_left(stage);
    check_no_secret(stage);
}

fn check_says(stage: &Stage, text: &str) {
    assert!(
        stage.transcript.contains(text),
        "no '{text}' in\n{}",
        stage.transcript
    );
}

fn check_silent(stage: &Stage, text: &str) {
    assert!(
        !stage.transcript.contains(text),
        "'{text}' in\n{}",
        stage.transcript
    );
}

/// A step that deals with a template that is there.
fn action(name: &str, template: &str) -> Scene {
    let scene = Scene::windows();
    let group = scene.step.inputs["ibAzureResourceGroup"].clone();
    let connection = scene.step.inputs["ibSubscription"].clone();
    let mut scene = scene;
    scene.step.inputs.clear();
    let scene = scene
        .input("ibAzureResourceGroup", &group)
        .input("ibSubscription", &connection)
        .input("action", name);
    let mut scene = scene.variable("System.JobIdentifier", "finish.collect.__default");
    scene.step.name = Some("image".to_owned());
    if template.is_empty() {
        scene
    } else {
        scene.input("templateName", template)
    }
}

/// A build that only starts, with a template of this name.
fn submit(template: &str) -> Scene {
    Scene::windows()
        .input("action", "submit")
        .input("templateName", template)
}

/// Someone else, who signs in with a secret, sends a request to Azure Resource Manager.
fn in_the_portal(cloud: &Cloud, method: Method, path: &str, body: &str) -> http::StatusCode {
    asked_in_the_portal(cloud, method, path, body).status()
}

fn asked_in_the_portal(
    cloud: &Cloud,
    method: Method,
    path: &str,
    body: &str,
) -> http::Response<bytes::Bytes> {
    let world = World::contoso(Addresses::in_process());
    let (login, arm) = (&world.addresses.login, &world.addresses.arm);
    let application = &world.applications[0];
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={arm}/.default",
        application.client,
        application.secret.as_deref().unwrap()
    );
    let url = format!("{login}/{}/oauth2/v2.0/token", world.tenant);
    let token = send(
        cloud,
        Method::POST,
        &url,
        &form,
        "application/x-www-form-urlencoded",
        None,
    );
    let token: serde_json::Value = serde_json::from_slice(token.body()).unwrap();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let url = format!("{arm}{path}?api-version=2025-10-01");
    send(cloud, method, &url, body, "application/json", Some(&bearer))
}

fn send(
    cloud: &Cloud,
    method: Method,
    url: &str,
    body: &str,
    kind: &str,
    bearer: Option<&str>,
) -> http::Response<bytes::Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", kind)
        .header("content-length", body.len());
    if let Some(bearer) = bearer {
        request = request.header("authorization", bearer);
    }
    let request = request.body(bytes::Bytes::copy_from_slice(body.as_bytes()));
    cloud.answer(request.unwrap()).response().unwrap()
}

/// What someone else reads there.
fn read_in_the_portal(cloud: &Cloud, path: &str) -> serde_json::Value {
    let answer = asked_in_the_portal(cloud, Method::GET, path, "");
    serde_json::from_slice(answer.body()).unwrap()
}

/// The address of the one template that there is.
fn only_template(cloud: &Cloud) -> String {
    let journal = cloud.journal();
    let put = journal
        .iter()
        .rfind(|entry| entry.operation == Some("PutTemplate"));
    put.unwrap().path.clone()
}

/// A step of attempt `number`, on a fresh agent.
fn attempt(number: u32) -> Scene {
    Scene::windows().attempt(number)
}

async fn in_cloud(scene: Scene, cloud: &Arc<Cloud>) -> Stage {
    scene.build_in(Arc::clone(cloud)).await
}
