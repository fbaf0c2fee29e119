//! The storage account that holds packages, and how it is found.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::blob::{BlobRef, NotABlob};
use super::failure::StorageFailure;
use super::percent::encode;
use crate::arm::refusal::cut;
use crate::arm::retry::Repeat;
use crate::arm::{Call, Cause, Client, Failure};
use crate::inputs::nearest;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::secret::Secret;

/// Any version from 2021-04-01 on answers alike
/// (<https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties>).
const API_VERSION: &str = "2023-05-01";
/// Its resource type.
const ACCOUNT: &str = "Microsoft.Storage/storageAccounts";
/// Of an address that is none.
const LONGEST_SHOWN: usize = 200;
/// More pages than any subscription has; a list without an end is not followed further.
const MOST_PAGES: usize = 200;

/// A storage account with a blob endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageAccount {
    /// Resource id, as Azure Resource Manager spells it.
    pub id: String,
    /// Name.
    pub name: String,
    /// `primaryEndpoints.blob`: `https://{name}.blob.core.windows.net/`, or with the account's name in the path.
    pub blob_endpoint: Url,
    /// Whether it takes requests that are signed with a key, as far as is known.
    #[serde(default)]
    pub takes_keys: bool,
    /// Whether it takes requests from every network, as far as is known.
    #[serde(default)]
    pub is_open: bool,
}

impl StorageAccount {
    /// The blob `name` in `container`, whether it exists or not.
    ///
    /// # Errors
    /// One of them is no such name, and would lead elsewhere in an address.
    pub fn blob(&self, container: &str, name: &str) -> Result<BlobRef, NotABlob> {
        BlobRef::new(self.clone(), container, name)
    }

    /// Reads one account as Azure Resource Manager answers it; `None` for accounts without blobs (premium file shares), and where the answer
    /// is no account: its id and its endpoint become parts of addresses to which tokens go.
    fn from_answer(answer: &Value) -> Option<Self> {
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
        // Absent means yes.
        let keys = answer.pointer("/properties/allowSharedKeyAccess");
        let filtered = text("/properties/networkAcls/defaultAction") == Some("Deny");
        let closed = text("/properties/publicNetworkAccess") == Some("Disabled");
        let id: ResourceId = text("/id")?.parse().ok()?;
        let name = text("/name")?;
        let is_account = id.is(ACCOUNT);
        if !is_account || !id.name().eq_ignore_ascii_case(name) {
            return None;
        }
        let endpoint: Url = text("/properties/primaryEndpoints/blob")?.parse().ok()?;
        Some(Self {
            id: id.as_str().to_owned(),
            name: name.to_owned(),
            blob_endpoint: Some(endpoint).filter(is_safe)?,
            takes_keys: keys.and_then(Value::as_bool) != Some(false),
            is_open: !filtered && !closed,
        })
    }
}

/// Whether a token can go there: over HTTPS, and nothing in the address is hidden before the host or behind the path.
fn is_safe(endpoint: &Url) -> bool {
    let plain = endpoint.username().is_empty() && endpoint.password().is_none();
    let path_only = endpoint.query().is_none() && endpoint.fragment().is_none();
    endpoint.scheme() == "https" && endpoint.has_host() && plain && path_only
}

/// Pauses before further looks for an account that is nowhere: Azure Resource Manager may not list yet what was created a moment ago.
const LOOK_AGAIN: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(15),
];

/// Finds the account `name`: in `resource_group`, where a permission on the account alone is enough, or else among all accounts of
/// `subscription`. Names compare without case. One that is nowhere, and is no slip of the pen, is looked for
/// again for half a minute.
pub async fn find_account(
    client: &Client,
    resource_manager: &Url,
    arm_scope: &str,
    subscription: &str,
    resource_group: &str,
    name: &str,
) -> Result<StorageAccount, StorageFailure> {
    let look = || {
        look(
            client,
            resource_manager,
            arm_scope,
            subscription,
            resource_group,
            name,
        )
    };
    let mut found = look().await;
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
        found = look().await;
    }
    found
}

async fn look(
    client: &Client,
    resource_manager: &Url,
    arm_scope: &str,
    subscription: &str,
    resource_group: &str,
    name: &str,
) -> Result<StorageAccount, StorageFailure> {
    let get = |url: String| {
        let doing = format!("Looking for storage account '{name}'");
        Call::new(doing, Method::GET, url, arm_scope)
    };
    let base = resource_manager.as_str().trim_end_matches('/');
    let path = format!(
        "{base}/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Storage/storageAccounts/{}?api-version={API_VERSION}",
        encode(subscription, b""),
        encode(resource_group, b""),
        encode(&name.to_lowercase(), b""),
    );
    let unusable = |answer: &Value| unusable(answer, name);
    match client.send_for_json(&get(path)).await {
        Ok((_, answer)) => {
            return StorageAccount::from_answer(&answer).ok_or_else(|| unusable(&answer));
        }
        Err(failure) if hidden(&failure) => {}
        Err(failure) => return Err(StorageFailure::account(failure)),
    }
    let mut names = Vec::new();
    let not_found = |refusal, names: &[String]| StorageFailure::AccountNotFound {
        name: name.to_owned(),
        nearest: nearest(name, names.iter().map(String::as_str)).map(str::to_owned),
        resource_group: resource_group.to_owned(),
        subscription: subscription.to_owned(),
        refusal,
    };
    let mut next = Some(format!(
        "{base}/subscriptions/{}/providers/Microsoft.Storage/storageAccounts?api-version={API_VERSION}",
        encode(subscription, b""),
    ));
    for _ in 0..MOST_PAGES {
        let Some(url) = next.take() else { break };
        let page = match client.send_for_json(&get(url)).await {
            Ok((_, page)) => page,
            Err(failure) if hidden(&failure) => {
                return Err(not_found(failure.refusal().cloned().map(Box::new), &names));
            }
            Err(failure) => return Err(StorageFailure::account(failure)),
        };
        let accounts = page.get("value").and_then(Value::as_array);
        if let Some(found) = accounts
            .into_iter()
            .flatten()
            .find(|one| is_named(one, name))
        {
            return StorageAccount::from_answer(found).ok_or_else(|| unusable(found));
        }
        names.extend(accounts.into_iter().flatten().filter_map(name_of));
        next = next_page(&page, resource_manager, name)?;
    }
    if next.is_some() {
        return Err(unreadable(
            name,
            "the list of storage accounts does not end",
        ));
    }
    Err(not_found(None, &names))
}

/// Why an answer is no account that can hold a package.
fn unusable(answer: &Value, name: &str) -> StorageFailure {
    let endpoint = answer.pointer("/properties/primaryEndpoints/blob");
    let Some(endpoint) = endpoint.and_then(Value::as_str) else {
        return StorageFailure::NoBlobEndpoint {
            name: name.to_owned(),
        };
    };
    let endpoint = cut(endpoint, LONGEST_SHOWN);
    StorageFailure::account(Failure {
        doing: format!("Looking for storage account '{name}'"),
        cause: Cause::Unreadable(format!(
            "its id is not that of a storage account, or its blob endpoint '{endpoint}' is not a plain https address; nothing is sent there"
        )),
        tries: 1,
        elapsed: std::time::Duration::ZERO,
        request_id: None,
    })
}

/// The accounts of a resource group that store blobs.
pub async fn accounts_of_group(
    client: &Client,
    resource_manager: &Url,
    arm_scope: &str,
    group: &ResourceGroupId,
) -> Result<Vec<StorageAccount>, Failure> {
    let base = resource_manager.as_str().trim_end_matches('/');
    let group = encode(group.as_str(), b"/");
    let url = format!(
        "{base}{group}/providers/Microsoft.Storage/storageAccounts?api-version={API_VERSION}"
    );
    let doing = "Looking for the storage account with the log of the build";
    let call = Call::new(doing, Method::GET, url, arm_scope);
    let (_, page) = client.send_for_json(&call).await?;
    let accounts = page.get("value").and_then(Value::as_array);
    let accounts = accounts.into_iter().flatten();
    Ok(accounts.filter_map(StorageAccount::from_answer).collect())
}

/// A key of an account, for those who may list keys and have no role for its blobs.
pub async fn account_key(
    client: &Client,
    resource_manager: &Url,
    arm_scope: &str,
    account: &StorageAccount,
) -> Result<Secret, Failure> {
    let base = resource_manager.as_str().trim_end_matches('/');
    let url = format!("{base}{}/listKeys?api-version={API_VERSION}", account.id);
    let doing = format!("Reading the keys of storage account '{}'", account.name);
    let call = Call::new(doing.clone(), Method::POST, url, arm_scope).repeated(Repeat::Always);
    let (_, answer) = client.send_for_json(&call).await?;
    let key = answer.pointer("/keys/0/value").and_then(Value::as_str);
    key.map(|key| client.secret(key)).ok_or_else(|| Failure {
        doing,
        cause: Cause::Unreadable("there is no key in it".to_owned()),
        tries: 1,
        elapsed: Duration::ZERO,
        request_id: None,
    })
}

/// Azure answers 404, or 403 to those who may not even know.
fn hidden(failure: &Failure) -> bool {
    failure.is(StatusCode::NOT_FOUND) || failure.is(StatusCode::FORBIDDEN)
}

fn is_named(account: &Value, name: &str) -> bool {
    name_of(account).is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn name_of(account: &Value) -> Option<String> {
    let name = account.get("name").and_then(Value::as_str);
    name.map(str::to_owned)
}

/// The link to the next page, which must not lead to another host: the token would follow.
fn next_page(
    page: &Value,
    resource_manager: &Url,
    name: &str,
) -> Result<Option<String>, StorageFailure> {
    let Some(link) = page
        .get("nextLink")
        .and_then(Value::as_str)
        .filter(|link| !link.is_empty())
    else {
        return Ok(None);
    };
    let origin = Url::parse(link).map(|url| url.origin());
    if origin == Ok(resource_manager.origin()) {
        return Ok(Some(link.to_owned()));
    }
    Err(unreadable(
        name,
        "the next page of the list is on another host",
    ))
}

fn unreadable(name: &str, what: &str) -> StorageFailure {
    StorageFailure::account(Failure {
        doing: format!("Looking for storage account '{name}'"),
        cause: Cause::Unreadable(what.to_owned()),
        tries: 1,
        elapsed: Duration::ZERO,
        request_id: None,
    })
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
