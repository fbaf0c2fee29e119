//! The package: packed, brought to where the build VM can read it, linked, and removed again.
//!
//! The stages are apart: `walk` lists the folder, `zip` and `tar_gz` write an archive (`deflate` compresses pieces of it, `in_order` has all
//! cores do so), `blocks` cuts it, `blob` uploads.
//! Every request goes through [`Client::send`]. The clock is read for the date of a request that a key signs, and to tell how long the upload took.

mod account;
mod archive;
mod blob;
mod blocks;
mod checksum;
mod deflate;
mod digest;
mod failure;
mod in_order;
mod link;
mod package;
pub mod reading;
mod retained;
mod shared_key;
mod small_files;
mod source_file;
mod tar_gz;
#[cfg(test)]
mod testing;
mod walk;
mod zip;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::arm::Client;
use crate::secret::Secret;
use link::LinkPermission;
use package::Packing;
use shared_key::SharedKey;

pub use account::{StorageAccount, find_account, find_account_in};
pub use blob::{BlobRef, BlockIds, NotABlob, commit, put_blocks};
pub use blocks::{BLOCK_BYTES, BlockMemory};
pub use checksum::Sha256;
pub use failure::{
    CODE_ACCOUNT, CODE_DELETION, CODE_LINK, CODE_PACKAGE, CODE_READING, CODE_UPLOAD, Operation,
    StorageFailure,
};
pub use link::{LONGEST_LIFE, ReadLink};
pub use package::{Archived, Format, PackageFailure, PackageSource, Progress, Retained};
pub use retained::{RetainedArchive, delete_unused, find_retained, record_use, retained_name};
pub use small_files::{Download, Written, download, write_new};
pub use walk::Survey;

/// The container that packages go to: the one that `AzureImageBuilderTask@1` uses, so that a pipeline that moves finds its container.
pub const CONTAINER: &str = "imagebuilder-vststask";

/// A package that is in its blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where it is.
    pub blob: BlobRef,
    /// What it holds.
    pub archived: Archived,
    /// How long packing and uploading took.
    pub elapsed: Duration,
}

/// Counts what is about to be packed; nothing is read but folders.
pub async fn survey(package: &PackageSource) -> Result<Survey, StorageFailure> {
    let (folder, exclude) = (package.folder.clone(), package.exclude.clone());
    let counted = tokio::task::spawn_blocking(move || walk::survey(&folder, exclude)).await;
    // A thread without an answer was stopped together with the whole runtime.
    let counted = counted.unwrap_or(Err(PackageFailure::Abandoned));
    counted.map_err(|cause| StorageFailure::packing(package, cause))
}

/// The sum of what the package holds. The whole folder is read for it.
pub async fn content(package: &PackageSource) -> Result<Sha256, StorageFailure> {
    let source = package.clone();
    let sum = tokio::task::spawn_blocking(move || digest::sum(&source)).await;
    let sum = sum.unwrap_or(Err(PackageFailure::Abandoned));
    sum.map_err(|cause| StorageFailure::packing(package, cause))
}

/// What the package's archive is, without keeping it: the same files give the same archive.
pub async fn packed(package: &PackageSource) -> Result<Archived, StorageFailure> {
    let mut archiving = archive::start(packing(package, Progress::default()));
    archiving.blocks().for_each(|_| ready(())).await;
    let archived = archiving.finish().await;
    archived.map_err(|cause| StorageFailure::packing(package, cause))
}

fn packing(package: &PackageSource, progress: Progress) -> Packing {
    Packing {
        folder: package.folder.clone(),
        exclude: package.exclude.clone(),
        format: package.format,
        threads: in_order::threads(),
        progress,
    }
}

/// Packs and uploads a package at once: the first blocks are on their way while the rest is still being read.
///
/// `progress` counts meanwhile. `before_blob` is called before the one request that makes a blob of the blocks that were sent: before it, and
/// without it, there is none, and Azure removes the blocks after a week. May be dropped at any time.
pub async fn upload(
    client: &Client,
    account: &StorageAccount,
    package: &PackageSource,
    progress: &Progress,
    before_blob: impl FnOnce(),
) -> Result<Uploaded, StorageFailure> {
    let start = Instant::now();
    let blob = account.blob(&package.container, &package.blob_name)?;
    let refused = |failure| StorageFailure::refused(Operation::Upload, failure, account);
    let mut archiving = archive::start(packing(package, progress.clone()));
    blob::create_container(client, &blob)
        .await
        .map_err(refused)?;
    let run = package.retained.as_ref().map(|retained| retained.run);
    let ids = blob::BlockIds::of(run);
    let count = blob::put_blocks(client, &blob, archiving.blocks(), &ids, progress).await;
    let count = count.map_err(refused)?;
    let archived = archiving.finish().await;
    let archived = archived.map_err(|cause| StorageFailure::packing(package, cause))?;
    let sum = archived.sha256.to_string();
    let described = |call| match &package.retained {
        Some(retained) => retained::describe(call, &retained.content, &sum, archived.bytes_written),
        None => call,
    };
    before_blob();
    let committed = blob::commit(client, &blob, (count, &ids), described).await;
    committed.map_err(refused)?;
    let sent = archived.bytes_written;
    match blob::length(client, &blob).await {
        Some(stored) if stored != sent => {
            let blob = blob.to_string();
            Err(StorageFailure::Length { blob, sent, stored })
        }
        _ => Ok(Uploaded {
            blob,
            archived,
            elapsed: start.elapsed(),
        }),
    }
}

/// Makes a link that reads `blob` from `valid_from` (some minutes ago, because clocks differ) until `valid_until`, at most
/// [`LONGEST_LIFE`] later.
pub async fn read_link(
    client: &Client,
    blob: &BlobRef,
    valid_from: OffsetDateTime,
    valid_until: OffsetDateTime,
) -> Result<ReadLink, StorageFailure> {
    link::read_link(client, blob, valid_from, valid_until, LinkPermission::Read).await
}

/// A client that signs its requests to `account` with a key of it.
pub fn with_key(client: &Client, account: &StorageAccount, key: Secret) -> Client {
    client.signing(Arc::new(SharedKey::new(&account.name, key)))
}

/// As [`read_link`], signed with a key of the account: for a principal without the permission to get a user delegation key.
pub fn key_link(
    client: &Client,
    key: &Secret,
    blob: &BlobRef,
    valid_from: OffsetDateTime,
    valid_until: OffsetDateTime,
) -> Result<ReadLink, StorageFailure> {
    link::key_link(
        client,
        key,
        blob,
        valid_from,
        valid_until,
        LinkPermission::Read,
    )
}

/// Makes a link by which someone else creates `blob` and appends to it. It is signed with `key`, a key of the account, if there is one, and otherwise
/// with a user delegation key.
pub async fn append_link(
    client: &Client,
    key: Option<&Secret>,
    blob: &BlobRef,
    valid_from: OffsetDateTime,
    valid_until: OffsetDateTime,
) -> Result<ReadLink, StorageFailure> {
    match key {
        Some(key) => link::key_link(
            client,
            key,
            blob,
            valid_from,
            valid_until,
            LinkPermission::Append,
        ),
        None => {
            link::read_link(
                client,
                blob,
                valid_from,
                valid_until,
                LinkPermission::Append,
            )
            .await
        }
    }
}

/// Creates the container of `blob` unless it exists.
pub async fn create_container(client: &Client, blob: &BlobRef) -> Result<(), StorageFailure> {
    let refused = |failure| StorageFailure::refused(Operation::Upload, failure, blob.account());
    blob::create_container(client, blob).await.map_err(refused)
}

/// Deletes a blob, with its snapshots; `false` if it does not exist.
pub async fn delete(client: &Client, blob: &BlobRef) -> Result<bool, StorageFailure> {
    let refused = |failure| StorageFailure::refused(Operation::Deletion, failure, blob.account());
    blob::delete(client, blob).await.map_err(refused)
}

/// Deletes a blob, with its snapshots, unless it has changed after `written`. `false` if it does not exist, or has changed.
pub async fn delete_unless_changed(
    client: &Client,
    blob: &BlobRef,
    written: Option<OffsetDateTime>,
) -> Result<bool, StorageFailure> {
    let refused = |failure| StorageFailure::refused(Operation::Deletion, failure, blob.account());
    blob::delete_unless_changed(client, blob, written)
        .await
        .map_err(refused)
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
