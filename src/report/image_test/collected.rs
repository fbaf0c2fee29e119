//! What the end of a test needs of its events.

use crate::image_test::TestedImage;
use crate::report::messages::Warning;

/// What the events have said so far.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) warnings: Vec<Warning>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) image: Option<TestedImage>,
    /// The regions in which the failed version is the latest one.
    pub(super) latest_in: Vec<String>,
}
