//! What VMs of a size can start from, as the list of sizes has it (<https://learn.microsoft.com/rest/api/compute/resource-skus/list>).

use serde_json::Value;

use super::image_traits::ImageTraits;
use super::lookup::text;
use crate::arm::api::SIZES;
use crate::arm::{Arm, Failure};

/// What images VMs of a size can start from.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SizeTraits {
    /// The generations, `V1,V2`; nothing where Azure does not say it.
    pub generations: Option<String>,
    /// `x64` or `Arm64`; nothing where Azure does not say it.
    pub architecture: Option<String>,
}

/// The path of the sizes that a subscription has in a region.
pub(super) fn sizes_path(subscription: &str, region: &str) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Compute/skus?$filter=location%20eq%20'{region}'"
    )
}

/// The value of a capability of a size.
pub(super) fn capability<'a>(sku: &'a Value, name: &str) -> Option<&'a str> {
    let all = sku.get("capabilities")?.as_array()?;
    let named = |one: &&Value| text(one, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name));
    text(all.iter().find(named)?, "/value")
}

impl SizeTraits {
    /// Of an entry of the list.
    pub(super) fn of(sku: &Value) -> Self {
        let own = |name: &str| capability(sku, name).map(str::to_owned);
        Self {
            generations: own("HyperVGenerations"),
            architecture: own("CpuArchitectureType"),
        }
    }

    /// What keeps VMs of the size from starting from an image: what it is called, what the size takes, what the image is.
    pub fn against(&self, image: &ImageTraits) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        if let (Some(own), Some(generation)) = (&self.generations, &image.generation)
            && !own
                .split(',')
                .any(|one| one.trim().eq_ignore_ascii_case(generation))
        {
            found.push(("generation", own.clone(), generation.clone()));
        }
        if let (Some(own), Some(architecture)) = (&self.architecture, &image.architecture)
            && !own.eq_ignore_ascii_case(architecture)
        {
            found.push(("architecture", own.clone(), architecture.clone()));
        }
        found
    }
    /// What VMs of `size` can start from; nothing where the list of the region does not have the size.
    pub async fn read(
        arm: &Arm,
        subscription: &str,
        region: &str,
        size: &str,
    ) -> Result<Option<Self>, Failure> {
        let doing = format!("Listing the VM sizes of region {region}");
        let path = sizes_path(subscription, region);
        let all = arm.pages(&doing, path, SIZES).await?;
        let is_it = |sku: &&Value| {
            text(sku, "/resourceType") == Some("virtualMachines")
                && text(sku, "/name").is_some_and(|name| name.eq_ignore_ascii_case(size))
        };
        Ok(all.iter().find(is_it).map(Self::of))
    }
}
