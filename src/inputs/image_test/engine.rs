//! What boots the image: Azure VM Image Builder, or a VM of the step's own.

use std::time::Duration;

use super::checks::{self, Check, Checks};
use crate::inputs::connection::Connection;
use crate::inputs::long_build::LongBuild;
use crate::inputs::manifest::{
    BOOT_TIMEOUT_IN_MINUTES, IB_LOCATION, KEEP_VM_ON_FAILURE, MANAGED_IDENTITY, PACKAGE_PATH,
    STORAGE_ACCOUNT_NAME, STREAM_LOGS, TEMPLATE_FILE, TEMPLATE_TAGS, TEST_ADMIN_PASSWORD,
    TEST_ENGINE, TEST_SUBNET_ID, TEST_VM_GROUP, VM_SIZE,
};
use crate::inputs::plan::{Customization, Package, Plan, Provisioner};
use crate::inputs::problem::{Code, Form, Problem};
use crate::inputs::provenance::Provenance;
use crate::inputs::reader::resource::{is_resource_group_name, location, resource_group};
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::resource_kind::{IDENTITY, MANAGED_IMAGE, SUBNET};
use crate::inputs::template_file::TemplateFile;
use crate::inputs::{Contents, Origin, build_vm, package, settings, tags};
use crate::resource::{Region, ResourceGroupId, ResourceId};
use crate::secret::{Masker, Secret};
use crate::template::model::{
    Customizer, Distributor, ManagedImageSource, OUTPUT_OF_TEST, Properties,
    SharedImageVersionSource, Source, Tags, Validate, Vhd,
};

pub(super) const IMAGE_BUILDER: &str = "imageBuilder";
pub(super) const VM: &str = "vm";

/// What boots the image.
#[derive(Debug, Clone)]
pub enum TestEngine {
    /// Azure VM Image Builder, by a template that validates its source alone.
    ImageBuilder(Box<Plan>),
    /// A VM of the step's own.
    Vm(Box<TestVm>),
}

impl TestEngine {
    /// The word that authors write.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ImageBuilder(_) => IMAGE_BUILDER,
            Self::Vm(_) => VM,
        }
    }
}

/// A VM of the step's own that boots the image.
#[derive(Debug, Clone)]
pub struct TestVm {
    /// Where it is made.
    pub group: ResourceGroupId,
    /// Its subnet; the VM is in the region of the network.
    pub subnet: ResourceId,
    /// The region that the author names, which has to be that of the network.
    pub location: Option<Region>,
    /// Its size.
    pub size: String,
    /// The administrator's password; without one a password is made.
    pub password: Option<Secret>,
    /// How long its start may take.
    pub boot_limit: Duration,
    /// Whether it stays when the test fails.
    pub keep_on_failure: bool,
    /// The checks in their order.
    pub checks: Vec<Check>,
    /// What is brought into the VM, with its storage account.
    pub package: Option<Package>,
    /// The account that keeps the whole output for a while, where one is named.
    pub storage_account: Option<String>,
}

/// Azure VM Image Builder: a template that validates its source, and nothing else.
pub(super) fn image_builder(
    reader: &mut Reader<'_>,
    file: &TemplateFile,
    (connection, image): (
        &Result<Connection, AlreadyReported>,
        &Result<ResourceId, AlreadyReported>,
    ),
) -> Result<TestEngine, AlreadyReported> {
    let group = resource_group(reader);
    let location = location(reader);
    let identity = reader.required_id(&MANAGED_IDENTITY, IDENTITY);
    let checks = checks::read(reader, file);
    let package = package(reader, checks.as_ref().ok(), false);
    let settings = settings::read(reader, file, connection.as_ref().ok());
    let template_tags = tags::of_template(reader, &TEMPLATE_TAGS);
    let stream_logs = reader.flag(&STREAM_LOGS);
    if let (Ok(checks), Ok(package)) = (&checks, &package) {
        checks::remark(reader, checks, file, package.as_ref());
    }
    let (group, checks) = (group?, checks?);
    let template_name = reader.raw_inputs().template_name();
    let (connection, image, settings) = (connection.clone()?, image.clone()?, settings?);
    Ok(TestEngine::ImageBuilder(Box::new(Plan {
        template_id: Plan::template_id(&connection.subscription, &group, &template_name),
        template_name,
        connection,
        resource_group: group,
        location: location?,
        identity: identity?,
        template_tags: template_tags?,
        properties: properties(&image, checks.validators, settings),
        sections_of_file: file.names.clone(),
        customization: Customization {
            provisioner: checks.provisioner,
            inline: Vec::new(),
            run_elevated: false,
            run_as_system: false,
            stop_on_error: false,
            windows_update: false,
        },
        steps: None,
        contents: Contents::default(),
        storage_account: None,
        package: package?,
        skip_if_unchanged: false,
        provenance: Provenance::default(),
        origin: Origin::of(reader.raw_inputs()),
        long_build: LongBuild {
            second_attempt: reader.raw_inputs().is_second_attempt(),
            resume: true,
            ..LongBuild::default()
        },
        submits: false,
        tests: true,
        stream_logs: stream_logs?,
        instead: Vec::new(),
        warnings: Vec::new(),
    })))
}

/// What boots the image, runs the validators, and makes one VHD that goes with the template: other clients of the definition want a target.
fn properties(image: &ResourceId, validators: Vec<Customizer>, settings: Properties) -> Properties {
    Properties {
        source: Some(source(image)),
        validate: Some(Validate {
            source_validation_only: Some(true),
            continue_distribute_on_failure: Some(false),
            in_vm_validations: Some(validators),
            ..Validate::default()
        }),
        distribute: Some(vec![Distributor::Vhd(Vhd {
            run_output_name: OUTPUT_OF_TEST.to_owned(),
            artifact_tags: Some(Tags::new()),
            ..Vhd::default()
        })]),
        customize: None,
        error_handling: None,
        optimize: None,
        auto_run: None,
        ..settings
    }
}

fn source(image: &ResourceId) -> Source {
    if MANAGED_IMAGE.includes(image) {
        return Source::ManagedImage(ManagedImageSource {
            image_id: image.to_string(),
            ..ManagedImageSource::default()
        });
    }
    Source::SharedImageVersion(SharedImageVersionSource {
        image_version_id: image.to_string(),
        ..SharedImageVersionSource::default()
    })
}

/// The sources folder, which the agent makes of an empty input, means none.
fn package(
    reader: &mut Reader<'_>,
    checks: Option<&Checks>,
    in_vm: bool,
) -> Result<Option<Package>, AlreadyReported> {
    let script: Vec<_> = checks
        .iter()
        .flat_map(|checks| checks.validators.iter().flat_map(Customizer::inline))
        .cloned()
        .collect();
    let format = checks.map(|checks| checks.provisioner.format());
    package::for_test(reader, format, &script.join("\n"), in_vm)
}

const MINUTES: Form = Form {
    what: "a number of minutes",
    format: "a whole number from 1 to 1440",
    example: "20",
};
const USUAL_MINUTES: u32 = 20;
const GROUP: Form = Form {
    what: "a resource group",
    format: "the name or the id of a resource group",
    example: "rg-image-tests",
};

/// A VM of the step's own.
pub(super) fn vm(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
    file: &TemplateFile,
    connection: Option<&Connection>,
) -> Result<TestEngine, AlreadyReported> {
    let subnet = reader.required_id(&TEST_SUBNET_ID, SUBNET);
    let group = group(reader, connection);
    let size = size(reader);
    let location = if reader.is_set(&IB_LOCATION) {
        location(reader).map(Some)
    } else {
        Ok(None)
    };
    let password = reader.optional(&TEST_ADMIN_PASSWORD);
    let password = password.map(|it| it.map(|text| Secret::new(text, masker)));
    let minutes = reader.number(&BOOT_TIMEOUT_IN_MINUTES, 1..=1440, MINUTES);
    let keep = reader.flag(&KEEP_VM_ON_FAILURE);
    let checks = checks::read(reader, file);
    let own = checks.as_ref().map_err(Clone::clone);
    let own = own.and_then(|checks| of_vm(reader, checks));
    let package = package(reader, checks.as_ref().ok(), true);
    let account = if reader.is_set(&STORAGE_ACCOUNT_NAME) {
        package::storage_account(reader, false).map(Some)
    } else {
        Ok(None)
    };
    if let (Ok(checks), Ok(package)) = (&checks, &package) {
        checks::remark(reader, checks, file, package.as_ref());
    }
    let minutes = minutes?.unwrap_or(USUAL_MINUTES);
    Ok(TestEngine::Vm(Box::new(TestVm {
        group: group?,
        subnet: subnet?,
        location: location?,
        size: size?,
        password: password?,
        boot_limit: Duration::from_secs(u64::from(minutes) * 60),
        keep_on_failure: keep?,
        checks: own?,
        package: package?,
        storage_account: account?,
    })))
}

/// A name is that of a group in the service connection's subscription.
fn group(
    reader: &mut Reader<'_>,
    connection: Option<&Connection>,
) -> Result<ResourceGroupId, AlreadyReported> {
    let text = reader.required(&TEST_VM_GROUP, GROUP)?;
    if let Ok(id) = text.trim_end_matches('/').parse::<ResourceGroupId>() {
        return Ok(id);
    }
    if !is_resource_group_name(text) {
        return Err(reader.malformed(&TEST_VM_GROUP, text, GROUP, None));
    }
    // Without a connection there is a problem elsewhere, and no test.
    let subscription = connection.map_or("", |it| it.subscription.as_str());
    Ok(ResourceGroupId::new(subscription, text))
}

/// The form's default is an old size that starts few images: here it means that none is given.
fn size(reader: &mut Reader<'_>) -> Result<String, AlreadyReported> {
    let given = build_vm::size(reader)?;
    if let Some(size) = given.filter(|_| reader.is_set(&VM_SIZE)) {
        return Ok(size);
    }
    let text = format!(
        "it is required with '{}: vm'; expected the size of a VM, for example Standard_D2ds_v5",
        TEST_ENGINE.name
    );
    Err(reader.report(Problem::new(Code::Missing, &VM_SIZE, text, None)))
}

/// What a VM of our own can run: scripts in the file or the input.
fn of_vm(reader: &mut Reader<'_>, checks: &Checks) -> Result<Vec<Check>, AlreadyReported> {
    let mut own = Vec::new();
    for (index, validator) in checks.validators.iter().enumerate() {
        let (provisioner, exit_codes) = match validator {
            Customizer::Shell(_) => (Provisioner::Shell, Vec::new()),
            Customizer::PowerShell(it) => {
                let codes = it.valid_exit_codes.iter().flatten();
                (Provisioner::PowerShell, codes.copied().collect())
            }
            _ => return Err(not_for_vm(reader, index, validator.kind())),
        };
        if validator.inline().is_empty() {
            return Err(not_for_vm(reader, index, "scriptUri"));
        }
        let name = match validator.name() {
            "" => format!("validator {}", index + 1),
            name => name.to_owned(),
        };
        own.push(Check {
            name,
            provisioner,
            lines: validator.inline().to_vec(),
            exit_codes,
        });
    }
    Ok(own)
}

fn not_for_vm(reader: &mut Reader<'_>, index: usize, what: &str) -> AlreadyReported {
    let text = format!(
        "validate.inVMValidations[{index}]: {what} is not supported with '{}: vm'; expected Shell or PowerShell with 'inline' or 'scriptPath'",
        TEST_ENGINE.name
    );
    let hint = format!(
        "bring files with '{}', or use '{}: imageBuilder'",
        PACKAGE_PATH.name, TEST_ENGINE.name
    );
    reader.report(Problem::new(
        Code::Malformed,
        &TEMPLATE_FILE,
        text,
        Some(hint),
    ))
}
