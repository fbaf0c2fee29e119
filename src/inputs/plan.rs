//! What will be done, in types: whatever is in a [`Plan`] has been checked.

mod customization;
mod package;

use std::time::Duration;

use super::connection::Connection;
use super::inventory::Contents;
use super::life::Life;
use super::origin::Origin;
use super::problem::Warning;
use super::provenance::Provenance;
use crate::resource::{Region, ResourceId};
use crate::template::model::{Distributor, Properties, Tags};

pub use customization::{Customization, Mend, Provisioner, Step, StepAction};
pub use package::{ArchiveFormat, Package, PackageAccess, Retention};

/// A validated build of one image.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer to a question of its own"
)]
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
    /// Tags of the image template itself, but for the task's own.
    pub template_tags: Option<Tags>,
    /// The sections of the template but for its customizers, from the template file or from the inputs.
    pub properties: Properties,
    /// The names of the sections that the template file has, its customizers included.
    pub sections_of_file: Vec<String>,
    /// What is done to the source.
    pub customization: Customization,
    /// The customizers of the template file in place of it, if it has any.
    pub steps: Option<Vec<Step>>,
    /// The folder that is put into the build VM first; without one only the template file's own customizers are done.
    pub package: Option<Package>,
    /// Whether there is no build where the newest image version was made of the same.
    pub skip_if_unchanged: bool,
    /// Whose run makes the image, and whether the image says so.
    pub provenance: Provenance,
    /// Which step of which pipeline run it is for.
    pub origin: Origin,
    /// Whether the contents of the image are listed, and what they are compared with.
    pub contents: Contents,
    /// The storage account of the lists, if there is one.
    pub storage_account: Option<String>,
    /// How it deals with what an earlier attempt started, and with its own end.
    pub life: Life,
    /// Whether the step ends when the run has begun.
    pub submits: bool,
    /// Whether it boots an image and makes none.
    pub tests: bool,
    /// Whether the output of the build shows in the job's log while it runs.
    pub stream_logs: bool,
    /// Inputs that have no effect in this build, and what counts in their place, as a hint names it.
    pub instead: Vec<(&'static str, String)>,
    /// What is worth telling the author although it does not stop the build.
    pub warnings: Vec<Warning>,
}

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
        self.properties.effective_build_timeout()
    }

    /// Name of the run output of the first target, which is the one that is reported.
    pub fn run_output_name(&self) -> &str {
        let first = self.properties.targets().first();
        first.map_or("", Distributor::run_output_name)
    }

    /// The identities of the build VM.
    pub fn vm_identities(&self) -> Vec<ResourceId> {
        let profile = self.properties.vm_profile.iter();
        let ids = profile.flat_map(|it| it.user_assigned_identities.iter().flatten());
        ids.filter_map(|id| id.parse().ok()).collect()
    }
}
