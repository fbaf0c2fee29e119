//! The resources that several checks look up. One is missing only where the list that it belongs to says so, too.

use std::sync::Arc;

use super::lookup::{Azure, Lookup};
use crate::arm::api::{GALLERIES, IDENTITIES, IMAGES};
use crate::resource::ResourceId;

/// An image definition. Missing is one that its gallery does not list, or whose gallery its group does not list.
pub(super) async fn definition(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let Some(gallery) = id.parent() else {
        return azure.look_up(id, GALLERIES).await;
    };
    let list = definitions_of(&gallery);
    let look = azure.resource(id, &list, id.name(), GALLERIES).await;
    if !matches!(*azure.look_up(list, GALLERIES).await, Lookup::Missing) {
        return look;
    }
    match &*azure
        .resource(&gallery, galleries_of(id), gallery.name(), GALLERIES)
        .await
    {
        Lookup::Missing => Arc::new(Lookup::Missing),
        _ => look,
    }
}

/// The path of the image definitions of a gallery.
pub(super) fn definitions_of(gallery: &ResourceId) -> String {
    format!("{gallery}/images")
}

/// The path of the galleries in the group of a resource.
pub(super) fn galleries_of(id: &ResourceId) -> String {
    format!("{}/providers/Microsoft.Compute/galleries", id.group())
}

/// The path of the identities in the group of one.
pub(super) fn identities_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        id.group()
    )
}

/// A user-assigned identity.
pub(super) async fn identity(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let list = identities_of(id);
    azure.resource(id, list, id.name(), IDENTITIES).await
}

/// The path of the managed images in the group of one.
pub(super) fn images_of(id: &ResourceId) -> String {
    format!("{}/providers/Microsoft.Compute/images", id.group())
}

/// A managed image.
pub(super) async fn managed_image(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    azure.resource(id, images_of(id), id.name(), IMAGES).await
}
