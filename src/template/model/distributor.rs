//! What the result becomes: the targets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Other, Tags, text};
use crate::resource::{IMAGE_VERSION, ResourceId};

/// What the result becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Distributor {
    /// A managed image.
    ManagedImage(ManagedImageTarget),
    /// A version of a gallery's image.
    SharedImage(SharedImage),
    /// A VHD in a storage account.
    #[serde(rename = "VHD")]
    Vhd(Vhd),
    /// A kind that this program does not know.
    #[serde(untagged)]
    Unknown(Value),
}

impl Distributor {
    /// `SharedImage`, `ManagedImage`, `VHD` ...
    pub fn kind(&self) -> &str {
        match self {
            Self::ManagedImage(_) => "ManagedImage",
            Self::SharedImage(_) => "SharedImage",
            Self::Vhd(_) => "VHD",
            Self::Unknown(value) => text(value, "type"),
        }
    }

    /// Name of the run output, by which the result is found after the run.
    pub fn run_output_name(&self) -> &str {
        match self {
            Self::ManagedImage(it) => &it.run_output_name,
            Self::SharedImage(it) => &it.run_output_name,
            Self::Vhd(it) => &it.run_output_name,
            Self::Unknown(value) => text(value, "runOutputName"),
        }
    }

    /// The regions that it names, in its own words. From 2022-07-01 on they are objects; the older list has names alone.
    pub fn regions(&self) -> Vec<&str> {
        match self {
            Self::ManagedImage(it) if it.location.is_empty() => Vec::new(),
            Self::ManagedImage(it) => vec![&it.location],
            Self::SharedImage(it) => match &it.target_regions {
                Some(regions) => regions.iter().map(|region| region.name.as_str()).collect(),
                None => it
                    .replication_regions
                    .iter()
                    .flatten()
                    .map(String::as_str)
                    .collect(),
            },
            Self::Vhd(_) | Self::Unknown(_) => Vec::new(),
        }
    }

    /// The tags of the result.
    pub fn artifact_tags(&self) -> Option<&Tags> {
        match self {
            Self::ManagedImage(it) => it.artifact_tags.as_ref(),
            Self::SharedImage(it) => it.artifact_tags.as_ref(),
            Self::Vhd(_) | Self::Unknown(_) => None,
        }
    }

    /// The tags of the result, where its kind can have some.
    pub fn artifact_tags_mut(&mut self) -> Option<&mut Option<Tags>> {
        match self {
            Self::ManagedImage(it) => Some(&mut it.artifact_tags),
            Self::SharedImage(it) => Some(&mut it.artifact_tags),
            Self::Vhd(_) | Self::Unknown(_) => None,
        }
    }
}

/// A managed image as a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedImageTarget {
    /// Its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// Its region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Name of the run output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_output_name: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_tags: Option<Tags>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A version of a gallery's image as a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedImage {
    /// Id of the image definition, or of the version that is to be created.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gallery_image_id: String,
    /// Name of the run output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_output_name: String,
    /// Tags of the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_tags: Option<Tags>,
    /// Regions by name, as older templates have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_regions: Option<Vec<String>>,
    /// Where the version is replicated to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_regions: Option<Vec<TargetRegion>>,
    /// Whether callers that ask for `latest` get another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_from_latest: Option<bool>,
    /// Storage of all replicas, as older templates have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_account_type: Option<String>,
    /// How the service numbers the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<Versioning>,
    /// `Full` or `Shallow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_mode: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

impl SharedImage {
    /// The image definition, and the number that the version is to have, if the id says it.
    pub fn image(&self) -> Option<(ResourceId, Option<String>)> {
        let id: ResourceId = self.gallery_image_id.parse().ok()?;
        if id.is(IMAGE_VERSION) {
            return Some((id.parent()?, Some(id.name().to_owned())));
        }
        Some((id, None))
    }
}

/// A region that a version is replicated to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRegion {
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How many replicas; 1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_count: Option<u32>,
    /// `Standard_LRS`, `Standard_ZRS`, `Premium_LRS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_account_type: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// How the service numbers a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Versioning {
    /// `Latest` or `Source`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// The first part of the number, for `Latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<i64>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A VHD as a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vhd {
    /// Name of the run output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_output_name: String,
    /// Tags, which the definition has and the service does not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_tags: Option<Tags>,
    /// The blob; in the staging resource group where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

impl Vhd {
    /// Whether it lies in the template's staging resource group, and would go with the template.
    pub fn lies_with_template(&self) -> bool {
        self.uri.as_ref().is_none_or(|uri| uri.trim().is_empty())
    }
}
