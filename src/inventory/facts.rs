//! What has no version of its own and is different: updates, features, languages, drivers, units.

use std::collections::BTreeSet;

use super::{Inventory, Property};

/// Facts of one name that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What they are about: `windows:update`.
    pub name: String,
    /// Those that were not there before, in their order.
    pub added: Vec<String>,
    /// Those that are there no longer.
    pub removed: Vec<String>,
}

/// The facts that are different, by name. What one of the two images could not list is not compared.
pub(super) fn between(before: &Inventory, now: &Inventory) -> Vec<Facts> {
    let (was, is) = (of(before), of(now));
    let all = was.symmetric_difference(&is);
    let mut found: Vec<Facts> = Vec::new();
    for (name, value) in all {
        if is_unknown(before, name) || is_unknown(now, name) {
            continue;
        }
        if found.last().is_none_or(|last| last.name != *name) {
            found.push(Facts {
                name: (*name).to_owned(),
                added: Vec::new(),
                removed: Vec::new(),
            });
        }
        let Some(facts) = found.last_mut() else {
            continue;
        };
        let list = if is.contains(&(*name, *value)) {
            &mut facts.added
        } else {
            &mut facts.removed
        };
        list.push((*value).to_owned());
    }
    found
}

fn of(inventory: &Inventory) -> BTreeSet<(&str, &str)> {
    let facts = inventory.properties.iter();
    let facts = facts.filter(|it| it.name != Inventory::INCOMPLETE);
    facts
        .map(|Property { name, value }| (name.as_str(), value.as_str()))
        .collect()
}

/// Whether the list of these facts is not whole. Languages are capabilities of Windows.
fn is_unknown(inventory: &Inventory, name: &str) -> bool {
    let word = name.rsplit(':').next().unwrap_or(name);
    let word = if word == "language" {
        "capability"
    } else {
        word
    };
    inventory.incomplete().contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::System;

    fn inventory(facts: &[(&str, &str)]) -> Inventory {
        let facts = facts.iter().map(|(name, value)| Property {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        });
        Inventory::new(System::default(), Vec::new(), facts.collect())
    }

    fn lines(before: &Inventory, now: &Inventory) -> Vec<String> {
        let all = between(before, now).into_iter();
        all.map(|it| format!("{} +{:?} -{:?}", it.name, it.added, it.removed))
            .collect()
    }

    #[test]
    fn facts_come_and_go_by_name() {
        let before = inventory(&[
            ("windows:update", "KB1"),
            ("windows:update", "KB2"),
            ("windows:feature", "NetFx3"),
            ("windows:driver", "netvsc.inf 10.0.1 Microsoft"),
        ]);
        let now = inventory(&[
            ("windows:update", "KB3"),
            ("windows:update", "KB2"),
            ("windows:update", "KB4"),
            ("windows:feature", "NetFx3"),
            ("windows:language", "Language.Basic~~~de-DE~0.0.1.0"),
        ]);
        let expected = [
            r#"windows:driver +[] -["netvsc.inf 10.0.1 Microsoft"]"#,
            r#"windows:language +["Language.Basic~~~de-DE~0.0.1.0"] -[]"#,
            r#"windows:update +["KB3", "KB4"] -["KB1"]"#,
        ];
        assert_eq!(lines(&before, &now), expected);
        assert!(between(&now, &now).is_empty());
    }

    #[test]
    fn what_could_not_be_listed_is_not_compared() {
        let before = inventory(&[
            ("windows:update", "KB1"),
            ("windows:language", "Language.Basic~~~de-DE~0.0.1.0"),
            ("windows:feature", "NetFx3"),
        ]);
        let now = inventory(&[("incomplete", "capability"), ("incomplete", "update")]);
        let expected = [r#"windows:feature +[] -["NetFx3"]"#];
        assert_eq!(lines(&before, &now), expected);
        assert_eq!(lines(&now, &before), [r#"windows:feature +["NetFx3"] -[]"#]);
    }
}
