//! Small files in storage: read as a whole, and written once, never over another one.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use super::blob::{BlobRef, create_container, storage_call};
use super::failure::{Operation, StorageFailure};
use super::reading::{Access, read_piece};
use crate::arm::retry::Repeat;
use crate::arm::{Client, Failure};

/// What is read of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Download {
    /// All of it.
    Whole(Vec<u8>),
    /// There is no such blob, or no such container.
    Missing,
    /// It is larger than was asked for.
    TooLarge,
}

/// Reads `blob` by the service connection's own token, unless it has more than `limit` bytes.
///
/// # Errors
/// Storage refuses, or cannot be reached.
pub async fn download(
    client: &Client,
    blob: &BlobRef,
    limit: usize,
) -> Result<Download, StorageFailure> {
    let mut read = Vec::new();
    loop {
        let from = u64::try_from(read.len()).unwrap_or(u64::MAX);
        let piece = match read_piece(client, blob, from, &Access::token()).await {
            Ok(piece) => piece,
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(Download::Missing),
            Err(failure) => {
                let account = blob.account();
                return Err(StorageFailure::refused(
                    Operation::Reading,
                    failure,
                    account,
                ));
            }
        };
        if read.len() + piece.bytes.len() > limit {
            return Ok(Download::TooLarge);
        }
        read.extend_from_slice(&piece.bytes);
        if !piece.more {
            return Ok(Download::Whole(read));
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::reading::PIECE;
    use crate::storage::testing::{Answer, Scripted, account};

    fn blob() -> BlobRef {
        account()
            .blob("inventory", "s/gal/web/1.0.0.cdx.json")
            .unwrap()
    }

    /// A server that gives pieces as they are asked for.
    fn server(whole: Vec<u8>) -> Scripted {
        Scripted::new(move |asked| {
            let range = asked.header("x-ms-range").strip_prefix("bytes=").unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            match whole.get(from..) {
                Some([]) | None => Answer::Refusal(416, "InvalidRange"),
                Some(rest) => {
                    let piece = &rest[..rest.len().min(to + 1 - from)];
                    Answer::Status(206, String::from_utf8(piece.to_vec()).unwrap())
                }
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_blob_is_read_piece_by_piece_up_to_the_limit() {
        let piece = usize::try_from(PIECE).unwrap();
        for length in [0, 1, piece - 1, piece, piece + 1, 2 * piece] {
            let whole = vec![b'a'; length];
            let network = server(whole.clone());
            let read = download(&network.client(), &blob(), 2 * piece).await;
            assert_eq!(read, Ok(Download::Whole(whole)), "{length}");
        }
        let network = server(vec![b'a'; 5 * piece]);
        let read = download(&network.client(), &blob(), 2 * piece).await;
        assert_eq!(read, Ok(Download::TooLarge));
        // Nothing is asked for behind the limit.
        assert_eq!(network.asked().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blob_that_is_not_there_is_no_failure_and_a_refusal_has_its_role() {
        for code in ["BlobNotFound", "ContainerNotFound"] {
            let network = Scripted::in_turn(vec![Answer::Refusal(404, code)]);
            let read = download(&network.client(), &blob(), 10).await;
            assert_eq!(read, Ok(Download::Missing));
        }
        let refusal = Answer::Refusal(403, "AuthorizationPermissionMismatch");
        let network = Scripted::in_turn(vec![refusal]);
        let failure = download(&network.client(), &blob(), 10).await.unwrap_err();
        assert_eq!(failure.code(), "AIB874");
        let hint = failure.hint().unwrap();
        assert!(
            hint.contains("--role \"Storage Blob Data Reader\""),
            "{hint}"
        );
    }
}
