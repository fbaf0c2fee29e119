//! What exists in the cloud at a moment, for tests that look for what was left behind and for people.

use std::fmt;

/// Everything that exists now and that requests can make or remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The image templates, with their state: provisioning, and the last run if there was one.
    pub templates: Vec<(String, String)>,
    /// The names of the staging groups that the service made.
    pub staging_groups: Vec<String>,
    /// The blobs: account, container, name, length in bytes.
    pub blobs: Vec<(String, String, String, usize)>,
    /// The gallery image versions, as resource ids, with their state and the regions they are replicated to.
    pub image_versions: Vec<(String, String, Vec<String>)>,
    /// The gallery image versions that were deleted and can be restored, as resource ids.
    pub soft_deleted_versions: Vec<String>,
    /// The managed images, as resource ids.
    pub managed_images: Vec<String>,
}

impl Inventory {
    /// Whether nothing exists.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("nothing");
        }
        for (name, state) in &self.templates {
            writeln!(formatter, "image template      {name} ({state})")?;
        }
        for group in &self.staging_groups {
            writeln!(formatter, "staging group       {group}")?;
        }
        for (id, state, regions) in &self.image_versions {
            let regions = regions.join(", ");
            writeln!(
                formatter,
                "image version       {id} ({state}; in {regions})"
            )?;
        }
        for id in &self.soft_deleted_versions {
            writeln!(formatter, "deleted version     {id} (can be restored)")?;
        }
        for id in &self.managed_images {
            writeln!(formatter, "managed image       {id}")?;
        }
        for (account, container, name, length) in &self.blobs {
            writeln!(
                formatter,
                "blob                {account}/{container}/{name} ({length} bytes)"
            )?;
        }
        Ok(())
    }
}
