//! An image definition with versions whose lists are kept, and a step that compares two of them.

use std::sync::Arc;

use azure_emulator::{Cloud, SceneVersion};
use bytes::Bytes;
use image_builder::inventory::{Component, Inventory, Kind, Subject, System, write};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::flow::scene::{Scene, Stage};

pub(super) const ACCOUNT: &str = "stcontosoimages";
pub(super) const CONTAINER: &str = "imagebuilder-inventory";
const FIRST_DAY: OffsetDateTime = datetime!(2026-10-01 08:00:00 UTC);

/// A component in one line: `deb openssl/amd64 3.0.13`.
pub(super) fn component(line: &str) -> Component {
    let (kind, rest) = line.split_once(' ').unwrap();
    let (name, version) = rest.rsplit_once(' ').unwrap();
    let (name, arch) = match name.split_once('/') {
        Some((name, arch)) => (name, Some(arch.to_owned())),
        None => (name, None),
    };
    Component {
        kind: Kind::of_word(kind).unwrap(),
        name: name.to_owned(),
        arch,
        version: version.to_owned(),
        publisher: None,
        source: None,
    }
}

/// What an image holds: a build of Windows 11, and a component in each line.
pub(super) fn windows(build: &str, lines: &[&str]) -> Inventory {
    let system = System {
        name: "Windows 11 25H2".to_owned(),
        version: build.to_owned(),
        title: "Windows 11 25H2".to_owned(),
    };
    let components = lines.iter().map(|line| component(line));
    Inventory::new(system, components.collect(), Vec::new())
}

/// The same of Ubuntu.
pub(super) fn ubuntu(lines: &[String]) -> Inventory {
    let system = System {
        name: "ubuntu".to_owned(),
        version: "24.04".to_owned(),
        title: "Ubuntu 24.04.3 LTS".to_owned(),
    };
    let components = lines.iter().map(|line| component(line));
    Inventory::new(system, components.collect(), Vec::new())
}

pub(super) fn sha256(content: &[u8]) -> String {
    let sum = digest(&SHA256, content);
    sum.as_ref()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The name under which the list of a version is kept.
pub(super) fn blob_name(id: &str) -> String {
    let parts: Vec<_> = id.split('/').collect();
    let [subscription, gallery, definition, number] = [2, 8, 10, 12].map(|at| parts[at]);
    format!("{subscription}/{gallery}/{definition}/{number}.cdx.json").to_lowercase()
}

/// Versions, what is kept of them, and the step.
pub(super) struct Shelf {
    pub(super) scene: Scene,
    blobs: Vec<(String, Vec<u8>)>,
}

impl Shelf {
    /// A step that compares version `now` of win11-avd.
    pub(super) fn new(now: &str) -> Self {
        let mut scene = Scene::bare("diff");
        scene.world.image_versions.clear();
        let id = id(&scene, "win11-avd", now);
        let scene = scene
            .input("imageVersionId", &id)
            .input("storageAccountName", ACCOUNT);
        let blobs = Vec::new();
        Self { scene, blobs }
    }

    /// The id of a version of win11-avd.
    pub(super) fn id(&self, number: &str) -> String {
        id(&self.scene, "win11-avd", number)
    }

    pub(super) fn input(mut self, name: &str, value: &str) -> Self {
        self.scene = self.scene.input(name, value);
        self
    }

    /// With a version that was published on this day of October, whose list is kept.
    pub(super) fn version(self, number: &str, day: i64, inventory: &Inventory) -> Self {
        let id = self.id(number);
        let content = Self::content(&id, inventory);
        let tags = json!({"imageInventorySha256": sha256(&content)});
        self.with(&id, day, &json!({"tags": tags}), Some(content))
    }

    /// The list of a version as it is kept.
    pub(super) fn content(id: &str, inventory: &Inventory) -> Vec<u8> {
        let subject = Subject {
            id,
            name: "win11-avd",
            version: id.rsplit('/').next(),
            ended: None,
            task_version: "1.1.0",
            provenance: &[],
        };
        write(inventory, subject)
    }

    /// With a version that has what `more` says, and of which `content` is kept.
    pub(super) fn with(
        mut self,
        id: &str,
        day: i64,
        more: &Value,
        content: Option<Vec<u8>>,
    ) -> Self {
        let mut body = json!({"location": "westeurope", "tags": {}, "properties": {"publishingProfile": {
            "targetRegions": [{"name": "West Europe"}],
        }}});
        for (name, value) in more.as_object().into_iter().flatten() {
            match name.as_str() {
                "tags" => body["tags"] = value.clone(),
                _ => body["properties"]["publishingProfile"][name] = value.clone(),
            }
        }
        self.scene.world.image_versions.push(SceneVersion {
            id: id.to_owned(),
            state: "Succeeded".to_owned(),
            published: Some(FIRST_DAY + Duration::days(day - 1)),
            body,
        });
        if let Some(content) = content {
            self.blobs.push((blob_name(id), content));
        }
        self
    }

    pub(super) async fn run(self) -> Stage {
        self.run_in(|_| {}).await
    }

    /// Also looks that nothing was changed.
    pub(super) async fn run_in(self, prepare: impl FnOnce(&Cloud)) -> Stage {
        let blobs = self.blobs;
        let stage = self
            .scene
            .build(|cloud| {
                for (name, content) in blobs {
                    cloud.put_blob(ACCOUNT, CONTAINER, &name, Bytes::from(content));
                }
                prepare(cloud);
            })
            .await;
        reads_alone(&stage.cloud);
        stage
    }
}

fn id(scene: &Scene, definition: &str, number: &str) -> String {
    let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
    format!("{gallery}/images/{definition}/versions/{number}")
}

fn reads_alone(cloud: &Arc<Cloud>) {
    for entry in cloud.journal() {
        let method = entry.method.as_str();
        let signs_in = entry.path.contains("oauth2") || entry.path.contains("oidctoken");
        assert!(method == "GET" || signs_in, "{method} {}", entry.path);
    }
}

/// The file that the variable names, which is attached to the run.
pub(super) fn file(stage: &Stage) -> Value {
    let path = stage.variable("imageDiffPath").unwrap();
    let attached = format!("##vso[task.uploadfile]{path}");
    assert!(stage.transcript.lines().any(|line| line == attached));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The result file.
pub(super) fn result(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").unwrap();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The page of the run.
pub(super) fn page(stage: &Stage) -> String {
    let mut paths = stage
        .transcript
        .lines()
        .filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
    let text = std::fs::read_to_string(paths.next().unwrap()).unwrap();
    assert_eq!(paths.next(), None);
    text
}

/// The transcript without what differs from run to run.
pub(super) fn readable(stage: &Stage) -> String {
    let lines = stage.transcript.lines();
    let plain = lines.filter(|line| {
        !line.starts_with("##vso[task.setsecret]")
            && !line.contains("Path;]")
            && !line.starts_with("##vso[task.upload")
    });
    plain.fold(String::new(), |text, line| text + line + "\n")
}
