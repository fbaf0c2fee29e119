//! Files on the agent's machine, opened so that nobody waits for ever, and written so that nobody else reads them; and which ones stay out of a package.
//!
//! Whoever can write to a folder of the job can put a pipe where a file is expected: opening one waits until someone writes into it, and that
//! may be never.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Opens the regular file at `path` for reading. Links are followed.
///
/// # Errors
/// As for [`File::open`]; and for a pipe, a device, a socket or a folder, at once.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    do_not_wait(&mut options);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is not a regular file"))
}

/// The content of the regular file at `path`.
///
/// # Errors
/// As for [`open`]; and for a file of more than `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = open(path)?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= most) {
        return Ok(content);
    }
    let text = format!("it has more than {most} bytes");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
}

/// Makes the file at `path`, which the agent's user alone can read. Whatever was there under this name is replaced, not written into: a pipe
/// would wait, and a link would lead elsewhere.
///
/// # Errors
/// As for [`OpenOptions::open`].
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    keep_private(&mut options);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options.open(path)
        }
        other => other,
    }
}

/// Writes `content` to the file at `path`, as [`create`] makes it.
///
/// # Errors
/// As for [`create`], and for writing.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    create(path)?.write_all(content.as_ref())
}

#[cfg(unix)]
fn do_not_wait(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
}

/// A pipe of Windows has no place in a folder.
#[cfg(not(unix))]
fn do_not_wait(_: &mut OpenOptions) {}

#[cfg(unix)]
fn keep_private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

/// The agent's folder for temporary files is the agent's alone there.
#[cfg(not(unix))]
fn keep_private(_: &mut OpenOptions) {}

/// What stays out of a package: the patterns of `.gitignore`, of which the last one that fits decides.
///
/// Git's rules have corners that nobody should write twice; this is what ripgrep uses.
#[derive(Debug, Clone)]
pub struct Exclusion {
    lines: Vec<String>,
    patterns: Gitignore,
}

impl Default for Exclusion {
    /// Everything stays in.
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            patterns: Gitignore::empty(),
        }
    }
}

impl PartialEq for Exclusion {
    fn eq(&self, other: &Self) -> bool {
        self.lines == other.lines
    }
}

impl Eq for Exclusion {}

impl Exclusion {
    /// One pattern in each line; empty lines and comments (`#`) mean nothing.
    ///
    /// # Errors
    /// The first line that is no pattern.
    pub fn of<'l>(lines: impl IntoIterator<Item = &'l str>) -> Result<Self, ignore::Error> {
        let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        let mut builder = GitignoreBuilder::new("");
        for line in &lines {
            builder.add_line(None, line)?;
        }
        let patterns = builder.build()?;
        Ok(Self { lines, patterns })
    }

    /// The patterns as they are written, comments included.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether `name`, a path inside the package, stays out. Nothing below a folder that stays out comes in again: the folder is not looked
    /// into.
    pub fn excludes(&self, name: &Path, is_folder: bool) -> bool {
        self.patterns.matched(name, is_folder).is_ignore()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A named pipe at `path`.
    #[cfg(unix)]
    pub(crate) fn make_pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }

    #[test]
    fn a_file_is_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let error = read(&path, 4).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 4 bytes");
        let error = read(folder.path(), 4).unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
        let missing = read(&folder.path().join("b"), 4).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_waits_for_a_pipe_or_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        make_pipe(&pipe);
        for path in [&pipe, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = open(path).unwrap_err();
            let expected = "it is not a regular file";
            assert_eq!(error.to_string(), expected, "{}", path.display());
        }
        write(&pipe, "a file now").unwrap();
        assert_eq!(read(&pipe, 100).unwrap(), b"a file now");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_is_private_and_goes_where_it_belongs() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&elsewhere, "kept").unwrap();
        symlink(&elsewhere, &path).unwrap();
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "kept");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        let check = |lines: &[&str], name: &str, expected: bool| {
            let excluded = Exclusion::of(lines.iter().copied())
                .unwrap()
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
        let failure = Exclusion::of(["[z-a]"]).unwrap_err();
        assert!(failure.to_string().contains("[z-a]"), "{failure}");
    }
}
