//! The versions of Azure's APIs that we speak, one for each resource provider and purpose.
//!
//! Each is a version of the published definitions (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification>).

/// The image builder: the newest stable version. Where a cloud lags behind, `arm::api_version` steps back.
pub const IMAGE_TEMPLATES: &str = super::api_version::NEWEST;
/// Galleries, image definitions and image versions. The galleries of Microsoft.Compute have a series of versions of their own.
pub const GALLERIES: &str = "2024-03-03";
/// Virtual machines and scale sets.
pub const MACHINES: &str = "2024-07-01";
/// Managed images.
pub const IMAGES: &str = "2024-07-01";
/// Lists of resources of all types, and resource groups.
pub const RESOURCES: &str = "2021-04-01";
/// Subscriptions.
pub const SUBSCRIPTIONS: &str = "2022-12-01";
/// Azure Resource Graph.
pub const RESOURCE_GRAPH: &str = "2021-03-01";
/// Azure Virtual Desktop. Session host configurations are in preview versions alone; this one is recorded.
pub const HOST_POOLS: &str = "2025-04-01-preview";
