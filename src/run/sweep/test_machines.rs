//! VMs that were made to see an image boot, with what belongs to them: a job was lost before it deleted its own.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use super::swept::{Request, Swept, Verdict, now};
use crate::arm::Arm;
use crate::arm::machine_part::{Part, tag};
use crate::error::duration;
use crate::inputs::Owner;
use crate::resource::tag::{KEEP, MADE, RUN, STEP, TASK};
use crate::run::clean_up::{Budget, clean_up, is_kept};
use crate::run::event::{Event, Events};
use crate::run::leftover::{NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;
use crate::run::test_machines::{self, FoundPart};

/// Deletes the VMs, network interfaces and disks of the group that this task has made and that are old.
///
/// Best effort: a service connection that cannot list them fails no sweep.
pub(super) async fn sweep(arm: &Arm, request: Request<'_>, events: &dyn Events, swept: &mut Swept) {
    let all = match test_machines::all(arm, request.group).await {
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
        let is_gone = match verdict {
            Verdict::Foreign => continue,
            Verdict::Delete if request.preview => {
                swept.gone.push(found.leftover());
                continue;
            }
            Verdict::Delete => delete(arm, &found, events, swept).await,
            Verdict::Keep(_) | Verdict::Name(_) => {
                swept.keep(found.leftover(), verdict);
                false
            }
        };
        if !is_gone && found.part == Part::Vm {
            stays.push(found.id.name().to_owned());
        }
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
        None => Verdict::Name("Azure does not report when it was created".to_owned()),
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
        Ok(Some(document)) if is_same(&document, &found.document) => None,
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
    let mut leftovers = Leftovers::registered(events, vec![(leftover.clone(), Ownership::Ours)]);
    let nobody = Owner::nobody();
    let not_removed = clean_up(arm, &nobody, &mut leftovers, Budget::AFTER_BUILD).await;
    let gone = not_removed.is_empty();
    if gone {
        swept.gone.push(leftover);
    }
    swept.not_removed.extend(not_removed);
    gone
}

/// Whether it is still the one that was found, of this task, and to be deleted: another one may have come to its name.
fn is_same(now: &Value, found: &Value) -> bool {
    let is_ours = tag(now, TASK).is_some();
    let mut all = [TASK, RUN, STEP, MADE].into_iter();
    is_ours && all.all(|name| tag(now, name) == tag(found, name)) && !is_kept(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceGroupId;
    use serde_json::json;
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
                "name: Azure does not report when it was created",
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
    fn another_one_of_the_same_name_stays() {
        let tags = |task: Option<&str>, run: Option<&str>, made: Option<&str>| json!({"tags": {"imageBuilderTask": task, "imageBuilderRun": run, "imageBuilderMade": made}});
        let whole = tags(Some("1.2.0"), Some("c/p/1"), Some("2026-11-22T11:59:59Z"));
        let untimed = tags(Some("1.2.0"), None, None);
        assert!(is_same(&whole, &whole) && is_same(&untimed, &untimed));
        for now in [
            json!({}),
            tags(None, None, None),
            tags(None, Some("c/p/1"), Some("2026-11-22T11:59:59Z")),
            tags(Some("1.2.0"), Some("c/p/2"), Some("2026-11-22T11:59:59Z")),
            tags(Some("1.2.0"), Some("c/p/1"), Some("2026-11-23T11:59:59Z")),
            tags(Some("1.3.0"), Some("c/p/1"), Some("2026-11-22T11:59:59Z")),
        ] {
            assert!(!is_same(&now, &whole), "{now}");
        }
        assert!(!is_same(&json!({}), &untimed));
        let mut kept = whole.clone();
        kept["tags"]["imageBuilderKeep"] = json!("true");
        assert!(!is_same(&kept, &whole));
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
