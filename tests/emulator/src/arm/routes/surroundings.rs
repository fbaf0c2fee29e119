//! The calls by which a pipeline looks around before it builds.

use http::Method;

use super::versions::{COMPUTE, GALLERY, IDENTITY, RESOURCES};
use super::{Call, Route, route};

const AUTHORIZATION: &[&str] = &["2015-07-01", "2018-07-01", "2022-04-01"];
const NETWORK: &[&str] = &["2020-11-01", "2023-09-01", "2024-05-01", "2025-01-01"];
const SIZES: &[&str] = &["2019-04-01", "2021-07-01"];

macro_rules! group {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}",
            $rest
        )
    };
}

macro_rules! offers {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers/{publisher}/artifacttypes/vmimage/offers",
            $rest
        )
    };
}

pub(super) const ROUTES: &[Route] = &[
    route!(
        ListIdentitiesOfGroup,
        GET,
        group!("/providers/Microsoft.ManagedIdentity/userAssignedIdentities"),
        IDENTITY,
        &[]
    ),
    route!(
        ListResourcesOfGroup,
        GET,
        group!("/resources"),
        RESOURCES,
        &["$top", "$filter", "$expand", "$skiptoken"]
    ),
    route!(
        ListGalleriesOfGroup,
        GET,
        group!("/providers/Microsoft.Compute/galleries"),
        GALLERY,
        &[]
    ),
    route!(
        ListPublishers,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers",
        COMPUTE,
        &[]
    ),
    route!(ListOffers, GET, offers!(""), COMPUTE, &[]),
    route!(ListImageSkus, GET, offers!("/{offer}/skus"), COMPUTE, &[]),
    route!(
        ListPlatformImageVersions,
        GET,
        offers!("/{offer}/skus/{sku}/versions"),
        COMPUTE,
        &["$top", "$orderby", "$expand"]
    ),
    route!(
        GetPlatformImageVersion,
        GET,
        offers!("/{offer}/skus/{sku}/versions/{version}"),
        COMPUTE,
        &[]
    ),
    route!(
        ListVmSizes,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/skus",
        SIZES,
        &["$filter", "includeExtendedLocations"]
    ),
    route!(
        ListUsages,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/usages",
        COMPUTE,
        &[]
    ),
    route!(
        ListVmSizesOfRegion,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/vmSizes",
        COMPUTE,
        &[]
    ),
    route!(
        ListResourceGroups,
        GET,
        "/subscriptions/{subscription}/resourcegroups",
        RESOURCES,
        &["$top", "$filter"]
    ),
    route!(
        ListManagedImagesOfGroup,
        GET,
        group!("/providers/Microsoft.Compute/images"),
        COMPUTE,
        &[]
    ),
    route!(
        ListNetworksOfGroup,
        GET,
        group!("/providers/Microsoft.Network/virtualNetworks"),
        NETWORK,
        &[]
    ),
    route!(
        GetNetwork,
        GET,
        group!("/providers/Microsoft.Network/virtualNetworks/{network}"),
        NETWORK,
        &["$expand"]
    ),
    route!(
        GetSubnet,
        GET,
        group!("/providers/Microsoft.Network/virtualNetworks/{network}/subnets/{subnet}"),
        NETWORK,
        &["$expand"]
    ),
    route!(
        ListPermissions,
        GET,
        "{scope}/providers/Microsoft.Authorization/permissions",
        AUTHORIZATION,
        &[]
    ),
    route!(
        ListRoleAssignments,
        GET,
        "{scope}/providers/Microsoft.Authorization/roleAssignments",
        AUTHORIZATION,
        &["$filter"]
    ),
    route!(
        GetRole,
        GET,
        "{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        AUTHORIZATION,
        &[]
    ),
];
