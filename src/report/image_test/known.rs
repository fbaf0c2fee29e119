//! What the end of a test needs of its events.

use crate::image_test::TestedImage;

/// What the events have said so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) warnings: Vec<Warned>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) image: Option<TestedImage>,
    /// The regions in which the failed version is the latest one.
    pub(super) latest_in: Vec<String>,
}

/// A warning that is an issue of the run.
#[derive(Debug, Clone)]
pub(super) struct Warned {
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) hint: String,
}
