//! From the texts that a job gives to a validated [`Plan`].
//!
//! No clock, no environment, no network. Of the disk, the package's folder and the template file with its scripts are read. All problems are found
//! before any is reported, because a pipeline author who corrects one input per run waits an agent's queue for each.

pub mod action;
pub mod connection;
pub mod declared;
pub mod diff;
pub mod fleet;
pub mod follow;
pub mod given;
pub mod image_test;
pub mod inventory;
pub mod plan;
pub mod problem;
pub mod provenance;
pub mod release;
pub mod rollout;

mod build_vm;
mod comparison;
mod customization;
pub mod existing;
mod gallery;
mod given_version;
mod image_version;
pub mod life;
mod macros;
mod marketplace;
mod oidc;
pub mod origin;
mod owner;
mod package;
mod path;
pub(crate) mod powershell;
mod predefined;
mod reading;
mod resource_kind;
pub mod retain;
mod script;
mod script_remarks;
mod service_connection;
mod settings;
mod source;
mod spelling;
pub mod sweep;
mod tags;
mod target;
pub mod template_file;
mod validation;

pub use action::Action;
pub use comparison::{ChangeKind, ChangeRule, CompareWith, Glob};
pub use connection::{Cloud, Connection, KnownCloud, OidcRequest, OidcSource, Scheme};
pub use diff::Diff;
pub use existing::Existing;
pub use fleet::{Condition, Fleet};
pub use follow::Follow;
pub use given::{Given, GivenConnection, GivenRun, GivenStep, Variables};
pub use image_test::{Check, ImageTest, TestEngine, TestTag, TestVm};
pub use inventory::Contents;
pub use life::{Life, OnCancel, WhenNotReady};
pub use origin::Origin;
pub use owner::{Owner, Templates, owner};
pub use plan::{
    ArchiveFormat, Customization, Mend, Package, PackageAccess, Plan, Provisioner, Retention, Step,
    StepAction,
};
pub use problem::{CODES, Code, Problem, Problems, Warning};
pub use provenance::Provenance;
pub use release::{Promotion, Release, What};
pub use retain::{Keep, Retain, RetainAction};
pub use rollout::{OnRolloutFailure, Rollout, RolloutMethod, WantedImage};
pub use spelling::{meant, nearest};
pub use sweep::Sweep;

use declared::{
    ALL_INPUTS, BUILD_VM_IDENTITIES, IB_AZURE_RESOURCE_GROUP, IB_LOCATION, INLINE_SCRIPT,
    MANAGED_IDENTITY, PROVENANCE_TAGS, REPLICATION_REGIONS, SKIP_IF_UNCHANGED, STREAM_LOGS,
    TARGET_REGIONS, TEMPLATE_FILE, TEMPLATE_TAGS, VALIDATION_INLINE_SCRIPT,
};
use problem::Form;
use reading::{Reading, Reported};
use template_file::overrides::{in_the_file, overrides_by};
use template_file::{CUSTOMIZE, DISTRIBUTE, FileSteps, SOURCE, TemplateFile};

use crate::resource::{IMAGE_TEMPLATE, Region, ResourceId};
use crate::secret::Masker;
use crate::template::model::{Distributor, Properties, Validate};

/// The service connection alone, for a step that removes what an earlier one left.
pub fn connection(given: &Given, masker: &dyn Masker) -> Result<Connection, Problems> {
    let mut reading = Reading::new(given);
    let read = service_connection::read(&mut reading, masker);
    Ok(reading.finish(read)?.0)
}

/// What a step is asked to do, with everything that it needs.
#[derive(Debug)]
pub enum Task {
    /// Build the image, and wait for it.
    Build(Box<Plan>),
    /// Start a build, and end.
    Submit(Box<Plan>),
    /// Follow a run, which is started first where that is asked for.
    Follow(Box<Follow>),
    /// Show the template that would be sent.
    Render(Box<Plan>),
    /// Check everything that a build needs.
    Doctor(Box<Plan>),
    /// Promote an image version, or withdraw it.
    Release(Box<Release>),
    /// Keep the right versions of an image definition, and delete the others.
    Retain(Box<Retain>),
    /// Check everything that this needs.
    DoctorOfRetain(Box<Retain>),
    /// Check everything that this needs.
    DoctorOfRelease(Box<Release>),
    /// Look at a run once.
    Status(Box<Existing>),
    /// Cancel a run, and clean up.
    Cancel(Box<Existing>),
    /// Delete what dead jobs left.
    Sweep(Box<Sweep>),
    /// Boot an image version, and run checks in it.
    Test(Box<ImageTest>),
    /// Check everything that this needs.
    DoctorOfTest(Box<ImageTest>),
    /// Compare the contents of two image versions.
    Diff(Box<Diff>),
    /// Make a host pool serve an image version.
    Rollout(Box<Rollout>),
    /// Check everything that this needs.
    DoctorOfRollout(Box<Rollout>),
    /// Say which hosts and VMs run which version.
    Report(Box<Fleet>),
    /// Check everything that this needs.
    DoctorOfReport(Box<Fleet>),
}

impl Task {
    /// The build that is to be done, shown or checked.
    pub fn plan(self) -> Option<Plan> {
        match self {
            Self::Build(plan) | Self::Submit(plan) | Self::Render(plan) | Self::Doctor(plan) => {
                Some(*plan)
            }
            Self::Follow(_)
            | Self::Release(_)
            | Self::Retain(_)
            | Self::DoctorOfRetain(_)
            | Self::DoctorOfRelease(_)
            | Self::Status(_)
            | Self::Cancel(_)
            | Self::Sweep(_)
            | Self::Test(_)
            | Self::DoctorOfTest(_)
            | Self::Diff(_)
            | Self::Rollout(_)
            | Self::DoctorOfRollout(_)
            | Self::Report(_)
            | Self::DoctorOfReport(_) => None,
        }
    }
}

/// Understands what a job gives, or says everything that is wrong with it. Secrets are announced to `masker` before they go anywhere.
/// What is worth telling although it stops nothing comes beside the task.
pub fn task(given: &Given, masker: &dyn Masker) -> Result<(Task, Vec<Warning>), Problems> {
    let mut reading = Reading::new(given);
    let read = read(&mut reading, masker);
    let (mut task, warnings) = reading.finish(read)?;
    match &mut task {
        Task::Build(plan) | Task::Submit(plan) | Task::Render(plan) | Task::Doctor(plan) => {
            plan.warnings.clone_from(&warnings);
        }
        Task::Release(release) | Task::DoctorOfRelease(release) => {
            release.warnings.clone_from(&warnings);
        }
        Task::Retain(retain) | Task::DoctorOfRetain(retain) => {
            retain.warnings.clone_from(&warnings);
        }
        Task::Follow(follow) => follow.warnings.clone_from(&warnings),
        Task::Status(it) | Task::Cancel(it) => it.warnings.clone_from(&warnings),
        Task::Sweep(it) => it.warnings.clone_from(&warnings),
        Task::Test(it) | Task::DoctorOfTest(it) => it.warnings.clone_from(&warnings),
        Task::Diff(it) => it.warnings.clone_from(&warnings),
        Task::Rollout(it) | Task::DoctorOfRollout(it) => it.warnings.clone_from(&warnings),
        Task::Report(it) | Task::DoctorOfReport(it) => it.warnings.clone_from(&warnings),
    }
    Ok((task, warnings))
}

fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Task, Reported> {
    reading.warn_of_undeclared();
    let action = match action::read(reading) {
        Ok(action) => action,
        Err(reported) => {
            // All problems are told at once; but what another action does not need is not missing.
            if action::is_nearly_a_build(reading) {
                drop(read_plan(reading, masker));
            } else {
                drop(reading.as_far_as_given(|it| read_plan(it, masker)));
            }
            return Err(reported);
        }
    };
    match action {
        Action::Render => Ok(Task::Render(read_plan(reading, masker)?)),
        Action::Doctor => read_for_doctor(reading, masker),
        Action::Promote => {
            let release = release::promotion(reading, masker)?;
            Ok(Task::Release(Box::new(release)))
        }
        Action::Withdraw => {
            let release = release::withdrawal(reading, masker)?;
            Ok(Task::Release(Box::new(release)))
        }
        Action::Retain => Ok(Task::Retain(Box::new(retain::read(reading, masker)?))),
        Action::Submit => {
            let mut plan = read_plan(reading, masker)?;
            plan.submits = true;
            Ok(Task::Submit(plan))
        }
        Action::Wait | Action::Run => Ok(Task::Follow(follow::read(reading, masker, action)?)),
        Action::Status => Ok(Task::Status(Box::new(existing::read(
            reading, masker, action,
        )?))),
        Action::Cancel => Ok(Task::Cancel(Box::new(existing::read(
            reading, masker, action,
        )?))),
        Action::Sweep => Ok(Task::Sweep(Box::new(sweep::read(reading, masker)?))),
        Action::Test => Ok(Task::Test(Box::new(image_test::read(reading, masker)?))),
        Action::Diff => Ok(Task::Diff(Box::new(diff::read(reading, masker)?))),
        Action::Rollout => Ok(Task::Rollout(Box::new(rollout::read(reading, masker)?))),
        Action::Report => Ok(Task::Report(Box::new(fleet::read(reading, masker)?))),
        Action::Build => Ok(Task::Build(read_plan(reading, masker)?)),
    }
}

/// What the doctor looks at: what the action needs whose inputs these are.
fn read_for_doctor(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Task, Reported> {
    Ok(match action::examined(reading) {
        Action::Promote => Task::DoctorOfRelease(Box::new(release::promotion(reading, masker)?)),
        Action::Withdraw => Task::DoctorOfRelease(Box::new(release::withdrawal(reading, masker)?)),
        Action::Retain => Task::DoctorOfRetain(Box::new(retain::read(reading, masker)?)),
        Action::Test => Task::DoctorOfTest(Box::new(image_test::read(reading, masker)?)),
        Action::Rollout => Task::DoctorOfRollout(Box::new(rollout::read(reading, masker)?)),
        Action::Report => Task::DoctorOfReport(Box::new(fleet::read(reading, masker)?)),
        _ => Task::Doctor(read_plan(reading, masker)?),
    })
}

/// A build that is to be sent, or only shown or checked.
///
/// Every part is read before the first `?`, so that each part reports its problems.
fn read_plan(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Box<Plan>, Reported> {
    let connection = service_connection::read(reading, masker);
    let (resource_group, location) = (resource_group(reading), location(reading));
    let identity = reading.required_id(&MANAGED_IDENTITY, resource_kind::IDENTITY);
    let file = template_file::read(reading);
    let source = file.or_inputs(reading, SOURCE, |it| it.source.clone(), source::read);
    let customization = |it: &mut Reading<'_>| customization::read(it, &file);
    let customization = file.or_inputs(reading, CUSTOMIZE, |_| None, customization);
    let format = customization.as_ref().map(Customization::format);
    let package = package::read(reading, format.ok(), &file);
    let targets = |it: &mut Reading<'_>| target::read(it, &location);
    let targets = file.or_inputs(reading, DISTRIBUTE, |it| it.distribute.clone(), targets);
    let settings = settings::read(reading, &file, connection.as_ref().ok());
    let template_tags = tags::of_template(reading, &TEMPLATE_TAGS);
    // Without a customization, there is a problem elsewhere, and no plan.
    let shell = customization.as_ref().map(|it| it.provisioner);
    let validate = |it: &mut Reading<'_>| validation::read(it, shell.unwrap_or(Provisioner::Shell));
    let validate = file.section(reading, VALIDATE, |it| &it.validate, validate);
    let stream_logs = reading.flag(&STREAM_LOGS);
    let provenance = provenance::read(reading);
    let skip_if_unchanged = skip_if_unchanged(reading, targets.as_ref().ok(), &provenance);
    let not_itself = target::check_against(reading, &file, source.as_ref(), targets.as_ref());
    read_other_flags(reading, &file);
    let given_name = life::template_name(reading);
    let by_clock = image_version::is_by_clock(reading);
    let life = life::read(reading, matches!(&given_name, Ok(Some(_))), by_clock);
    let (contents, storage_account) = inventory::of_build(reading, &file, &package);
    let customization = judged_scripts(reading, customization, &validate, package.as_ref(), &file);
    let instead = what_counts_instead(reading, &file);
    let steps = template_file::resolve(reading, file.steps, package.as_ref());
    let (connection, resource_group, ()) = (connection?, resource_group?, not_itself?);
    let template_name = given_name?.unwrap_or_else(|| reading.given().template_name());
    Ok(Box::new(Plan {
        template_id: template_id(&connection.subscription, &resource_group, &template_name),
        template_name,
        connection,
        resource_group,
        location: location?,
        identity: identity?,
        template_tags: template_tags?,
        properties: Properties {
            source: Some(source?),
            validate: validate?,
            distribute: Some(targets?),
            ..settings?
        },
        sections_of_file: file.names,
        customization: customization?,
        steps: steps?,
        package: package?,
        skip_if_unchanged: skip_if_unchanged?,
        provenance: provenance?,
        origin: Origin::of(reading.given()),
        life: life?,
        contents: contents?,
        storage_account: storage_account?,
        submits: false,
        tests: false,
        stream_logs: stream_logs?,
        instead,
        warnings: Vec::new(),
    }))
}

fn location(reading: &mut Reading<'_>) -> Result<Region, Reported> {
    let text = reading.required(&IB_LOCATION, REGION)?;
    reading.region(&IB_LOCATION, text)
}

/// What is compared stands in a tag of the image version, so there must be both.
fn skip_if_unchanged(
    reading: &mut Reading<'_>,
    targets: Option<&Vec<Distributor>>,
    provenance: &Result<Provenance, Reported>,
) -> Result<bool, Reported> {
    let input = &SKIP_IF_UNCHANGED;
    if !reading.flag(input)? {
        return Ok(false);
    }
    let tagged = provenance.as_ref().is_ok_and(|it| it.as_tags);
    let (reason, hint) = match targets.map(Vec::as_slice) {
        Some([Distributor::SharedImage(_)]) if tagged => return Ok(true),
        Some([Distributor::SharedImage(_)]) => (
            "because the provenance tags of the image version are needed to compare",
            format!("remove input '{}'", PROVENANCE_TAGS.name),
        ),
        Some(_) => (
            "because only a gallery image version has the tags that are compared",
            format!("remove '{}', or distribute to a gallery", input.name),
        ),
        // There is a problem elsewhere, and no plan.
        None => return Ok(false),
    };
    reading.warn_without_effect(input, reason, &hint);
    Ok(false)
}

fn template_id(subscription: &str, resource_group: &str, name: &str) -> ResourceId {
    ResourceId::in_group(subscription, resource_group, IMAGE_TEMPLATE, name)
}

/// The section that says how the image is checked.
const VALIDATE: &str = "validate";
/// The section that says what the build VM is.
const VM_PROFILE: &str = "vmProfile";

/// Says what is wrong with the scripts of inputs and file, or leaves out the one that does nothing.
fn judged_scripts(
    reading: &mut Reading<'_>,
    customization: Result<Customization, Reported>,
    validate: &Result<Option<Validate>, Reported>,
    package: Result<&Option<Package>, &Reported>,
    file: &TemplateFile,
) -> Result<Customization, Reported> {
    let validation = match validate {
        Ok(Some(validate)) if !file.has(VALIDATE) => validate.script(),
        Ok(_) | Err(_) => Vec::new(),
    };
    refuse_exposed_secrets(reading, &customization, &validation, file);
    warn_of_scripts(reading, &customization, file, package);
    let customization = script::judged(reading, customization, package, file);
    let own = customization.as_ref().map(|it| it.inline.as_slice());
    script::warn_of_macros(reading, &INLINE_SCRIPT, own.unwrap_or_default());
    script::warn_of_macros(reading, &VALIDATION_INLINE_SCRIPT, &validation);
    customization
}

/// The scripts are in the template, where everybody reads them who may read it.
fn refuse_exposed_secrets(
    reading: &mut Reading<'_>,
    customization: &Result<Customization, Reported>,
    validation: &[String],
    file: &TemplateFile,
) {
    let identities = if file.has(VM_PROFILE) {
        in_the_file(VM_PROFILE, "userAssignedIdentities")
    } else {
        format!("input '{}'", BUILD_VM_IDENTITIES.name)
    };
    let lines = customization.as_ref().map(|it| it.inline.join("\n"));
    let mut scripts = vec![(&INLINE_SCRIPT, None, lines.unwrap_or_default())];
    scripts.push((&VALIDATION_INLINE_SCRIPT, None, validation.join("\n")));
    let in_file = file.scripts().into_iter();
    scripts.extend(in_file.map(|(place, script)| (&TEMPLATE_FILE, Some(place), script)));
    for (input, place, script) in scripts {
        let Some(secret) = reading.given().secret_in(&script) else {
            continue;
        };
        let place = place.map(|place| format!("{place}: "));
        let text = format!(
            "{}the script contains {secret}; everybody with read permission on the image template could read it",
            place.unwrap_or_default()
        );
        let hint = format!(
            "let the build VM read the secret from a key vault with its own managed identity ({identities}); if the value is not confidential, do not make the variable secret"
        );
        reading.report(Problem::new(Code::Exposed, input, text, Some(hint)));
    }
}

/// Lines of scripts that do not do what they seem to.
fn warn_of_scripts(
    reading: &mut Reading<'_>,
    customization: &Result<Customization, Reported>,
    file: &TemplateFile,
    package: Result<&Option<Package>, &Reported>,
) {
    let Ok(customization) = customization else {
        return;
    };
    let provisioner = customization.provisioner;
    let package = package.ok().and_then(Option::as_ref);
    let own = customization.inline.join("\n");
    let whose = (&INLINE_SCRIPT, "");
    script_remarks::warn_of(reading, whose, &own, provisioner, package);
    for script in file.steps.iter().flat_map(FileSteps::scripts) {
        let whose = (&TEMPLATE_FILE, ", a script of it");
        script_remarks::warn_of(reading, whose, &script, provisioner, package);
    }
}

/// A switch that nothing else asked for has to be one, too.
fn read_other_flags(reading: &mut Reading<'_>, file: &TemplateFile) {
    let overridden: Vec<_> = overrides_by(|section| file.has(section)).collect();
    for input in ALL_INPUTS.iter().filter(|input| input.is_flag()) {
        if !overridden.iter().any(|(_, other, _)| *other == input) {
            // A problem is kept with the others.
            drop(reading.flag(input));
        }
    }
}

/// For each input without effect that a hint may name: what counts instead.
fn what_counts_instead(reading: &Reading<'_>, file: &TemplateFile) -> Vec<(&'static str, String)> {
    let overridden = overrides_by(|section| file.has(section));
    let mut instead: Vec<_> = overridden
        .map(|(section, input, member)| (input.name, in_the_file(section, member)))
        .collect();
    if reading.is_set(&TARGET_REGIONS) && !file.has(DISTRIBUTE) {
        instead.push((
            REPLICATION_REGIONS.name,
            format!("input '{}'", TARGET_REGIONS.name),
        ));
    }
    instead
}

const REGION: Form = Form {
    what: "a region",
    looks: "letters and digits",
    example: "westeurope",
};

const RESOURCE_GROUP: Form = Form {
    what: "the name of a resource group",
    looks: "up to 90 letters, digits and '-_.()' without a '.' at the end",
    example: "rg-images",
};

/// The rules are those of <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources>.
fn resource_group(reading: &mut Reading<'_>) -> Result<String, Reported> {
    let text = reading.required(&IB_AZURE_RESOURCE_GROUP, RESOURCE_GROUP)?;
    if is_resource_group_name(text) {
        return Ok(text.to_owned());
    }
    let hint = last_of_id(text).map(|name| format!("use only the name: '{name}'"));
    Err(reading.malformed(&IB_AZURE_RESOURCE_GROUP, text, RESOURCE_GROUP, hint))
}

fn is_resource_group_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    let length = text.chars().count();
    text.chars().all(plain) && (1..=90).contains(&length) && !text.ends_with('.')
}

/// The last segment, where an author gave the id of something that is wanted by its name.
fn last_of_id(text: &str) -> Option<&str> {
    let id = text.starts_with('/').then(|| text.trim_end_matches('/'))?;
    id.rsplit('/').next().filter(|name| !name.is_empty())
}
