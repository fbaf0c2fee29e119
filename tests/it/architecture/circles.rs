//! Files that import each other.
//!
//! Who wants to understand one file of a circle has to read all of them, so a circle is a single subject in several files. What several files share
//! stands in a file of its own below them; the file that tells the story stands above.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::paths::{Named, Path, paths};
use super::{module_path, product_code, rust_files, source};

/// Circles that are one subject each: their files, and why they belong together.
const CIRCLES: &[(&[&str], &str)] = &[];

/// The files of the crate by their modules: `arm::http` is `src/arm/http.rs`.
struct Files {
    named: BTreeMap<Path, BTreeSet<Named>>,
}

impl Files {
    fn of(sources: &[(Path, String)]) -> Self {
        let named = sources.iter().map(|(module, code)| {
            let parts = |other: &Path| other.starts_with(module) && other.len() == module.len() + 1;
            let children = sources.iter().filter(|(other, _)| parts(other));
            let children: Vec<_> = children
                .filter_map(|(other, _)| other.last().map(String::as_str))
                .collect();
            (module.clone(), paths(code, module, &children))
        });
        Self {
            named: named.collect(),
        }
    }

    /// The file that has what `path` names, and the name that it has there. A name that a file imports is looked for where it comes from.
    fn find(&self, path: &[String]) -> Option<(&Path, String)> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let module = (0..=path.len())
                .rev()
                .find_map(|length| self.named.get_key_value(&path[..length]))?;
            let Some(name) = path.get(module.0.len()) else {
                return Some((module.0, "*".to_owned()));
            };
            let import = module
                .1
                .iter()
                .find(|named| named.imported_as.as_ref() == Some(name));
            let Some(import) = import else {
                return Some((module.0, name.clone()));
            };
            let rest = &path[module.0.len() + 1..];
            path = import.path.iter().chain(rest).cloned().collect();
        }
        None
    }

    /// What each file takes from which other one. A name that a file only passes on is not its own affair.
    fn ties(&self) -> BTreeMap<&Path, BTreeMap<&Path, BTreeSet<String>>> {
        let mut ties: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        for (module, named) in &self.named {
            for named in named.iter().filter(|named| !named.is_re_export) {
                if let Some((other, name)) = self.find(&named.path)
                    && other != module
                    && !other.is_empty()
                {
                    let of_module: &mut BTreeMap<_, _> = ties.entry(module).or_default();
                    of_module.entry(other).or_default().insert(name);
                }
            }
        }
        ties
    }

    /// Each circle with what ties its files.
    fn circles(&self) -> BTreeMap<BTreeSet<String>, String> {
        let ties = self.ties();
        let mut reached = BTreeMap::new();
        for module in self.named.keys() {
            let (mut seen, mut next) = (BTreeSet::new(), vec![module]);
            while let Some(module) = next.pop() {
                let others = ties.get(module).into_iter().flat_map(BTreeMap::keys);
                next.extend(others.filter(|other| seen.insert(**other)));
            }
            reached.insert(module, seen);
        }
        let mut circles = BTreeMap::new();
        for (module, of_module) in &reached {
            let back = |other: &&&Path| reached[**other].contains(module);
            let circle: BTreeSet<_> = of_module.iter().filter(back).collect();
            if circle.len() > 1 {
                let mut text = String::new();
                for module in &circle {
                    for (other, names) in &ties[**module] {
                        if circle.contains(other) {
                            let names: Vec<_> = names.iter().map(String::as_str).collect();
                            let (module, other) = (module.join("::"), other.join("::"));
                            writeln!(text, "    {module} -> {other}: {}", names.join(", "))
                                .unwrap();
                        }
                    }
                }
                let files = circle.iter().map(|module| module.join("::"));
                circles.insert(files.collect(), text);
            }
        }
        circles
    }
}

#[test]
fn no_files_import_each_other_unless_they_are_one_subject() {
    let sources = rust_files(&source()).into_iter().filter_map(|file| {
        let module = module_path(&file);
        // `main` is a program of its own.
        (module != ["main"]).then(|| (module, product_code(&file)))
    });
    let mut found = Files::of(&sources.collect::<Vec<_>>()).circles();
    let mut offences = String::new();
    for (files, reason) in CIRCLES {
        let files: BTreeSet<_> = files.iter().map(|file| (*file).to_owned()).collect();
        if found.remove(&files).is_none() {
            writeln!(offences, "take from the list ({reason}): {files:?}").unwrap();
        }
    }
    for (files, ties) in found {
        writeln!(
            offences,
            "{} files that import each other:\n{ties}",
            files.len()
        )
        .unwrap();
    }
    assert!(offences.is_empty(), "\n{offences}");
}

#[test]
fn the_search_for_circles_bites() {
    let check = |sources: &[(&str, &str)], expected: &[&str]| {
        let parts = |module: &str| module.split("::").map(ToOwned::to_owned).collect();
        let sources = sources
            .iter()
            .map(|(module, code)| (parts(module), (*code).to_owned()));
        let circles = Files::of(&sources.collect::<Vec<_>>()).circles();
        let circles: Vec<_> = circles.keys().flatten().map(String::as_str).collect();
        assert_eq!(circles, expected);
    };
    let below = ("a::b", "pub struct B;");
    check(&[("a", "use b::B;"), below], &[]);
    check(
        &[("a", "use b::B;"), ("a::b", "fn f() -> super::A {}")],
        &["a", "a::b"],
    );
    check(
        &[("a", "fn f() { b::f() }"), ("a::b", "use super::A;")],
        &["a", "a::b"],
    );
    check(
        &[("a", "use crate::c::C;"), ("c", "use crate::a::A;")],
        &["a", "c"],
    );
    let three = [
        ("a", "use crate::b::B;"),
        ("b", "use crate::c;"),
        ("c", "use crate::a::*;"),
    ];
    check(&three, &["a", "b", "c"]);
    // A name that a file passes on comes from the file below.
    let passed_on = ("a", "mod b;\nmod c;\npub use b::B;\nuse c::C;");
    check(&[passed_on, below, ("a::c", "use super::B;")], &[]);
    let taken = ("a", "mod b;\nmod c;\nuse b::B;\nuse c::C;");
    check(&[taken, below, ("a::c", "use super::B;")], &[]);
    check(
        &[taken, ("a::b", "use super::C;"), ("a::c", "use super::B;")],
        &["a::b", "a::c"],
    );
}
