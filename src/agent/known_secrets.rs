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

    /// `text` with `***` in place of every secret.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in &self.longest_first {
            if hidden.contains(secret.as_str()) {
                hidden = hidden.replace(secret.as_str(), HIDDEN);
            }
        }
        hidden
    }
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
