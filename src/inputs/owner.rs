//! Which resources are a step's own, for a stage that removes what an earlier one left.

use super::action::{ACTIONS, Action};
use super::existing_templates::Follow;
use super::manifest::{ACTION, TEST_VM_GROUP};
use super::origin::Origin;
use super::reader::Reader;
use super::reader::resource::{is_resource_group_name, resource_group};
use super::{ImageTest, Plan, RawInputs, TestEngine, long_build, package, service_connection};
use crate::resource::ResourceGroupId;
use crate::secret::Masker;

/// Which resources are a step's own: by their place, and by the run that made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The step.
    pub origin: Origin,
    /// The subscription that it works in, if known from its inputs.
    pub subscription: Option<String>,
    /// The resource group of its template, if known from its inputs.
    pub resource_group: Option<String>,
    /// The account of its package, if known from its inputs.
    pub storage_account: Option<String>,
    /// Which templates are its own.
    pub templates: Templates,
    /// The resource group of the VM that a test makes, if known from its inputs.
    pub machine_group: Option<ResourceGroupId>,
}

/// Which templates are a step's own, beside their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Templates {
    /// Those whose tags name run and step; the name is one that the task gives, or this one.
    OfStep(Option<String>),
    /// Those of the task whose tags name the run, in whatever step.
    OfRun,
    /// The one of the task with this name.
    Named(String),
}

impl From<&Follow> for Owner {
    fn from(follow: &Follow) -> Self {
        Self {
            origin: follow.origin.clone(),
            subscription: Some(follow.group.subscription().to_owned()),
            resource_group: Some(follow.group.name().to_owned()),
            storage_account: None,
            templates: Templates::of_others(follow.template_name.clone()),
            machine_group: None,
        }
    }
}

impl Owner {
    /// For a caller that has checked before what is deleted.
    pub fn nobody() -> Self {
        Self {
            origin: Origin::of(&RawInputs::default()),
            subscription: None,
            resource_group: None,
            storage_account: None,
            templates: Templates::OfStep(None),
            machine_group: None,
        }
    }
}

impl Templates {
    /// Those of a step that makes none, and deals with the one that it names, or with that of its run.
    fn of_others(name: Option<String>) -> Self {
        name.map_or(Self::OfRun, Self::Named)
    }
}

impl From<&Plan> for Owner {
    fn from(plan: &Plan) -> Self {
        let package = plan.package.as_ref();
        Self {
            origin: plan.origin.clone(),
            subscription: Some(plan.connection.subscription.clone()),
            resource_group: Some(plan.resource_group.clone()),
            storage_account: package.map(|package| package.storage_account.clone()),
            templates: Templates::OfStep(Some(plan.template_name.clone())),
            machine_group: None,
        }
    }
}

impl From<&ImageTest> for Owner {
    fn from(test: &ImageTest) -> Self {
        let vm = match &test.engine {
            TestEngine::ImageBuilder(plan) => return Self::from(plan.as_ref()),
            TestEngine::Vm(vm) => vm,
        };
        let package = vm.package.as_ref().map(|it| &it.storage_account);
        Self {
            origin: test.origin.clone(),
            subscription: Some(test.connection.subscription.clone()),
            resource_group: Some(vm.group.name().to_owned()),
            storage_account: vm.storage_account.as_ref().or(package).cloned(),
            templates: Templates::OfStep(None),
            machine_group: Some(vm.group.clone()),
        }
    }
}

/// Which resources are the own ones of the step that `given` is about. An input that is not understood makes them fewer, never more.
pub fn owner(given: &RawInputs, masker: &dyn Masker) -> Owner {
    let mut reader = Reader::new(given);
    let connection = service_connection::read(&mut reader, masker).ok();
    let name = long_build::template_name(&mut reader);
    let action = reader.choice_or_default(&ACTION, ACTIONS);
    let makes_none = matches!(
        action,
        Ok(Some(
            Action::Wait | Action::Run | Action::Status | Action::Cancel
        ))
    );
    let templates = match name {
        Ok(name) if makes_none => Templates::of_others(name),
        Ok(name) => Templates::OfStep(name),
        Err(_) => Templates::OfStep(None),
    };
    let subscription = connection.map(|connection| connection.subscription);
    let machine_group = machine_group(&mut reader, subscription.as_deref());
    let group = resource_group(&mut reader).ok();
    Owner {
        origin: Origin::of(given),
        // A test in a VM has no other group, and its storage account is found from there.
        resource_group: group.or_else(|| Some(machine_group.as_ref()?.name().to_owned())),
        subscription,
        storage_account: package::storage_account(&mut reader, true).ok(),
        templates,
        machine_group,
    }
}

/// The group of the VM that a test makes: its id, or its name in the service connection's subscription.
fn machine_group(reader: &mut Reader<'_>, subscription: Option<&str>) -> Option<ResourceGroupId> {
    let text = reader.optional(&TEST_VM_GROUP).ok()??;
    if let Ok(id) = text.parse() {
        return Some(id);
    }
    is_resource_group_name(text)
        .then(|| ResourceGroupId::new(subscription.unwrap_or_default(), text))
}
