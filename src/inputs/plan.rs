//! What will be done, in types: whatever is in a [`Plan`] has been checked.

use std::path::PathBuf;
use std::time::Duration;

use super::connection::Connection;
use super::problem::Warning;
use crate::resource::{ImageVersion, Region, ResourceId};

/// A validated build of one image.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the image template, `t_1763800000000000`. Version 1.0 of the original named its templates the same way.
    pub template_name: String,
    /// Resource id of the image template.
    pub template_id: ResourceId,
    /// Who signs in, and where.
    pub connection: Connection,
    /// Resource group of the image template.
    pub resource_group: String,
    /// Region of the image template and of the build VM.
    pub location: Region,
    /// The user-assigned managed identity that the service acts as.
    pub identity: ResourceId,
    /// What the image starts from.
    pub source: Source,
    /// What is done to it.
    pub customization: Customization,
    /// The folder that is put into the build VM first.
    pub package: Package,
    /// What the result becomes.
    pub target: Target,
    /// The VM on which the image is built.
    pub build_vm: BuildVm,
    /// Longest time of the run in minutes; 0 leaves it to the service. See [`Plan::effective_build_timeout`].
    pub build_timeout_minutes: u32,
    /// What is worth telling the author although it does not stop the build.
    pub warnings: Vec<Warning>,
}

/// The service's own limit, where a template sets none
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-buildtimeoutinminutes>).
const DEFAULT_BUILD_TIMEOUT_MINUTES: u32 = 240;

impl Plan {
    /// When the service gives a run up.
    pub fn effective_build_timeout(&self) -> Duration {
        let minutes = match self.build_timeout_minutes {
            0 => DEFAULT_BUILD_TIMEOUT_MINUTES,
            minutes => minutes,
        };
        Duration::from_secs(u64::from(minutes) * 60)
    }

    /// Name of the run output that the target leaves; the names are those of the original task.
    pub fn run_output_name(&self) -> &'static str {
        match self.target {
            Target::Gallery { .. } => "SharedImage_distribute",
            Target::ManagedImage { .. } => "ManagedImage_distribute",
            Target::Vhd => "VHD_distribute",
        }
    }
}

/// What an image starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An image of the Azure Marketplace.
    Marketplace {
        /// Publisher, `Canonical`.
        publisher: String,
        /// Offer, `ubuntu-24_04-lts`.
        offer: String,
        /// SKU, `server`.
        sku: String,
        /// A version number, or `latest`.
        version: String,
        /// The plan under which the image is sold, if it is.
        plan: Option<PurchasePlan>,
    },
    /// A managed image.
    ManagedImage(ResourceId),
    /// A version of an image in an Azure Compute Gallery; its name is a number or `latest`.
    GalleryVersion(ResourceId),
}

/// The plan under which a marketplace image is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchasePlan {
    /// Name of the plan.
    pub name: String,
    /// Its product.
    pub product: String,
    /// Its publisher.
    pub publisher: String,
}

/// What is done to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customization {
    /// The shell in the build VM.
    pub provisioner: Provisioner,
    /// The author's script, line by line, without line ends. May be empty.
    pub inline: Vec<String>,
    /// Whether PowerShell runs with full administrator rights. Never set for [`Provisioner::Shell`].
    pub run_elevated: bool,
    /// Whether it then runs as Local System. Never set without `run_elevated`.
    pub run_as_system: bool,
    /// Whether Windows Update runs last. Never set for [`Provisioner::Shell`].
    pub windows_update: bool,
}

impl Customization {
    /// The kind of archive that the build VM can unpack without installing anything.
    pub fn format(&self) -> ArchiveFormat {
        match self.provisioner {
            Provisioner::Shell => ArchiveFormat::TarGz,
            Provisioner::PowerShell => ArchiveFormat::Zip,
        }
    }
}

/// The shell in the build VM; with it goes the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioner {
    /// `/bin/sh`, for Linux.
    Shell,
    /// Windows PowerShell, for Windows.
    PowerShell,
}

/// The folder that is put into the build VM, and where its archive goes on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The folder on the agent; it exists and is not empty.
    pub folder: PathBuf,
    /// Name of the folder in the build VM, under `/tmp` or `c:\buildartifacts`.
    pub name: String,
    /// Name of the storage account.
    pub storage_account: String,
    /// Name of the blob in its container, not percent-encoded: `webapp/4711-1763800000000000/webapp_1763800000000000.tar.gz`.
    pub blob_name: String,
    /// The archive's kind.
    pub format: ArchiveFormat,
}

/// The kind of archive in which the package travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// For Linux.
    TarGz,
    /// For Windows.
    Zip,
}

impl ArchiveFormat {
    /// The end of the file's name, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }
}

/// What the result becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A new version of an image definition in an Azure Compute Gallery.
    Gallery {
        /// The image definition.
        definition: ResourceId,
        /// The number of the new version; the service numbers it if there is none.
        version: Option<ImageVersion>,
        /// Where the version is replicated to; at least one, each once, in the order given.
        regions: Vec<Region>,
    },
    /// A managed image.
    ManagedImage {
        /// The image to create.
        id: ResourceId,
        /// Its region.
        location: Region,
    },
    /// A VHD in the staging resource group's storage account.
    Vhd,
}

/// The VM on which the image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildVm {
    /// Its size; the service chooses if there is none.
    pub size: Option<String>,
    /// The subnet of its network card; the service makes a network if there is none.
    pub subnet: Option<ResourceId>,
}
