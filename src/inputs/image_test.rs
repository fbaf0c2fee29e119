//! What `action: test` needs: an image version, an engine that boots it, and the checks.

use std::time::Duration;

use super::connection::Connection;
use super::declared::{
    BOOT_TIMEOUT_IN_MINUTES, KEEP_VM_ON_FAILURE, TEST_ADMIN_PASSWORD, TEST_ENGINE, TEST_SUBNET_ID,
    TEST_TAG, TEST_VM_GROUP,
};
use super::problem::{Form, Warning};
use super::reading::{Reading, Reported};
use super::resource_kind::SUBNET;
use super::{given_version, service_connection};
use crate::resource::ResourceId;
use crate::secret::{Masker, Secret};

/// What boots the version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TestEngine {
    /// Azure VM Image Builder.
    #[default]
    ImageBuilder,
    /// A VM of the step's own.
    Vm,
}

/// An image version that is to be tested.
#[derive(Debug, Clone)]
pub struct ImageTest {
    /// Who signs in, and where.
    pub connection: Connection,
    /// The version.
    pub version: ResourceId,
    /// What boots it.
    pub engine: TestEngine,
    /// The name of the tag for the result; without one there are no tags.
    pub tag: Option<String>,
    /// The subnet of the VM.
    pub subnet: Option<ResourceId>,
    /// The resource group of the VM.
    pub vm_group: Option<String>,
    /// The password of the VM's administrator.
    pub admin_password: Option<Secret>,
    /// For so long the VM may start.
    pub boot_limit: Duration,
    /// Whether the VM of a failed test stays.
    pub keep_vm_on_failure: bool,
    /// What the names of files begin with.
    pub name: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

const ENGINES: &[(&str, TestEngine)] = &[
    ("imageBuilder", TestEngine::ImageBuilder),
    ("vm", TestEngine::Vm),
];
const MINUTES: Form = Form {
    what: "a number of minutes",
    looks: "a whole number from 1 to 1440",
    example: "20",
};
const USUAL_MINUTES: u32 = 20;

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<ImageTest, Reported> {
    let connection = service_connection::read(reading, masker);
    let version = given_version::read(reading);
    let engine = reading.choice_or_default(&TEST_ENGINE, ENGINES);
    let tag = reading.optional(&TEST_TAG);
    let subnet = reading.optional_id(&TEST_SUBNET_ID, SUBNET);
    let vm_group = reading.optional(&TEST_VM_GROUP);
    let password = reading.optional(&TEST_ADMIN_PASSWORD);
    let minutes = reading.number(&BOOT_TIMEOUT_IN_MINUTES, 1..=1440, MINUTES);
    let keep = reading.flag(&KEEP_VM_ON_FAILURE);
    let minutes = minutes?.unwrap_or(USUAL_MINUTES);
    Ok(ImageTest {
        connection: connection?,
        version: version?,
        engine: engine?.unwrap_or_default(),
        tag: tag?.map(str::to_owned),
        subnet: subnet?,
        vm_group: vm_group?.map(str::to_owned),
        admin_password: password?.map(|text| Secret::new(text, masker)),
        boot_limit: Duration::from_secs(u64::from(minutes) * 60),
        keep_vm_on_failure: keep?,
        name: reading.given().template_name(),
        warnings: Vec::new(),
    })
}
