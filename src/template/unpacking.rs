//! The lines that bring the package to its place in the build VM, before the author's own.
//!
//! The places are those of the original task. The archive stays beside the folder, because scripts read it (Microsoft's own sample for scale
//! sets does). The author's lines must find the shell as it starts: same folder, same preferences, no new variables.
//!
//! A test runs the lines for Linux. Those for Windows are read by a grammar of the language only: Windows PowerShell is not among what tests may need.

use super::{PackageLink, quoting};
use crate::inputs::Package;

/// Where the build VM of Linux gets the archive: only `/tmp` can be written by a file customizer
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#file-customizer>).
pub(super) fn linux_archive(name: &str) -> String {
    format!("/tmp/{name}.tar.gz")
}

/// All inline lines run as one script of `/bin/sh`. A single file, of which the archive has nothing else, comes to lie beside its archive.
///
/// What an earlier build left in the source image is removed: of a symbolic link the link alone, and `mkdir` then refuses whatever was put
/// there in between.
pub(super) fn linux(package: &Package, sha256: &str) -> Vec<String> {
    let archive = quoting::shell(&linux_archive(&package.name));
    let place = quoting::shell(&format!("/tmp/{}", package.name));
    let sha256 = quoting::shell(sha256);
    let wrong = "Unpacking the package failed: %s has SHA-256 %s, expected %s";
    let mut lines = vec![
        // A subshell, so that the author's lines find no new variable.
        format!(
            "(found=$(sha256sum < {archive} | cut -d ' ' -f 1); test \"$found\" = {sha256} || {{ printf '{wrong}\\n' {archive} \"${{found:-none}}\" {sha256} >&2; exit 1; }}) || exit 1"
        ),
        format!("sudo rm -rf {place} || exit 1"),
    ];
    if package.is_file {
        lines.push(format!("sudo tar -xzf {archive} -C /tmp/ || exit 1"));
    } else {
        lines.push(format!("mkdir {place} || exit 1"));
        lines.push(format!("sudo tar -xzf {archive} -C {place} || exit 1"));
    }
    lines
}

/// All inline lines run as one script of Windows PowerShell. A block of its own keeps variables and preferences from the author's lines; what the
/// process shares, the TLS setting, is put back. An exception that leaves the block ends the script, and with it the build.
///
/// `Get-FileHash` would load a script module, which not every host may; the class is part of .NET Framework 3.5 and later, and is allowed where
/// only FIPS-certified algorithms are.
pub(super) fn windows(package: &Package, link: &PackageLink) -> Vec<String> {
    let name = &package.name;
    let expected = quoting::powershell(&link.sha256);
    let link = quoting::powershell(link.url.reveal());
    let archive = quoting::powershell(&format!(r"c:\buildartifacts\{name}.zip"));
    let folder = quoting::powershell(&format!(r"c:\buildartifacts\{name}"));
    let target = if package.is_file {
        r"'c:\buildartifacts'"
    } else {
        "$folder"
    };
    let block = [
        "& {",
        "    $ErrorActionPreference = 'Stop'",
        "    $ProgressPreference = 'SilentlyContinue'",
        &format!("    $link = {link}"),
        &format!("    $archive = {archive}"),
        &format!("    $folder = {folder}"),
        &format!("    $expected = {expected}"),
        "    $protocol = [Net.ServicePointManager]::SecurityProtocol",
        "    try {",
        "        [Net.ServicePointManager]::SecurityProtocol = $protocol -bor [Net.SecurityProtocolType]::Tls12",
        "        New-Item -ItemType Directory -Force -Path 'c:\\buildartifacts' | Out-Null",
        "        for ($attempt = 1; ; $attempt++) {",
        "            try {",
        "                Invoke-WebRequest -UseBasicParsing -Uri $link -OutFile $archive",
        "                $content = [IO.File]::OpenRead($archive)",
        "                try {",
        "                    $sha256 = New-Object Security.Cryptography.SHA256CryptoServiceProvider",
        "                    $found = [BitConverter]::ToString($sha256.ComputeHash($content)).Replace('-', '').ToLowerInvariant()",
        "                } finally {",
        "                    $content.Dispose()",
        "                }",
        "                if ($found -ne $expected) { throw \"$archive has SHA-256 $found, expected $expected\" }",
        "                break",
        "            } catch {",
        "                if ($attempt -ge 5) { throw }",
        "                Start-Sleep -Seconds (5 * $attempt)",
        "            }",
        "        }",
        "        if (Test-Path -LiteralPath $folder) { Remove-Item -LiteralPath $folder -Recurse -Force }",
        "        Add-Type -AssemblyName System.IO.Compression.FileSystem",
        &format!("        [IO.Compression.ZipFile]::ExtractToDirectory($archive, {target})"),
        "    } catch {",
        "        throw \"Unpacking the package to $folder failed: $_\"",
        "    } finally {",
        "        [Net.ServicePointManager]::SecurityProtocol = $protocol",
        "    }",
        "}",
    ];
    block.map(str::to_owned).to_vec()
}
