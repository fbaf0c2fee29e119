//! Folders that cannot be uploaded, on agents with `/` in their paths.

use std::fs;

use crate::job::{Job, job};
use crate::problems::{check, problems};

#[test]
fn package_folders_that_cannot_be_uploaded() {
    let wrong = |job: Job, path: &str, expected: &str| {
        let path = job.path(path);
        let path = path.to_str().unwrap().trim_end_matches('/').to_owned();
        check(job, "packagePath", &path, expected);
    };
    wrong(
        job().package("drop/Scripts"),
        "drop/scripts",
        "AIB104 Input 'packagePath': '{dir}/drop/scripts' does not exist\nhint: '{dir}/drop' contains 'Scripts'; paths are case-sensitive on Linux agents",
    );
    wrong(
        job().package("Drop/scripts"),
        "drop/scripts/more",
        "AIB104 Input 'packagePath': '{dir}/drop/scripts/more' does not exist\nhint: '{dir}' contains 'Drop'; paths are case-sensitive on Linux agents",
    );
    wrong(
        job(),
        "webap",
        "AIB104 Input 'packagePath': '{dir}/webap' does not exist\nhint: '{dir}' contains 'webapp'; did you mean that?",
    );
    wrong(
        job(),
        "else",
        "AIB104 Input 'packagePath': '{dir}/else' does not exist\nhint: create it in an earlier step, such as a checkout or a download of artifacts; with 'checkout: none' there are no files",
    );
    check(
        job(),
        "packagePath",
        "/dev/null",
        "AIB104 Input 'packagePath': '/dev/null' is neither a folder nor a file; expected a folder",
    );
    let empty = job();
    fs::create_dir(empty.path("empty")).unwrap();
    wrong(
        empty,
        "empty",
        "AIB104 Input 'packagePath': '{dir}/empty' is empty\nhint: an earlier step of this job must put files into it, such as a download of the pipeline artifact",
    );
    let whole = "is the working directory of the whole job, which the agent sets if the input is empty; expected a folder in it, for example drop/webapp\nhint: to upload all of it on purpose, write '$(System.DefaultWorkingDirectory)/' with a slash at the end; for a build without a package, remove 'storageAccountName' as well";
    wrong(
        job(),
        "",
        &format!("AIB104 Input 'packagePath': '{{dir}}' {whole}"),
    );
    let mut sources = job();
    sources.given.sources_directory = Some(sources.path("webapp"));
    wrong(
        sources,
        "webapp",
        &format!("AIB104 Input 'packagePath': '{{dir}}/webapp' {whole}"),
    );
    check(
        job(),
        "packagePath",
        "/",
        "AIB104 Input 'packagePath': '/' does not end in a name that a folder in the build VM can have; expected a folder, for example drop/webapp",
    );
}

/// A pipeline that moves from a Windows agent.
#[cfg(unix)]
#[test]
fn a_drive_of_windows_is_named() {
    for text in [r"C:\agent\_work\1\s\drop", "C:/agent/_work/1/s/drop"] {
        check(
            job(),
            "packagePath",
            text,
            "AIB104 Input 'packagePath': '{dir}/C:/agent/_work/1/s/drop' does not exist\nhint: 'C:' is a drive of Windows, and this agent does not run Windows: write a path relative to the sources folder, or begin it with a variable such as '$(Build.SourcesDirectory)'",
        );
    }
}

#[test]
fn package_folders_that_windows_cannot_have() {
    let named = |name: &str| job().package(name);
    assert!(named("a:b").plan().is_ok());
    assert_eq!(
        problems(&named("a:b").input("provisioner", "powershell")),
        [
            "AIB104 Input 'packagePath': '{dir}/a:b' ends in a name that Windows does not accept for a folder: ':' is not allowed in a name there; expected a folder, for example drop/webapp\nhint: rename the folder, or set 'provisioner' to 'shell' for a Linux image"
        ]
    );
    assert_eq!(
        problems(&named("a\nb")),
        [
            "AIB104 Input 'packagePath': '{dir}/a b' does not end in a name that a folder in the build VM can have; expected a folder, for example drop/webapp"
        ]
    );
}

/// All that does not fit is told of at once, before anything is sent, and can be left out.
#[cfg(unix)]
#[test]
fn packages_that_windows_cannot_have() {
    let named = |exclude: &str| {
        let job = job().input("provisioner", "powershell");
        let folder = job.path("webapp");
        for name in ["a:b", "nul.txt", "Install.sh"] {
            fs::write(folder.join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("install.sh", folder.join("link")).unwrap();
        job.input("packageExclude", exclude)
    };
    let expected = "AIB112 Input 'packagePath': '{dir}/webapp' contains what the build VM (Windows) does not support: 'a:b' (':' is not allowed in a name there), 'install.sh' (differs from 'Install.sh' in letter case alone), 'link' (a symbolic link, which becomes a text file there), 'nul.txt' ('nul' is a device there)\nhint: change them in the package, or leave them out of it with input 'packageExclude', for example with the line '/a:b'";
    assert_eq!(problems(&named("")), [expected]);
    assert!(named("/a:b\nnul.*\nlink\nInstall.sh").plan().is_ok());
    assert!(named("").input("provisioner", "shell").plan().is_ok());
    let many = named("");
    for number in 0..20 {
        fs::write(many.path("webapp").join(format!("{number}?")), "").unwrap();
    }
    let [told] = &problems(&many)[..] else {
        panic!("one problem")
    };
    assert!(told.contains(") and 14 more\nhint: "), "{told}");
}

#[test]
fn patterns_of_what_stays_out_are_kept_line_by_line() {
    let given = |lines: &str| {
        let plan = job().input("packageExclude", lines).plan();
        plan.unwrap().package.unwrap().exclude.lines().to_vec()
    };
    assert!(
        job()
            .plan()
            .unwrap()
            .package
            .unwrap()
            .exclude
            .lines()
            .is_empty()
    );
    assert!(given(" \n").is_empty());
    assert_eq!(
        given("/.git/\r\n# logs\n\n*.log\n"),
        ["/.git/", "# logs", "", "*.log"]
    );
    check(
        job(),
        "packageExclude",
        "*.log\n[z-a]",
        "AIB101 Input 'packageExclude': '[z-a]' is not a pattern; expected .gitignore patterns, one per line, for example node_modules/",
    );
}

#[test]
fn a_single_file_is_a_package() {
    let file = job();
    let path = file.path("webapp/install.sh").to_str().unwrap().to_owned();
    let plan = file.input("packagePath", &path).plan().unwrap();
    assert!(plan.package.as_ref().unwrap().is_file);
    assert_eq!(plan.package.unwrap().name, "install.sh");
    assert!(!job().plan().unwrap().package.unwrap().is_file);
}
