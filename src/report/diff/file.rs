//! `image-diff.json`, and what the result file says of a comparison. The members are described in `docs/inventory.md`.

use serde_json::{Map, Value, json};

use crate::inventory::diff::{Change, Direction};
use crate::inventory::{Compared, Comparison, System};

/// Members are only added, or this number is raised.
const SCHEMA_VERSION: u32 = 1;

/// The whole comparison.
pub(super) fn document(comparison: &Comparison) -> Value {
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
