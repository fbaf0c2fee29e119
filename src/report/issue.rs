//! Errors and warnings, as the page of the run shows them.

use std::path::PathBuf;

use crate::agent::{Console, IssueKind};
use crate::inputs::{Problem, Warning};

/// The page of the run shows ten issues of a kind: the ninth is followed by one that has all the others.
const MOST_ISSUES: usize = 10;

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issue {
    pub(super) kind: IssueKind,
    pub(super) code: &'static str,
    /// A sentence, and on a line of its own what to do.
    pub(super) text: String,
    /// The file that it is about, and the line in it.
    pub(super) place: Option<(PathBuf, u32)>,
}

impl Issue {
    /// An error or a warning; `hint` is what to do about it.
    pub(super) fn new(kind: IssueKind, code: &'static str, text: &str, hint: Option<&str>) -> Self {
        Self {
            kind,
            code,
            text: with_hint(text, hint),
            place: None,
        }
    }

    /// A warning with what to do about it.
    pub(super) fn warning(code: &'static str, text: &str, hint: &str) -> Self {
        Self::new(IssueKind::Warning, code, text, Some(hint))
    }

    /// Tells this issue alone.
    pub(super) fn tell(&self, console: &Console) {
        let place = self.place.as_ref();
        let place = place.map(|(file, line)| (file.as_path(), *line));
        console.issue_at(self.kind, Some(self.code), place, &self.text);
    }
}

impl From<&Warning> for Issue {
    fn from(warning: &Warning) -> Self {
        let (code, hint) = (warning.code.as_str(), warning.hint.as_deref());
        Self::new(IssueKind::Warning, code, &warning.text, hint)
    }
}

impl From<&Problem> for Issue {
    fn from(problem: &Problem) -> Self {
        let (code, hint) = (problem.code.as_str(), problem.hint.as_deref());
        Self::new(IssueKind::Error, code, &problem.to_string(), hint)
    }
}

/// Tells issues, so that the page of the run shows all of them.
pub(super) struct Issues<'a> {
    console: &'a Console,
    /// How many errors and warnings are shown singly: all, or the first nine of each; the rest are one issue.
    shown: [usize; 2],
    rest: [Vec<&'a Issue>; 2],
}

impl<'a> Issues<'a> {
    /// `all` are the issues that will be told.
    pub(super) fn new(console: &'a Console, all: impl Iterator<Item = &'a Issue>) -> Self {
        let mut total = [0, 0];
        for issue in all {
            *of_kind(issue.kind, &mut total) += 1;
        }
        let shown = total.map(|total| match total {
            0..=MOST_ISSUES => MOST_ISSUES,
            _ => MOST_ISSUES - 1,
        });
        Self {
            console,
            shown,
            rest: [Vec::new(), Vec::new()],
        }
    }

    /// Tells the next issue, or keeps it for the end.
    pub(super) fn tell(&mut self, issue: &'a Issue) {
        let shown = of_kind(issue.kind, &mut self.shown);
        if *shown > 0 {
            *shown -= 1;
            issue.tell(self.console);
        } else {
            of_kind(issue.kind, &mut self.rest).push(issue);
        }
    }

    /// Tells what was kept, as one issue of each kind.
    pub(super) fn end(self) {
        for rest in self.rest {
            if let Some(first) = rest.first() {
                let texts: Vec<_> = rest.iter().map(|issue| issue.text.as_str()).collect();
                self.console
                    .issue(first.kind, Some(first.code), &texts.join("\n"));
            }
        }
    }
}

fn of_kind<T>(kind: IssueKind, [errors, warnings]: &mut [T; 2]) -> &mut T {
    match kind {
        IssueKind::Error => errors,
        IssueKind::Warning => warnings,
    }
}

/// Tells `issues` in their order.
pub(super) fn tell(console: &Console, issues: &[Issue]) {
    let mut told = Issues::new(console, issues.iter());
    for issue in issues {
        told.tell(issue);
    }
    told.end();
}

/// What is worth knowing of the inputs although it does not stop the step.
pub fn report_warnings(console: &Console, warnings: &[Warning]) {
    let issues: Vec<Issue> = warnings.iter().map(Issue::from).collect();
    tell(console, &issues);
}

/// What to do about a failure of this code, where nothing better is known.
pub(super) fn what_to_do(code: &str, hint: Option<&str>) -> String {
    hint.map_or_else(
        || {
            format!(
                "run the job again; if it fails in the same way, search for {code} in the list of failures of this task"
            )
        },
        str::to_owned,
    )
}

/// `text`, and on a line of its own what to do.
pub fn with_hint(text: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{text}\nhint: {hint}"),
        None => text.to_owned(),
    }
}
