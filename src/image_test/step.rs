//! What every part of a test needs.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::event::Events;
use crate::arm::Arm;
use crate::check::Job;
use crate::inputs::ImageTest;

/// A step that tests an image: what it is asked for, the way to Azure, and who listens.
#[derive(Clone, Copy)]
pub struct TestStep<'a> {
    /// What is asked for.
    pub test: &'a ImageTest,
    /// The way to Azure.
    pub arm: &'a Arm,
    /// Where files for the job's log go.
    pub folder: &'a Path,
    /// What is known of the job.
    pub job: Job,
    /// Who listens.
    pub events: &'a dyn Events,
    /// Ends the test before its time.
    pub stop: &'a CancellationToken,
}
