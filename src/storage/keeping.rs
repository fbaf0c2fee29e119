//! Small files that stay in storage: written once, never over another one.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use super::blob::{BlobRef, create_container, storage_call};
use super::download::{Download, download};
use super::failure::{Operation, StorageFailure};
use crate::arm::retry::Repeat;
use crate::arm::{Client, Failure};

const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");

/// What became of a file that was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is there, byte for byte, made now or by an earlier attempt.
    There,
    /// There is another one of its name, which stays.
    Taken,
    /// There is one of its name, which stays and cannot be read: whether it is the same is not known.
    Unread(Box<StorageFailure>),
}

/// Writes `content` to `blob`, unless there is a blob of that name; the container is made unless it exists
/// (<https://learn.microsoft.com/rest/api/storageservices/put-blob>).
///
/// # Errors
/// Storage refuses, or cannot be reached.
pub async fn write_new(
    client: &Client,
    blob: &BlobRef,
    content: Bytes,
    media_type: &'static str,
) -> Result<Written, StorageFailure> {
    let refused = |failure| StorageFailure::refused(Operation::Upload, failure, blob.account());
    create_container(client, blob).await.map_err(refused)?;
    let mut call = storage_call(
        format!("Uploading {blob}"),
        Method::PUT,
        blob.url().to_string(),
    )
    .header(BLOB_TYPE, HeaderValue::from_static("BlockBlob"))
    .header(CONTENT_TYPE, HeaderValue::from_static(media_type))
    .header(IF_NONE_MATCH, HeaderValue::from_static("*"))
    .repeated(Repeat::UnlessItMayHaveActed);
    call.body = content.clone();
    let is_there = |failure: &Failure| {
        failure.is(StatusCode::CONFLICT) || failure.is(StatusCode::PRECONDITION_FAILED)
    };
    let mut sent = client.send(&call).await;
    // The answer was lost. Sent once more it changes nothing: what is there is looked at.
    if sent.as_ref().is_err_and(Failure::may_have_acted) {
        sent = client.send(&call).await;
    }
    match sent {
        Ok(_) => Ok(Written::There),
        Err(failure) if is_there(&failure) => match download(client, blob, content.len()).await {
            Ok(Download::Whole(found)) if found == content => Ok(Written::There),
            Ok(Download::Whole(_) | Download::TooLarge) => Ok(Written::Taken),
            Ok(Download::Missing) => Err(refused(failure)),
            Err(failure) => Ok(Written::Unread(Box::new(failure))),
        },
        Err(failure) => Err(refused(failure)),
    }
}
