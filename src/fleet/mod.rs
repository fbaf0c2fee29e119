//! Which machines run which version of an image, and what is wrong with that.
//!
//! Nothing is changed. What a version means for the machine that runs it is pure (`judgement`); what the service connection has no permission
//! to read is named, and never taken for nothing.

mod doctor;
mod event;
mod judgement;
mod outcome;
mod survey;

pub use doctor::doctor;
pub use event::{Event, Events};
pub use judgement::{Judgement, judge};
pub use outcome::{Definition, Machine, MachineKind, MetCondition, NotRead, Outcome, RunningImage};
pub use survey::report;
