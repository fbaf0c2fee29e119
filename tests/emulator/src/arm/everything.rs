//! All resources in one list, for those who look for some by type, tag or query: the generic list of Azure Resource Manager, and Resource Graph.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::arm::echo::SystemData;
use crate::arm::galleries::gallery_document;
use crate::arm::{Arm, echo, version};
use crate::ids;

/// A resource, and since and until when it exists; none means from the beginning, or still.
pub(crate) struct Existing {
    pub(crate) document: Value,
    pub(crate) since: Option<OffsetDateTime>,
    pub(crate) until: Option<OffsetDateTime>,
}

impl Existing {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.document
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn group(&self) -> &str {
        ids::segment_after(self.text("id"), "resourceGroups").unwrap_or_default()
    }

    pub(crate) fn subscription(&self) -> &str {
        ids::segment_after(self.text("id"), "subscriptions").unwrap_or_default()
    }

    /// The value of a tag; names of tags have no letter case.
    pub(crate) fn tag(&self, name: &str) -> Option<&str> {
        let tags = self.document.get("tags")?.as_object()?;
        let mut tags = tags.iter();
        let (_, value) = tags.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        value.as_str()
    }
}

impl Arm {
    /// Every resource that a list of resources shows, and what was taken out of the scene.
    pub(crate) fn everything(&self) -> Vec<Existing> {
        let existing = |document: Value, since: Option<OffsetDateTime>| Existing {
            document,
            since,
            until: None,
        };
        let templates = self.templates.values().map(|template| {
            let document = echo::document(template, &self.world, "2025-10-01", SystemData::Hidden);
            existing(document, Some(template.created))
        });
        let newest = "2026-03-03";
        let versions = self.versions.values().map(|known| {
            let document = version::document(known, newest, &self.switches.versions, None);
            existing(document, known.published)
        });
        let images = self.images.values().map(|image| {
            let name = image.id.rsplit('/').next();
            let document = json!({
                "id": image.id, "name": name, "type": "Microsoft.Compute/images",
                "location": image.location, "tags": image.tags,
                "properties": {"provisioningState": "Succeeded"},
            });
            existing(document, None)
        });
        let placed = self.resources.values().map(|placed| Existing {
            document: placed.document(),
            since: placed.since,
            until: placed.until,
        });
        templates
            .chain(versions)
            .chain(images)
            .chain(placed)
            .chain(
                self.pools_for_lists()
                    .into_iter()
                    .map(|document| existing(document, None)),
            )
            .chain(self.of_scene().map(|document| existing(document, None)))
            .collect()
    }

    /// What neither comes nor goes: galleries, definitions, accounts, identities.
    fn of_scene(&self) -> impl Iterator<Item = Value> {
        let galleries = self
            .world
            .all_galleries()
            .flat_map(|(subscription, gallery)| {
                let document = gallery_document(subscription, gallery, "Succeeded");
                let id = crate::world::gallery_id(subscription, gallery);
                let definitions = gallery.definitions.iter().map(move |definition| {
                    json!({
                        "id": format!("{id}/images/{}", definition.name),
                        "name": format!("{}/{}", gallery.name, definition.name),
                        "type": "Microsoft.Compute/galleries/images",
                        "location": gallery.location,
                        "tags": {},
                    })
                });
                std::iter::once(document).chain(definitions)
            });
        let accounts = self.accounts().into_iter().map(|account| {
            let kind = "Microsoft.Storage/storageAccounts";
            let group = self.world.group_id(&account.resource_group);
            json!({
                "id": format!("{group}/providers/{kind}/{}", account.name),
                "name": account.name, "type": kind, "location": account.location, "tags": {},
            })
        });
        let identities = self.world.identities.iter().map(|identity| {
            json!({
                "id": self.world.identity_id(identity),
                "name": identity.name,
                "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
                "location": identity.location,
                "tags": {},
            })
        });
        accounts.chain(identities).chain(galleries)
    }
}
