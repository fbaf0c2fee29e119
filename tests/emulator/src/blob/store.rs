//! What the service keeps, all of it in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use time::OffsetDateTime;

use super::format::md5_base64;

/// A container and its blobs by name.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) etag: String,
    pub(super) modified: OffsetDateTime,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) blobs: BTreeMap<String, Blob>,
}

/// A blob: its contents as far as committed, and blocks that wait to be committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Blob {
    pub(super) committed: Option<Committed>,
    /// By block id (base64).
    pub(super) uncommitted: BTreeMap<String, Bytes>,
}

/// The readable state of a blob.
#[derive(Debug, Clone)]
pub(super) struct Committed {
    pub(super) content: Bytes,
    /// Id and length of each block, in order; empty after Put Blob.
    pub(super) blocks: Vec<(String, usize)>,
    pub(super) properties: Properties,
    pub(super) etag: String,
    pub(super) modified: OffsetDateTime,
    pub(super) created: OffsetDateTime,
}

/// What a client may say about a blob.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties {
    pub(super) content_type: String,
    pub(super) encoding: String,
    pub(super) language: String,
    pub(super) md5: String,
    pub(super) cache_control: String,
    pub(super) disposition: String,
    pub(super) metadata: Vec<(String, String)>,
}

impl Properties {
    /// Reads the `x-ms-blob-*` headers. With `standard_too` the standard header counts where the special one is missing, as in Put Blob.
    pub(super) fn read(headers: &HeaderMap, standard_too: bool) -> Self {
        let get = |name: &str, standard: &str| {
            let special = text(headers, name);
            let value = if special.is_empty() && standard_too {
                text(headers, standard)
            } else {
                special
            };
            value.to_owned()
        };
        let content_type = get("x-ms-blob-content-type", "content-type");
        Self {
            content_type: if content_type.is_empty() {
                "application/octet-stream".to_owned()
            } else {
                content_type
            },
            encoding: get("x-ms-blob-content-encoding", "content-encoding"),
            language: get("x-ms-blob-content-language", "content-language"),
            md5: text(headers, "x-ms-blob-content-md5").to_owned(),
            cache_control: get("x-ms-blob-cache-control", "cache-control"),
            disposition: text(headers, "x-ms-blob-content-disposition").to_owned(),
            metadata: metadata(headers),
        }
    }
}

impl Committed {
    /// A blob written as a whole.
    pub(super) fn whole(
        content: Bytes,
        mut properties: Properties,
        etag: String,
        now: OffsetDateTime,
    ) -> Self {
        properties.md5 = md5_base64(&content);
        Self {
            content,
            blocks: Vec::new(),
            properties,
            etag,
            modified: now,
            created: now,
        }
    }

    /// The contents of a committed block.
    pub(super) fn block(&self, id: &str) -> Option<Bytes> {
        let mut start = 0;
        for (known, length) in &self.blocks {
            if known == id {
                return self
                    .content
                    .get(start..start + length)
                    .map(Bytes::copy_from_slice);
            }
            start += length;
        }
        None
    }
}

impl Container {
    pub(super) fn new(etag: String, metadata: Vec<(String, String)>, now: OffsetDateTime) -> Self {
        Self {
            etag,
            modified: now,
            metadata,
            blobs: BTreeMap::new(),
        }
    }

    pub(super) fn committed(&self, blob: &str) -> Option<&Committed> {
        self.blobs.get(blob)?.committed.as_ref()
    }
}

/// The `x-ms-meta-*` headers without their prefix.
pub(super) fn metadata(headers: &HeaderMap) -> Vec<(String, String)> {
    let named = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let name = name.as_str().strip_prefix("x-ms-meta-")?;
        Some((name.to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(named).collect()
}

/// A header's text; empty when it is missing or no text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
