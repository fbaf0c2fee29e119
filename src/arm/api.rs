//! The versions of Azure's APIs that we speak, one for each resource provider and purpose, and where a version stands in an address.
//!
//! Each is a version of the published definitions (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification>).

use std::fmt::Display;

/// The image builder: the newest stable version.
pub const IMAGE_TEMPLATES: &str = "2025-10-01";
/// The same for clouds that lag behind, to which `arm::api_version` steps back: strict like the newest, and without some members of a template.
pub(super) const OLDER_IMAGE_TEMPLATES: &str = "2024-02-01";
/// Galleries, image definitions and image versions. The newest version that does not validate images on its own; the galleries of
/// Microsoft.Compute have a series of versions of their own.
pub const GALLERIES: &str = "2024-03-03";
/// Virtual machines and scale sets.
pub const MACHINES: &str = "2024-07-01";
/// Managed disks, which have a series of versions of their own.
pub const DISKS: &str = "2024-03-02";
/// Managed images.
pub const IMAGES: &str = "2024-07-01";
/// Marketplace images, with the end of an image's life (<https://learn.microsoft.com/rest/api/compute/virtual-machine-images>).
pub const MARKETPLACE_IMAGES: &str = "2024-07-01";
/// VM sizes and their restrictions (<https://learn.microsoft.com/rest/api/compute/resource-skus/list>).
pub const SIZES: &str = "2021-07-01";
/// Quotas, and the sizes of a region (<https://learn.microsoft.com/rest/api/compute/usage/list>).
pub const QUOTAS: &str = "2024-07-01";
/// Lists of resources of all types, resource groups, and resource providers.
pub const RESOURCES: &str = "2021-04-01";
/// Subscriptions and their locations (<https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations>).
pub const SUBSCRIPTIONS: &str = "2022-12-01";
/// Locks (<https://learn.microsoft.com/rest/api/resources/management-locks>).
pub const LOCKS: &str = "2016-09-01";
/// User-assigned identities (<https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>).
pub const IDENTITIES: &str = "2023-01-31";
/// Permissions, role assignments and role definitions (<https://learn.microsoft.com/rest/api/authorization>).
pub const ROLES: &str = "2022-04-01";
/// Virtual networks and subnets. The first versions do not know `defaultOutboundAccess`.
pub const NETWORKS: &str = "2024-05-01";
/// Storage accounts. Any version from 2021-04-01 on answers alike
/// (<https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties>).
pub const STORAGE_ACCOUNTS: &str = "2023-05-01";
/// Container groups. Any version since 2021 answers alike.
pub const CONTAINERS: &str = "2023-05-01";
/// Azure Resource Graph.
pub const RESOURCE_GRAPH: &str = "2021-03-01";
/// Azure Virtual Desktop. Session host configurations are in preview versions alone; this one is recorded.
pub const HOST_POOLS: &str = "2025-04-01-preview";
/// Session hosts and user sessions: the newest stable version, which has all that counts, also in clouds without the preview versions.
pub const SESSION_HOSTS: &str = "2025-10-10";
/// The addresses of a cloud: the newest version, which lists all clouds that the server knows of, and the first one, which describes the
/// server's own (<https://github.com/Azure/azure-cli/blob/dev/src/azure-cli-core/azure/cli/core/cloud.py>).
pub const CLOUDS: [&str; 2] = ["2022-09-01", "2015-01-01"];

/// The address of `path` in version `api`. The path may have a query, to which the version is added.
pub fn address(path: impl Display, api: &str) -> String {
    let path = path.to_string();
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}api-version={api}")
}
