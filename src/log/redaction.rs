//! Keeping secrets out of a saved log: a script may print the link that it was given, or a variable of the pipeline.

/// A line that is longer is taken in parts.
const LONGEST: usize = 64 * 1024;
/// Longer than any secret: this much of a part is searched again, together with what follows.
const OVERLAP: usize = 16 * 1024;
/// How far the place to cut is moved back if it would split a secret; this repeats until the overlap is used up.
const STEP: usize = 1024;
const HIDDEN: &[u8] = b"***";

/// Takes bytes in pieces and gives them back without secrets, line by line. What holds none comes back byte for byte.
pub struct Redaction<H> {
    /// Replaces the secrets of a text.
    hide: H,
    begun: Vec<u8>,
    /// Whether the rest of the line is part of something that is hidden.
    skipping: bool,
}

impl<H: Fn(&str) -> String> Redaction<H> {
    /// `hide` replaces the secrets of a text.
    pub fn new(hide: H) -> Self {
        Self {
            hide,
            begun: Vec::new(),
            skipping: false,
        }
    }

    /// Takes the next bytes, and returns the lines that are complete, without secrets.
    pub fn push(&mut self, mut piece: &[u8]) -> Vec<u8> {
        if self.skipping {
            let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
                return Vec::new();
            };
            piece = piece.get(end..).unwrap_or_default();
            self.skipping = false;
        }
        let end = piece.iter().rposition(|byte| *byte == b'\n');
        let (complete, rest) = piece.split_at(end.map_or(0, |end| end + 1));
        let mut done = Vec::new();
        if !complete.is_empty() {
            self.begun.extend_from_slice(complete);
            let lines = std::mem::take(&mut self.begun);
            done = self.hidden(&lines);
        }
        for part in rest.chunks(LONGEST) {
            if self.skipping {
                break;
            }
            self.begun.extend_from_slice(part);
            if self.begun.len() >= LONGEST + OVERLAP {
                done.extend(self.cut());
            }
        }
        done
    }

    /// What is left.
    pub fn finish(mut self) -> Vec<u8> {
        let begun = std::mem::take(&mut self.begun);
        self.hidden(&begun)
    }

    /// The beginning of a long line, up to a place where no secret is cut in two. Where there is none, all the rest of the line is hidden.
    fn cut(&mut self) -> Vec<u8> {
        let whole = self.hidden(&self.begun);
        let latest = self.begun.len() - OVERLAP;
        for back in (0..OVERLAP).step_by(STEP) {
            let (before, behind) = self.begun.split_at(latest.saturating_sub(back));
            let mut both = self.hidden(before);
            let length = both.len();
            both.extend(self.hidden(behind));
            if both == whole {
                both.truncate(length);
                self.begun = behind.to_vec();
                return both;
            }
        }
        self.begun.clear();
        self.skipping = true;
        HIDDEN.to_vec()
    }

    /// Lines without secrets come back as they are, whatever their bytes.
    fn hidden(&self, lines: &[u8]) -> Vec<u8> {
        if self.holds_none(lines) {
            return lines.to_vec();
        }
        let mut hidden = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.holds_none(line) {
                hidden.extend_from_slice(line);
            } else {
                hidden.extend_from_slice((self.hide)(&String::from_utf8_lossy(line)).as_bytes());
            }
        }
        hidden
    }

    fn holds_none(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        (self.hide)(&text) == text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2-hunter2";

    fn hide(text: &str) -> String {
        text.replace(SECRET, "***")
    }

    fn through(log: &[u8], size: usize) -> Vec<u8> {
        let (mut redaction, mut found) = (Redaction::new(hide), Vec::new());
        for piece in log.chunks(size) {
            found.extend(redaction.push(piece));
        }
        found.extend(redaction.finish());
        found
    }

    #[test]
    fn secrets_go_however_the_bytes_come() {
        let log = b"one hunter2-hunter2 \xff\xc3\r\n\xff kept\r\nlast hunter2-hunter2";
        let expected = "one *** \u{fffd}\u{fffd}\r\n".as_bytes();
        let expected = [expected, b"\xff kept\r\nlast ***"].concat();
        for size in 1..=log.len() {
            assert_eq!(through(log, size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn no_secret_is_cut_in_two_in_a_long_line() {
        for before in [
            LONGEST - 20,
            LONGEST - 8,
            LONGEST,
            LONGEST + 8,
            LONGEST + OVERLAP - 8,
            2 * LONGEST - 8,
        ] {
            let (head, tail) = (vec![b'x'; before], vec![b'y'; 200_000]);
            let log = [&head, SECRET.as_bytes(), &tail].concat();
            let expected = [&head, HIDDEN, &tail].concat();
            for size in [1000, 4096, LONGEST, log.len()] {
                assert!(through(&log, size) == expected, "{before} {size}");
            }
        }
        let many = SECRET.repeat(20_000);
        let expected = "***".repeat(20_000);
        assert!(through(many.as_bytes(), 5000) == expected.as_bytes());
    }

    #[test]
    fn a_secret_without_an_end_takes_the_rest_of_its_line_and_no_memory() {
        let all_of_it = |text: &str| {
            let secret = text.trim_end_matches('\n');
            text.replace(secret, if secret.is_empty() { "" } else { "***" })
        };
        let mut redaction = Redaction::new(all_of_it);
        let mut found = Vec::new();
        for _ in 0..100 {
            found.extend(redaction.push(&[b'a'; 10_000]));
            assert!(redaction.begun.len() < 2 * LONGEST);
        }
        found.extend(redaction.push(b"aa\n\n"));
        found.extend(redaction.finish());
        assert_eq!(String::from_utf8(found).unwrap(), "***\n\n");
    }
}
