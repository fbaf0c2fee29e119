//! What an author's script says of the package, against what the package holds: warnings where it is sure that a line does not do what it seems to.

pub(super) mod path;
pub(super) mod quotes;

/// What is wrong with a line, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) hint: String,
}

/// The lines with their numbers, without those of comments alone.
fn lines(script: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = script.lines().enumerate();
    let numbered = numbered.map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with('#'))
}
