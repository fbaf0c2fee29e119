//! VMs that were made to see an image boot, with what belongs to them: a job was lost before it deleted its own.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Kept, Request, Swept, now};
use crate::arm::Arm;
use crate::arm::machine_part::{Part, tag};
use crate::error::duration;
use crate::inputs::Owner;
use crate::inputs::origin::{KEEP, RUN};
use crate::run::clean_up::{Budget, clean_up, is_kept};
use crate::run::event::{Event, Events};
use crate::run::leftover::{NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;
use crate::run::machines::{self, FoundPart};

/// What is to become of one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Delete,
    /// It is of somebody else.
    Foreign,
    Keep(String),
    /// It stays, and a person has to decide.
    Name(String),
}

/// Deletes the VMs, network interfaces and disks of the group that this task has made and that are old.
///
/// Who may not list them has none: nothing of it is a failure.
pub(super) async fn sweep(arm: &Arm, request: Request<'_>, events: &dyn Events, swept: &mut Swept) {
    let all = match machines::all(arm, request.group).await {
        Ok(all) => all,
        Err(failure) => return swept.machines_left = Some(failure.to_string()),
    };
    let now = match now(arm) {
        Ok(now) => now,
        Err(error) => return swept.machines_left = Some(error.to_string()),
    };
    let mut stays = Vec::new();
    // A VM first: what it has goes or stays with it.
    for found in all {
        let verdict = match found.machine() {
            Some(machine)
                if stays
                    .iter()
                    .any(|name: &String| name.eq_ignore_ascii_case(machine)) =>
            {
                Verdict::Keep(format!("VM '{machine}' has it"))
            }
            _ => verdict(&found, now, request.older_than),
        };
        let (why, for_a_person) = match verdict {
            Verdict::Foreign => continue,
            Verdict::Delete if request.preview => {
                swept.gone.push(found.leftover());
                continue;
            }
            Verdict::Delete => {
                let gone = delete(arm, &found, events, swept).await;
                if !gone && found.part == Part::Vm {
                    stays.push(found.id.name().to_owned());
                }
                continue;
            }
            Verdict::Keep(why) => (why, false),
            Verdict::Name(why) => (why, true),
        };
        if found.part == Part::Vm {
            stays.push(found.id.name().to_owned());
        }
        swept.kept.push(Kept {
            leftover: found.leftover(),
            why,
            for_a_person,
        });
    }
}

fn verdict(found: &FoundPart, now: OffsetDateTime, older_than: Duration) -> Verdict {
    if !found.is_ours() {
        // A disk may lack the tags of the VM that it was made with; it is of nobody any more.
        let is_stray = found.part == Part::Disk && found.machine().is_none();
        return if is_stray {
            Verdict::Name(
                "it looks like one of this task, but has no tag that proves it".to_owned(),
            )
        } else {
            Verdict::Foreign
        };
    }
    if found.is_kept() {
        return Verdict::Keep(format!("its tag '{KEEP}' keeps it"));
    }
    match found.made().map(|made| Duration::try_from(now - made)) {
        None => Verdict::Name("Azure does not tell when it was created".to_owned()),
        Some(Err(_)) => Verdict::Keep("it was created just now".to_owned()),
        Some(Ok(age)) if age <= older_than => {
            Verdict::Keep(format!("it was created only {} ago", duration(age)))
        }
        Some(Ok(_)) => Verdict::Delete,
    }
}

/// Deletes one, after its tags were read again; whether it is gone. One that went with its VM meanwhile is.
async fn delete(arm: &Arm, found: &FoundPart, events: &dyn Events, swept: &mut Swept) -> bool {
    let leftover = found.leftover();
    let stays = match arm.part(found.part, &found.id).await {
        Ok(None) => {
            events.emit(Event::Removed(leftover.clone()));
            swept.gone.push(leftover);
            return true;
        }
        Ok(Some(document)) if tag(&document, RUN) == found.run() && !is_kept(&document) => None,
        Ok(Some(_)) => Some((
            Ownership::NotOurs,
            "its tags have changed since it was found".to_owned(),
        )),
        Err(failure) => Some((Ownership::Ours, failure.to_string())),
    };
    if let Some((ownership, why)) = stays {
        swept
            .not_removed
            .push(NotRemoved::of(leftover, ownership, &why));
        return false;
    }
    let mut leftovers = Leftovers::known(events, vec![(leftover.clone(), Ownership::Ours)]);
    let nobody = Owner::nobody();
    let not_removed = clean_up(arm, &nobody, &mut leftovers, Budget::AFTER_BUILD).await;
    let gone = not_removed.is_empty();
    if gone {
        swept.gone.push(leftover);
    }
    swept.not_removed.extend(not_removed);
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceGroupId;
    use serde_json::{Value, json};
    use time::macros::datetime;

    fn check(part: Part, document: &Value, expected: &str) {
        let group = ResourceGroupId::new("s", "g");
        let found = FoundPart {
            part,
            id: part.id(&group, "tst-1"),
            document: document.clone(),
        };
        let now = datetime!(2026-11-23 12:00 UTC);
        let told = match verdict(&found, now, Duration::from_secs(24 * 3600)) {
            Verdict::Delete => "delete".to_owned(),
            Verdict::Foreign => "foreign".to_owned(),
            Verdict::Keep(why) => format!("keep: {why}"),
            Verdict::Name(why) => format!("name: {why}"),
        };
        assert_eq!(told, expected, "{document}");
    }

    #[test]
    fn what_is_ours_goes_when_it_is_old() {
        let tags = |made: &str| json!({"imageBuilderTask": "1.2.0", "imageBuilderRun": "c/p/1", "imageBuilderMade": made});
        let old = tags("2026-11-22T11:59:59Z");
        for part in Part::ALL {
            check(part, &json!({"tags": old}), "delete");
            check(
                part,
                &json!({"tags": tags("2026-11-22T12:00:00Z")}),
                "keep: it was created only 24 h 0 min ago",
            );
            check(
                part,
                &json!({"tags": tags("2026-11-23T12:00:01Z")}),
                "keep: it was created just now",
            );
            check(
                part,
                &json!({"tags": tags("")}),
                "name: Azure does not tell when it was created",
            );
        }
        let mut kept = old.clone();
        kept["imageBuilderKeep"] = json!("true");
        check(
            Part::Vm,
            &json!({"tags": kept}),
            "keep: its tag 'imageBuilderKeep' keeps it",
        );
        let untimed = json!({"tags": {"imageBuilderTask": "1.2.0"}, "properties": {"timeCreated": "2026-11-20T12:00:00Z"}});
        check(Part::Vm, &untimed, "delete");
    }

    #[test]
    fn what_has_no_tags_of_ours_is_left_alone() {
        for document in [json!({}), json!({"tags": {"imageBuilderRun": "c/p/1"}})] {
            check(Part::Vm, &document, "foreign");
            check(Part::Nic, &document, "foreign");
        }
        let named = "name: it looks like one of this task, but has no tag that proves it";
        check(Part::Disk, &json!({}), named);
        check(Part::Disk, &json!({"managedBy": "/x/tst-1"}), "foreign");
    }
}
