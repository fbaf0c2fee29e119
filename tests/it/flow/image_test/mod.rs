//! Testing an image: what is asked of Azure, the verdict, and what is told.

mod builder;
mod edges;
mod inputs;
mod tags;
mod vm;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_emulator::{Cloud, SceneVersion};
use bytes::Bytes;
use http::{Method, Request, Response};
use image_builder::arm::http::{Http, TransportError};
use serde_json::{Value, json};
use time::macros::datetime;

use super::LiveSecrets;
use super::cloud_http::CloudHttp;
use super::scene::{Scene, Stage};

const NUMBER: &str = "1.0.2609402";

/// The id of a version of `win11-avd` in `galContoso`.
fn version(number: &str) -> String {
    let world = Scene::windows().world;
    let gallery = world.gallery_id(&world.galleries[0]);
    format!("{gallery}/images/win11-avd/versions/{number}")
}

/// A version that was built and does not count yet.
fn on_shelf(number: &str, regions: &[&str]) -> SceneVersion {
    let regions: Vec<_> = regions
        .iter()
        .map(|name| json!({"name": name, "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}))
        .collect();
    SceneVersion {
        id: version(number),
        state: "Succeeded".to_owned(),
        published: Some(datetime!(2026-11-20 10:00 UTC)),
        body: json!({
            "location": "westeurope",
            "tags": {"buildNumber": number},
            "properties": {
                "publishingProfile": {"targetRegions": regions, "replicaCount": 1, "excludeFromLatest": true, "storageAccountType": "Standard_LRS"},
                "storageProfile": {"osDiskImage": {"sizeInGB": 127, "hostCaching": "ReadWrite", "source": {}}},
            },
        }),
    }
}

fn shelf(cloud: &Cloud) {
    cloud.put_image_version(&on_shelf(NUMBER, &["westeurope", "northeurope"]));
}

/// The step with what it needs: a script for Windows.
fn scene() -> Scene {
    let scene = Scene::bare("test");
    let identity = scene.world.identity_id(&scene.world.identities[0]);
    scene
        .input("imageVersionId", &version(NUMBER))
        .input("ibAzureResourceGroup", "rg-images")
        .input("ibLocation", "westeurope")
        .input("managedIdentity", &identity)
        .input("vmSize", "Standard_D4s_v5")
        .input("provisioner", "powershell")
        .input("validationInlineScript", "exit 0")
        .input("buildTimeoutInMinutes", "60")
}

/// A test with a package.
pub(crate) async fn whole(change: impl FnOnce(Scene) -> Scene) -> Stage {
    let scene = scene()
        .input("packagePath", "wvd/images")
        .input("storageAccountName", "stcontosoimages");
    run(change(scene)).await
}

/// The step on the usual shelf.
async fn run(scene: Scene) -> Stage {
    scene.build(shelf).await
}

/// The step, whose script prints `lines`.
async fn run_with_lines(scene: Scene, lines: &[&str]) -> Stage {
    run(with_lines(scene, lines)).await
}

fn with_lines(scene: Scene, lines: &[&str]) -> Scene {
    let lines = lines.iter().map(|&line| line.to_owned()).collect();
    scene.switches(|on| on.validation_lines = Some(lines))
}

/// The way to the cloud, which keeps what is put.
struct Witness {
    inner: CloudHttp,
    puts: Arc<Mutex<Vec<(String, Value)>>>,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}

#[async_trait]
impl Http for Witness {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.method() == Method::PUT
            && let Ok(body) = serde_json::from_slice(request.body())
        {
            let path = request.uri().path().to_owned();
            self.puts.lock().unwrap().push((path, body));
        }
        self.inner.send(request).await
    }
}

/// The step on the usual shelf, and what it put: places and bodies.
async fn witnessed(scene: Scene) -> (Stage, Vec<(String, Value)>) {
    let cloud = scene.new_cloud();
    shelf(&cloud);
    let puts = Arc::new(Mutex::new(Vec::new()));
    let witness = Witness {
        inner: CloudHttp {
            cloud: Arc::clone(&cloud),
            secrets: LiveSecrets::of(&scene.world, &scene.step),
        },
        puts: Arc::clone(&puts),
    };
    let stage = scene.build_over(cloud, Arc::new(witness)).await;
    let puts = puts.lock().unwrap().clone();
    (stage, puts)
}

/// The template that was submitted, without tags.
fn submitted(puts: &[(String, Value)]) -> Value {
    let mut templates = puts
        .iter()
        .filter(|(path, _)| path.contains("/imageTemplates/"));
    let (_, body) = templates.next().unwrap();
    assert_eq!(templates.next(), None);
    let mut body = body.clone();
    let tags = body.as_object_mut().unwrap().remove("tags").unwrap();
    let names: Vec<_> = tags
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for name in [
        "imageBuilderTask",
        "imageBuilderRun",
        "imageBuilderStep",
        "imageBuilderInputs",
        "imageBuilderMade",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    body
}

/// How often something was put at such a place.
fn puts(stage: &Stage, what: &str) -> usize {
    let journal = stage.cloud.journal().into_iter();
    let puts = journal.filter(|entry| entry.method == Method::PUT && entry.path.contains(what));
    puts.count()
}

fn tags_of_version(stage: &Stage) -> Value {
    let mut tags = stage.cloud.image_version(&version(NUMBER)).unwrap()["tags"].clone();
    // The clock is the machine's.
    if let Some(at) = tags.get_mut("imageTestAt") {
        let text = at.as_str().unwrap();
        assert!(text.ends_with('Z') && text.len() == 20, "{text}");
        *at = json!("now");
    }
    tags
}

fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").expect("a result file");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Name, state and text of each test.
fn tests(stage: &Stage) -> Vec<(String, String, String)> {
    let file = result_file(stage);
    let tests = file["test"]["tests"].as_array().unwrap().iter();
    tests
        .map(|test| {
            let text = |name: &str| test[name].as_str().unwrap_or_default().to_owned();
            (text("name"), text("state"), text("text"))
        })
        .collect()
}

/// Name and state of each test.
fn states(stage: &Stage) -> Vec<(String, String)> {
    let tests = tests(stage).into_iter();
    tests.map(|(name, state, _)| (name, state)).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(name, state)| ((*name).to_owned(), (*state).to_owned()))
        .collect()
}

/// The file that was published to the Tests tab.
fn junit(stage: &Stage) -> Option<String> {
    let mut lines = stage.transcript.lines();
    let command = lines.find_map(|line| line.strip_prefix("##vso[results.publish "))?;
    let (properties, data) = command.split_once(']').unwrap();
    assert_eq!(data, "");
    let start = format!("type=JUnit;mergeResults=false;runTitle=Image {NUMBER};resultFiles=");
    let path = properties.strip_prefix(&start).unwrap();
    let path = path.strip_suffix(';').unwrap();
    assert!(
        stage
            .transcript
            .contains(&format!("##vso[task.uploadfile]{path}\n"))
    );
    Some(std::fs::read_to_string(path).unwrap())
}

/// The page of the run.
fn page(stage: &Stage) -> String {
    let mut paths = stage
        .transcript
        .lines()
        .filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
    std::fs::read_to_string(paths.next().unwrap()).unwrap()
}

/// The issues of a kind: code, and text with its hint.
fn issues(stage: &Stage, kind: &str) -> Vec<(String, String)> {
    let start = format!("##vso[task.logissue type={kind};");
    let lines = stage.transcript.lines();
    let issues = lines.filter_map(|line| line.strip_prefix(&start)?.split_once(']'));
    issues
        .map(|(properties, text)| {
            let code = properties
                .split(';')
                .find_map(|it| it.strip_prefix("code="));
            let text = text.replace("%0A", "\n").replace("%AZP25", "%");
            (code.unwrap_or_default().to_owned(), text)
        })
        .collect()
}

fn codes(stage: &Stage, kind: &str) -> Vec<String> {
    let issues = issues(stage, kind).into_iter();
    issues.map(|(code, _)| code).collect()
}

/// Nothing that this step made is left.
fn nothing_left(stage: &Stage) {
    let inventory = stage.cloud.inventory();
    assert!(inventory.templates.is_empty(), "{}", stage.transcript);
    let packages = inventory
        .blobs
        .iter()
        .filter(|(_, container, ..)| container == "imagebuilder-vststask");
    assert_eq!(packages.count(), 0, "{}", stage.transcript);
}

/// Tests in a VM that ask for everything that such tests ask for.
pub(crate) async fn in_a_vm() -> Vec<Stage> {
    Box::pin(vm::everything()).await
}
