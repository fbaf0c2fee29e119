//! Who may do what: the service connection's principal, and the identity that the service acts as.

use futures::future::join_all;
use serde_json::Value;

use super::Seen;
use super::azure::{Azure, Look, text};
use super::identity::identity;
use super::needs::{self, Need};
use super::rights::{Permission, holds, missing};
use super::table::{IDENTITY_RIGHTS, OWN_RIGHTS};

/// <https://learn.microsoft.com/rest/api/authorization>
const API_VERSION: &str = "2022-04-01";

const EMPTY: &str = "the list is empty";

/// The service connection's own rights. Everybody may ask for those.
pub(super) async fn own(azure: &Azure<'_>) -> Vec<Seen> {
    let needs = needs::of_connection(azure).await;
    let one = async |need: &Need| {
        let path = format!(
            "{}/providers/Microsoft.Authorization/permissions?api-version={API_VERSION}",
            need.scope
        );
        match &*azure.look(path).await {
            Look::There(list) => match entries(list) {
                Some(given) if given.is_empty() && !azure.trusts_empty_lists() => {
                    Seen::unknown(format!("the permissions on {}", need.what), EMPTY)
                }
                Some(given) => {
                    let who = "the service connection";
                    need.judge(who, "<object id of its principal>", OWN_RIGHTS, &given)
                }
                None => Seen::unknown(
                    format!("the permissions on {}", need.what),
                    "the list is cut off",
                ),
            },
            other => Seen::unknown(format!("the permissions on {}", need.what), reason(other)),
        }
    };
    join_all(needs.iter().map(one)).await
}

/// The identity's rights, by its roles and those of its groups.
pub(super) async fn of_identity(azure: &Azure<'_>) -> Vec<Seen> {
    let id = &azure.subject.identity;
    let look = identity(azure, id).await;
    let Look::There(found) = &*look else {
        return vec![Seen::unknown(
            "the permissions of the identity",
            reason(&look),
        )];
    };
    // It becomes part of an address, and of a command in a hint.
    let plain = |id: &&str| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let Some(principal) = text(found, "/properties/principalId").filter(plain) else {
        return vec![Seen::unknown(
            "the permissions of the identity",
            "Azure names no principal",
        )];
    };
    let needs = needs::of_identity(azure);
    let one = async |need: &Need| {
        let who = format!("identity '{}'", id.name());
        match granted(azure, principal, &need.scope).await {
            Ok(given) if given.conditional && !missing(&given.certain, need.actions).is_empty() => {
                Seen::unknown(
                    format!("the permissions of {who} on {}", need.what),
                    "a role has a condition",
                )
            }
            Ok(given) => need.judge(&who, principal, IDENTITY_RIGHTS, &given.certain),
            Err(why) => Seen::unknown(format!("the permissions of {who} on {}", need.what), &why),
        }
    };
    join_all(needs.iter().map(one)).await
}

/// What a principal's roles give at a place.
#[derive(Default)]
struct Granted {
    certain: Vec<Permission>,
    /// Whether there is a role with a condition, of which nothing is known.
    conditional: bool,
}

async fn granted(azure: &Azure<'_>, principal: &str, scope: &str) -> Result<Granted, String> {
    let path = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments?api-version={API_VERSION}&$filter=assignedTo('{principal}')"
    );
    let look = azure.look(path).await;
    let Look::There(list) = &*look else {
        return Err(reason(&look).to_owned());
    };
    if text(list, "/nextLink").is_some() {
        return Err("the list is cut off".to_owned());
    }
    let assignments = list
        .get("value")
        .and_then(Value::as_array)
        .ok_or("it is no list")?;
    if assignments.is_empty() && !azure.trusts_empty_lists() {
        return Err(EMPTY.to_owned());
    }
    let here = |assignment: &&Value| {
        text(assignment, "/properties/scope").is_some_and(|given| holds(given, scope))
    };
    let mut granted = Granted::default();
    for assignment in assignments.iter().filter(here) {
        let role = text(assignment, "/properties/roleDefinitionId").ok_or("a role has no id")?;
        let look = azure
            .look(format!("{role}?api-version={API_VERSION}"))
            .await;
        let Look::There(role) = &*look else {
            return Err(reason(&look).to_owned());
        };
        if text(assignment, "/properties/condition").is_some() {
            granted.conditional = true;
            continue;
        }
        let permissions = role
            .pointer("/properties/permissions")
            .and_then(Value::as_array);
        let permissions = permissions.into_iter().flatten().map(Permission::read);
        granted.certain.extend(permissions);
    }
    Ok(granted)
}

fn entries(list: &Value) -> Option<Vec<Permission>> {
    if text(list, "/nextLink").is_some() {
        return None;
    }
    let entries = list.get("value")?.as_array()?;
    Some(entries.iter().map(Permission::read).collect())
}

fn reason(look: &Look) -> &str {
    match look {
        Look::Unknown(reason) => reason,
        Look::Missing | Look::NoGroup => "it does not exist",
        Look::There(_) => "",
    }
}
