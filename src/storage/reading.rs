//! Reading blobs of others: the logs that the service leaves in the staging account.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, StatusCode};
use time::OffsetDateTime;

use super::account::StorageAccount;
use super::blob::{BlobRef, PART, container_address, encode, storage_call};
use super::shared_key::SharedKey;
use crate::arm::refusal::xml_element;
use crate::arm::{Call, Cause, Client, Failure, Signer};
use crate::secret::Secret;

/// How much is asked for at once: few requests for a usual log, little memory for a long one.
pub const PIECE: u64 = 4 << 20;
const RANGE: HeaderName = HeaderName::from_static("x-ms-range");
/// More pages than the container of one build has.
const MOST_PAGES: usize = 20;

/// How a read is authorized.
#[derive(Debug, Clone)]
pub struct Access(Option<Arc<dyn Signer>>);

impl Access {
    /// By the service connection's own token.
    pub fn token() -> Self {
        Self(None)
    }

    /// By a key of the account.
    pub fn key(account: &StorageAccount, key: Secret) -> Self {
        Self(Some(Arc::new(SharedKey::new(&account.name, key))))
    }

    fn authorize(&self, mut call: Call) -> Call {
        call.expects_json = false;
        call.signer.clone_from(&self.0);
        call
    }
}

/// A blob as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the container.
    pub name: String,
    /// When it was last written; absent where the listing cannot be read.
    pub written: Option<OffsetDateTime>,
}

/// The blobs of `container` (<https://learn.microsoft.com/rest/api/storageservices/list-blobs>).
pub async fn list(
    client: &Client,
    account: &StorageAccount,
    container: &str,
    access: &Access,
) -> Result<Vec<Listed>, Failure> {
    let doing = format!(
        "Listing container '{container}' of storage account '{}'",
        account.name
    );
    let url = container_address(account, container)
        .map_err(|error| Failure::of(&doing, Cause::Unreadable(error.to_string())))?;
    let (mut found, mut marker) = (Vec::new(), String::new());
    for _ in 0..MOST_PAGES {
        let address = format!("{url}?restype=container&comp=list{marker}");
        let call = access.authorize(storage_call(doing.clone(), Method::GET, address));
        let answer = client.send(&call).await?;
        let body = String::from_utf8_lossy(answer.body());
        found.extend(body.split("<Blob>").skip(1).filter_map(listed));
        match xml_element(&body, "NextMarker").filter(|marker| !marker.is_empty()) {
            Some(next) => marker = format!("&marker={}", encode(&next, PART)),
            None => break,
        }
    }
    Ok(found)
}

fn listed(element: &str) -> Option<Listed> {
    let written = xml_element(element, "Last-Modified");
    Some(Listed {
        name: xml_element(element, "Name")?,
        written: written.and_then(|text| {
            httpdate::parse_http_date(&text)
                .ok()
                .map(OffsetDateTime::from)
        }),
    })
}

/// A piece of a blob.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Its bytes; none behind the end.
    pub bytes: Bytes,
    /// Whether there may be more behind it.
    pub more: bool,
}

/// Up to [`PIECE`] bytes of `blob` from `from` on.
pub async fn read_piece(
    client: &Client,
    blob: &BlobRef,
    from: u64,
    access: &Access,
) -> Result<Piece, Failure> {
    let range = format!("bytes={from}-{}", from + PIECE - 1);
    let mut call = storage_call(
        format!("Reading {blob}"),
        Method::GET,
        blob.url().to_string(),
    );
    if let Ok(range) = HeaderValue::from_str(&range) {
        call = call.header(RANGE, range);
    }
    let answer = match client.send(&access.authorize(call)).await {
        // The last piece was the last one.
        Err(failure) if failure.is(StatusCode::RANGE_NOT_SATISFIABLE) => {
            return Ok(Piece {
                bytes: Bytes::new(),
                more: false,
            });
        }
        answer => answer?,
    };
    let whole = answer.status() != StatusCode::PARTIAL_CONTENT;
    let bytes = answer.into_body();
    let full = u64::try_from(bytes.len()).is_ok_and(|length| length >= PIECE);
    Ok(Piece {
        bytes,
        more: full && !whole,
    })
}
