//! Values that must never be read by a person: they are announced for masking when they are born, and print as `***`. And the signatures of links,
//! found in any text: Azure, scripts and programs repeat links that nobody has announced.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// Who hides a value in everything that is printed from now on (for a pipeline job: the agent's log masker).
pub trait Masker: Send + Sync {
    /// Registers `value`; several lines are registered line by line, because masking works on lines.
    fn mask(&self, value: &str);

    /// `text` as it may stand in a file that others read: `***` in place of everything that was registered, and of every signature. Who
    /// registers nothing hides signatures alone.
    fn hidden(&self, text: &str) -> String {
        without_signatures(text)
    }
}

/// A value that is not for logs. The only constructor announces it, so there is no secret that the log masker does not know.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Announces `value` to `masker` and wraps it.
    pub fn new(value: impl Into<String>, masker: &dyn Masker) -> Self {
        let value = value.into();
        masker.mask(&value);
        Self(value)
    }

    /// The value itself, for the one place that has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What a person sees in place of a secret.
pub const HIDDEN: &str = "***";

/// Shorter texts stay visible: hiding them would garble everything else. The agent drops them, too (`AZP_IGNORE_SECRETS_SHORTER_THAN`).
pub const SHORTEST_CHARACTERS: usize = 6;

/// What of a secret `value` is hidden: the whole, and each of its lines without the blanks around it, because masking works on lines. Short
/// parts are not, and neither are the armor lines of a PEM, which are the same in every key.
pub fn parts(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().flat_map(|line| line.split('\r'));
    let parts = std::iter::once(value).chain(lines.map(str::trim));
    parts.filter(|part| part.trim().chars().count() >= SHORTEST_CHARACTERS && !is_armor(part))
}

fn is_armor(line: &str) -> bool {
    !line.contains('\n') && line.starts_with("-----") && line.trim_end().ends_with("-----")
}

/// `text` with `***` in place of each of `places`; those that overlap are one. The places are those of whole characters.
pub fn hide(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.sort_unstable_by_key(|place| place.start);
    let (mut hidden, mut done) = (String::with_capacity(text.len()), 0);
    for place in places {
        if place.start >= done {
            hidden.push_str(text.get(done..place.start).unwrap_or_default());
            hidden.push_str(HIDDEN);
        }
        done = done.max(place.end);
    }
    hidden.push_str(text.get(done..).unwrap_or_default());
    hidden
}

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
    self::hide(text, signatures(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Announced(Mutex<Vec<String>>);

    impl Masker for Announced {
        fn mask(&self, value: &str) {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    #[test]
    fn a_secret_is_announced_at_birth_and_never_printed() {
        let announced = Announced::default();
        let secret = Secret::new("hunter2-hunter2", &announced);
        assert_eq!(*announced.0.lock().unwrap(), ["hunter2-hunter2"]);
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.reveal(), "hunter2-hunter2");
    }

    #[test]
    fn places_are_hidden_also_where_they_overlap() {
        for (places, expected) in [
            (vec![], "abcdef"),
            (vec![1..2, 1..2], "a***cdef"),
            (vec![3..5, 0..4], "***f"),
            (vec![0..6, 2..3], "***"),
            (vec![0..2, 2..4], "******ef"),
        ] {
            assert_eq!(hide("abcdef", places), expected);
        }
    }

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
