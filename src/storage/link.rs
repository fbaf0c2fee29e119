//! A link by which the build VM reads one blob: a user delegation SAS, so no account key is needed, and an account may refuse keys.
//!
//! Format: <https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas>.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use ring::hmac;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::blob::{BlobRef, PART, PATH, VERSION, encode, storage_call};
use super::failure::{Operation, StorageFailure};
use crate::arm::refusal::xml_element;
use crate::arm::{Cause, Client, Failure};
use crate::secret::Secret;

/// A user delegation key, and so the link, lives no longer
/// (<https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key>).
pub const LONGEST_LIFE: Duration = Duration::days(7);
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// What a link permits, in the order that storage asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkPermission {
    /// Reading.
    Read,
    /// Reading, appending, creating, writing: what a run command needs of the blob that it writes its output to.
    Append,
}

impl LinkPermission {
    fn letters(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Append => "racw",
        }
    }
}

/// A link to a blob. Who knows it can read the blob.
#[derive(Debug, Clone)]
pub struct ReadLink {
    /// The whole address.
    pub url: Secret,
}

/// A key of Microsoft Entra ID's caller for signing links, as the service describes it.
struct DelegationKey {
    object_id: String,
    tenant_id: String,
    start: String,
    expiry: String,
    service: String,
    version: String,
    value: Secret,
}

/// Asks for a key and signs a link to `blob` with it, for HTTPS only.
///
/// `valid_from` should be some minutes ago, because clocks differ; the life may not exceed [`LONGEST_LIFE`].
pub(super) async fn read_link(
    client: &Client,
    blob: &BlobRef,
    valid_from: OffsetDateTime,
    valid_until: OffsetDateTime,
    rights: LinkPermission,
) -> Result<ReadLink, StorageFailure> {
    check_life(blob, valid_until - valid_from)?;
    let (from, until) = (timestamp(valid_from), timestamp(valid_until));
    let failed = |failure| StorageFailure::refused(Operation::Link, failure, blob.account());
    let key = delegation_key(client, blob, &from, &until)
        .await
        .map_err(failed)?;
    let signature = sign(&key, blob, (&from, &until), rights).ok_or_else(|| {
        let what = "the user delegation key is not base64";
        failed(unreadable(blob, what))
    })?;
    let query = query(&key, &signature, (&from, &until), rights);
    Ok(link(client, blob, &query, &signature))
}

/// Signs such a link with a key of the account: a service SAS
/// (<https://learn.microsoft.com/rest/api/storageservices/create-service-sas>). Nothing is sent.
pub(super) fn key_link(
    client: &Client,
    key: &Secret,
    blob: &BlobRef,
    valid_from: OffsetDateTime,
    valid_until: OffsetDateTime,
    rights: LinkPermission,
) -> Result<ReadLink, StorageFailure> {
    check_life(blob, valid_until - valid_from)?;
    let (from, until) = (timestamp(valid_from), timestamp(valid_until));
    let signature =
        hmac_of(key, &text_for_key(blob, (&from, &until), rights)).ok_or_else(|| {
            let failure = unreadable(blob, "the account's key is not base64");
            StorageFailure::refused(Operation::Link, failure, blob.account())
        })?;
    let parameters = [
        ("st", from.as_str()),
        ("se", &until),
        ("sp", rights.letters()),
        ("spr", "https"),
        ("sv", VERSION),
        ("sr", "b"),
        ("sig", &signature),
    ];
    let query = joined(&parameters);
    Ok(link(client, blob, &query, &signature))
}

fn check_life(blob: &BlobRef, life: Duration) -> Result<(), StorageFailure> {
    if life > Duration::ZERO && life <= LONGEST_LIFE {
        return Ok(());
    }
    Err(StorageFailure::LinkLife {
        blob: blob.to_string(),
        hours: life.whole_hours(),
    })
}

fn link(client: &Client, blob: &BlobRef, query: &str, signature: &str) -> ReadLink {
    // Masked in each form that someone may print: alone, encoded as we and as others encode it, and in the whole address.
    for form in [
        signature.to_owned(),
        encode(signature, PATH),
        encode(signature, PART),
    ] {
        drop(client.secret(form));
    }
    ReadLink {
        url: client.secret(format!("{}?{query}", blob.url())),
    }
}

fn doing(blob: &BlobRef) -> String {
    format!("Creating a read link to {blob}")
}

fn unreadable(blob: &BlobRef, what: &str) -> Failure {
    Failure::of(doing(blob), Cause::Unreadable(what.to_owned()))
}

async fn delegation_key(
    client: &Client,
    blob: &BlobRef,
    from: &str,
    until: &str,
) -> Result<DelegationKey, Failure> {
    let endpoint = &blob.account().blob_endpoint;
    let url = format!("{endpoint}?restype=service&comp=userdelegationkey");
    let mut call = storage_call(doing(blob), Method::POST, url)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    call.body = Bytes::from(format!(
        r#"<?xml version="1.0" encoding="utf-8"?><KeyInfo><Start>{from}</Start><Expiry>{until}</Expiry></KeyInfo>"#
    ));
    let response = client.send(&call).await?;
    let body = String::from_utf8_lossy(response.body());
    DelegationKey::read(client, &body).map_err(|missing| {
        let what = format!("the user delegation key has no {missing}");
        unreadable(blob, &what)
    })
}

impl DelegationKey {
    /// Reads the service's answer, or names the element that it lacks.
    fn read(client: &Client, body: &str) -> Result<Self, &'static str> {
        let element = |name| {
            xml_element(body, name)
                .filter(|text| !text.is_empty())
                .ok_or(name)
        };
        Ok(Self {
            value: client.secret(element("Value")?),
            object_id: element("SignedOid")?,
            tenant_id: element("SignedTid")?,
            start: element("SignedStart")?,
            expiry: element("SignedExpiry")?,
            service: element("SignedService")?,
            version: element("SignedVersion")?,
        })
    }
}

fn timestamp(time: OffsetDateTime) -> String {
    // Writing numbers to a string does not fail; an empty time would be refused by the service, not misread.
    time.to_offset(UtcOffset::UTC)
        .format(TIME)
        .unwrap_or_default()
}

/// The signature, in base64; `None` if the key is not base64.
fn sign(
    key: &DelegationKey,
    blob: &BlobRef,
    times: (&str, &str),
    rights: LinkPermission,
) -> Option<String> {
    hmac_of(&key.value, &string_to_sign(key, blob, times, rights))
}

fn hmac_of(key: &Secret, text: &str) -> Option<String> {
    let key = BASE64_STANDARD.decode(key.reveal()).ok()?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    Some(BASE64_STANDARD.encode(tag))
}

/// The fields of a service SAS, of the same versions.
fn text_for_key(blob: &BlobRef, (from, until): (&str, &str), rights: LinkPermission) -> String {
    let fields = [
        rights.letters(),
        from,
        until,
        &resource(blob),
        "", // stored policy
        "", // addresses
        "https",
        VERSION,
        "b",
        "", // snapshot
        "", // encryption scope
        "", // Cache-Control
        "", // Content-Disposition
        "", // Content-Encoding
        "", // Content-Language
        "", // Content-Type
    ];
    fields.join("\n")
}

fn resource(blob: &BlobRef) -> String {
    format!(
        "/blob/{}/{}/{}",
        blob.account().name,
        blob.container(),
        blob.name()
    )
}

/// The fields of version 2020-12-06 up to 2025-05-05, in their order; those that the link does not use stay empty.
fn string_to_sign(
    key: &DelegationKey,
    blob: &BlobRef,
    (from, until): (&str, &str),
    rights: LinkPermission,
) -> String {
    let resource = resource(blob);
    let (permissions, protocol, kind) = (rights.letters(), "https", "b");
    let fields = [
        permissions,
        from,
        until,
        &resource,
        &key.object_id,
        &key.tenant_id,
        &key.start,
        &key.expiry,
        &key.service,
        &key.version,
        "", // authorized object
        "", // unauthorized object
        "", // correlation
        "", // addresses
        protocol,
        VERSION,
        kind,
        "", // snapshot
        "", // encryption scope
        "", // Cache-Control
        "", // Content-Disposition
        "", // Content-Encoding
        "", // Content-Language
        "", // Content-Type
    ];
    fields.join("\n")
}

/// The query of the link.
fn query(
    key: &DelegationKey,
    signature: &str,
    (from, until): (&str, &str),
    rights: LinkPermission,
) -> String {
    let parameters = [
        ("st", from),
        ("se", until),
        ("sp", rights.letters()),
        ("spr", "https"),
        ("sv", VERSION),
        ("sr", "b"),
        ("skoid", &key.object_id),
        ("sktid", &key.tenant_id),
        ("skt", &key.start),
        ("ske", &key.expiry),
        ("sks", &key.service),
        ("skv", &key.version),
        ("sig", signature),
    ];
    joined(&parameters)
}

fn joined(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value, PATH)))
        .collect();
    pairs.join("&")
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
