//! Why there is no image, and what to do about it: known failures as data, and where they show in messages and logs.
//!
//! [`of_text`] reads an answer of Azure, [`LogReader`] the log of a build while it streams by, [`Explanation`] brings the message of
//! a run and its log together. A failure that is not known is reported as unknown, with its most informative lines.

mod catalogue;
mod entry;
mod explanation;
mod log_reader;
mod matcher;
mod message;

pub use catalogue::entries;
pub use entry::{Entry, FoundIn};
pub use explanation::{Customizer, Explanation, FailedStep, ScriptPlace, UNKNOWN, kind_of};
pub use log_reader::{End, LogReader, LogSummary};
pub use matcher::{Diagnosis, of_text};
pub use message::{LogPlace, log_place, operation_id, without_boilerplate};
