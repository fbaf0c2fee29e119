//! Where the list of an image version is kept, so that later versions are compared with it.

use crate::arm::Arm;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::storage::{self, BlobRef, Written};
use bytes::Bytes;

/// The tag of an image version with the SHA-256 of its list: 64 hexadecimal digits in lower case.
pub const SHA256_TAG: &str = "imageInventorySha256";
/// The tag of an image version with the address of its list, where it is kept.
pub const ADDRESS_TAG: &str = "imageInventory";
/// What a list is, for who downloads it.
const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The blob in which the list of image version `version` is kept: subscription, gallery, definition and number, in lower case. Nothing for an id
/// that is none of an image version.
pub fn blob_name(version: &ResourceId) -> Option<String> {
    let gallery = version.name_at(0)?;
    let (definition, number) = (version.name_at(1)?, version.name_at(2)?);
    let name = format!(
        "{}/{gallery}/{definition}/{number}.cdx.json",
        version.subscription()
    );
    Some(name.to_lowercase())
}

/// Where lists are kept.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// The resource group in which the account is looked for first.
    pub group: &'a ResourceGroupId,
    /// The storage account.
    pub account: &'a str,
    /// The container.
    pub container: &'a str,
}

impl Shelf<'_> {
    /// Keeps the list of image version `version`.
    ///
    /// # Errors
    /// Why it is not kept: storage refuses, or another file has its name, which stays.
    pub async fn keep(
        &self,
        arm: &Arm,
        version: &ResourceId,
        document: Bytes,
    ) -> Result<BlobRef, String> {
        let blob = self.blob(arm, version).await?;
        let written = storage::write_new(&arm.client, &blob, document, MEDIA_TYPE).await;
        match written {
            Ok(Written::There) => Ok(blob),
            Ok(Written::Taken) => Err(format!(
                "{blob} exists with other contents, and is not overwritten"
            )),
            Err(failure) => Err(failure.to_string()),
        }
    }

    /// Where the list of image version `version` is, if it is kept.
    ///
    /// # Errors
    /// The storage account was not found, or there is no such place.
    pub async fn blob(&self, arm: &Arm, version: &ResourceId) -> Result<BlobRef, String> {
        let account = storage::find_account(arm, self.group, self.account).await;
        let account = account.map_err(|failure| failure.to_string())?;
        let name = blob_name(version).ok_or_else(|| format!("{version} is no image version"))?;
        account
            .blob(self.container, &name)
            .map_err(|error| error.to_string())
    }
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
