//! A script that a VM runs by itself, with a run command: as the image builder would run it, so that a check means the same in both.

use super::package_link::{Address, PackageLink};
use super::{own_script, unpacking};
use crate::inputs::{Package, Provisioner};

pub use unpacking::PARAMETER;

/// The text of a script that runs `lines`. With a package it first brings that to its place; `sha256` is the sum of the archive, whose address is
/// in parameter [`PARAMETER`]: the text can be read by others.
///
/// The image builder runs lines for Linux by `/bin/sh -e`, and ends Windows PowerShell with the exit code of the last program.
pub fn script_in_vm(
    provisioner: Provisioner,
    lines: &[String],
    package: Option<(&Package, &str)>,
) -> String {
    let mut script = Vec::new();
    match provisioner {
        Provisioner::Shell => {
            script.extend(["#!/bin/sh -e", "set -e"].map(str::to_owned));
            if let Some((package, sha256)) = package {
                script.push("(".to_owned());
                // A run command is run as root, and not every image has this program.
                script.push("command -v sudo > /dev/null 2>&1 || sudo() { \"$@\"; }".to_owned());
                script.extend(unpacking::linux_download(package));
                script.extend(unpacking::linux(package, sha256));
                script.push(") || exit 1".to_owned());
            }
            script.extend(lines.iter().cloned());
        }
        Provisioner::PowerShell => {
            if let Some((package, sha256)) = package {
                let link = PackageLink {
                    address: Address::Parameter,
                    sha256: sha256.to_owned(),
                };
                script.push(format!("param([string]${PARAMETER})"));
                script.extend(unpacking::windows(package, &link));
                script.push(format!("Remove-Variable -Name {PARAMETER}"));
            }
            let own = own_script::powershell(lines, false);
            script.extend(own);
            script.push("exit $LASTEXITCODE".to_owned());
        }
    }
    script.join("\n") + "\n"
}
