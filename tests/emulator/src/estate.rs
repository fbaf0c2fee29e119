//! What a company has after its builds: image versions with a history, machines that use them, locks, and other subscriptions.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::{Gallery, ResourceGroup};

/// For how long a gallery keeps versions that were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftDelete {
    /// `retentionPeriodInDays`: for so long a deleted version can be deployed.
    pub retention_days: i64,
    /// `gracePeriodInDays`: for so long after that it can be restored.
    pub grace_days: i64,
}

impl Default for SoftDelete {
    /// The 7 days that were recorded for a gallery that names none.
    fn default() -> Self {
        Self {
            retention_days: 7,
            grace_days: 0,
        }
    }
}

/// A gallery image version that exists before the first request.
#[derive(Debug, Clone)]
pub struct SceneVersion {
    /// The resource id.
    pub id: String,
    /// `provisioningState`; a state that nobody knows is possible.
    pub state: String,
    /// `publishedDate`.
    pub published: Option<OffsetDateTime>,
    /// Location, tags and properties as in the body of a PUT, with the sizes of the disks.
    pub body: Value,
}

/// A resource that the emulator shows and does not work with: a VM, a scale set, a host pool, a configuration of session hosts, a disk.
#[derive(Debug, Clone)]
pub struct SceneResource {
    /// The resource id.
    pub id: String,
    /// What a GET answers besides id, name and type.
    pub body: Value,
}

impl SceneResource {
    /// A VM that was made from an image: `reference` is the id of a version or of a definition, `exact_version` the number that it stands for.
    pub fn virtual_machine(
        id: impl Into<String>,
        location: &str,
        reference: &str,
        exact_version: Option<&str>,
    ) -> Self {
        Self {
            id: id.into(),
            body: json!({
                "location": location,
                "properties": {
                    "storageProfile": {"imageReference": image_reference(reference, exact_version)},
                    "provisioningState": "Succeeded",
                },
            }),
        }
    }

    /// A scale set that makes its instances from an image.
    pub fn scale_set(id: impl Into<String>, location: &str, reference: &str) -> Self {
        Self {
            id: id.into(),
            body: json!({
                "location": location,
                "properties": {
                    "virtualMachineProfile": {"storageProfile": {"imageReference": image_reference(reference, None)}},
                    "provisioningState": "Succeeded",
                },
            }),
        }
    }

    /// A configuration of session hosts: `id` ends with `sessionHostConfigurations/default` or `activeSessionHostConfigurations/default`.
    pub fn session_hosts(id: impl Into<String>, version: &str) -> Self {
        Self {
            id: id.into(),
            body: json!({
                "properties": {
                    "imageInfo": {"type": "Custom", "customInfo": {"resourceId": version}},
                    "provisioningState": "Succeeded",
                },
            }),
        }
    }
}

fn image_reference(id: &str, exact_version: Option<&str>) -> Value {
    exact_version.map_or_else(
        || json!({"id": id}),
        |exact| json!({"id": id, "exactVersion": exact}),
    )
}

/// What a lock permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockLevel {
    /// All but deletion.
    CanNotDelete,
    /// Nothing but reading.
    ReadOnly,
}

/// A lock on a group or a resource.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Where it begins to hold, a resource id.
    pub scope: String,
    /// What it permits.
    pub level: LockLevel,
}

/// A subscription beside the one in which images are built. Galleries and machines may live in it.
#[derive(Debug, Clone, Default)]
pub struct Subscription {
    /// The id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// Its resource groups.
    pub resource_groups: Vec<ResourceGroup>,
    /// Its galleries.
    pub galleries: Vec<Gallery>,
}
