//! The images that exist: gallery image versions and managed images, of the scene and of runs.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::Arm;
use crate::arm::regions;
use crate::arm::template::text;
use crate::arm::version::{Change, ImageVersion, TargetRegion, changed, document};
use crate::estate::SceneVersion;
use crate::ids;
use crate::switches::VersionSwitches;
use crate::world::{Gallery, ImageDefinition, gallery_id};

/// A managed image.
#[derive(Debug, Clone)]
pub(crate) struct ManagedImage {
    pub(crate) id: String,
    pub(crate) location: String,
    pub(crate) tags: Map<String, Value>,
    pub(crate) os_type: &'static str,
    /// The VHD that it was made of, when a run made it.
    pub(crate) vhd: Option<String>,
}

impl Arm {
    /// The tags of an image version or a managed image.
    pub(crate) fn image_tags(&self, id: &str) -> Map<String, Value> {
        let key = ids::key(id);
        let version = self.versions.get(&key).map(|version| version.tags.clone());
        let image = || self.images.get(&key).map(|image| Some(image.tags.clone()));
        version.or_else(image).flatten().unwrap_or_default()
    }

    pub(crate) fn add_images_of_world(&mut self) {
        for id in self.world.managed_images.clone() {
            let image = ManagedImage {
                id: id.clone(),
                location: "westeurope".to_owned(),
                tags: Map::new(),
                os_type: "Linux",
                vhd: None,
            };
            self.images.insert(ids::key(&id), image);
        }
        let world = self.world.clone();
        for (subscription, gallery) in world.all_galleries() {
            for definition in &gallery.definitions {
                for number in &definition.versions {
                    let id = format!(
                        "{}/images/{}/versions/{number}",
                        gallery_id(subscription, gallery),
                        definition.name
                    );
                    let region = definition.versions_in.as_ref();
                    let version = ImageVersion {
                        state: definition.versions_state.unwrap_or("Succeeded").to_owned(),
                        ..existing_version(&id, number, region.unwrap_or(&gallery.location))
                    };
                    self.versions.insert(ids::key(&id), version);
                }
            }
        }
        for version in &world.image_versions {
            self.add_version(version);
        }
    }

    /// Puts a version into its definition without asking anybody.
    pub(crate) fn add_version(&mut self, version: &SceneVersion) {
        let version = scene_version(version);
        self.versions.insert(ids::key(&version.id), version);
    }

    /// A version as it is shown now.
    pub(crate) fn shown_version(&self, id: &str, now: OffsetDateTime) -> Option<Value> {
        let version = self.versions.get(&ids::key(id))?;
        let switches = &self.switches.versions;
        Some(document(version, "2026-03-03", switches, Some(now)))
    }

    /// The gallery and definition that an id names, be it with or without a version.
    pub(crate) fn definition_of(&self, id: &str) -> Option<(&Gallery, &ImageDefinition)> {
        let (gallery, image) = (
            ids::segment_after(id, "galleries")?,
            ids::segment_after(id, "images")?,
        );
        let group = ids::segment_after(id, "resourceGroups")?;
        let subscription = ids::segment_after(id, "subscriptions")?;
        let mut galleries = self.world.galleries_of(subscription).iter();
        let gallery = galleries.find(|known| {
            known.name.eq_ignore_ascii_case(gallery)
                && known.resource_group.eq_ignore_ascii_case(group)
        })?;
        Some((
            gallery,
            gallery
                .definitions
                .iter()
                .find(|known| known.name.eq_ignore_ascii_case(image))?,
        ))
    }

    /// The versions of a definition.
    pub(crate) fn versions_of(&self, definition: &str) -> Vec<&ImageVersion> {
        let prefix = format!("{}/versions/", ids::key(definition));
        self.versions
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, version)| version)
            .collect()
    }
}

fn existing_version(id: &str, number: &str, location: &str) -> ImageVersion {
    ImageVersion {
        state: "Succeeded".to_owned(),
        regions: vec![TargetRegion::new(location, 1, "Standard_LRS")],
        tags: Some(Map::new()),
        ..ImageVersion::new(id.to_owned(), number.to_owned(), location.to_owned())
    }
}

/// A version as its scene tells it: like a body that was sent, with disks that are there.
fn scene_version(scene: &SceneVersion) -> ImageVersion {
    let body = scene.body.as_object().cloned().unwrap_or_default();
    let number = scene.id.rsplit('/').next().unwrap_or_default();
    let location = regions::plain(text(&body, "location"));
    let mut blank = ImageVersion::new(scene.id.clone(), number.to_owned(), location.clone());
    let storage = scene.body.pointer("/properties/storageProfile");
    let disk = storage.and_then(|profile| profile.get("osDiskImage")?.as_object());
    if let Some(disk) = disk {
        blank.os_disk.extend(disk.clone());
    }
    let disks = storage.and_then(|profile| profile.get("dataDiskImages")?.as_array());
    blank.data_disks = disks.cloned().unwrap_or_default();
    blank.source = storage.and_then(|profile| profile.get("source").cloned());
    blank.published = scene.published;
    let switches = VersionSwitches::default();
    let mut version = changed(&blank, &body, Change::Put, &switches).unwrap_or(blank);
    if version.regions.is_empty() {
        let region = TargetRegion::new(&location, version.replica_count, &version.storage);
        version.regions.push(region);
    }
    version.state.clone_from(&scene.state);
    version
}
