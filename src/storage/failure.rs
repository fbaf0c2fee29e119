//! What went wrong with storage, for packages, kept lists and logs: who refused, why, and the role, the command or the setting that helps.

use std::path::PathBuf;

use super::account::StorageAccount;
use super::blob::NotABlob;
use super::package::{PackageFailure, PackageSource};
use crate::arm::{Cause, Failure, Refusal};
use crate::resource::quoted;

/// The package cannot be packed.
pub const CODE_PACKAGE: &str = "AIB501";
/// The storage account was not found.
pub const CODE_ACCOUNT: &str = "AIB502";
/// The package cannot be uploaded.
pub const CODE_UPLOAD: &str = "AIB503";
/// There is no link to the package.
pub const CODE_LINK: &str = "AIB504";
/// The package cannot be deleted.
pub const CODE_DELETION: &str = "AIB505";

/// A list of contents cannot be read.
pub const CODE_READING: &str = "AIB874";

/// What was to be done with a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Writing it.
    Upload,
    /// Making a link to it.
    Link,
    /// Deleting it.
    Deletion,
    /// Reading it.
    Reading,
}

/// Why the package is not where the build VM can read it, or not gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageFailure {
    /// The folder cannot be packed.
    #[error("Packing '{}' failed: {cause}", .folder.display())]
    Package {
        /// The package's folder.
        folder: PathBuf,
        /// What is wrong with it.
        cause: PackageFailure,
    },
    /// No account of that name is visible.
    #[error("Looking for storage account '{name}' failed: {}", searched(.resource_group.as_deref(), .subscription, .refusal.as_deref()))]
    AccountNotFound {
        /// The account's name.
        name: String,
        /// The resource group that was searched first, if one is known.
        resource_group: Option<String>,
        /// The subscription that was searched then.
        subscription: String,
        /// An account with a similar name, if there is one.
        nearest: Option<String>,
        /// Why the subscription's accounts could not be listed.
        refusal: Option<Box<Refusal>>,
    },
    /// The account stores no blobs.
    #[error("Looking for storage account '{name}' failed: the account has no blob endpoint")]
    NoBlobEndpoint {
        /// The account's name.
        name: String,
    },
    /// Azure Resource Manager was not reached, or gave another answer than yes or no.
    #[error("{0}")]
    Account(Box<Failure>),
    /// The storage account refused.
    #[error("{failure}")]
    Refused {
        /// What was to be done.
        operation: Operation,
        /// Who refused, and why.
        failure: Box<Failure>,
        /// The account.
        account: Box<StorageAccount>,
    },
    /// A key was asked for, and the account takes none.
    #[error("Reading the keys of storage account '{}' failed: the account accepts no requests that are signed with a key", .account.name)]
    TakesNoKeys {
        /// The account.
        account: Box<StorageAccount>,
    },
    /// The account's keys cannot be read.
    #[error("{failure}")]
    NoKey {
        /// Who refused, and why.
        failure: Box<Failure>,
        /// The account.
        account: Box<StorageAccount>,
    },
    /// The package would get a name that no blob has.
    #[error("Uploading the package failed: {0}")]
    Name(#[from] NotABlob),
    /// Storage has another blob than was sent.
    #[error("Uploading {blob} failed: storage has {stored} bytes of it, and {sent} were sent")]
    Length {
        /// The blob, in words.
        blob: String,
        /// How many bytes were sent.
        sent: u64,
        /// How many there are.
        stored: u64,
    },
    /// The link would live too long, or not at all.
    #[error(
        "Creating a read link to {blob} failed: it would be valid for {hours} hours, and Azure permits up to 168"
    )]
    LinkLife {
        /// The blob, in words.
        blob: String,
        /// The life that was asked for.
        hours: i64,
    },
}

fn searched(resource_group: Option<&str>, subscription: &str, refusal: Option<&Refusal>) -> String {
    match (refusal, resource_group) {
        (None, Some(group)) => format!(
            "it is neither in resource group '{group}' nor elsewhere in subscription '{subscription}'"
        ),
        (None, None) => format!("it is not in subscription '{subscription}'"),
        (Some(refusal), Some(group)) => format!(
            "it is not visible in resource group '{group}', and the storage accounts of subscription '{subscription}' cannot be listed: {refusal}"
        ),
        (Some(refusal), None) => format!(
            "the storage accounts of subscription '{subscription}' cannot be listed: {refusal}"
        ),
    }
}

impl StorageFailure {
    /// The folder of `package` cannot be packed.
    pub(super) fn packing(package: &PackageSource, cause: PackageFailure) -> Self {
        Self::Package {
            folder: package.folder.clone(),
            cause,
        }
    }

    pub(super) fn account(failure: Failure) -> Self {
        Self::Account(Box::new(failure))
    }

    pub(super) fn refused(
        operation: Operation,
        failure: Failure,
        account: &StorageAccount,
    ) -> Self {
        Self::Refused {
            operation,
            failure: Box::new(failure),
            account: Box::new(account.clone()),
        }
    }

    /// The keys of `account` cannot be read.
    pub fn no_key(failure: Failure, account: &StorageAccount) -> Self {
        Self::NoKey {
            failure: Box::new(failure),
            account: Box::new(account.clone()),
        }
    }

    /// Whether the caller lacks a role for the data of the account.
    pub fn is_a_missing_role(&self) -> bool {
        match self {
            Self::Refused { failure, .. } => failure
                .refusal()
                .is_some_and(|refusal| refusal.code == "AuthorizationPermissionMismatch"),
            _ => false,
        }
    }

    /// Whether it is about one entry of the package, without which the rest could be packed.
    pub fn is_about_one_entry(&self) -> bool {
        let Self::Package { cause, .. } = self else {
            return false;
        };
        matches!(
            cause,
            PackageFailure::LinkOutside { .. }
                | PackageFailure::Unstorable { .. }
                | PackageFailure::Special { .. }
                | PackageFailure::Unreadable { .. }
        )
    }

    /// Whether the keys of the account are the trouble, which not every access to the package needs.
    pub fn is_about_keys(&self) -> bool {
        let refused = |failure: &Failure| {
            let refusal = failure.refusal();
            refusal.is_some_and(|refusal| refusal.code == "KeyBasedAuthenticationNotPermitted")
        };
        match self {
            Self::TakesNoKeys { .. } | Self::NoKey { .. } => true,
            Self::Refused { failure, .. } => refused(failure),
            _ => false,
        }
    }

    /// The stable code of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package { .. } => CODE_PACKAGE,
            Self::AccountNotFound { .. } | Self::NoBlobEndpoint { .. } | Self::Account(_) => {
                CODE_ACCOUNT
            }
            Self::LinkLife { .. } => CODE_LINK,
            Self::Name(_) | Self::Length { .. } | Self::TakesNoKeys { .. } | Self::NoKey { .. } => {
                CODE_UPLOAD
            }
            Self::Refused { operation, .. } => match operation {
                Operation::Upload => CODE_UPLOAD,
                Operation::Link => CODE_LINK,
                Operation::Deletion => CODE_DELETION,
                Operation::Reading => CODE_READING,
            },
        }
    }

    /// Whether the upload was refused because a blob of that name, which is not ours, is there.
    pub fn means_somebody_elses_blob(&self) -> bool {
        match self {
            Self::Refused {
                operation: Operation::Upload,
                failure,
                ..
            } => failure
                .refusal()
                // The other one's blocks took the place of ours.
                .is_some_and(|refusal| {
                    matches!(
                        refusal.code.as_str(),
                        "BlobAlreadyExists" | "InvalidBlockList"
                    )
                }),
            _ => false,
        }
    }
}

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

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
