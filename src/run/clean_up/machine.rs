//! Deleting a VM that was made to see an image boot, and what belongs to it: what is not ours is left alone, and temporary refusals are waited out.

use http::StatusCode;
use serde_json::Value;
use tokio::time::sleep;

use super::template::{self, LOOKS_AGAIN, not_deleted, refused};
use super::{Progress, Removal, Stays};
use crate::arm::machine_part::{self, Part};
use crate::arm::operation::Status;
use crate::arm::pace::Pace;
use crate::arm::{Arm, Failure};
use crate::inputs::Owner;
use crate::resource::ResourceId;
use crate::resource::tag::KEEP;
use crate::run::leftover::Leftover;
use crate::run::leftovers::Leftovers;
use crate::run::ownership;

/// Azure keeps a network interface for a VM that could not be made for 180 s, and calls it in use while its VM is being deleted. Both come with 400
/// (<https://learn.microsoft.com/troubleshoot/azure/virtual-network/virtual-network-troubleshoot-nic-reserved>).
const PASSING: [&str; 2] = ["NicInUse", "NicReservedForAnotherVm"];

/// Deletes a VM, a network interface or a disk.
///
/// Unless `progress` says that it is ours, its tags are read before anything is done. A disk has the tags of the VM that it was made with, as was
/// reported; whether it has or not, a VM that is ours proves the disks that it has.
pub(super) async fn remove(
    arm: &Arm,
    owner: &Owner,
    (part, id): (Part, &ResourceId),
    progress: &mut Progress<'_, '_>,
) -> Result<Removal, Stays> {
    let mut pace = Pace::new(None);
    let mut seen_once = false;
    let mut looks_again = LOOKS_AGAIN.into_iter();
    loop {
        match arm.part(part, id).await {
            Ok(None) if seen_once => return Ok(Removal::Done),
            // Azure took the request that made it, so a replica may answer here that does not know it yet. The deletion finds out.
            Ok(None) if progress.is_proven() => {}
            // Its PUT may still be on its way.
            Ok(None) => match looks_again.next() {
                Some(pause) => {
                    sleep(pause).await;
                    continue;
                }
                None => return Ok(Removal::NotThere),
            },
            Ok(Some(document)) => {
                seen_once = true;
                confirm_ours(&document, owner, progress)?;
                if part == Part::Vm {
                    prove_disks(&document, progress);
                }
                if is_kept(&document) {
                    return Ok(Removal::Kept);
                }
            }
            Err(failure) if failure.is_passing() => {
                progress.note(&failure);
            }
            Err(failure) => return Err(Stays::Refused(failure.to_string())),
        }
        if progress.is_proven() {
            match delete(arm, part, id, &mut pace).await {
                Ok(()) => return Ok(Removal::Done),
                Err(failure) if passes(&failure) => progress.note(&failure),
                Err(failure) => return Err(refused(arm, &failure).await),
            }
        }
        sleep(pace.pause()).await;
    }
}

/// What of `leftovers` was made with the VM `machine`, by its name: network interface and disks. Nothing where it is no VM.
pub(super) fn parts_of(machine: &Leftover, leftovers: &Leftovers<'_>) -> Vec<Leftover> {
    let id = |leftover: &Leftover| {
        let (part, id) = leftover.as_part()?;
        Some((part, id.parse::<ResourceId>().ok()?))
    };
    let Some((Part::Vm, machine)) = id(machine) else {
        return Vec::new();
    };
    let is_of_it = |leftover: &Leftover| {
        id(leftover).is_some_and(|(part, id)| {
            let rest = id.name().strip_prefix(machine.name());
            part != Part::Vm
                && id.group() == machine.group()
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    leftovers.all().into_iter().filter(is_of_it).collect()
}

/// Whether a tag keeps it. A person may set it, with any word but one.
pub(in crate::run) fn is_kept(document: &Value) -> bool {
    let keep = machine_part::tag(document, KEEP);
    keep.is_some_and(|keep| !keep.trim().eq_ignore_ascii_case("false"))
}

fn passes(failure: &Failure) -> bool {
    let is_known = failure.is(StatusCode::BAD_REQUEST)
        && failure
            .refusal()
            .is_some_and(|refusal| PASSING.contains(&refusal.code.as_str()));
    is_known || template::passes(failure)
}

fn confirm_ours(
    document: &Value,
    owner: &Owner,
    progress: &mut Progress<'_, '_>,
) -> Result<(), Stays> {
    if !progress.is_proven() {
        let tag = |name: &str| machine_part::tag(document, name);
        ownership::by_tags(tag, &owner.origin).map_err(Stays::NotOurs)?;
        progress.confirm_ours();
    }
    Ok(())
}

fn prove_disks(document: &Value, progress: &mut Progress<'_, '_>) {
    for id in disks_of(document) {
        let disk = Leftover::part(Part::Disk, &id);
        let known = progress.leftovers.all();
        let is_it = |known: &&Leftover| match known.as_part() {
            Some((Part::Disk, known)) => known.eq_ignore_ascii_case(id.as_str()),
            _ => false,
        };
        let known = known.iter().find(is_it).cloned();
        progress.leftovers.confirm_ours(&known.unwrap_or(disk));
    }
}

/// The ids of the disks of a VM that were made with it, by their names.
pub(in crate::run) fn disks_of(document: &Value) -> Vec<ResourceId> {
    let profile = "/properties/storageProfile";
    let os = document.pointer(&format!("{profile}/osDisk"));
    let data = document.pointer(&format!("{profile}/dataDisks"));
    let data = data.and_then(Value::as_array).into_iter().flatten();
    let name = document.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    let own = |id: &ResourceId| {
        let rest = id.name().strip_prefix(name);
        id.is(Part::Disk.resource_type())
            && ownership::is_test_name(Part::Disk, id.name())
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let ids = os.into_iter().chain(data).filter_map(|disk| {
        let id = disk.pointer("/managedDisk/id")?.as_str()?;
        id.parse::<ResourceId>().ok()
    });
    ids.filter(own).collect()
}

/// Sends the deletion and waits for its end. Where the operation cannot be read, the resource is: it has to be gone.
async fn delete(arm: &Arm, part: Part, id: &ResourceId, pace: &mut Pace) -> Result<(), Failure> {
    let Some(started) = arm.delete_part(part, id).await? else {
        return Ok(());
    };
    pace.asked(started.pause);
    let mut operation = started.operation.as_ref();
    let doing = format!("Deleting {} '{}'", part.noun(), id.name());
    loop {
        sleep(pace.pause()).await;
        if let Some(address) = operation {
            match arm.operation(&doing, address).await {
                Ok(seen) => {
                    pace.asked(seen.pause);
                    match seen.value {
                        Status::InProgress => continue,
                        Status::Succeeded => return Ok(()),
                        Status::Failed { code, message } => {
                            return Err(not_deleted(&doing, &format!("{code}: {message}")));
                        }
                        Status::Canceled => return Err(not_deleted(&doing, "it was canceled")),
                    }
                }
                Err(_) => operation = None,
            }
        }
        match arm.part(part, id).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            Err(failure) if failure.is_passing() => {}
            Err(failure) => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_machine_has_the_disks_that_were_made_with_it() {
        let group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks";
        let disk = |name: &str| json!({"managedDisk": {"id": format!("{group}/{name}")}});
        let document = json!({"name": "tst-1", "properties": {"storageProfile": {
            "osDisk": disk("tst-1"),
            "dataDisks": [disk("tst-1-0"), disk("tst-12-0"), disk("payroll"), {"managedDisk": {"id": "x"}}, 7],
        }}});
        let names: Vec<_> = disks_of(&document)
            .iter()
            .map(|id| id.name().to_owned())
            .collect();
        assert_eq!(names, ["tst-1", "tst-1-0"]);
        assert!(disks_of(&json!({})).is_empty());
    }

    #[test]
    fn a_tag_keeps_it() {
        assert!(is_kept(&json!({"tags": {"imagebuilderkeep": "true"}})));
        assert!(!is_kept(&json!({"tags": {"imageBuilderKeep": " False"}})));
        assert!(!is_kept(&json!({})));
    }
}
