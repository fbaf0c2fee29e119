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
mod tests {
    use proptest::prelude::*;

    use super::super::Component;
    use super::*;

    fn component(kind: Kind, name: &str, arch: Option<&str>, version: &str) -> Component {
        Component {
            kind,
            name: name.to_owned(),
            arch: arch.map(str::to_owned),
            version: version.to_owned(),
            publisher: None,
            source: None,
        }
    }

    fn inventory(components: Vec<Component>) -> Inventory {
        Inventory::new(System::default(), components, Vec::new())
    }

    /// `kind name/arch before -> now` with a sign for the direction, one a line.
    fn lines(diff: &Diff) -> Vec<String> {
        let line = |mark: &str, change: &Change| {
            let arch = change.arch.as_ref();
            let arch = arch.map_or_else(String::new, |arch| format!("/{arch}"));
            let direction = match change.direction {
                Some(Direction::Up) => " up",
                Some(Direction::Down) => " down",
                None => "",
            };
            let kind = change.kind.word();
            let (before, now) = (change.before.join("+"), change.now.join("+"));
            let name = &change.name;
            format!("{mark} {kind} {name}{arch} {before} -> {now}{direction}")
        };
        let lists = [
            ("+", &diff.added),
            ("-", &diff.removed),
            ("~", &diff.changed),
        ];
        let all = lists.into_iter();
        all.flat_map(|(mark, list)| list.iter().map(move |change| line(mark, change)))
            .collect()
    }

    #[test]
    fn versions_are_compared_by_kind_name_and_architecture() {
        use Kind::{Appx, Deb, Program, Rpm};
        let before = inventory(vec![
            component(Program, "Microsoft Edge", None, "142.0.3595.53"),
            component(Program, "Cisco AnyConnect", None, "4.10.08029"),
            component(Program, "7-Zip", Some("x86"), "24.09"),
            component(Program, "Tool", None, "2024a"),
            component(Program, "Nameless", None, ""),
            component(Appx, "Teams", None, "26.2"),
            component(Deb, "libc6", Some("amd64"), "2.39-0ubuntu8.6"),
            component(Deb, "libc6", Some("i386"), "2.39-0ubuntu8.6"),
            component(Deb, "linux-image", Some("amd64"), "6.8.0-90.91"),
            component(Rpm, "openssl", Some("x86_64"), "1:3.2.2-6.el9"),
            component(Rpm, "kernel", Some("x86_64"), "5.14.0-9.el9"),
            component(Rpm, "kernel", Some("x86_64"), "5.14.0-10.el9"),
        ]);
        let now = inventory(vec![
            component(Program, "Microsoft Edge", None, "143.0.3650.66"),
            component(Program, "FSLogix", None, "3.25.822.19044"),
            component(Program, "7-Zip", None, "24.09"),
            component(Program, "Tool", None, "2024b"),
            component(Program, "Nameless", None, ""),
            component(Appx, "Teams", None, "26.2"),
            component(Appx, "teams", None, "26.2"),
            component(Deb, "libc6", Some("amd64"), "2.39-0ubuntu8.5"),
            component(Deb, "libc6", Some("i386"), "2.39-0ubuntu8.6"),
            component(Deb, "linux-image", Some("amd64"), "6.8.0-90.91"),
            component(Deb, "linux-image", Some("amd64"), "6.8.0-101.102"),
            component(Rpm, "openssl", Some("x86_64"), "3.5.1-4.el9"),
            component(Rpm, "kernel", Some("x86_64"), "5.14.0-10.el9"),
        ]);
        let diff = Diff::between(&before, &now);
        let expected = [
            "+ program 7-Zip  -> 24.09",
            "+ program FSLogix  -> 3.25.822.19044",
            "+ appx teams  -> 26.2",
            "- program 7-Zip/x86 24.09 -> ",
            "- program Cisco AnyConnect 4.10.08029 -> ",
            // The highest one is as it was.
            "~ rpm kernel/x86_64 5.14.0-9.el9+5.14.0-10.el9 -> 5.14.0-10.el9",
            "~ deb libc6/amd64 2.39-0ubuntu8.6 -> 2.39-0ubuntu8.5 down",
            "~ deb linux-image/amd64 6.8.0-90.91 -> 6.8.0-90.91+6.8.0-101.102 up",
            "~ program Microsoft Edge 142.0.3595.53 -> 143.0.3650.66 up",
            // An epoch counts more than a version.
            "~ rpm openssl/x86_64 1:3.2.2-6.el9 -> 3.5.1-4.el9 down",
            "~ program Tool 2024a -> 2024b",
        ];
        assert_eq!(lines(&diff), expected);
        assert_eq!(diff.len(), 11);
        assert!(!diff.is_empty());
        assert!(Diff::between(&now, &now).is_empty());
    }

    /// Nothing of the other one's: lists that are looked through again and again, numbers that are made numbers.
    mod naive {
        use super::*;

        pub(super) fn lines(before: &Inventory, now: &Inventory) -> Vec<String> {
            let mut lines = Vec::new();
            let all = before.components.iter().chain(&now.components);
            let mut seen: Vec<(Kind, String, Option<String>)> = Vec::new();
            for it in all {
                let key = (it.kind, it.name.clone(), it.arch.clone());
                if seen.contains(&key) {
                    continue;
                }
                let versions = |inventory: &Inventory| {
                    let own = |other: &&Component| {
                        other.kind == it.kind && other.name == it.name && other.arch == it.arch
                    };
                    let own = inventory.components.iter().filter(own);
                    let mut versions: Vec<String> =
                        own.map(|other| other.version.clone()).collect();
                    versions.sort();
                    versions.dedup();
                    versions
                };
                let (was, is) = (versions(before), versions(now));
                seen.push(key);
                let mark = match (was.len(), is.len()) {
                    (0, _) => "+",
                    (_, 0) => "-",
                    _ if was == is => continue,
                    _ => "~",
                };
                let numbers = |versions: &[String]| -> Option<Vec<u32>> {
                    let mut all = Vec::new();
                    for version in versions {
                        let mut parts = Vec::new();
                        for part in version.split('.') {
                            parts.push(part.parse::<u32>().ok()?);
                        }
                        while parts.last() == Some(&0) {
                            parts.pop();
                        }
                        all.push(parts);
                    }
                    all.into_iter().max()
                };
                let way = match (numbers(&was), numbers(&is)) {
                    (Some(was), Some(is)) if was < is => " up",
                    (Some(was), Some(is)) if was > is => " down",
                    _ => "",
                };
                let arch = it.arch.as_ref().map(|arch| format!("/{arch}"));
                lines.push(format!(
                    "{mark} {} {}{} {was:?} -> {is:?}{way}",
                    it.kind.word(),
                    it.name,
                    arch.unwrap_or_default()
                ));
            }
            lines.sort();
            lines
        }
    }

    /// As [`naive::lines`] has it.
    fn lines_of(diff: &Diff) -> Vec<String> {
        let mut diff = diff.clone();
        for change in [&mut diff.added, &mut diff.removed, &mut diff.changed]
            .into_iter()
            .flatten()
        {
            change.before.sort();
            change.now.sort();
            change.before = vec![format!("{:?}", change.before)];
            change.now = vec![format!("{:?}", change.now)];
        }
        let mut lines = lines(&diff);
        lines.sort();
        lines
    }

    fn components() -> impl Strategy<Value = Vec<Component>> {
        let kind = prop::sample::select(vec![Kind::Program, Kind::Pypi, Kind::Appx]);
        let name = prop::sample::select(vec!["a", "b", "A", "ab"]);
        let arch = prop::sample::select(vec![None, Some("x86"), Some("x64")]);
        let version = prop::sample::select(vec![
            "1", "1.0", "1.2", "1.10", "2", "10.0", "", "1a", "1..2", "01.2", "2024-01",
        ]);
        let one = (kind, name, arch, version)
            .prop_map(|(kind, name, arch, version)| component(kind, name, arch, version));
        prop::collection::vec(one, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_second_implementation_finds_the_same(before in components(), now in components()) {
            let (before, now) = (inventory(before), inventory(now));
            let diff = Diff::between(&before, &now);
            prop_assert_eq!(lines_of(&diff), naive::lines(&before, &now));
            // The other way round, additions are removals and every way is turned.
            let back = Diff::between(&now, &before);
            prop_assert_eq!(diff.added.len(), back.removed.len());
            prop_assert_eq!(diff.removed.len(), back.added.len());
            for (there, back) in diff.changed.iter().zip(&back.changed) {
                prop_assert_eq!((&there.name, &there.before, &there.now), (&back.name, &back.now, &back.before));
                let turned = there.direction.map(|way| match way {
                    Direction::Up => Direction::Down,
                    Direction::Down => Direction::Up,
                });
                prop_assert_eq!(turned, back.direction);
            }
        }
    }
}
