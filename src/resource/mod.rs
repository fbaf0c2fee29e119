//! Names of things in Azure: parsed once, trusted after.

mod id;
mod image_version;
mod region;
mod shell;
pub mod tag;

pub use id::{
    IMAGE_TEMPLATE, IMAGE_VERSION, MANAGED_IMAGE, NotAResourceId, ResourceGroupId, ResourceId,
};
pub use image_version::{ImageVersion, NotAnImageVersion};
pub use region::{NotARegion, Region, plain_region, split_at_blanks};
pub use shell::{definition_options, quoted, single_quoted};
