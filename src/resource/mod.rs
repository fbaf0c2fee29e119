//! Names of things in Azure: parsed once, trusted after.

mod group_id;
mod id;
mod image_version;
mod region;
mod shell;

pub use group_id::ResourceGroupId;
pub use id::{IMAGE_TEMPLATE, NotAResourceId, ResourceId};
pub use image_version::{ImageVersion, NotAnImageVersion};
pub use region::{NotARegion, Region, plain_region, split_at_blanks};
pub use shell::{definition_options, quoted, single_quoted};
