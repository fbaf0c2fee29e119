//! What is in an image: the list of its packages, programs and settings.
//!
//! The last step of a build prints the list (`script`), the log brings it home (`lines`, `rows`), and it becomes a file that others read, too (`sbom`),
//! which is kept for later versions (`library`). Those are compared with it (`comparison`, `diff`), and some changes fail a step.

mod comparison;
mod component;
pub mod diff;
mod facts;
mod library;
mod lines;
mod package_url;
mod package_versions;
mod rows;
mod sbom;
pub mod script;

pub use comparison::{Compared, Comparison, Forbidden, NotCompared, Now, Side, compare};
pub use component::{Component, Inventory, Kind, Property, System};
pub use facts::Facts;
pub use library::{Account, Library, NotKept, OtherSum, Unread};
pub use lines::{NoList, Reader, lines_at_end};
pub use sbom::{Provenance, Subject, read, write};
