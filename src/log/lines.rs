//! From bytes that come in pieces to lines.

use super::line::Line;

/// A longer line is cut: someone printed a file, and nobody reads it.
const LONGEST: usize = 16 * 1024;

/// Cuts pieces of bytes into lines, holding one line at most.
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes the next piece, and hands over each line that is complete now.
    pub fn push(&mut self, piece: &[u8], mut each: impl FnMut(Line)) {
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let complete = parts.peek().is_some();
            if complete && self.begun.is_empty() {
                each(Line::read(part.get(..LONGEST).unwrap_or(part)));
                continue;
            }
            let room = LONGEST.saturating_sub(self.begun.len());
            self.begun
                .extend_from_slice(part.get(..room).unwrap_or(part));
            if complete {
                each(Line::read(&self.begun));
                self.begun.clear();
            }
        }
    }

    /// Hands over the last line, if the log does not end with a line end.
    pub fn finish(&mut self, mut each: impl FnMut(Line)) {
        if !self.begun.is_empty() {
            each(Line::read(&self.begun));
            self.begun.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_come() {
        let log = "one\r\ntwo\n\nünï\nlast";
        for size in 1..=log.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in log.as_bytes().chunks(size) {
                lines.push(piece, |line| found.push(line.text));
            }
            lines.finish(|line| found.push(line.text));
            assert_eq!(found, ["one", "two", "", "ünï", "last"], "pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for _ in 0..100 {
            lines.push(&[b'x'; 4096], |line| found.push(line.text));
        }
        lines.push(b"\nnext\n", |line| found.push(line.text));
        let lengths: Vec<_> = found.iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST, 4]);
    }
}
