//! What will be done, in types: whatever is in a [`Plan`] has been checked.

mod target;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::connection::Connection;
use super::problem::Warning;
use super::provenance::Provenance;
use crate::resource::{Region, ResourceId};

pub use target::{ReplicationMode, StorageType, Target, TargetRegion, Versioning};

/// What to do with a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// Build the image.
    #[default]
    Build,
    /// Show the template that would be sent.
    Render,
    /// Look at everything that a build needs.
    Doctor,
}

/// A validated build of one image.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to do.
    pub action: Action,
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
    /// The customizers of the template file in place of it, if it has any.
    pub steps: Option<Vec<Step>>,
    /// Sections of the template file as they are sent, in place of what the inputs say; without the customizers.
    pub sections: Map<String, Value>,
    /// The folder that is put into the build VM first; without one only the template file's own customizers are done.
    pub package: Option<Package>,
    /// What the result becomes.
    pub target: Target,
    /// The VM on which the image is built.
    pub build_vm: BuildVm,
    /// Longest time of the run in minutes; 0 leaves it to the service. See [`Plan::effective_build_timeout`].
    pub build_timeout_minutes: u32,
    /// How the image is checked before it is distributed, if it is.
    pub validation: Option<Validation>,
    /// What stands by itself in the template.
    pub settings: Settings,
    /// Tags of the managed image or image version, in the order given.
    pub artifact_tags: Vec<(String, String)>,
    /// Whether there is no build where the newest image version was made of the same.
    pub skip_if_unchanged: bool,
    /// Whose run makes the image, and whether the image says so.
    pub provenance: Provenance,
    /// Whether the output of the build shows in the job's log while it runs.
    pub stream_logs: bool,
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
    pub fn run_output_name(&self) -> &str {
        match &self.target {
            Target::InFile { run_output, .. } => run_output,
            Target::Gallery { .. } => "SharedImage_distribute",
            Target::ManagedImage { .. } => "ManagedImage_distribute",
            Target::Vhd { .. } => "VHD_distribute",
        }
    }
}

impl Plan {
    /// Whether the service keeps the VM of a failed run, for somebody to look at.
    pub fn keeps_vm_after_error(&self) -> bool {
        if let Some(Value::Object(in_file)) = self.sections.get("errorHandling") {
            return in_file.values().any(|word| word == "abort");
        }
        let Settings {
            on_customizer_error,
            on_validation_error,
            ..
        } = self.settings;
        [on_customizer_error, on_validation_error].contains(&OnError::Abort)
    }

    /// The identities of the build VM.
    pub fn vm_identities(&self) -> Vec<ResourceId> {
        let in_file = self.sections.get("vmProfile");
        let in_file = in_file.and_then(|profile| profile.get("userAssignedIdentities"));
        let in_file = in_file.and_then(Value::as_array).into_iter().flatten();
        let in_file = in_file.filter_map(|id| id.as_str()?.parse().ok());
        self.build_vm
            .identities
            .iter()
            .cloned()
            .chain(in_file)
            .collect()
    }

    /// Whether something of the result lies in the template's staging resource group, and would go with the template.
    pub fn result_lies_with_template(&self) -> bool {
        match &self.target {
            Target::Vhd { uri } => uri.is_none(),
            Target::InFile { in_staging, .. } => *in_staging,
            Target::Gallery { .. } | Target::ManagedImage { .. } => false,
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
    /// What the template file says, where it is no marketplace image.
    InFile(Value),
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the form"
)]
pub struct Customization {
    /// The shell in the build VM.
    pub provisioner: Provisioner,
    /// The author's script, line by line, without line ends. May be empty.
    pub inline: Vec<String>,
    /// Whether PowerShell runs with full administrator rights. Never set for [`Provisioner::Shell`].
    pub run_elevated: bool,
    /// Whether it then runs as Local System. Never set without `run_elevated`.
    pub run_as_system: bool,
    /// Whether the PowerShell script ends at the first error. Never set for [`Provisioner::Shell`], which always does.
    pub stop_on_error: bool,
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

/// A customizer of the template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: StepAction,
    /// The script of the repository that it runs, on the agent.
    pub script: Option<PathBuf>,
}

/// What a customizer of the template file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepAction {
    /// Ready to be sent.
    Plain(Value),
    /// A script that comes with the package.
    PackageScript {
        /// The customizer, but for what it runs.
        customizer: Map<String, Value>,
        /// The script in the package, its parts separated by `/`.
        path: String,
        /// Whether its lines end as on Windows, which no Linux shell takes.
        windows_line_ends: bool,
    },
    /// A file that comes with the package.
    PackageFile {
        /// Name of the customizer.
        name: Option<String>,
        /// The file in the package, its parts separated by `/`.
        path: String,
        /// Full path of the file in the build VM.
        destination: String,
    },
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
    /// The folder on the agent, which exists and is not empty; or a single file.
    pub folder: PathBuf,
    /// Whether it is a single file. In the build VM it lies beside its archive then, in no folder of its own.
    pub is_file: bool,
    /// What of it stays on the agent: patterns as in `.gitignore`.
    pub exclude: Vec<String>,
    /// Name of the folder or file in the build VM, under `/tmp` or `c:\buildartifacts`.
    pub name: String,
    /// Name of the storage account.
    pub storage_account: String,
    /// Name of the blob in its container, not percent-encoded: `webapp/4711-1763800000000000/webapp_1763800000000000.tar.gz`.
    pub blob_name: String,
    /// The archive's kind.
    pub format: ArchiveFormat,
    /// By which right it is sent and read.
    pub access: PackageAccess,
    /// Set where the blob stays for later runs.
    pub retention: Option<Retention>,
}

/// How long a package stays in storage for later runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days since its last use.
    pub days: u32,
    /// A number of this run alone.
    pub run: u128,
}

/// By which right the package is sent to storage, and read from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PackageAccess {
    /// What needs least: an identity where it is known to have the right, else a link signed with the service connection's own right, else a
    /// key.
    #[default]
    Auto,
    /// It is read by an identity, and no link is made.
    Identity,
    /// It is read by a link that is signed with the service connection's own right.
    Sas,
    /// It is sent, and the link is signed, with a key of the account.
    Key,
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

/// How the image is checked before it is distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The author's script in the language of the customization, line by line. May be empty.
    pub inline: Vec<String>,
    /// Whether only the source is checked, and nothing built.
    pub source_only: bool,
    /// Whether an image that fails the check is distributed nevertheless.
    pub continue_on_failure: bool,
}

/// What stands by itself in a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Id of the resource group for what the service creates; the service makes one if there is none.
    pub staging_resource_group: Option<String>,
    /// Tags of what the service creates, in the order given.
    pub managed_resource_tags: Vec<(String, String)>,
    /// Tags of the template, in the order given.
    pub template_tags: Vec<(String, String)>,
    /// What becomes of the build VM when a customizer fails.
    pub on_customizer_error: OnError,
    /// What becomes of the validation VM when a validator fails.
    pub on_validation_error: OnError,
    /// Whether the service makes the image boot faster.
    pub optimize_boot: bool,
}

/// What becomes of a VM after an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// It is removed.
    #[default]
    Cleanup,
    /// It stays until the template is removed.
    Abort,
}

/// The VM on which the image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildVm {
    /// Its size; the service chooses if there is none.
    pub size: Option<String>,
    /// Its place in a network; the service makes a network if there is none.
    pub network: Option<Network>,
    /// User-assigned managed identities of the VM, each once.
    pub identities: Vec<ResourceId>,
    /// Size of its OS disk in GB, if it is not that of the source.
    pub disk_size_gb: Option<u32>,
}

/// A place in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The subnet of the network card.
    pub subnet: ResourceId,
    /// The subnet of the container that builds; another one of the same network.
    pub container_subnet: Option<ResourceId>,
    /// Size of the proxy VM. Never set with `container_subnet`.
    pub proxy_size: Option<String>,
}
