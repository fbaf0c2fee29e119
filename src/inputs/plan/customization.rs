//! What is done to the source in the build VM, in types: by the script of the inputs, or by the customizers of a template file.

use std::path::PathBuf;

use super::ArchiveFormat;
use crate::template::model::Customizer;

/// What is done to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the form"
)]
pub struct Customization {
    /// The shell in the build VM.
    pub provisioner: Provisioner,
    /// The author's script, line by line, without line ends. May be empty.
    pub inline: Vec<String>,
    /// Whether PowerShell runs with full administrator permissions. Never set for [`Provisioner::Shell`].
    pub run_elevated: bool,
    /// Whether it then runs as Local System. Never set without `run_elevated`.
    pub run_as_system: bool,
    /// Whether the PowerShell script ends at the first error. Never set for [`Provisioner::Shell`], which always does.
    pub stop_on_error: bool,
    /// Whether Windows Update runs last. Never set for [`Provisioner::Shell`].
    pub windows_update: bool,
}

impl Customization {
    /// The kind of archive that the build VM can unpack without installing anything.
    pub fn format(&self) -> ArchiveFormat {
        self.provisioner.format()
    }
}

impl Provisioner {
    /// The kind of archive that its system unpacks without installing anything.
    pub fn format(self) -> ArchiveFormat {
        match self {
            Self::Shell => ArchiveFormat::TarGz,
            Self::PowerShell => ArchiveFormat::Zip,
        }
    }
}

/// A customizer of the template file.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it does.
    pub action: StepAction,
    /// The script of the repository that it runs, on the agent.
    pub script: Option<PathBuf>,
}

/// What a customizer of the template file does.
#[derive(Debug, Clone, PartialEq)]
pub enum StepAction {
    /// Ready to be sent.
    Plain(Customizer),
    /// A script that comes with the package.
    PackageScript {
        /// The customizer, but for what it runs.
        customizer: Customizer,
        /// The script in the package, its parts separated by `/`.
        path: String,
        /// What has to be done to it before it runs.
        mend: Mend,
    },
    /// A file that comes with the package.
    PackageFile {
        /// Name of the customizer.
        name: Option<String>,
        /// The file in the package, its parts separated by `/`.
        path: String,
        /// Full path of the file in the build VM.
        destination: String,
    },
}

/// What keeps a script that comes with the package from running as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Nothing.
    Nothing,
    /// Its lines end as on Windows, which no Linux shell takes.
    LineEnds,
    /// It has characters beyond ASCII and no byte order mark, so that Windows PowerShell would take it for a text in the machine's own code page.
    ByteOrderMark,
}

/// The shell in the build VM; with it goes the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioner {
    /// `/bin/sh`, for Linux.
    Shell,
    /// Windows PowerShell, for Windows.
    PowerShell,
}
