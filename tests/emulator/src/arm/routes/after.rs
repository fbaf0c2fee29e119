//! The calls that come after a build: galleries and versions that change, and what uses an image.

use http::Method;

use super::versions::{COMPUTE, GALLERY, RESOURCES};
use super::{Call, Route, route};

/// The previews of Microsoft.DesktopVirtualization that have configurations of session hosts.
const DESKTOP_PREVIEWS: &[&str] = &[
    "2023-11-01-preview",
    "2024-01-16-preview",
    "2024-03-06-preview",
    "2024-04-08-preview",
    "2024-08-08-preview",
    "2024-11-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
    "2025-08-01-preview",
    "2025-09-01-preview",
    "2025-11-01-preview",
    "2026-01-01-preview",
    "2026-03-01-preview",
    "2026-04-01-preview",
];
const GRAPH: &[&str] = &["2021-03-01", "2022-10-01", "2024-04-01"];

macro_rules! gallery {
    ($rest:literal) => {
        concat!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{gallery}", $rest)
    };
}

macro_rules! machines {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/",
            $rest
        )
    };
}

macro_rules! pool {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DesktopVirtualization/hostPools/{pool}",
            $rest
        )
    };
}

pub(super) const ROUTES: &[Route] = &[
    route!(PutGallery, PUT, gallery!(""), GALLERY, &[]),
    route!(PatchGallery, PATCH, gallery!(""), GALLERY, &[]),
    route!(DeleteGallery, DELETE, gallery!(""), GALLERY, &[]),
    route!(
        DeleteDefinition,
        DELETE,
        gallery!("/images/{definition}"),
        GALLERY,
        &[]
    ),
    route!(
        PatchVersion,
        PATCH,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &[]
    ),
    route!(
        ListSoftDeletedVersions,
        GET,
        gallery!("/softdeletedartifacttypes/{kind}/artifacts/{definition}/versions"),
        GALLERY,
        &["$skiptoken"]
    ),
    route!(
        ListVirtualMachines,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines",
        COMPUTE,
        &["$skiptoken", "$filter", "$expand", "statusOnly"]
    ),
    route!(
        ListVirtualMachinesOfGroup,
        GET,
        machines!("virtualMachines"),
        COMPUTE,
        &["$skiptoken", "$filter", "$expand"]
    ),
    route!(
        GetVirtualMachine,
        GET,
        machines!("virtualMachines/{machine}"),
        COMPUTE,
        &["$expand"]
    ),
    route!(
        ListScaleSets,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachineScaleSets",
        COMPUTE,
        &["$skiptoken"]
    ),
    route!(
        ListScaleSetsOfGroup,
        GET,
        machines!("virtualMachineScaleSets"),
        COMPUTE,
        &["$skiptoken"]
    ),
    route!(
        GetScaleSet,
        GET,
        machines!("virtualMachineScaleSets/{set}"),
        COMPUTE,
        &["$expand"]
    ),
    route!(
        ListScaleSetInstances,
        GET,
        machines!("virtualMachineScaleSets/{set}/virtualMachines"),
        COMPUTE,
        &["$skiptoken", "$filter", "$select", "$expand"]
    ),
    route!(GetHostPool, GET, pool!(""), DESKTOP_PREVIEWS, &[]),
    route!(
        GetSessionHostConfiguration,
        GET,
        pool!("/sessionHostConfigurations/default"),
        DESKTOP_PREVIEWS,
        &[]
    ),
    route!(
        GetActiveSessionHostConfiguration,
        GET,
        pool!("/activeSessionHostConfigurations/default"),
        DESKTOP_PREVIEWS,
        &[]
    ),
    route!(
        ListResources,
        GET,
        "/subscriptions/{subscription}/resources",
        RESOURCES,
        &["$top", "$filter", "$expand", "$skiptoken"]
    ),
    route!(
        QueryResources,
        POST,
        "/providers/Microsoft.ResourceGraph/resources",
        GRAPH,
        &[]
    ),
];
