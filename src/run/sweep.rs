//! Deleting what lost jobs left in a resource group: templates of this task, their packages, VMs that test an image, and packages that no template
//! names.
//!
//! Ages come from Azure's times against Azure's own clock. What is not certain is named, never deleted.

mod packages;
mod swept;
mod test_machines;

use std::time::Duration;

use futures::StreamExt as _;
use http::StatusCode;
use time::OffsetDateTime;

use super::clean_up::Budget;
use super::context::sign_in;
use super::event::Events;
use super::find::{self, FoundTemplate};
use super::leftover::{Leftover, NotRemoved, Ownership};
use super::template_removal::{Removed, WhenBusy, remove};
use crate::arm::Arm;
use crate::arm::template_state::RunState;
use crate::error::{Error, duration};
use crate::resource::ResourceGroupId;
use crate::resource::tag::KEEP;
use crate::storage::{self, StorageAccount};
pub use swept::{KeptItem, Request, Swept};
use swept::{Verdict, now};

/// More deletions at once would be a load that other builds of the subscription feel.
const AT_ONCE: usize = 4;

/// Deletes what is at rest for long enough. May be dropped at any time; `swept` then has what was done.
///
/// # Errors
/// The group cannot be listed to its end, or the storage account is not found: then nothing is changed.
pub async fn sweep(
    arm: &Arm,
    request: Request<'_>,
    events: &dyn Events,
    swept: &mut Swept,
) -> Result<(), Error> {
    sign_in(arm).await?;
    let all = find::all(arm, request.group).await?;
    let account = match request.account {
        None => None,
        Some(name) => Some(account(arm, request.group, name).await?),
    };
    let now = now(arm)?;
    let mut old = Vec::new();
    for found in all {
        match verdict(&found, now, request.older_than) {
            Verdict::Delete => old.push(found),
            other => note(swept, &found, other),
        }
    }
    if request.preview {
        let old = old.iter();
        swept
            .gone
            .extend(old.map(|found| Leftover::template(&found.id)));
    } else {
        let deleting = old
            .into_iter()
            .map(|found| delete(arm, request, found, events));
        let mut deleting = futures::stream::iter(deleting).buffer_unordered(AT_ONCE);
        while let Some(done) = deleting.next().await {
            match done {
                Done::Removed(removed) => {
                    swept.gone.extend(removed.gone);
                    swept.not_removed.extend(removed.not_removed);
                }
                Done::Changed(found, verdict) => note(swept, &found, verdict),
                Done::Gone => {}
            }
        }
    }
    test_machines::sweep(arm, request, events, swept).await;
    if let Some(account) = account {
        packages::sweep(arm, request, &account, events, swept).await;
    }
    Ok(())
}

async fn account(arm: &Arm, group: &ResourceGroupId, name: &str) -> Result<StorageAccount, Error> {
    Ok(storage::find_account(arm, group, name).await?)
}

/// Takes note of a template that stays.
fn note(swept: &mut Swept, found: &FoundTemplate, verdict: Verdict) {
    if verdict == Verdict::Foreign {
        swept.foreign += 1;
    }
    swept.keep(Leftover::template(&found.id), verdict);
}

/// What became of a template that was to go.
enum Done {
    Removed(Removed),
    /// It has changed since the group was listed.
    Changed(Box<FoundTemplate>, Verdict),
    /// Someone else was quicker.
    Gone,
}

async fn delete(
    arm: &Arm,
    request: Request<'_>,
    mut found: FoundTemplate,
    events: &dyn Events,
) -> Done {
    let leftover = Leftover::template(&found.id);
    // The list may be minutes old when its turn comes.
    match arm.template(&found.id).await {
        Ok(seen) => found.update(seen.value),
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Done::Gone,
        Err(failure) => {
            let not_removed = vec![NotRemoved::of(
                leftover,
                Ownership::Ours,
                &failure.to_string(),
            )];
            return Done::Removed(Removed {
                not_removed,
                ..Removed::default()
            });
        }
    }
    let verdict = match now(arm) {
        Ok(now) => verdict(&found, now, request.older_than),
        Err(error) => Verdict::Name(error.to_string()),
    };
    if verdict == Verdict::Delete {
        Done::Removed(remove(arm, &found, WhenBusy::Leave, events, Budget::AFTER_BUILD).await)
    } else {
        Done::Changed(Box::new(found), verdict)
    }
}

fn verdict(found: &FoundTemplate, now: OffsetDateTime, older_than: Duration) -> Verdict {
    let ours = found.tags.are_ours();
    // A template from before version 1.1 has a name that this task gives, and no tags of ours.
    if !ours && !find::is_given_name(found.id.name()) {
        return Verdict::Foreign;
    }
    if found.tags.keep {
        return Verdict::Keep(format!("its tag '{KEEP}' keeps it"));
    }
    let state = &found.template.provisioning_state;
    if state.eq_ignore_ascii_case("Deleting") {
        return Verdict::Keep("it is being deleted already".to_owned());
    }
    let run = found.template.last_run.as_ref();
    match run.map(|run| &run.state) {
        Some(RunState::Running | RunState::Canceling) => {
            return Verdict::Keep("its run continues".to_owned());
        }
        Some(RunState::Unknown(state)) => {
            return Verdict::Name(format!("the state '{state}' of its run is not known"));
        }
        _ => {}
    }
    let since = found.at_rest_since();
    let age = since.and_then(|since| Duration::try_from(now - since).ok());
    let what = if run.is_some() {
        "its run ended"
    } else {
        "it was created, and never ran,"
    };
    match age {
        Some(age) if age <= older_than => {
            return Verdict::Keep(format!("{what} only {} ago", duration(age)));
        }
        None if since.is_some() => {
            return Verdict::Keep(format!("{what} just now"));
        }
        None if run.is_some() => {
            return Verdict::Name("Azure does not report when its run ended".to_owned());
        }
        None if ours => {
            return Verdict::Name("Azure does not report when it was created".to_owned());
        }
        Some(_) | None => {}
    }
    if !ours {
        return Verdict::Name(
            "it looks like one of this task before version 1.1, but has no tag that proves it"
                .to_owned(),
        );
    }
    let has_image = run.is_some_and(|run| run.state.has_image());
    if has_image && found.holds_vhd() {
        return Verdict::Name(
            "the VHD that it created is in its staging resource group, and would be deleted with it"
                .to_owned(),
        );
    }
    Verdict::Delete
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::template_state::Template;
    use serde_json::{Value, json};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn check(name: &str, value: impl std::borrow::Borrow<Value>, expected: &str) {
        let value = value.borrow();
        let group = ResourceGroupId::new("s", "g");
        let found = FoundTemplate::of(find::template_id(&group, name), Template::read(value));
        let day = Duration::from_secs(24 * 3600);
        let told = match verdict(&found, NOW, day) {
            Verdict::Delete => "delete".to_owned(),
            Verdict::Foreign => "foreign".to_owned(),
            Verdict::Keep(why) => format!("keep: {why}"),
            Verdict::Name(why) => format!("name: {why}"),
        };
        assert_eq!(told, expected, "{name} {value}");
    }

    fn ours(more: &[(&str, &str)]) -> Value {
        let mut tags = json!({"imageBuilderTask": "1.2.0", "imageBuilderRun": "c/p/1"});
        for (name, value) in more {
            tags[*name] = json!(value);
        }
        tags
    }

    fn run(state: &str, end: &str, tags: impl std::borrow::Borrow<Value>) -> Value {
        let tags = tags.borrow();
        json!({"tags": tags, "properties": {"provisioningState": "Succeeded",
            "distribute": [{"type": "SharedImage"}], "lastRunStatus": {"runState": state, "endTime": end}}})
    }

    const OLD: &str = "2026-11-22T11:59:59Z";
    const YOUNG: &str = "2026-11-22T12:00:00Z";
    const NONE: &str = "0001-01-01T00:00:00Z";

    #[test]
    fn what_ended_long_ago_goes() {
        for state in ["Succeeded", "PartiallySucceeded", "Failed", "Canceled"] {
            check("aib-1", run(state, OLD, ours(&[])), "delete");
            check(
                "aib-1",
                run(state, YOUNG, ours(&[])),
                "keep: its run ended only 24 h 0 min ago",
            );
            check(
                "aib-1",
                run(state, NONE, ours(&[])),
                "name: Azure does not report when its run ended",
            );
            check(
                "aib-1",
                run(state, "2026-11-23T12:00:01Z", ours(&[])),
                "keep: its run ended just now",
            );
            check("aib-1", run(state, OLD, json!({})), "foreign");
        }
        let kept = ours(&[("IMAGEBUILDERKEEP", "yes")]);
        check(
            "aib-1",
            run("Failed", OLD, kept),
            "keep: its tag 'imageBuilderKeep' keeps it",
        );
        check(
            "aib-1",
            run("Failed", OLD, ours(&[("imageBuilderKeep", "False")])),
            "delete",
        );
    }

    #[test]
    fn what_runs_or_is_in_no_known_state_stays() {
        for (state, end) in [("Running", NONE), ("Running", OLD), ("Canceling", NONE)] {
            check("t_1", run(state, end, ours(&[])), "keep: its run continues");
            check("t_1", run(state, end, json!({})), "keep: its run continues");
        }
        let unknown = "name: the state 'Levitating' of its run is not known";
        check("t_1", run("Levitating", OLD, ours(&[])), unknown);
    }

    #[test]
    fn what_never_ran_goes_by_the_time_of_its_making() {
        let made = |time: &str| json!({"tags": ours(&[("imageBuilderMade", time)])});
        let created = |time: &str| json!({"tags": ours(&[]), "systemData": {"createdAt": time}});
        check("aib-1", made(OLD), "delete");
        check("aib-1", created(OLD), "delete");
        let young = "keep: it was created, and never ran, only 24 h 0 min ago";
        check("aib-1", made(YOUNG), young);
        check("aib-1", created(YOUNG), young);
        check(
            "aib-1",
            json!({"tags": ours(&[])}),
            "name: Azure does not report when it was created",
        );
    }

    #[test]
    fn templates_of_before_the_tags_are_only_named() {
        let before = "name: it looks like one of this task before version 1.1, but has no tag that proves it";
        check("t_1763800000000000", run("Failed", OLD, json!({})), before);
        check("t_1763800000000000", json!({}), before);
        check(
            "t_1",
            run("Failed", YOUNG, json!({})),
            "keep: its run ended only 24 h 0 min ago",
        );
        check("t_", json!({}), "foreign");
        check("t_1a", json!({}), "foreign");
        check("win11", json!({}), "foreign");
    }

    #[test]
    fn a_vhd_in_the_staging_group_is_a_result() {
        let vhd = |state: &str, target: Value, validate: Value| {
            json!({"tags": ours(&[]), "properties": {"distribute": [target], "validate": validate,
                "lastRunStatus": {"runState": state, "endTime": OLD}}})
        };
        let here = || json!({"type": "VHD", "runOutputName": "a"});
        let named = "name: the VHD that it created is in its staging resource group, and would be deleted with it";
        check("t_1", vhd("Succeeded", here(), json!({})), named);
        check("t_1", vhd("PartiallySucceeded", here(), json!({})), named);
        check("t_1", vhd("Failed", here(), json!({})), "delete");
        let elsewhere = json!({"type": "VHD", "uri": "https://a/b.vhd"});
        check("t_1", vhd("Succeeded", elsewhere, json!({})), "delete");
        let of_test = json!({"type": "VHD", "runOutputName": "imageTest"});
        let test = json!({"sourceValidationOnly": true});
        check("t_1", vhd("Succeeded", of_test, test), "delete");
    }
}
