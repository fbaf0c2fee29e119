//! Whether something that a note names is ours. A note comes by way of variables and files that others may write, and everything in it is
//! deleted with the permissions of the service connection.

mod package;

use super::find::is_given_name;
use super::leftover::{Leftover, Ownership};
use crate::arm::Arm;
use crate::arm::machine_part::Part;
use crate::arm::template_state::Template;
use crate::inputs::{Origin, Owner, Templates};
use crate::resource::tag::{RUN, STEP, TASK};
use crate::resource::{IMAGE_TEMPLATE, ResourceGroupId, ResourceId};
use crate::storage::{self, BlobRef, CONTAINER};

pub use package::{names_package, package};

/// Of a form that this task does not make.
pub(super) const FOREIGN: &str = "it does not look like something that this task created";
/// Of the form that this task makes.
const OF_ANOTHER_STEP: &str = "it was not created by this step of this pipeline run";

/// What names and place of `leftover` say, before Azure is asked; or why it is not ours.
pub fn by_name(leftover: &Leftover, owner: &Owner) -> Result<Ownership, String> {
    match leftover {
        Leftover::Template { id } => {
            let id = template_id(id, &owner.templates).ok_or(FOREIGN)?;
            let is = |known: &Option<String>, part: &str| {
                known
                    .as_deref()
                    .is_none_or(|known| known.eq_ignore_ascii_case(part))
            };
            if is(&owner.subscription, id.subscription())
                && is(&owner.resource_group, id.resource_group())
            {
                let run = owner.origin.run.clone();
                Ok(Ownership::ByTag { run })
            } else {
                Err("it is not in the resource group of this step".to_owned())
            }
        }
        Leftover::Vm { id } => machine_part(Part::Vm, id, owner),
        Leftover::Nic { id } => machine_part(Part::Nic, id, owner),
        Leftover::Disk { id } => machine_part(Part::Disk, id, owner),
        Leftover::Blob(blob) | Leftover::BlobByKey(blob) => {
            if blob.container() != CONTAINER {
                return Err(FOREIGN.to_owned());
            }
            if !owner.origin.names(blob.name()) {
                return Err(OF_ANOTHER_STEP.to_owned());
            }
            let name = blob.account().name.as_str();
            let account = owner.storage_account.as_deref();
            if account.is_some_and(|account| account.eq_ignore_ascii_case(name)) {
                Ok(Ownership::ByName)
            } else {
                Err("it is not in the storage account of this step".to_owned())
            }
        }
        Leftover::Unknown(_) => Err(FOREIGN.to_owned()),
    }
}

/// What name and place of a VM, or of what belongs to one, say.
fn machine_part(part: Part, id: &str, owner: &Owner) -> Result<Ownership, String> {
    let id: Option<ResourceId> = id.parse().ok();
    let id = id.filter(|id| id.is(part.resource_type()) && is_test_name(part, id.name()));
    let id = id.ok_or(FOREIGN)?;
    let group = owner.machine_group.as_ref();
    let is_here = group.is_some_and(|group| {
        group.subscription().eq_ignore_ascii_case(id.subscription())
            && group.name().eq_ignore_ascii_case(id.resource_group())
    });
    if is_here {
        let run = owner.origin.run.clone();
        Ok(Ownership::ByTag { run })
    } else {
        Err("it is not in the resource group of this step".to_owned())
    }
}

/// How the names begin of VMs that are made to see an image boot.
pub const TEST_NAME: &str = "tst-";

/// Whether the task gives such a name: `tst-{number}`, to a data disk `tst-{number}-{place}`.
pub fn is_test_name(part: Part, name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = name.strip_prefix(TEST_NAME).unwrap_or_default();
    match (part, number.split_once('-')) {
        (_, None) => is_number(number),
        (Part::Disk, Some((number, place))) => is_number(number) && is_number(place),
        (Part::Vm | Part::Nic, Some(_)) => false,
    }
}

/// The id of a template with a name that this task gives, or that the step may deal with.
fn template_id(id: &str, templates: &Templates) -> Option<ResourceId> {
    let id: ResourceId = id.parse().ok()?;
    let is = |name: &String| name.eq_ignore_ascii_case(id.name());
    let fits = match templates {
        Templates::OfStep(name) => is_given_name(id.name()) || name.as_ref().is_some_and(is),
        Templates::OfRun => true,
        Templates::Named(name) => is(name),
    };
    (id.is(IMAGE_TEMPLATE) && fits).then_some(id)
}

/// Whether the tags of a template say that it is one of those that the step may call its own; or what they say.
pub(super) fn by_owner(template: &Template, owner: &Owner) -> Result<(), String> {
    let run = template.tag(RUN);
    let ours = template.tag(TASK).is_some();
    match &owner.templates {
        Templates::OfStep(_) => by_template_tags(template, &owner.origin),
        Templates::Named(_) | Templates::OfRun if !ours => Err(FOREIGN.to_owned()),
        Templates::Named(_) => Ok(()),
        Templates::OfRun if run == Some(&owner.origin.run) => Ok(()),
        Templates::OfRun => Err("it was not created by this pipeline run".to_owned()),
    }
}

/// Whether the tags of a template name this step of this run; or which one they name.
pub(super) fn by_template_tags(template: &Template, origin: &Origin) -> Result<(), String> {
    by_tags(|name| template.tag(name).map(String::as_str), origin)
}

/// The same of any resource, whose tags `tag` tells.
pub fn by_tags<'a>(tag: impl Fn(&str) -> Option<&'a str>, origin: &Origin) -> Result<(), String> {
    let (run, step) = (tag(RUN), tag(STEP));
    if run == Some(&*origin.run) && step == Some(&*origin.step) {
        return Ok(());
    }
    let named = match run {
        None => format!("it has no tag '{RUN}'"),
        Some(run) if *run == origin.run => match step {
            None => format!("it has no tag '{STEP}'"),
            Some(_) => format!("its tag '{STEP}' names another step"),
        },
        Some(run) => format!("its tag '{RUN}' is '{run}'"),
    };
    Err(format!("{OF_ANOTHER_STEP}: {named}"))
}

/// The blob as Azure Resource Manager finds it: the token goes only to where that says that the account is, whatever a note says.
pub(super) async fn blob(arm: &Arm, owner: &Owner, noted: &BlobRef) -> Result<BlobRef, NotProven> {
    let (Some(subscription), Some(group), Some(name)) = (
        &owner.subscription,
        &owner.resource_group,
        &owner.storage_account,
    ) else {
        return Err(NotProven::NotOurs(OF_ANOTHER_STEP.to_owned()));
    };
    let group = ResourceGroupId::new(subscription, group);
    let account = storage::find_account(arm, &group, name).await;
    let account = account.map_err(|failure| NotProven::Unknown(failure.to_string()))?;
    match account.blob(noted.container(), noted.name()) {
        Ok(found) if found == *noted => Ok(found),
        Ok(_) | Err(_) => Err(NotProven::NotOurs(FOREIGN.to_owned())),
    }
}

/// Why something is not known to be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotProven {
    /// It is not.
    NotOurs(String),
    /// Azure did not tell.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::RawInputs;

    fn owner() -> Owner {
        Owner {
            origin: Origin::of(&RawInputs {
                build_id: Some("4711".to_owned()),
                ..RawInputs::default()
            }),
            subscription: Some("s".to_owned()),
            resource_group: Some("g".to_owned()),
            storage_account: Some("st".to_owned()),
            templates: Templates::OfStep(Some("aib-4711".to_owned())),
            machine_group: Some(ResourceGroupId::new("s", "lab")),
        }
    }

    #[test]
    fn a_template_has_to_have_our_form_and_to_be_in_our_group() {
        let check = |id: &str, expected: bool| {
            let leftover = Leftover::Template { id: id.to_owned() };
            assert_eq!(by_name(&leftover, &owner()).is_ok(), expected, "{id}");
        };
        let templates = "/providers/Microsoft.VirtualMachineImages/imageTemplates";
        let group = format!("/subscriptions/s/resourceGroups/g{templates}");
        check(&format!("{group}/t_1763800000000000"), true);
        check(
            &format!("{group}/t_1763800000000000")
                .to_uppercase()
                .replace("/T_", "/t_"),
            true,
        );
        check(&format!("{group}/production"), false);
        check(&format!("{group}/AIB-4711"), true);
        check(&format!("{group}/t_"), false);
        check(&format!("{group}/t_1/runOutputs/t_1"), false);
        check(&format!("{group}/../t_1"), false);
        check(
            &format!("/subscriptions/s/resourceGroups/other{templates}/t_1"),
            false,
        );
        check(
            &format!("/subscriptions/other/resourceGroups/g{templates}/t_1"),
            false,
        );
        check(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/t_1",
            false,
        );
        check("/subscriptions/s/resourceGroups/t_1", false);
        check("t_1", false);
    }

    #[test]
    fn a_machine_has_to_have_our_form_and_to_be_in_the_group_for_tests() {
        let check = |part: Part, id: &str, expected: bool| {
            let all = ["vm", "nic", "disk"];
            let kind = all[Part::ALL.iter().position(|known| *known == part).unwrap()];
            let text = format!(r#"{{"{kind}":{{"id":"{id}"}}}}"#);
            let leftover: Leftover = serde_json::from_str(&text).unwrap();
            assert_eq!(by_name(&leftover, &owner()).is_ok(), expected, "{id}");
        };
        let lab = "/subscriptions/s/resourceGroups/lab/providers";
        let (vms, nics) = (
            "Microsoft.Compute/virtualMachines",
            "Microsoft.Network/networkInterfaces",
        );
        let disks = "Microsoft.Compute/disks";
        check(Part::Vm, &format!("{lab}/{vms}/tst-1"), true);
        check(Part::Nic, &format!("{lab}/{nics}/tst-1"), true);
        check(Part::Disk, &format!("{lab}/{disks}/tst-1"), true);
        check(Part::Disk, &format!("{lab}/{disks}/tst-1-0"), true);
        check(
            Part::Vm,
            &format!("/SUBSCRIPTIONS/S/resourcegroups/LAB/providers/{vms}/tst-1"),
            true,
        );
        check(Part::Vm, &format!("{lab}/{vms}/tst-1-0"), false);
        check(Part::Vm, &format!("{lab}/{vms}/tst-"), false);
        check(Part::Vm, &format!("{lab}/{vms}/tst-1a"), false);
        check(Part::Vm, &format!("{lab}/{vms}/domain-controller"), false);
        check(
            Part::Vm,
            &format!("{lab}/{vms}/tst-1/extensions/tst-1"),
            false,
        );
        check(Part::Vm, &format!("{lab}/{nics}/tst-1"), false);
        check(Part::Disk, &format!("{lab}/{disks}/tst-1-"), false);
        check(Part::Disk, &format!("{lab}/{disks}/tst-1-0-0"), false);
        check(
            Part::Vm,
            &format!("/subscriptions/s/resourceGroups/g/providers/{vms}/tst-1"),
            false,
        );
        check(
            Part::Vm,
            &format!("/subscriptions/t/resourceGroups/lab/providers/{vms}/tst-1"),
            false,
        );
        let nowhere = Owner {
            machine_group: None,
            ..owner()
        };
        let id = format!("{lab}/{vms}/tst-1");
        assert!(by_name(&Leftover::Vm { id }, &nowhere).is_err());
    }

    #[test]
    fn a_blob_has_to_be_a_package_of_our_run_in_our_account() {
        let check = |account: &str, container: &str, name: &str, expected: bool| {
            let address = format!("https://{account}.blob.example");
            let text = serde_json::json!({"blob": {
                "account": {"id": "/x", "name": account, "blob_endpoint": format!("{address}/")},
                "container": container, "name": name, "url": format!("{address}/{container}/{name}"),
            }});
            let leftover: Leftover = serde_json::from_value(text).unwrap();
            assert!(matches!(leftover, Leftover::Blob(_)), "{leftover:?}");
            assert_eq!(
                by_name(&leftover, &owner()).is_ok(),
                expected,
                "{leftover:?}"
            );
        };
        let ours = "webapp/4711-17638/webapp_17638.zip";
        check("st", CONTAINER, ours, true);
        check("other", CONTAINER, ours, false);
        check("st", "tfstate", ours, false);
        check("st", CONTAINER, "webapp/4712-17638/webapp_17638.zip", false);
        check("st", CONTAINER, "prod.tfstate", false);
        let unknown = Leftover::Unknown(serde_json::Value::Null);
        assert!(by_name(&unknown, &owner()).is_err());
    }

    #[test]
    fn a_template_is_ours_by_both_tags() {
        let origin = owner().origin;
        let check = |tags: &[(&str, &str)], expected: bool| {
            let tags = tags
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let template = Template {
                tags: tags.collect(),
                ..Template::default()
            };
            assert_eq!(
                by_template_tags(&template, &origin).is_ok(),
                expected,
                "{template:?}"
            );
        };
        let (run, step) = (origin.run.as_str(), origin.step.as_str());
        check(&[(RUN, run), (STEP, step)], true);
        check(
            &[("IMAGEBUILDERRUN", run), (STEP, step), ("owner", "x")],
            true,
        );
        check(&[(RUN, run)], false);
        check(&[(STEP, step)], false);
        check(&[(RUN, "/4712"), (STEP, step)], false);
        check(&[(RUN, run), (STEP, "other/bake")], false);
        check(&[], false);
    }

    #[test]
    fn it_is_told_which_tag_speaks_against_a_template() {
        let origin = owner().origin;
        let check = |tags: &[(&str, &str)], expected: &str| {
            let tags = tags
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let template = Template {
                tags: tags.collect(),
                ..Template::default()
            };
            let expected = format!("{OF_ANOTHER_STEP}: {expected}");
            assert_eq!(by_template_tags(&template, &origin), Err(expected));
        };
        let run = origin.run.as_str();
        check(&[], "it has no tag 'imageBuilderRun'");
        check(&[(RUN, "/4712")], "its tag 'imageBuilderRun' is '/4712'");
        check(&[(RUN, run)], "it has no tag 'imageBuilderStep'");
        check(
            &[(RUN, run), (STEP, "other/bake")],
            "its tag 'imageBuilderStep' names another step",
        );
    }
}
