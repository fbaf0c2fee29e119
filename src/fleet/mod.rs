//! Which machines run which version of an image, and what is wrong with that.
//!
//! Nothing is changed. What a version means for the machine that runs it is pure (`standing`); what the service connection may not read is named, and
//! never taken for nothing.

mod doctor;
mod event;
mod looks;
mod outcome;
mod standing;

pub use doctor::doctor;
pub use event::{Event, Events};
pub use looks::report;
pub use outcome::{Definition, Hit, Machine, Outcome, Place, Runs, Unseen};
pub use standing::{Behind, Standing, newer, standing};
