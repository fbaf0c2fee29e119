//! Tests of the blob service through its one entrance.

mod access;
mod blocks;
mod listing;
mod operations;

use super::*;
use serde_json::json;
use time::{Duration, macros::datetime};

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
pub(super) const HOST: &str = "https://acct.blob.core.windows.net";
const ISSUER: &str = "https://sts.windows.net/tenant-1/";

/// The signing vectors, see `testdata/storage-signing/ORIGIN.md`.
pub(super) fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../../testdata/storage-signing/vectors.json")).unwrap()
}

/// A service with one account, and the headers that are sent with every request.
pub(super) struct Bench {
    pub(super) service: BlobService,
    pub(super) headers: Vec<(String, String)>,
    pub(super) now: OffsetDateTime,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(super) fn code(&self) -> (u16, &str) {
        (self.status, self.header("x-ms-error-code"))
    }

    /// The text of the first element with this name.
    pub(super) fn element(&self, name: &str) -> String {
        let document = roxmltree::Document::parse(&self.body).unwrap();
        let element = document.descendants().find(|node| node.has_tag_name(name));
        element
            .unwrap_or_else(|| panic!("no {name} in {}", self.body))
            .text()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A token for storage of the principal `object`.
pub(super) fn token(object: &str) -> String {
    let now = NOW.unix_timestamp();
    let claims = json!({"aud": "https://storage.azure.com", "iss": ISSUER, "tid": "tenant-1", "appid": "client-1", "oid": object,
        "nbf": now - 60, "exp": now + 3600});
    format!("Bearer {}", crate::tokens::encode(&claims))
}

impl Bench {
    /// Principals `writer`, `reader` and `delegator` have the role of their name; requests are the writer's.
    pub(super) fn new() -> Self {
        let mut settings = BlobSettings::new(ISSUER, "tenant-1");
        let roles = [
            ("writer", BlobRole::Contributor),
            ("reader", BlobRole::Reader),
            ("delegator", BlobRole::Delegator),
        ];
        let roles = roles
            .map(|(name, role)| (name.to_owned(), vec![role]))
            .into();
        let account = BlobAccount {
            key_base64: "a2V5".into(),
            allow_shared_key: true,
            roles,
        };
        settings.accounts.insert("acct".into(), account);
        let headers = [
            ("x-ms-version", "2025-05-05".to_owned()),
            ("authorization", token("writer")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Self {
            service: BlobService::new(settings),
            headers,
            now: NOW,
        }
    }

    /// A service with container `box`.
    pub(super) fn with_container() -> Self {
        let mut bench = Self::new();
        assert_eq!(
            bench.send("PUT", "/box?restype=container", &[], b"").status,
            201
        );
        bench
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.headers.push((name.into(), value.into()));
        }
    }

    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{HOST}{path}"))
            .header("content-length", body.len());
        let own = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let answer = self.service.answer(
            &request.body(Bytes::copy_from_slice(body)).unwrap(),
            self.now,
        );
        let (parts, body) = answer.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(super) fn put(&mut self, name: &str, content: &str) -> Answer {
        self.send(
            "PUT",
            &format!("/box/{name}"),
            &[("x-ms-blob-type", "BlockBlob")],
            content.as_bytes(),
        )
    }
}
