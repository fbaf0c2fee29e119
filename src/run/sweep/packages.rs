//! Packages that no template names: a job was lost between its upload and its template, or the deletion of a package was refused.

use std::time::Duration;

use http::StatusCode;

use super::swept::{KeptItem, Request, Swept, now};
use crate::arm::{Arm, Client};
use crate::error::duration;
use crate::inputs::origin::PackageName;
use crate::run::event::{Event, Events};
use crate::run::find::FoundTemplate;
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::ownership;
use crate::storage::reading::{self, Access, Listed};
use crate::storage::{self, BlobRef, CONTAINER, StorageAccount};

/// No package younger than this is deleted, whatever is asked for: a list may hide groups that the service connection cannot read, and a build
/// of one of them may use it. No build takes longer.
const YOUNGEST: Duration = Duration::from_secs(24 * 3600);

/// Deletes the packages of `account` that are of exactly our form, old, and named by no template of the subscription.
pub(super) async fn sweep(
    arm: &Arm,
    request: Request<'_>,
    account: &StorageAccount,
    events: &dyn Events,
    swept: &mut Swept,
) {
    let (listed, client) = match list(arm, account).await {
        Ok(listed) => listed,
        Err(reason) => return swept.packages_left = Some(reason),
    };
    let listed: Vec<_> = listed
        .into_iter()
        .filter(|blob| PackageName::read(&blob.name).is_some())
        .collect();
    if listed.is_empty() {
        return;
    }
    let subscription = request.group.subscription();
    let templates = match arm.templates_of_subscription(subscription).await {
        Ok(templates) => templates,
        Err(failure) => return swept.packages_left = Some(failure.to_string()),
    };
    let templates: Vec<_> = templates
        .into_iter()
        .map(|(id, template)| FoundTemplate::of(id, template))
        .collect();
    for found in listed {
        // The name of a blob that could not be one of ours any more.
        let Ok(blob) = account.blob(CONTAINER, &found.name) else {
            continue;
        };
        let leftover = Leftover::Blob(Box::new(blob.clone()));
        if let Some(why) = stays(arm, request, &found, &blob, &templates) {
            swept.kept.push(KeptItem {
                leftover,
                why,
                for_a_person: false,
            });
            continue;
        }
        if request.preview {
            swept.gone.push(leftover);
            continue;
        }
        match storage::delete_unless_changed(&client, &blob, found.written).await {
            Ok(true) => {
                events.emit(Event::Removed(leftover.clone()));
                swept.gone.push(leftover);
            }
            // Another sweep was quicker, or someone has begun to use it.
            Ok(false) => {}
            Err(failure) => swept.not_removed.push(NotRemoved {
                leftover,
                why: failure.to_string(),
                ownership: Ownership::Ours,
            }),
        }
    }
}

/// Why a package of our form stays, if it does.
fn stays(
    arm: &Arm,
    request: Request<'_>,
    found: &Listed,
    blob: &BlobRef,
    templates: &[FoundTemplate],
) -> Option<String> {
    let account = &blob.account().name;
    let mut naming = templates.iter();
    if let Some(template) = naming.find(|it| ownership::names_package(it, account, blob.name())) {
        return Some(format!(
            "image template '{}' in resource group '{}' names it",
            template.id.name(),
            template.id.resource_group()
        ));
    }
    let oldest = request.older_than.max(YOUNGEST);
    let now = match now(arm) {
        Ok(now) => now,
        Err(error) => return Some(error.to_string()),
    };
    let named = PackageName::read(&found.name).and_then(|name| name.named_at());
    let (Some(named), Some(written)) = (named, found.written) else {
        return Some("its age is not known".to_owned());
    };
    // Both have to be old: a name may be made by a clock that is wrong, and a blob may be written again.
    let age = Duration::try_from(now - named.max(written)).unwrap_or_default();
    (age <= oldest).then(|| {
        let (age, oldest) = (duration(age), duration(oldest));
        format!("it was uploaded only {age} ago, and packages stay for {oldest}")
    })
}

/// The blobs of the container, and who may delete them: the service connection by its role or, where that is missing, by a key of the account.
async fn list(arm: &Arm, account: &StorageAccount) -> Result<(Vec<Listed>, Client), String> {
    let failure = match reading::list(&arm.client, account, CONTAINER, &Access::token()).await {
        Ok(listed) => return Ok((listed, arm.client.clone())),
        Err(failure) => failure,
    };
    // Nobody has ever sent a package there.
    if failure.is(StatusCode::NOT_FOUND) {
        return Ok((Vec::new(), arm.client.clone()));
    }
    let is_missing_role = failure.refusal().is_some_and(|refusal| {
        refusal.status == StatusCode::FORBIDDEN && refusal.code == "AuthorizationPermissionMismatch"
    });
    if !is_missing_role || !account.takes_keys {
        return Err(failure.to_string());
    }
    let key = arm.storage_account_key(account).await;
    // The missing role is what is to be mended.
    let Ok(key) = key else {
        return Err(failure.to_string());
    };
    let client = storage::with_key(&arm.client, account, key.clone());
    let access = Access::key(account, key);
    match reading::list(&arm.client, account, CONTAINER, &access).await {
        Ok(listed) => Ok((listed, client)),
        Err(failure) => Err(failure.to_string()),
    }
}
