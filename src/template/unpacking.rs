//! How the archive of the package gets into the build VM, and the lines that bring it to its place there, before the author's own.
//!
//! The places are those of the original task. The archive stays beside the folder, because scripts read it (Microsoft's own sample for scale
//! sets does). The author's lines must find the shell as it starts: same folder, same preferences, no new variables, no errors.
//!
//! Tests run the lines for Linux in the shell of the machine, and those for Windows in PowerShell 7, where there is one.

use super::quoting;
use crate::inputs::Package;
use crate::resource::{ResourceId, single_quoted};
use crate::secret::Secret;

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
    r"[IO.Directory]::CreateDirectory('c:\buildartifacts') | Out-Null";

/// All lines run as one script of `/bin/sh`. A single file, of which the archive has nothing else, comes to lie beside its archive.
///
/// What an earlier build left in the source image is removed: of a symbolic link the link alone, and `mkdir` then refuses whatever was put
/// there in between. What a program says when it fails comes in one line, by which the failure is known.
pub(super) fn linux(package: &Package, sha256: &str) -> Vec<String> {
    let archive = single_quoted(&linux_archive(&package.name));
    let place = single_quoted(&format!("/tmp/{}", package.name));
    let sha256 = single_quoted(sha256);
    let mut lines = vec![
        // A subshell, so that the author's lines find no new variable.
        "(".to_owned(),
        "fail() { printf 'Unpacking the package failed: %s\\n' \"$(printf %s \"$1\" | tr '\\n' ' ' | cut -c 1-1000)\" >&2; exit 1; }".to_owned(),
        format!("archive={archive}"),
        format!("place={place}"),
        format!("expected={sha256}"),
        "found=$(sha256sum < \"$archive\" | cut -d ' ' -f 1)".to_owned(),
        "test \"$found\" = \"$expected\" || fail \"$archive has SHA-256 ${found:-none}, expected $expected\"".to_owned(),
        "said=$(sudo rm -rf \"$place\" 2>&1) || fail \"$said\"".to_owned(),
    ];
    if package.is_file {
        lines.push("said=$(sudo tar -xzf \"$archive\" -C /tmp/ 2>&1) || fail \"$said\"".to_owned());
    } else {
        lines.push("said=$(mkdir \"$place\" 2>&1) || fail \"$said\"".to_owned());
        lines.push(
            "said=$(sudo tar -xzf \"$archive\" -C \"$place\" 2>&1) || fail \"$said\"".to_owned(),
        );
    }
    lines.push(") || exit 1".to_owned());
    lines
}

/// All lines run as one script of Windows PowerShell. Every path is taken as it stands: `Invoke-WebRequest -OutFile` of Windows PowerShell 5.1 takes
/// one with `[` for a pattern, so a class fetches the archive. A failure comes in one line, by which it is known.
///
/// A block of its own keeps variables and preferences from the author's lines; what the process shares is put back: the TLS setting, and the list of
/// errors, in which a download that was tried again leaves some.
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
        &format!("    $link = {}", link_of(&link.address)),
        &format!("    $archive = {archive}"),
        &format!("    $folder = {folder}"),
        &format!("    $expected = {expected}"),
        "    $errors = $Error.Count",
        "    $protocol = [Net.ServicePointManager]::SecurityProtocol",
        "    try {",
        "        [Net.ServicePointManager]::SecurityProtocol = $protocol -bor [Net.SecurityProtocolType]::Tls12",
        "        [IO.Directory]::CreateDirectory('c:\\buildartifacts') | Out-Null",
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
        "        Write-Host \"Unpacking the package failed: $($_.Exception.GetBaseException().Message -replace '\\s+', ' ')\"",
        "        exit 1",
        "    } finally {",
        "        [Net.ServicePointManager]::SecurityProtocol = $protocol",
        "    }",
        "    while ($Error.Count -gt $errors) { $Error.RemoveAt(0) }",
        "}",
    ];
    let download = download(&link.address).into_iter();
    let download = download.map(|line| format!("                {line}"));
    let start = start.map(str::to_owned).into_iter();
    let end = end.map(str::to_owned);
    start.chain(download).chain(end).collect()
}

/// The expression that gives the archive's address.
fn link_of(address: &Address) -> String {
    match address {
        Address::Parameter => format!("${PARAMETER}"),
        Address::Signed(_) | Address::ForService(_) | Address::ForVm { .. } => {
            quoting::powershell(address.url())
        }
    }
}

/// The name of the parameter with the archive's address, where a script that others can read must not have it. On Linux it is a variable of the
/// environment.
pub const PARAMETER: &str = "imageTestPackage";

/// What comes before [`linux`] where nobody else brings the archive: it is fetched from the address in the environment, or in the first argument.
///
/// What wget says has the address in it, which is a secret, so its exit code alone is told.
pub(super) fn linux_download(package: &Package) -> Vec<String> {
    let archive = single_quoted(&linux_archive(&package.name));
    let link = format!("link=${{{PARAMETER}:-$1}}");
    let lines = [
        "(",
        "fail() { printf 'Unpacking the package failed: %s\\n' \"$(printf %s \"$1\" | tr '\\n' ' ' | cut -c 1-1000)\" >&2; exit 1; }",
        &format!("archive={archive}"),
        &link,
        "fetch() {",
        "    if command -v curl > /dev/null 2>&1; then curl -fsS -o \"$archive\" \"$link\"",
        "    elif command -v wget > /dev/null 2>&1; then wget -q -O \"$archive\" \"$link\" || { echo \"wget ended with exit code $?\"; false; }",
        "    else python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' \"$link\" \"$archive\"; fi",
        "}",
        "rm -f \"$archive\"",
        "attempt=1",
        "until said=$(fetch 2>&1); do",
        "    test \"$attempt\" -lt 5 || fail \"$said\"",
        "    sleep \"$((5 * attempt))\"",
        "    attempt=$((attempt + 1))",
        "done",
        ") || exit 1",
    ];
    lines.map(str::to_owned).to_vec()
}

/// The lines that bring `$link` to `$archive`, unless the service has brought it.
fn download(address: &Address) -> Vec<String> {
    match address {
        Address::ForService(_) => Vec::new(),
        Address::Signed(_) | Address::Parameter => {
            vec!["(New-Object Net.WebClient).DownloadFile($link, $archive)".to_owned()]
        }
        Address::ForVm { identity, .. } => vec![
            format!("$token = {}", quoting::powershell(&token_address(identity))),
            "$token = Invoke-RestMethod -UseBasicParsing -Headers @{ Metadata = 'true' } -Uri $token".to_owned(),
            "$client = New-Object Net.WebClient".to_owned(),
            "$client.Headers.Add('Authorization', 'Bearer ' + $token.access_token)".to_owned(),
            "$client.Headers.Add('x-ms-version', '2025-05-05')".to_owned(),
            "$client.DownloadFile($link, $archive)".to_owned(),
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

/// The archive of the package.
#[derive(Debug, Clone)]
pub struct PackageLink {
    /// Where it is read, and by which credential.
    pub address: Address,
    /// Its SHA-256: 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// Where the archive of the package is read, and by which credential.
#[derive(Debug, Clone)]
pub enum Address {
    /// The address holds everything that is needed to read it.
    Signed(Secret),
    /// The service reads it as the template's identity, and brings it into the build VM.
    ForService(String),
    /// The build VM reads it as an identity of its own.
    ForVm {
        /// The address.
        url: String,
        /// The identity, one of the build VM's.
        identity: ResourceId,
    },
    /// The script gets the address as a parameter of its own, apart from its text.
    Parameter,
}

impl Address {
    /// The address as it stands in a script; empty where the script gets it by a parameter.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Signed(url) => url.reveal(),
            Self::ForService(url) | Self::ForVm { url, .. } => url,
            Self::Parameter => "",
        }
    }
}

/// The package, and the link by which it gets into the build VM.
#[derive(Clone, Copy)]
pub(super) struct LinkedPackage<'a> {
    pub(super) package: &'a Package,
    pub(super) link: &'a PackageLink,
}
