//! The build VM.

use serde::{Deserialize, Serialize};

use super::common::Other;

/// The build VM.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VmProfile {
    /// `Standard_D4s_v5`; the service chooses where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm_size: Option<String>,
    /// Size of the disk of the operating system; that of the source where nothing is said, or 0.
    #[serde(
        rename = "osDiskSizeGB",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_disk_size_gb: Option<u32>,
    /// Ids of the identities of the build VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_assigned_identities: Option<Vec<String>>,
    /// The network of the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnet_config: Option<VnetConfig>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// The network of the author.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VnetConfig {
    /// Subnet of the build VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Subnet of the container in which the service works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_instance_subnet_id: Option<String>,
    /// Size of the proxy VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_vm_size: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// An empty data disk of the build VM.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataDisk {
    /// Its size.
    #[serde(rename = "sizeGB", default, skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<u32>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}
