//! What a step came to: plain data.

use time::OffsetDateTime;

use super::aids::log_file::Logs;
use super::image::Image;
use super::leftover::NotRemoved;
use super::watch::RunEnd;
use crate::check::Finding;
use crate::diagnosis::{Customizer, Explanation};
use crate::error::Error;

/// Why something stays after a cancel.
pub const NOT_REMOVED_YET: &str = "the job was canceled before it was removed";

/// What a step came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was done, or why it was not.
    pub result: Result<Success, Error>,
    /// What could not be removed.
    pub not_removed: Vec<NotRemoved>,
    /// What was warned of before the build, and may be why it failed.
    pub foreseen: Vec<Finding>,
}

/// What a step has done.
#[derive(Debug)]
pub enum Success {
    /// The image is there.
    Image(Box<Image>),
    /// The run continues without this job.
    RunContinues {
        /// When the service ends it at the latest, by Azure's clock.
        deadline: Option<OffsetDateTime>,
    },
    /// The run of a test has ended by itself.
    TestRun(Box<TestRun>),
    /// The image was not ready in the time given, and the author does not want that to be a failure.
    NotReady {
        /// What there is to say of it.
        error: Box<Error>,
        /// Whether it is worth a warning.
        is_issue: bool,
    },
}

/// A run of a test that has ended by itself, and all that it tells. Whether the test was passed is for others to say.
#[derive(Debug, Clone)]
pub struct TestRun {
    /// How it ended; never canceled.
    pub end: RunEnd,
    /// What its logs say, if they can be read.
    pub logs: Option<Logs>,
    /// Of a run that failed, what is known of the reason.
    pub explanation: Option<Box<Explanation>>,
    /// The validators in their order.
    pub validators: Vec<Customizer>,
}

impl Outcome {
    /// Nothing is left.
    pub(super) fn of(result: Result<Success, Error>) -> Self {
        Self {
            result,
            not_removed: Vec::new(),
            foreseen: Vec::new(),
        }
    }

    /// Nothing was done, and nothing is there.
    pub fn failed(error: Error) -> Self {
        Self::of(Err(error))
    }

    /// The image, if there is one.
    pub fn image(&self) -> Option<&Image> {
        match &self.result {
            Ok(Success::Image(image)) => Some(image),
            Ok(Success::RunContinues { .. } | Success::NotReady { .. } | Success::TestRun(_))
            | Err(_) => None,
        }
    }
}
