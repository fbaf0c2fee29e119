//! Paths in a script that lead to where the package does not lie, or to what it does not hold.
//!
//! A script may make files of its own, so a path is only told of where nothing before it can have made it, or where it is plain what was meant.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Remark, lines};
use crate::inputs::manifest::{PACKAGE_EXCLUDE, PACKAGE_PATH, PROVISIONER};
use crate::inputs::plan::{Package, Provisioner};
use crate::inputs::problem::quoted;
use crate::inputs::spelling::nearest;

const WINDOWS: &str = r"c:\buildartifacts\";
const LINUX: &str = "/tmp/";

pub(in crate::inputs) fn remarks(
    script: &str,
    provisioner: Provisioner,
    package: &Package,
) -> Vec<Remark> {
    let contents = Contents::of(package, provisioner);
    let mut remarks = Vec::new();
    let mut before = String::new();
    for (number, line) in lines(script) {
        let other = foreign_path(line, provisioner, package);
        let remark = other.or_else(|| {
            let paths = paths(line, provisioner);
            paths.iter().find_map(|path| {
                // The same line may have made it as well.
                let before = format!("{before}{}", path.before.to_ascii_lowercase());
                remark(path, &before, &contents, package)
            })
        });
        remarks.extend(remark.map(|(text, hint)| Remark {
            line: number,
            text,
            hint,
        }));
        before.push_str(&line.to_ascii_lowercase());
        before.push('\n');
    }
    remarks
}

/// A path below the package's place.
struct Named<'a> {
    /// What the line has before it, its quote left out.
    before: &'a str,
    /// As it is written.
    text: &'a str,
    /// Below `c:\buildartifacts` or `/tmp`.
    parts: Vec<&'a str>,
    provisioner: Provisioner,
}

/// The path of the other system, where the package never lies.
fn foreign_path(
    line: &str,
    provisioner: Provisioner,
    package: &Package,
) -> Option<(String, String)> {
    let place = match provisioner {
        Provisioner::PowerShell => format!(r"{WINDOWS}{}", package.name),
        Provisioner::Shell => format!("{LINUX}{}", package.name),
    };
    let (system, found) = match provisioner {
        Provisioner::PowerShell => {
            let foreign = format!("{LINUX}{}", package.name);
            let (at, _) = line.match_indices(&foreign).find(|(at, _)| {
                let before = line.get(..*at).and_then(|text| text.chars().last());
                let after = line
                    .get(at + foreign.len()..)
                    .and_then(|text| text.chars().next());
                before.is_none_or(|c| c.is_whitespace() || "'\"(=".contains(c))
                    && after.is_none_or(|c| c.is_whitespace() || "/'\")".contains(c))
            })?;
            ("Windows", path_at(line, at, provisioner)?.1)
        }
        Provisioner::Shell => {
            let at = line
                .to_ascii_lowercase()
                .find(WINDOWS.trim_end_matches('\\'))?;
            ("Linux", path_at(line, at, provisioner)?.1)
        }
    };
    let text = format!(
        "{} is not a path of a {system} build VM; the package is in '{place}'",
        quoted(found)
    );
    let other = match provisioner {
        Provisioner::PowerShell => "shell",
        Provisioner::Shell => "powershell",
    };
    let hint = format!(
        "write '{place}', or set input '{}' to '{other}' if the image is not {system}",
        PROVISIONER.name
    );
    Some((text, hint))
}

fn paths(line: &str, provisioner: Provisioner) -> Vec<Named<'_>> {
    // Windows takes a slash as well.
    let lower = line.to_ascii_lowercase().replace('/', "\\");
    let place = match provisioner {
        Provisioner::PowerShell => WINDOWS,
        Provisioner::Shell => LINUX,
    };
    let searched = match provisioner {
        Provisioner::PowerShell => &lower,
        Provisioner::Shell => line,
    };
    let found = searched.match_indices(place).filter_map(|(at, _)| {
        let (before, text) = path_at(line, at, provisioner)?;
        // What the shell fills in is not known.
        if text.contains(['$', '*', '?', '%', '{', '}', '[', ']', '`', '~']) {
            return None;
        }
        let below = text.get(place.len()..)?;
        let separates = |c: char| c == '/' || (c == '\\' && provisioner == Provisioner::PowerShell);
        let parts = below.split(separates).filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.collect();
        (!parts.is_empty() && !parts.contains(&"..") && !parts.contains(&".")).then_some(Named {
            before,
            text,
            parts,
            provisioner,
        })
    });
    found.collect()
}

/// The path that begins at `at`, and what stands before it and its quote. Nothing if it is the end of a longer one.
fn path_at(line: &str, at: usize, provisioner: Provisioner) -> Option<(&str, &str)> {
    let (before, rest) = line.split_at_checked(at)?;
    let quote = before.chars().last().filter(|c| matches!(c, '\'' | '"'));
    let starts = before
        .chars()
        .last()
        .is_none_or(|c| c.is_whitespace() || "'\"(=;&|<>".contains(c));
    if !starts {
        return None;
    }
    let end = match quote {
        Some(quote) => rest.find(quote)?,
        None => rest
            .find(|c: char| c.is_whitespace() || "'\";,|&()<>".contains(c))
            .unwrap_or(rest.len()),
    };
    let path = rest.get(..end)?;
    // A blank that is escaped belongs to the path; then it is left alone.
    if quote.is_none() && provisioner == Provisioner::Shell && path.ends_with('\\') {
        return None;
    }
    let before = quote.map_or(before, |quote| before.strip_suffix(quote).unwrap_or(before));
    Some((before.trim(), path))
}

/// What is wrong with a path, and what to write instead.
fn remark(
    path: &Named<'_>,
    before: &str,
    contents: &Contents<'_>,
    package: &Package,
) -> Option<(String, String)> {
    let (first, rest) = path.parts.split_first()?;
    if contents.same(first, &package.name) {
        return if package.is_file || rest.is_empty() {
            None
        } else {
            of_contents(path, rest, before, contents)
        };
    }
    let shown = quoted(path.text);
    let place = |rest: &[&str]| quoted(&place_of(package, path.provisioner, rest));
    // The whole of `packagePath`, where only its last part counts.
    let tail = trailing_parts(&package.folder);
    let whole = (2..=tail.len().min(path.parts.len())).find(|count| {
        let end = tail.iter().skip(tail.len() - count);
        end.zip(&path.parts).all(|(a, b)| contents.same(a, b))
    });
    if let Some(rest) = whole.and_then(|count| path.parts.get(count..)) {
        let text = format!(
            "{shown} is not where the package is: only the last part of '{}' is used",
            PACKAGE_PATH.name
        );
        return Some((text, format!("write {}", place(rest))));
    }
    // A file of the package without its folder, or in another one.
    let made = before.contains(&first.to_ascii_lowercase());
    if package.is_file || made || !runs(path) {
        return None;
    }
    let candidates = [path.parts.as_slice(), rest];
    let meant = candidates
        .into_iter()
        .find(|parts| !parts.is_empty() && contents.find(parts) == Found::There)?;
    let text = format!("{shown} is not where the package is");
    Some((text, format!("write {}", place(meant))))
}

/// A path in the package's own folder.
fn of_contents(
    path: &Named<'_>,
    rest: &[&str],
    before: &str,
    contents: &Contents<'_>,
) -> Option<(String, String)> {
    let shown = quoted(path.text);
    match contents.find(rest) {
        Found::LeftOut if runs(path) && !before.contains(&path.text.to_ascii_lowercase()) => {
            let text = format!(
                "{shown} is excluded from the package by '{}'",
                PACKAGE_EXCLUDE.name
            );
            let hint = format!(
                "remove the pattern from '{}', or add a line with '!' and the file",
                PACKAGE_EXCLUDE.name
            );
            Some((text, hint))
        }
        Found::Missing { near } => {
            let place = match path.provisioner {
                Provisioner::PowerShell => "buildartifacts",
                Provisioner::Shell => "/tmp",
            };
            // Whatever ran or was unpacked before may have made it.
            let first = !before.contains(place);
            let made = before.contains(&path.text.to_ascii_lowercase());
            let sure = runs(path) && !made && (first || near.is_some());
            let hint = match near {
                Some(near) => format!("did you mean {}?", quoted(&near)),
                None => format!("put the file into the folder of '{}'", PACKAGE_PATH.name),
            };
            sure.then(|| (format!("{shown} is not in the package"), hint))
        }
        Found::There | Found::LeftOut | Found::NotKnown => None,
    }
}

fn place_of(package: &Package, provisioner: Provisioner, rest: &[&str]) -> String {
    let (place, separator) = match provisioner {
        Provisioner::PowerShell => (WINDOWS, "\\"),
        Provisioner::Shell => (LINUX, "/"),
    };
    let parts: Vec<_> = std::iter::once(package.name.as_str())
        .chain(rest.iter().copied())
        .collect();
    format!("{place}{}", parts.join(separator))
}

fn trailing_parts(folder: &Path) -> Vec<String> {
    let parts = folder.components().skip(1);
    parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect()
}

/// Words after which a file is run or read, so that it has to be there.
const RUNS_ON_WINDOWS: &[&str] = &[
    "&",
    ".",
    "-file",
    "-filepath",
    "/i",
    "/c",
    "start-process",
    "import-module",
    "get-content",
    "expand-archive",
];
const RUNS_ON_LINUX: &[&str] = &[
    ".", "bash", "dash", "env", "exec", "perl", "python", "python3", "sh", "source", "sudo",
];

/// Whether the line runs or reads what the path names.
fn runs(path: &Named<'_>) -> bool {
    let command = path
        .before
        .rsplit([';', '|', '{', '('])
        .next()
        .unwrap_or_default();
    let mut words = command.split_whitespace();
    match path.provisioner {
        Provisioner::PowerShell => words.next_back().map_or(path.before.is_empty(), |word| {
            RUNS_ON_WINDOWS.contains(&word.to_ascii_lowercase().as_str())
        }),
        Provisioner::Shell => {
            let command = command.rsplit("&&").next().unwrap_or_default();
            command.split_whitespace().all(|word| {
                word.starts_with('-') || word.contains('=') || RUNS_ON_LINUX.contains(&word)
            })
        }
    }
}

/// The package as the build VM sees it.
struct Contents<'a> {
    package: &'a Package,
    /// Whether letter case counts.
    exact: bool,
}

/// Whether a path is in the package.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    There,
    /// In the folder, and not in the package.
    LeftOut,
    Missing {
        /// The name in the same folder that it looks like.
        near: Option<String>,
    },
    /// A folder on the way cannot be read, or is a link.
    NotKnown,
}

impl<'a> Contents<'a> {
    fn of(package: &'a Package, provisioner: Provisioner) -> Self {
        Self {
            package,
            exact: provisioner == Provisioner::Shell,
        }
    }

    /// Whether these are one name in the build VM.
    fn same(&self, a: &str, b: &str) -> bool {
        a == b || (!self.exact && a.to_lowercase() == b.to_lowercase())
    }

    fn find(&self, parts: &[&str]) -> Found {
        let mut inside = PathBuf::new();
        for (index, part) in parts.iter().enumerate() {
            let last = index + 1 == parts.len();
            let Some(names) = names(&self.package.folder.join(&inside)) else {
                return Found::NotKnown;
            };
            // Windows starts a program without the end of its name.
            let stem = |name: &str| name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
            let fits = |name: &&String| {
                self.same(name, part)
                    || (last
                        && !self.exact
                        && stem(name).is_some_and(|stem| self.same(&stem, part)))
            };
            let Some(name) = names.iter().find(fits) else {
                let near = nearest(part, names.iter().map(String::as_str));
                return Found::Missing {
                    near: near.map(str::to_owned),
                };
            };
            inside.push(name);
            let path = self.package.folder.join(&inside);
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                return Found::NotKnown;
            };
            if self.package.exclude.excludes(&inside, metadata.is_dir()) {
                return Found::LeftOut;
            }
            if metadata.is_symlink() {
                return if last { Found::There } else { Found::NotKnown };
            }
        }
        Found::There
    }
}

fn names(folder: &Path) -> Option<Vec<String>> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    Some(
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect(),
    )
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
