//! What a package holds: the entries of a folder, in an order that depends on their names alone, and how much they are.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::package::{PackageFailure, unreadable};
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

/// The size of a package, without its exclusions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files and symbolic links.
    pub files: u64,
    /// Length of all files together.
    pub bytes: u64,
    /// Whether a Git repository goes along: a folder `.git`, at any depth.
    pub holds_git: bool,
}

/// Walks through `folder`.
pub(super) fn survey(folder: &Path, exclude: Exclusion) -> Result<Survey, PackageFailure> {
    let mut survey = Survey::default();
    for entry in Walk::of(folder, exclude)? {
        let entry = entry?;
        match entry.kind {
            Kind::Folder => {
                survey.holds_git |= entry.name.file_name().is_some_and(|own| own == ".git");
            }
            Kind::Link { .. } => survey.files += 1,
            Kind::File { length } => {
                survey.files += 1;
                survey.bytes += length;
            }
        }
    }
    Ok(survey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn walk(folder: &Path) -> Result<Walk, PackageFailure> {
        Walk::of(folder, Exclusion::default())
    }

    fn names(folder: &Path) -> Vec<String> {
        let walk = walk(folder).unwrap();
        walk.map(|entry| slashed(&entry.unwrap().name).unwrap())
            .collect()
    }

    #[test]
    fn folders_come_before_their_contents_and_siblings_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["b/inner", "empty", "a b"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in [".hidden", "b/z", "b/inner/x", "b.txt", "Z"] {
            fs::write(root.join(name), "").unwrap();
        }
        let expected = [
            ".hidden",
            "Z",
            "a b",
            "b",
            "b/inner",
            "b/inner/x",
            "b/z",
            "b.txt",
            "empty",
        ];
        assert_eq!(names(root), expected);
    }

    #[test]
    fn links_may_point_anywhere_inside_the_package() {
        let check = |link: &str, target: &str, expected: bool| {
            assert_eq!(
                stays_inside(Path::new(link), Path::new(target)),
                expected,
                "{link} -> {target}"
            );
        };
        check("link", "file", true);
        check("link", "./folder/file", true);
        check("folder/link", "../file", true);
        check("a/b/link", "../../c/../d", true);
        check("link", "../file", false);
        check("folder/link", "../../file", false);
        check("link", "folder/../../file", false);
        check("link", "/etc/passwd", false);
    }

    #[test]
    fn what_is_missing_or_no_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("drop");
        assert_eq!(
            walk(&missing).unwrap_err(),
            PackageFailure::Missing(missing)
        );
        #[cfg(unix)]
        {
            let device = PathBuf::from("/dev/null");
            let failure = walk(&device).unwrap_err();
            assert_eq!(failure, PackageFailure::NotAFolder(device));
        }
    }

    #[test]
    fn a_single_file_is_a_package_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("setup.sh");
        fs::write(&file, "").unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        assert_eq!(names(&file), ["setup.sh"]);
    }

    #[test]
    fn an_entry_that_vanishes_after_listing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone");
        fs::write(&path, "").unwrap();
        let mut walk = walk(folder.path()).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(
            walk.next().unwrap().unwrap_err(),
            PackageFailure::Missing(path)
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_package_and_sockets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/hosts", &link).unwrap();
        let failure = walk(folder.path()).unwrap().next().unwrap();
        let target = PathBuf::from("/etc/hosts");
        assert_eq!(
            failure.unwrap_err(),
            PackageFailure::LinkOutside { path: link, target }
        );

        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let failure = walk(folder.path()).unwrap().next().unwrap();
        assert!(matches!(failure, Err(PackageFailure::Special { path }) if path == socket));
        drop(listener);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_excluded_is_neither_listed_nor_judged() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("node_modules/x")).unwrap();
        fs::write(root.join("kept"), "").unwrap();
        std::os::unix::fs::symlink("/etc/hosts", root.join("outside")).unwrap();
        let exclude = Exclusion::of(["node_modules/", "outside"]).unwrap();
        let walk = Walk::of(root, exclude).unwrap();
        let names: Vec<_> = walk.map(|entry| entry.unwrap().name).collect();
        assert_eq!(names, [PathBuf::from("kept")]);
    }

    #[test]
    fn a_package_is_counted_without_what_is_excluded() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("app/.git/objects")).unwrap();
        fs::write(root.join("app/.git/objects/1"), [0; 100]).unwrap();
        fs::write(root.join("app/main.js"), [0; 20]).unwrap();
        fs::write(root.join("app/main.log"), [0; 3]).unwrap();
        let check = |exclude: &[&str], files: u64, bytes: u64, holds_git: bool| {
            let expected = Survey {
                files,
                bytes,
                holds_git,
            };
            let patterns = Exclusion::of(exclude.iter().copied()).unwrap();
            assert_eq!(survey(root, patterns).unwrap(), expected, "{exclude:?}");
        };
        check(&[], 3, 123, true);
        check(&["*.log"], 2, 120, true);
        check(&[".git", "*.log"], 1, 20, false);
        check(&["app"], 0, 0, false);
    }
}
