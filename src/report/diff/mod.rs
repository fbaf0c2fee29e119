//! What is different between two images, worded: lines of the log, the page of the run, the file, variables, and what fails the step.

mod action;
mod file;
mod messages;
mod page;

pub use action::DiffReporter;
pub(super) use file::result;
pub(super) use messages::{ComparisonOf, failure};
pub(super) use page::section;

use super::files::Files;
use super::issue::Issue;
use crate::agent::Console;
use crate::inventory::{Compared, Comparison};

/// More lines are in the file.
const MOST_LINES: usize = 200;

/// Writes a comparison to the log, its file and the variables; where the file is. Issues come last, and are those of [`warnings`] and [`failure`].
pub(super) fn report(console: &Console, files: Files<'_>, compared: &Compared) -> Option<String> {
    console.end_group();
    match compared {
        Compared::Nothing { why, .. } => {
            console.line(&messages::nothing(why));
            None
        }
        Compared::With(comparison) => {
            for line in messages::head(comparison) {
                console.line(&line);
            }
            list(console, comparison);
            let path = files.attach("image-diff", &file::document(comparison));
            if let Some(path) = &path {
                console.set_variable("imageDiffPath", path);
            }
            let changes = comparison.diff.len().to_string();
            console.set_variable("imageChanges", &changes);
            path
        }
    }
}

fn list(console: &Console, comparison: &Comparison) {
    let lines = messages::changes(&comparison.diff);
    let facts = messages::facts(&comparison.diff).into_iter();
    let facts: Vec<_> = facts
        .map(|(title, values)| format!("  {title}:  {values}"))
        .collect();
    if lines.is_empty() && facts.is_empty() {
        return;
    }
    console.group(&messages::title(comparison));
    for line in lines.iter().take(MOST_LINES) {
        console.line(line);
    }
    if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        console.line(&format!("and {more} more, which are in image-diff.json"));
    }
    for line in facts {
        console.line(&line);
    }
    console.end_group();
}

/// What there is to warn of.
pub(super) fn warnings(compared: &Compared) -> Vec<Issue> {
    messages::warnings(compared)
        .iter()
        .map(Issue::from)
        .collect()
}
