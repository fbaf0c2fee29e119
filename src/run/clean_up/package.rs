//! Deleting packages: the one that a template's tag names goes with the template, if it is proven to be that template's own.

use super::super::find::{self, Found};
use super::super::leftover::{Leftover, Remains, Tie};
use super::super::tie::{self, Unsure};
use crate::arm::Arm;
use crate::inputs::origin::PACKAGE;
use crate::storage::{self, BlobRef};

/// Deletes `blob`, with a key of its account or with the own token. Whether it was there.
///
/// # Errors
/// Why it stays, as a sentence.
pub(super) async fn delete(arm: &Arm, blob: &BlobRef, by_key: bool) -> Result<bool, String> {
    let client = if by_key {
        let key = arm.storage_account_key(blob.account()).await;
        let key = key.map_err(|failure| failure.to_string())?;
        storage::with_key(&arm.client, blob.account(), key)
    } else {
        arm.client.clone()
    };
    let deleted = storage::delete(&client, blob).await;
    deleted.map_err(|failure| failure.to_string())
}

/// What became of the package that a template's tag names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Package {
    /// The tag names none.
    None,
    /// It is gone.
    Deleted(Box<BlobRef>),
    /// It was gone before.
    Gone,
    /// It stays, and is named.
    Stays(Box<Remains>),
}

/// Deletes the package that the tag of `template` names.
pub async fn delete_of(arm: &Arm, template: &Found) -> Package {
    if template.marks.package.is_none() {
        return Package::None;
    }
    let others = match find::all(arm, &template.id.group()).await {
        Ok(others) => others,
        Err(failure) => return stays(template, &failure.to_string()),
    };
    delete_beside(arm, template, &others).await
}

/// As [`delete_of`]; `others` are all templates of the group.
pub async fn delete_beside(arm: &Arm, template: &Found, others: &[Found]) -> Package {
    let blob = match tie::package(arm, template, others).await {
        None => return Package::None,
        Some(Ok(blob)) => blob,
        Some(Err(Unsure::NotOurs(reason) | Unsure::Unknown(reason))) => {
            return stays(template, &reason);
        }
    };
    // Which way it was written is not in the tag.
    let deleted = match delete(arm, &blob, false).await {
        Err(refusal) => delete(arm, &blob, true).await.map_err(|_| refusal),
        deleted => deleted,
    };
    match deleted {
        Ok(true) => Package::Deleted(Box::new(blob)),
        Ok(false) => Package::Gone,
        Err(why) => Package::Stays(Box::new(Remains {
            leftover: Leftover::Blob(Box::new(blob)),
            why,
            tie: Tie::Ours,
        })),
    }
}

/// What a tag names and nothing proves is left alone.
fn stays(template: &Found, reason: &str) -> Package {
    let text = template.marks.package.as_deref().unwrap_or_default();
    let why = format!(
        "Left alone: the package that tag '{PACKAGE}' of image template '{}' names ('{text}'): {reason}",
        template.id.name()
    );
    Package::Stays(Box::new(Remains {
        leftover: Leftover::template(&template.id),
        why,
        tie: Tie::NotOurs,
    }))
}
