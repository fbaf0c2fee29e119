//! The image template as the published definition has it, both ways: read from a template file or from an answer of Azure, and written into a
//! request (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>, api-version 2025-10-01).
//!
//! A member that is absent stays absent, and one that this program does not know stays as it is, in `other`: a newer member of a template file
//! passes through. What is a list of words in the definition is a text here: the service gets new words, and an answer with one must be readable.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::resource::ResourceId;

/// Tags in the order in which they were written.
pub type Tags = IndexMap<String, String>;

/// The version that stands for the newest one.
pub const LATEST: &str = "latest";

/// Members that this program does not know.
pub type Other = Map<String, Value>;

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
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// The JSON of a template or of a part of it.
///
/// # Panics
///
/// Never for the types of this module, which all have an equal in JSON.
#[expect(
    clippy::expect_used,
    reason = "the types below have text keys and no serializer that fails, so there is no error to hand on"
)]
pub fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("an image template is JSON")
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
    /// The limit of a build: 6 to 960, 0 for the service's own 240.
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

    /// When the service gives a build up.
    pub fn effective_build_timeout(&self) -> Duration {
        let minutes = match self.build_timeout_in_minutes {
            None | Some(0) => DEFAULT_BUILD_TIMEOUT_MINUTES,
            Some(minutes) => minutes,
        };
        Duration::from_secs(u64::from(minutes) * 60)
    }

    /// Whether it tests an image and builds none: it validates its source alone, into one VHD of a fixed name, or into nothing.
    pub fn is_test(&self) -> bool {
        let validate = self.validate.as_ref();
        let source_only = validate.and_then(|it| it.source_validation_only);
        let mut targets = self.targets().iter();
        source_only == Some(true) && targets.all(|it| it.run_output_name() == OUTPUT_OF_TEST)
    }

    /// Whether the service keeps the VM of a failed run, for somebody to look at.
    pub fn keeps_vm_after_error(&self) -> bool {
        let handling = self.error_handling.iter();
        let mut words = handling.flat_map(|it| [&it.on_customizer_error, &it.on_validation_error]);
        words.any(|word| word.as_deref() == Some("abort"))
    }

    /// Whether something of the result lies in the template's staging resource group, and would go with the template.
    pub fn result_lies_with_template(&self) -> bool {
        let mut targets = self.targets().iter();
        targets.any(
            |target| matches!(target, Distributor::Vhd(vhd) if vhd.uri.as_deref().is_none_or(str::is_empty)),
        )
    }
}

/// The run output of a template that only tests an image.
pub const OUTPUT_OF_TEST: &str = "imageTest";

/// The service's own limit, where a template sets none
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-buildtimeoutinminutes>).
const DEFAULT_BUILD_TIMEOUT_MINUTES: u32 = 240;

/// What the image starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Source {
    /// A marketplace image.
    PlatformImage(PlatformImage),
    /// A managed image.
    ManagedImage(ManagedImageSource),
    /// A version of a gallery's image.
    SharedImageVersion(SharedImageVersionSource),
    /// A kind that this program does not know.
    #[serde(untagged)]
    Unknown(Value),
}

/// A marketplace image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformImage {
    /// `MicrosoftWindowsDesktop`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub publisher: String,
    /// `windows-11`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub offer: String,
    /// `win11-25h2-avd`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sku: String,
    /// A number, or `latest`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The purchase plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_info: Option<Box<PlanInfo>>,
    /// `exactVersion` of an answer, and what is newer.
    #[serde(flatten)]
    pub other: Other,
}

impl PlatformImage {
    /// The version that is asked for; the service takes the newest one where nothing is said.
    pub fn version_or_latest(&self) -> &str {
        if self.version.is_empty() {
            LATEST
        } else {
            &self.version
        }
    }
}

/// The purchase plan of a marketplace image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanInfo {
    /// Usually the SKU.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_name: String,
    /// Usually the offer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_product: String,
    /// Usually the publisher.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_publisher: String,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A managed image as a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedImageSource {
    /// Its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A version of a gallery's image as a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedImageVersionSource {
    /// Its id; the last part may be `latest`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_version_id: String,
    /// `exactVersion` of an answer, and what is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// Something that happens in the build VM. Validators have the same forms.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Customizer {
    /// The service brings a file into the VM.
    File(FileCustomizer),
    /// A shell script.
    Shell(ShellCustomizer),
    /// A PowerShell script.
    PowerShell(PowerShellCustomizer),
    /// Windows Update.
    WindowsUpdate(WindowsUpdate),
    /// A restart of Windows.
    WindowsRestart(WindowsRestart),
    /// A kind that this program does not know.
    #[serde(untagged)]
    Unknown(Value),
}

/// Neither scripts nor addresses: they may hold the signed link to the package.
impl fmt::Debug for Customizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind(), self.name())
    }
}

impl Customizer {
    /// Lines for a Linux shell.
    pub fn shell(name: Option<&str>, inline: Vec<String>) -> Self {
        Self::Shell(ShellCustomizer {
            name: name.map(str::to_owned),
            inline: Some(inline),
            ..ShellCustomizer::default()
        })
    }

    /// Lines for Windows PowerShell.
    pub fn powershell(name: Option<&str>, inline: Vec<String>) -> Self {
        Self::PowerShell(PowerShellCustomizer {
            name: name.map(str::to_owned),
            inline: Some(inline),
            ..PowerShellCustomizer::default()
        })
    }

    /// With full administrator permissions, where it is PowerShell.
    #[must_use]
    pub fn elevated(mut self) -> Self {
        if let Self::PowerShell(it) = &mut self {
            it.run_elevated = Some(true);
        }
        self
    }

    /// With other lines, where its kind has some.
    #[must_use]
    pub fn with_inline(mut self, lines: Vec<String>) -> Self {
        match &mut self {
            Self::Shell(it) => it.inline = Some(lines),
            Self::PowerShell(it) => it.inline = Some(lines),
            Self::File(_) | Self::WindowsUpdate(_) | Self::WindowsRestart(_) | Self::Unknown(_) => {
            }
        }
        self
    }

    /// `Shell`, `PowerShell` ...
    pub fn kind(&self) -> &str {
        match self {
            Self::File(_) => "File",
            Self::Shell(_) => "Shell",
            Self::PowerShell(_) => "PowerShell",
            Self::WindowsUpdate(_) => "WindowsUpdate",
            Self::WindowsRestart(_) => "WindowsRestart",
            Self::Unknown(value) => text(value, "type"),
        }
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        let name = match self {
            Self::File(it) => &it.name,
            Self::Shell(it) => &it.name,
            Self::PowerShell(it) => &it.name,
            Self::WindowsUpdate(it) => &it.name,
            Self::WindowsRestart(it) => &it.name,
            Self::Unknown(value) => return text(value, "name"),
        };
        name.as_deref().unwrap_or_default()
    }

    /// The lines of its script, where they are in the template.
    pub fn inline(&self) -> &[String] {
        let inline = match self {
            Self::Shell(it) => &it.inline,
            Self::PowerShell(it) => &it.inline,
            Self::File(_) | Self::WindowsUpdate(_) | Self::WindowsRestart(_) | Self::Unknown(_) => {
                return &[];
            }
        };
        inline.as_deref().unwrap_or_default()
    }
}

/// The service brings a file into the VM.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileCustomizer {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the file is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_uri: Option<String>,
    /// SHA-256 of the file, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// The file in the VM, an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A shell script: from an address, or lines.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShellCustomizer {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the script is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_uri: Option<String>,
    /// SHA-256 of the script, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// The lines of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Vec<String>>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A PowerShell script: from an address, or lines.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PowerShellCustomizer {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the script is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_uri: Option<String>,
    /// SHA-256 of the script, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// With the rights of an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_elevated: Option<bool>,
    /// As the system; only with `run_elevated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_system: Option<bool>,
    /// The lines of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Vec<String>>,
    /// Exit codes that count as success; 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_exit_codes: Option<Vec<i64>>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// Windows Update.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowsUpdate {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which updates are searched for, `IsInstalled=0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_criteria: Option<String>,
    /// Which of those found are installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<String>>,
    /// How many at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_limit: Option<u32>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A restart of Windows.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowsRestart {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The command that restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_command: Option<String>,
    /// The command that succeeds when Windows is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_check_command: Option<String>,
    /// `5m`, `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_timeout: Option<String>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

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
    /// What is newer.
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
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// Something that is on or off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `Enabled` or `Disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What is newer.
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
    /// What is newer.
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
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// What the result becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Distributor {
    /// A managed image.
    ManagedImage(ManagedImageTarget),
    /// A version of a gallery's image.
    SharedImage(SharedImage),
    /// A VHD in a storage account.
    #[serde(rename = "VHD")]
    Vhd(Vhd),
    /// A kind that this program does not know.
    #[serde(untagged)]
    Unknown(Value),
}

impl Distributor {
    /// `SharedImage`, `ManagedImage`, `VHD` ...
    pub fn kind(&self) -> &str {
        match self {
            Self::ManagedImage(_) => "ManagedImage",
            Self::SharedImage(_) => "SharedImage",
            Self::Vhd(_) => "VHD",
            Self::Unknown(value) => text(value, "type"),
        }
    }

    /// Name of the run output, by which the result is found after the run.
    pub fn run_output_name(&self) -> &str {
        match self {
            Self::ManagedImage(it) => &it.run_output_name,
            Self::SharedImage(it) => &it.run_output_name,
            Self::Vhd(it) => &it.run_output_name,
            Self::Unknown(value) => text(value, "runOutputName"),
        }
    }

    /// The regions that it names, in its own words. From 2022-07-01 on they are objects; the older list has names alone.
    pub fn regions(&self) -> Vec<&str> {
        match self {
            Self::ManagedImage(it) if it.location.is_empty() => Vec::new(),
            Self::ManagedImage(it) => vec![&it.location],
            Self::SharedImage(it) => match &it.target_regions {
                Some(regions) => regions.iter().map(|region| region.name.as_str()).collect(),
                None => it
                    .replication_regions
                    .iter()
                    .flatten()
                    .map(String::as_str)
                    .collect(),
            },
            Self::Vhd(_) | Self::Unknown(_) => Vec::new(),
        }
    }

    /// The tags of the result.
    pub fn artifact_tags(&self) -> Option<&Tags> {
        match self {
            Self::ManagedImage(it) => it.artifact_tags.as_ref(),
            Self::SharedImage(it) => it.artifact_tags.as_ref(),
            Self::Vhd(_) | Self::Unknown(_) => None,
        }
    }

    /// The tags of the result, where its kind can have some.
    pub fn artifact_tags_mut(&mut self) -> Option<&mut Option<Tags>> {
        match self {
            Self::ManagedImage(it) => Some(&mut it.artifact_tags),
            Self::SharedImage(it) => Some(&mut it.artifact_tags),
            Self::Vhd(_) | Self::Unknown(_) => None,
        }
    }
}

/// A managed image as a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedImageTarget {
    /// Its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// Its region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Name of the run output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_output_name: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_tags: Option<Tags>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A version of a gallery's image as a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedImage {
    /// Id of the image definition, or of the version that is to be created.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gallery_image_id: String,
    /// Name of the run output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_output_name: String,
    /// Tags of the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_tags: Option<Tags>,
    /// Regions by name, as older templates have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_regions: Option<Vec<String>>,
    /// Where the version is replicated to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_regions: Option<Vec<TargetRegion>>,
    /// Whether callers that ask for `latest` get another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_from_latest: Option<bool>,
    /// Storage of all replicas, as older templates have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_account_type: Option<String>,
    /// How the service numbers the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<Versioning>,
    /// `Full` or `Shallow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_mode: Option<String>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

impl SharedImage {
    /// The image definition, and the number that the version is to have, if the id says it.
    pub fn image(&self) -> Option<(ResourceId, Option<String>)> {
        let id: ResourceId = self.gallery_image_id.parse().ok()?;
        if id.is("Microsoft.Compute/galleries/images/versions") {
            return Some((id.parent()?, Some(id.name().to_owned())));
        }
        Some((id, None))
    }
}

/// A region that a version is replicated to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRegion {
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How many replicas; 1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_count: Option<u32>,
    /// `Standard_LRS`, `Standard_ZRS`, `Premium_LRS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_account_type: Option<String>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// How the service numbers a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Versioning {
    /// `Latest` or `Source`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// The first part of the number, for `Latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<i64>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// A VHD as a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vhd {
    /// Name of the run output.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_output_name: String,
    /// Tags, which the definition has and the service does not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_tags: Option<Tags>,
    /// The blob; in the staging resource group where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
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
    /// What is newer.
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
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

/// An empty data disk of the build VM.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataDisk {
    /// Its size.
    #[serde(rename = "sizeGB", default, skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<u32>,
    /// What is newer.
    #[serde(flatten)]
    pub other: Other,
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
