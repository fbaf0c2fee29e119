//! By which credential the package is sent, and by which one it is read: no key and no signed link where it goes without them.

use std::time::Duration;

use time::OffsetDateTime;

use super::credential::Credential;
use super::{PackageUpload, Sent};
use crate::error::Error;
use crate::inputs::{PackageAccess, Plan, Provisioner};
use crate::resource::ResourceId;
use crate::run::event::Event;
use crate::secret::Secret;
use crate::storage::{self, BlobRef, CONTAINER, StorageFailure};
use crate::template::Address;

/// The package's link outlives the build's limit by this: provisioning comes before the limit begins to count.
const LINK_MARGIN: Duration = Duration::from_secs(60 * 60);
/// Storage refuses a link that begins in its future.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);
/// What the service's way to bring a file to Windows is made for
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#file-customizer>).
const MOST_BYTES_OF_FILE_CUSTOMIZER: u64 = 20_000_000;

impl PackageUpload<'_> {
    /// The credential that is tried first.
    pub(super) async fn first_credential(&self) -> Result<Credential, StorageFailure> {
        if self.package.access == PackageAccess::Key {
            Credential::key(self.arm, self.account).await
        } else {
            Ok(Credential::Token)
        }
    }

    /// A key in place of a role that is missing, where the author has not asked for another way and the key may be read. Without a key the missing
    /// role is what is reported.
    pub(super) async fn key_instead(&self, failure: &StorageFailure) -> Option<Credential> {
        if self.package.access != PackageAccess::Auto || !failure.is_a_missing_role() {
            return None;
        }
        let key = Credential::key(self.arm, self.account).await.ok()?;
        self.events.emit(Event::KeyInsteadOfRole {
            account: self.account.name.clone(),
            why: failure.to_string(),
            hint: failure.hint().unwrap_or_default(),
        });
        Some(key)
    }

    /// Where the build VM finds the package, with what it needs to read it.
    pub(super) async fn address(
        &self,
        plan: &Plan,
        sent: &Sent,
        credential: &Credential,
    ) -> Result<Address, Error> {
        let reader = match self.package.access {
            _ if matches!(credential, Credential::Key(_)) => None,
            PackageAccess::Identity => Some(reader(plan)),
            PackageAccess::Auto => self.reader_for_sure(plan, sent).await,
            PackageAccess::Sas | PackageAccess::Key => None,
        };
        if let Some(reader) = reader {
            self.events.emit(Event::ReadByIdentity {
                identity: reader.identity().name().to_owned(),
            });
            return Ok(reader.address(&sent.blob));
        }
        let life = plan.effective_build_timeout() + LINK_MARGIN;
        let link = self.link(&sent.blob, credential, life).await?;
        Ok(Address::Signed(link))
    }

    /// A link by which a VM reads the package for as long as `life`.
    pub(super) async fn link(
        &self,
        blob: &BlobRef,
        credential: &Credential,
        life: Duration,
    ) -> Result<Secret, Error> {
        let client = &self.arm.client;
        let now = OffsetDateTime::now_utc();
        let (from, until) = (now - CLOCKS_DIFFER, now + life);
        if let Credential::Key(key) = credential {
            return Ok(storage::key_link(client, key, blob, from, until)?.url);
        }
        let failure = match storage::read_link(client, blob, from, until).await {
            Ok(link) => return Ok(link.url),
            Err(failure) => failure,
        };
        match self.key_instead(&failure).await {
            Some(Credential::Key(key)) => {
                Ok(storage::key_link(client, &key, blob, from, until)?.url)
            }
            Some(Credential::Token) | None => Err(failure.into()),
        }
    }

    /// The reader, if it is known to have the role, and a link would be no quicker.
    async fn reader_for_sure(&self, plan: &Plan, sent: &Sent) -> Option<Reader> {
        let reader = reader(plan);
        let windows = plan.customization.provisioner == Provisioner::PowerShell;
        let by_service = matches!(reader, Reader::Service(_));
        let account = sent.blob.account();
        // With a link the VM reads by itself, through its own network.
        if by_service && windows && (sent.bytes > MOST_BYTES_OF_FILE_CUSTOMIZER || !account.is_open)
        {
            return None;
        }
        let container = format!("{}/blobServices/default/containers/{CONTAINER}", account.id);
        let reads = self.arm.reads_blobs(reader.identity(), &container).await;
        reads.unwrap_or(false).then_some(reader)
    }
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
