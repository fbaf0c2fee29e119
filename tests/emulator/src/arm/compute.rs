//! Microsoft.Compute, as far as a pipeline reads it: galleries, image definitions, image versions, managed images.

use serde_json::{Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::galleries::gallery_document;
use crate::arm::images::ManagedImage;
use crate::arm::version;
use crate::arm::{Arm, Asked};
use crate::ids;
use crate::world::{Gallery, ImageDefinition, gallery_id};

impl Arm {
    pub(crate) fn list_galleries(&self, asked: &Asked<'_>) -> Answer {
        let group = asked.path.get("group");
        let subscription = asked.path.get("subscription");
        let galleries = self.world.galleries_of(subscription).iter();
        let all: Vec<Value> = galleries
            .filter(|gallery| gallery.resource_group.eq_ignore_ascii_case(group))
            .map(|gallery| gallery_document(subscription, gallery, "Succeeded"))
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn get_gallery(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let gallery = self.gallery(asked)?;
        let document = gallery_document(asked.path.get("subscription"), gallery, "Succeeded");
        Ok(Answer::new(200, Body::Compute(document)))
    }

    pub(crate) fn list_definitions(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let gallery = self.gallery(asked)?;
        let all: Vec<Value> = gallery
            .definitions
            .iter()
            .map(|definition| definition_document(asked, gallery, definition))
            .collect();
        Ok(Answer::new(200, Body::Compact(json!({"value": all}))))
    }

    pub(crate) fn get_definition(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (gallery, definition) = self.definition(asked)?;
        Ok(Answer::new(
            200,
            Body::Compute(definition_document(asked, gallery, definition)),
        ))
    }

    pub(crate) fn list_versions(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (gallery, definition) = self.definition(asked)?;
        let id = format!(
            "{}/images/{}",
            gallery_id(asked.path.get("subscription"), gallery),
            definition.name
        );
        let (api, switches) = (&asked.version, &self.switches.versions);
        let all: Vec<Value> = self
            .versions_of(&id)
            .into_iter()
            .map(|version| version::document(version, api, switches, None))
            .collect();
        let page = self.page(asked, all, self.switches.compute_page_size, "$skiptoken")?;
        Ok(Answer::new(200, Body::Compact(page)))
    }

    pub(crate) fn get_version(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let expand = match asked.query("$expand") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("ReplicationStatus") => Some(asked.now),
            Some(other) => {
                let message = format!(
                    "The value '{other}' of the query parameter '$expand' is not supported; the emulator has 'ReplicationStatus'."
                );
                return Err(Refusal::by_compute(400, "InvalidParameter", message));
            }
        };
        self.definition(asked)?;
        let key = version_key(asked);
        let version = self.versions.get(&key);
        let version = version.ok_or_else(|| version_not_found(asked))?;
        let document = version::document(version, &asked.version, &self.switches.versions, expand);
        self.count_poll(&key);
        Ok(Answer::new(200, Body::Compute(document)))
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
        Ok(Answer::new(
            200,
            Body::Compute(managed_image_document(image)),
        ))
    }

    pub(crate) fn list_managed_images(&self, asked: &Asked<'_>) -> Answer {
        let group = self.world.group_id(asked.path.get("group"));
        let prefix = ids::key(&format!("{group}/"));
        let images = self.images.iter();
        let all: Vec<Value> = images
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, image)| managed_image_document(image))
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn gallery(&self, asked: &Asked<'_>) -> Result<&Gallery, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("gallery"));
        let known = |gallery: &&Gallery| {
            gallery.name.eq_ignore_ascii_case(name)
                && gallery.resource_group.eq_ignore_ascii_case(group)
        };
        let subscription = asked.path.get("subscription");
        let found = self.world.galleries_of(subscription).iter().find(known);
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
}

fn definition_document(
    asked: &Asked<'_>,
    gallery: &Gallery,
    definition: &ImageDefinition,
) -> Value {
    let [publisher, offer, sku] = &definition.identifier;
    let mut document = json!({
        "name": definition.name,
        "id": format!("{}/images/{}", gallery_id(asked.path.get("subscription"), gallery), definition.name),
        "type": "Microsoft.Compute/galleries/images",
        "location": gallery.location,
        "tags": {},
        "properties": {
            "hyperVGeneration": definition.hyper_v_generation,
            "osType": definition.os_type,
            "osState": if definition.specialized { "Specialized" } else { "Generalized" },
            "identifier": {"publisher": publisher, "offer": offer, "sku": sku},
            "provisioningState": "Succeeded",
        },
    });
    if let Some(Value::Object(properties)) = document.get_mut("properties") {
        if let Some(end) = &definition.end_of_life {
            properties.insert("endOfLifeDate".to_owned(), json!(end));
        }
        if let Some(architecture) = &definition.architecture {
            properties.insert("architecture".to_owned(), json!(architecture));
        }
        if let Some(kind) = &definition.security_type {
            let features = json!([{"name": "SecurityType", "value": kind}]);
            properties.insert("features".to_owned(), features);
        }
        if let Some([name, publisher, product]) = &definition.purchase_plan {
            let plan = json!({"name": name, "publisher": publisher, "product": product});
            properties.insert("purchasePlan".to_owned(), plan);
        }
    }
    document
}

fn managed_image_document(image: &ManagedImage) -> Value {
    let mut disk = json!({"osType": image.os_type, "osState": "Generalized", "diskSizeGB": 30});
    if let Some(disk) = disk.as_object_mut() {
        if let Some(vhd) = &image.vhd {
            disk.insert("blobUri".to_owned(), json!(vhd));
        }
        disk.insert("caching".to_owned(), json!("None"));
        disk.insert("storageAccountType".to_owned(), json!("Standard_LRS"));
    }
    json!({
        "name": image.id.rsplit('/').next(),
        "id": image.id,
        "type": "Microsoft.Compute/images",
        "location": image.location,
        "tags": image.tags,
        "properties": {
            "storageProfile": {"osDisk": disk, "dataDisks": []},
            "provisioningState": "Succeeded",
            "hyperVGeneration": "V1",
        },
    })
}

pub(crate) fn version_key(asked: &Asked<'_>) -> String {
    ids::key(asked.raw.uri().path())
}

pub(crate) fn version_not_found(asked: &Asked<'_>) -> Refusal {
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
