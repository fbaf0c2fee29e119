//! Removing what a build left: asks Azure what exists and unwinds from there.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::event::{Event, Events};
use super::leftover::{Leftover, Leftovers, Remains};
use super::pace::Pace;
use crate::arm::image_template::{Arm, Seen};
use crate::arm::operation::Status;
use crate::arm::template_state::{RunState, Template};
use crate::arm::{Cause, Failure};
use crate::resource::ResourceId;
use crate::storage;

/// How long clean-up may take.
#[derive(Debug, Clone, Copy)]
pub struct Budget(pub Duration);

impl Budget {
    /// After a build: deleting a template takes one to two minutes, longer right after a run.
    pub const AFTER_BUILD: Self = Self(Duration::from_secs(15 * 60));
    /// In the post-job step after a cancel, when the agent itself has five minutes by default
    /// (<https://learn.microsoft.com/azure/devops/pipelines/process/phases#timeouts>).
    pub const AFTER_CANCEL: Self = Self(Duration::from_secs(4 * 60));
}

/// Removes everything in `leftovers`, the package first: it is quick, and it holds the user's files.
pub async fn clean_up(arm: &Arm, leftovers: &mut Leftovers<'_>, budget: Budget) -> Vec<Remains> {
    let deadline = Instant::now() + budget.0;
    let mut order: Vec<Leftover> = leftovers.all().to_vec();
    order.sort_by_key(|leftover| matches!(leftover, Leftover::Template { .. }));
    let mut remains = Vec::new();
    for leftover in order {
        let removal = remove(arm, &leftover);
        match tokio::time::timeout_at(deadline, removal).await {
            Ok(Ok(())) => leftovers.removed(&leftover),
            Ok(Err(why)) => remains.push(Remains { leftover, why }),
            Err(_) => {
                let reason = format!("it was not gone after {} minutes", budget.0.as_secs() / 60);
                remains.push(Remains::of(leftover, &reason));
            }
        }
    }
    remains
}

async fn remove(arm: &Arm, leftover: &Leftover) -> Result<(), String> {
    match leftover {
        Leftover::Blob(blob) => storage::delete(&arm.client, blob)
            .await
            .map_err(|failure| failure.to_string()),
        Leftover::BlobByKey(blob) => {
            let base = arm.base();
            let base = base
                .parse()
                .map_err(|error| format!("'{base}' is no address: {error}"))?;
            let key = storage::account_key(&arm.client, &base, &arm.scope, &blob.account).await;
            let key = key.map_err(|failure| failure.to_string())?;
            let client = storage::with_key(&arm.client, &blob.account, key);
            storage::delete(&client, blob)
                .await
                .map_err(|failure| failure.to_string())
        }
        Leftover::Template { id } => {
            let id: ResourceId = id
                .parse()
                .map_err(|error| format!("'{id}' is no resource id: {error}"))?;
            remove_template(arm, &id)
                .await
                .map_err(|failure| failure.to_string())
        }
    }
}

/// Deletes the template. Azure refuses while it is being created, run or canceled (405 or 409), so that is waited out; a run is canceled first.
async fn remove_template(arm: &Arm, id: &ResourceId) -> Result<(), Failure> {
    let mut pace = Pace::new(None);
    let mut canceled = false;
    loop {
        let step = match look(arm, id).await? {
            Look::Gone => return Ok(()),
            Look::There(seen) => {
                pace.asked(seen.pause);
                step(&seen.value)
            }
            Look::NoAnswer => {
                pace.asked(None);
                Step::CancelAndDelete
            }
        };
        match step {
            Step::Wait => {}
            Step::CancelAndDelete if !canceled => {
                canceled = true;
                // A refusal means that the run ended meanwhile; the next look tells.
                arm.cancel_run(id).await.ok();
                continue;
            }
            Step::CancelAndDelete | Step::Delete => match delete(arm, id).await {
                Ok(()) => return Ok(()),
                Err(failure) if is_busy(&failure) => {}
                Err(failure) => return Err(failure),
            },
        }
        sleep(pace.pause()).await;
    }
}

/// What brings a template closer to its end.
enum Step {
    Wait,
    CancelAndDelete,
    Delete,
}

fn step(template: &Template) -> Step {
    let last = template.last_run.as_ref().filter(|run| !run.is_over());
    match last.map(|run| &run.state) {
        Some(RunState::Running | RunState::Unknown(_)) => Step::CancelAndDelete,
        Some(RunState::Canceling) => Step::Wait,
        _ if template.provisioning_state.eq_ignore_ascii_case("Creating") => Step::Wait,
        _ => Step::Delete,
    }
}

enum Look {
    Gone,
    There(Box<Seen<Template>>),
    /// Azure answers a question about a template badly now and then while its run goes on (danielsollondon/azvmimagebuilder#129). That must
    /// not keep us from removing it: a cancel or a deletion at a wrong time is refused and does no harm.
    NoAnswer,
}

async fn look(arm: &Arm, id: &ResourceId) -> Result<Look, Failure> {
    match arm.template(id).await {
        Ok(seen) => Ok(Look::There(Box::new(seen))),
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(Look::Gone),
        Err(failure) if failure.may_have_acted() => Ok(Look::NoAnswer),
        Err(failure) => Err(failure),
    }
}

/// `OperationNotAllowed` was reported with 405 and is likely to come with 409 as well.
fn is_busy(failure: &Failure) -> bool {
    failure.is(StatusCode::METHOD_NOT_ALLOWED) || failure.is(StatusCode::CONFLICT)
}

/// Sends the deletion and waits for its end; the template's absence is the proof where the operation tells nothing.
async fn delete(arm: &Arm, id: &ResourceId) -> Result<(), Failure> {
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
            match look(arm, id).await? {
                Look::There(seen) => pace.asked(seen.pause),
                Look::NoAnswer => pace.asked(None),
                Look::Gone => return Ok(()),
            }
        }
    }
}

fn not_deleted(doing: &str, reason: &str) -> Failure {
    let cause = Cause::Unreadable(reason.to_owned());
    Failure {
        doing: doing.to_owned(),
        cause,
        tries: 1,
        elapsed: Duration::ZERO,
        request_id: None,
    }
}

/// On a cancel there are seconds: the run is told to stop, nothing is waited for. The post-job step removes what is registered.
pub async fn cancel_runs(arm: &Arm, leftovers: &Leftovers<'_>, events: &dyn Events) {
    for leftover in leftovers.all() {
        let Leftover::Template { id } = leftover else {
            continue;
        };
        let Ok(id) = id.parse::<ResourceId>() else {
            continue;
        };
        if let Err(failure) = arm.cancel_run(&id).await
            && !is_busy(&failure)
            && !failure.is(StatusCode::NOT_FOUND)
        {
            events.emit(Event::CancelNotConfirmed {
                reason: failure.to_string(),
            });
        }
    }
}
