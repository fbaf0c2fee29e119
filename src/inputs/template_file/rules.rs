//! What the service refuses although every member has the right shape
//! (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json>).
//! Sections of the template with more than one rule have a file each.

mod customize;
mod distribute;
mod source;
mod vm_profile;

use serde_json::{Map, Value};

use super::check::Checked;
// A member of the template has the name of an input.
use crate::inputs::declared::AUTO_RUN;
use crate::inputs::problem::Code;
use crate::inputs::reading::resource::{OWN_SUBSCRIPTION, SAMPLE, SAMPLE_SUBSCRIPTION};
use crate::resource::ResourceId;

type Object = Map<String, Value>;

/// Reports what breaks a rule.
pub(super) fn check(checked: &mut Checked) {
    let sections = checked.value.clone();
    for (index, step) in objects(sections.get("customize")) {
        customize::script(checked, &format!("customize[{index}]"), step);
    }
    customize::one_system(checked, sections.get("customize"));
    customize::destinations(checked, sections.get("customize"));
    let validate = sections.get("validate").and_then(Value::as_object);
    let validators = validate.and_then(|validate| validate.get("inVMValidations"));
    for (index, step) in objects(validators) {
        customize::script(checked, &format!("validate.inVMValidations[{index}]"), step);
    }
    source::check(checked, sections.get("source"));
    distribute::check(checked, sections.get("distribute"));
    vm_profile::check(checked, sections.get("vmProfile"));
    if let Some(1..=5) = sections.get(super::TIMEOUT).and_then(Value::as_u64) {
        checked.fault(super::TIMEOUT, "expected 0 for the service's default, or 6 to 960", Some("the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire"));
    }
    let auto_run = AUTO_RUN.name;
    let state = sections.get(auto_run).and_then(|it| it.get("state"));
    if state.and_then(Value::as_str) == Some("Enabled") {
        checked.fault(
            &format!("{auto_run}.state"),
            "this task starts the run itself, and a second run, started by the service, would conflict with it",
            Some("remove the section"),
        );
    }
}

/// The objects of a list, with their places in it.
fn objects(list: Option<&Value>) -> impl Iterator<Item = (usize, &Object)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items
        .enumerate()
        .filter_map(|(index, item)| Some((index, item.as_object()?)))
}

const IMAGE: &str = "Microsoft.Compute/images";
const DEFINITION: &str = "Microsoft.Compute/galleries/images";
const VERSION: &str = "Microsoft.Compute/galleries/images/versions";
const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// The id of a resource of one of these types, or a fault.
fn id(
    checked: &mut Checked,
    place: &str,
    value: Option<&str>,
    kinds: &[&str],
) -> Option<ResourceId> {
    let value = value?;
    let id: ResourceId = match value.parse() {
        Ok(id) => id,
        Err(reason) => {
            checked.fault(
                place,
                format!("'{value}' is not a resource id: {reason}"),
                None,
            );
            return None;
        }
    };
    if id.subscription() == SAMPLE_SUBSCRIPTION {
        checked.warn(
            Code::Placeholder,
            place,
            SAMPLE.to_owned(),
            OWN_SUBSCRIPTION.to_owned(),
        );
    }
    if kinds.iter().any(|kind| id.is(kind)) {
        return Some(id);
    }
    let hint = (id.is(DEFINITION) && kinds.contains(&VERSION))
        .then_some("add '/versions/latest', or the version number instead of 'latest'");
    let sentence = format!(
        "'{value}' is the id of a '{}'; expected '{}'",
        id.resource_type(),
        kinds.join("' or '")
    );
    checked.fault(place, sentence, hint);
    None
}
