//! The image template as the published definition has it, both ways: read from a template file or from an answer of Azure, and written into a
//! request (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>, api-version 2025-10-01).
//!
//! A member that is absent stays absent, and one that this program does not know stays as it is, in `other`: a newer member of a template file
//! passes through. An enumeration of the definition is a string here: the service adds values, and an answer with a new one must be readable.

mod customizer;
mod distributor;
mod source;

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::resource::ResourceId;

pub use customizer::{
    Customizer, FileCustomizer, PowerShellCustomizer, ShellCustomizer, WindowsRestart,
    WindowsUpdate, system_of,
};
pub use distributor::{
    Distributor, ManagedImageTarget, SharedImage, TargetRegion, Versioning, Vhd,
};
pub use source::{
    LATEST, ManagedImageSource, PlanInfo, PlatformImage, SharedImageVersionSource, Source,
};

/// An image template, as it is sent and as Azure answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageTemplate {
    /// The region, `westeurope`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// The tags of the template itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// The managed identity that the service acts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What is built, and what becomes of it.
    #[serde(default)]
    pub properties: Properties,
    /// `id`, `name`, `type`, `systemData` of an answer, and what is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// The managed identities of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `UserAssigned` or `None`.
    pub r#type: String,
    /// The ids; an answer has each one's `principalId` and `clientId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_assigned_identities: Option<Map<String, Value>>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

impl Identity {
    /// The service takes exactly one identity.
    pub fn user_assigned(id: &ResourceId) -> Self {
        let one = (id.as_str().to_owned(), Value::Object(Map::new()));
        Self {
            r#type: "UserAssigned".to_owned(),
            user_assigned_identities: Some(Map::from_iter([one])),
            other: Other::new(),
        }
    }
}

/// The sections of a template, in the order in which they are sent. A template file has these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// What the image starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What happens in the build VM, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customize: Option<Vec<Customizer>>,
    /// Optimizations of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimize: Option<Optimize>,
    /// What is checked before the image is distributed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<Validate>,
    /// What the result becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribute: Option<Vec<Distributor>>,
    /// What happens to the build VM after an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_handling: Option<ErrorHandling>,
    /// The build VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm_profile: Option<VmProfile>,
    /// The time-out of a build in minutes: 6 to 960, or 0 for the service's default of 240.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_timeout_in_minutes: Option<u32>,
    /// Empty data disks of the build VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_data_disks: Option<Vec<DataDisk>>,
    /// Id of the resource group in which the build happens; empty for one that the service creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging_resource_group: Option<String>,
    /// Whether Azure starts the run by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_run: Option<State>,
    /// Tags of what the service creates in the staging resource group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_resource_tags: Option<Tags>,
    /// The state in an answer (`provisioningState`, `lastRunStatus` ...), and what is newer.
    #[serde(flatten)]
    pub other: Other,
}

impl Properties {
    /// The customizers in their order.
    pub fn customizers(&self) -> &[Customizer] {
        self.customize.as_deref().unwrap_or_default()
    }

    /// The validators in their order.
    pub fn validators(&self) -> &[Customizer] {
        let validate = self.validate.as_ref();
        validate.map_or(&[], Validate::validators)
    }

    /// The targets in their order.
    pub fn targets(&self) -> &[Distributor] {
        self.distribute.as_deref().unwrap_or_default()
    }

    /// How long a build may take until the service ends it.
    pub fn effective_build_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.build_timeout_minutes()) * 60)
    }

    /// The limit of a build, the service's own where the template sets none.
    pub fn build_timeout_minutes(&self) -> u32 {
        match self.build_timeout_in_minutes {
            None | Some(0) => DEFAULT_BUILD_TIMEOUT_MINUTES,
            Some(minutes) => minutes,
        }
    }

    /// Whether it tests an image and builds none: it validates its source alone, into one VHD of a fixed name, or into nothing.
    pub fn is_test(&self) -> bool {
        let validate = self.validate.as_ref();
        let source_only = validate.and_then(|it| it.source_validation_only);
        let mut targets = self.targets().iter();
        source_only == Some(true) && targets.all(|it| it.run_output_name() == OUTPUT_OF_TEST)
    }

    /// Whether the service keeps the VM of a failed run, for someone to look at.
    pub fn keeps_vm_after_error(&self) -> bool {
        let handling = self.error_handling.iter();
        let mut words = handling.flat_map(|it| [&it.on_customizer_error, &it.on_validation_error]);
        words.any(|word| word.as_deref() == Some("abort"))
    }

    /// Whether something of the result lies in the template's staging resource group, and would go with the template.
    pub fn result_lies_with_template(&self) -> bool {
        let mut targets = self.targets().iter();
        targets.any(|target| matches!(target, Distributor::Vhd(vhd) if vhd.lies_with_template()))
    }
}

/// The run output of a template that only tests an image.
pub const OUTPUT_OF_TEST: &str = "imageTest";

/// The service's own limit, where a template sets none
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-buildtimeoutinminutes>).
pub const DEFAULT_BUILD_TIMEOUT_MINUTES: u32 = 240;

/// Optimizations of the image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Optimize {
    /// Whether VMs of the image start faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm_boot: Option<State>,
    /// Whether the image is optimized for specific workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// Optimization for specific workloads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// `Enabled` or `Disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where the script is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_uri: Option<String>,
    /// SHA-256 of the script, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// What is checked before the image is distributed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validate {
    /// Distribute also what has failed its validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_distribute_on_failure: Option<bool>,
    /// Validate the source itself, and build nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_validation_only: Option<bool>,
    /// The checks, in this order.
    #[serde(
        rename = "inVMValidations",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub in_vm_validations: Option<Vec<Customizer>>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

impl Validate {
    /// The checks in their order.
    pub fn validators(&self) -> &[Customizer] {
        self.in_vm_validations.as_deref().unwrap_or_default()
    }

    /// The lines of all checks.
    pub fn script(&self) -> Vec<String> {
        let lines = self.validators().iter().flat_map(Customizer::inline);
        lines.cloned().collect()
    }
}

/// What happens to the build VM after an error: `cleanup` or `abort`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorHandling {
    /// Of a customizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_customizer_error: Option<String>,
    /// Of a validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_validation_error: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// Tags in the order in which they were written.
pub type Tags = IndexMap<String, String>;

/// Members that this program does not know.
pub type Other = Map<String, Value>;

/// Something that is on or off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `Enabled` or `Disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

impl State {
    /// `Enabled`.
    pub fn enabled() -> Self {
        Self {
            state: Some("Enabled".to_owned()),
            other: Other::new(),
        }
    }
}

/// The JSON of a template or of a part of it.
///
/// # Panics
///
/// Never for the types of this module, which all can be written as JSON.
#[expect(
    clippy::expect_used,
    reason = "the types below have text keys and no serializer that fails, so there is no error to hand on"
)]
pub fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("an image template is JSON")
}

/// The text of a member of an object; empty if there is none.
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

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
