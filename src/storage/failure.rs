//! What went wrong with storage, for packages, kept lists and logs: who refused, and why.

mod hint;

use std::path::PathBuf;

use super::account::StorageAccount;
use super::blob::NotABlob;
use super::package::PackageSource;
use super::package_failure::PackageFailure;
use crate::arm::{Failure, Refusal};

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

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
