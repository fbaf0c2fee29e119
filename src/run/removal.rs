//! Removing a template of this task, whoever of its steps made it, and the package that its tag names: the package first, the template last, since
//! only its tag names the package.

use serde_json::Value;

use super::clean_up::{Budget, delete_template_at_rest};
use super::event::Events;
use super::find::{self, Found};
use super::leftover::{Leftover, Leftovers, Remains, Tie};
use super::tie::{self, Unsure};
use crate::arm::Arm;
use crate::storage::{self, BlobRef};

/// Why a template stays whose package could not be deleted.
pub(super) const PACKAGE_STAYS: &str = "its package is still there, and only its tag names it";

/// What became of a template and of its package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// What is gone.
    pub gone: Vec<Leftover>,
    /// What stays.
    pub remains: Vec<Remains>,
}

/// What a refusal that passes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// Azure has not come to rest after the run: it is waited out.
    WaitOut,
    /// A run has begun: the template stays.
    Leave,
}

/// Removes `template`, which is ours, with its package. The package stays, and is named, unless everything that speaks for it is proven
/// ([`tie::package`]); one that is ours and cannot be deleted keeps the template, whose tag alone names it.
pub async fn remove(
    arm: &Arm,
    template: &Found,
    busy: Busy,
    events: &dyn Events,
    budget: Budget,
) -> Removed {
    let mut removed = Removed::default();
    let deleting = remove_all(arm, template, busy, events, &mut removed);
    if tokio::time::timeout(budget.0, deleting).await.is_err() {
        let minutes = budget.0.as_secs() / 60;
        let reason = format!("it was not gone after {minutes} minutes");
        let leftover = Leftover::template(&template.id);
        let remains = Remains::of(leftover, Tie::Ours, &reason);
        removed.remains.push(remains);
    }
    removed
}

async fn remove_all(
    arm: &Arm,
    template: &Found,
    busy: Busy,
    events: &dyn Events,
    removed: &mut Removed,
) {
    let leftover = Leftover::template(&template.id);
    match package(arm, template, events).await {
        Package::None => {}
        Package::Gone(package) => removed.gone.push(package),
        Package::NotOurs(remains) => removed.remains.push(remains),
        Package::Stays(remains) => {
            removed.remains.push(remains);
            let template = Remains::of(leftover, Tie::Ours, PACKAGE_STAYS);
            removed.remains.push(template);
            return;
        }
    }
    let mut leftovers = Leftovers::known(events, vec![(leftover.clone(), Tie::Ours)]);
    let patient = busy == Busy::WaitOut;
    match delete_template_at_rest(arm, &template.id, &mut leftovers, patient).await {
        None => removed.gone.push(leftover),
        Some(remains) => removed.remains.push(remains),
    }
}

/// What became of the package that a template's tag names.
pub(super) enum Package {
    /// The tag names none.
    None,
    /// It is gone.
    Gone(Leftover),
    /// It is left alone, because nothing proves whose it is.
    NotOurs(Remains),
    /// It could not be deleted.
    Stays(Remains),
}

/// Deletes the package that the tag of `template` names, if it is proven to be that template's own.
pub(super) async fn package(arm: &Arm, template: &Found, events: &dyn Events) -> Package {
    let Some(text) = template.marks.package.as_deref() else {
        return Package::None;
    };
    let unknown = |why: String| Package::Stays(named(template, text, false, &why));
    // The list is read anew: a template that names the same package may have been made in the meantime.
    let others = match find::all(arm, &template.id.group()).await {
        Ok(others) => others,
        Err(failure) => return unknown(failure.to_string()),
    };
    let blob = match tie::package(arm, template, &others).await {
        None => return Package::None,
        Some(Ok(blob)) => blob,
        Some(Err(Unsure::NotOurs(why))) => {
            return Package::NotOurs(named(template, text, true, &why));
        }
        Some(Err(Unsure::Unknown(why))) => return unknown(why),
    };
    let leftover = Leftover::Blob(Box::new(blob.clone()));
    let mut leftovers = Leftovers::known(events, vec![(leftover.clone(), Tie::Ours)]);
    match delete_blob(arm, &blob).await {
        Ok(true) => leftovers.removed(&leftover),
        Ok(false) => leftovers.not_there(&leftover),
        Err(why) => {
            return Package::Stays(Remains {
                leftover,
                why,
                tie: Tie::Ours,
            });
        }
    }
    Package::Gone(leftover)
}

/// A package that a tag names, where it is no blob that we would touch.
fn named(template: &Found, text: &str, not_ours: bool, why: &str) -> Remains {
    let what = format!(
        "the package '{text}' that image template '{}' of pipeline run '{}' names",
        template.id.name(),
        template.marks.run.as_deref().unwrap_or_default()
    );
    Remains {
        leftover: Leftover::Unknown(Value::from(text)),
        why: if not_ours {
            format!("Left alone: {what}: {why}")
        } else {
            format!("Deleting {what} failed: {why}")
        },
        tie: Tie::NotOurs,
    }
}

/// Deletes a package by the service connection's own role or, where that is missing, by a key of the account. `false` if there is none.
pub(super) async fn delete_blob(arm: &Arm, blob: &BlobRef) -> Result<bool, String> {
    let failure = match storage::delete(&arm.client, blob).await {
        Ok(deleted) => return Ok(deleted),
        Err(failure) => failure,
    };
    if !failure.is_a_missing_role() || !blob.account().takes_keys {
        return Err(failure.to_string());
    }
    match arm.storage_account_key(blob.account()).await {
        // The missing role is what is to be mended.
        Err(_) => Err(failure.to_string()),
        Ok(key) => {
            let client = storage::with_key(&arm.client, blob.account(), key);
            let deleted = storage::delete(&client, blob).await;
            deleted.map_err(|failure| failure.to_string())
        }
    }
}
