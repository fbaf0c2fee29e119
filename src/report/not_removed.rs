//! What stays in Azure although it was to be deleted: warnings, and the commands that delete it.

use super::ending::Ending;
use super::issue::Issue;
use super::markup::commented;
use crate::agent::{Console, IssueKind};
use crate::diagnosis::{FoundIn, of_text};
use crate::run::leftover::NotRemoved;

/// Code of "something stays in Azure".
pub const CODE_NOT_REMOVED: &str = "AIB601";

/// There is no command for what may be someone else's.
const NOT_OURS: &str = "this task deletes only what this step created; the owner of the resource decides whether to delete it";

/// A warning for each of them.
pub(super) fn issues(not_removed: &[NotRemoved]) -> Vec<Issue> {
    not_removed.iter().map(issue).collect()
}

fn issue(not_removed: &NotRemoved) -> Issue {
    let why = &not_removed.why;
    let known = of_text(&[FoundIn::CleanUp], why);
    let hint = match (not_removed.removal(), known) {
        (Some(command), Some(known)) => {
            format!("{}: {}; then run: {command}", known.cause, known.fix)
        }
        (Some(command), None) => format!("when nothing uses it any longer, run: {command}"),
        (None, _) => NOT_OURS.to_owned(),
    };
    Issue::new(IssueKind::Warning, CODE_NOT_REMOVED, why, Some(&hint))
}

/// What a canceled step leaves to the post-job step, which only an agent starts.
pub(super) fn lines_of_canceled(not_removed: &[NotRemoved], has_agent: bool) -> Vec<String> {
    let line = |not_removed: &NotRemoved| {
        let what = not_removed.leftover.describe();
        match not_removed.removal() {
            Some(command) if has_agent => {
                format!("The post-job step deletes {what}; if it does not run: {command}")
            }
            Some(command) => format!("This remains: {what}; to delete it: {command}"),
            None => not_removed.why.clone(),
        }
    };
    not_removed.iter().map(line).collect()
}

/// The commands that delete it, each under a line that says what it is for.
pub(super) fn removals(not_removed: &[NotRemoved]) -> Vec<String> {
    let commands = not_removed.iter().filter_map(|stays| {
        let what = format!("to delete {}", stays.leftover.describe());
        let what = match stays.condition() {
            Some(condition) => format!("{what}, {condition}"),
            None => what,
        };
        Some(commented(&what, &stays.command()?))
    });
    commands.collect()
}

/// The end of the post-job step.
pub fn report_clean_up(console: &Console, not_removed: &[NotRemoved]) {
    let ending = if not_removed.is_empty() {
        let nothing = "Nothing is left in Azure";
        Ending {
            exists: Some(nothing.to_owned()),
            ..Ending::done(nothing, false)
        }
    } else {
        Ending {
            issues: issues(not_removed),
            ..Ending::done("Something is left in Azure", true)
        }
    };
    ending.tell_without_files(console);
}
