//! Files on the agent's machine, opened so that nobody waits for ever, and written so that nobody else reads them.
//!
//! Whoever can write to a folder of the job can put a pipe where a file is expected: opening one waits until someone writes into it, and that
//! may be never.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

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

#[cfg(test)]
#[path = "file/file_tests.rs"]
pub(crate) mod tests;
