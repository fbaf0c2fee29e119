//! The targets of a template, and what a run left for each.

use serde_json::Value;

use crate::inputs::declared::{GALLERY_IMAGE_ID, REPLICATION_REGIONS, TARGET_REGIONS};
use crate::resource::{ResourceId, quoted};

/// A target as it stands in the template, whether inputs or the template file said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Name of its run output.
    pub run_output: String,
    /// `SharedImage`, `ManagedImage` or `VHD`.
    pub kind: String,
    /// The image definition of a gallery, or the managed image.
    pub id: Option<ResourceId>,
    /// The number that the image version is to have, if the template says it.
    pub version: Option<String>,
    /// Where the image is to be, by the names that the template uses.
    pub regions: Vec<String>,
}

/// A target after the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The target.
    pub target: Distribution,
    /// The id of the image or image version, or the address of the VHD; nothing if no image got there.
    pub uri: Option<String>,
}

impl Output {
    /// Whether it is a VHD that is there.
    pub(super) fn is_vhd(&self) -> bool {
        self.target.kind == "VHD" && self.uri.is_some()
    }
}

impl Distribution {
    /// The command that lists what there is at the target, where a command can.
    pub fn listing(&self) -> Option<String> {
        let id = self.id.as_ref()?;
        if !self.is_gallery() {
            return Some(format!("az image show --ids {}", quoted(id.as_str())));
        }
        Some(format!(
            "az sig image-version list --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --query \"[].{{version: name, published: publishingProfile.publishedDate}}\" --output table",
            id.subscription(),
            quoted(id.resource_group()),
            id.name_at(0)?,
            id.name_at(1)?
        ))
    }

    /// Whether it is an image definition in a gallery.
    pub fn is_gallery(&self) -> bool {
        self.kind == "SharedImage"
    }

    /// What people call it: `SharedImage win11-avd`.
    pub fn called(&self) -> String {
        match &self.id {
            Some(id) => format!("{} {}", self.kind, id.name()),
            None => self.kind.clone(),
        }
    }

    fn of(target: &Value) -> Self {
        let text = |member: &str| target.get(member).and_then(Value::as_str);
        // Azure calls its members as the original task its inputs.
        let id = text(GALLERY_IMAGE_ID.name).or(text("imageId"));
        let id = id.and_then(|id| id.parse::<ResourceId>().ok());
        let is_version = |id: &ResourceId| id.is("Microsoft.Compute/galleries/images/versions");
        let (id, version) = match id {
            Some(id) if is_version(&id) => (id.parent(), Some(id.name().to_owned())),
            other => (other, None),
        };
        Self {
            run_output: text("runOutputName").unwrap_or_default().to_owned(),
            kind: text("type").unwrap_or_default().to_owned(),
            id,
            version,
            regions: regions(target),
        }
    }
}

/// From 2022-07-01 on regions are objects; the older list has names alone.
fn regions(target: &Value) -> Vec<String> {
    let list = |member: &str| target.get(member).and_then(Value::as_array);
    let regions = list(TARGET_REGIONS.name).or(list(REPLICATION_REGIONS.name));
    let names = regions
        .into_iter()
        .flatten()
        .filter_map(|region| region.get("name").unwrap_or(region).as_str())
        .chain(target.get("location").and_then(Value::as_str));
    names.map(str::to_owned).collect()
}

/// The targets of a template in their order.
pub(super) fn distributions_of(template: &Value) -> Vec<Distribution> {
    let list = template.pointer("/properties/distribute");
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.map(Distribution::of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_read_from_the_template() {
        let compute = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";
        let definition = format!("{compute}/galleries/gal/images/web");
        let template = json!({"properties": {"distribute": [
            {"type": "SharedImage", "runOutputName": "a", GALLERY_IMAGE_ID.name: format!("{definition}/versions/1.2.3"),
             TARGET_REGIONS.name: [{"name": "westeurope", "replicaCount": 2}, {"name": "northeurope"}]},
            {"type": "SharedImage", "runOutputName": "b", GALLERY_IMAGE_ID.name: definition, REPLICATION_REGIONS.name: ["westus"]},
            {"type": "ManagedImage", "runOutputName": "c", "imageId": format!("{compute}/images/web"), "location": "eastus"},
            {"type": "VHD", "runOutputName": "d"},
        ]}});
        let seen: Vec<_> = distributions_of(&template)
            .iter()
            .map(|it| {
                (
                    it.run_output.clone(),
                    it.called(),
                    it.version.clone().unwrap_or_default(),
                    it.regions.join(" "),
                )
            })
            .collect();
        let expected = [
            ("a", "SharedImage web", "1.2.3", "westeurope northeurope"),
            ("b", "SharedImage web", "", "westus"),
            ("c", "ManagedImage web", "", "eastus"),
            ("d", "VHD", "", ""),
        ];
        let expected = expected.map(|(a, b, c, d)| {
            let [a, b, c, d] = [a, b, c, d].map(str::to_owned);
            (a, b, c, d)
        });
        assert_eq!(seen, expected);
        assert!(distributions_of(&json!({})).is_empty());
    }
}
