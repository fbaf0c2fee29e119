//! Why there is no image, and what to do about it: known failures as data, and what to look for in messages and logs.
//!
//! [`of_text`] looks at an answer of Azure, [`LogReading`] at the log of a build while it streams by, [`Explanation`] brings the message of
//! a run and its log together. A failure that is not known is said to be not known, with what is most telling of it.

mod catalogue;
mod entry;
mod explanation;
mod matcher;
mod message;
mod reading;

pub use catalogue::entries;
pub use entry::{Entry, Place};
pub use explanation::{Customizer, Explanation, FailedStep, ScriptPlace, UNKNOWN, kind_of};
pub use matcher::{Diagnosis, of_text};
pub use message::{LogPlace, log_place, operation_id, unfolded};
pub use reading::{End, LogReading, LogSummary};
