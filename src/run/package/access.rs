//! By which credential the package is sent, and by which one it is read: no key and no signed link where it goes without them.

use std::time::Duration;

use time::OffsetDateTime;

use crate::arm::{Arm, Client};
use crate::error::Error;
use crate::inputs::{Package, PackageAccess, Plan, Provisioner};
use crate::resource::ResourceId;
use crate::run::event::{Event, Events};
use crate::secret::Secret;
use crate::storage::{self, BlobRef, CONTAINER, StorageAccount, StorageFailure};
use crate::template::Address;

/// The package's link outlives the build's limit by this: provisioning comes before the limit begins to count.
const LINK_MARGIN: Duration = Duration::from_secs(60 * 60);
/// Storage refuses a link that begins in its future.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);
/// What the service's way to bring a file to Windows is made for
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#file-customizer>).
const MOST_BYTES_OF_FILE_CUSTOMIZER: u64 = 20_000_000;

/// What the request that writes the package is authorized by.
pub(super) enum Credential {
    /// By the service connection's own token.
    Token,
    /// By a key of the account.
    Key(Secret),
}

impl Credential {
    /// The credential that is tried first.
    pub(super) async fn to_begin_with(
        package: &Package,
        arm: &Arm,
        account: &StorageAccount,
    ) -> Result<Self, Error> {
        if package.access == PackageAccess::Key {
            Ok(Self::Key(key(arm, account).await?))
        } else {
            Ok(Self::Token)
        }
    }

    pub(super) fn client(&self, arm: &Arm, account: &StorageAccount) -> Client {
        match self {
            Self::Token => arm.client.clone(),
            Self::Key(key) => storage::with_key(&arm.client, account, key.clone()),
        }
    }
}

async fn key(arm: &Arm, account: &StorageAccount) -> Result<Secret, StorageFailure> {
    if !account.takes_keys {
        return Err(StorageFailure::TakesNoKeys {
            account: Box::new(account.clone()),
        });
    }
    let key = arm.storage_account_key(account).await;
    key.map_err(|failure| StorageFailure::no_key(failure, account))
}

/// A key in place of a role that is missing, where nobody has asked for another way and the key may be read. That is told; without a key the
/// missing role is what is reported.
pub(super) async fn key_instead(
    package: &Package,
    arm: &Arm,
    account: &StorageAccount,
    failure: &StorageFailure,
    events: &dyn Events,
) -> Option<Secret> {
    if package.access != PackageAccess::Auto || !failure.is_a_missing_role() {
        return None;
    }
    let key = key(arm, account).await.ok()?;
    events.emit(Event::KeyInsteadOfRole {
        account: account.name.clone(),
        why: failure.to_string(),
        hint: failure.hint().unwrap_or_default(),
    });
    Some(key)
}

/// Where the build VM finds the package, with what it needs to read it. `bytes` is the archive's length.
pub(super) async fn address(
    plan: &Plan,
    package: &Package,
    arm: &Arm,
    (blob, bytes): (&BlobRef, u64),
    credential: &Credential,
    events: &dyn Events,
) -> Result<Address, Error> {
    let reader = match package.access {
        _ if matches!(credential, Credential::Key(_)) => None,
        PackageAccess::Identity => Some(reader(plan)),
        PackageAccess::Auto => reader_for_sure(plan, arm, (blob, bytes)).await,
        PackageAccess::Sas | PackageAccess::Key => None,
    };
    if let Some(reader) = reader {
        events.emit(Event::ReadByIdentity {
            identity: reader.identity().name().to_owned(),
        });
        return Ok(reader.address(blob));
    }
    let life = plan.effective_build_timeout() + LINK_MARGIN;
    let link = link(package, arm, blob, credential, life, events).await?;
    Ok(Address::Signed(link))
}

/// A link by which a VM reads the package for as long as `life`.
pub(super) async fn link(
    package: &Package,
    arm: &Arm,
    blob: &BlobRef,
    credential: &Credential,
    life: Duration,
    events: &dyn Events,
) -> Result<Secret, Error> {
    let now = OffsetDateTime::now_utc();
    let (from, until) = (now - CLOCKS_DIFFER, now + life);
    if let Credential::Key(key) = credential {
        return Ok(storage::key_link(&arm.client, key, blob, from, until)?.url);
    }
    let failure = match storage::read_link(&arm.client, blob, from, until).await {
        Ok(link) => return Ok(link.url),
        Err(failure) => failure,
    };
    let key = key_instead(package, arm, blob.account(), &failure, events).await;
    let key = key.ok_or(failure)?;
    Ok(storage::key_link(&arm.client, &key, blob, from, until)?.url)
}

/// Who reads the package without a link.
enum Reader {
    /// The service, as the identity of the template, when the template is submitted.
    Service(ResourceId),
    /// The build VM, as an identity of its own.
    Vm(ResourceId),
}

impl Reader {
    fn identity(&self) -> &ResourceId {
        match self {
            Self::Service(identity) | Self::Vm(identity) => identity,
        }
    }

    fn address(self, blob: &BlobRef) -> Address {
        let url = blob.url().to_string();
        match self {
            Self::Service(_) => Address::ForService(url),
            Self::Vm(identity) => Address::ForVm { url, identity },
        }
    }
}

/// On Linux the service brings every package. On Windows it would take long for a large one, so a VM with an identity fetches it itself.
fn reader(plan: &Plan) -> Reader {
    let of_vm = plan.vm_identities().into_iter().next();
    match (plan.customization.provisioner, of_vm) {
        (Provisioner::PowerShell, Some(identity)) => Reader::Vm(identity),
        (Provisioner::PowerShell, None) | (Provisioner::Shell, _) => {
            Reader::Service(plan.identity.clone())
        }
    }
}

/// The reader, if it is known to have the role, and a link would be no quicker.
async fn reader_for_sure(plan: &Plan, arm: &Arm, (blob, bytes): (&BlobRef, u64)) -> Option<Reader> {
    let reader = reader(plan);
    let windows = plan.customization.provisioner == Provisioner::PowerShell;
    let by_service = matches!(reader, Reader::Service(_));
    // With a link the VM reads by itself, through its own network.
    if by_service && windows && (bytes > MOST_BYTES_OF_FILE_CUSTOMIZER || !blob.account().is_open) {
        return None;
    }
    let container = format!(
        "{}/blobServices/default/containers/{CONTAINER}",
        blob.account().id
    );
    let reads = arm.reads_blobs(reader.identity(), &container).await;
    reads.unwrap_or(false).then_some(reader)
}
