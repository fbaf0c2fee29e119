//! What the package holds, asked path by path: a large package has more names than are worth keeping.

use std::fs;
use std::path::{Path, PathBuf};

use crate::inputs::plan::{Package, Provisioner};
use crate::inputs::spelling::nearest;

/// The package as the build VM sees it.
pub(super) struct Contents<'a> {
    package: &'a Package,
    /// Whether letter case counts.
    exact: bool,
}

/// Whether a path is in the package.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
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
    pub(super) fn of(package: &'a Package, provisioner: Provisioner) -> Self {
        Self {
            package,
            exact: provisioner == Provisioner::Shell,
        }
    }

    /// Whether these are one name in the build VM.
    pub(super) fn same(&self, a: &str, b: &str) -> bool {
        a == b || (!self.exact && a.to_lowercase() == b.to_lowercase())
    }

    pub(super) fn find(&self, parts: &[&str]) -> Found {
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
