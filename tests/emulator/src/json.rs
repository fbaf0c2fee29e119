//! The ways in which Azure's services put JSON into bytes.

use bytes::Bytes;
use serde::Serialize as _;
use serde_json::Value;

/// As the image builder does: indented by one space, and `&`, `<`, `>` escaped, which is how Go's encoder writes them.
pub(crate) fn indented_by_one(document: &Value) -> Bytes {
    // Outside of strings JSON has none of the three characters.
    let text = pretty(document, b" ")
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    Bytes::from(text)
}

/// As Microsoft.Compute does for one resource: indented by two spaces, lines ended by CR LF.
pub(crate) fn indented_by_two(document: &Value) -> Bytes {
    Bytes::from(pretty(document, b"  ").replace('\n', "\r\n"))
}

/// Without any white space.
pub(crate) fn compact(document: &Value) -> Bytes {
    Bytes::from(document.to_string())
}

/// JSON as Azure Resource Manager reads deployments: comments, names without quotes and commas before an end are taken. Azure CLI 2.91 puts a
/// template's file into the body as it is, under the name `template` without quotes.
pub(crate) fn strict(text: &str) -> String {
    let text = without_comments(text);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let (part, after) = rest.split_at(match c {
            '"' => string_end(rest),
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        });
        let next = after.trim_start().chars().next();
        match (c, next) {
            (',', Some('}' | ']')) => {}
            (c, Some(':')) if is_word(c) => {
                kept.push('"');
                kept.push_str(part);
                kept.push('"');
            }
            _ => kept.push_str(part),
        }
        rest = after;
    }
    kept
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_$.+-".contains(c)
}

/// How long the string is that a text begins with.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let comment = match rest.get(..2) {
            Some("//") => rest.find('\n').or(Some(rest.len())),
            Some("/*") => rest.find("*/").map(|at| at + 2).or(Some(rest.len())),
            _ => None,
        };
        let length = comment.unwrap_or(if c == '"' {
            string_end(rest)
        } else {
            c.len_utf8()
        });
        let (part, after) = rest.split_at(length);
        if comment.is_none() {
            kept.push_str(part);
        }
        rest = after;
    }
    kept
}

/// Sets a member of an object.
pub(crate) fn set(document: &mut Value, name: &str, value: Value) {
    if let Some(members) = document.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn pretty(document: &Value, indent: &[u8]) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // A JSON value written into memory cannot fail.
    let _written = document.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_operation_document_has_the_recorded_length() {
        let running = json!({
            "name": "98B1BE79-0000-0000-0000-000000000000",
            "status": "InProgress",
            "startTime": "2023-12-28T07:58:55.7224168Z",
        });
        assert_eq!(indented_by_one(&running).len(), 122);
        let done = json!({
            "name": "98B1BE79-0000-0000-0000-000000000000",
            "status": "Succeeded",
            "startTime": "2023-12-28T07:58:55.7224168Z",
            "endTime": "2023-12-28T07:59:30.7210901Z",
        });
        assert_eq!(indented_by_one(&done).len(), 165);
    }

    #[test]
    fn deployments_are_read_like_their_service_does() {
        let check = |text: &str, expected: serde_json::Value| {
            let found: serde_json::Value = serde_json::from_str(&strict(text)).unwrap();
            assert_eq!(found, expected, "{text}");
        };
        check(
            r#"{"a": 1, template:{"b": [true, null,],}}"#,
            json!({"a": 1, "template": {"b": [true, null]}}),
        );
        check(
            "{ // a: 'b',\n \"c\": \"x // y, }: /* z */\", /* , */ }",
            json!({"c": "x // y, }: /* z */"}),
        );
        check(
            r#"{"a\": b": "c, ]", "d": -1.5e3}"#,
            json!({"a\": b": "c, ]", "d": -1500.0}),
        );
        check(r#"{"ä": "ö"}"#, json!({"ä": "ö"}));
    }

    #[test]
    fn escapes_like_go_and_ends_lines_like_windows() {
        let document = json!({"url": "a?b&c<d>"});
        assert_eq!(
            indented_by_one(&document),
            "{\n \"url\": \"a?b\\u0026c\\u003cd\\u003e\"\n}"
        );
        assert_eq!(
            indented_by_two(&document),
            "{\r\n  \"url\": \"a?b&c<d>\"\r\n}"
        );
        assert_eq!(compact(&document), "{\"url\":\"a?b&c<d>\"}");
    }
}
