//! The secrets of this run, and how they are found again in what is about to be printed.

use std::collections::HashSet;

/// Shorter texts stay visible: hiding them would garble everything else. The agent drops them, too (`AZP_IGNORE_SECRETS_SHORTER_THAN`).
const SHORTEST_CHARACTERS: usize = 6;

/// What a person sees in place of a secret.
const HIDDEN: &str = "***";

/// Secrets, the longest first, so that one which is part of another does not uncover the rest of it.
#[derive(Default)]
pub(super) struct KnownSecrets {
    longest_first: Vec<String>,
    known: HashSet<String>,
}

impl KnownSecrets {
    /// Remembers `value` and returns what of it has to be announced: the whole, and because masking works on lines, each line.
    /// Nothing is returned twice. The armor lines of a PEM are the same in every key, and no secret.
    pub(super) fn learn(&mut self, value: &str) -> Vec<String> {
        let worth_hiding =
            |part: &&str| part.trim().chars().count() >= SHORTEST_CHARACTERS && !is_armor(part);
        let lines = value
            .lines()
            .flat_map(|line| line.split('\r'))
            .map(str::trim);
        let parts = std::iter::once(value).chain(lines).filter(worth_hiding);
        let new: Vec<_> = parts
            .filter(|part| self.known.insert((*part).to_owned()))
            .map(str::to_owned)
            .collect();
        for part in &new {
            let place = self
                .longest_first
                .partition_point(|known| known.len() >= part.len());
            self.longest_first.insert(place, part.clone());
        }
        new
    }

    /// `text` with `***` in place of every secret, and of every signature in an address: Azure repeats links that we have never seen.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in &self.longest_first {
            if hidden.contains(secret.as_str()) {
                hidden = hidden.replace(secret.as_str(), HIDDEN);
            }
        }
        without_signatures(&hidden)
    }
}

/// A shared access signature is the value of `sig` in a query; who has it needs nothing else.
fn without_signatures(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = next_signature(rest) {
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "%+/=-_.~".contains(c)));
        let (value, behind) = after.split_at(end.unwrap_or(after.len()));
        hidden.extend([before, name, if value.is_empty() { "" } else { HIDDEN }]);
        rest = behind;
    }
    hidden.push_str(rest);
    hidden
}

/// What stands before the next `?sig=` or `&sig=`, itself, and what follows.
fn next_signature(text: &str) -> Option<(&str, &str, &str)> {
    let found = text.match_indices("sig=").find(|(at, _)| {
        let before = text.get(..*at).unwrap_or_default();
        before.ends_with(['?', '&', ';']) || before.ends_with("\\u0026")
    });
    let (at, name) = found?;
    Some((text.get(..at)?, name, text.get(at + name.len()..)?))
}

fn is_armor(line: &str) -> bool {
    !line.contains('\n') && line.starts_with("-----") && line.trim_end().ends_with("-----")
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
    fn signatures_in_addresses_are_hidden_although_nobody_announced_them() {
        for (text, expected) in [
            (
                "https://x/y?sv=1&sig=aB%2Fc%3D&se=2 is gone",
                "https://x/y?sv=1&sig=***&se=2 is gone",
            ),
            ("'https://x/y?sig=aB/c+d='", "'https://x/y?sig=***'"),
            (
                r#"{"a":"https://x?a=b\u0026sig=abc"}"#,
                r#"{"a":"https://x?a=b\u0026sig=***"}"#,
            ),
            ("<a>x?a=b&amp;sig=abc</a>", "<a>x?a=b&amp;sig=***</a>"),
            ("?sig=a&sig=b", "?sig=***&sig=***"),
            ("?sig=", "?sig="),
            ("design=1 sig=2", "design=1 sig=2"),
        ] {
            assert_eq!(KnownSecrets::default().hide(text), expected);
        }
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
