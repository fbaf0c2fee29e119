//! What is about to be packed, counted before anything is read.

use std::path::Path;

use super::package_failure::PackageFailure;
use super::walk::{Kind, Walk};
use crate::file::Exclusion;

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
