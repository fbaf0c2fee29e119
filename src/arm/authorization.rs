//! Who has permission for what: role assignments, and what roles permit.
//!
//! <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>: a role permits what is in its actions and not in its
//! not-actions; what one role permits, no not-action of another takes away.

use serde_json::Value;

use super::api::{IDENTITIES, ROLES};
use super::failure::Failure;
use super::resource_manager::Arm;
use crate::resource::ResourceId;

/// Storage Blob Data Reader, Contributor and Owner
/// (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage>).
const BLOB_READERS: [&str; 3] = [
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
];

/// What one role permits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permission {
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
}

impl Permission {
    /// Reads an entry of `permissions`, as roles and the list of own permissions have it.
    pub fn read(value: &Value) -> Self {
        let list = |member: &str| {
            let list = value.get(member).and_then(Value::as_array);
            let texts = list.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        Self {
            actions: list("actions"),
            not_actions: list("notActions"),
            data_actions: list("dataActions"),
            not_data_actions: list("notDataActions"),
        }
    }

    fn permits(&self, action: &Action) -> bool {
        let (given, taken) = match action {
            Action::Control(_) => (&self.actions, &self.not_actions),
            Action::Data(_) => (&self.data_actions, &self.not_data_actions),
        };
        let within = |patterns: &[String]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| matches(pattern, action.name()))
        };
        within(given) && !within(taken)
    }
}

/// Something that a role may permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// By way of Azure Resource Manager.
    Control(&'static str),
    /// With the data in a resource.
    Data(&'static str),
}

impl Action {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Control(name) | Self::Data(name) => name,
        }
    }
}

/// Those of `actions` that no role permits.
pub fn missing(permissions: &[Permission], actions: &[Action]) -> Vec<&'static str> {
    let permitted = |action: &Action| permissions.iter().any(|one| one.permits(action));
    let missing = actions.iter().filter(|action| !permitted(action));
    missing.map(Action::name).collect()
}

/// Whether `pattern`, in which `*` stands for anything, is about `action`; letter case does not matter.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| action.strip_prefix(start)) else {
        return false;
    };
    let mut exact = true;
    for part in parts {
        exact = part.is_empty();
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
        if !exact && rest.is_empty() {
            exact = true;
        }
    }
    // Behind the last `*` anything may come; without one, nothing.
    if pattern.contains('*') {
        exact && (pattern.ends_with('*') || rest.is_empty())
    } else {
        rest.is_empty()
    }
}

/// Whether an assignment at `assigned` holds at `scope`: there, above it, or above the subscription.
fn holds(assigned: &str, scope: &str) -> bool {
    let (assigned, scope) = (
        assigned.trim_end_matches('/').to_ascii_lowercase(),
        scope.to_ascii_lowercase(),
    );
    if assigned.is_empty() || assigned.starts_with("/providers/microsoft.management/") {
        return true;
    }
    let rest = scope.strip_prefix(&assigned);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A role that someone has somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// The id of the role definition. It is made of names, so that it can become part of an address.
    pub role: String,
    /// Where it was assigned.
    scope: Option<String>,
    /// Whether it has a condition, of which nothing is known.
    pub is_conditional: bool,
}

impl RoleAssignment {
    /// Reads an entry of a list of role assignments; `None` where it names no role definition.
    pub fn read(assignment: &Value) -> Option<Self> {
        let text = |member: &str| {
            let text = assignment.get("properties")?.get(member)?.as_str();
            text.filter(|text| !text.is_empty())
        };
        let role = text("roleDefinitionId")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
        let is_path = role
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').all(is_name));
        is_path.then(|| Self {
            role: role.to_owned(),
            scope: text("scope").map(str::to_owned),
            is_conditional: text("condition").is_some(),
        })
    }

    /// Whether it counts at `scope`: it was assigned there or above.
    pub fn holds_at(&self, scope: &str) -> bool {
        self.scope.as_deref().is_some_and(|own| holds(own, scope))
    }

    fn reads_blobs_at(&self, scope: &str) -> bool {
        let role = self.role.rsplit('/').next().unwrap_or_default();
        let mut readers = BLOB_READERS.iter();
        let reads = readers.any(|known| known.eq_ignore_ascii_case(role));
        reads && !self.is_conditional && self.holds_at(scope)
    }
}

/// The path of the role assignments that `principal` has at `scope`, also by its groups.
pub fn role_assignments(scope: &str, principal: &str) -> String {
    format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments?$filter=assignedTo('{principal}')"
    )
}

/// The principal of a user-assigned identity, as Azure answers it. It becomes part of an address, and of a command in a hint.
pub fn principal_of(identity: &Value) -> Option<&str> {
    let principal = identity.pointer("/properties/principalId")?.as_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!principal.is_empty() && principal.chars().all(plain)).then_some(principal)
}

impl Arm {
    /// Whether one of Azure's own roles lets a user-assigned identity read the blobs at `scope`. A role of one's own, a role with a condition and
    /// a list that goes on count for nothing: they may permit it, and a build must not depend on it.
    ///
    /// # Errors
    /// Azure refuses, or does not answer in time.
    pub async fn reads_blobs(&self, identity: &ResourceId, scope: &str) -> Result<bool, Failure> {
        let doing = format!("Reading identity '{}'", identity.name());
        let found = self.glance(&doing, identity, IDENTITIES).await?;
        let Some(principal) = principal_of(&found) else {
            return Ok(false);
        };
        let doing = format!("Listing the roles of identity '{}'", identity.name());
        let path = role_assignments(scope, principal);
        let list = self.glance(&doing, path, ROLES).await?;
        let assignments = list.get("value").and_then(Value::as_array);
        let mut assignments = assignments.into_iter().flatten();
        Ok(assignments.any(|one| {
            RoleAssignment::read(one).is_some_and(|assignment| assignment.reads_blobs_at(scope))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_of_actions_are_matched_as_azure_does() {
        let check = |pattern: &str, action: &str, expected: bool| {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        };
        check("*", "Microsoft.Compute/images/read", true);
        check("*/read", "Microsoft.Compute/images/read", true);
        check("*/read", "Microsoft.Compute/images/read/x", false);
        check("*/read", "Microsoft.Compute/images/write", false);
        check(
            "Microsoft.Compute/*",
            "microsoft.compute/images/write",
            true,
        );
        check("Microsoft.Compute/*", "Microsoft.Network/x/read", false);
        check(
            "Microsoft.Compute/*/read",
            "Microsoft.Compute/images/read",
            true,
        );
        check(
            "Microsoft.Compute/*/read",
            "Microsoft.Compute/images/write",
            false,
        );
        check(
            "Microsoft.Compute/images/read",
            "Microsoft.Compute/images/read",
            true,
        );
        check(
            "Microsoft.Compute/images",
            "Microsoft.Compute/images/read",
            false,
        );
        check(
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/locks/write",
            true,
        );
        check("*/read/*", "a/read/b", true);
    }

    #[test]
    fn a_role_permits_its_actions_but_for_its_own_exceptions() {
        let read = Action::Control("Microsoft.Compute/images/read");
        let lock = Action::Control("Microsoft.Authorization/locks/write");
        let blob = Action::Data("Microsoft.Storage/x/blobs/write");
        let contributor = Permission::read(
            &json!({"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}),
        );
        assert_eq!(
            missing(std::slice::from_ref(&contributor), &[read, lock, blob]),
            [lock.name(), blob.name()]
        );
        let locks = Permission::read(&json!({"actions": [lock.name()]}));
        assert_eq!(missing(&[contributor, locks], &[lock]), Vec::<&str>::new());
        let data = Permission::read(
            &json!({"dataActions": ["*/blobs/*"], "notDataActions": ["*/delete"]}),
        );
        assert_eq!(missing(&[data], &[blob]), Vec::<&str>::new());
        assert_eq!(missing(&[], &[read]), [read.name()]);
    }

    #[test]
    fn an_assignment_holds_at_its_scope_and_below() {
        let check = |assigned: &str, expected: bool| {
            let scope = "/subscriptions/S/resourceGroups/rg/providers/N/t/x";
            assert_eq!(holds(assigned, scope), expected, "{assigned}");
        };
        check("/", true);
        check("/providers/Microsoft.Management/managementGroups/m", true);
        check("/subscriptions/s", true);
        check("/subscriptions/s/resourcegroups/RG", true);
        check("/subscriptions/s/resourceGroups/rg/providers/n/t/x", true);
        check("/subscriptions/s/resourceGroups/r", false);
        check(
            "/subscriptions/s/resourceGroups/rg/providers/N/t/x/y/z",
            false,
        );
    }

    #[test]
    fn a_role_that_reads_blobs_counts_where_it_holds() {
        let account =
            "/subscriptions/S/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st";
        let container = format!("{account}/blobServices/default/containers/c");
        let check = |role: &str, scope: &str, condition: Value, expected: bool| {
            let definition = format!(
                "/subscriptions/S/providers/Microsoft.Authorization/roleDefinitions/{role}"
            );
            let assignment = json!({"properties": {"roleDefinitionId": definition, "scope": scope, "condition": condition}});
            let found =
                RoleAssignment::read(&assignment).is_some_and(|it| it.reads_blobs_at(&container));
            assert_eq!(found, expected, "{role} {scope}");
        };
        let [reader, contributor, owner] = BLOB_READERS;
        check(reader, &container, Value::Null, true);
        check(contributor, &account.to_uppercase(), Value::Null, true);
        check(owner, "/subscriptions/s", Value::Null, true);
        check(reader, "/", Value::Null, true);
        let group = "/providers/Microsoft.Management/managementGroups/m";
        check(reader, group, Value::Null, true);
        check(reader, &container, json!("@Resource[...]"), false);
        check(reader, &format!("{account}2"), Value::Null, false);
        check(reader, &format!("{container}2"), Value::Null, false);
        // Contributor of Azure Resource Manager reads no blob.
        check(
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
            "/",
            Value::Null,
            false,
        );
    }

    #[test]
    fn a_role_becomes_part_of_an_address_only_if_it_is_made_of_names() {
        let check = |role: &str, expected: bool| {
            let assignment = json!({"properties": {"roleDefinitionId": role, "scope": "/"}});
            assert_eq!(
                RoleAssignment::read(&assignment).is_some(),
                expected,
                "{role}"
            );
        };
        check(
            "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/1-2",
            true,
        );
        check(
            "/providers/Microsoft.Authorization/roleDefinitions/1-2",
            true,
        );
        check("@host.example/x", false);
        check("/subscriptions/../x", false);
        check("/subscriptions/s?x", false);
        check("", false);
    }
}
