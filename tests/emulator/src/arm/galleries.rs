//! Galleries that a client makes, changes or deletes, and the deletion of image definitions.

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::End;
use crate::arm::template::text;
use crate::arm::{Arm, Asked};
use crate::estate::SoftDelete;
use crate::ids;
use crate::switches::{NestedResources, PatchedTags};
use crate::world::{Gallery, gallery_id};

impl Arm {
    /// Makes a gallery, or changes the tags and the soft delete of one. All is done at once; only the operation lasts a moment.
    pub(crate) fn put_gallery(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let body = asked.json()?.as_object().cloned().unwrap_or_default();
        let is_patch = *asked.raw.method() == http::Method::PATCH;
        let known = self.gallery(asked).cloned();
        let (mut gallery, status) = match known {
            Ok(known) => (known, 200),
            Err(refusal) if is_patch => return Err(refusal),
            Err(_) => (new_gallery(asked, &body)?, 201),
        };
        change(
            &mut gallery,
            &body,
            is_patch && self.switches.patched_tags == PatchedTags::Merged,
        );
        let state = if status == 200 {
            "Updating"
        } else {
            "Creating"
        };
        let subscription = asked.path.get("subscription");
        let document = gallery_document(subscription, &gallery, state);
        let location = gallery.location.clone();
        if let Some(all) = self.world.galleries_of_mut(subscription) {
            all.retain(|known| !same_gallery(known, &gallery));
            all.push(gallery);
        }
        let lag = self.lag(|durations| durations.changing_gallery);
        let end = Some(End::Succeeded);
        let (_, headers) = self.start_compute_operation(asked, &location, lag, end, false);
        Ok(Answer::new(status, Body::Compute(document)).with_all(headers))
    }

    pub(crate) fn delete_gallery(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let Ok(gallery) = self.gallery(asked).cloned() else {
            return Ok(Answer::new(204, Body::None));
        };
        let subscription = asked.path.get("subscription");
        let id = gallery_id(subscription, &gallery);
        let nested = gallery.definitions.iter();
        let nested = nested.map(|definition| format!("{id}/images/{}", definition.name));
        self.check_empty(&nested.collect::<Vec<_>>())?;
        if let Some(all) = self.world.galleries_of_mut(subscription) {
            all.retain(|known| !same_gallery(known, &gallery));
        }
        Ok(self.deleted(asked, &gallery))
    }

    pub(crate) fn delete_definition(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let Ok((gallery, definition)) = self.definition(asked) else {
            return Ok(Answer::new(204, Body::None));
        };
        let (gallery, name) = (gallery.clone(), definition.name.clone());
        let subscription = asked.path.get("subscription");
        let id = format!("{}/images/{name}", gallery_id(subscription, &gallery));
        let prefix = format!("{}/versions/", ids::key(&id));
        let soft = self.soft_deleted.iter();
        let soft = soft.map(|(key, deleted)| (key, &deleted.version));
        let nested = self.versions.iter().chain(soft);
        let nested = nested.filter(|(key, _)| key.starts_with(&prefix));
        let nested: Vec<String> = nested.map(|(_, version)| version.id.clone()).collect();
        self.check_empty(&nested)?;
        if let Some(all) = self.world.galleries_of_mut(subscription)
            && let Some(known) = all.iter_mut().find(|known| same_gallery(known, &gallery))
        {
            known.definitions.retain(|known| known.name != name);
        }
        Ok(self.deleted(asked, &gallery))
    }

    fn deleted(&mut self, asked: &Asked<'_>, gallery: &Gallery) -> Answer {
        let lag = self.lag(|durations| durations.changing_gallery);
        let end = Some(End::Succeeded);
        let (_, headers) = self.start_compute_operation(asked, &gallery.location, lag, end, true);
        Answer::new(202, Body::Empty).with_all(headers)
    }

    /// Refuses to delete what has something in it.
    fn check_empty(&self, nested: &[String]) -> Result<(), Refusal> {
        if nested.is_empty() {
            return Ok(());
        }
        let message = match self.switches.versions.nested_resources {
            NestedResources::Unnamed => {
                "Can not delete resource before nested resources are deleted.".to_owned()
            }
            NestedResources::Named => format!(
                "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '{}'. Please delete all \
                 nested resources before deleting this resource.",
                nested.join("','")
            ),
        };
        Err(Refusal::by_compute(409, "CannotDeleteResource", message))
    }
}

fn same_gallery(one: &Gallery, other: &Gallery) -> bool {
    one.name.eq_ignore_ascii_case(&other.name)
        && one
            .resource_group
            .eq_ignore_ascii_case(&other.resource_group)
}

fn new_gallery(asked: &Asked<'_>, body: &Map<String, Value>) -> Result<Gallery, Refusal> {
    let location = text(body, "location");
    if location.is_empty() {
        return Err(crate::arm::version::missing("location"));
    }
    Ok(Gallery {
        name: asked.path.get("gallery").to_owned(),
        resource_group: asked.path.get("group").to_owned(),
        location: crate::arm::regions::plain(location),
        ..Gallery::default()
    })
}

fn change(gallery: &mut Gallery, body: &Map<String, Value>, merges_tags: bool) {
    if let Some(tags) = body.get("tags").and_then(Value::as_object) {
        if !merges_tags {
            gallery.tags.clear();
        }
        let sent = tags.iter();
        gallery.tags.extend(sent.map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            (name.clone(), value.to_owned())
        }));
    }
    let policy = body
        .get("properties")
        .and_then(|properties| properties.get("softDeletePolicy"));
    let Some(policy) = policy else { return };
    let days = |name: &str| policy.get(name).and_then(Value::as_i64);
    let usual = SoftDelete::default();
    let is_on = policy.get("isSoftDeleteEnabled") == Some(&json!(true));
    gallery.soft_delete = is_on.then(|| SoftDelete {
        retention_days: days("retentionPeriodInDays").unwrap_or(usual.retention_days),
        grace_days: days("gracePeriodInDays").unwrap_or(usual.grace_days),
    });
}

pub(crate) fn gallery_document(subscription: &str, gallery: &Gallery, state: &str) -> Value {
    let unique = format!("{subscription}-{}", gallery.name.to_uppercase());
    let mut document = json!({
        "name": gallery.name,
        "id": gallery_id(subscription, gallery),
        "type": "Microsoft.Compute/galleries",
        "location": gallery.location,
        "tags": gallery.tags,
        "properties": {"identifier": {"uniqueName": unique}, "provisioningState": state},
    });
    if let (Some(policy), Some(Value::Object(properties))) =
        (gallery.soft_delete, document.get_mut("properties"))
    {
        let mut shown =
            json!({"isSoftDeleteEnabled": true, "retentionPeriodInDays": policy.retention_days});
        if let (true, Some(shown)) = (policy.grace_days > 0, shown.as_object_mut()) {
            shown.insert("gracePeriodInDays".to_owned(), json!(policy.grace_days));
        }
        properties.insert("softDeletePolicy".to_owned(), shown);
    }
    document
}
