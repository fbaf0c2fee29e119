//! One blob: where it is, and the requests that write and remove it.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use futures::stream::{Stream, StreamExt as _, TryStreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::account::StorageAccount;
use super::package::Progress;
use crate::arm::retry::Repeat;
use crate::arm::{Call, Client, Failure};
use crate::resource::quoted;

/// What storage tokens are asked for, in every cloud.
const SCOPE: &str = "https://storage.azure.com/.default";
/// The protocol's version (<https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services>).
pub(super) const VERSION: &str = "2025-05-05";
const VERSION_HEADER: HeaderName = HeaderName::from_static("x-ms-version");
const DELETE_SNAPSHOTS: HeaderName = HeaderName::from_static("x-ms-delete-snapshots");
/// Enough to keep a line busy while one block waits for its answer, and 16 MiB of memory.
const BLOCKS_IN_FLIGHT: usize = 4;
/// A container's name stays taken for at least 30 s after it was deleted
/// (<https://learn.microsoft.com/rest/api/storageservices/delete-container>).
const CONTAINER_TRIES: u32 = 12;
const CONTAINER_PAUSE: Duration = Duration::from_secs(10);
/// No build waits longer for a proof that it can do without.
const LENGTH_PATIENCE: Duration = Duration::from_secs(10);

/// The address of a blob, which may not exist. It has no signature.
///
/// `BlobRef::new` is the only constructor, also for a text that someone else may have written, so that no address leads out of its container.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "WrittenBlob")]
pub struct BlobRef {
    account: StorageAccount,
    container: String,
    name: String,
    url: Url,
    #[serde(skip)]
    container_address: String,
}

/// A blob as it is written down; the parts need not fit together.
#[derive(Deserialize)]
struct WrittenBlob {
    account: StorageAccount,
    container: String,
    name: String,
    url: String,
}

impl TryFrom<WrittenBlob> for BlobRef {
    type Error = NotABlob;

    fn try_from(written: WrittenBlob) -> Result<Self, NotABlob> {
        let blob = Self::new(written.account, &written.container, &written.name)?;
        if blob.url.as_str() == written.url {
            Ok(blob)
        } else {
            Err(NotABlob(written.url))
        }
    }
}

/// A text that names no blob: in an address it would lead somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the name of a blob")]
pub struct NotABlob(String);

/// The same blob, whatever else is known of its account.
impl PartialEq for BlobRef {
    fn eq(&self, other: &Self) -> bool {
        let key = |blob: &Self| {
            let endpoint = blob.account.blob_endpoint.clone();
            (endpoint, blob.container.clone(), blob.name.clone())
        };
        self.account.name.eq_ignore_ascii_case(&other.account.name) && key(self) == key(other)
    }
}

impl Eq for BlobRef {}

impl fmt::Display for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "blob '{}' in container '{}' of storage account '{}'",
            self.name, self.container, self.account.name
        )
    }
}

impl BlobRef {
    /// The blob `name` in `container` of `account`, whether it exists or not.
    ///
    /// # Errors
    /// A part of the name between slashes is empty, `.` or `..`, which every HTTP client takes as a way up; there is a backslash or a control
    /// character in it; or `container` is no container's name.
    pub(super) fn new(
        account: StorageAccount,
        container: &str,
        name: &str,
    ) -> Result<Self, NotABlob> {
        let not_a_blob = || NotABlob(name.to_owned());
        let upwards = |part: &str| matches!(part, "" | "." | "..");
        let unsafe_char = |c: char| c == '\\' || c.is_control();
        if name.split('/').any(upwards) || name.contains(unsafe_char) {
            return Err(not_a_blob());
        }
        let container_address = container_address(&account, container)?;
        let text = format!("{container_address}/{}", encode(name, PATH));
        let url: Url = text.parse().map_err(|_| not_a_blob())?;
        if url.as_str() != text {
            return Err(not_a_blob());
        }
        Ok(Self {
            account,
            container: container.to_owned(),
            name: name.to_owned(),
            url,
            container_address,
        })
    }

    /// The account that the blob is in.
    pub fn account(&self) -> &StorageAccount {
        &self.account
    }

    /// The container's name.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The blob's name, with slashes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The blob's address, without a signature.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The command that removes the blob, with the caller's own sign-in (`login`) or a key of the account (`key`).
    pub fn removal_command(&self, mode: &str) -> String {
        format!(
            "az storage blob delete --auth-mode {mode} --account-name {} --container-name {} --name {}",
            quoted(&self.account.name),
            quoted(&self.container),
            quoted(&self.name)
        )
    }

    fn call(&self, doing: &str, method: Method, query: &str) -> Call {
        let url = format!("{}{query}", self.url);
        storage_call(format!("{doing} {self}"), method, url)
    }
}

/// The address of a container: letters and digits of ASCII, and hyphens, after a `$` those of the service's own
/// (<https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names>).
pub(super) fn container_address(
    account: &StorageAccount,
    container: &str,
) -> Result<String, NotABlob> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let word = container.strip_prefix('$').unwrap_or(container);
    if word.is_empty() || !word.chars().all(plain) {
        return Err(NotABlob(container.to_owned()));
    }
    let endpoint = account.blob_endpoint.as_str().trim_end_matches('/');
    Ok(format!("{endpoint}/{container}"))
}

/// Nothing that this module sends does harm when it is sent twice.
pub(super) fn storage_call(doing: String, method: Method, url: String) -> Call {
    Call::new(doing, method, url, SCOPE)
        .header(VERSION_HEADER, HeaderValue::from_static(VERSION))
        .repeated(Repeat::Always)
}

/// Creates the blob's container unless it exists.
///
/// Who has a role on the container alone may not create it, and need not: that refusal is left to the first block, which tells whether
/// the container exists.
pub(super) async fn create_container(client: &Client, blob: &BlobRef) -> Result<(), Failure> {
    let url = &blob.container_address;
    let call = storage_call(
        format!(
            "Creating container '{}' in storage account '{}'",
            blob.container, blob.account.name
        ),
        Method::PUT,
        format!("{url}?restype=container"),
    );
    let mut tries = 0;
    loop {
        tries += 1;
        let Err(failure) = client.send(&call).await else {
            return Ok(());
        };
        match failure.refusal().map(|refusal| refusal.code.as_str()) {
            Some("ContainerAlreadyExists" | "AuthorizationPermissionMismatch") => return Ok(()),
            Some("ContainerBeingDeleted") if tries < CONTAINER_TRIES => {
                tokio::time::sleep(CONTAINER_PAUSE).await;
            }
            _ => return Err(failure),
        }
    }
}

/// Sends blocks, several at a time, and counts them in `progress`; returns how many there were. They are no blob before [`commit`].
pub async fn put_blocks(
    client: &Client,
    blob: &BlobRef,
    blocks: impl Stream<Item = Bytes>,
    ids: &BlockIds,
    progress: &Progress,
) -> Result<usize, Failure> {
    blocks
        .enumerate()
        .map(|(index, block)| async move {
            let id = encode(&ids.id(index), PART);
            let query = format!("?comp=block&blockid={id}");
            let mut call = blob.call("Uploading", Method::PUT, &query);
            call.body = block;
            client.send(&call).await?;
            progress.add_sent(call.body.len());
            Ok(())
        })
        .buffer_unordered(BLOCKS_IN_FLIGHT)
        .try_fold(0, |count, ()| async move { Ok(count + 1) })
        .await
}

/// The ids of a blob's blocks. All ids of a blob must have the same length
/// (<https://learn.microsoft.com/rest/api/storageservices/put-block>).
#[derive(Debug)]
pub struct BlockIds(String);

impl BlockIds {
    /// The ids of a blob that `run` writes beside others, or that is written once.
    pub fn of(run: Option<u128>) -> Self {
        Self(run.map_or_else(String::new, |run| format!("{run:020}-")))
    }

    fn id(&self, index: usize) -> String {
        BASE64_STANDARD.encode(format!("{}{index:09}", self.0))
    }
}

/// Makes the blob of its first `count` blocks, with the headers that `described` adds. A blob of that name that exists already stays as it is.
pub async fn commit(
    client: &Client,
    blob: &BlobRef,
    (count, ids): (usize, &BlockIds),
    described: impl FnOnce(Call) -> Call,
) -> Result<(), Failure> {
    let latest: Vec<_> = (0..count)
        .map(|index| format!("<Latest>{}</Latest>", ids.id(index)))
        .collect();
    let body = format!(
        r#"<?xml version="1.0" encoding="utf-8"?><BlockList>{}</BlockList>"#,
        latest.concat()
    );
    let call = blob
        .call("Completing", Method::PUT, "?comp=blocklist")
        .header(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    let mut call = described(call);
    call.body = Bytes::from(body);
    let careful = call
        .clone()
        .header(IF_NONE_MATCH, HeaderValue::from_static("*"))
        .repeated(Repeat::UnlessItMayHaveActed);
    match client.send(&careful).await {
        Ok(_) => Ok(()),
        // The answer was lost. If the blob exists now, it is ours, and the same list once more changes nothing.
        Err(failure) if failure.may_have_acted() => client.send(&call).await.map(drop),
        Err(failure) => Err(failure),
    }
}

/// The blob's length in storage, if storage tells it. Asked once: an answer proves something, none does not. Zero is what a server tells that
/// looks at its own empty answer; no archive is empty.
pub(super) async fn length(client: &Client, blob: &BlobRef) -> Option<u64> {
    let call = blob
        .call("Looking for", Method::HEAD, "")
        .repeated(Repeat::Never);
    let sent = tokio::time::timeout(LENGTH_PATIENCE, client.send(&call)).await;
    let answer = sent.ok()?.ok()?;
    let length = answer.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
    length.parse().ok().filter(|length| *length > 0)
}

/// Deletes the blob; `false` if there is none.
pub(super) async fn delete(client: &Client, blob: &BlobRef) -> Result<bool, Failure> {
    delete_unless_changed(client, blob, None).await
}

/// Deletes the blob unless someone has changed it after `written`; `false` if it is not there, or was changed.
pub(super) async fn delete_unless_changed(
    client: &Client,
    blob: &BlobRef,
    written: Option<OffsetDateTime>,
) -> Result<bool, Failure> {
    let mut call = blob
        .call("Deleting", Method::DELETE, "")
        .header(DELETE_SNAPSHOTS, HeaderValue::from_static("include"));
    if let Some(date) = written.and_then(http_date) {
        call = call.header(IF_UNMODIFIED_SINCE, date);
    }
    // A lease is refused with the same status.
    let changed = |failure: &Failure| {
        let refusal = failure.refusal();
        refusal.is_some_and(|refusal| refusal.code == "ConditionNotMet")
    };
    match client.send(&call).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.is(StatusCode::NOT_FOUND) || changed(&failure) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// A time as a header has it.
fn http_date(time: OffsetDateTime) -> Option<HeaderValue> {
    // Headers have no time before 1970.
    let time = SystemTime::from(time).max(SystemTime::UNIX_EPOCH);
    HeaderValue::from_str(&httpdate::fmt_http_date(time)).ok()
}

/// What stands in one part of an address: everything but the characters that need it nowhere (RFC 3986 "unreserved") is encoded.
pub(super) const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same for several parts with slashes between them.
pub(super) const PATH: &AsciiSet = &PART.remove(b'/');

/// `text` as it stands in an address.
pub(super) fn encode(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
#[path = "blob_tests.rs"]
mod tests;
