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
