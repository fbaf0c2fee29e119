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
mod tests {
    use super::*;

    use http::Method;
    use serde_json::json;

    use url::Url;

    use crate::arm::Call;
    use crate::inputs::connection::Cloud;
    use crate::storage::testing::{Answer, Scripted};

    const DIRECT: &str = "GET https://management.azure.com/subscriptions/s-1/resourceGroups/rg%20(a)/providers/Microsoft.Storage/storageAccounts/packages?api-version=2023-05-01";
    const LIST: &str = "GET https://management.azure.com/subscriptions/s-1/providers/Microsoft.Storage/storageAccounts?api-version=2023-05-01";

    fn answer(name: &str) -> Value {
        json!({
            "id": format!("/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{name}"),
            "name": name,
            "properties": { "primaryEndpoints": { "blob": format!("https://{name}.blob.core.windows.net/") } },
        })
    }

    fn page(names: &[&str], next: Option<&str>) -> Answer {
        let accounts: Vec<_> = names.iter().map(|name| answer(name)).collect();
        let mut page = json!({ "value": accounts });
        if let Some(next) = next {
            page["nextLink"] = json!(next);
        }
        Answer::Status(200, page.to_string())
    }

    fn refusal(status: u16, code: &str) -> Answer {
        let body = json!({ "error": { "code": code, "message": "No." } });
        Answer::Status(status, body.to_string())
    }

    async fn find(answers: Vec<Answer>) -> (Result<StorageAccount, StorageFailure>, Vec<String>) {
        let network = Scripted::in_turn(answers);
        let resource_manager: Url = "https://management.azure.com/".parse().unwrap();
        let cloud = Cloud {
            authority: "https://login.microsoftonline.com/".parse().unwrap(),
            audience: resource_manager.to_string(),
            resource_manager,
        };
        let arm = Arm::new(network.client(), &cloud);
        let group = ResourceGroupId::new("s-1", "rg (a)");
        let result = find_account(&arm, &group, "Packages").await;
        (result, network.lines())
    }

    #[tokio::test]
    async fn the_account_in_the_templates_resource_group_is_found_with_one_request() {
        let (found, lines) = find(vec![Answer::Status(200, answer("packages").to_string())]).await;
        let found = found.unwrap();
        assert_eq!(found, StorageAccount::read(&answer("packages")).unwrap());
        assert_eq!(
            found.blob_endpoint.as_str(),
            "https://packages.blob.core.windows.net/"
        );
        assert_eq!(lines, [DIRECT]);
    }

    #[tokio::test]
    async fn an_account_elsewhere_is_found_on_any_page_whatever_its_case() {
        let next = "https://management.azure.com/subscriptions/s-1/providers/Microsoft.Storage/storageAccounts?api-version=2023-05-01&$skipToken=x%2Fy";
        for first in [
            refusal(404, "ResourceNotFound"),
            refusal(403, "AuthorizationFailed"),
        ] {
            let pages = [
                page(&["other"], Some(next)),
                page(&["third", "packAges"], None),
            ];
            let answers = std::iter::once(first).chain(pages).collect();
            let (found, lines) = find(answers).await;
            assert_eq!(found.unwrap().name, "packAges");
            assert_eq!(lines, [DIRECT, LIST, &format!("GET {next}")]);
        }
    }

    async fn check(answers: Vec<Answer>, text: &str) -> StorageFailure {
        let (found, _) = find(answers).await;
        let failure = found.unwrap_err();
        assert_eq!(failure.to_string(), text);
        assert_eq!(failure.code(), "AIB502");
        failure
    }

    /// What Azure answers to so many looks for an account that is nowhere.
    fn nowhere(looks: usize) -> Vec<Answer> {
        let look = || {
            [
                refusal(404, "ResourceGroupNotFound"),
                page(&["other"], Some("")),
            ]
        };
        (0..looks).flat_map(|_| look()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_is_not_visible_says_what_was_searched_and_which_permission_is_needed()
    {
        let failure = check(
            nowhere(4),
            "Looking for storage account 'Packages' failed: it is neither in resource group 'rg (a)' nor elsewhere in subscription 's-1'",
        )
        .await;
        assert_eq!(
            failure.hint().unwrap(),
            "check the spelling, and that the account is in this subscription; if both are right, let the service connection see it: `az role assignment create --assignee <service connection's principal> --role Reader --scope '/subscriptions/s-1/resourceGroups/rg (a)/providers/Microsoft.Storage/storageAccounts/Packages'`; if the account is in another resource group, the role is needed on the subscription"
        );
        check(
            vec![refusal(403, "AuthorizationFailed"), refusal(403, "AuthorizationFailed")],
            "Looking for storage account 'Packages' failed: it is not visible in resource group 'rg (a)', and the storage accounts of subscription 's-1' cannot be listed: Azure refused with AuthorizationFailed (403): No.",
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_slip_of_the_pen_is_named_at_once() {
        let failure = check(
            vec![refusal(404, "ResourceNotFound"), page(&["other", "pakages"], None)],
            "Looking for storage account 'Packages' failed: it is neither in resource group 'rg (a)' nor elsewhere in subscription 's-1'",
        )
        .await;
        assert_eq!(failure.hint().unwrap(), "did you mean 'pakages'?");
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_was_created_a_moment_ago_is_looked_for_again() {
        let start = tokio::time::Instant::now();
        let mut answers = nowhere(3);
        answers.push(Answer::Status(200, answer("packages").to_string()));
        let (found, lines) = find(answers).await;
        assert_eq!(found.unwrap().name, "packages");
        assert_eq!(lines.len(), 7);
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test]
    async fn other_troubles_are_told_as_they_are() {
        check(
            vec![refusal(409, "Conflict")],
            "Looking for storage account 'Packages' failed: Azure refused with Conflict (409): No.",
        )
        .await;
        let files = json!({ "id": "/i", "name": "packages", "properties": { "primaryEndpoints": { "file": "https://f/" } } });
        check(
            vec![Answer::Status(200, files.to_string())],
            "Looking for storage account 'Packages' failed: the account has no blob endpoint",
        )
        .await;
        check(
            vec![refusal(404, "ResourceNotFound"), page(&[], Some("https://evil.example/next"))],
            "Looking for storage account 'Packages' failed: Azure's response is not valid: the next page of the list is on another host",
        )
        .await;
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_not_followed_for_ever() {
        let mut answers = vec![refusal(404, "ResourceNotFound")];
        answers.push(page(&[], Some(LIST.trim_start_matches("GET "))));
        let (found, lines) = find(answers).await;
        assert_eq!(
            found.unwrap_err().to_string(),
            "Looking for storage account 'Packages' failed: Azure's response is not valid: the list comes back to a page that was read"
        );
        assert_eq!(lines, [DIRECT, LIST]);
    }

    #[tokio::test]
    async fn no_token_goes_where_an_answer_leads_it() {
        let check = |change: &dyn Fn(&mut Value)| {
            let mut account = answer("packages");
            change(&mut account);
            assert_eq!(StorageAccount::read(&account), None, "{account}");
        };
        for endpoint in [
            "http://packages.blob.core.windows.net/",
            "https://user@packages.blob.core.windows.net/",
            "https://packages.blob.core.windows.net/?x=",
            "https://packages.blob.core.windows.net/#",
            "file:///packages",
            "packages",
        ] {
            check(&|account| account["properties"]["primaryEndpoints"]["blob"] = json!(endpoint));
        }
        for id in [
            "@host.example/x",
            ".host.example/subscriptions/s-1",
            "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/others",
            "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Compute/disks/packages",
            "/subscriptions/s-1/resourceGroups/../providers/Microsoft.Storage/storageAccounts/packages",
        ] {
            check(&|account| account["id"] = json!(id));
        }
        let mut account = answer("packages");
        account["properties"]["primaryEndpoints"]["blob"] = json!("http://packages.example/");
        let (found, lines) = find(vec![Answer::Status(200, account.to_string())]).await;
        let text = found.unwrap_err().to_string();
        assert!(
            text.ends_with("its blob endpoint 'http://packages.example/' is not a plain https address; nothing is sent there"),
            "{text}"
        );
        assert_eq!(lines, [DIRECT]);
    }

    #[tokio::test]
    async fn what_proves_the_right_goes_to_its_own_server_and_over_https() {
        let network = Scripted::in_turn(Vec::new());
        let home = "https://management.azure.com/".parse().unwrap();
        let client = network.client().keeping("arm", &home);
        for (url, scope, reason) in [
            (
                "https://management.azure.com@host.example/x",
                "arm",
                "names a user",
            ),
            (
                "https://management.azure.com.host.example/x",
                "arm",
                "is not one of Azure Resource Manager",
            ),
            (
                "https://management.azure.com:8443/x",
                "arm",
                "is not one of Azure Resource Manager",
            ),
            (
                "http://management.azure.com/x",
                "arm",
                "is not one of HTTPS",
            ),
            (
                "http://x.blob.core.windows.net/x",
                "storage",
                "is not one of HTTPS",
            ),
            ("x", "storage", "is malformed"),
        ] {
            let call = Call::new("Asking", Method::GET, url, scope);
            let failure = client.send(&call).await.unwrap_err().to_string();
            let expected = format!("nothing was sent, because the address {reason}");
            assert!(failure.contains(&expected), "{url}: {failure}");
        }
        assert_eq!(network.lines(), [""; 0]);
    }
}
