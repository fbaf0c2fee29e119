//! What to do next about a failure of storage: the role, the command or the setting.

use super::{Operation, StorageFailure};
use crate::arm::{Cause, Failure};
use crate::resource::quoted;
use crate::storage::account::StorageAccount;
use crate::storage::package_failure::PackageFailure;

impl StorageFailure {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Package { cause, .. } => package_hint(cause).map(str::to_owned),
            Self::AccountNotFound {
                name,
                resource_group,
                subscription,
                nearest,
                ..
            } => {
                if let Some(nearest) = nearest {
                    return Some(format!("did you mean '{nearest}'?"));
                }
                let Some(resource_group) = resource_group else {
                    return Some("check the spelling, and that the account is in this subscription; if both are right, let the service connection see it: `az role assignment create --assignee <service connection's principal> --role Reader --scope <resource id of the account>`".to_owned());
                };
                let scope = quoted(&format!(
                    "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Storage/storageAccounts/{name}"
                ));
                Some(format!(
                    "check the spelling, and that the account is in this subscription; if both are right, let the service connection see it: `az role assignment create --assignee <service connection's principal> --role Reader --scope {scope}`; if the account is in another resource group, the role is needed on the subscription"
                ))
            }
            Self::NoBlobEndpoint { .. } => Some("use an account of kind StorageV2".to_owned()),
            Self::Account(failure) => match &failure.cause {
                Cause::SignIn(failure) => failure.hint.clone(),
                Cause::Unreachable { host, .. } => Some(format!(
                    "check that the agent reaches {host}, and its proxy and certificate settings"
                )),
                Cause::Refused(_) | Cause::TooNew { .. } | Cause::Unreadable(_) => None,
            },
            Self::Refused {
                operation,
                failure,
                account,
            } => hint_for(failure, account, *operation),
            Self::TakesNoKeys { account } => Some(format!(
                "choose another access to the package, or let the account accept keys: `az storage account update --ids {} --allow-shared-key-access true`",
                quoted(&account.id)
            )),
            Self::NoKey { account, .. } => Some(format!(
                "choose another access to the package, or let the service connection read the keys: `az role assignment create --assignee <service connection's principal> --role \"Storage Account Key Operator Service Role\" --scope {}`",
                quoted(&account.id)
            )),
            Self::Name(_) => Some("give the package folder another name".to_owned()),
            Self::Length { .. } => Some("run the job again; if it happens again, look for a proxy that changes what passes through it".to_owned()),
            Self::LinkLife { hours, .. } => {
                (*hours > 0).then(|| "give the build a shorter time limit".to_owned())
            }
        }
    }
}

fn package_hint(cause: &PackageFailure) -> Option<&'static str> {
    match cause {
        PackageFailure::Missing(_) | PackageFailure::NotAFolder(_) | PackageFailure::Empty(_) => {
            Some(
                "check that an earlier step puts the files there; paths are case-sensitive on Linux agents",
            )
        }
        PackageFailure::LinkOutside { .. } => Some(
            "put a copy of the link's target into the package, or link to it by a relative path inside the package",
        ),
        PackageFailure::Changed { .. } => {
            Some("let the steps that write into the package end before this one")
        }
        PackageFailure::Unreadable { .. } => {
            Some("let the agent's user read all files of the package")
        }
        PackageFailure::Unstorable { .. } => Some("rename it"),
        PackageFailure::Special { .. } => {
            Some("remove it before this step: it is a pipe, a socket or a device")
        }
        PackageFailure::AllExcluded(_) => {
            Some("check the patterns of what is excluded from the package")
        }
        PackageFailure::NoThread(_) => {
            Some("raise the agent's limit of processes, or run fewer jobs on its machine at once")
        }
        PackageFailure::Abandoned => None,
    }
}

/// What to do about a refusal of storage. The codes: <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>.
fn hint_for(failure: &Failure, account: &StorageAccount, operation: Operation) -> Option<String> {
    let refusal = match &failure.cause {
        Cause::Refused(refusal) => refusal,
        Cause::SignIn(failure) => return failure.hint.clone(),
        Cause::Unreachable { host, .. } => {
            return Some(format!(
                "the agent must reach {host} over HTTPS: check its proxy and firewall, and whether the account has a private endpoint only"
            ));
        }
        Cause::Unreadable(_) | Cause::TooNew { .. } => return None,
    };
    let StorageAccount { id, name, .. } = account;
    let grant = |role: &str| {
        format!(
            "`az role assignment create --assignee <service connection's principal> --role \"{role}\" --scope {}`",
            quoted(id)
        )
    };
    let hint = match (refusal.code.as_str(), operation) {
        ("AuthorizationPermissionMismatch", Operation::Link) => format!(
            "a read link needs the permission to generate user delegation keys on the account itself: {}; 'Storage Blob Data Contributor' includes it. A new role assignment takes up to 10 minutes to take effect",
            grant("Storage Blob Delegator")
        ),
        ("AuthorizationPermissionMismatch", Operation::Upload | Operation::Deletion) => format!(
            "{}; a new role assignment takes up to 10 minutes to take effect",
            grant("Storage Blob Data Contributor")
        ),
        ("AuthorizationPermissionMismatch", Operation::Reading) => format!(
            "{}; a new role assignment takes up to 10 minutes to take effect",
            grant("Storage Blob Data Reader")
        ),
        ("AuthorizationFailure", _) => format!(
            "the account's firewall does not admit this agent: admit its address with `az storage account network-rule add --account-name {name} --ip-address <agent's public address>`, or use an agent in a network that is admitted"
        ),
        // Azure names the key only where one was sent.
        ("KeyBasedAuthenticationNotPermitted", _) => format!(
            "choose another access to the package, for which the service connection has a role: {}; or let the account accept keys: `az storage account update --ids {} --allow-shared-key-access true`",
            grant("Storage Blob Data Contributor"),
            quoted(id)
        ),
        ("PublicAccessNotPermitted" | "NoAuthenticationInformation", _) => {
            "the account admits only requests with a Microsoft Entra token, and the token did not arrive: check that no proxy removes the header 'Authorization'".to_owned()
        }
        ("AuthenticationFailed" | "InvalidAuthenticationInfo", _) => {
            "check the agent's clock, and that the account is in a subscription of the service connection's tenant".to_owned()
        }
        ("AccountIsDisabled", _) => format!("enable the subscription of '{id}', which Azure has disabled"),
        ("ContainerNotFound", Operation::Upload) => format!(
            "let the service connection create the container ({}), or create it yourself with `az storage container create --auth-mode login --account-name {name} --name <container>`",
            grant("Storage Blob Data Contributor")
        ),
        ("ContainerBeingDeleted", _) => "the container is being deleted: run the job again in some minutes".to_owned(),
        ("BlobAlreadyExists" | "ConditionNotMet", Operation::Upload) => {
            "another run uploaded a blob of the same name, which is kept: run the job again".to_owned()
        }
        ("BlobImmutableDueToPolicy" | "LeaseIdMissing", Operation::Deletion) => {
            "an immutability policy or a lease holds the blob: delete it when that has ended".to_owned()
        }
        _ => return None,
    };
    Some(hint)
}
