//! Whole steps with `action: retain`, in process, against the emulated cloud on a paused clock.

mod changes;
mod doctor;
mod looks;
pub(crate) mod scene;
mod story;
mod trouble;
