//! Files of the agent, and what is there in place of them.

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
