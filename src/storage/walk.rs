//! What a package holds: the entries of a folder, in an order that depends on their names alone.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::package_failure::{PackageFailure, unreadable};
use crate::file::Exclusion;

/// One thing in the package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it is on this machine.
    pub(super) path: PathBuf,
    /// Its path inside the package.
    pub(super) name: PathBuf,
    /// Unix permissions, without the set-id and sticky bits.
    pub(super) mode: u32,
    /// What it is.
    pub(super) kind: Kind,
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder; its contents follow.
    Folder,
    /// A file.
    File {
        /// Length in bytes when it was listed.
        length: u64,
    },
    /// A symbolic link, kept as a link.
    Link {
        /// What it points to, relative to the link.
        target: PathBuf,
    },
}

/// The entries of a folder, each folder before its contents, siblings by name. Holds the names that are still to come, not the tree.
#[derive(Debug)]
pub(super) struct Walk {
    root: PathBuf,
    exclusion: Exclusion,
    /// Names inside the package; the next one is last.
    pending: Vec<PathBuf>,
}

impl Walk {
    /// Lists `folder`, which is not itself an entry: its contents are at the root of the package. A single file is there itself.
    pub(super) fn of(folder: &Path, exclusion: Exclusion) -> Result<Self, PackageFailure> {
        let metadata = fs::metadata(folder).map_err(|error| unreadable(folder, &error))?;
        if let (true, Some(root), Some(own)) =
            (metadata.is_file(), folder.parent(), folder.file_name())
        {
            return Ok(Self {
                root: root.to_owned(),
                exclusion,
                pending: vec![PathBuf::from(own)],
            });
        }
        if !metadata.is_dir() {
            return Err(PackageFailure::NotAFolder(folder.to_owned()));
        }
        let mut walk = Self {
            root: folder.to_owned(),
            exclusion,
            pending: Vec::new(),
        };
        walk.list(Path::new(""))?;
        Ok(walk)
    }

    /// Puts the contents of the folder `name` next in line.
    fn list(&mut self, name: &Path) -> Result<(), PackageFailure> {
        let folder = self.root.join(name);
        let names: Result<Vec<_>, io::Error> = fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
        let mut names = names.map_err(|error| unreadable(&folder, &error))?;
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.pending
            .extend(names.into_iter().map(|own| name.join(own)));
        Ok(())
    }

    /// Nothing if it stays out of the package.
    fn entry(&mut self, name: PathBuf) -> Result<Option<Entry>, PackageFailure> {
        let path = self.root.join(&name);
        let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if self.exclusion.excludes(&name, metadata.is_dir()) {
            return Ok(None);
        }
        let kind = if metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
            if !stays_inside(&name, &target) {
                return Err(PackageFailure::LinkOutside { path, target });
            }
            Kind::Link { target }
        } else if metadata.is_dir() {
            self.list(&name)?;
            Kind::Folder
        } else if metadata.is_file() {
            Kind::File {
                length: metadata.len(),
            }
        } else {
            return Err(PackageFailure::Special { path });
        };
        Ok(Some(Entry {
            mode: mode(&metadata),
            path,
            name,
            kind,
        }))
    }
}

impl Iterator for Walk {
    type Item = Result<Entry, PackageFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let name = self.pending.pop()?;
            if let Some(entry) = self.entry(name).transpose() {
                return Some(entry);
            }
        }
    }
}

/// Whether a link ends inside the package, judged by names: a link that dangles here may be sound on the build VM, one that leaves the
/// package never is.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o777
}

/// Windows keeps no executable bit. A script that cannot be run is worse than a text that can, so everything may be executed.
#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0o755
}

/// `path` with forward slashes, if it is Unicode.
pub(super) fn slashed(path: &Path) -> Option<String> {
    let parts: Option<Vec<_>> = path
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    Some(parts?.join("/"))
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
