//! What is different between two images, worded: lines of the log, the page of the run, the file, variables, and what fails the step.

mod action;
mod file;
mod page;
mod words;

pub use action::DiffReporter;
pub(super) use file::result;
pub(super) use page::section;

use super::files::Files;
use super::outcome::with_hint;
use crate::agent::{Console, IssueKind};
use crate::error::CHANGE_FORBIDDEN;
use crate::inventory::{Compared, Comparison};

/// More lines are in the file.
const MOST_LINES: usize = 200;

/// Who is told of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The image of this step.
    OwnImage,
    /// Two versions that are there.
    Versions,
}

/// What a comparison makes of the step.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether there is a warning.
    pub(super) warned: bool,
    /// Why the step fails, if it does.
    pub(super) failure: Option<String>,
}

/// Writes a comparison to the log, its file and the variables; where the file is. Issues come last, and are those of [`report_issues`].
pub(super) fn report(console: &Console, files: Files<'_>, compared: &Compared) -> Option<String> {
    console.end_group();
    match compared {
        Compared::Nothing { why, .. } => {
            console.line(&words::nothing(why));
            None
        }
        Compared::With(comparison) => {
            for line in words::head(comparison) {
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
    let lines = words::changes(&comparison.diff);
    let facts = words::facts(&comparison.diff).into_iter();
    let facts: Vec<_> = facts
        .map(|(title, values)| format!("  {title}:  {values}"))
        .collect();
    if lines.is_empty() && facts.is_empty() {
        return;
    }
    console.group(&words::title(comparison));
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

/// What there is to warn of, and why the step fails.
pub(super) fn report_issues(console: &Console, compared: &Compared, about: About) -> Told {
    let mut told = Told::default();
    for (code, text, hint) in words::warnings(compared) {
        console.issue(
            IssueKind::Warning,
            Some(code),
            &with_hint(&text, Some(&hint)),
        );
        told.warned = true;
    }
    if let Some((text, hint)) = failure(compared, about) {
        let issue = with_hint(&text, Some(&hint));
        console.issue(IssueKind::Error, Some(CHANGE_FORBIDDEN), &issue);
        told.failure = Some(text);
    }
    told
}

/// Why the step fails, and what to do.
pub(super) fn failure(compared: &Compared, about: About) -> Option<(String, String)> {
    match compared {
        Compared::With(comparison) if !comparison.forbidden.is_empty() => Some((
            words::forbidden(comparison),
            words::remedy(comparison, about),
        )),
        Compared::With(_) | Compared::Nothing { .. } => None,
    }
}
