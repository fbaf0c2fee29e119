//! What the image starts from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Other;

/// The version that stands for the newest one.
pub const LATEST: &str = "latest";

/// What the image starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Source {
    /// A marketplace image.
    PlatformImage(PlatformImage),
    /// A managed image.
    ManagedImage(ManagedImageSource),
    /// A version of a gallery's image.
    SharedImageVersion(SharedImageVersionSource),
    /// A kind that this program does not know.
    #[serde(untagged)]
    Unknown(Value),
}

/// A marketplace image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformImage {
    /// `MicrosoftWindowsDesktop`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub publisher: String,
    /// `windows-11`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub offer: String,
    /// `win11-25h2-avd`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sku: String,
    /// A number, or `latest`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The purchase plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_info: Option<Box<PlanInfo>>,
    /// `exactVersion` of an answer, and what is newer.
    #[serde(flatten)]
    pub other: Other,
}

impl PlatformImage {
    /// The version that is asked for; the service takes the newest one where nothing is said.
    pub fn version_or_latest(&self) -> &str {
        if self.version.is_empty() {
            LATEST
        } else {
            &self.version
        }
    }
}

/// The purchase plan of a marketplace image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanInfo {
    /// Usually the SKU.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_name: String,
    /// Usually the offer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_product: String,
    /// Usually the publisher.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_publisher: String,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A managed image as a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedImageSource {
    /// Its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A version of a gallery's image as a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedImageVersionSource {
    /// Its id; the last part may be `latest`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_version_id: String,
    /// `exactVersion` of an answer, and what is newer.
    #[serde(flatten)]
    pub other: Other,
}
