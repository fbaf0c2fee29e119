//! What of the folder stays out of the package: patterns as in `.gitignore` (<https://git-scm.com/docs/gitignore#_pattern_format>).

use std::path::Path;

// Git's rules have corners that nobody should write twice; this is what ripgrep uses.
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::archive::PackageFailure;

/// Patterns, the last one that fits decides.
#[derive(Debug)]
pub(super) struct Exclusion(Gitignore);

impl Exclusion {
    /// One pattern in each line; empty lines and comments (`#`) mean nothing.
    pub(super) fn of(lines: &[String]) -> Result<Self, PackageFailure> {
        let mut builder = GitignoreBuilder::new("");
        let failed = |error: ignore::Error| PackageFailure::Pattern(error.to_string());
        for line in lines {
            builder.add_line(None, line).map_err(failed)?;
        }
        builder.build().map(Self).map_err(failed)
    }

    /// Whether `name`, a path inside the package, stays out. Nothing below a folder that stays out comes in again: the folder is not looked
    /// into.
    pub(super) fn excludes(&self, name: &Path, is_folder: bool) -> bool {
        self.0.matched(name, is_folder).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusion(lines: &[&str]) -> Exclusion {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        Exclusion::of(&lines).unwrap()
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        let check = |lines: &[&str], name: &str, expected: bool| {
            let excluded = exclusion(lines)
                .excludes(Path::new(name.trim_end_matches('/')), name.ends_with('/'));
            assert_eq!(excluded, expected, "{lines:?} {name}");
        };
        check(&[], "a", false);
        check(&["# a", "", "a"], "a", true);
        check(&["*.log"], "deep/down/x.log", true);
        check(&["/x.log"], "x.log", true);
        check(&["/x.log"], "deep/x.log", false);
        check(&[".git/"], ".git/", true);
        check(&[".git/"], ".git", false);
        check(&["docs/*.md"], "docs/a.md", true);
        check(&["docs/*.md"], "docs/de/a.md", false);
        check(&["docs/**/*.md"], "docs/de/a.md", true);
        check(&["*.log", "!keep.log"], "keep.log", false);
        check(&["it's [ab] file"], "it's a file", true);
        check(&["größe"], "größe", true);
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let failure = Exclusion::of(&["[z-a]".to_owned()]).unwrap_err();
        assert!(failure.to_string().contains("[z-a]"), "{failure}");
    }
}
