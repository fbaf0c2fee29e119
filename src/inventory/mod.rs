//! What is in an image: the list of its packages, programs and settings.
//!
//! The last step of a build prints the list (`script`), the log brings it home (`lines`, `rows`), and it becomes a file that others read, too (`sbom`),
//! which is kept for later versions (`kept`). Those are compared with it (`comparison`, `diff`), and some changes fail a step (`gate`).

mod comparison;
mod component;
pub mod diff;
mod earlier;
mod facts;
mod gate;
mod kept;
mod library;
mod lines;
mod rows;
mod sbom;
pub mod script;
pub mod versions;

pub use comparison::{Compared, Comparison, NotCompared, Now, Side, compare};
pub use component::{Component, Inventory, Kind, Property, System};
pub use facts::Facts;
pub use gate::Forbidden;
pub use kept::{ADDRESS_TAG, SHA256_TAG, Shelf, blob_name};
pub use library::{Account, Library, Unread};
pub use lines::{LARGEST, NoList, Reader, lines_at_end};
pub use sbom::{Provenance, Subject, read, write};
