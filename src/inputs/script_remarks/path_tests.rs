//! Scripts against a package, with what is told of them.

use std::fs;

use super::*;
use crate::file::Exclusion;
use crate::inputs::plan::{ArchiveFormat, PackageAccess};

/// A folder `images` in `wvd`, with some files.
fn package(root: &Path, exclude: &[&str]) -> Package {
    let folder = root.join("wvd/images");
    fs::create_dir_all(folder.join("scripts")).unwrap();
    for name in [
        "install.ps1",
        "install.sh",
        "scripts/base-installs.ps1",
        "scripts/base.sh",
        "setup.exe",
    ] {
        fs::write(folder.join(name), "").unwrap();
    }
    Package {
        folder,
        is_file: false,
        exclude: Exclusion::of(exclude.iter().copied()).unwrap(),
        name: "images".to_owned(),
        storage_account: String::new(),
        blob_name: String::new(),
        format: ArchiveFormat::Zip,
        access: PackageAccess::Auto,
        retention: None,
    }
}

fn remarks_on(script: &str, provisioner: Provisioner, exclude: &[&str]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let remarks = remarks(script, provisioner, &package(root.path(), exclude));
    let remarks_on = remarks
        .iter()
        .map(|remark| format!("{}: {}; {}", remark.line, remark.text, remark.hint));
    remarks_on.collect()
}

#[test]
fn paths_of_windows() {
    let check = |script: &str, expected: &str| {
        assert_eq!(
            remarks_on(script, Provisioner::PowerShell, &["*.exe"]),
            [expected],
            "{script}"
        );
    };
    check(
        "Write-Host x\n& 'c:\\buildartifacts\\wvd\\images\\scripts\\base-installs.ps1'",
        r"2: 'c:\buildartifacts\wvd\images\scripts\base-installs.ps1' is not where the package is: only the last part of 'packagePath' is used; write 'c:\buildartifacts\images\scripts\base-installs.ps1'",
    );
    check(
        r"Copy-Item C:\BuildArtifacts\wvd\images\* c:\x; Get-Content C:\BuildArtifacts\WVD\Images\a",
        r"1: 'C:\BuildArtifacts\WVD\Images\a' is not where the package is: only the last part of 'packagePath' is used; write 'c:\buildartifacts\images\a'",
    );
    check(
        r"& c:\buildartifacts\install.ps1",
        r"1: 'c:\buildartifacts\install.ps1' is not where the package is; write 'c:\buildartifacts\images\install.ps1'",
    );
    check(
        r"powershell -File 'c:\buildartifacts\drop\scripts\base-installs.ps1'",
        r"1: 'c:\buildartifacts\drop\scripts\base-installs.ps1' is not where the package is; write 'c:\buildartifacts\images\scripts\base-installs.ps1'",
    );
    check(
        r"& 'c:\buildartifacts\images\scripts\base-instals.ps1'",
        r"1: 'c:\buildartifacts\images\scripts\base-instals.ps1' is not in the package; did you mean 'base-installs.ps1'?",
    );
    check(
        "& 'c:\\buildartifacts\\images\\install.ps1'\n& 'c:\\buildartifacts\\images\\instal.ps1'",
        r"2: 'c:\buildartifacts\images\instal.ps1' is not in the package; did you mean 'install.ps1'?",
    );
    check(
        r"msiexec /i c:\buildartifacts\images\other.msi /qn",
        r"1: 'c:\buildartifacts\images\other.msi' is not in the package; put the file into the folder of 'packagePath'",
    );
    check(
        r"& c:\buildartifacts\images\setup.exe /q",
        r"1: 'c:\buildartifacts\images\setup.exe' is excluded from the package by 'packageExclude'; remove the pattern from 'packageExclude', or add a line with '!' and the file",
    );
    check(
        "& /tmp/images/install.ps1",
        r"1: '/tmp/images/install.ps1' is not a path of a Windows build VM; the package is in 'c:\buildartifacts\images'; write 'c:\buildartifacts\images', or set input 'provisioner' to 'shell' if the image is not Windows",
    );
}

#[test]
fn paths_of_linux() {
    let check = |script: &str, expected: &str| {
        assert_eq!(
            remarks_on(script, Provisioner::Shell, &[]),
            [expected],
            "{script}"
        );
    };
    check(
        "sudo sh /tmp/wvd/images/install.sh",
        "1: '/tmp/wvd/images/install.sh' is not where the package is: only the last part of 'packagePath' is used; write '/tmp/images/install.sh'",
    );
    check(
        "sudo bash -x /tmp/install.sh && echo done",
        "1: '/tmp/install.sh' is not where the package is; write '/tmp/images/install.sh'",
    );
    check(
        "sudo sh '/tmp/images/Install.sh'",
        "1: '/tmp/images/Install.sh' is not in the package; did you mean 'install.sh'?",
    );
    check(
        r"sh c:\buildartifacts\images\install.sh",
        r"1: 'c:\buildartifacts\images\install.sh' is not a path of a Linux build VM; the package is in '/tmp/images'; write '/tmp/images', or set input 'provisioner' to 'powershell' if the image is not Linux",
    );
}

#[test]
fn what_may_be_right_is_not_told_of() {
    for script in [
        r"& 'c:\buildartifacts\images\scripts\base-installs.ps1' -Path c:\buildartifacts\images",
        r"& C:\BuildArtifacts\Images\Install.ps1",
        r"& c:\buildartifacts\images\setup",
        r"& 'c:\buildartifacts\images\*.ps1'; & $folder\install.ps1",
        "# & 'c:\\buildartifacts\\wvd\\images\\install.ps1'",
        r"Expand-Archive c:\buildartifacts\images.zip c:\x",
        "Expand-Archive c:\\buildartifacts\\images.zip c:\\buildartifacts\\more\n& c:\\buildartifacts\\more\\install.ps1",
        "& c:\\buildartifacts\\images\\install.ps1\n& c:\\buildartifacts\\images\\made-by-it.ps1",
        r"New-Item c:\buildartifacts\images\log.txt",
        r"Copy-Item c:\other\install.ps1 c:\buildartifacts\other\install.ps1",
        r"Write-Host http://x/tmp/images",
        r"New-Item c:\tmp/images",
    ] {
        let remarks_on = remarks_on(script, Provisioner::PowerShell, &[]);
        assert!(remarks_on.is_empty(), "{script}: {remarks_on:?}");
    }
    for script in [
        "sudo sh /tmp/images/install.sh",
        "cd /tmp/images && sudo ./install.sh",
        "curl -o /tmp/install.sh https://x\nsudo sh /tmp/install.sh",
        "sudo tar -xf /tmp/images/app.tar -C /tmp/images\nsh /tmp/images/app/run.sh",
        "test -f /tmp/images/other || exit 1",
        "sudo cp /tmp/images.tar.gz /opt",
        "sh /tmp/images/my\\ app.sh",
        "sh \"/tmp/images/$name.sh\"",
        "sudo sh /var/tmp/install.sh",
        "touch /tmp/images/made; cat /tmp/images/made",
    ] {
        let remarks_on = remarks_on(script, Provisioner::Shell, &[]);
        assert!(remarks_on.is_empty(), "{script}: {remarks_on:?}");
    }
}

#[test]
fn what_the_same_line_makes_is_there() {
    let none = Vec::<String>::new();
    for script in [
        "curl -o /tmp/images/x.sh https://y && sh /tmp/images/x.sh",
        "cp /a /tmp/images/x.sh; sh /tmp/images/x.sh",
    ] {
        assert_eq!(
            remarks_on(script, Provisioner::Shell, &[]),
            none,
            "{script}"
        );
    }
    let script =
        r"iwr https://y -OutFile c:\buildartifacts\images\x.ps1; & c:\buildartifacts\images\x.ps1";
    assert_eq!(remarks_on(script, Provisioner::PowerShell, &[]), none);
}

#[test]
fn a_slash_separates_on_windows_too() {
    let script = "& 'c:/buildartifacts/wvd/images/install.ps1'";
    let expected = r"1: 'c:/buildartifacts/wvd/images/install.ps1' is not where the package is: only the last part of 'packagePath' is used; write 'c:\buildartifacts\images\install.ps1'";
    assert_eq!(remarks_on(script, Provisioner::PowerShell, &[]), [expected]);
    let script = "& 'c:/buildartifacts/images/install.ps1'";
    assert_eq!(
        remarks_on(script, Provisioner::PowerShell, &[]),
        Vec::<String>::new()
    );
}
