//! Managed images: whether one is there, and which VHD it was made of.
//!
//! <https://learn.microsoft.com/rest/api/compute/images/get>

use serde_json::Value;

use super::api::IMAGES;
use super::failure::Failure;
use super::resource_manager::Arm;
use crate::resource::ResourceId;

/// A managed image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedImage {
    /// Whether it is complete.
    pub succeeded: bool,
    /// The address of the VHD that it was made of, `https://{account}.blob.core.windows.net/vhds/{guid}.vhd`; recorded of images by the image
    /// builder in 2020.
    pub disk: Option<String>,
}

impl Arm {
    /// Reads managed image `id`.
    pub async fn managed_image(&self, id: &ResourceId) -> Result<ManagedImage, Failure> {
        let doing = format!("Reading managed image '{}'", id.name());
        let image = self.get(&doing, id, IMAGES).await?;
        let text = |pointer: &str| image.pointer(pointer).and_then(Value::as_str);
        Ok(ManagedImage {
            succeeded: text("/properties/provisioningState") == Some("Succeeded"),
            disk: text("/properties/storageProfile/osDisk/blobUri").map(str::to_owned),
        })
    }
}
