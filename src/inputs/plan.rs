//! What will be done, in types: whatever is in a [`Plan`] has been checked.

mod build_vm;
mod customization;
mod package;
mod settings;
mod source;
mod target;

use std::time::Duration;

use serde_json::{Map, Value};

use super::connection::Connection;
use super::origin::Origin;
use super::problem::Warning;
use super::provenance::Provenance;
use crate::resource::{Region, ResourceId};

pub use build_vm::{BuildVm, Network};
pub use customization::{Customization, Mend, Provisioner, Step, StepAction};
pub use package::{ArchiveFormat, Package, PackageAccess, Retention};
pub use settings::{OnError, Settings, Validation};
pub use source::{PurchasePlan, Source};
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
    /// Which step of which pipeline run it is for.
    pub origin: Origin,
    /// Whether the output of the build shows in the job's log while it runs.
    pub stream_logs: bool,
    /// Inputs that have no effect in this build, and what counts in their place, as a hint names it.
    pub instead: Vec<(&'static str, String)>,
    /// What is worth telling the author although it does not stop the build.
    pub warnings: Vec<Warning>,
}

/// The service's own limit, where a template sets none
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-buildtimeoutinminutes>).
const DEFAULT_BUILD_TIMEOUT_MINUTES: u32 = 240;

impl Plan {
    /// `text` with what counts in this build in place of every input that has no effect in it.
    pub fn naming_what_counts(&self, text: &str) -> String {
        let mut result = String::new();
        let mut rest = text;
        // One pass: what counts instead may have the name of another such input.
        loop {
            let found = self.instead.iter().filter_map(|(input, instead)| {
                let quoted = format!("'{input}'");
                Some((rest.split_once(&quoted)?, instead))
            });
            let first = found.min_by_key(|((before, _), _)| before.len());
            let Some(((before, after), instead)) = first else {
                return result + rest;
            };
            result.push_str(before.strip_suffix("input ").unwrap_or(before));
            result.push_str(instead);
            rest = after;
        }
    }

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
