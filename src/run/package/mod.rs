//! Bringing the package to where the build VM reads it.

mod access;
mod credential;
mod old_packages;

use std::convert::Infallible;
use std::time::Duration;

use super::event::{Event, Events, UploadProgress};
use super::leftover::Leftover;
use super::leftovers::Leftovers;
use crate::arm::Arm;
use crate::error::Error;
use crate::inputs::{ArchiveFormat, Origin, Package, Plan, Retention};
use crate::resource::ResourceGroupId;
use crate::secret::Secret;
use crate::storage::{
    self, BlobRef, CONTAINER, Format, PackageSource, Progress, Retained, RetainedArchive, Sha256,
    StorageAccount, StorageFailure, Survey,
};
use crate::template::PackageLink;
use credential::Credential;

/// From here on a package is worth a question.
const LARGE_BYTES: u64 = 1 << 30;

/// Finds the storage account that the plan names.
pub(super) async fn find_account(
    plan: &Plan,
    package: &Package,
    arm: &Arm,
) -> Result<StorageAccount, Error> {
    let group = ResourceGroupId::new(&plan.connection.subscription, &plan.resource_group);
    Ok(storage::find_account(arm, &group, &package.storage_account).await?)
}

/// The sum of the package's contents: the whole folder is read for it. The archive is none to compare by: how small the same files get differs
/// from processor to processor.
pub(super) async fn content(plan: &Plan) -> Result<Option<Sha256>, Error> {
    match &plan.package {
        Some(package) => Ok(Some(storage::content(&source(package, None)).await?)),
        None => Ok(None),
    }
}

/// The folder, and the blob that it goes to. With `content` the blob is retained for other runs, if the plan keeps it for them.
fn source(package: &Package, content: Option<Sha256>) -> PackageSource {
    let kept = content.zip(package.retention);
    let retained = kept.map(|(content, Retention { run, .. })| Retained { content, run });
    let name = |retained: &Retained| {
        storage::retained_name(&package.name, &retained.content, package.format.extension())
    };
    PackageSource {
        folder: package.folder.clone(),
        exclude: package.exclude.clone(),
        format: format(package.format),
        container: CONTAINER.to_owned(),
        blob_name: retained.as_ref().map_or(package.blob_name.clone(), name),
        retained,
    }
}

/// A package on its way.
pub struct PackageUpload<'a> {
    /// Whose it is.
    pub origin: &'a Origin,
    /// Whether an earlier attempt at the step may have left one.
    pub second_attempt: bool,
    /// The subscription whose templates may name packages.
    pub subscription: &'a str,
    /// What is sent.
    pub package: &'a Package,
    /// The way to Azure.
    pub arm: &'a Arm,
    /// Where it goes.
    pub account: &'a StorageAccount,
    /// Who listens.
    pub events: &'a dyn Events,
}

/// The archive in its blob.
struct Sent {
    blob: BlobRef,
    sha256: String,
    bytes: u64,
}

impl PackageUpload<'_> {
    /// Brings the package of `plan` to storage, unless it is there, and tells where the build VM reads it.
    pub(super) async fn upload(
        &self,
        plan: &Plan,
        content: Option<Sha256>,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<PackageLink, Error> {
        let (sent, credential) = self.bring_by_any_credential(content, leftovers).await?;
        let address = self.address(plan, &sent, &credential).await?;
        Ok(PackageLink {
            address,
            sha256: sent.sha256,
        })
    }

    /// Brings the package to storage for a VM that reads it by a link, which is valid for `life`. The sum of the archive is the second.
    pub async fn upload_for_link(
        &self,
        life: Duration,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<(Secret, String), Error> {
        let (sent, credential) = self.bring_by_any_credential(None, leftovers).await?;
        let link = self.link(&sent.blob, &credential, life).await?;
        Ok((link, sent.sha256))
    }

    /// Brings the package to storage: by the service connection's token or, where a role is missing, by a key of the account.
    async fn bring_by_any_credential(
        &self,
        content: Option<Sha256>,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<(Sent, Credential), Error> {
        let source = source(self.package, content);
        let survey = self.survey(&source).await?;
        let mut credential = self.first_credential().await?;
        let mut sent = self.bring(&source, survey, &credential, leftovers).await;
        if let Err(failure) = &sent
            && let Some(key) = self.key_instead(failure).await
        {
            credential = key;
            sent = self.bring(&source, survey, &credential, leftovers).await;
        }
        let sent = sent?;
        if self.second_attempt {
            self.delete_orphans(&credential).await;
        }
        if let Some(Retention { days, .. }) = self.package.retention {
            self.delete_unused(&credential, days).await;
        }
        Ok((sent, credential))
    }

    async fn survey(&self, source: &PackageSource) -> Result<Survey, StorageFailure> {
        let survey = storage::survey(source).await?;
        if survey.holds_git {
            self.events.emit(Event::RepositoryInPackage);
        }
        if survey.bytes > LARGE_BYTES {
            self.events.emit(Event::LargePackage {
                bytes: survey.bytes,
            });
        }
        Ok(survey)
    }

    /// Sends the package, unless it is there.
    async fn bring(
        &self,
        source: &PackageSource,
        survey: Survey,
        credential: &Credential,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Sent, StorageFailure> {
        if let Some(there) = self.find_retained(source, credential).await {
            return Ok(there);
        }
        match self.send(source, survey, credential, leftovers).await {
            // Another run has sent the same meanwhile; or it is something else, and the package goes to a blob of this run's own.
            Err(failure) if failure.means_somebody_elses_blob() && source.retained.is_some() => {
                if let Some(there) = self.find_retained(source, credential).await {
                    return Ok(there);
                }
                let own = self::source(self.package, None);
                self.send(&own, survey, credential, leftovers).await
            }
            sent => sent,
        }
    }

    /// The package of an earlier run, if there is one. That it cannot be looked for is no failure: what sends it tells the reason.
    ///
    /// What a blob says of itself is not believed: others may write to the container. The package is packed for its sum, and that sum is
    /// what the build VM compares with what it gets; so a planted archive is never unpacked.
    async fn find_retained(&self, source: &PackageSource, credential: &Credential) -> Option<Sent> {
        let retained = source.retained.as_ref()?;
        let client = credential.client(self.arm, self.account);
        let blob = self.account.blob(CONTAINER, &source.blob_name).ok()?;
        let said = storage::find_retained(&client, &blob, &retained.content).await;
        let said = said.ok()??;
        let ours = storage::packed(source).await.ok()?;
        let ours = RetainedArchive {
            sha256: ours.sha256.to_string(),
            length: ours.bytes_written,
        };
        let same = said == ours;
        let there = same
            && storage::record_use(&client, &blob, &retained.content, &ours)
                .await
                .ok()?;
        let RetainedArchive { sha256, length } = Some(ours).filter(|_| there)?;
        self.events.emit(Event::PackageReused {
            blob: format!("{CONTAINER}/{}", blob.name()),
            bytes: length,
        });
        Some(Sent {
            blob,
            sha256,
            bytes: length,
        })
    }

    /// Packs and sends. What comes to be and is not kept is registered before the request that makes it, with the way in which it can be
    /// removed.
    async fn send(
        &self,
        source: &PackageSource,
        survey: Survey,
        credential: &Credential,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Sent, StorageFailure> {
        let Self {
            arm,
            account,
            events,
            ..
        } = *self;
        events.emit(Event::Packing {
            folder: source.folder.display().to_string(),
            blob: format!("{CONTAINER}/{}", source.blob_name),
        });
        let blob = Box::new(account.blob(CONTAINER, &source.blob_name)?);
        let leftover = match credential {
            Credential::Token => Leftover::Blob(blob),
            Credential::Key(_) => Leftover::BlobByKey(blob),
        };
        let register = || {
            if source.retained.is_none() {
                leftovers.register(leftover.clone(), &self.origin.run);
            }
        };
        let client = credential.client(arm, account);
        let progress = Progress::default();
        let sent = tokio::select! {
            sent = storage::upload(&client, account, source, &progress, register) => sent,
            never = report(&progress, survey, events) => match never {},
        };
        let sent = sent.inspect_err(|failure| {
            if failure.means_somebody_elses_blob() || failure.is_a_missing_role() {
                leftovers.not_there(&leftover);
            }
        })?;
        events.emit(Event::Packed {
            files: sent.archived.files,
            bytes_read: sent.archived.bytes_read,
            bytes_sent: sent.archived.bytes_written,
            elapsed: sent.elapsed,
        });
        Ok(Sent {
            blob: sent.blob,
            sha256: sent.archived.sha256.to_string(),
            bytes: sent.archived.bytes_written,
        })
    }
}

fn format(format: ArchiveFormat) -> Format {
    match format {
        ArchiveFormat::TarGz => Format::TarGz,
        ArchiveFormat::Zip => Format::Zip,
    }
}

/// Below this a package is there before anybody wonders.
const WORTH_WATCHING_BYTES: u64 = 50_000_000;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Says again and again how far a package of some size has come, until it is dropped.
async fn report(progress: &Progress, survey: Survey, events: &dyn Events) -> Infallible {
    if survey.bytes < WORTH_WATCHING_BYTES {
        return std::future::pending().await;
    }
    let mut elapsed = Duration::ZERO;
    loop {
        tokio::time::sleep(PROGRESS_INTERVAL).await;
        elapsed += PROGRESS_INTERVAL;
        let (read, sent) = (progress.bytes_read(), progress.bytes_sent());
        events.emit(Event::Uploading(sending(read, sent, survey.bytes, elapsed)));
    }
}

/// What `read` of `all` bytes and `sent` bytes of the archive after `elapsed` say. The archive's length is known in the end only, so the rest
/// is reckoned from what was read.
fn sending(read: u64, sent: u64, all: u64, elapsed: Duration) -> UploadProgress {
    let read = read.min(all);
    let seconds = elapsed.as_secs().max(1);
    let remaining = (all - read).saturating_mul(seconds).checked_div(read);
    UploadProgress {
        percent: u8::try_from(u128::from(read) * 100 / u128::from(all.max(1))).unwrap_or(100),
        bytes_per_second: sent / seconds,
        remaining: remaining.map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_reckoned_from_what_was_read() {
        let check = |read: u64, sent: u64, expected: (u8, u64, Option<u64>)| {
            let progress = sending(read, sent, 1_000_000, Duration::from_secs(10));
            let remaining = progress.remaining.map(|rest| rest.as_secs());
            assert_eq!(
                (progress.percent, progress.bytes_per_second, remaining),
                expected
            );
        };
        check(0, 0, (0, 0, None));
        check(250_000, 50_000, (25, 5_000, Some(30)));
        check(1_000_000, 999, (100, 99, Some(0)));
        // A file that grew since it was counted.
        check(2_000_000, 1_000, (100, 100, Some(0)));
    }
}
