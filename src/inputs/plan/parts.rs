//! The parts of a plan that are about the build VM: the package that is put into it, and what is done in it.

use std::path::PathBuf;

use crate::file::Exclusion;
use crate::template::model::Customizer;

/// The folder that is put into the build VM, and where its archive goes on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The folder on the agent, which exists and is not empty; or a single file.
    pub folder: PathBuf,
    /// Whether it is a single file. In the build VM it lies beside its archive then, in no folder of its own.
    pub is_file: bool,
    /// What of it stays on the agent.
    pub exclude: Exclusion,
    /// Name of the folder or file in the build VM, under `/tmp` or `c:\buildartifacts`.
    pub name: String,
    /// Name of the storage account.
    pub storage_account: String,
    /// Name of the blob in its container, not percent-encoded: `webapp/4711-1763800000000000/webapp_1763800000000000.tar.gz`.
    pub blob_name: String,
    /// The archive's kind.
    pub format: ArchiveFormat,
    /// How it is sent and read, and with which permission.
    pub access: PackageAccess,
    /// Set where the blob stays for later runs.
    pub retention: Option<Retention>,
}

/// How long a package stays in storage for later runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days since its last use.
    pub days: u32,
    /// A number of this run alone.
    pub run: u128,
}

/// How the package is sent to storage and read from there, and with which permission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PackageAccess {
    /// What needs least: an identity where it is known to have the permission, else a link signed with the service connection's sign-in, else a
    /// key.
    #[default]
    Auto,
    /// It is read by an identity, and no link is made.
    Identity,
    /// It is read by a link that is signed with the service connection's sign-in.
    Sas,
    /// It is sent, and the link is signed, with a key of the account.
    Key,
}

/// The kind of archive in which the package travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// For Linux.
    TarGz,
    /// For Windows.
    Zip,
}

impl ArchiveFormat {
    /// The end of the file's name, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }
}

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
