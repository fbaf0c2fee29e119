//! The calls that come after a build: galleries and versions that change, and what uses an image.

use http::Method;

use super::versions::{COMPUTE, GALLERY, MACHINES, RESOURCES};
use super::{Call, Route, route};

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
        MACHINES,
        &["$skiptoken", "$filter", "$expand", "statusOnly"]
    ),
    route!(
        ListVirtualMachinesOfGroup,
        GET,
        machines!("virtualMachines"),
        MACHINES,
        &["$skiptoken", "$filter", "$expand"]
    ),
    route!(
        GetVirtualMachine,
        GET,
        machines!("virtualMachines/{machine}"),
        MACHINES,
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
