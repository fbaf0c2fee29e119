//! The storage account that the package goes through, or in which lists of contents are kept.

use serde_json::Value;

use super::advice::{advice, texts};
use super::codes::ACCOUNT;
use super::finding::{Finding, Verdict};
use super::lookup::{Azure, Lookup, names, text};
use crate::arm::api::STORAGE_ACCOUNTS;
use crate::arm::storage_account::{STORAGE_ACCOUNT, StorageAccount};
use crate::resource::quoted;

/// What there is by the name of an account.
enum Found {
    /// The account as Azure Resource Manager answers it.
    There(Value),
    /// The subscription has others alone.
    Missing(Vec<String>),
    /// Why nothing is known.
    Unknown(String),
}

/// The account, in the template's group, or else anywhere in the subscription.
async fn found(azure: &Azure<'_>, name: &str) -> Found {
    let subject = &azure.subject;
    let path = format!(
        "{}/providers/{STORAGE_ACCOUNT}/{}",
        subject.in_group(),
        name.to_lowercase()
    );
    match &*azure.look_up(path, STORAGE_ACCOUNTS).await {
        Lookup::Found(found) => return Found::There(found.clone()),
        Lookup::Missing | Lookup::NoGroup | Lookup::Unknown(_) => {}
    }
    let list = format!("{}/providers/{STORAGE_ACCOUNT}", subject.in_subscription());
    let look = azure.look_up(list, STORAGE_ACCOUNTS).await;
    let list = match &*look {
        Lookup::Found(list) => list,
        Lookup::Missing | Lookup::NoGroup => {
            return Found::Unknown("Azure does not find the subscription's accounts".to_owned());
        }
        Lookup::Unknown(reason) => return Found::Unknown(reason.clone()),
    };
    let Some(all) = list.get("value").and_then(Value::as_array) else {
        return Found::Unknown("it is not a list".to_owned());
    };
    let named = |one: &&Value| text(one, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name));
    if let Some(found) = all.iter().find(named) {
        return Found::There(found.clone());
    }
    match names(list) {
        Some(all) if azure.lack(&all, name) => {
            Found::Missing(all.into_iter().map(str::to_owned).collect())
        }
        _ => Found::Unknown("the list of storage accounts does not say".to_owned()),
    }
}

/// The account, if there is one and it can be read.
pub(super) async fn account(azure: &Azure<'_>) -> Option<StorageAccount> {
    let name = azure.subject.storage_account.as_ref()?;
    match found(azure, name).await {
        Found::There(found) => StorageAccount::read(&found),
        Found::Missing(_) | Found::Unknown(_) => None,
    }
}

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    let subject = &azure.subject;
    let of_package = subject.storage_account.as_ref();
    let Some(name) = of_package.or(subject.account_of_lists.as_ref()) else {
        return vec![Finding::fine("no package is sent, so none is used")];
    };
    let sends_package = of_package.is_some();
    let subscription = &subject.subscription;
    match found(azure, name).await {
        Found::There(found) => judge(name, &found, sends_package),
        // The list lags behind: an account that was made a moment ago may be missing there.
        Found::Missing(all) => {
            let create = format!(
                "az storage account create --subscription {subscription} --resource-group {} --name {name} --location {} --sku Standard_LRS --allow-shared-key-access false",
                quoted(&azure.subject.resource_group),
                azure.subject.location
            );
            let purpose = if sends_package {
                "the package is uploaded to it"
            } else {
                "the SBOM is to be kept in it"
            };
            vec![
                Finding::new(
                    Verdict::Problem(ACCOUNT),
                    format!("storage account '{name}' does not exist in subscription {subscription}, and {purpose}"),
                )
                .fix(advice(name, &texts(&all), &create)),
            ]
        }
        Found::Unknown(why) => vec![Finding::unknown(format!("storage account '{name}'"), &why)],
    }
}

fn judge(name: &str, account: &Value, sends_package: bool) -> Vec<Finding> {
    if text(account, "/properties/primaryEndpoints/blob").is_none() {
        let text = format!("storage account '{name}' does not support blobs");
        return vec![
            Finding::new(Verdict::Problem(ACCOUNT), text).fix("use an account of kind StorageV2"),
        ];
    }
    let mut findings = vec![Finding::fine(format!("'{name}' exists"))];
    let closed = text(account, "/properties/publicNetworkAccess") == Some("Disabled");
    let filtered = text(account, "/properties/networkAcls/defaultAction") == Some("Deny");
    if closed || filtered {
        let what = if closed {
            "is closed to public networks"
        } else {
            "has a firewall"
        };
        let (service, subnets) = if sends_package {
            (
                ", and the service can read the package through your own subnets only",
                ", set subnets for the build and allow them",
            )
        } else {
            ("", "")
        };
        let text = format!("storage account '{name}' {what}: the agent may not reach it{service}");
        let fix = format!(
            "allow the agent's network (az storage account network-rule add --account-name {name} ...){subnets}, or use another account"
        );
        findings.push(Finding::new(Verdict::Warning(ACCOUNT), text).fix(fix));
    }
    findings
}
