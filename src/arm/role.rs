//! Whether an identity may read blobs, as far as Azure's own roles tell.
//!
//! <https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope>

use http::Method;
use serde_json::Value;

use super::client::Call;
use super::failure::Failure;
use super::image_template::Arm;
use crate::resource::ResourceId;

const IDENTITY_VERSION: &str = "2023-01-31";
const ASSIGNMENT_VERSION: &str = "2022-04-01";
/// Storage Blob Data Reader, Contributor and Owner
/// (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage>).
const BLOB_READERS: [&str; 3] = [
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
];

impl Arm {
    /// Whether one of Azure's own roles lets a user-assigned identity read the blobs at `scope`. A role of one's own, a role with a condition and
    /// a list that goes on count for nothing: they may permit it, and a build must not depend on it.
    pub async fn reads_blobs(&self, identity: &ResourceId, scope: &str) -> Result<bool, Failure> {
        let url = format!("{}{identity}?api-version={IDENTITY_VERSION}", self.base());
        let doing = format!("Reading identity '{}'", identity.name());
        let call = Call::new(doing, Method::GET, url, &self.scope);
        let found = self.client.glance(&call).await?;
        let principal = found
            .pointer("/properties/principalId")
            .and_then(Value::as_str);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let Some(principal) = principal.filter(|id| id.chars().all(plain)) else {
            return Ok(false);
        };
        let url = format!(
            "{}{scope}/providers/Microsoft.Authorization/roleAssignments?api-version={ASSIGNMENT_VERSION}&$filter=assignedTo('{principal}')",
            self.base()
        );
        let doing = format!("Listing the roles of identity '{}'", identity.name());
        let call = Call::new(doing, Method::GET, url, &self.scope);
        let list = self.client.glance(&call).await?;
        let mut assignments = list
            .get("value")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok(assignments.any(|assignment| permits(assignment, scope)))
    }
}

fn permits(assignment: &Value, scope: &str) -> bool {
    let text = |member: &str| {
        let value = assignment.pointer(&format!("/properties/{member}"));
        value.and_then(Value::as_str).unwrap_or_default()
    };
    let role = text("roleDefinitionId")
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let reads = BLOB_READERS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(role));
    reads && text("condition").is_empty() && holds(text("scope"), scope)
}

/// Whether what is given at `given` holds at `scope`: there, or above it.
fn holds(given: &str, scope: &str) -> bool {
    let (given, scope) = (
        given.trim_end_matches('/').to_lowercase(),
        scope.to_lowercase(),
    );
    let above = given.starts_with("/providers/microsoft.management/managementgroups/");
    let within = scope.strip_prefix(&given);
    above || within.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            assert_eq!(permits(&assignment, &container), expected, "{role} {scope}");
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
}
