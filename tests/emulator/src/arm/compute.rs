//! Microsoft.Compute, as far as a pipeline reads it: galleries, image definitions, image versions, managed images.

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::images::ImageVersion;
use crate::arm::{Arm, Asked, regions};
use crate::clock;
use crate::ids;
use crate::world::{Gallery, ImageDefinition};

impl Arm {
    pub(crate) fn list_galleries(&self, asked: &Asked<'_>) -> Answer {
        let group = asked.path.get("group");
        let galleries = self.world.galleries.iter();
        let all: Vec<Value> = galleries
            .filter(|gallery| gallery.resource_group.eq_ignore_ascii_case(group))
            .map(|gallery| self.gallery_document(gallery))
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn get_gallery(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let gallery = self.gallery(asked)?;
        Ok(Answer::new(
            200,
            Body::Compute(self.gallery_document(gallery)),
        ))
    }

    fn gallery_document(&self, gallery: &Gallery) -> Value {
        json!({
            "name": gallery.name,
            "id": self.world.gallery_id(gallery),
            "type": "Microsoft.Compute/galleries",
            "location": gallery.location,
            "tags": {},
            "properties": {"identifier": {"uniqueName": format!("{}-{}", self.world.subscription, gallery.name.to_uppercase())}, "provisioningState": "Succeeded"},
        })
    }

    pub(crate) fn list_definitions(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let gallery = self.gallery(asked)?;
        let all: Vec<Value> = gallery
            .definitions
            .iter()
            .map(|definition| self.definition_document(gallery, definition))
            .collect();
        Ok(Answer::new(200, Body::Compact(json!({"value": all}))))
    }

    pub(crate) fn get_definition(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (gallery, definition) = self.definition(asked)?;
        Ok(Answer::new(
            200,
            Body::Compute(self.definition_document(gallery, definition)),
        ))
    }

    pub(crate) fn list_versions(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (gallery, definition) = self.definition(asked)?;
        let id = format!(
            "{}/images/{}",
            self.world.gallery_id(gallery),
            definition.name
        );
        let all: Vec<Value> = self
            .versions_of(&id)
            .into_iter()
            .map(|version| version_document(version, false))
            .collect();
        Ok(Answer::new(200, Body::Compact(json!({"value": all}))))
    }

    pub(crate) fn get_version(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let expand = match asked.query("$expand") {
            None => false,
            Some("ReplicationStatus") => true,
            Some(other) => {
                let message = format!(
                    "The value '{other}' of the query parameter '$expand' is not supported; the emulator has 'ReplicationStatus'."
                );
                return Err(Refusal::new(400, "InvalidParameter", message));
            }
        };
        self.definition(asked)?;
        let version = self
            .versions
            .get(&version_key(asked))
            .ok_or_else(|| version_not_found(asked))?;
        Ok(Answer::new(
            200,
            Body::Compute(version_document(version, expand)),
        ))
    }

    pub(crate) fn delete_version(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.definition(asked)?;
        let key = version_key(asked);
        let Some(version) = self.versions.get_mut(&key) else {
            return Ok(Answer::new(204, Body::None));
        };
        version.state = "Deleting";
        let location = version.location.clone();
        let (id, headers) = self.start_compute_operation(
            asked,
            &location,
            |durations| durations.deleting_version,
            true,
        );
        if let Some(version) = self.versions.get_mut(&key) {
            version.deletion = Some(id);
        }
        let mut answer = Answer::new(202, Body::Empty);
        answer.headers = headers;
        Ok(answer)
    }

    pub(crate) fn get_managed_image(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("image"));
        let id = format!(
            "{}/providers/Microsoft.Compute/images/{name}",
            self.world.group_id(group)
        );
        let image = self
            .images
            .get(&ids::key(&id))
            .ok_or_else(|| Refusal::not_found("Microsoft.Compute/images", name, group))?;
        let mut disk = json!({"osType": image.os_type, "osState": "Generalized", "diskSizeGB": 30});
        if let Some(disk) = disk.as_object_mut() {
            if let Some(vhd) = &image.vhd {
                disk.insert("blobUri".to_owned(), json!(vhd));
            }
            disk.insert("caching".to_owned(), json!("None"));
            disk.insert("storageAccountType".to_owned(), json!("Standard_LRS"));
        }
        Ok(Answer::new(
            200,
            Body::Compute(json!({
                "name": name,
                "id": image.id,
                "type": "Microsoft.Compute/images",
                "location": image.location,
                "tags": image.tags,
                "properties": {
                    "storageProfile": {"osDisk": disk, "dataDisks": []},
                    "provisioningState": "Succeeded",
                    "hyperVGeneration": "V1",
                },
            })),
        ))
    }

    fn gallery(&self, asked: &Asked<'_>) -> Result<&Gallery, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("gallery"));
        let known = |gallery: &&Gallery| {
            gallery.name.eq_ignore_ascii_case(name)
                && gallery.resource_group.eq_ignore_ascii_case(group)
        };
        let found = self.world.galleries.iter().find(known);
        found.ok_or_else(|| Refusal::not_found("Microsoft.Compute/galleries", name, group))
    }

    pub(crate) fn definition(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(&Gallery, &ImageDefinition), Refusal> {
        let gallery = self.gallery(asked)?;
        let name = asked.path.get("definition");
        let found = gallery
            .definitions
            .iter()
            .find(|definition| definition.name.eq_ignore_ascii_case(name));
        let full_name = format!("{}/images/{name}", gallery.name);
        found
            .map(|definition| (gallery, definition))
            .ok_or_else(|| {
                Refusal::not_found(
                    "Microsoft.Compute/galleries",
                    &full_name,
                    asked.path.get("group"),
                )
            })
    }

    fn definition_document(&self, gallery: &Gallery, definition: &ImageDefinition) -> Value {
        let [publisher, offer, sku] = &definition.identifier;
        let mut document = json!({
            "name": definition.name,
            "id": format!("{}/images/{}", self.world.gallery_id(gallery), definition.name),
            "type": "Microsoft.Compute/galleries/images",
            "location": gallery.location,
            "tags": {},
            "properties": {
                "hyperVGeneration": definition.hyper_v_generation,
                "osType": definition.os_type,
                "osState": "Generalized",
                "identifier": {"publisher": publisher, "offer": offer, "sku": sku},
                "provisioningState": "Succeeded",
            },
        });
        if let Some(Value::Object(properties)) = document.get_mut("properties") {
            if let Some(architecture) = &definition.architecture {
                properties.insert("architecture".to_owned(), json!(architecture));
            }
            if let Some(kind) = &definition.security_type {
                let features = json!([{"name": "SecurityType", "value": kind}]);
                properties.insert("features".to_owned(), features);
            }
        }
        document
    }
}

pub(crate) fn version_key(asked: &Asked<'_>) -> String {
    ids::key(asked.raw.uri().path())
}

fn version_not_found(asked: &Asked<'_>) -> Refusal {
    let name = format!(
        "{}/images/{}/versions/{}",
        asked.path.get("gallery"),
        asked.path.get("definition"),
        asked.path.get("version")
    );
    Refusal::not_found(
        "Microsoft.Compute/galleries",
        &name,
        asked.path.get("group"),
    )
}

pub(crate) fn version_document(version: &ImageVersion, with_replication: bool) -> Value {
    let regions: Vec<Value> = version
        .regions
        .iter()
        .map(|(name, count, storage)| json!({"name": regions::display(name), "regionalReplicaCount": count, "storageAccountType": storage}))
        .collect();
    let mut profile = Map::new();
    profile.insert("targetRegions".to_owned(), json!(regions));
    profile.insert("replicaCount".to_owned(), json!(version.replica_count));
    profile.insert(
        "excludeFromLatest".to_owned(),
        json!(version.exclude_from_latest),
    );
    if let Some(published) = version.published {
        profile.insert(
            "publishedDate".to_owned(),
            json!(clock::with_offset(published)),
        );
    }
    if let Some(end) = &version.end_of_life {
        profile.insert("endOfLifeDate".to_owned(), json!(end));
    }
    profile.insert("storageAccountType".to_owned(), json!(version.storage));
    let mut properties = Map::new();
    properties.insert("publishingProfile".to_owned(), Value::Object(profile));
    properties.insert("storageProfile".to_owned(), storage_profile(version));
    properties.insert("provisioningState".to_owned(), json!(version.state));
    if with_replication {
        properties.insert("replicationStatus".to_owned(), replication_status(version));
    }
    let mut document = Map::new();
    document.insert("name".to_owned(), json!(version.name));
    document.insert("id".to_owned(), json!(version.id));
    let kind = "Microsoft.Compute/galleries/images/versions";
    document.insert("type".to_owned(), json!(kind));
    document.insert("location".to_owned(), json!(version.location));
    if let Some(tags) = &version.tags {
        document.insert("tags".to_owned(), json!(tags));
    }
    document.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(document)
}

/// A version that a client makes tells its source alone until it is made.
fn storage_profile(version: &ImageVersion) -> Value {
    let mut profile = Map::new();
    if let Some(source) = &version.source {
        profile.insert("source".to_owned(), json!({"id": source}));
    }
    if version.source.is_none() || version.state != "Creating" {
        let disk = version.vhd.as_ref().map_or(
            json!({}),
            |(uri, account)| json!({"uri": uri, "storageAccountId": account}),
        );
        profile.insert(
            "osDiskImage".to_owned(),
            json!({"sizeInGB": 30, "hostCaching": version.host_caching, "source": disk}),
        );
    }
    Value::Object(profile)
}

/// The regions here have no blanks, unlike those in `targetRegions`. The states in progress were never recorded.
fn replication_status(version: &ImageVersion) -> Value {
    let (all, each, progress) = match version.state {
        "Succeeded" => ("Completed", "Completed", 100),
        _ => ("InProgress", "Replicating", 50),
    };
    let summary: Vec<Value> = version
        .regions
        .iter()
        .map(|(name, ..)| json!({"region": regions::plain(name), "state": each, "progress": progress}))
        .collect();
    json!({"aggregatedState": all, "summary": summary})
}
