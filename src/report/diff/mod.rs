//! What is different between two images, worded: lines of the log, the page of the run, the file, variables, and what fails the step.

mod action;
mod messages;
mod page;

use serde_json::{Map, Value, json};

use super::files::Files;
use super::issue::Issue;
use crate::agent::Console;
use crate::inventory::diff::{Change, Direction};
use crate::inventory::{Compared, Comparison, System};

pub use action::DiffReporter;
pub(super) use messages::{ComparisonOf, failure};
pub(super) use page::section;

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
            let path = files.attach("image-diff", &document(comparison));
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

/// Members are only added, or this number is raised.
const SCHEMA_VERSION: u32 = 1;

/// The whole comparison, as `image-diff.json` has it; `docs/inventory.md` describes the members.
fn document(comparison: &Comparison) -> Value {
    let diff = &comparison.diff;
    let system = |system: &System| json!(system.shown());
    let list = |changes: &[Change]| changes.iter().map(change).collect::<Value>();
    let mut document = json!({
        "schemaVersion": SCHEMA_VERSION,
        "from": comparison.from.id,
        "to": comparison.to.id,
        "os": {
            "before": system(&diff.system_before),
            "now": system(&diff.system_now),
        },
        "added": list(&diff.added),
        "removed": list(&diff.removed),
        "changed": list(&diff.changed),
    });
    if let Some(members) = document.as_object_mut() {
        if !diff.facts.is_empty() {
            let facts = diff.facts.iter().map(
                |facts| json!({"name": facts.name, "added": facts.added, "removed": facts.removed}),
            );
            members.insert("properties".to_owned(), facts.collect());
        }
        if !diff.not_compared.is_empty() {
            let kinds = diff.not_compared.iter().map(|kind| kind.word());
            members.insert("notCompared".to_owned(), kinds.collect());
        }
    }
    document
}

fn change(change: &Change) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("kind", json!(change.kind.word()));
    put("name", json!(change.name));
    if let Some(arch) = &change.arch {
        put("arch", json!(arch));
    }
    for (name, versions) in [("before", &change.before), ("now", &change.now)] {
        if !versions.is_empty() {
            put(name, json!(versions.join(", ")));
        }
    }
    if change.direction == Some(Direction::Down) {
        put("downgraded", json!(true));
    }
    Value::Object(members)
}

/// What the result file has of it: numbers, and where the rest is.
pub(in crate::report) fn result(compared: &Compared, path: Option<&str>) -> Value {
    match compared {
        Compared::Nothing { why, .. } => json!({"nothingToCompareWith": why}),
        Compared::With(comparison) => {
            let diff = &comparison.diff;
            json!({
                "from": comparison.from.id,
                "to": comparison.to.id,
                "added": diff.added.len(),
                "removed": diff.removed.len(),
                "changed": diff.changed.len(),
                "forbidden": comparison.forbidden.iter().map(|found| found.changes.len()).sum::<usize>(),
                "path": path,
            })
        }
    }
}
