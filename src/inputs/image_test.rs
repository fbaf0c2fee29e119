//! What `action: test` needs: an image, an engine that boots it, and the checks.

mod engine;

use super::connection::Connection;
use super::long_build::RESUMES;
use super::manifest::{
    BOOT_TIMEOUT_IN_MINUTES, BUILD_TIMEOUT_IN_MINUTES, BUILD_VM_IDENTITIES,
    CONTAINER_INSTANCE_SUBNET_ID, IB_AZURE_RESOURCE_GROUP, IMAGE_VERSION_ID, Input, KEEP_TAG,
    KEEP_VM_ON_FAILURE, MANAGED_IDENTITY, MANAGED_RESOURCE_TAGS, OS_DISK_SIZE_GB, PROXY_VM_SIZE,
    RESUME, STAGING_RESOURCE_GROUP, STREAM_LOGS, TEMPLATE_FILE, TEMPLATE_TAGS, TEST_ADMIN_PASSWORD,
    TEST_ENGINE, TEST_SUBNET_ID, TEST_TAG, TEST_VM_GROUP, VALIDATION_INLINE_SCRIPT, VNET_SUBNET_ID,
};
use super::plan::Provisioner;
use super::problem::{Code, Form, Problem, Warning, quoted};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::MANAGED_IMAGE;
use super::script::{self, is_idle};
use super::spelling::lines;
use super::tags::REFUSED_IN_NAMES;
use super::template_file::TemplateFile;
use super::template_file::overrides::VALIDATE;
use super::{Origin, Package, customization, given_version, service_connection, template_file};
use crate::resource::ResourceId;
use crate::resource::tag::is_of_image;
use crate::secret::Masker;
use crate::template::model::Customizer;
use engine::{IMAGE_BUILDER, VM};

pub use engine::{TestEngine, TestVm};

/// An image that is to be tested.
#[derive(Debug, Clone)]
pub struct ImageTest {
    /// The service connection.
    pub connection: Connection,
    /// A version of an image definition, by its number, or a managed image.
    pub image: ResourceId,
    /// What boots it.
    pub engine: TestEngine,
    /// The tags for the result; without them there are none.
    pub tag: Option<TestTag>,
    /// The step, as its resources name it.
    pub origin: Origin,
    /// Whether the job, its stage or the release is at its second attempt or a later one.
    pub second_attempt: bool,
    /// Microseconds since 1970, in the names of what the test makes.
    pub number: u128,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// The tags that an image version gets: this one, and two whose names are longer by `At` and `Run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTag {
    /// Its name.
    pub name: String,
    /// The number of the build, or the name of the release, as far as it is known and may be read by everybody.
    pub run: Option<String>,
}

/// What the names of the two other tags end in.
pub const TAG_ENDS: [&str; 2] = ["At", "Run"];

#[derive(Clone, Copy)]
enum Kind {
    ImageBuilder,
    Vm,
}

const ENGINES: &[(&str, Kind)] = &[(IMAGE_BUILDER, Kind::ImageBuilder), (VM, Kind::Vm)];

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<ImageTest, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let image = image(reader);
    let file = template_file::read_for_test(reader);
    let kind = reader.choice_or_default(&TEST_ENGINE, ENGINES);
    if let Ok(kind) = kind {
        warn_of_other_engine(reader, kind.unwrap_or(Kind::ImageBuilder));
    }
    let tag = tag(reader);
    let resume = reader.choice_or_default(&RESUME, RESUMES);
    let engine = match kind {
        Ok(Some(Kind::Vm)) => engine::vm(reader, masker, &file, connection.as_ref().ok()),
        Ok(Some(Kind::ImageBuilder) | None) => {
            engine::image_builder(reader, &file, (&connection, &image))
        }
        Err(ref reported) => {
            // The checks are the same with both.
            drop(read_checks(reader, &file));
            Err(reported.clone())
        }
    };
    let given = reader.raw_inputs();
    let (origin, number, name) = (Origin::of(given), given.unique, given.template_name());
    let second_attempt = given.is_second_attempt();
    let mut engine = engine?;
    let resume = resume?.unwrap_or(true);
    if let TestEngine::ImageBuilder(plan) = &mut engine {
        plan.long_build.resume = resume;
    }
    Ok(ImageTest {
        connection: connection?,
        image: image?,
        engine,
        tag: tag?,
        origin,
        second_attempt: second_attempt && resume,
        number,
        name,
        warnings: Vec::new(),
    })
}

/// What only a VM of the step's own uses.
const OF_VM: &[Input] = &[
    TEST_SUBNET_ID,
    TEST_VM_GROUP,
    TEST_ADMIN_PASSWORD,
    BOOT_TIMEOUT_IN_MINUTES,
    KEEP_VM_ON_FAILURE,
];
/// What only Azure VM Image Builder uses.
const OF_IMAGE_BUILDER: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    MANAGED_IDENTITY,
    OS_DISK_SIZE_GB,
    VNET_SUBNET_ID,
    CONTAINER_INSTANCE_SUBNET_ID,
    PROXY_VM_SIZE,
    BUILD_VM_IDENTITIES,
    STAGING_RESOURCE_GROUP,
    MANAGED_RESOURCE_TAGS,
    TEMPLATE_TAGS,
    BUILD_TIMEOUT_IN_MINUTES,
    STREAM_LOGS,
];

fn warn_of_other_engine(reader: &mut Reader<'_>, kind: Kind) {
    let (unused, own, other) = match kind {
        Kind::ImageBuilder => (OF_VM, IMAGE_BUILDER, VM),
        Kind::Vm => (OF_IMAGE_BUILDER, VM, IMAGE_BUILDER),
    };
    for input in unused
        .iter()
        .filter(|input| reader.is_set(input))
        .collect::<Vec<_>>()
    {
        let reason = format!("because '{}' is '{own}'", TEST_ENGINE.name);
        let hint = format!("remove '{}'; it is an input of '{other}'", input.name);
        reader.warn_without_effect(input, &reason, &hint);
    }
}

/// A version as for a promotion, or a managed image.
fn image(reader: &mut Reader<'_>) -> Result<ResourceId, AlreadyReported> {
    let id = reader.optional(&IMAGE_VERSION_ID);
    let id = id.ok().flatten().and_then(|text| text.parse().ok());
    match id.filter(|id| MANAGED_IMAGE.includes(id)) {
        Some(image) => Ok(image),
        None => given_version::read(reader),
    }
}

const TAG: Form = Form {
    what: "the name of a tag",
    looks: "up to 500 characters, none of them '<>%&\\?/'",
    example: "imageTest",
};
/// Azure's limit is 512 with what is added to it.
const LONGEST_TAG: usize = 500;

fn tag(reader: &mut Reader<'_>) -> Result<Option<TestTag>, AlreadyReported> {
    let Some(name) = reader.optional(&TEST_TAG)? else {
        return Ok(None);
    };
    let refused = |c: char| REFUSED_IN_NAMES.contains(c) || c.is_control();
    if name.contains(refused) || name.chars().count() > LONGEST_TAG {
        return Err(reader.malformed(&TEST_TAG, name, TAG, None));
    }
    let ends = [""].into_iter().chain(TAG_ENDS);
    let mut names = ends.map(|end| format!("{name}{end}"));
    // What `keepTag` names protects a version from retention, whatever its value is.
    let is_taken = |name: &str| is_of_image(name) || name.eq_ignore_ascii_case(KEEP_TAG.default);
    if let Some(taken) = names.find(|name| is_taken(name)) {
        let sentence = format!(
            "a tag {} would be written, which the task uses for something else",
            quoted(&taken)
        );
        let hint = format!("use another name, for example '{}'", TAG.example);
        let problem = Problem::new(Code::Contradiction, &TEST_TAG, sentence, Some(hint));
        return Err(reader.report(problem));
    }
    let given = reader.raw_inputs();
    let run = given.run.release.clone();
    let run = run.or_else(|| given.build_number.clone());
    // Everybody can read a tag.
    let run = run.filter(|run| !run.trim().is_empty() && given.secret_in(run).is_none());
    Ok(Some(TestTag {
        name: name.to_owned(),
        run,
    }))
}

/// A check that a VM of the step's own runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is called.
    pub name: String,
    /// The shell that it is for.
    pub provisioner: Provisioner,
    /// Its lines.
    pub lines: Vec<String>,
    /// The exit codes that pass it; none for 0 alone.
    pub exit_codes: Vec<i64>,
}

/// The checks, and the shell that they are for.
#[derive(Debug, Clone)]
struct Checks {
    provisioner: Provisioner,
    validators: Vec<Customizer>,
}

/// What the script of the inputs is called in logs and results.
const CHECK_NAME: &str = "checks";

/// The file wins whole, as in a build.
fn read_checks(reader: &mut Reader<'_>, file: &TemplateFile) -> Result<Checks, AlreadyReported> {
    let script = |it: &mut Reader<'_>| of_inputs(it);
    let of_file = |it: &crate::template::model::Properties| {
        let validators = it.validators().to_vec();
        let provisioner = validators.iter().find_map(provisioner_of);
        provisioner.map(|provisioner| Checks {
            provisioner,
            validators,
        })
    };
    let checks = file.or_inputs(reader, VALIDATE, of_file, script)?;
    for (input, place, text) in scripts(&checks, file) {
        if let Some(secret) = reader.raw_inputs().secret_in(&text) {
            let sentence = format!(
                "{place}the script contains {secret}; everybody with read permission on the image template or the VM could read it"
            );
            let hint = "let the VM read the secret from a key vault with a managed identity; if the value is not confidential, do not make the variable secret".to_owned();
            return Err(reader.report(Problem::new(Code::Exposed, input, sentence, Some(hint))));
        }
    }
    warn_of_restarts(reader, &checks);
    Ok(checks)
}

fn provisioner_of(validator: &Customizer) -> Option<Provisioner> {
    match validator {
        Customizer::Shell(_) => Some(Provisioner::Shell),
        Customizer::PowerShell(_) => Some(Provisioner::PowerShell),
        _ => None,
    }
}

fn of_inputs(reader: &mut Reader<'_>) -> Result<Checks, AlreadyReported> {
    let provisioner = customization::provisioner(reader)?;
    let lines = lines(reader.raw(&VALIDATION_INLINE_SCRIPT));
    if is_idle(&lines) {
        let text = format!(
            "there is nothing to check: it has no commands, and there is no '{VALIDATE}' in a template file"
        );
        let hint = format!(
            "write commands that fail if the image is faulty, for example: {}; or set '{}' to a file with '{VALIDATE}.inVMValidations'",
            example(provisioner),
            TEMPLATE_FILE.name
        );
        let problem = Problem::new(Code::NoCheck, &VALIDATION_INLINE_SCRIPT, text, Some(hint));
        return Err(reader.report(problem));
    }
    script::warn_of_macros(reader, &VALIDATION_INLINE_SCRIPT, &lines);
    let validator = match provisioner {
        Provisioner::Shell => Customizer::shell(Some(CHECK_NAME), lines),
        // Elevated: what an ordinary user has no permission to see would fail the check of a good image.
        Provisioner::PowerShell => Customizer::powershell(Some(CHECK_NAME), lines).elevated(),
    };
    Ok(Checks {
        provisioner,
        validators: vec![validator],
    })
}

fn example(provisioner: Provisioner) -> &'static str {
    match provisioner {
        Provisioner::Shell => "test -x /opt/webapp/bin/webapp",
        Provisioner::PowerShell => {
            "if (-not (Test-Path 'C:\\Program Files\\App\\app.exe')) { exit 1 }"
        }
    }
}

/// Every script with the input, and the place in a file, that it is from.
fn scripts<'a>(
    checks: &'a Checks,
    file: &'a TemplateFile,
) -> impl Iterator<Item = (&'static crate::inputs::manifest::Input, String, String)> + 'a {
    let in_file = file.has(VALIDATE);
    let all = checks.validators.iter().enumerate();
    all.map(move |(index, validator)| {
        let text = validator.inline().join("\n");
        if in_file {
            let place = format!("{VALIDATE}.inVMValidations[{index}]: ");
            (&TEMPLATE_FILE, place, text)
        } else {
            (&VALIDATION_INLINE_SCRIPT, String::new(), text)
        }
    })
}

/// Commands that restart the machine. There is no validator that waits for one.
const RESTARTS: [&str; 4] = [
    "restart-computer",
    "shutdown /r",
    "shutdown -r",
    "shutdown.exe /r",
];

fn warn_of_restarts(reader: &mut Reader<'_>, checks: &Checks) {
    let lines = checks.validators.iter().flat_map(Customizer::inline);
    let restarts = |line: &&String| {
        let line = line.trim().to_lowercase();
        !line.starts_with('#') && RESTARTS.iter().any(|words| line.contains(words))
    };
    if let Some(line) = lines.into_iter().find(restarts) {
        let text = format!(
            "The checks restart the machine, which ends them: no validator of Azure VM Image Builder waits for a restart, and neither does a command in a VM ({})",
            line.trim()
        );
        let hint = "restart while the image is built (customizer WindowsRestart), and check afterwards what the restart was for".to_owned();
        reader.warn(Code::Script, text, Some(hint));
    }
}

/// What is said of lines that do not do what they seem to.
fn remark(
    reader: &mut Reader<'_>,
    checks: &Checks,
    file: &TemplateFile,
    package: Option<&Package>,
) {
    for (input, place, text) in scripts(checks, file).collect::<Vec<_>>() {
        let whose = if place.is_empty() {
            ""
        } else {
            ", a script of it"
        };
        script::warn_of_lines(reader, (input, whose), &text, checks.provisioner, package);
    }
}
