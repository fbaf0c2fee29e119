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
            let mut forms = forms(part);
            forms.sort_unstable();
            forms.dedup();
            forms.retain(|form| form != part);
            self.forms.push(part.clone());
            self.forms.extend(forms);
        }
        new
    }

    /// `text` with `***` in place of every secret, and of every signature in an address: Azure repeats links that nobody has announced.
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

/// What programs make of `text` when they put it into JSON, an address, XML or HTML.
fn forms(text: &str) -> Vec<String> {
    let in_json = in_json(text);
    // .NET writes the hexadecimal digits of an address in lower case in one of its two ways, and those of JSON too.
    let [upper, lower] = [true, false].map(|upper| percent_encoded(text, upper));
    let with_plus = [&upper, &lower].map(|form| form.replace("%20", "+"));
    let in_xml = in_xml(text);
    let apostrophes = ["&#39;", "&#x27;", "&apos;"].map(|form| in_xml.replace('\'', form));
    let html_in_json = [true, false].map(|upper| html_escaped(&in_json, upper));
    let slashes = in_json.replace('/', r"\/");
    let mut all = vec![in_json, upper, lower, in_xml, slashes];
    all.extend(with_plus);
    all.extend(apostrophes);
    all.extend(html_in_json);
    all
}

/// JSON in which what means something in HTML is escaped, as Azure and `ConvertTo-Json` of Windows PowerShell write it.
fn html_escaped(json: &str, upper: bool) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' if upper => write!(escaped, "\\u{:04X}", u32::from(c)).ok(),
            '&' | '\'' | '<' | '>' => write!(escaped, "\\u{:04x}", u32::from(c)).ok(),
            _ => {
                escaped.push(c);
                None
            }
        };
    }
    escaped
}

/// As it stands between the quotes of a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inside = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

/// As it stands in an address.
fn percent_encoded(text: &str, upper: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else if upper {
            write!(encoded, "%{byte:02X}").ok();
        } else {
            write!(encoded, "%{byte:02x}").ok();
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
            "pa%22ss%26%3cword%3e%2f1",
            r#"pa\"ss\u0026\u003cword\u003e/1"#,
            r#"pa\"ss\u0026\u003Cword\u003E/1"#,
            r#"pa\"ss&<word>\/1"#,
        ] {
            assert_eq!(secrets.hide(&format!("a {text} b")), "a *** b", "{text}");
        }
        secrets.learn("it's a secret");
        for text in [
            "it&#39;s a secret",
            "it&apos;s a secret",
            "it%27s+a+secret",
            r"it\u0027s a secret",
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
