//! The signatures of links, found in any text: Azure, scripts and programs repeat links that nobody has announced.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// `sig=` after anything that is no part of a name, in each form in which `&` and `=` are written: as they are, percent-encoded once or
/// more, as JSON escapes, as entities of XML and HTML; then the value, in the same forms. A shared access signature is the value of `sig`
/// in a query; who has it needs nothing else (<https://learn.microsoft.com/rest/api/storageservices/create-service-sas>).
const PATTERN: &str = r"(?x)
    (?: ^ | [^a-z0-9_] | (?: % (?:25)* | \\x | \\u00 ) (?: 26 | 3f | 3b | 20 | 22 | 27 ) )
    sig (?: = | % (?:25)* 3d | \\x3d | \\u003d | &\#61; | &\#x3d; | &equals; )
    ( (?: [a-z0-9%+/=_.~-] | \\/ | \\x2[bf] | \\u002[bf] | \\u003d | &\#(?:43|47|61); | &\#x(?:2b|2f|3d); | &(?:plus|sol|equals); )+ )";

static SIGNATURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let mut builder = RegexBuilder::new(PATTERN);
    builder.case_insensitive(true).multi_line(true).build().ok()
});

/// Where in `text` the values of signatures stand.
pub fn signatures(text: &str) -> impl Iterator<Item = Range<usize>> {
    let pattern = SIGNATURE.as_ref();
    pattern
        .into_iter()
        .flat_map(|pattern| pattern.captures_iter(text))
        .filter_map(|found| Some(found.get(1)?.range()))
}

/// `text` with `***` in place of every signature.
pub fn without_signatures(text: &str) -> String {
    super::hide(text, signatures(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_go_in_every_form() {
        for (text, expected) in [
            (
                "https://x/y?sv=1&sig=aB%2Fc%3D&se=2 is gone",
                "https://x/y?sv=1&sig=***&se=2 is gone",
            ),
            ("'https://x/y?sig=aB/c+d='", "'https://x/y?sig=***'"),
            (
                r#"{"a":"https://x?a=b\u0026sig=a\u002Bbc\/d\u003d\u0026se=1"}"#,
                r#"{"a":"https://x?a=b\u0026sig=***\u0026se=1"}"#,
            ),
            (r"a\x26sig\x3dabc\x2bd'", r"a\x26sig\x3d***'"),
            (
                "<a>x?a=b&amp;sig=abc&amp;c=d</a>",
                "<a>x?a=b&amp;sig=***&amp;c=d</a>",
            ),
            ("<a>x?a=b&#38;sig=a&#43;bc</a>", "<a>x?a=b&#38;sig=***</a>"),
            ("x?a=b;sig=abc", "x?a=b;sig=***"),
            (
                "u=https%3A%2F%2Fx%3Fa%3Db%26sig%3Dab%252Bc",
                "u=https%3A%2F%2Fx%3Fa%3Db%26sig%3D***",
            ),
            ("x%2526SIG%253dab%25252Bc d", "x%2526SIG%253d*** d"),
            ("x%3Fsig%3Dabc", "x%3Fsig%3D***"),
            ("\"?sig=a&sig=b", "\"?sig=***&sig=***"),
            (
                "sig=abc at the start\nsig=def",
                "sig=*** at the start\nsig=***",
            ),
            ("the blank sig=abc", "the blank sig=***"),
            ("&SIG=y", "&SIG=***"),
            ("?sig=", "?sig="),
            ("?sig=***&a=b", "?sig=***&a=b"),
            ("design=1 my_sig=2", "design=1 my_sig=2"),
        ] {
            assert_eq!(without_signatures(text), expected, "{text}");
        }
    }
}
