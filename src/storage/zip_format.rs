//! The records of a `.zip`, byte for byte.
//!
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>. Everything says that it was made on Unix, whatever made it:
//! that decides how a reader takes the attributes.

mod directory;
mod fields;
mod record;

pub(super) use directory::Directory;
pub(super) use record::{EntryType, Lengths, Method, Record};

/// The version of the format that knows lengths of 64 bits.
const VERSION_64: u16 = 45;
/// "Made by": version 4.5 of the format, on Unix.
const MADE_BY: u16 = 3 << 8 | VERSION_64;
