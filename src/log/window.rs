//! From snapshots of a log whose beginning is cut off to the lines that are new.

use std::hash::{BuildHasher, RandomState};

/// Remembers the last snapshot: snapshots carry no numbers, and a long log loses its first lines
/// (<https://learn.microsoft.com/azure/container-instances/container-instances-get-logs>).
#[derive(Debug, Default)]
pub struct Window {
    hasher: RandomState,
    known: Vec<u64>,
}

/// The new lines of a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub struct New<'a> {
    /// Complete lines, without line ends.
    pub lines: Vec<&'a str>,
    /// Whether lines between the last snapshot and this one may be lost.
    pub gap: bool,
}

impl Window {
    /// What `snapshot` has after the longest end of the last one that it begins with. A line without an end waits for the next snapshot.
    pub fn take<'a>(&mut self, snapshot: &'a str) -> New<'a> {
        let mut lines: Vec<&str> = snapshot.split('\n').collect();
        lines.pop();
        let hashes: Vec<u64> = lines
            .iter()
            .map(|line| self.hasher.hash_one(line))
            .collect();
        let whole = overlap(&self.known, &hashes);
        // The first line of a window may be the end of a longer one.
        let known = if whole == 0 {
            match overlap(&self.known, hashes.get(1..).unwrap_or_default()) {
                0 => 0,
                cut => cut + 1,
            }
        } else {
            whole
        };
        let gap = known == 0 && !self.known.is_empty() && !lines.is_empty();
        if !lines.is_empty() {
            self.known = hashes;
        }
        New {
            lines: lines.split_off(known.min(lines.len())),
            gap,
        }
    }
}

/// Length of the longest end of `before` that `now` begins with, by the prefix function of Knuth, Morris and Pratt: linear in both.
fn overlap(before: &[u64], now: &[u64]) -> usize {
    let before = before
        .get(before.len().saturating_sub(now.len())..)
        .unwrap_or_default();
    let mut borders: Vec<usize> = Vec::with_capacity(now.len());
    for (index, value) in now.iter().enumerate() {
        let mut length = index
            .checked_sub(1)
            .and_then(|last| borders.get(last).copied())
            .unwrap_or(0);
        while length > 0 && now.get(length) != Some(value) {
            length = border(&borders, length);
        }
        let grows = index > 0 && now.get(length) == Some(value);
        borders.push(length + usize::from(grows));
    }
    let mut length = 0;
    for value in before {
        while length > 0 && now.get(length) != Some(value) {
            length = border(&borders, length);
        }
        length += usize::from(now.get(length) == Some(value));
    }
    length
}

fn border(borders: &[usize], length: usize) -> usize {
    borders.get(length - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(snapshots: &[&str], expected: &[(&[&str], bool)]) {
        let mut window = Window::default();
        for (snapshot, (lines, gap)) in snapshots.iter().zip(expected) {
            let new = window.take(snapshot);
            assert_eq!(
                (new.lines.as_slice(), new.gap),
                (*lines, *gap),
                "{snapshot:?}"
            );
        }
    }

    #[test]
    fn only_new_lines_come() {
        check(
            &["", "a\nb", "a\nb\nc\n", "a\nb\nc\n", "a\nb\nc\nd\n"],
            &[
                (&[], false),
                (&["a"], false),
                (&["b", "c"], false),
                (&[], false),
                (&["d"], false),
            ],
        );
    }

    #[test]
    fn a_window_that_has_moved_on_is_recognized() {
        check(
            &[
                "a\nb\nc\nd\n",
                "c\nd\ne\n",
                "tail of d\ne\nf\n",
                "e\nf\nf\ng\n",
            ],
            &[
                (&["a", "b", "c", "d"], false),
                (&["e"], false),
                (&["f"], false),
                (&["f", "g"], false),
            ],
        );
        check(
            &["a\nb\n", "x\ny\n"],
            &[(&["a", "b"], false), (&["x", "y"], true)],
        );
    }

    #[test]
    fn equal_lines_come_as_often_as_they_were_written() {
        check(
            &["w\nw\n", "w\nw\nw\n", "w\nw\nw\nx\n"],
            &[(&["w", "w"], false), (&["w"], false), (&["x"], false)],
        );
    }

    #[test]
    fn a_log_longer_than_the_window_comes_whole() {
        let all: Vec<String> = (0..5000)
            .map(|number| format!("line {}", number % 97 * number))
            .collect();
        let (mut window, mut found) = (Window::default(), Vec::new());
        for end in (100..=all.len()).step_by(100) {
            let text = all[end.saturating_sub(700)..end].join("\n") + "\n";
            // The cut goes through a line.
            let text = if end > 700 { &text[3..] } else { &text };
            let new = window.take(text);
            assert!(!new.gap);
            found.extend(new.lines.iter().map(|line| (*line).to_owned()));
        }
        assert_eq!(found, all);
    }
}
