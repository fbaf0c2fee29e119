//! From the texts that a job gives to a validated [`Plan`].
//!
//! No clock, no environment, no network. Of the disk, the package's folder, the template file with its scripts, the result
//! file in `ImageVersionId`, and the template of session hosts with its parameters are read. All problems are found
//! before any is reported, because a pipeline author who corrects one input per run waits an agent's queue for each.

pub mod action;
mod build_vm;
mod compare_with;
pub mod connection;
mod customization;
pub mod existing_templates;
pub mod fleet;
mod gallery;
mod given_version;
pub mod image_test;
mod image_version;
pub mod inventory;
pub mod long_build;
mod macros;
pub mod manifest;
mod marketplace;
pub mod origin;
mod owner;
mod package;
mod path;
pub mod plan;
pub(crate) mod powershell;
pub mod problem;
pub mod provenance;
pub mod raw_inputs;
mod reader;
pub mod release;
mod resource_kind;
pub mod retain;
pub mod rollout;
mod script;
mod script_remarks;
mod service_connection;
mod settings;
mod source;
mod spelling;
mod tags;
mod target;
pub mod task;
pub mod template_file;

pub use action::Action;
pub use compare_with::{ChangeKind, ChangeRule, CompareWith, Glob};
pub use connection::{Cloud, Connection, KnownCloud, OidcRequest, OidcSource, Scheme};
pub use existing_templates::{Existing, Follow, Sweep};
pub use fleet::{Condition, Fleet};
pub use image_test::{Check, ImageTest, TestEngine, TestTag, TestVm};
pub use inventory::{Contents, Diff};
pub use long_build::{LongBuild, OnCancel, WhenNotReady, is_template_name};
pub use origin::Origin;
pub use owner::{Owner, Templates, owner};
pub use plan::{
    ArchiveFormat, Customization, Mend, Package, PackageAccess, Plan, Provisioner, Retention, Step,
    StepAction,
};
pub use problem::{CODES, Code, Problem, Problems, Warning};
pub use provenance::Provenance;
pub use raw_inputs::{RawConnection, RawInputs, RawRun, RawStep, Variables};
pub use release::{Promotion, Release, What};
pub use retain::{Keep, Retain, RetainAction};
pub use rollout::{OnRolloutFailure, Rollout, RolloutMethod, WantedImage};
pub use spelling::{meant, nearest};
pub use task::{Examined, Task, task};

use reader::Reader;

use crate::secret::Masker;

/// The service connection alone, for a step that removes what an earlier one left.
pub fn connection(given: &RawInputs, masker: &dyn Masker) -> Result<Connection, Problems> {
    let mut reader = Reader::new(given);
    let read = service_connection::read(&mut reader, masker);
    Ok(reader.finish(read)?.0)
}
