//! What happens in the build VM: customizers, and validators, which have the same forms.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Other, text};

/// The operating system that a type of customizer is for, `Linux` or `Windows`; none where it is for both, or is not known
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-customize>).
pub fn system_of(kind: &str) -> Option<&'static str> {
    match kind {
        "Shell" => Some("Linux"),
        "PowerShell" | "WindowsRestart" | "WindowsUpdate" => Some("Windows"),
        _ => None,
    }
}

/// Something that happens in the build VM. Validators have the same forms.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Customizer {
    /// The service brings a file into the VM.
    File(FileCustomizer),
    /// A shell script.
    Shell(ShellCustomizer),
    /// A PowerShell script.
    PowerShell(PowerShellCustomizer),
    /// Windows Update.
    WindowsUpdate(WindowsUpdate),
    /// A restart of Windows.
    WindowsRestart(WindowsRestart),
    /// A kind that this program does not know.
    #[serde(untagged)]
    Unknown(Value),
}

/// Neither scripts nor addresses: they may hold the signed link to the package.
impl fmt::Debug for Customizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind(), self.name())
    }
}

impl Customizer {
    /// Lines for a Linux shell.
    pub fn shell(name: Option<&str>, inline: Vec<String>) -> Self {
        Self::Shell(ShellCustomizer {
            name: name.map(str::to_owned),
            inline: Some(inline),
            ..ShellCustomizer::default()
        })
    }

    /// Lines for Windows PowerShell.
    pub fn powershell(name: Option<&str>, inline: Vec<String>) -> Self {
        Self::PowerShell(PowerShellCustomizer {
            name: name.map(str::to_owned),
            inline: Some(inline),
            ..PowerShellCustomizer::default()
        })
    }

    /// With full administrator permissions, where it is PowerShell.
    #[must_use]
    pub fn elevated(mut self) -> Self {
        if let Self::PowerShell(it) = &mut self {
            it.run_elevated = Some(true);
        }
        self
    }

    /// With other lines, where its kind has some.
    #[must_use]
    pub fn with_inline(mut self, lines: Vec<String>) -> Self {
        match &mut self {
            Self::Shell(it) => it.inline = Some(lines),
            Self::PowerShell(it) => it.inline = Some(lines),
            Self::File(_) | Self::WindowsUpdate(_) | Self::WindowsRestart(_) | Self::Unknown(_) => {
            }
        }
        self
    }

    /// `Shell`, `PowerShell` ...
    pub fn kind(&self) -> &str {
        match self {
            Self::File(_) => "File",
            Self::Shell(_) => "Shell",
            Self::PowerShell(_) => "PowerShell",
            Self::WindowsUpdate(_) => "WindowsUpdate",
            Self::WindowsRestart(_) => "WindowsRestart",
            Self::Unknown(value) => text(value, "type"),
        }
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        let name = match self {
            Self::File(it) => &it.name,
            Self::Shell(it) => &it.name,
            Self::PowerShell(it) => &it.name,
            Self::WindowsUpdate(it) => &it.name,
            Self::WindowsRestart(it) => &it.name,
            Self::Unknown(value) => return text(value, "name"),
        };
        name.as_deref().unwrap_or_default()
    }

    /// The lines of its script, where they are in the template.
    pub fn inline(&self) -> &[String] {
        let inline = match self {
            Self::Shell(it) => &it.inline,
            Self::PowerShell(it) => &it.inline,
            Self::File(_) | Self::WindowsUpdate(_) | Self::WindowsRestart(_) | Self::Unknown(_) => {
                return &[];
            }
        };
        inline.as_deref().unwrap_or_default()
    }
}

/// The service brings a file into the VM.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileCustomizer {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the file is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_uri: Option<String>,
    /// SHA-256 of the file, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// The file in the VM, an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A shell script: from an address, or lines.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShellCustomizer {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the script is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_uri: Option<String>,
    /// SHA-256 of the script, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// The lines of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Vec<String>>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A PowerShell script: from an address, or lines.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PowerShellCustomizer {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the script is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_uri: Option<String>,
    /// SHA-256 of the script, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256_checksum: Option<String>,
    /// With administrator permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_elevated: Option<bool>,
    /// As the system; only with `run_elevated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_system: Option<bool>,
    /// The lines of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Vec<String>>,
    /// Exit codes that count as success; 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_exit_codes: Option<Vec<i64>>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// Windows Update.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowsUpdate {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which updates are searched for, `IsInstalled=0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_criteria: Option<String>,
    /// Which of those found are installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<String>>,
    /// How many at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_limit: Option<u32>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

/// A restart of Windows.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowsRestart {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The command that restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_command: Option<String>,
    /// The command that succeeds when Windows is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_check_command: Option<String>,
    /// `5m`, `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_timeout: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_step_has_one_system_or_both() {
        assert_eq!(system_of("Shell"), Some("Linux"));
        for kind in ["PowerShell", "WindowsRestart", "WindowsUpdate"] {
            assert_eq!(system_of(kind), Some("Windows"), "{kind}");
        }
        assert_eq!(system_of("File"), None);
    }
}
