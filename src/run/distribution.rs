//! The targets of a template, and what a run left for each.

use crate::resource::{ResourceId, definition_options, quoted};
use crate::template::model::{Distributor, Properties};

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
            "az sig image-version list {} --query \"[].{{version: name, published: publishingProfile.publishedDate}}\" --output table",
            definition_options(id)
        ))
    }

    /// Whether it is an image definition in a gallery.
    pub fn is_gallery(&self) -> bool {
        self.kind == "SharedImage"
    }

    /// What people call it: `SharedImage win11-avd`.
    pub fn display_name(&self) -> String {
        match &self.id {
            Some(id) => format!("{} {}", self.kind, id.name()),
            None => self.kind.clone(),
        }
    }

    fn of(target: &Distributor) -> Self {
        let (id, version) = match target {
            Distributor::SharedImage(it) => it.image().unzip(),
            Distributor::ManagedImage(it) => (it.image_id.parse().ok(), None),
            Distributor::Vhd(_) | Distributor::Unknown(_) => (None, None),
        };
        let regions = target.regions().into_iter();
        Self {
            run_output: target.run_output_name().to_owned(),
            kind: target.kind().to_owned(),
            id,
            version: version.flatten(),
            regions: regions.map(str::to_owned).collect(),
        }
    }
}

/// The targets of a template in their order.
pub(super) fn distributions_of(properties: &Properties) -> Vec<Distribution> {
    properties.targets().iter().map(Distribution::of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_read_from_the_template() {
        let compute = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";
        let definition = format!("{compute}/galleries/gal/images/web");
        let properties = json!({"distribute": [
            {"type": "SharedImage", "runOutputName": "a", "galleryImageId": format!("{definition}/versions/1.2.3"),
             "targetRegions": [{"name": "westeurope", "replicaCount": 2}, {"name": "northeurope"}]},
            {"type": "SharedImage", "runOutputName": "b", "galleryImageId": definition, "replicationRegions": ["westus"]},
            {"type": "ManagedImage", "runOutputName": "c", "imageId": format!("{compute}/images/web"), "location": "eastus"},
            {"type": "VHD", "runOutputName": "d"},
        ]});
        let properties = serde_json::from_value(properties).unwrap();
        let seen: Vec<_> = distributions_of(&properties)
            .iter()
            .map(|it| {
                (
                    it.run_output.clone(),
                    it.display_name(),
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
        assert!(distributions_of(&Properties::default()).is_empty());
    }
}
