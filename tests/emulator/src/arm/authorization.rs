//! Who may do what, as Azure Resource Manager tells it
//! (<https://learn.microsoft.com/rest/api/authorization/permissions>, <https://learn.microsoft.com/rest/api/authorization/role-assignments>).
//! The emulator tells it and refuses nobody.

use serde_json::{Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::blob::BlobRole;
use crate::ids;
use crate::surroundings::{Role, RoleAssignment};

impl Arm {
    /// The caller's own: one entry for each role.
    pub(crate) fn list_permissions(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let scope = self.scope(asked)?;
        let mut all: Vec<Value> = self
            .assignments_at(&scope, &asked.caller)
            .filter_map(|assignment| self.role(&assignment.role))
            .map(permission)
            .collect();
        all.extend(self.blob_permissions(&scope, &asked.caller));
        Ok(Answer::new(200, Body::Compact(json!({"value": all}))))
    }

    /// Of the filters there are `principalId eq '...'` and `assignedTo('...')`; nobody is in a group.
    pub(crate) fn list_role_assignments(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let scope = self.scope(asked)?;
        let filter = asked.query("$filter").unwrap_or_default();
        let known = ["principalId eq '", "assignedTo('"];
        if !known.iter().any(|start| filter.starts_with(start)) {
            let message = format!("The filter '{filter}' is not supported.");
            return Err(Refusal::new(400, "UnsupportedQuery", message));
        }
        let principal = filter.split('\'').nth(1).unwrap_or_default();
        let assignments = self.assignments_at(&scope, principal);
        let all: Vec<Value> = assignments
            .map(|assignment| self.assignment_document(assignment))
            .collect();
        Ok(Answer::new(200, Body::Compact(json!({"value": all}))))
    }

    pub(crate) fn get_role(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.path.get("role");
        let role = self.role(id).ok_or_else(|| {
            let message = format!("The specified role definition with ID '{id}' does not exist.");
            Refusal::new(404, "RoleDefinitionDoesNotExist", message)
        })?;
        let document = json!({
            "id": self.role_id(&role.id),
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": role.id,
            "properties": {"roleName": role.name, "type": "CustomRole", "description": "", "assignableScopes": ["/"], "permissions": [permission(role)]},
        });
        Ok(Answer::new(200, Body::Compact(document)))
    }

    /// The scope of a request, which has to lie in the subscription, in a group that exists.
    fn scope(&self, asked: &Asked<'_>) -> Result<String, Refusal> {
        let scope = ids::key(asked.path.get("scope"));
        let mut segments = scope.split('/').skip(2);
        let subscription = segments.next().unwrap_or_default();
        let is_other = self.world.other_subscription(subscription).is_some();
        if !is_other && !subscription.eq_ignore_ascii_case(&self.world.subscription) {
            let message = format!("The subscription '{subscription}' could not be found.");
            return Err(Refusal::new(404, "SubscriptionNotFound", message));
        }
        if segments.next() == Some("resourcegroups") {
            let group = segments.next().unwrap_or_default();
            if self.location_of_group(subscription, group).is_none() {
                let message = format!("Resource group '{group}' could not be found.");
                return Err(Refusal::new(404, "ResourceGroupNotFound", message));
            }
        }
        Ok(scope)
    }

    /// The assignments of a principal that hold at a scope: those at it and above it.
    fn assignments_at(
        &self,
        scope: &str,
        principal: &str,
    ) -> impl Iterator<Item = &RoleAssignment> {
        self.world.role_assignments.iter().filter(move |given| {
            let above = ids::key(&given.scope);
            let holds = scope
                .strip_prefix(above.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            holds && given.principal.eq_ignore_ascii_case(principal)
        })
    }

    /// Roles on blobs are given to an account, not to a scope.
    fn blob_permissions(&self, scope: &str, principal: &str) -> Vec<Value> {
        let accounts = self.world.storage_accounts.iter();
        let mut named = accounts.filter(|account| {
            scope.ends_with(&format!(
                "/microsoft.storage/storageaccounts/{}",
                account.name.to_ascii_lowercase()
            ))
        });
        let Some(account) = named.next() else {
            return Vec::new();
        };
        let own = |(holder, _): &(&String, &Vec<BlobRole>)| {
            *holder == "any" || holder.eq_ignore_ascii_case(principal)
        };
        let roles = account
            .roles
            .iter()
            .filter(own)
            .flat_map(|(_, roles)| roles);
        roles.map(|role| blob_permission(*role)).collect()
    }

    fn role(&self, id: &str) -> Option<&Role> {
        let mut roles = self.world.roles.iter();
        roles.find(|role| role.id.eq_ignore_ascii_case(id))
    }

    fn role_id(&self, role: &str) -> String {
        let subscription = &self.world.subscription;
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        )
    }

    fn assignment_document(&self, assignment: &RoleAssignment) -> Value {
        let scope = &assignment.scope;
        let name = "7b1e4c2a-5d3f-4a86-9e0b-2c8d6f1a3b57";
        json!({
            "properties": {
                "roleDefinitionId": self.role_id(&assignment.role),
                "principalId": assignment.principal,
                "principalType": "ServicePrincipal",
                "scope": scope,
                "condition": assignment.condition,
                "conditionVersion": assignment.condition.as_ref().map(|_| "2.0"),
            },
            "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"),
            "type": "Microsoft.Authorization/roleAssignments",
            "name": name,
        })
    }
}

fn permission(role: &Role) -> Value {
    json!({"actions": role.actions, "notActions": role.not_actions, "dataActions": role.data_actions, "notDataActions": []})
}

fn blob_permission(role: BlobRole) -> Value {
    let service = "Microsoft.Storage/storageAccounts/blobServices";
    let blob = |action: &str| format!("{service}/containers/blobs/{action}");
    let delegation = format!("{service}/generateUserDelegationKey/action");
    let (actions, data) = match role {
        BlobRole::Reader => (
            vec![format!("{service}/containers/read"), delegation],
            vec![blob("read")],
        ),
        BlobRole::Contributor => (
            ["delete", "read", "write"]
                .map(|action| format!("{service}/containers/{action}"))
                .into_iter()
                .chain([delegation])
                .collect(),
            ["delete", "read", "write", "move/action", "add/action"]
                .map(blob)
                .to_vec(),
        ),
        BlobRole::Delegator => (vec![delegation], Vec::new()),
    };
    json!({"actions": actions, "notActions": [], "dataActions": data, "notDataActions": []})
}
