//! The lines that bring the package to its place in the build VM, before the author's own.
//!
//! The places are those of the original task. The archive stays beside the folder, because scripts read it (Microsoft's own sample for scale
//! sets does). The author's lines must find the shell as it starts: same folder, same preferences, no new variables.
//!
//! A test runs the lines for Linux. Those for Windows are only compared with a golden file: Windows PowerShell is not among what tests may need.

use super::quoting;

/// Where the build VM of Linux gets the archive: only `/tmp` can be written by a file customizer
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#file-customizer>).
pub(super) fn linux_archive(name: &str) -> String {
    format!("/tmp/{name}.tar.gz")
}

/// All inline lines run as one script of `/bin/sh`. A single file, of which the archive has nothing else, comes to lie beside its archive.
pub(super) fn linux(name: &str, is_file: bool) -> Vec<String> {
    let archive = quoting::shell(&linux_archive(name));
    if is_file {
        return vec![format!("sudo tar -xzf {archive} -C /tmp/ || exit 1")];
    }
    let folder = quoting::shell(&format!("/tmp/{name}"));
    vec![
        format!("mkdir -p {folder} || exit 1"),
        format!("sudo tar -xzf {archive} -C {folder} || exit 1"),
    ]
}

/// All inline lines run as one script of Windows PowerShell. A block of its own keeps variables and preferences from the author's lines; what the
/// process shares, the TLS setting, is put back. An exception that leaves the block ends the script, and with it the build.
pub(super) fn windows(name: &str, link: &str, is_file: bool) -> Vec<String> {
    let link = quoting::powershell(link);
    let archive = quoting::powershell(&format!(r"c:\buildartifacts\{name}.zip"));
    let folder = quoting::powershell(&format!(r"c:\buildartifacts\{name}"));
    let target = if is_file {
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
        "    $protocol = [Net.ServicePointManager]::SecurityProtocol",
        "    try {",
        "        [Net.ServicePointManager]::SecurityProtocol = $protocol -bor [Net.SecurityProtocolType]::Tls12",
        "        New-Item -ItemType Directory -Force -Path 'c:\\buildartifacts' | Out-Null",
        "        for ($attempt = 1; ; $attempt++) {",
        "            try {",
        "                Invoke-WebRequest -UseBasicParsing -Uri $link -OutFile $archive",
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
