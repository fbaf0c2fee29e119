//! The lists that are kept of image versions: where they are, and what is read of them.

use tokio::sync::OnceCell;

use super::comparison::{Doubt, NotCompared};
use super::{Inventory, SHA256_TAG, blob_name, read};
use crate::arm::Arm;
use crate::arm::gallery::Version;
use crate::inputs::manifest::STORAGE_ACCOUNT_NAME;
use crate::inputs::release::COPIED_FROM;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::storage::{
    BlobRef, Download, Sha256, StorageAccount, download, find_account, find_account_in,
};

/// More than any list has: 32 MiB.
const LARGEST: usize = 32 << 20;

/// The container in which lists are kept.
#[derive(Debug)]
pub struct Library<'a> {
    account: Account<'a>,
    container: &'a str,
    found: OnceCell<StorageAccount>,
}

/// How the storage account is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Account<'a> {
    /// By its name, in this group first.
    InGroup(&'a str, &'a ResourceGroupId),
    /// By its name, in the group of the version first, then in this subscription.
    InSubscription(&'a str, &'a str),
    /// The author names none.
    Unknown,
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

/// What is kept of a version.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) inventory: Inventory,
    pub(super) doubt: Option<Doubt>,
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

    /// The list of the version `id`, which Azure describes as `version`. That of a copy may be kept under the version that it is a copy of.
    pub(super) async fn read(
        &self,
        arm: &Arm,
        id: &ResourceId,
        version: &Version,
    ) -> Result<Kept, NotCompared> {
        let account = self.account(arm, id).await?;
        let no_list = |why| NotCompared::NoList {
            version: id.clone(),
            why,
        };
        let source: Option<ResourceId> = version.tag(COPIED_FROM).and_then(|id| id.parse().ok());
        let mut first = None;
        for place in [Some(id), source.as_ref()].into_iter().flatten() {
            let Some(blob) = self.blob(account, place) else {
                continue;
            };
            let described = || blob.to_string();
            match download(&arm.client, &blob, LARGEST).await? {
                Download::Missing => first = first.or_else(|| Some(described())),
                Download::TooLarge => return Err(no_list(Unread::TooLarge { blob: described() })),
                Download::Whole(bytes) => {
                    let inventory = read(&bytes).map_err(|reason| {
                        no_list(Unread::NoInventory {
                            blob: described(),
                            reason,
                        })
                    })?;
                    let sum = Sha256::of(&bytes).to_string();
                    let tag = version.tag(SHA256_TAG).map(str::trim);
                    let other = tag.filter(|tag| !tag.eq_ignore_ascii_case(&sum));
                    let doubt = other.map(|tag| Doubt {
                        blob: described(),
                        tag: tag.to_owned(),
                        sum: sum.clone(),
                    });
                    return Ok(Kept { inventory, doubt });
                }
            }
        }
        let blob = first.unwrap_or_default();
        Err(no_list(Unread::Missing { blob }))
    }

    /// Where the list of a version is. A name that is no blob's has none.
    fn blob(&self, account: &StorageAccount, version: &ResourceId) -> Option<BlobRef> {
        let name = blob_name(version)?;
        account.blob(self.container, &name).ok()
    }

    async fn account(&self, arm: &Arm, id: &ResourceId) -> Result<&StorageAccount, NotCompared> {
        let find = async || match self.account {
            Account::InGroup(name, group) => Ok(find_account(arm, group, name).await?),
            Account::InSubscription(name, subscription) => {
                Ok(find_account_in(arm, subscription, &id.group(), name).await?)
            }
            Account::Unknown => Err(NotCompared::Nothing(format!(
                "no inventory is kept, because '{}' is empty",
                STORAGE_ACCOUNT_NAME.name
            ))),
        };
        self.found.get_or_try_init(find).await
    }
}
