//! Names of things in Azure: parsed once, trusted after.

mod id;
mod image_version;
mod region;

pub use id::{IMAGE_TEMPLATE, NotAResourceId, ResourceId};
pub use image_version::{ImageVersion, NotAnImageVersion};
pub use region::{NotARegion, Region, split_at_blanks};
