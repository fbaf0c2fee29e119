//! How the archive of the package gets into the build VM: plain data.

use crate::inputs::Package;
use crate::resource::ResourceId;
use crate::secret::Secret;

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
