//! The resources that several checks look up. One is missing only where the list that it belongs to says so, too.

use std::sync::Arc;

use super::lookup::{Azure, Lookup};
use crate::resource::ResourceId;

/// The newest version that does not validate images on its own.
pub(super) const GALLERY_API_VERSION: &str = "2024-03-03";
/// <https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>
const IDENTITY_API_VERSION: &str = "2023-01-31";
/// <https://learn.microsoft.com/rest/api/compute/images/get>
const IMAGE_API_VERSION: &str = "2024-07-01";

/// An image definition. Missing is one that its gallery does not list, or whose gallery its group does not list.
pub(super) async fn definition(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let path = format!("{id}?api-version={GALLERY_API_VERSION}");
    let Some(gallery) = id.parent() else {
        return azure.look_up(path).await;
    };
    let list = definitions_of(&gallery);
    let look = azure.resource(&path, &list, id.name()).await;
    if !matches!(*azure.look_up(list).await, Lookup::Missing) {
        return look;
    }
    let gallery_path = format!("{gallery}?api-version={GALLERY_API_VERSION}");
    match &*azure
        .resource(&gallery_path, &galleries_of(id), gallery.name())
        .await
    {
        Lookup::Missing => Arc::new(Lookup::Missing),
        _ => look,
    }
}

/// The path of the image definitions of a gallery.
pub(super) fn definitions_of(gallery: &ResourceId) -> String {
    format!("{gallery}/images?api-version={GALLERY_API_VERSION}")
}

/// The path of the galleries in the group of a resource.
pub(super) fn galleries_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.Compute/galleries?api-version={GALLERY_API_VERSION}",
        id.group()
    )
}

/// The path of the identities in the group of one.
pub(super) fn identities_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version={IDENTITY_API_VERSION}",
        id.group()
    )
}

/// A user-assigned identity.
pub(super) async fn identity(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let path = format!("{id}?api-version={IDENTITY_API_VERSION}");
    azure.resource(&path, &identities_of(id), id.name()).await
}

/// The path of the managed images in the group of one.
pub(super) fn images_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.Compute/images?api-version={IMAGE_API_VERSION}",
        id.group()
    )
}

/// A managed image.
pub(super) async fn managed_image(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let path = format!("{id}?api-version={IMAGE_API_VERSION}");
    azure.resource(&path, &images_of(id), id.name()).await
}
