//! The secrets of this run, and how they are found again in what is about to be printed.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use crate::secret::{SHORTEST_CHARACTERS, hide, parts, signatures};

/// Secrets, in each form in which they are looked for.
#[derive(Default)]
pub(super) struct KnownSecrets {
    known: HashSet<String>,
    forms: Vec<String>,
}

impl KnownSecrets {
    /// Remembers `value` and returns what of it has to be announced: the whole, and because masking works on lines, each line.
    /// Nothing is returned twice.
    pub(super) fn learn(&mut self, value: &str) -> Vec<String> {
        let new: Vec<_> = parts(value)
            .filter(|part| self.known.insert((*part).to_owned()))
            .map(str::to_owned)
            .collect();
        for part in &new {
            let mut forms = vec![in_json(part), percent_encoded(part), in_xml(part)];
            forms.retain(|form| form != part);
            forms.dedup();
            self.forms.push(part.clone());
            self.forms.extend(forms);
        }
        new
    }

    /// `text` with `***` in place of every secret, and of every signature in an address: Azure repeats links that we have never seen.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut all: Vec<_> = signatures(text).collect();
        for form in &self.forms {
            all.extend(places(text, form));
        }
        for (end, _) in text.match_indices(CUT) {
            let before = text.get(..end).unwrap_or_default();
            all.extend(self.forms.iter().filter_map(|form| cut_off(before, form)));
        }
        hide(text, all)
    }
}

/// The end of a text that was too long.
const CUT: char = '…';

/// Where the beginning of `form` stands at the end of `text`, which was cut there.
fn cut_off(text: &str, form: &str) -> Option<Range<usize>> {
    let lengths = form
        .char_indices()
        .map(|(at, _)| at)
        .skip(SHORTEST_CHARACTERS);
    let found = lengths.filter(|length| text.ends_with(form.get(..*length).unwrap_or(form)));
    let length = found.max()?;
    Some(text.len() - length..text.len())
}

fn places(text: &str, form: &str) -> impl Iterator<Item = Range<usize>> {
    let found = text.match_indices(form);
    found.map(|(start, found)| start..start + found.len())
}

/// As it stands between the quotes of a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inside = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

/// As it stands in an address.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

fn in_xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_announced_whole_and_line_by_line_but_once() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\r\n  kqhkiG9w0BAQ\nAB==\n-----END PRIVATE KEY-----\n";
        for (value, expected) in [
            ("hunter2", vec!["hunter2"]),
            ("short", vec![]),
            ("      ", vec![]),
            ("", vec![]),
            ("ünïcöd", vec!["ünïcöd"]),
            (" padded ", vec![" padded ", "padded"]),
            ("a\nb", vec![]),
            ("abc\ndef", vec!["abc\ndef"]),
            (pem, vec![pem, "MIIEvQIBADAN", "kqhkiG9w0BAQ"]),
        ] {
            let mut secrets = KnownSecrets::default();
            assert_eq!(secrets.learn(value), expected, "{value:?}");
            assert_eq!(
                secrets.learn(value),
                Vec::<String>::new(),
                "{value:?} again"
            );
        }
    }

    #[test]
    fn signatures_are_hidden_although_nobody_announced_them() {
        let secrets = KnownSecrets::default();
        let hidden = secrets.hide("https://x/y?sv=1&sig=aB%2Fc%3D&se=2 is gone");
        assert_eq!(hidden, "https://x/y?sv=1&sig=***&se=2 is gone");
    }

    #[test]
    fn a_secret_is_hidden_in_each_form_that_programs_give_it() {
        let mut secrets = KnownSecrets::default();
        secrets.learn("pa\"ss&<word>/1");
        for text in [
            "pa\"ss&<word>/1",
            r#"pa\"ss&<word>/1"#,
            "pa%22ss%26%3Cword%3E%2F1",
            "pa&quot;ss&amp;&lt;word&gt;/1",
        ] {
            assert_eq!(secrets.hide(&format!("a {text} b")), "a *** b", "{text}");
        }
    }

    #[test]
    fn the_beginning_of_a_secret_is_hidden_where_a_text_was_cut() {
        let mut secrets = KnownSecrets::default();
        secrets.learn("abcdefghijkl");
        assert_eq!(secrets.hide("1 abcdefgh… 2"), "1 ***… 2");
        assert_eq!(secrets.hide("1 abcdef…"), "1 ***…");
        assert_eq!(secrets.hide("1 abcde… abcdefgh 2"), "1 abcde… abcdefgh 2");
    }

    #[test]
    fn secrets_that_overlap_leave_nothing_of_each_other() {
        let mut secrets = KnownSecrets::default();
        secrets.learn("abcdefgh");
        secrets.learn("efghijkl");
        assert_eq!(secrets.hide("1 abcdefghijkl 2"), "1 *** 2");
    }

    #[test]
    fn longer_secrets_are_hidden_before_their_parts() {
        let mut secrets = KnownSecrets::default();
        secrets.learn("sig=abc");
        secrets.learn("https://x/?sig=abc&sv=1");
        assert_eq!(
            secrets.hide("GET https://x/?sig=abc&sv=1 and sig=abc"),
            "GET *** and ***"
        );
        assert_eq!(secrets.hide("nothing here"), "nothing here");
    }
}
