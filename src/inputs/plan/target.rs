//! What the result becomes, in types.

use url::Url;

use crate::resource::{ImageVersion, Region, ResourceId};

/// What the result becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A new version of an image definition in an Azure Compute Gallery.
    Gallery {
        /// The image definition.
        definition: ResourceId,
        /// The number of the new version; the service numbers it if there is none.
        version: Option<ImageVersion>,
        /// How the service numbers it. Never set with `version`.
        versioning: Option<Versioning>,
        /// Where the version is replicated to; at least one, each once, in the order given.
        regions: Vec<TargetRegion>,
        /// Whether the new version is kept from who asks for the latest one.
        exclude_from_latest: bool,
        /// How the version gets to its regions; the service's own way if nothing is said.
        replication_mode: Option<ReplicationMode>,
    },
    /// A managed image.
    ManagedImage {
        /// The image to create.
        id: ResourceId,
        /// Its region.
        location: Region,
    },
    /// A VHD.
    Vhd {
        /// Its blob; the service puts it into the staging resource group's storage account if there is none.
        uri: Option<Url>,
    },
    /// What the template file says.
    InFile {
        /// Name of the run output of the first target.
        run_output: String,
        /// Whether one of the targets is a VHD in the staging resource group's storage account.
        in_staging: bool,
    },
}

/// A region that gets a copy of an image version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRegion {
    /// The region.
    pub name: Region,
    /// Number of replicas, at least 1; the service makes one if nothing is said.
    pub replicas: Option<u32>,
    /// Where the copy is kept.
    pub storage: Option<StorageType>,
}

/// The storage of an image version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageType {
    /// `Standard_LRS`.
    StandardLrs,
    /// `Standard_ZRS`.
    StandardZrs,
    /// `Premium_LRS`.
    PremiumLrs,
}

/// How the service numbers an image version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// One up from the highest version, within a major version if one is given.
    Latest {
        /// The major version.
        major: Option<u32>,
    },
    /// The number of the source.
    Source,
}

/// How an image version gets to its regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicationMode {
    /// A copy.
    Full,
    /// A reference.
    Shallow,
}
