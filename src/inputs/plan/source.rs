//! What an image starts from, in types.

use serde_json::Value;

use crate::resource::ResourceId;

/// What an image starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An image of the Azure Marketplace.
    Marketplace {
        /// Publisher, `Canonical`.
        publisher: String,
        /// Offer, `ubuntu-24_04-lts`.
        offer: String,
        /// SKU, `server`.
        sku: String,
        /// A version number, or `latest`.
        version: String,
        /// The plan under which the image is sold, if it is.
        plan: Option<PurchasePlan>,
    },
    /// A managed image.
    ManagedImage(ResourceId),
    /// A version of an image in an Azure Compute Gallery; its name is a number or `latest`.
    GalleryVersion(ResourceId),
    /// A version of an image in a gallery that somebody shares directly, `/sharedGalleries/…`: it is no resource of a group.
    SharedDirectly(String),
    /// What the template file says, where it is no marketplace image.
    InFile(Value),
}

/// The plan under which a marketplace image is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchasePlan {
    /// Name of the plan.
    pub name: String,
    /// Its product.
    pub product: String,
    /// Its publisher.
    pub publisher: String,
}
