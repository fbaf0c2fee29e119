//! VMs that were made to see an image boot, and what belongs to them: found by the tags that they have from the request on that makes them.
//!
//! Tags are texts that others may have written. Only what has a name of the task's own form and its tags counts, and is read again before it is
//! deleted.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::clean_up::{disks_of, is_kept};
use super::leftover::{Leftover, Ownership};
use super::ownership;
use crate::arm::machine_part::{Part, tag};
use crate::arm::{Arm, Failure};
use crate::inputs::Origin;
use crate::resource::tag::{MADE, TASK};
use crate::resource::{ResourceGroupId, ResourceId};

/// A VM, a network interface or a disk of a resource group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundPart {
    pub(super) part: Part,
    pub(super) id: ResourceId,
    pub(super) document: Value,
}

impl FoundPart {
    /// What a list has of it; nothing where its name is none of ours.
    fn of(part: Part, group: &ResourceGroupId, document: Value) -> Option<Self> {
        let name = document.get("name").and_then(Value::as_str)?;
        // Azure's own ids have other letter cases than those that are sent.
        let id = ownership::is_test_name(part, name).then(|| part.id(group, name))?;
        Some(Self { part, id, document })
    }

    pub(super) fn leftover(&self) -> Leftover {
        Leftover::part(self.part, &self.id)
    }

    /// Whether this task has made it.
    pub(super) fn is_ours(&self) -> bool {
        tag(&self.document, TASK).is_some()
    }

    /// Whether a tag keeps it.
    pub(super) fn is_kept(&self) -> bool {
        is_kept(&self.document)
    }

    /// The name of the VM that has it.
    pub(super) fn machine(&self) -> Option<&str> {
        let place = match self.part {
            Part::Vm => return None,
            Part::Nic => "/properties/virtualMachine/id",
            Part::Disk => "/managedBy",
        };
        let id = self.document.pointer(place)?.as_str()?;
        id.rsplit('/').next()
    }

    /// When it was made, by Azure's clock.
    pub(super) fn made(&self) -> Option<OffsetDateTime> {
        let time = self.document.pointer("/properties/timeCreated");
        let text = tag(&self.document, MADE).or_else(|| time?.as_str());
        OffsetDateTime::parse(text?, &Rfc3339).ok()
    }
}

/// All that have a name of ours in a group, of each kind, VMs first.
pub(super) async fn all(arm: &Arm, group: &ResourceGroupId) -> Result<Vec<FoundPart>, Failure> {
    let mut found = Vec::new();
    for part in Part::ALL {
        let all = arm.parts(part, group).await?.into_iter();
        found.extend(all.filter_map(|document| FoundPart::of(part, group, document)));
    }
    Ok(found)
}

/// What an earlier attempt at the step `origin` left in `group`. What is kept there for a person stays, with all that it has.
///
/// # Errors
/// A list cannot be read to its end.
pub async fn of_step(
    arm: &Arm,
    group: &ResourceGroupId,
    origin: &Origin,
) -> Result<Vec<(Leftover, Ownership)>, Failure> {
    let all = all(arm, group).await?;
    let is_own = |found: &FoundPart| {
        let tag = |name: &str| tag(&found.document, name);
        ownership::by_tags(tag, origin).is_ok()
    };
    let kept: Vec<&str> = all
        .iter()
        .filter(|found| found.part == Part::Vm && found.is_kept())
        .map(|found| found.id.name())
        .collect();
    let stays = |found: &FoundPart| {
        found.is_kept()
            || found
                .machine()
                .is_some_and(|machine| kept.iter().any(|kept| kept.eq_ignore_ascii_case(machine)))
    };
    let mut own = Vec::new();
    for found in all.iter().filter(|found| is_own(found) && !stays(found)) {
        own.push((found.leftover(), Ownership::Ours));
        // Whether their disks have the tags or not.
        if found.part == Part::Vm {
            let disks = disks_here(&found.document, group);
            own.extend(disks.map(|id| (Leftover::part(Part::Disk, &id), Ownership::Ours)));
        }
    }
    let mut unique: Vec<(Leftover, Ownership)> = Vec::new();
    for one in own {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    Ok(unique)
}

/// The disks of a VM that are in `group`: one of another group is no concern of this step, and one of its name here is someone else's.
fn disks_here(document: &Value, group: &ResourceGroupId) -> impl Iterator<Item = ResourceId> {
    let disks = disks_of(document).into_iter().filter(|id| {
        id.subscription().eq_ignore_ascii_case(group.subscription())
            && id.resource_group().eq_ignore_ascii_case(group.name())
    });
    // Azure's own ids have other letter cases than those that are sent.
    disks.map(|id| Part::Disk.id(group, id.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_disk_of_another_group_is_not_taken_for_one_of_its_name_here() {
        let group = ResourceGroupId::new("s", "rg-images");
        let disk = |subscription: &str, group: &str, name: &str| {
            let id = format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{name}"
            );
            json!({"managedDisk": {"id": id}})
        };
        let document = json!({"name": "tst-1", "properties": {"storageProfile": {
            "osDisk": disk("s", "rg-other", "tst-1"),
            "dataDisks": [disk("S", "RG-IMAGES", "tst-1-0"), disk("other", "rg-images", "tst-1-1")],
        }}});
        let here: Vec<_> = disks_here(&document, &group).collect();
        assert_eq!(here, [Part::Disk.id(&group, "tst-1-0")]);
    }
}
