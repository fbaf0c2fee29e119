//! Which role shows the log of a build, and the narrowest place where it can be given.

use crate::resource::{ResourceGroupId, quoted};
use crate::run::proof::is_of_service;

/// What is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Containers and storage accounts, in Azure Resource Manager.
    Resources,
    /// The log itself, a blob.
    Blobs,
}

/// The command that gives the role to read the log in this staging group.
///
/// A group that the service makes itself has another name in each build, so the role has to be on the subscription. There it would read
/// every blob, if no condition limited it to the container with logs
/// (<https://learn.microsoft.com/azure/role-based-access-control/conditions-format>).
pub(super) fn command(access: Access, group: &ResourceGroupId) -> String {
    let of_service = is_of_service(group);
    let scope = if of_service {
        format!("/subscriptions/{}", group.subscription())
    } else {
        quoted(&group.to_string())
    };
    let (role, condition) = match access {
        Access::Resources => ("Reader", String::new()),
        Access::Blobs if !of_service => ("Storage Blob Data Reader", String::new()),
        Access::Blobs => (
            "Storage Blob Data Reader",
            format!(" --condition-version 2.0 --condition \"{LOG_ONLY}\""),
        ),
    };
    format!(
        "az role assignment create --assignee <service connection's principal> --role \"{role}\" --scope {scope}{condition}"
    )
}

/// Of all blobs those in containers called `packerlogs` alone.
const LOG_ONLY: &str = "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'packerlogs'))";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_on_the_subscription_reads_no_other_blob() {
        let of_service = "/subscriptions/s/resourceGroups/IT_rg_t_1_guid";
        let own = "/subscriptions/s/resourceGroups/rg-staging";
        let start = "az role assignment create --assignee <service connection's principal> --role";
        let check = |access, group: &str, expected: &str| {
            let group = group.parse().unwrap();
            assert_eq!(command(access, &group), format!("{start} {expected}"));
        };
        check(
            Access::Resources,
            of_service,
            "\"Reader\" --scope /subscriptions/s",
        );
        check(Access::Resources, own, &format!("\"Reader\" --scope {own}"));
        check(
            Access::Blobs,
            own,
            &format!("\"Storage Blob Data Reader\" --scope {own}"),
        );
        let on_subscription = format!(
            "\"Storage Blob Data Reader\" --scope /subscriptions/s --condition-version 2.0 --condition \"{LOG_ONLY}\""
        );
        check(Access::Blobs, of_service, &on_subscription);
    }
}
