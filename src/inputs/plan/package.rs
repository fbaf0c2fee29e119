//! The package of build artifacts, in types: what it holds, how it travels, and how long it stays.

use std::path::PathBuf;

/// The folder that is put into the build VM, and where its archive goes on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The folder on the agent, which exists and is not empty; or a single file.
    pub folder: PathBuf,
    /// Whether it is a single file. In the build VM it lies beside its archive then, in no folder of its own.
    pub is_file: bool,
    /// What of it stays on the agent: patterns as in `.gitignore`.
    pub exclude: Vec<String>,
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
