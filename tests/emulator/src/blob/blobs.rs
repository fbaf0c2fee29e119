//! Put Blob, Get Blob, Get Blob Properties, Delete Blob:
//! <https://learn.microsoft.com/rest/api/storageservices/operations-on-blobs>.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};

use super::conditions::{check_read, check_write};
use super::containers::{set_metadata, stamped};
use super::failure::{Failure, set};
use super::format::{http_date, md5_base64};
use super::store::{Blob, Committed, Properties, metadata, text};
use super::{Access, BlobService, Call};

/// The largest range of which the service computes a hash on demand.
const LARGEST_HASHED_RANGE: usize = 4 * 1024 * 1024;

impl Call<'_> {
    pub(super) fn blob_name(&self) -> &str {
        self.target.blob.as_deref().unwrap_or_default()
    }
}

impl BlobService {
    pub(super) fn put_blob(&mut self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let headers = call.request.headers();
        match text(headers, "x-ms-blob-type") {
            "BlockBlob" => {}
            "" => return Err(Failure::missing_header("x-ms-blob-type")),
            other @ ("PageBlob" | "AppendBlob") => {
                return Err(Failure::not_emulated(&format!("the blob type '{other}'")));
            }
            other => return Err(Failure::header_value("x-ms-blob-type", other)),
        }
        let content = call.request.body().clone();
        check_md5(headers, "content-md5", &content)?;
        check_md5(headers, "x-ms-blob-content-md5", &content)?;
        let etag = self.next_etag();
        let container = self.container_mut(call)?;
        let current = container.committed(call.blob_name());
        check_overwrite(&call.access, current)?;
        check_write(headers, current)?;
        let created = current.map_or(call.now, |current| current.created);
        let mut committed =
            Committed::whole(content, Properties::read(headers, true), etag, call.now);
        committed.created = created;
        let mut response = stamped(StatusCode::CREATED, &committed.etag, committed.modified);
        set(
            response.headers_mut(),
            HeaderName::from_static("content-md5"),
            &committed.properties.md5,
        );
        set(
            response.headers_mut(),
            HeaderName::from_static("x-ms-request-server-encrypted"),
            "true",
        );
        container.blobs.insert(
            call.blob_name().to_owned(),
            Blob {
                committed: Some(committed),
                uncommitted: BTreeMap::new(),
            },
        );
        Ok(response)
    }

    /// The readable blob that is addressed, if the request's conditions allow to read it.
    pub(super) fn readable(&self, call: &Call<'_>) -> Result<&Committed, Failure> {
        let blob = self
            .container(call)?
            .committed(call.blob_name())
            .ok_or_else(Failure::blob_not_found)?;
        check_read(call.request.headers(), blob)?;
        Ok(blob)
    }

    pub(super) fn get_blob(&self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let blob = self.readable(call)?;
        let headers = call.request.headers();
        let length = blob.content.len();
        let hashed = text(headers, "x-ms-range-get-content-md5").eq_ignore_ascii_case("true");
        let Some(range) = range(headers, length)? else {
            if hashed {
                return Err(Failure::bad(
                    "InvalidHeaderValue",
                    "x-ms-range-get-content-md5 needs a range.",
                ));
            }
            let mut response = described(blob, call);
            set(
                response.headers_mut(),
                HeaderName::from_static("content-md5"),
                &blob.properties.md5,
            );
            *response.body_mut() = blob.content.clone();
            return Ok(response);
        };
        let mut response = described(blob, call);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content = blob.content.slice(range.clone());
        let answer = response.headers_mut();
        set(
            answer,
            header::CONTENT_RANGE,
            &format!("bytes {}-{}/{length}", range.start, range.end - 1),
        );
        if !blob.properties.md5.is_empty() {
            set(
                answer,
                HeaderName::from_static("x-ms-blob-content-md5"),
                &blob.properties.md5,
            );
        }
        if hashed {
            if content.len() > LARGEST_HASHED_RANGE {
                return Err(Failure::bad(
                    "OutOfRangeInput",
                    "One of the request inputs is out of range.",
                ));
            }
            set(
                answer,
                HeaderName::from_static("content-md5"),
                &md5_base64(&content),
            );
        }
        *response.body_mut() = content;
        Ok(response)
    }

    pub(super) fn get_blob_properties(&self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let blob = self.readable(call)?;
        let mut response = described(blob, call);
        let headers = response.headers_mut();
        set(
            headers,
            header::CONTENT_LENGTH,
            &blob.content.len().to_string(),
        );
        set(
            headers,
            HeaderName::from_static("content-md5"),
            &blob.properties.md5,
        );
        set(headers, HeaderName::from_static("x-ms-access-tier"), "Hot");
        set(
            headers,
            HeaderName::from_static("x-ms-access-tier-inferred"),
            "true",
        );
        Ok(response)
    }

    /// Replaces the metadata as a whole; the blob counts as changed
    /// (<https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata>).
    pub(super) fn set_blob_metadata(
        &mut self,
        call: &Call<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        let etag = self.next_etag();
        let container = self.container_mut(call)?;
        let current = container.blobs.get_mut(call.blob_name());
        let current = current.and_then(|blob| blob.committed.as_mut());
        let current = current.ok_or_else(Failure::blob_not_found)?;
        check_write(call.request.headers(), Some(current))?;
        current.properties.metadata = metadata(call.request.headers());
        (current.etag, current.modified) = (etag, call.now);
        Ok(stamped(StatusCode::OK, &current.etag, current.modified))
    }

    pub(super) fn delete_blob(&mut self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let headers = call.request.headers();
        match text(headers, "x-ms-delete-snapshots") {
            "" | "include" => {}
            "only" => {
                return Err(Failure::not_emulated(
                    "the value 'only' of the header 'x-ms-delete-snapshots'",
                ));
            }
            other => return Err(Failure::header_value("x-ms-delete-snapshots", other)),
        }
        let container = self.container_mut(call)?;
        let current = container
            .committed(call.blob_name())
            .ok_or_else(Failure::blob_not_found)?;
        check_write(headers, Some(current))?;
        container.blobs.remove(call.blob_name());
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::ACCEPTED;
        set(
            response.headers_mut(),
            HeaderName::from_static("x-ms-delete-type-permanent"),
            "true",
        );
        Ok(response)
    }
}

/// A link that may create, but not write, does not overwrite.
fn check_overwrite(access: &Access, current: Option<&Committed>) -> Result<(), Failure> {
    match access {
        Access::Link { permissions } if current.is_some() && !permissions.contains('w') => {
            let message = "This request is not authorized to perform blob overwrites.";
            Err(Failure::new(
                StatusCode::FORBIDDEN,
                "UnauthorizedBlobOverwrite",
                message,
            ))
        }
        _ => Ok(()),
    }
}

/// Compares a hash that the client sent with the contents.
pub(super) fn check_md5(
    headers: &HeaderMap,
    name: &'static str,
    content: &[u8],
) -> Result<(), Failure> {
    let given = text(headers, name);
    if given.is_empty() {
        return Ok(());
    }
    if !STANDARD.decode(given).is_ok_and(|hash| hash.len() == 16) {
        let message = "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 encoded.";
        return Err(Failure::bad("InvalidMd5", message));
    }
    let computed = md5_base64(content);
    if given == computed {
        return Ok(());
    }
    let message = "The MD5 value specified in the request did not match with the MD5 value calculated by the server.";
    Err(Failure::bad("Md5Mismatch", message)
        .with("UserSpecifiedMd5", given)
        .with("ServerCalculatedMd5", computed))
}

/// The bytes that are asked for; `x-ms-range` wins over `Range`.
///
/// Only `bytes=a-b` and `bytes=a-` exist: <https://learn.microsoft.com/rest/api/storageservices/specifying-the-range-header-for-blob-service-operations>.
fn range(headers: &HeaderMap, length: usize) -> Result<Option<Range<usize>>, Failure> {
    let (name, value) = match (text(headers, "x-ms-range"), text(headers, "range")) {
        ("", "") => return Ok(None),
        ("", value) => ("Range", value),
        (value, _) => ("x-ms-range", value),
    };
    let malformed = || Failure::header_value(name, value);
    let (start, end) = value
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .ok_or_else(malformed)?;
    let start: usize = start.parse().map_err(|_| malformed())?;
    let last: usize = if end.is_empty() {
        usize::MAX
    } else {
        end.parse().map_err(|_| malformed())?
    };
    if last < start {
        return Err(malformed());
    }
    if start >= length {
        let message = "The range specified is invalid for the current size of the resource.";
        return Err(
            Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message)
                .header(header::CONTENT_RANGE, format!("bytes */{length}")),
        );
    }
    Ok(Some(start..length.min(last.saturating_add(1))))
}

/// An answer that describes a blob; a link may override some of the headers.
fn described(blob: &Committed, call: &Call<'_>) -> Response<Bytes> {
    let mut response = stamped(StatusCode::OK, &blob.etag, blob.modified);
    let headers = response.headers_mut();
    let properties = &blob.properties;
    let overridable = [
        (header::CONTENT_TYPE, &properties.content_type, "rsct"),
        (header::CONTENT_ENCODING, &properties.encoding, "rsce"),
        (header::CONTENT_LANGUAGE, &properties.language, "rscl"),
        (header::CACHE_CONTROL, &properties.cache_control, "rscc"),
        (header::CONTENT_DISPOSITION, &properties.disposition, "rscd"),
    ];
    for (name, own, parameter) in overridable {
        let value = call.target.parameter(parameter).unwrap_or(own);
        if !value.is_empty() {
            set(headers, name, value);
        }
    }
    set(headers, header::ACCEPT_RANGES, "bytes");
    for (name, value) in [
        ("x-ms-blob-type", "BlockBlob"),
        ("x-ms-lease-status", "unlocked"),
        ("x-ms-lease-state", "available"),
        ("x-ms-server-encrypted", "true"),
        ("x-ms-creation-time", &http_date(blob.created)),
    ] {
        set(headers, HeaderName::from_static(name), value);
    }
    set_metadata(headers, &properties.metadata);
    response
}
