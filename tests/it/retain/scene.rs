//! A definition with versions of some age, the machines that use them, and a step that looks through them.

use std::sync::Arc;

use azure_emulator::{Cloud, SceneResource, SceneVersion};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::flow::scene::{Scene, Stage};

pub(super) const DEFINITION: &str = "win11-avd";

/// Where a version is, and since when.
pub(crate) struct Shelf {
    pub(super) scene: Scene,
}

/// The id of the definition.
pub(super) fn definition(scene: &Scene) -> String {
    let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
    format!("{gallery}/images/{DEFINITION}")
}

/// A good version of some days ago, in West Europe, with what `more` changes in its body.
pub(super) fn version(definition: &str, number: &str, days: i64, more: &Value) -> SceneVersion {
    let mut body = json!({"location": "westeurope", "tags": {}, "properties": {}});
    let changes = more.as_object().cloned().unwrap_or_default();
    let mut state = "Succeeded".to_owned();
    for (name, value) in changes {
        match name.as_str() {
            "tags" => body["tags"] = value,
            "state" => value.as_str().unwrap().clone_into(&mut state),
            _ => body["properties"][name] = value,
        }
    }
    SceneVersion {
        id: format!("{definition}/versions/{number}"),
        state,
        published: Some(OffsetDateTime::now_utc() - Duration::days(days)),
        body,
    }
}

impl Shelf {
    /// A step that deletes, and keeps the two newest versions and whatever the other rules keep.
    pub(super) fn new() -> Self {
        let mut scene = Scene::windows();
        let connection = scene.step.inputs["ibSubscription"].clone();
        scene.step.inputs.clear();
        let id = definition(&scene);
        let scene = scene
            .input("ibSubscription", &connection)
            .input("action", "retain")
            .input("galleryImageId", &id)
            .input("keepVersions", "2")
            .input("retainPreview", "false");
        Self { scene }
    }

    /// With versions 1.0.1 to 1.0.`count`, all of them a year old.
    pub(crate) fn with(count: u8) -> Self {
        let mut shelf = Self::new();
        for number in 1..=count {
            shelf = shelf.version(&format!("1.0.{number}"), 365, &Value::Null);
        }
        shelf
    }

    /// With one more version.
    pub(super) fn version(mut self, number: &str, days: i64, more: &Value) -> Self {
        let version = version(&definition(&self.scene), number, days, more);
        let all = &mut self.scene.world.image_versions;
        all.retain(|known| known.id != version.id);
        all.push(version);
        self
    }

    pub(super) fn input(mut self, name: &str, value: &str) -> Self {
        self.scene = self.scene.input(name, value);
        self
    }

    pub(super) fn definition(&self) -> String {
        definition(&self.scene)
    }

    pub(super) fn id(&self, number: &str) -> String {
        format!("{}/versions/{number}", self.definition())
    }

    /// The id of something in the group of the images.
    pub(super) fn in_group(&self, rest: &str) -> String {
        format!(
            "{}/providers/{rest}",
            self.scene.world.group_id("rg-images")
        )
    }

    /// With a VM that was made of `image`.
    pub(super) fn vm(mut self, name: &str, image: &str, exact: Option<&str>) -> Self {
        let id = self.in_group(&format!("Microsoft.Compute/virtualMachines/{name}"));
        let vm = SceneResource::virtual_machine(id, "westeurope", image, exact);
        self.scene.world.resources.push(vm);
        self
    }

    pub(crate) async fn run(self) -> Ended {
        self.run_in(|_| {}).await
    }

    pub(super) async fn run_in(self, prepare: impl FnOnce(&Cloud)) -> Ended {
        let definition = self.definition();
        let stage = self.scene.build(prepare).await;
        Ended { definition, stage }
    }
}

/// What came of the step.
pub(crate) struct Ended {
    definition: String,
    pub(crate) stage: Stage,
}

impl Ended {
    pub(super) fn of(definition: String, stage: Stage) -> Self {
        Self { definition, stage }
    }

    pub(super) fn cloud(&self) -> &Arc<Cloud> {
        &self.stage.cloud
    }

    /// A version as Azure has it now.
    pub(super) fn now(&self, number: &str) -> Option<Value> {
        self.cloud()
            .image_version(&format!("{}/versions/{number}", self.definition))
    }

    /// The numbers of the versions 1.0.1 to 1.0.9 that are there.
    pub(super) fn there(&self) -> Vec<u8> {
        (1..=9)
            .filter(|number| self.now(&format!("1.0.{number}")).is_some())
            .collect()
    }

    /// How often this was asked for.
    pub(super) fn count(&self, operation: &str) -> usize {
        let journal = self.cloud().journal();
        journal
            .iter()
            .filter(|entry| entry.operation == Some(operation))
            .count()
    }

    /// The result file.
    pub(super) fn document(&self) -> Value {
        let path = self.stage.variable("resultPath").unwrap();
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// The numbers in a list of ids of the result file.
    pub(super) fn numbers(&self, list: &str) -> Vec<String> {
        let document = self.document();
        let ids = document["retain"][list].as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect()
    }

    /// Why a version was kept, by the result file; nothing if it was not.
    pub(super) fn reasons(&self, number: &str) -> Vec<String> {
        let document = self.document();
        let mut kept = document["retain"]["kept"].as_array().unwrap().iter();
        let end = format!("/{number}");
        let found = kept.find(|it| it["id"].as_str().unwrap().ends_with(&end));
        let reasons = found.map(|it| it["reasons"].as_array().unwrap().clone());
        let reasons = reasons.unwrap_or_default().into_iter();
        reasons.map(|it| it.as_str().unwrap().to_owned()).collect()
    }

    /// The numbers that the variables tell: retained and removed.
    pub(super) fn retained_and_removed(&self) -> (&str, &str) {
        let of = |name| self.stage.variable(name).unwrap_or("none");
        (of("imageRetained"), of("imageRemoved"))
    }

    pub(super) fn says(&self, text: &str) -> bool {
        self.stage.transcript.contains(text)
    }
}
