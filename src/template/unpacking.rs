//! The lines that bring the package to its place in the build VM, before the author's own.
//!
//! The places are those of the original task. The archive stays beside the folder, because scripts read it (Microsoft's own sample for scale
//! sets does). The author's lines must find the shell as it starts: same folder, same preferences, no new variables.
//!
//! A test runs the lines for Linux. Those for Windows are read by a grammar of the language only: Windows PowerShell is not among what tests may need.

use super::{Address, PackageLink, quoting};
use crate::inputs::Package;
use crate::resource::ResourceId;

/// Where the build VM of Linux gets the archive: only `/tmp` can be written by a file customizer
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#file-customizer>).
pub(super) fn linux_archive(name: &str) -> String {
    format!("/tmp/{name}.tar.gz")
}

/// Where the build VM of Windows gets the archive.
pub(super) fn windows_archive(name: &str) -> String {
    format!(r"c:\buildartifacts\{name}.zip")
}

/// Makes the archive's folder: a file customizer does not.
pub(super) const WINDOWS_FOLDER: &str =
    r"New-Item -ItemType Directory -Force -Path 'c:\buildartifacts' | Out-Null";

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
    let Package { name, is_file, .. } = package;
    let expected = quoting::powershell(&link.sha256);
    let archive = quoting::powershell(&windows_archive(name));
    let folder = quoting::powershell(&format!(r"c:\buildartifacts\{name}"));
    let target = if *is_file {
        r"'c:\buildartifacts'"
    } else {
        "$folder"
    };
    let start = [
        "& {",
        "    $ErrorActionPreference = 'Stop'",
        "    $ProgressPreference = 'SilentlyContinue'",
        &format!("    $link = {}", quoting::powershell(link.address.url())),
        &format!("    $archive = {archive}"),
        &format!("    $folder = {folder}"),
        &format!("    $expected = {expected}"),
        "    $protocol = [Net.ServicePointManager]::SecurityProtocol",
        "    try {",
        "        [Net.ServicePointManager]::SecurityProtocol = $protocol -bor [Net.SecurityProtocolType]::Tls12",
        "        New-Item -ItemType Directory -Force -Path 'c:\\buildartifacts' | Out-Null",
        "        for ($attempt = 1; ; $attempt++) {",
        "            try {",
    ];
    let end = [
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
    let download = download(&link.address);
    let download = download
        .iter()
        .map(|line| format!("                {line}"));
    let start = start.map(str::to_owned).into_iter();
    start
        .chain(download)
        .chain(end.map(str::to_owned))
        .collect()
}

/// The lines that bring `$link` to `$archive`, unless the service has brought it.
fn download(address: &Address) -> Vec<String> {
    match address {
        Address::ForService(_) => Vec::new(),
        Address::Signed(_) => {
            vec!["Invoke-WebRequest -UseBasicParsing -Uri $link -OutFile $archive".to_owned()]
        }
        Address::ForVm { identity, .. } => vec![
            format!("$token = {}", quoting::powershell(&token_address(identity))),
            "$token = Invoke-RestMethod -UseBasicParsing -Headers @{ Metadata = 'true' } -Uri $token".to_owned(),
            "$headers = @{ Authorization = 'Bearer ' + $token.access_token; 'x-ms-version' = '2025-05-05' }".to_owned(),
            "Invoke-WebRequest -UseBasicParsing -Headers $headers -Uri $link -OutFile $archive".to_owned(),
        ],
    }
}

/// Where a VM asks for a token of one of its identities
/// (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).
fn token_address(identity: &ResourceId) -> String {
    let mut url = String::from(
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F&msi_res_id=",
    );
    url.extend(url::form_urlencoded::byte_serialize(
        identity.as_str().as_bytes(),
    ));
    url
}
