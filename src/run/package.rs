//! Bringing the package to where the build VM reads it.

use std::time::Duration;

use time::OffsetDateTime;

use super::event::{Event, Events};
use super::leftover::{Leftover, Leftovers};
use crate::arm::Arm;
use crate::error::Error;
use crate::inputs::{ArchiveFormat, Package, Plan};
use crate::storage::{self, CONTAINER, Format, PackageSource, StorageAccount};
use crate::template::PackageLink;

/// The package's link outlives the build's limit by this: provisioning comes before the limit begins to count.
const LINK_MARGIN: Duration = Duration::from_secs(60 * 60);
/// Storage refuses a link that begins in its future.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);
/// Finds the storage account that the plan names.
pub(super) async fn find_account(
    plan: &Plan,
    package: &Package,
    arm: &Arm,
) -> Result<StorageAccount, Error> {
    let subscription = &plan.connection.subscription;
    let resource_manager = &plan.connection.cloud.resource_manager;
    let found = storage::find_account(
        &arm.client,
        resource_manager,
        &arm.scope,
        subscription,
        &plan.resource_group,
        &package.storage_account,
    );
    Ok(found.await?)
}

/// Brings the package to storage, and makes the link that the build VM reads it by.
pub(super) async fn upload(
    plan: &Plan,
    package: &Package,
    arm: &Arm,
    account: &StorageAccount,
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<PackageLink, Error> {
    let source = PackageSource {
        folder: package.folder.clone(),
        format: format(package.format),
        container: CONTAINER.to_owned(),
        blob_name: package.blob_name.clone(),
    };
    let blob = account.blob(CONTAINER, &package.blob_name);
    let leftover = Leftover::Blob(Box::new(blob.clone()));
    leftovers.register(leftover.clone());
    events.emit(Event::Packing {
        folder: source.folder.display().to_string(),
        blob: format!("{CONTAINER}/{}", package.blob_name),
    });
    let sent = match storage::upload(&arm.client, account, &source).await {
        Ok(sent) => sent,
        Err(failure) => {
            if failure.means_somebody_elses_blob() {
                leftovers.not_ours(&leftover);
            }
            return Err(failure.into());
        }
    };
    events.emit(Event::Packed {
        files: sent.archived.files,
        bytes_read: sent.archived.bytes_read,
        bytes_sent: sent.archived.bytes_written,
        elapsed: sent.elapsed,
    });
    let now = OffsetDateTime::now_utc();
    let until = now + plan.effective_build_timeout() + LINK_MARGIN;
    let link = storage::read_link(&arm.client, &blob, now - CLOCKS_DIFFER, until).await?;
    Ok(PackageLink { url: link.url })
}

fn format(format: ArchiveFormat) -> Format {
    match format {
        ArchiveFormat::TarGz => Format::TarGz,
        ArchiveFormat::Zip => Format::Zip,
    }
}
