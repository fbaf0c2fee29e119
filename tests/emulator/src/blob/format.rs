//! How the service writes and reads times, hashes and XML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use ring::hmac;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const TICKS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
const MINUTES: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]Z");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// `Sun, 22 Nov 2026 00:00:00 GMT`
pub(super) fn http_date(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC)
        .format(HTTP_DATE)
        .unwrap_or_default()
}

pub(super) fn parse_http_date(text: &str) -> Option<OffsetDateTime> {
    PrimitiveDateTime::parse(text, HTTP_DATE)
        .ok()
        .map(PrimitiveDateTime::assume_utc)
}

/// `2026-11-22T00:00:00Z`
pub(super) fn iso_seconds(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC)
        .format(SECONDS)
        .unwrap_or_default()
}

/// `2026-11-22T00:00:00.0000000Z`
pub(super) fn iso_ticks(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC)
        .format(TICKS)
        .unwrap_or_default()
}

/// The forms of ISO 8601 that the service takes in a SAS:
/// <https://learn.microsoft.com/rest/api/storageservices/formatting-datetime-values>.
pub(super) fn parse_iso(text: &str) -> Option<OffsetDateTime> {
    let full = [SECONDS, TICKS, MINUTES]
        .iter()
        .find_map(|form| PrimitiveDateTime::parse(text, form).ok());
    let full = full.or_else(|| Date::parse(text, DAY).ok().map(Date::midnight));
    full.map(PrimitiveDateTime::assume_utc)
}

/// base64 of HMAC-SHA256 over `text` with a key that is itself base64.
pub(super) fn sign(key_base64: &str, text: &str) -> Option<String> {
    let key = STANDARD.decode(key_base64).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    Some(STANDARD.encode(hmac::sign(&key, text.as_bytes())))
}

/// base64 of the MD5 hash, the form of `Content-MD5`.
pub(super) fn md5_base64(content: &[u8]) -> String {
    STANDARD.encode(Md5::digest(content))
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// `<name>text</name>`, or the short form when there is no text.
pub(super) fn element(name: &str, text: &str) -> String {
    if text.is_empty() {
        format!("<{name} />")
    } else {
        format!("<{name}>{}</{name}>", escape(text))
    }
}

/// `<name>inner</name>`, or the short form when there is nothing inside; `inner` is XML already.
pub(super) fn wrapped(name: &str, inner: &str) -> String {
    if inner.is_empty() {
        format!("<{name} />")
    } else {
        format!("<{name}>{inner}</{name}>")
    }
}

/// The children of the root element `root` as (name, text).
pub(super) fn children(body: &[u8], root: &str) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let document = roxmltree::Document::parse(text.trim_start_matches('\u{feff}')).ok()?;
    let element = document.root_element();
    if element.tag_name().name() != root {
        return None;
    }
    let children = element.children().filter(roxmltree::Node::is_element);
    Some(
        children
            .map(|child| {
                (
                    child.tag_name().name().to_owned(),
                    child.text().unwrap_or_default().trim().to_owned(),
                )
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_have_the_forms_of_the_service() {
        let time = datetime!(2026-11-22 01:02:03 UTC);
        assert_eq!(http_date(time), "Sun, 22 Nov 2026 01:02:03 GMT");
        assert_eq!(parse_http_date("Sun, 22 Nov 2026 01:02:03 GMT"), Some(time));
        assert_eq!(iso_ticks(time), "2026-11-22T01:02:03.0000000Z");
        assert_eq!(
            iso_seconds(datetime!(2026-11-22 03:02:03 +2)),
            "2026-11-22T01:02:03Z"
        );
    }

    #[test]
    fn iso_times_are_read_in_four_forms() {
        for (text, expected) in [
            (
                "2026-11-22T01:02:03Z",
                Some(datetime!(2026-11-22 01:02:03 UTC)),
            ),
            (
                "2026-11-22T01:02:03.0000000Z",
                Some(datetime!(2026-11-22 01:02:03 UTC)),
            ),
            ("2026-11-22T01:02Z", Some(datetime!(2026-11-22 01:02 UTC))),
            ("2026-11-22", Some(datetime!(2026-11-22 00:00 UTC))),
            ("2026-11-22 01:02:03", None),
            ("tomorrow", None),
        ] {
            assert_eq!(parse_iso(text), expected, "{text}");
        }
    }

    #[test]
    fn xml_is_read_strictly_and_written_escaped() {
        let body = b"\xef\xbb\xbf<?xml version=\"1.0\"?><BlockList><Latest>YQ==</Latest> <Committed>Yg==</Committed></BlockList>";
        let expected = vec![
            ("Latest".to_owned(), "YQ==".to_owned()),
            ("Committed".to_owned(), "Yg==".to_owned()),
        ];
        assert_eq!(children(body, "BlockList"), Some(expected));
        assert_eq!(children(body, "KeyInfo"), None);
        assert_eq!(children(b"<BlockList>", "BlockList"), None);
        assert_eq!(element("Name", "a<b&c"), "<Name>a&lt;b&amp;c</Name>");
        assert_eq!(element("NextMarker", ""), "<NextMarker />");
    }
}
