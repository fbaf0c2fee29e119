//! Deleting what a build left: asks Azure what exists, touches nothing that is not ours, and goes on from there.

mod lock;
mod machine;
mod progress;
mod template;

use std::convert::Infallible;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::event::{Event, Events};
use super::leftover::{KeepReason, Leftover, NotRemoved, Ownership};
use super::leftovers::Leftovers;
use super::ownership::{self, NotProven};
use super::watch::HEARTBEAT;
use crate::arm::Arm;
use crate::arm::pace::Pace;
use crate::inputs::Owner;
use crate::resource::ResourceId;
use crate::storage::{self, StorageFailure};
pub(super) use machine::{disks_of, is_kept};
use progress::{LastAnswer, Progress, Removal, Stays};
use template::is_busy;

/// How long clean-up may take.
#[derive(Debug, Clone, Copy)]
pub struct Budget(pub Duration);

impl Budget {
    /// After a build: deleting a template takes one to two minutes, longer right after a run.
    pub const AFTER_BUILD: Self = Self(Duration::from_secs(15 * 60));
    /// In the post-job step after a cancel, and for what an earlier attempt left. The agent allows five minutes after a cancel by default
    /// (<https://learn.microsoft.com/azure/devops/pipelines/process/phases#timeouts>).
    pub const AFTER_CANCEL: Self = Self(Duration::from_secs(4 * 60));
}

/// How long the search for a blob's storage account may take, so that time remains for the template.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// Removes everything in `leftovers` that is the step's own, the package first: it is quick, and it holds the user's files; a VM before what belongs
/// to it, and before what it writes. May be dropped at any time; `leftovers` then has what is left.
pub async fn clean_up(
    arm: &Arm,
    owner: &Owner,
    leftovers: &mut Leftovers<'_>,
    budget: Budget,
) -> Vec<NotRemoved> {
    let clean_up = CleanUp::begin(arm, owner, budget);
    let mut order = leftovers.all();
    order.sort_by_key(Leftover::removal_order);
    // If there are templates alone, another step or attempt uploaded the package, and only the template's tag names it.
    let with_package = order.iter().all(Leftover::is_template);
    let mut not_removed = Vec::new();
    for leftover in order {
        // What belongs to a VM that stays is kept with it.
        if !leftovers.all().contains(&leftover) {
            continue;
        }
        not_removed.extend(clean_up.remove(leftover, with_package, leftovers).await);
    }
    not_removed
}

/// Removes a template that another step or attempt made, with its package.
pub(super) async fn remove_with_package(
    arm: &Arm,
    owner: &Owner,
    template: Leftover,
    leftovers: &mut Leftovers<'_>,
    budget: Budget,
) -> Vec<NotRemoved> {
    let clean_up = CleanUp::begin(arm, owner, budget);
    clean_up.remove(template, true, leftovers).await
}

/// A clean-up that has begun.
struct CleanUp<'a> {
    arm: &'a Arm,
    owner: &'a Owner,
    budget: Budget,
    deadline: Instant,
}

impl<'a> CleanUp<'a> {
    fn begin(arm: &'a Arm, owner: &'a Owner, budget: Budget) -> Self {
        Self {
            arm,
            owner,
            budget,
            deadline: Instant::now() + budget.0,
        }
    }

    /// Removes `leftover`, and keeps `leftovers` true. What could not be removed is returned.
    async fn remove(
        &self,
        leftover: Leftover,
        with_package: bool,
        leftovers: &mut Leftovers<'_>,
    ) -> Vec<NotRemoved> {
        let events = leftovers.events();
        let mut progress = Progress::new(&mut *leftovers, &leftover, with_package);
        let last_answer = progress.last_answer.clone();
        // A blob may use only a part of the time, so that time remains for what comes after it.
        let patience = self.budget.0 / 8;
        let removal = remove(self.arm, self.owner, &leftover, patience, &mut progress);
        let removal = tokio::time::timeout_at(self.deadline, removal);
        let removal = tokio::select! {
            biased;
            removal = removal => removal,
            never = report_still_deleting(&leftover, &last_answer, events) => match never {},
        };
        let (last, mut not_removed) = (last_answer.get(), progress.not_removed);
        let ownership = leftovers.ownership(&leftover);
        not_removed.push(match removal {
            Ok(Ok(Removal::Done)) => {
                leftovers.removed(&leftover);
                return not_removed;
            }
            Ok(Ok(Removal::NotThere)) => {
                leftovers.not_there(&leftover);
                return not_removed;
            }
            Ok(Ok(Removal::Kept)) => {
                let with_it = machine::parts_of(&leftover, leftovers);
                for kept in std::iter::once(leftover).chain(with_it) {
                    leftovers.keep(&kept, KeepReason::Asked);
                }
                return not_removed;
            }
            Ok(Err(Stays::NotOurs(reason))) => {
                leftovers.confirm_not_ours(&leftover);
                NotRemoved::of(leftover, Ownership::NotOurs, &reason)
            }
            Ok(Err(Stays::Refused(why))) => NotRemoved {
                leftover,
                why,
                ownership,
            },
            Err(_) => {
                let minutes = self.budget.0.as_secs() / 60;
                let last = last.map(|answer| format!("; the last answer was: {answer}"));
                let reason = format!(
                    "it still existed after {minutes} minutes{}",
                    last.unwrap_or_default()
                );
                NotRemoved::of(leftover, ownership, &reason)
            }
        });
        not_removed
    }
}

/// Says every two minutes that `leftover` is still being deleted, and what Azure said last.
async fn report_still_deleting(
    leftover: &Leftover,
    last: &LastAnswer,
    events: &dyn Events,
) -> Infallible {
    let start = Instant::now();
    loop {
        sleep(HEARTBEAT).await;
        events.emit(Event::StillDeleting {
            leftover: leftover.clone(),
            elapsed: start.elapsed(),
            reason: last.get(),
        });
    }
}

/// Deletes template `id`, which is ours and at rest. Refusals that pass are waited out if `patient`; otherwise they mean that a run has begun,
/// and the template stays.
pub(super) async fn delete_template_at_rest(
    arm: &Arm,
    id: &ResourceId,
    leftovers: &mut Leftovers<'_>,
    patient: bool,
) -> Option<NotRemoved> {
    let leftover = Leftover::template(id);
    let mut progress = Progress::new(&mut *leftovers, &leftover, false);
    match template::delete_at_rest(arm, id, &mut progress, patient).await {
        Ok(Removal::Done) => leftovers.removed(&leftover),
        Ok(Removal::NotThere | Removal::Kept) => leftovers.not_there(&leftover),
        Err(Stays::NotOurs(reason) | Stays::Refused(reason)) => {
            return Some(NotRemoved::of(leftover, Ownership::Ours, &reason));
        }
    }
    None
}

/// Removes `leftover`, if it is the step's own. A blob that cannot be deleted at the moment is waited for as long as `patience`.
async fn remove(
    arm: &Arm,
    owner: &Owner,
    leftover: &Leftover,
    patience: Duration,
    progress: &mut Progress<'_, '_>,
) -> Result<Removal, Stays> {
    let refused = |reason: String| {
        Stays::Refused(format!("Deleting {} failed: {reason}", leftover.describe()))
    };
    if let Some((part, id)) = leftover.as_part() {
        let id: ResourceId = id
            .parse()
            .map_err(|error| refused(format!("'{id}' is not a resource id: {error}")))?;
        return machine::remove(arm, owner, (part, &id), progress).await;
    }
    let (noted, by_key) = match leftover {
        Leftover::Blob(blob) => (blob, false),
        Leftover::BlobByKey(blob) => (blob, true),
        Leftover::Template { id } => {
            let id: ResourceId = id
                .parse()
                .map_err(|error| refused(format!("'{id}' is not a resource id: {error}")))?;
            return template::remove(arm, owner, &id, progress).await;
        }
        _ => return Err(Stays::NotOurs(ownership::FOREIGN.to_owned())),
    };
    let blob = if progress.is_proven() {
        noted.as_ref().clone()
    } else {
        let looking = ownership::blob(arm, owner, noted);
        match tokio::time::timeout(LONGEST_LOOK, looking).await {
            Ok(Ok(blob)) => blob,
            Ok(Err(NotProven::NotOurs(reason))) => return Err(Stays::NotOurs(reason)),
            Ok(Err(NotProven::Unknown(reason))) => return Err(refused(reason)),
            Err(_) => return Err(refused("Azure did not say where it is".to_owned())),
        }
    };
    let client = if by_key {
        let key = arm.storage_account_key(blob.account()).await;
        let key = key.map_err(|failure| Stays::Refused(failure.to_string()))?;
        storage::with_key(&arm.client, blob.account(), key)
    } else {
        arm.client.clone()
    };
    let until = Instant::now() + patience;
    loop {
        match storage::delete(&client, &blob).await {
            Ok(true) => return Ok(Removal::Done),
            Ok(false) => return Ok(Removal::NotThere),
            Err(StorageFailure::Refused { failure, .. })
                if failure.is_passing() && Instant::now() < until =>
            {
                progress.note(&failure);
            }
            Err(failure) => return Err(Stays::Refused(failure.to_string())),
        }
        sleep(Pace::new(None).pause()).await;
    }
}

/// Cancels runs, and waits for nothing: a canceled job has seconds. The post-job step removes what is registered.
pub async fn cancel_runs(arm: &Arm, templates: &[ResourceId], events: &dyn Events) {
    for id in templates {
        if let Err(failure) = arm.cancel_run(id).await
            && !is_busy(&failure)
            && !failure.is(StatusCode::NOT_FOUND)
        {
            events.emit(Event::CancelNotConfirmed {
                reason: failure.to_string(),
            });
        }
    }
}
