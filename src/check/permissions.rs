//! Who acts in a build, and what they have permission for: the service connection, and the identities that the template names.

use futures::future::join_all;
use serde_json::Value;

use super::advice::{advice, groups, listed, texts};
use super::codes::{IDENTITY, IDENTITY_RIGHTS, OWN_RIGHTS};
use super::finding::{Finding, Verdict};
use super::lookup::{Azure, Lookup, identities_of, identity, text};
use super::required_roles::{self, RequiredRole};
use crate::arm::api::{IDENTITIES, ROLES};
use crate::arm::authorization::{
    Permission, RoleAssignment, missing, principal_of, role_assignments,
};
use crate::resource::{ResourceId, quoted};

pub(super) async fn identities(azure: &Azure<'_>) -> Vec<Finding> {
    let subject = &azure.subject;
    let needed = subject.identity.iter();
    let needed = needed.map(|id| (id, "Azure VM Image Builder needs it to run the build"));
    let of_vm = subject.vm_identities.iter();
    let of_vm = of_vm.map(|id| (id, "the build VM gets it"));
    join_all(needed.chain(of_vm).map(|(id, why)| exists(azure, id, why))).await
}

async fn exists(azure: &Azure<'_>, id: &ResourceId, why: &str) -> Finding {
    let (name, group) = (id.name(), id.resource_group());
    let subscription = id.subscription();
    let create = format!(
        "az identity create --subscription {subscription} --resource-group {} --name {name} --location {}",
        quoted(group),
        azure.subject.location
    );
    let (text, fix) = match &*identity(azure, id).await {
        Lookup::Found(_) => return Finding::fine(format!("'{name}' exists")),
        Lookup::Unknown(reason) => return Finding::unknown(format!("identity '{name}'"), reason),
        Lookup::Missing => (
            format!("identity '{name}' does not exist in resource group '{group}'; {why}"),
            advice(
                name,
                &texts(&listed(azure, identities_of(id), IDENTITIES).await),
                &create,
            ),
        ),
        Lookup::NoGroup => (
            format!(
                "identity '{name}' does not exist, because its resource group '{group}' does not exist; {why}"
            ),
            advice(
                group,
                &texts(&groups(azure, subscription).await),
                &format!(
                    "az group create --subscription {subscription} --name {} --location {}, then: {create}",
                    quoted(group),
                    azure.subject.location
                ),
            ),
        ),
    };
    Finding::new(Verdict::Certain(IDENTITY), text).fix(fix)
}

const EMPTY: &str = "the list is empty";

/// The service connection's own permissions, which every principal can read.
pub(super) async fn of_connection(azure: &Azure<'_>) -> Vec<Finding> {
    own(azure, &required_roles::of_connection(azure).await).await
}

/// The same for a test that makes a VM.
pub(super) async fn of_tester(azure: &Azure<'_>) -> Vec<Finding> {
    own(azure, &required_roles::of_tester(azure)).await
}

async fn own(azure: &Azure<'_>, needs: &[RequiredRole]) -> Vec<Finding> {
    let one = async |need: &RequiredRole| {
        let path = format!(
            "{}/providers/Microsoft.Authorization/permissions",
            need.scope
        );
        match &*azure.look_up(path, ROLES).await {
            Lookup::Found(list) => match entries(list) {
                Some(given) if given.is_empty() && !azure.trusts_empty_lists() => {
                    Finding::unknown(format!("the permissions on {}", need.what), EMPTY)
                }
                Some(given) => {
                    let who = "the service connection";
                    let assignee = "--assignee <service connection's principal>";
                    need.judge(who, assignee, OWN_RIGHTS, &given)
                }
                None => Finding::unknown(
                    format!("the permissions on {}", need.what),
                    "the list is incomplete",
                ),
            },
            other => Finding::unknown(format!("the permissions on {}", need.what), reason(other)),
        }
    };
    join_all(needs.iter().map(one)).await
}

/// The identity's permissions, by its roles and those of its groups.
pub(super) async fn of_identity(azure: &Azure<'_>) -> Vec<Finding> {
    let Some(id) = &azure.subject.identity else {
        return Vec::new();
    };
    let look = identity(azure, id).await;
    let Lookup::Found(found) = &*look else {
        return vec![Finding::unknown(
            "the permissions of the identity",
            reason(&look),
        )];
    };
    let Some(principal) = principal_of(found) else {
        return vec![Finding::unknown(
            "the permissions of the identity",
            "Azure names no principal",
        )];
    };
    let needs = required_roles::of_identity(azure);
    let one = async |need: &RequiredRole| {
        let who = format!("identity '{}'", id.name());
        match granted(azure, principal, &need.scope).await {
            Ok(given) if given.conditional && !missing(&given.certain, need.actions).is_empty() => {
                Finding::unknown(
                    format!("the permissions of {who} on {}", need.what),
                    "a role has a condition",
                )
            }
            Ok(given) => {
                let assignee = format!(
                    "--assignee-object-id {principal} --assignee-principal-type ServicePrincipal"
                );
                need.judge(&who, &assignee, IDENTITY_RIGHTS, &given.certain)
            }
            Err(why) => {
                Finding::unknown(format!("the permissions of {who} on {}", need.what), &why)
            }
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
    let path = role_assignments(scope, principal);
    let look = azure.look_up(path, ROLES).await;
    let Lookup::Found(list) = &*look else {
        return Err(reason(&look).to_owned());
    };
    if text(list, "/nextLink").is_some() {
        return Err("the list is incomplete".to_owned());
    }
    let assignments = list
        .get("value")
        .and_then(Value::as_array)
        .ok_or("it is not a list")?;
    if assignments.is_empty() && !azure.trusts_empty_lists() {
        return Err(EMPTY.to_owned());
    }
    let mut granted = Granted::default();
    for assignment in assignments {
        let assignment = RoleAssignment::read(assignment).ok_or("a role has no id")?;
        if !assignment.holds_at(scope) {
            continue;
        }
        let look = azure.look_up(&assignment.role, ROLES).await;
        let Lookup::Found(role) = &*look else {
            return Err(reason(&look).to_owned());
        };
        if assignment.is_conditional {
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

fn reason(look: &Lookup) -> &str {
    match look {
        Lookup::Unknown(reason) => reason,
        Lookup::Missing | Lookup::NoGroup => "it does not exist",
        Lookup::Found(_) => "",
    }
}
