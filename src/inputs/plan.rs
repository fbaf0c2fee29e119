//! What a build will do: whatever is in a [`Plan`] has been checked.

mod parts;

use std::time::Duration;

use super::connection::Connection;
use super::inventory::{self, Contents};
use super::long_build::{self, LongBuild};
use super::manifest::{
    ALL_INPUTS, BUILD_VM_IDENTITIES, INLINE_SCRIPT, MANAGED_IDENTITY, PROVENANCE_TAGS,
    REPLICATION_REGIONS, SKIP_IF_UNCHANGED, STREAM_LOGS, TARGET_REGIONS, TEMPLATE_FILE,
    TEMPLATE_TAGS, VALIDATION_INLINE_SCRIPT,
};
use super::origin::Origin;
use super::problem::{Code, Problem, Warning};
use super::provenance::{self, Provenance};
use super::reader::resource::{location, resource_group};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::IDENTITY;
use super::settings::validation;
use super::template_file::overrides::{
    CUSTOMIZE, DISTRIBUTE, SOURCE, VALIDATE, VM_PROFILE, in_the_file, overrides_by,
};
use super::template_file::{self, FileSteps, TemplateFile};
use super::{
    customization, image_version, package, script, service_connection, settings, source, tags,
    target,
};
use crate::resource::{IMAGE_TEMPLATE, Region, ResourceId};
use crate::secret::Masker;
use crate::template::model::{Distributor, Properties, Tags, Validate};

pub use parts::{
    ArchiveFormat, Customization, Mend, Package, PackageAccess, Provisioner, Retention, Step,
    StepAction,
};

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
    /// The service connection.
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
    pub long_build: LongBuild,
    /// Whether the step ends when the run has begun.
    pub submits: bool,
    /// Whether it boots an image and makes none.
    pub tests: bool,
    /// Whether the output of the build shows in the job's log while it runs.
    pub stream_logs: bool,
    /// Inputs that have no effect in this build, and what counts in their place, as a hint names it.
    pub instead: Vec<(&'static str, String)>,
    /// What is wrong with the inputs without stopping the build.
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

    /// The id of an image template.
    pub(super) fn template_id(subscription: &str, resource_group: &str, name: &str) -> ResourceId {
        ResourceId::in_group(subscription, resource_group, IMAGE_TEMPLATE, name)
    }
}

/// A build that is to be sent, or only shown or checked.
///
/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Box<Plan>, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let (resource_group, location) = (resource_group(reader), location(reader));
    let identity = reader.required_id(&MANAGED_IDENTITY, IDENTITY);
    let file = template_file::read(reader);
    let source = file.or_inputs(reader, SOURCE, |it| it.source.clone(), source::read);
    let customization = |it: &mut Reader<'_>| customization::read(it, &file);
    let customization = file.or_inputs(reader, CUSTOMIZE, |_| None, customization);
    let format = customization.as_ref().map(Customization::format);
    let package = package::read(reader, format.ok(), &file);
    let targets = |it: &mut Reader<'_>| target::read(it, &location);
    let targets = file.or_inputs(reader, DISTRIBUTE, |it| it.distribute.clone(), targets);
    let settings = settings::read(reader, &file, connection.as_ref().ok());
    let template_tags = tags::of_template(reader, &TEMPLATE_TAGS);
    // Without a customization, there is a problem elsewhere, and no plan.
    let shell = customization.as_ref().map(|it| it.provisioner);
    let validate = |it: &mut Reader<'_>| validation(it, shell.unwrap_or(Provisioner::Shell));
    let validate = file.section(reader, VALIDATE, |it| &it.validate, validate);
    let stream_logs = reader.flag(&STREAM_LOGS);
    let provenance = provenance::read(reader);
    let skip_if_unchanged = skip_if_unchanged(reader, targets.as_ref().ok(), &provenance);
    let not_itself = target::check_against(reader, &file, source.as_ref(), targets.as_ref());
    read_other_flags(reader, &file);
    let given_name = long_build::template_name(reader);
    let by_clock = image_version::is_by_clock(reader);
    let long_build = long_build::read(reader, matches!(&given_name, Ok(Some(_))), by_clock);
    let (contents, storage_account) = inventory::of_build(reader, &file, &package);
    let customization = check_scripts(reader, customization, &validate, package.as_ref(), &file);
    let instead = what_counts_instead(reader, &file);
    let steps = template_file::resolve(reader, file.steps, package.as_ref());
    let (connection, resource_group, ()) = (connection?, resource_group?, not_itself?);
    let template_name = given_name?.unwrap_or_else(|| reader.raw_inputs().template_name());
    Ok(Box::new(Plan {
        template_id: Plan::template_id(&connection.subscription, &resource_group, &template_name),
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
        origin: Origin::of(reader.raw_inputs()),
        long_build: long_build?,
        contents: contents?,
        storage_account: storage_account?,
        submits: false,
        tests: false,
        stream_logs: stream_logs?,
        instead,
        warnings: Vec::new(),
    }))
}

/// What is compared stands in a tag of the image version, so there must be both.
fn skip_if_unchanged(
    reader: &mut Reader<'_>,
    targets: Option<&Vec<Distributor>>,
    provenance: &Result<Provenance, AlreadyReported>,
) -> Result<bool, AlreadyReported> {
    let input = &SKIP_IF_UNCHANGED;
    if !reader.flag(input)? {
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
    reader.warn_without_effect(input, reason, &hint);
    Ok(false)
}

/// Reports what is wrong with the scripts of inputs and file, and leaves out a script that does nothing.
fn check_scripts(
    reader: &mut Reader<'_>,
    customization: Result<Customization, AlreadyReported>,
    validate: &Result<Option<Validate>, AlreadyReported>,
    package: Result<&Option<Package>, &AlreadyReported>,
    file: &TemplateFile,
) -> Result<Customization, AlreadyReported> {
    let validation = match validate {
        Ok(Some(validate)) if !file.has(VALIDATE) => validate.script(),
        Ok(_) | Err(_) => Vec::new(),
    };
    refuse_exposed_secrets(reader, &customization, &validation, file);
    warn_of_scripts(reader, &customization, file, package);
    let customization = script::without_idle(reader, customization, package, file);
    let own = customization.as_ref().map(|it| it.inline.as_slice());
    script::warn_of_macros(reader, &INLINE_SCRIPT, own.unwrap_or_default());
    script::warn_of_macros(reader, &VALIDATION_INLINE_SCRIPT, &validation);
    customization
}

/// The scripts are in the template, and so visible to everybody with read permission on it.
fn refuse_exposed_secrets(
    reader: &mut Reader<'_>,
    customization: &Result<Customization, AlreadyReported>,
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
        let Some(secret) = reader.raw_inputs().secret_in(&script) else {
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
        reader.report(Problem::new(Code::Exposed, input, text, Some(hint)));
    }
}

/// Lines of scripts that do not do what they seem to.
fn warn_of_scripts(
    reader: &mut Reader<'_>,
    customization: &Result<Customization, AlreadyReported>,
    file: &TemplateFile,
    package: Result<&Option<Package>, &AlreadyReported>,
) {
    let Ok(customization) = customization else {
        return;
    };
    let provisioner = customization.provisioner;
    let package = package.ok().and_then(Option::as_ref);
    let own = customization.inline.join("\n");
    let whose = (&INLINE_SCRIPT, "");
    script::warn_of_lines(reader, whose, &own, provisioner, package);
    for script in file.steps.iter().flat_map(FileSteps::scripts) {
        let whose = (&TEMPLATE_FILE, ", a script of it");
        script::warn_of_lines(reader, whose, &script, provisioner, package);
    }
}

/// Switches that no part of the plan has read must be `true` or `false`, too.
fn read_other_flags(reader: &mut Reader<'_>, file: &TemplateFile) {
    let overridden: Vec<_> = overrides_by(|section| file.has(section)).collect();
    for input in ALL_INPUTS.iter().filter(|input| input.is_flag()) {
        if !overridden.iter().any(|(_, other, _)| *other == input) {
            // A problem is kept with the others.
            drop(reader.flag(input));
        }
    }
}

/// For each input without effect that a hint may name: what counts instead.
fn what_counts_instead(reader: &Reader<'_>, file: &TemplateFile) -> Vec<(&'static str, String)> {
    let overridden = overrides_by(|section| file.has(section));
    let mut instead: Vec<_> = overridden
        .map(|(section, input, member)| (input.name, in_the_file(section, member)))
        .collect();
    if reader.is_set(&TARGET_REGIONS) && !file.has(DISTRIBUTE) {
        instead.push((
            REPLICATION_REGIONS.name,
            format!("input '{}'", TARGET_REGIONS.name),
        ));
    }
    instead
}
