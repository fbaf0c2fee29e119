//! The image that is tested.

use serde_json::Value;

use crate::arm::gallery::Version;
use crate::resource::ResourceId;

/// The image, as far as it is known before the test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestedImage {
    /// Its id.
    pub id: ResourceId,
    /// The number of a version, the name of a managed image.
    pub name: String,
    /// `Windows` or `Linux`.
    pub os: Option<String>,
    /// Whether its VMs keep what the first one had, its users included.
    pub specialized: bool,
    /// `TrustedLaunch`, `TrustedLaunchSupported` ..., if its image definition says so.
    pub security: Option<String>,
    /// The purchase plan that its image definition has.
    pub plan: Option<Value>,
    /// The version, with the state of its replicas; none of a managed image.
    pub version: Option<Version>,
    /// The region of a managed image, and that of the version itself.
    pub location: String,
}

impl TestedImage {
    /// `image version 1.0.2609402`, or `managed image 'web'`.
    pub fn display_name(&self) -> String {
        display_name(&self.id, &self.name, self.version.is_some())
    }
}

pub(super) fn display_name(id: &ResourceId, name: &str, is_version: bool) -> String {
    if !is_version {
        return format!("managed image '{name}'");
    }
    let definition = id.parent();
    let definition = definition.as_ref().map_or("", ResourceId::name);
    format!("image version {name} of '{definition}'")
}
