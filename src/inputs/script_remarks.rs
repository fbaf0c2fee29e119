//! What an author's script says of the package, against what the package holds: warnings where it is sure that a line does not do what it seems to.

mod path;
mod quotes;

use super::declared::Input;
use super::plan::{Package, Provisioner};
use super::problem::Code;
use super::reading::Reading;

/// What is wrong with a line, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
struct Remark {
    /// Counted from 1.
    line: usize,
    text: String,
    hint: String,
}

/// Warns of the lines of `script`, which `input` holds, or a file that it names.
pub(super) fn warn_of(
    reading: &mut Reading<'_>,
    (input, whose): (&Input, &str),
    script: &str,
    provisioner: Provisioner,
    package: Option<&Package>,
) {
    let mut remarks = quotes::remarks(script, provisioner);
    if let Some(package) = package {
        remarks.extend(path::remarks(script, provisioner, package));
    }
    remarks.sort_by_key(|remark| remark.line);
    for Remark { line, text, hint } in remarks {
        let sentence = format!("Input '{}'{whose}, line {line}: {text}", input.name);
        reading.warn(Code::Script, sentence, Some(hint));
    }
}

/// The lines with their numbers, without those of comments alone.
fn lines(script: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = script.lines().enumerate();
    let numbered = numbered.map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with('#'))
}
