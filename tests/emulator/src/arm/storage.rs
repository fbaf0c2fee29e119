//! Microsoft.Storage, as far as a pipeline reads it: accounts and their keys.

use serde_json::{Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::lifecycle::STAGING_KEY;
use crate::arm::{Arm, Asked};
use crate::switches::StagingAccess;
use crate::world::StorageAccount;

impl Arm {
    pub(crate) fn get_storage_account(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let account = self.account(asked)?;
        Ok(Answer::new(
            200,
            Body::Compact(self.account_document(&account)),
        ))
    }

    pub(crate) fn list_storage_accounts(&self, asked: &Asked<'_>) -> Answer {
        let group = asked.path.get("group");
        let accounts = self.accounts();
        let wanted = accounts.iter().filter(|account| {
            group.is_empty() || account.resource_group.eq_ignore_ascii_case(group)
        });
        let documents: Vec<Value> = wanted
            .map(|account| self.account_document(account))
            .collect();
        Answer::new(200, Body::Compact(json!({"value": documents})))
    }

    pub(crate) fn list_storage_keys(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let account = self.account(asked)?;
        let key = |name: &str| {
            json!({
                "creationTime": "2025-01-15T09:30:00.1234567Z",
                "keyName": name,
                "value": account.key_base64,
                "permissions": "FULL",
            })
        };
        Ok(Answer::new(
            200,
            Body::Compact(json!({"keys": [key("key1"), key("key2")]})),
        ))
    }

    /// The accounts of the scene and those in staging groups.
    pub(crate) fn accounts(&self) -> Vec<StorageAccount> {
        let staging = self.templates.values().filter_map(|template| {
            let staging = template.staging.as_ref()?;
            Some(StorageAccount {
                name: staging.account.clone(),
                resource_group: staging.group.clone(),
                location: template.location.clone(),
                key_base64: STAGING_KEY.to_owned(),
                allow_shared_key: self.switches.staging_access == StagingAccess::Key,
                roles: std::collections::BTreeMap::new(),
                firewall: false,
            })
        });
        self.world
            .storage_accounts
            .iter()
            .cloned()
            .chain(staging)
            .collect()
    }

    fn account(&self, asked: &Asked<'_>) -> Result<StorageAccount, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("account"));
        let same = |account: &StorageAccount| {
            account.name.eq_ignore_ascii_case(name)
                && account.resource_group.eq_ignore_ascii_case(group)
        };
        let found = self.accounts().into_iter().find(same);
        found.ok_or_else(|| Refusal::not_found("Microsoft.Storage/storageAccounts", name, group))
    }

    fn account_document(&self, account: &StorageAccount) -> Value {
        json!({
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "kind": "StorageV2",
            "id": format!("{}/providers/Microsoft.Storage/storageAccounts/{}", self.world.group_id(&account.resource_group), account.name),
            "name": account.name,
            "type": "Microsoft.Storage/storageAccounts",
            "location": account.location,
            "tags": {},
            "properties": {
                "allowSharedKeyAccess": account.allow_shared_key,
                "allowBlobPublicAccess": false,
                "minimumTlsVersion": "TLS1_2",
                "publicNetworkAccess": "Enabled",
                "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": if account.firewall {"Deny"} else {"Allow"}},
                "supportsHttpsTrafficOnly": true,
                "isHnsEnabled": false,
                "provisioningState": "Succeeded",
                "primaryEndpoints": {"blob": self.world.addresses.blob_endpoint(&account.name)},
                "primaryLocation": account.location,
                "statusOfPrimary": "available",
            },
        })
    }
}
