//! The VM on which the image is built, in types.

use crate::resource::ResourceId;

/// The VM on which the image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildVm {
    /// Its size; the service chooses if there is none.
    pub size: Option<String>,
    /// Its place in a network; the service makes a network if there is none.
    pub network: Option<Network>,
    /// User-assigned managed identities of the VM, each once.
    pub identities: Vec<ResourceId>,
    /// Size of its OS disk in GB, if it is not that of the source.
    pub disk_size_gb: Option<u32>,
}

/// A place in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The subnet of the network card.
    pub subnet: ResourceId,
    /// The subnet of the container that builds; another one of the same network.
    pub container_subnet: Option<ResourceId>,
    /// Size of the proxy VM. Never set with `container_subnet`.
    pub proxy_size: Option<String>,
}
