//! Names of things in Azure: parsed once, trusted after.

mod id;
mod image_version;
mod region;
mod shell;

pub use id::{IMAGE_TEMPLATE, NotAResourceId, ResourceId, is_group_id};
pub use image_version::{ImageVersion, NotAnImageVersion};
pub use region::{NotARegion, Region, split_at_blanks};
pub use shell::quoted;
