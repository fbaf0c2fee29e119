//! The source of the image.

use std::sync::Arc;

use serde_json::Value;

use super::azure::{Azure, Look, names, text};
use super::marketplace::Urn;
use super::place::plain;
use super::subject::Source;
use super::table::SOURCE;
use super::{Seen, Verdict};
use crate::resource::ResourceId;

/// <https://learn.microsoft.com/rest/api/compute/images/get>
const API_VERSION: &str = "2024-07-01";
/// The versions of a gallery.
const GALLERY_API_VERSION: &str = "2024-03-03";

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    match &azure.subject.source {
        Source::Marketplace { .. } => match Urn::of(azure) {
            Some(urn) => urn.check(azure).await,
            None => vec![Seen::unknown(
                "the source",
                "its name has characters that no marketplace image has",
            )],
        },
        Source::ManagedImage(id) => vec![managed(azure, id).await],
        Source::GalleryVersion(id) => vec![gallery(azure, id).await],
        Source::Other => vec![Seen::unknown(
            "the source",
            "it is of a kind that the task does not know",
        )],
    }
}

/// A managed image.
pub(super) async fn managed_image(azure: &Azure<'_>, id: &ResourceId) -> Arc<Look> {
    let group = format!(
        "/subscriptions/{}/resourceGroups/{}",
        id.subscription(),
        id.resource_group()
    );
    let list = format!("{group}/providers/Microsoft.Compute/images?api-version={API_VERSION}");
    azure
        .resource(&format!("{id}?api-version={API_VERSION}"), &list, id.name())
        .await
}

async fn managed(azure: &Azure<'_>, id: &ResourceId) -> Seen {
    let name = format!("managed image '{}'", id.name());
    match &*managed_image(azure, id).await {
        Look::There(image) => {
            let region = text(image, "/location").map(plain);
            match region.filter(|region| *region != azure.subject.location) {
                Some(other) => Seen::new(
                    Verdict::Problem(SOURCE),
                    format!("{name} is in {other}, and a source has to be in the region of the template, {}", azure.subject.location),
                )
                .fix(format!("write '{}: {other}'", crate::inputs::declared::IB_LOCATION.name)),
                None => Seen::fine(format!("{name} is there")),
            }
        }
        Look::Missing | Look::NoGroup => Seen::new(
            Verdict::Certain(SOURCE),
            format!(
                "{name} does not exist in resource group '{}'",
                id.resource_group()
            ),
        )
        .fix(format!(
            "az image list --subscription {} --resource-group {} --output table",
            id.subscription(),
            id.resource_group()
        )),
        Look::Unknown(reason) => Seen::unknown(name, reason),
    }
}

async fn gallery(azure: &Azure<'_>, id: &ResourceId) -> Seen {
    let name = format!("image version {}", id.name());
    let Some(definition) = id.parent() else {
        return Seen::unknown(name, "it is the version of nothing");
    };
    let name = format!("{name} of '{}'", definition.name());
    let versions = format!("{definition}/versions?api-version={GALLERY_API_VERSION}");
    let list = format!(
        "az sig image-version list --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --output table",
        id.subscription(),
        id.resource_group(),
        id.name_at(0).unwrap_or_default(),
        definition.name()
    );
    if id.name().eq_ignore_ascii_case("latest") {
        return match &*azure.look(versions).await {
            Look::There(all) => match names(all) {
                Some(all) if all.is_empty() => Seen::new(
                    Verdict::Problem(SOURCE),
                    format!(
                        "'{}' has no versions, and 'latest' stands for one of them",
                        definition.name()
                    ),
                )
                .fix(list),
                Some(all) => Seen::fine(format!("{name}: there are {} versions", all.len())),
                None => Seen::fine(format!("{name}: there are versions")),
            },
            Look::Missing | Look::NoGroup => {
                Seen::unknown(name, "Azure does not find the image definition")
            }
            Look::Unknown(reason) => Seen::unknown(name, reason),
        };
    }
    let path = format!("{id}?api-version={GALLERY_API_VERSION}");
    match &*azure.resource(&path, &versions, id.name()).await {
        Look::There(version) => replica(azure, &name, version),
        Look::Missing | Look::NoGroup => {
            Seen::new(Verdict::Certain(SOURCE), format!("{name} does not exist")).fix(list)
        }
        Look::Unknown(reason) => Seen::unknown(name, reason),
    }
}

/// The version needs a replica where the build VM is
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#sharedimageversion-source>).
fn replica(azure: &Azure<'_>, name: &str, version: &Value) -> Seen {
    let regions = version.pointer("/properties/publishingProfile/targetRegions");
    let regions = regions.and_then(Value::as_array).into_iter().flatten();
    let regions: Vec<String> = regions
        .filter_map(|region| text(region, "/name").map(plain))
        .collect();
    let here = &azure.subject.location;
    if regions.is_empty() || regions.contains(here) {
        return Seen::fine(format!("{name} is there"));
    }
    Seen::new(
        Verdict::Problem(SOURCE),
        format!("{name} has no replica in {here}, where the build VM starts from it"),
    )
    .fix(format!(
        "replicate it there, or write '{}: {}'",
        crate::inputs::declared::IB_LOCATION.name,
        regions.first().map_or("", String::as_str)
    ))
}
