//! Deleting the package that a template's tag names. Nothing is deleted that is not proven to be that template's own.

use serde_json::Value;

use super::event::Events;
use super::find::{self, FoundTemplate};
use super::leftover::{Leftover, NotRemoved, Ownership};
use super::leftovers::Leftovers;
use super::ownership::{self, NotProven};
use crate::arm::Arm;
use crate::storage::{self, BlobRef};

/// Why a template stays whose package could not be deleted.
pub(super) const PACKAGE_STAYS: &str = "its package is still there, and only its tag names it";

/// What became of the package that a template's tag names.
pub(super) enum PackageRemoval {
    /// The tag names none.
    None,
    /// It is gone.
    Gone(Leftover),
    /// It is left alone, because nothing proves whose it is.
    NotOurs(NotRemoved),
    /// It could not be deleted.
    Stays(NotRemoved),
}

/// Deletes the package that the tag of `template` names, if it is proven to be that template's own.
pub(super) async fn remove(
    arm: &Arm,
    template: &FoundTemplate,
    events: &dyn Events,
) -> PackageRemoval {
    let Some(text) = template.tags.package.as_deref() else {
        return PackageRemoval::None;
    };
    let unknown = |why: String| PackageRemoval::Stays(named(template, text, false, &why));
    // The list is read again: a template that names the same package may have been made in the meantime.
    let others = match find::all(arm, &template.id.group()).await {
        Ok(others) => others,
        Err(failure) => return unknown(failure.to_string()),
    };
    let blob = match ownership::package(arm, template, &others).await {
        None => return PackageRemoval::None,
        Some(Ok(blob)) => blob,
        Some(Err(NotProven::NotOurs(why))) => {
            return PackageRemoval::NotOurs(named(template, text, true, &why));
        }
        Some(Err(NotProven::Unknown(why))) => return unknown(why),
    };
    let leftover = Leftover::Blob(Box::new(blob.clone()));
    let mut leftovers = Leftovers::registered(events, vec![(leftover.clone(), Ownership::Ours)]);
    match delete_blob(arm, &blob).await {
        Ok(true) => leftovers.removed(&leftover),
        Ok(false) => leftovers.not_there(&leftover),
        Err(why) => {
            return PackageRemoval::Stays(NotRemoved {
                leftover,
                why,
                ownership: Ownership::Ours,
            });
        }
    }
    PackageRemoval::Gone(leftover)
}

/// A package that a tag names, where it is no blob that we would touch.
fn named(template: &FoundTemplate, text: &str, not_ours: bool, why: &str) -> NotRemoved {
    let what = format!(
        "the package '{text}' that image template '{}' of pipeline run '{}' names",
        template.id.name(),
        template.tags.run.as_deref().unwrap_or_default()
    );
    NotRemoved {
        leftover: Leftover::Unknown(Value::from(text)),
        why: if not_ours {
            format!("Left alone: {what}: {why}")
        } else {
            format!("Deleting {what} failed: {why}")
        },
        ownership: Ownership::NotOurs,
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
