//! Folders on the disk, listed: in which order, and what is refused or left out.

use super::*;

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
