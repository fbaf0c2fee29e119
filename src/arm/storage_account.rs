//! Storage accounts, as Azure Resource Manager answers them, and their keys.
//!
//! <https://learn.microsoft.com/rest/api/storagerp/storage-accounts>

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::api::STORAGE_ACCOUNTS;
use super::failure::{Cause, Failure};
use super::resource_manager::Arm;
use super::retry::Repeat;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::secret::Secret;

/// The type of a storage account.
pub const STORAGE_ACCOUNT: &str = "Microsoft.Storage/storageAccounts";

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
    /// Reads one account as Azure Resource Manager answers it; `None` for accounts without blobs (premium file shares), and where the answer
    /// is no account: its id and its endpoint become parts of addresses to which tokens go.
    pub fn read(answer: &Value) -> Option<Self> {
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
        // Absent means yes.
        let keys = answer.pointer("/properties/allowSharedKeyAccess");
        let filtered = text("/properties/networkAcls/defaultAction") == Some("Deny");
        let closed = text("/properties/publicNetworkAccess") == Some("Disabled");
        let id: ResourceId = text("/id")?.parse().ok()?;
        let name = text("/name")?;
        let is_account = id.is(STORAGE_ACCOUNT);
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

impl Arm {
    /// The accounts of a resource group that store blobs, to the last page.
    ///
    /// # Errors
    /// Azure refuses, or the list cannot be read to its end.
    pub async fn storage_accounts(
        &self,
        group: &ResourceGroupId,
    ) -> Result<Vec<StorageAccount>, Failure> {
        let doing = "Looking for the storage account with the log of the build";
        let path = format!("{group}/providers/{STORAGE_ACCOUNT}");
        let accounts = self.pages(doing, path, STORAGE_ACCOUNTS).await?;
        Ok(accounts.iter().filter_map(StorageAccount::read).collect())
    }

    /// A key of an account, for those who have permission to list keys and no role for its blobs.
    ///
    /// # Errors
    /// Azure refuses, or the answer has no key.
    pub async fn storage_account_key(&self, account: &StorageAccount) -> Result<Secret, Failure> {
        let doing = format!("Reading the keys of storage account '{}'", account.name);
        let path = format!("{}/listKeys", account.id);
        let call = self.request(&doing, Method::POST, path, STORAGE_ACCOUNTS);
        let call = call.repeated(Repeat::Always);
        let (_, answer) = self.client.send_for_json(&call).await?;
        let key = answer.pointer("/keys/0/value").and_then(Value::as_str);
        let no_key = || Cause::Unreadable("there is no key in it".to_owned());
        key.map(|key| self.client.secret(key))
            .ok_or_else(|| Failure::of(doing, no_key()))
    }
}
