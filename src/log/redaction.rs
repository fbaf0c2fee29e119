//! Keeping signatures out of a saved log: a script that fails may quote the link that it was given.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// The signature of a link to a blob, and of a signed address of Azure Resource Manager.
static SIGNATURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let mut builder = RegexBuilder::new(r#"([?&]sig=)[^&\s"'<>)\]}]+"#);
    builder.case_insensitive(true).unicode(false).build().ok()
});
/// A line that is longer is taken in parts.
const LONGEST: usize = 64 * 1024;

/// Takes bytes in pieces and gives them back line by line without signatures.
#[derive(Debug, Default)]
pub struct Redaction {
    begun: Vec<u8>,
}

impl Redaction {
    /// What of the bytes so far is complete.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let end = piece.iter().rposition(|byte| *byte == b'\n');
        let (complete, rest) = piece.split_at(end.map_or(0, |end| end + 1));
        if complete.is_empty() && self.begun.len() + rest.len() < LONGEST {
            self.begun.extend_from_slice(rest);
            return Vec::new();
        }
        let mut text = std::mem::take(&mut self.begun);
        if complete.is_empty() {
            text.extend_from_slice(rest);
        } else {
            text.extend_from_slice(complete);
            self.begun.extend_from_slice(rest);
        }
        without_signatures(text)
    }

    /// What is left.
    pub fn finish(self) -> Vec<u8> {
        without_signatures(self.begun)
    }
}

fn without_signatures(text: Vec<u8>) -> Vec<u8> {
    let Some(signature) = SIGNATURE.as_ref().filter(|regex| regex.is_match(&text)) else {
        return text;
    };
    signature.replace_all(&text, &b"${1}***"[..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_go_however_the_bytes_come() {
        let log = "a https://x.blob.core.windows.net/c/b?sp=r&sig=abc%2Bdef%3D&se=1 b\nsig=kept design?sig=x\nlast &SIG=y";
        let expected = "a https://x.blob.core.windows.net/c/b?sp=r&sig=***&se=1 b\nsig=kept design?sig=***\nlast &SIG=***";
        for size in 1..=log.len() {
            let (mut redaction, mut found) = (Redaction::default(), Vec::new());
            for piece in log.as_bytes().chunks(size) {
                found.extend(redaction.push(piece));
            }
            found.extend(redaction.finish());
            assert_eq!(
                String::from_utf8(found).unwrap(),
                expected,
                "pieces of {size}"
            );
        }
    }
}
