//! Bringing the package to where the build VM reads it.

mod access;

use std::convert::Infallible;
use std::time::Duration;

use super::event::{Event, Events, Sending};
use super::leftover::{Leftover, Leftovers};
use crate::arm::Arm;
use crate::error::Error;
use crate::inputs::{ArchiveFormat, Package, Plan};
use crate::storage::{
    self, CONTAINER, Format, PackageSource, Progress, StorageAccount, StorageFailure, Survey,
    Uploaded,
};
use crate::template::PackageLink;
use access::Way;

/// The package's link outlives the build's limit by this: provisioning comes before the limit begins to count.
const LINK_MARGIN: Duration = Duration::from_secs(60 * 60);
/// Storage refuses a link that begins in its future.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);
/// Below this a package is there before anybody wonders.
const WORTH_WATCHING_BYTES: u64 = 50_000_000;
/// From here on a package is worth a question.
const LARGE_BYTES: u64 = 1 << 30;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

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
        exclude: package.exclude.clone(),
        format: format(package.format),
        container: CONTAINER.to_owned(),
        blob_name: package.blob_name.clone(),
    };
    let survey = storage::survey(&source).await?;
    if survey.holds_git {
        events.emit(Event::RepositoryInPackage);
    }
    if survey.bytes > LARGE_BYTES {
        events.emit(Event::LargePackage {
            bytes: survey.bytes,
        });
    }
    events.emit(Event::Packing {
        folder: source.folder.display().to_string(),
        blob: format!("{CONTAINER}/{}", package.blob_name),
    });
    let mut way = Way::first(plan, package, arm, account).await?;
    let mut sent = send(&source, survey, &way, arm, account, events, leftovers).await;
    if let Err(failure) = &sent {
        let key = access::key_instead(plan, package, arm, account, failure, events).await;
        if let Some(key) = key {
            way = Way::Key(key);
            sent = send(&source, survey, &way, arm, account, events, leftovers).await;
        }
    }
    let sent = sent?;
    events.emit(Event::Packed {
        files: sent.archived.files,
        bytes_read: sent.archived.bytes_read,
        bytes_sent: sent.archived.bytes_written,
        elapsed: sent.elapsed,
    });
    let blob = (&sent.blob, sent.archived.bytes_written);
    let address = access::address(plan, package, arm, blob, &way, events).await?;
    Ok(PackageLink {
        address,
        sha256: sent.archived.sha256.to_string(),
    })
}

/// Packs and sends. What may come to be is registered before, with the way in which it can be removed.
async fn send(
    source: &PackageSource,
    survey: Survey,
    way: &Way,
    arm: &Arm,
    account: &StorageAccount,
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<Uploaded, StorageFailure> {
    let blob = Box::new(account.blob(CONTAINER, &source.blob_name));
    let leftover = match way {
        Way::Token => Leftover::Blob(blob),
        Way::Key(_) => Leftover::BlobByKey(blob),
    };
    leftovers.register(leftover.clone());
    let client = way.client(arm, account);
    let progress = Progress::default();
    let sent = tokio::select! {
        sent = storage::upload(&client, account, source, &progress) => sent,
        never = tell_progress(&progress, survey, events) => match never {},
    };
    if let Err(failure) = &sent
        && (failure.means_somebody_elses_blob() || failure.is_a_missing_role())
    {
        leftovers.not_ours(&leftover);
    }
    sent
}

/// Tells again and again how far a package of some size has come, until it is dropped.
async fn tell_progress(progress: &Progress, survey: Survey, events: &dyn Events) -> Infallible {
    if survey.bytes < WORTH_WATCHING_BYTES {
        return std::future::pending().await;
    }
    let mut elapsed = Duration::ZERO;
    loop {
        tokio::time::sleep(PROGRESS_INTERVAL).await;
        elapsed += PROGRESS_INTERVAL;
        let (read, sent) = (progress.bytes_read(), progress.bytes_sent());
        events.emit(Event::Sending(sending(read, sent, survey.bytes, elapsed)));
    }
}

/// What `read` of `all` bytes and `sent` bytes of the archive after `elapsed` say. The archive's length is known in the end only, so the rest
/// is reckoned from what was read.
fn sending(read: u64, sent: u64, all: u64, elapsed: Duration) -> Sending {
    let read = read.min(all);
    let seconds = elapsed.as_secs().max(1);
    let remaining = (all - read).saturating_mul(seconds).checked_div(read);
    Sending {
        percent: u8::try_from(u128::from(read) * 100 / u128::from(all.max(1))).unwrap_or(100),
        bytes_per_second: sent / seconds,
        remaining: remaining.map(Duration::from_secs),
    }
}

fn format(format: ArchiveFormat) -> Format {
    match format {
        ArchiveFormat::TarGz => Format::TarGz,
        ArchiveFormat::Zip => Format::Zip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_reckoned_from_what_was_read() {
        let check = |read: u64, sent: u64, expected: (u8, u64, Option<u64>)| {
            let told = sending(read, sent, 1_000_000, Duration::from_secs(10));
            let remaining = told.remaining.map(|rest| rest.as_secs());
            assert_eq!((told.percent, told.bytes_per_second, remaining), expected);
        };
        check(0, 0, (0, 0, None));
        check(250_000, 50_000, (25, 5_000, Some(30)));
        check(1_000_000, 999, (100, 99, Some(0)));
        // A file that grew since it was counted.
        check(2_000_000, 1_000, (100, 100, Some(0)));
    }
}
