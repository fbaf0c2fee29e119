//! When the link to a package ends that stands in a template: pure.

use std::sync::LazyLock;

use regex::Regex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::template::model::{Properties, json};

static END: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[?&]se=([0-9TZ:%A-Fa-f.\-]+)").ok());

/// When the first of the links in the customizers ends; nothing where there is none with an end.
pub(super) fn end(properties: &Properties) -> Option<OffsetDateTime> {
    let text = json(&properties.customize).to_string();
    let found = END.as_ref()?.captures_iter(&text);
    let ends = found.filter_map(|found| {
        let end = found.get(1)?.as_str();
        let end = percent_encoding::percent_decode_str(end)
            .decode_utf8()
            .ok()?;
        OffsetDateTime::parse(&end, &Rfc3339).ok()
    });
    ends.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn the_end_of_a_signed_link_is_read() {
        let check = |customize: serde_json::Value, expected: Option<OffsetDateTime>| {
            let properties = json!({"customize": customize});
            assert_eq!(end(&serde_json::from_value(properties).unwrap()), expected);
        };
        let address =
            "https://a.blob.core.windows.net/c/b.zip?sv=1&se=2026-11-22T10%3A00%3A00Z&sig=x";
        let file = json!({"type": "File", "sourceUri": address, "destination": "/tmp/b.zip"});
        let expected = Some(datetime!(2026-11-22 10:00 UTC));
        check(json!([file]), expected);
        let script =
            json!({"type": "Shell", "inline": [format!("curl '{}'", address.replace("%3A", ":"))]});
        check(json!([script, file]), expected);
        check(
            json!([{"type": "File", "sourceUri": "https://a/b.zip"}]),
            None,
        );
        check(json!([]), None);
    }
}
