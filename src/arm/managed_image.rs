//! Managed images: whether one is there, and which VHD it was made of.
//!
//! <https://learn.microsoft.com/rest/api/compute/images/get>

use http::Method;
use serde_json::Value;

use super::client::Call;
use super::failure::Failure;
use super::image_template::Arm;
use crate::resource::ResourceId;

const API_VERSION: &str = "2024-07-01";

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
        let url = format!("{}{id}?api-version={API_VERSION}", self.base());
        let doing = format!("Reading managed image '{}'", id.name());
        let call = Call::new(doing, Method::GET, url, &self.scope);
        let (_, image) = self.client.send_for_json(&call).await?;
        let text = |pointer: &str| image.pointer(pointer).and_then(Value::as_str);
        Ok(ManagedImage {
            succeeded: text("/properties/provisioningState") == Some("Succeeded"),
            disk: text("/properties/storageProfile/osDisk/blobUri").map(str::to_owned),
        })
    }
}
