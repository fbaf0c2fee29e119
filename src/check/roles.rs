//! What roles permit. Pure.
//!
//! <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>: a role permits what is in its actions and not in its
//! not-actions; what one role permits, no not-action of another takes away.

use serde_json::Value;

/// What one role permits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Permission {
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
}

impl Permission {
    /// Reads an entry of `permissions`, as roles and the list of own permissions have it.
    pub(super) fn read(value: &Value) -> Self {
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
pub(super) enum Action {
    /// By way of Azure Resource Manager.
    Control(&'static str),
    /// With the data in a resource.
    Data(&'static str),
}

impl Action {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Control(name) | Self::Data(name) => name,
        }
    }
}

/// Those of `actions` that no role permits.
pub(super) fn missing(permissions: &[Permission], actions: &[Action]) -> Vec<&'static str> {
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
pub(super) fn holds(assigned: &str, scope: &str) -> bool {
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
}
