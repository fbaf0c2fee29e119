//! What the request that writes a package is authorized by.

use crate::arm::{Arm, Client};
use crate::secret::Secret;
use crate::storage::{self, StorageAccount, StorageFailure};

/// What the request that writes the package is authorized by.
pub(super) enum Credential {
    /// By the service connection's own token.
    Token,
    /// By a key of the account.
    Key(Secret),
}

impl Credential {
    /// A key of `account`.
    pub(super) async fn key(arm: &Arm, account: &StorageAccount) -> Result<Self, StorageFailure> {
        if !account.takes_keys {
            return Err(StorageFailure::TakesNoKeys {
                account: Box::new(account.clone()),
            });
        }
        match arm.storage_account_key(account).await {
            Ok(key) => Ok(Self::Key(key)),
            Err(failure) => Err(StorageFailure::no_key(failure, account)),
        }
    }

    /// The client that is authorized by it.
    pub(super) fn client(&self, arm: &Arm, account: &StorageAccount) -> Client {
        match self {
            Self::Token => arm.client.clone(),
            Self::Key(key) => storage::with_key(&arm.client, account, key.clone()),
        }
    }
}
