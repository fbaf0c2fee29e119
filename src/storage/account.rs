//! The storage account that holds packages, and how it is found.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::blob::{BlobRef, NotABlob, PART, encode};
use super::failure::StorageFailure;
use crate::arm::api::STORAGE_ACCOUNTS;
use crate::arm::refusal::cut;
use crate::arm::storage_account::STORAGE_ACCOUNT;
pub use crate::arm::storage_account::StorageAccount;
use crate::arm::{Arm, Cause, Failure, Refusal};
use crate::inputs::nearest;
use crate::resource::ResourceGroupId;

/// Of an address that is none.
const LONGEST_SHOWN: usize = 200;

impl StorageAccount {
    /// The blob `name` in `container`, whether it exists or not.
    ///
    /// # Errors
    /// One of them is no such name, and would lead elsewhere in an address.
    pub fn blob(&self, container: &str, name: &str) -> Result<BlobRef, NotABlob> {
        BlobRef::new(self.clone(), container, name)
    }
}

/// Pauses before further looks for an account that is nowhere: Azure Resource Manager may not list yet what was created a moment ago.
const LOOK_AGAIN: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(15),
];

/// Finds the account `name`: in `group`, where a permission on the account alone is enough, or else among all accounts of the subscription.
/// Names compare without case. A name that is nowhere, and is not a typing error, is searched for again for half a minute.
///
/// # Errors
/// It is nowhere, stores no blobs, or Azure refuses.
pub async fn find_account(
    arm: &Arm,
    group: &ResourceGroupId,
    name: &str,
) -> Result<StorageAccount, StorageFailure> {
    let mut found = look(arm, group, name).await;
    for pause in LOOK_AGAIN {
        let Err(StorageFailure::AccountNotFound {
            refusal: None,
            nearest: None,
            ..
        }) = found
        else {
            break;
        };
        tokio::time::sleep(pause).await;
        found = look(arm, group, name).await;
    }
    found
}

async fn look(
    arm: &Arm,
    group: &ResourceGroupId,
    name: &str,
) -> Result<StorageAccount, StorageFailure> {
    if let Some(found) = in_group(arm, group, name).await? {
        return Ok(found);
    }
    let not_found = |refusal, nearest| StorageFailure::AccountNotFound {
        name: name.to_owned(),
        nearest,
        resource_group: Some(group.name().to_owned()),
        subscription: group.subscription().to_owned(),
        refusal,
    };
    match listed(arm, group.subscription(), name).await? {
        Listed::Found(account) => Ok(*account),
        Listed::Hidden(refusal) => Err(not_found(refusal, None)),
        Listed::Nowhere { nearest } => Err(not_found(None, nearest)),
    }
}

/// Finds the account `name` in `group`, where a permission on the account alone is enough, or else among those of `subscription` and of the group's
/// own, for who does not know where it is. Names compare without case.
///
/// # Errors
/// It is nowhere, stores no blobs, or Azure refuses.
pub async fn find_account_in(
    arm: &Arm,
    subscription: &str,
    group: &ResourceGroupId,
    name: &str,
) -> Result<StorageAccount, StorageFailure> {
    if let Some(found) = in_group(arm, group, name).await? {
        return Ok(found);
    }
    let other = group.subscription();
    let (refusal, nearest) = match listed(arm, subscription, name).await? {
        Listed::Found(account) => return Ok(*account),
        Listed::Hidden(refusal) => (refusal, None),
        Listed::Nowhere { nearest } => (None, nearest),
    };
    if !other.eq_ignore_ascii_case(subscription)
        && let Listed::Found(account) = listed(arm, other, name).await?
    {
        return Ok(*account);
    }
    Err(StorageFailure::AccountNotFound {
        name: name.to_owned(),
        nearest,
        resource_group: None,
        subscription: subscription.to_owned(),
        refusal,
    })
}

/// The account `name` of `group`, if it is visible there.
async fn in_group(
    arm: &Arm,
    group: &ResourceGroupId,
    name: &str,
) -> Result<Option<StorageAccount>, StorageFailure> {
    let doing = format!("Looking for storage account '{name}'");
    let path = format!(
        "{group}/providers/{STORAGE_ACCOUNT}/{}",
        encode(&name.to_lowercase(), PART)
    );
    match arm.get(&doing, path, STORAGE_ACCOUNTS).await {
        Ok(answer) => {
            let read = StorageAccount::read(&answer);
            let account = read.ok_or_else(|| unusable(&answer, name, &doing))?;
            Ok(Some(account))
        }
        Err(failure) if hidden(&failure) => Ok(None),
        Err(failure) => Err(StorageFailure::account(failure)),
    }
}

/// What the list of a subscription's accounts says of one.
enum Listed {
    Found(Box<StorageAccount>),
    /// The list cannot be read, and why.
    Hidden(Option<Box<Refusal>>),
    /// It is not among them, but perhaps one of a similar name.
    Nowhere {
        nearest: Option<String>,
    },
}

async fn listed(arm: &Arm, subscription: &str, name: &str) -> Result<Listed, StorageFailure> {
    let doing = format!("Looking for storage account '{name}'");
    let path = format!("/subscriptions/{subscription}/providers/{STORAGE_ACCOUNT}");
    let accounts = match arm.pages(&doing, path, STORAGE_ACCOUNTS).await {
        Ok(accounts) => accounts,
        Err(failure) if hidden(&failure) => {
            return Ok(Listed::Hidden(failure.refusal().cloned().map(Box::new)));
        }
        Err(failure) => return Err(StorageFailure::account(failure)),
    };
    let is_named =
        |account: &&Value| name_of(account).is_some_and(|own| own.eq_ignore_ascii_case(name));
    if let Some(found) = accounts.iter().find(is_named) {
        let account = StorageAccount::read(found).ok_or_else(|| unusable(found, name, &doing))?;
        return Ok(Listed::Found(Box::new(account)));
    }
    let names = accounts.iter().filter_map(name_of);
    let nearest = nearest(name, names).map(str::to_owned);
    Ok(Listed::Nowhere { nearest })
}

/// Why an answer is no account that can hold a package.
fn unusable(answer: &Value, name: &str, doing: &str) -> StorageFailure {
    let endpoint = answer.pointer("/properties/primaryEndpoints/blob");
    let Some(endpoint) = endpoint.and_then(Value::as_str) else {
        return StorageFailure::NoBlobEndpoint {
            name: name.to_owned(),
        };
    };
    let endpoint = cut(endpoint, LONGEST_SHOWN);
    let cause = Cause::Unreadable(format!(
        "its id is not that of a storage account, or its blob endpoint '{endpoint}' is not a plain https address; nothing is sent there"
    ));
    StorageFailure::account(Failure::of(doing, cause))
}

/// Azure answers 404, or 403 to those who may not even know.
fn hidden(failure: &Failure) -> bool {
    failure.is(StatusCode::NOT_FOUND) || failure.is(StatusCode::FORBIDDEN)
}

fn name_of(account: &Value) -> Option<&str> {
    account.get("name").and_then(Value::as_str)
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
