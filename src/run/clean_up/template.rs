//! Deleting an image template: what is not ours is left alone, a run is canceled first, and temporary refusals are waited out.

use std::time::Duration;

use http::StatusCode;
use tokio::time::sleep;

use super::lock;
use super::progress::{Progress, Removal, Stays};
use crate::arm::Arm;
use crate::arm::operation::Status;
use crate::arm::pace::Pace;
use crate::arm::pace::Polled;
use crate::arm::template_state::{RunState, Template};
use crate::arm::{Cause, Failure};
use crate::diagnosis::{FoundIn, of_text};
use crate::inputs::Owner;
use crate::resource::ResourceId;
use crate::run::find::FoundTemplate;
use crate::run::ownership;
use crate::run::package_removal::{self, PACKAGE_STAYS, PackageRemoval};

/// When to look again for a template that was never seen: its PUT may still be on its way, or the answer may come from a replica that does not
/// know it yet.
pub(super) const LOOKS_AGAIN: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// Deletes the template. Azure refuses while it is being created, run or canceled (405 or 409), so that is waited out; a run is canceled first.
///
/// Unless `progress` says that it is ours, nothing is done before its tags have told.
pub(super) async fn remove(
    arm: &Arm,
    owner: &Owner,
    id: &ResourceId,
    progress: &mut Progress<'_, '_>,
) -> Result<Removal, Stays> {
    let mut pace = Pace::new(None);
    let (mut canceled, mut seen_once) = (false, false);
    let mut looks_again = LOOKS_AGAIN.into_iter();
    loop {
        let step = match ask(arm, id, progress).await? {
            Answer::Gone if seen_once => return Ok(Removal::Done),
            Answer::Gone => match looks_again.next() {
                Some(pause) => {
                    sleep(pause).await;
                    continue;
                }
                // Azure took the request that made it, so what answers here may be a replica that does not know it yet. The deletion finds out.
                None if progress.is_proven() => NextStep::CancelAndDelete,
                None => return Ok(Removal::NotThere),
            },
            Answer::There(seen) => {
                seen_once = true;
                confirm_ours(&seen.value, owner, progress)?;
                pace.asked(seen.pause);
                let found = FoundTemplate::of(id.clone(), seen.value);
                if found.tags.keep {
                    return Ok(Removal::Kept);
                }
                let step = next_step(&found.template);
                if matches!(step, NextStep::Delete) {
                    remove_package(arm, &found, progress).await?;
                }
                step
            }
            Answer::Silence => {
                pace.asked(None);
                if !progress.is_proven()
                    && let Ok(Some(listed)) = arm.template_in_list(id).await
                {
                    seen_once = true;
                    confirm_ours(&listed, owner, progress)?;
                }
                if progress.is_proven() {
                    NextStep::CancelAndDelete
                } else {
                    NextStep::Wait
                }
            }
        };
        match step {
            NextStep::Wait => {}
            NextStep::CancelAndDelete if !canceled => {
                canceled = true;
                // A refusal means that the run ended meanwhile; the next look tells.
                arm.cancel_run(id).await.ok();
                continue;
            }
            NextStep::CancelAndDelete | NextStep::Delete => match delete(arm, id, progress).await {
                Ok(()) => return Ok(Removal::Done),
                Err(failure) if passes(&failure) => progress.note(&failure),
                Err(failure) => return Err(refused(arm, &failure).await),
            },
        }
        sleep(pace.pause()).await;
    }
}

/// Deletes the template. Refusals that pass are waited out if `patient`; otherwise one means that a run has begun. One that someone else
/// deletes at the same time is waited for in any case.
pub(super) async fn delete_at_rest(
    arm: &Arm,
    id: &ResourceId,
    progress: &mut Progress<'_, '_>,
    patient: bool,
) -> Result<Removal, Stays> {
    let mut pace = Pace::new(None);
    loop {
        let failure = match delete(arm, id, progress).await {
            Ok(()) => return Ok(Removal::Done),
            Err(failure) => failure,
        };
        match arm.template(id).await {
            Err(look) if look.is(StatusCode::NOT_FOUND) => return Ok(Removal::NotThere),
            Ok(seen) if is_busy(&failure) && (patient || seen.value.is_being_deleted()) => {
                pace.asked(seen.pause);
            }
            Ok(_) | Err(_) => return Err(refused(arm, &failure).await),
        }
        sleep(pace.pause()).await;
    }
}

fn confirm_ours(
    template: &Template,
    owner: &Owner,
    progress: &mut Progress<'_, '_>,
) -> Result<(), Stays> {
    if !progress.is_proven() {
        ownership::by_owner(template, owner).map_err(Stays::NotOurs)?;
        progress.confirm_ours();
    }
    Ok(())
}

/// The package goes first, since the template's tag alone names it: one that is ours and cannot be deleted keeps the template.
async fn remove_package(
    arm: &Arm,
    found: &FoundTemplate,
    progress: &mut Progress<'_, '_>,
) -> Result<(), Stays> {
    if !std::mem::take(&mut progress.with_package) {
        return Ok(());
    }
    match package_removal::remove(arm, found, progress.leftovers.events()).await {
        PackageRemoval::NotOurs(not_removed) => progress.not_removed.push(not_removed),
        PackageRemoval::Stays(not_removed) => {
            progress.not_removed.push(not_removed);
            return Err(Stays::Refused(PACKAGE_STAYS.to_owned()));
        }
        PackageRemoval::None | PackageRemoval::Gone(_) => {}
    }
    Ok(())
}

/// A refusal that waiting does not end, with the lock that blocks the deletion, if there is one.
pub(super) async fn refused(arm: &Arm, failure: &Failure) -> Stays {
    let mut why = failure.to_string();
    if let Some(named) = lock::named(arm, failure).await {
        why = format!("{why} ({named})");
    }
    Stays::Refused(why)
}

/// What brings a template closer to its end.
enum NextStep {
    Wait,
    CancelAndDelete,
    Delete,
}

fn next_step(template: &Template) -> NextStep {
    let last = template.last_run.as_ref().filter(|run| !run.is_over());
    match last.map(|run| &run.state) {
        Some(RunState::Running | RunState::Unknown(_)) => NextStep::CancelAndDelete,
        Some(RunState::Canceling) => NextStep::Wait,
        // These states pass by themselves.
        _ if template.is_being_provisioned() || template.is_being_deleted() => NextStep::Wait,
        _ => NextStep::Delete,
    }
}

/// What Azure answers to the question for a template.
enum Answer {
    Gone,
    There(Box<Polled<Template>>),
    /// Azure answers a question about a template badly now and then while its run goes on (danielsollondon/azvmimagebuilder#129). That must
    /// not keep us from removing what is ours: a cancel or a deletion at a wrong time is refused and does no harm.
    Silence,
}

async fn ask(arm: &Arm, id: &ResourceId, progress: &mut Progress<'_, '_>) -> Result<Answer, Stays> {
    match arm.template(id).await {
        Ok(seen) => Ok(Answer::There(Box::new(seen))),
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(Answer::Gone),
        Err(failure) if failure.is_passing() => {
            progress.note(&failure);
            Ok(Answer::Silence)
        }
        Err(failure) => Err(Stays::Refused(failure.to_string())),
    }
}

/// Whether a refusal is temporary. `OperationNotAllowed` was reported with 405 and is likely to come with 409 as well; but 409 also means a
/// lock and the like, which stay until someone acts: those that are known are in the catalogue of failures.
pub(super) fn is_busy(failure: &Failure) -> bool {
    let passes = || {
        let known = of_text(&[FoundIn::CleanUp], &failure.to_string());
        known.is_none_or(|known| known.entry.retriable)
    };
    (failure.is(StatusCode::METHOD_NOT_ALLOWED) || failure.is(StatusCode::CONFLICT)) && passes()
}

/// Whether a deletion may succeed later: Azure refuses for the moment, is in trouble, throttles, or cannot be reached. An operation that ended badly was
/// answered.
pub(super) fn passes(failure: &Failure) -> bool {
    let is_answered = matches!(failure.cause, Cause::Unreadable(_));
    is_busy(failure) || (failure.is_passing() && !is_answered)
}

/// Sends the deletion and waits for its end; the template's absence is the proof where the operation tells nothing.
async fn delete(
    arm: &Arm,
    id: &ResourceId,
    progress: &mut Progress<'_, '_>,
) -> Result<(), Failure> {
    let Some(started) = arm.delete_template(id).await? else {
        return Ok(());
    };
    let mut pace = Pace::new(started.pause);
    let mut operation = started.operation.as_ref();
    let doing = format!("Deleting image template '{}'", id.name());
    loop {
        sleep(pace.pause()).await;
        if let Some(address) = operation {
            match arm.operation(&doing, address).await {
                Ok(seen) => {
                    pace.asked(seen.pause);
                    match seen.value {
                        Status::InProgress => {}
                        Status::Succeeded => return Ok(()),
                        Status::Failed { code, message } => {
                            return Err(not_deleted(&doing, &format!("{code}: {message}")));
                        }
                        Status::Canceled => return Err(not_deleted(&doing, "it was canceled")),
                    }
                }
                // It may have gone with the template.
                Err(_) => operation = None,
            }
        } else {
            match arm.template(id).await {
                Ok(seen) => pace.asked(seen.pause),
                Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(()),
                Err(failure) if failure.is_passing() => {
                    progress.note(&failure);
                    pace.asked(None);
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

pub(super) fn not_deleted(doing: &str, reason: &str) -> Failure {
    Failure::of(doing, Cause::Unreadable(reason.to_owned()))
}
