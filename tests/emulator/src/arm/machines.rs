//! What uses images and is only shown: VMs, scale sets and their instances, host pools and the configurations of their session hosts.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::estate::SceneResource;
use crate::ids;

/// A resource of the scene, and since and until when it exists.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    resource: SceneResource,
    pub(crate) since: Option<OffsetDateTime>,
    pub(crate) until: Option<OffsetDateTime>,
}

impl Placed {
    pub(crate) fn set_tags(&mut self, tags: Value) {
        if let Some(body) = self.resource.body.as_object_mut() {
            body.insert("tags".to_owned(), tags);
        }
    }

    /// Sets a property, or takes it away.
    pub(crate) fn set_property(&mut self, name: &str, value: Value) {
        if let Some(properties) = self.resource.body.get_mut("properties") {
            crate::json::set(properties, name, value);
        }
    }

    pub(crate) fn property_mut(&mut self, pointer: &str) -> Option<&mut Value> {
        self.resource.body.pointer_mut(pointer)
    }

    /// The resource as a GET answers it.
    pub(crate) fn document(&self) -> Value {
        let (kind, name) = ids::kind_and_name(&self.resource.id);
        let mut document = Map::new();
        document.insert("name".to_owned(), json!(name.rsplit('/').next()));
        document.insert("id".to_owned(), json!(self.resource.id));
        document.insert("type".to_owned(), json!(kind));
        document.extend(self.resource.body.as_object().cloned().unwrap_or_default());
        Value::Object(document)
    }
}

impl Arm {
    pub(crate) fn place_resources_of_world(&mut self) {
        for resource in self.world.resources.clone() {
            self.place(resource, None);
        }
    }

    /// Puts a resource into the cloud, as of a time or from the beginning.
    pub(crate) fn place(&mut self, resource: SceneResource, since: Option<OffsetDateTime>) {
        let placed = Placed {
            since,
            until: None,
            resource,
        };
        let key = ids::key(&placed.resource.id);
        self.resources.insert(key, placed);
    }

    /// Takes a resource out of the cloud.
    pub(crate) fn displace(&mut self, id: &str, now: OffsetDateTime) {
        if let Some(placed) = self.resources.get_mut(&ids::key(id)) {
            placed.until = Some(now);
        }
    }

    /// A resource that is there now.
    pub(crate) fn placed(&self, key: &str) -> Option<&Placed> {
        self.resources
            .get(key)
            .filter(|placed| placed.until.is_none())
    }

    /// A resource by its id.
    pub(crate) fn get_placed(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let path = asked.raw.uri().path();
        let found = self.placed(&ids::key(path));
        let document = found.map(Placed::document).ok_or_else(|| {
            let (kind, name) = ids::kind_and_name(path);
            if kind
                .to_ascii_lowercase()
                .starts_with("microsoft.desktopvirtualization")
            {
                let what = kind.rsplit('/').next().unwrap_or_default();
                let message = format!(
                    "ActivityId: 5d0c8f1e-7a3b-4296-8e5d-b0c9f2a17d64 Error: {what} does not exist"
                );
                return Refusal::new(404, "404", message);
            }
            Refusal::not_found(&kind, &name, asked.path.get("group"))
        })?;
        let is_compute = path.to_ascii_lowercase().contains("/microsoft.compute/");
        Ok(Answer::new(
            200,
            if is_compute {
                Body::Compute(document)
            } else {
                Body::Compact(document)
            },
        ))
    }

    /// The resources of a type: below a resource, in a group or in a subscription, in pages.
    pub(crate) fn list_placed(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let path = ids::key(asked.raw.uri().path());
        let is_below = |key: &str| {
            let (stem, _) = key.rsplit_once('/').unwrap_or_default();
            if asked.path.get("group").is_empty() {
                let (subscription, kind) = path.split_once("/providers/").unwrap_or_default();
                return key.starts_with(&format!("{subscription}/"))
                    && stem.ends_with(&format!("/providers/{kind}"));
            }
            stem == path
        };
        let all: Vec<Value> = self
            .resources
            .iter()
            .filter(|(key, placed)| placed.until.is_none() && is_below(key))
            .map(|(_, placed)| placed.document())
            .collect();
        let page = self.page(asked, all, self.switches.compute_page_size, "$skiptoken")?;
        Ok(Answer::new(200, Body::Compact(page)))
    }
}
