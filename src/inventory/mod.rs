//! What is in an image: the list of its packages, programs and settings.
//!
//! The last step of a build prints the list (`script`), the log brings it home (`lines`, `rows`), and it becomes a file that others read, too (`sbom`).

mod component;
pub mod diff;
mod lines;
mod rows;
mod sbom;
pub mod script;
pub mod versions;

pub use component::{Component, Inventory, Kind, Property, System};
pub use lines::{LARGEST, NoList, Reader, is_inventory_line, lines_at_end};
pub use sbom::{Provenance, Subject, read, write};
