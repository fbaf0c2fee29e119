//! The images that exist: gallery image versions and managed images, of the scene and of runs.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::Arm;
use crate::arm::numbering::parts;
use crate::ids;
use crate::world::{Gallery, ImageDefinition};

/// A gallery image version.
#[derive(Debug, Clone)]
pub(crate) struct ImageVersion {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) state: &'static str,
    pub(crate) published: Option<OffsetDateTime>,
    /// Region, replica count and storage account type.
    pub(crate) regions: Vec<(String, i64, String)>,
    pub(crate) exclude_from_latest: bool,
    pub(crate) replica_count: i64,
    pub(crate) storage: String,
    /// When it is to be given up, as it was sent.
    pub(crate) end_of_life: Option<String>,
    pub(crate) tags: Option<Map<String, Value>>,
    /// The id of the image that it was made of, when a client made it.
    pub(crate) source: Option<String>,
    pub(crate) host_caching: String,
    pub(crate) vhd: Option<(String, String)>,
    /// The operation that creates or updates it.
    pub(crate) change: Option<String>,
    /// The operation that deletes it.
    pub(crate) deletion: Option<String>,
}

impl ImageVersion {
    /// A version of nothing, with the usual values.
    pub(crate) fn new(id: String, name: String, location: String) -> Self {
        Self {
            id,
            name,
            location,
            state: "Creating",
            published: None,
            regions: Vec::new(),
            exclude_from_latest: false,
            replica_count: 1,
            storage: "Standard_LRS".to_owned(),
            end_of_life: None,
            tags: None,
            source: None,
            host_caching: "ReadWrite".to_owned(),
            vhd: None,
            change: None,
            deletion: None,
        }
    }
}

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
        for gallery in self.world.galleries.clone() {
            for definition in &gallery.definitions {
                for number in &definition.versions {
                    let id = format!(
                        "{}/images/{}/versions/{number}",
                        self.world.gallery_id(&gallery),
                        definition.name
                    );
                    self.versions.insert(
                        ids::key(&id),
                        existing_version(&id, number, &gallery.location),
                    );
                }
            }
        }
    }

    /// The gallery and definition that an id names, be it with or without a version.
    pub(crate) fn definition_of(&self, id: &str) -> Option<(&Gallery, &ImageDefinition)> {
        let (gallery, image) = (
            ids::segment_after(id, "galleries")?,
            ids::segment_after(id, "images")?,
        );
        let group = ids::segment_after(id, "resourceGroups")?;
        let gallery = self.world.galleries.iter().find(|known| {
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

    /// The full id of the image version that a source names, `latest` resolved.
    pub(crate) fn source_version(&self, id: &str) -> Option<String> {
        let (stem, number) = id.rsplit_once("/versions/")?;
        let found = if number.eq_ignore_ascii_case("latest") {
            self.versions_of(stem)
                .into_iter()
                .filter(|version| !version.exclude_from_latest)
                .max_by_key(|version| parts(&version.name))
        } else {
            self.versions.get(&ids::key(id))
        };
        found.map(|version| version.id.clone())
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
        state: "Succeeded",
        regions: vec![(location.to_owned(), 1, "Standard_LRS".to_owned())],
        tags: Some(Map::new()),
        ..ImageVersion::new(id.to_owned(), number.to_owned(), location.to_owned())
    }
}
