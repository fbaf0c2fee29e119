//! What is different between two images: sets of versions, by kind, name and architecture.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::facts::{self, Facts};
use super::package_versions::Rules;
use super::{Inventory, Kind, System};

/// What is different between two images. Each list is in the order of the names, letter case aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The operating system before.
    pub system_before: System,
    /// The operating system now.
    pub system_now: System,
    /// What was not there before.
    pub added: Vec<Change>,
    /// What is there no longer.
    pub removed: Vec<Change>,
    /// What has other versions.
    pub changed: Vec<Change>,
    /// The kinds that one of the two images could not list: what is missing of them was not removed, and what is there was not added.
    pub not_compared: Vec<Kind>,
    /// What has no version of its own and is different; it counts for nothing.
    pub facts: Vec<Facts>,
}

/// Something with other versions than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How it was installed.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: Option<String>,
    /// Its versions before, in their order; none if it was not there.
    pub before: Vec<String>,
    /// Its versions now; none if it is there no longer.
    pub now: Vec<String>,
    /// Which way the highest version went, where that is known.
    pub direction: Option<Direction>,
}

/// Which way the highest version went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is above the highest one before.
    Up,
    /// It is below.
    Down,
}

/// By what two things are the same one.
type Key<'a> = (Kind, &'a str, Option<&'a str>);

impl Diff {
    /// What is different between `before` and `now`.
    pub fn between(before: &Inventory, now: &Inventory) -> Self {
        let mut all: BTreeMap<Key<'_>, [BTreeSet<&str>; 2]> = BTreeMap::new();
        for (side, inventory) in [before, now].into_iter().enumerate() {
            for it in &inventory.components {
                let key = (it.kind, it.name.as_str(), it.arch.as_deref());
                if let Some(versions) = all.entry(key).or_default().get_mut(side) {
                    versions.insert(&it.version);
                }
            }
        }
        let unknown = |inventory: &Inventory, kind: Kind| {
            let mut words = inventory.incomplete().into_iter();
            words.any(|word| word == kind.word())
        };
        let is_whole = |kind: &Kind| !unknown(before, *kind) && !unknown(now, *kind);
        let (whole, not_compared) = Kind::ALL.into_iter().partition::<Vec<_>, _>(is_whole);
        let mut diff = Self {
            not_compared,
            system_before: before.system.clone(),
            system_now: now.system.clone(),
            facts: facts::between(before, now),
            ..Self::default()
        };
        for (key, [before, now]) in all {
            if before == now || !whole.contains(&key.0) {
                continue;
            }
            let change = Change::of(key, &before, &now);
            match (before.is_empty(), now.is_empty()) {
                (true, _) => diff.added.push(change),
                (_, true) => diff.removed.push(change),
                (false, false) => diff.changed.push(change),
            }
        }
        for list in [&mut diff.added, &mut diff.removed, &mut diff.changed] {
            list.sort_by_cached_key(|change| change.name.to_lowercase());
        }
        diff
    }

    /// How many things are different, the operating system aside.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len()
    }

    /// Whether nothing is different, the operating system aside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Change {
    fn of((kind, name, arch): Key<'_>, before: &BTreeSet<&str>, now: &BTreeSet<&str>) -> Self {
        let rules = rules(kind);
        let highest = |versions: &BTreeSet<&str>| {
            let highest = rules.highest(versions.iter().copied())?;
            Some(highest.to_owned())
        };
        let order = highest(before)
            .zip(highest(now))
            .and_then(|(before, now)| rules.compare(&before, &now));
        let direction = match order {
            Some(Ordering::Less) => Some(Direction::Up),
            Some(Ordering::Greater) => Some(Direction::Down),
            Some(Ordering::Equal) | None => None,
        };
        Self {
            kind,
            name: name.to_owned(),
            arch: arch.map(str::to_owned),
            before: in_order(rules, before),
            now: in_order(rules, now),
            direction,
        }
    }
}

fn rules(kind: Kind) -> Rules {
    match kind {
        Kind::Deb => Rules::Debian,
        Kind::Rpm => Rules::Rpm,
        Kind::Apk | Kind::Pypi | Kind::Snap | Kind::Flatpak | Kind::Program | Kind::Appx => {
            Rules::Numbers
        }
    }
}

/// By the rules where they say something of all of them; else in that of the letters, in which they come.
fn in_order(rules: Rules, versions: &BTreeSet<&str>) -> Vec<String> {
    let mut versions: Vec<&str> = versions.iter().copied().collect();
    if rules.highest(versions.iter().copied()).is_some() {
        versions.sort_by(|one, other| rules.compare(one, other).unwrap_or(Ordering::Equal));
    }
    versions.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
