//! Error answers: Azure Resource Manager's, a resource provider's, storage's, or a gateway's.

mod policy;

use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

/// An error answer of Azure Resource Manager, of a resource provider, or of storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// Azure's code, such as `LinkedAuthorizationFailed`; the status' own text where the answer has none.
    pub code: String,
    /// Azure's text, nested details unfolded to the innermost.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Azure refused with {} ({}): {}",
            self.code,
            self.status.as_u16(),
            self.message
        )
    }
}

impl Refusal {
    /// Reads an error answer in any of its forms: JSON wrapped in `error`, flat JSON (image builder up to 2020-02-14), storage's XML, or anything else.
    pub fn from_response(response: &Response<Bytes>) -> Self {
        let status = response.status();
        let fallback = status.canonical_reason().unwrap_or("no reason").to_owned();
        let body = String::from_utf8_lossy(response.body());
        let (code, message) = json_error(&body)
            .or_else(|| xml_error(&body))
            .unwrap_or_else(|| (String::new(), first_line(&body)));
        let header = response
            .headers()
            .get("x-ms-error-code")
            .and_then(|value| value.to_str().ok());
        let code = if code.is_empty() {
            header.map_or(fallback, |code| cut(code, LONGEST_CODE))
        } else {
            code
        };
        let message = if message.is_empty() {
            "the answer has no text".to_owned()
        } else {
            message
        };
        Self {
            status,
            code,
            message,
        }
    }
}

fn json_error(body: &str) -> Option<(String, String)> {
    let value: Value = serde_json::from_str(body).ok()?;
    let error = value
        .get("error")
        .filter(|inner| inner.is_object())
        .unwrap_or(&value);
    let (code, message) = innermost(error)?;
    Some((code, message))
}

/// A longer text of others is cut: the longest that Azure was seen to send is some 3,000 characters, and nobody reads more.
const LONGEST_TEXT: usize = 8_000;
/// An error document in a text is longer than what it says.
pub(super) const LONGEST_DOCUMENT: usize = 8 * LONGEST_TEXT;
/// A code is a word.
const LONGEST_CODE: usize = 200;
/// How many details of an error are read, in all its depths.
const MOST_DETAILS: usize = 50;

/// `text` of others, with `…` in place of what is beyond `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// `text` of others in a length that can be shown.
pub(crate) fn shortened(text: &str) -> String {
    cut(text, LONGEST_TEXT)
}

/// Code and text of an error object; a text that is itself a JSON error is unfolded, and the deepest detail follows the outer text.
pub(crate) fn innermost(error: &Value) -> Option<(String, String)> {
    let mut details = MOST_DETAILS;
    let (code, message) = innermost_of(error, &mut details)?;
    Some((cut(&code, LONGEST_CODE), shortened(&message)))
}

fn innermost_of(error: &Value, details_left: &mut usize) -> Option<(String, String)> {
    let text = |name: &str, most: usize| {
        let text = error.get(name).and_then(Value::as_str);
        text.map(|text| cut(text, most)).unwrap_or_default()
    };
    let (mut code, mut message) = (
        text("code", LONGEST_CODE),
        text("message", LONGEST_DOCUMENT),
    );
    if code.is_empty() && message.is_empty() {
        return None;
    }
    if let Some((inner_code, inner)) = embedded(&message) {
        (code, message) = (
            if inner_code.is_empty() {
                code
            } else {
                inner_code
            },
            inner,
        );
    }
    if let Some(violation) = policy::violation(error, &message) {
        message = violation;
    }
    message = shortened(&message);
    let details = error.get("details").and_then(Value::as_array);
    for detail in details.into_iter().flatten() {
        let Some(left) = details_left.checked_sub(1) else {
            break;
        };
        *details_left = left;
        let Some((detail_code, detail)) = innermost_of(detail, details_left) else {
            continue;
        };
        if !detail.is_empty() && !message.contains(&detail) {
            message = format!("{message} {detail_code}: {detail}");
        }
    }
    Some((code, message))
}

/// A message may be an error document that was turned into text.
fn embedded(message: &str) -> Option<(String, String)> {
    message.trim_start().starts_with('{').then_some(())?;
    json_error(message)
}

fn xml_error(body: &str) -> Option<(String, String)> {
    let code = cut(&xml_element(body, "Code")?, LONGEST_CODE);
    let message = xml_element(body, "Message").unwrap_or_default();
    Some((code, first_line(&message)))
}

/// The text of the first `<name>` element. Storage's answers are flat enough for this.
pub fn xml_element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    )
}

/// The first line of a foreign text, cut at a length that fits a log line.
fn first_line(text: &str) -> String {
    cut(text.trim().lines().next().unwrap_or_default(), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, code: &str, message: &str) {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let refusal = Refusal::from_response(&response);
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            (code, message),
            "{body}"
        );
    }

    #[test]
    fn every_error_shape_is_read() {
        check(
            409,
            r#"{"error":{"code":"Conflict","message":"exists"}}"#,
            "Conflict",
            "exists",
        );
        check(
            400,
            r#"{"code":"ValidationFailed","message":"bad"}"#,
            "ValidationFailed",
            "bad",
        );
        check(
            400,
            r#"{"error":{"code":"A","message":"outer","details":[{"code":"B","message":"inner"}]}}"#,
            "A",
            "outer B: inner",
        );
        check(
            400,
            r#"{"error":{"code":"A","message":"{\"error\":{\"code\":\"B\",\"message\":\"deep\"}}"}}"#,
            "B",
            "deep",
        );
        check(
            403,
            "<?xml version=\"1.0\"?><Error><Code>AuthorizationFailure</Code><Message>no\nRequestId:1</Message></Error>",
            "AuthorizationFailure",
            "no",
        );
        check(
            502,
            "<html>\n<body>proxy</body></html>",
            "Bad Gateway",
            "<html>",
        );
        check(503, "", "Service Unavailable", "the answer has no text");
        check(
            500,
            r#"{"error":{}}"#,
            "Internal Server Error",
            r#"{"error":{}}"#,
        );
    }

    #[test]
    fn what_is_too_long_is_cut_and_read_in_no_time() {
        let detail =
            |number: usize| format!(r#"{{"code":"C{number}","message":"detail {number}"}}"#);
        let details: Vec<_> = (0..60_000).map(detail).collect();
        let body = format!(
            r#"{{"error":{{"code":"A","message":"outer","details":[{}]}}}}"#,
            details.join(",")
        );
        let long = format!(r#"{{"code":"A","message":"{}"}}"#, "x".repeat(3_000_000));
        let nested = (0..50).fold(r#"{"code":"A","message":"m"}"#.to_owned(), |inner, _| {
            format!(
                r#"{{"code":"A","message":"m","details":[{inner},{{"code":"B","message":"n"}}]}}"#
            )
        });
        for body in [body, long, nested] {
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = StatusCode::CONFLICT;
            let refusal = Refusal::from_response(&response);
            assert_eq!(refusal.code, "A");
            assert!(refusal.message.chars().count() <= LONGEST_TEXT + 1);
        }
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut("äöü", 3), "äöü");
    }

    #[test]
    fn storage_names_its_code_in_a_header_when_there_is_no_body() {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
            .headers_mut()
            .insert("x-ms-error-code", "BlobNotFound".parse().unwrap());
        assert_eq!(Refusal::from_response(&response).code, "BlobNotFound");
    }
}
