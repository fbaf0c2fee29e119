//! What is in an image: the list of its packages, programs and settings.

mod component;
pub mod diff;
mod sbom;
pub mod versions;

pub use component::{Component, Inventory, Kind, Property, System};
pub use sbom::{Provenance, Subject, read, write};
