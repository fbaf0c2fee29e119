//! The lists that are kept of image versions, so that later versions are compared with them: where they are, writing one, reading one.

use std::fmt;

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::Inventory;
use super::sbom::read;
use crate::arm::Arm;
use crate::arm::gallery::Version;
use crate::resource::tag::{COPIED_FROM, INVENTORY_SHA256};
use crate::resource::{ResourceGroupId, ResourceId};
use crate::storage::{
    BlobRef, Download, Sha256, StorageAccount, StorageFailure, Written, download, find_account,
    find_account_in, write_new,
};

/// More than any list has: 32 MiB.
pub(super) const LARGEST: usize = 32 << 20;
/// What a list is, for who downloads it.
const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The container in which lists are kept. Its storage account is looked for once.
#[derive(Debug)]
pub struct Library<'a> {
    account: Account<'a>,
    container: &'a str,
    found: OnceCell<Result<StorageAccount, StorageFailure>>,
}

/// How the storage account is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Account<'a> {
    /// By its name, in this group first.
    InGroup(&'a str, &'a ResourceGroupId),
    /// By its name, in the group of the version first, then in this subscription.
    InSubscription(&'a str, &'a str),
}

/// Why there is no list of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// None is kept.
    Missing {
        /// Where it would be, in words.
        blob: String,
    },
    /// What is kept is too large for a list.
    TooLarge {
        /// Where it is, in words.
        blob: String,
    },
    /// What is kept is none.
    NoInventory {
        /// Where it is, in words.
        blob: String,
        /// What is wrong with it, as the rest of a sentence.
        reason: String,
    },
}

/// The rest of a sentence about the version.
impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { .. } => f.write_str("has no inventory"),
            Self::TooLarge { blob } => {
                write!(
                    f,
                    "has no inventory that can be read: {blob} has more than 32 MiB"
                )
            }
            Self::NoInventory { blob, reason } => {
                write!(f, "has no inventory that can be read: {blob} {reason}")
            }
        }
    }
}

/// Why the list of a version was not read.
#[derive(Debug)]
pub(super) enum NotRead {
    /// The storage account was not found, or refused.
    Storage(StorageFailure),
    /// There is none.
    NoList(Unread),
}

impl From<StorageFailure> for NotRead {
    fn from(failure: StorageFailure) -> Self {
        Self::Storage(failure)
    }
}

/// Why the list of a version is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// The storage account was not found, or refused.
    #[error("{0}")]
    Storage(StorageFailure),
    /// Another file has its name, and stays.
    #[error("{blob} exists with other contents, and is not overwritten")]
    Taken {
        /// The file, in words.
        blob: String,
    },
    /// A file has its name, and stays; whether it is the list is not known.
    #[error("{blob} exists, and its contents could not be compared: {failure}")]
    Unread {
        /// The file, in words.
        blob: String,
        /// Who refused to read it, and why.
        failure: StorageFailure,
    },
    /// It is longer than is read later.
    #[error("it is larger than 32 MiB")]
    TooLarge,
    /// Its version has no place for it.
    #[error("{0} is no image version")]
    NoVersion(ResourceId),
}

/// The kept list is another one than the tag of the version says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSum {
    /// Where the list is, in words.
    pub blob: String,
    /// The sum in the tag.
    pub tag: String,
    /// The sum of what is there.
    pub sum: String,
}

/// The list of a version as it is kept.
#[derive(Debug)]
pub(super) struct KeptList {
    pub(super) inventory: Inventory,
    pub(super) other_sum: Option<OtherSum>,
}

impl<'a> Library<'a> {
    /// Container `container` of an account.
    pub fn new(account: Account<'a>, container: &'a str) -> Self {
        Self {
            account,
            container,
            found: OnceCell::new(),
        }
    }

    /// The name of the container.
    pub fn container(&self) -> &str {
        self.container
    }

    /// Keeps the list of image version `version`. A file that is there is never overwritten.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn keep(
        &self,
        arm: &Arm,
        version: &ResourceId,
        list: Bytes,
    ) -> Result<BlobRef, NotKept> {
        if list.len() > LARGEST {
            return Err(NotKept::TooLarge);
        }
        let account = self.account(arm, version).await;
        let account = account.map_err(NotKept::Storage)?;
        let blob = self.blob(account, version);
        let blob = blob.ok_or_else(|| NotKept::NoVersion(version.clone()))?;
        let written = write_new(&arm.client, &blob, list, MEDIA_TYPE).await;
        let in_words = blob.to_string();
        match written.map_err(NotKept::Storage)? {
            Written::There => Ok(blob),
            Written::Taken => Err(NotKept::Taken { blob: in_words }),
            Written::Unread(failure) => Err(NotKept::Unread {
                blob: in_words,
                failure: *failure,
            }),
        }
    }

    /// The list of the version `id`, which Azure describes as `version`. That of a copy may be kept under the version that it is a copy of.
    pub(super) async fn read(
        &self,
        arm: &Arm,
        id: &ResourceId,
        version: &Version,
    ) -> Result<KeptList, NotRead> {
        let account = self.account(arm, id).await?;
        let source: Option<ResourceId> = version.tag(COPIED_FROM).and_then(|id| id.parse().ok());
        let mut first = None;
        for place in [Some(id), source.as_ref()].into_iter().flatten() {
            let Some(blob) = self.blob(account, place) else {
                continue;
            };
            let in_words = || blob.to_string();
            match download(&arm.client, &blob, LARGEST).await? {
                Download::Missing => first = first.or_else(|| Some(in_words())),
                Download::TooLarge => {
                    return Err(NotRead::NoList(Unread::TooLarge { blob: in_words() }));
                }
                Download::Whole(bytes) => {
                    let inventory = read(&bytes).map_err(|reason| {
                        NotRead::NoList(Unread::NoInventory {
                            blob: in_words(),
                            reason,
                        })
                    })?;
                    let sum = Sha256::of(&bytes).to_string();
                    let tag = version.tag(INVENTORY_SHA256).map(str::trim);
                    let other = tag.filter(|tag| !tag.eq_ignore_ascii_case(&sum));
                    let other_sum = other.map(|tag| OtherSum {
                        blob: in_words(),
                        tag: tag.to_owned(),
                        sum: sum.clone(),
                    });
                    return Ok(KeptList {
                        inventory,
                        other_sum,
                    });
                }
            }
        }
        let blob = first.unwrap_or_default();
        Err(NotRead::NoList(Unread::Missing { blob }))
    }

    /// Where the list of a version is. A name that is no blob's has none.
    fn blob(&self, account: &StorageAccount, version: &ResourceId) -> Option<BlobRef> {
        let name = blob_name(version)?;
        account.blob(self.container, &name).ok()
    }

    async fn account(
        &self,
        arm: &Arm,
        version: &ResourceId,
    ) -> Result<&StorageAccount, StorageFailure> {
        let find = async || match self.account {
            Account::InGroup(name, group) => find_account(arm, group, name).await,
            Account::InSubscription(name, subscription) => {
                find_account_in(arm, subscription, &version.group(), name).await
            }
        };
        let found = self.found.get_or_init(find).await;
        found.as_ref().map_err(Clone::clone)
    }
}

/// The blob in which the list of image version `version` is kept: subscription, gallery, definition and number, in lower case. Nothing for an id
/// that is none of an image version.
fn blob_name(version: &ResourceId) -> Option<String> {
    let gallery = version.name_at(0)?;
    let (definition, number) = (version.name_at(1)?, version.name_at(2)?);
    let name = format!(
        "{}/{gallery}/{definition}/{number}.cdx.json",
        version.subscription()
    );
    Some(name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_under_the_name_of_its_version() {
        let id = "/subscriptions/0000-AA/resourceGroups/Rg/providers/Microsoft.Compute/galleries/galContoso/images/Win11-AVD/versions/1.0.2609402";
        let id: ResourceId = id.parse().unwrap();
        let expected = "0000-aa/galcontoso/win11-avd/1.0.2609402.cdx.json";
        assert_eq!(blob_name(&id).as_deref(), Some(expected));
        assert_eq!(id.parent().and_then(|id| blob_name(&id)), None);
    }
}
