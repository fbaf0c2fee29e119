//! The section of the run's page about a comparison.

use std::fmt::Write as _;

use super::messages::{self, ComparisonOf, Labels, failure};
use crate::inventory::diff::{Change, Diff, Direction};
use crate::inventory::{Compared, Comparison};
use crate::report::markup::{self, escaped, with_commands};

/// More rows make a page that nobody reads; the file has them all.
const MOST_ROWS: usize = 60;
/// More forbidden changes than this have their rows all the same.
const MOST_FORBIDDEN: usize = 10;
/// A longer name makes a table that is wider than the page.
const LONGEST_NAME: usize = 100;

/// The section: nothing where nothing was asked for.
pub(in crate::report) fn section(compared: &Compared, of: ComparisonOf) -> String {
    match compared {
        Compared::Nothing { why, .. } => {
            format!(
                "\n### What changed\n\n{}\n",
                escaped(&messages::nothing(why))
            )
        }
        Compared::With(comparison) => {
            let mut text = format!("\n### {}\n", escaped(&messages::title(comparison)));
            if let Some(failure) = failure(compared, of) {
                let sentence = escaped(&messages::forbids(comparison));
                let named = messages::named(comparison, MOST_FORBIDDEN);
                let named: Vec<_> = named
                    .iter()
                    .map(|it| format!("- {}", escaped(it)))
                    .collect();
                write!(
                    text,
                    "\n**{}** {sentence}:\n\n{}\n\n**What to do:** {}\n",
                    failure.code,
                    named.join("\n"),
                    with_commands(failure.hint.as_deref().unwrap_or_default())
                )
                .ok();
            }
            for warning in messages::warnings(compared) {
                let warning = markup::warning(warning.code, &warning.text, Some(&warning.hint));
                writeln!(text, "\n{warning}").ok();
            }
            let system =
                messages::system(&comparison.diff.system_before, &comparison.diff.system_now);
            writeln!(
                text,
                "\n{} · {}",
                escaped(&system).replace("-\\>", "->"),
                messages::numbers(&comparison.diff)
            )
            .ok();
            text.push_str(&table(comparison));
            text.push_str(&facts(&comparison.diff));
            if let Some(kinds) = messages::kinds_not_compared(comparison) {
                writeln!(
                    text,
                    "\nNot compared, because one of the two images could not list them: {kinds}."
                )
                .ok();
            }
            text
        }
    }
}

/// What has no version of its own.
fn facts(diff: &Diff) -> String {
    let all = messages::facts(diff).into_iter();
    let lines = all.map(|(title, values)| {
        let values = escaped(&values);
        format!("- **{}** {values}\n", escaped(&title))
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        lines
    } else {
        format!("\n{lines}")
    }
}

/// Which changes have a row: what is gone, came, or went down before what only went on.
struct Rows<'a> {
    changed: Vec<&'a Change>,
    added: Vec<&'a Change>,
    removed: Vec<&'a Change>,
    /// How many have none.
    more: usize,
}

impl<'a> Rows<'a> {
    fn of(comparison: &'a Comparison) -> Self {
        let diff = &comparison.diff;
        let is_forbidden = |change: &Change| {
            let mut all = comparison.forbidden.iter();
            all.any(|found| found.changes.contains(change))
        };
        let all = [&diff.changed, &diff.added, &diff.removed];
        let all = all.into_iter().flatten();
        let mut by_weight: Vec<(u8, usize)> = all
            .enumerate()
            .map(|(place, change)| {
                let weight = if is_forbidden(change) {
                    0
                } else if change.now.is_empty() {
                    1
                } else if change.before.is_empty() || change.direction == Some(Direction::Down) {
                    2
                } else {
                    3
                };
                (weight, place)
            })
            .collect();
        by_weight.sort_unstable();
        let mut shown = vec![false; by_weight.len()];
        for (_, place) in by_weight.iter().take(MOST_ROWS) {
            if let Some(shown) = shown.get_mut(*place) {
                *shown = true;
            }
        }
        let mut shown = shown.into_iter();
        let mut take = |list: &'a [Change]| -> Vec<&'a Change> {
            let marked = list.iter().zip(shown.by_ref());
            marked
                .filter_map(|(change, shown)| shown.then_some(change))
                .collect()
        };
        Self {
            changed: take(&diff.changed),
            added: take(&diff.added),
            removed: take(&diff.removed),
            more: by_weight.len().saturating_sub(MOST_ROWS),
        }
    }
}

fn table(comparison: &Comparison) -> String {
    let diff = &comparison.diff;
    if diff.is_empty() {
        return String::new();
    }
    let labels = Labels::of_diff(diff);
    let mut rows = Rows::of(comparison);
    let mut text = format!("\n| {} | before | now |\n|---|---|---|\n", heading(diff));
    let mut put = |mark: &str, change: &Change, before: &str, now: &str| {
        let label = cut(&labels.of_change(change));
        let (label, before, now) = (escaped(&label), escaped(before), escaped(now));
        let down = if change.direction == Some(Direction::Down) {
            " **downgraded**"
        } else {
            ""
        };
        writeln!(text, "| {mark}{label} | {before} | {now}{down} |").ok();
    };
    // Of many, those come first that someone looks for.
    let last = if rows.more > 0 {
        let (down, others) = rows
            .changed
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.direction == Some(Direction::Down));
        rows.changed = down;
        others
    } else {
        Vec::new()
    };
    for change in rows.changed {
        changed(&mut put, change);
    }
    for change in rows.added {
        put("+ ", change, "", &change.now.join(", "));
    }
    for change in rows.removed {
        put("- ", change, &change.before.join(", "), "");
    }
    for change in last {
        changed(&mut put, change);
    }
    if rows.more > 0 {
        writeln!(
            text,
            "\n{} more changes are in `image-diff.json`, which is attached to the logs of this run.",
            rows.more
        )
        .ok();
    }
    text
}

fn changed(put: &mut impl FnMut(&str, &Change, &str, &str), change: &Change) {
    let before = messages::versions(&change.before);
    put("", change, &before, &messages::versions(&change.now));
}

/// What most of the rows are.
fn heading(diff: &Diff) -> &'static str {
    let mut all = [&diff.changed, &diff.added, &diff.removed]
        .into_iter()
        .flatten();
    if all.all(|change| change.kind.is_package()) {
        "package"
    } else {
        "program"
    }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME).chain(['…']).collect()
}
