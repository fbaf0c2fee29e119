//! The time of day, for what is signed with a time and for what ends at one.

use std::time::SystemTime;

use time::OffsetDateTime;
use tokio::time::Instant;

/// The time of day, read once and then counted on: nothing ends early or late because the machine's clock is set during a build, and a
/// simulated clock moves it.
#[derive(Debug, Clone, Copy)]
pub(super) struct WallClock {
    start: SystemTime,
    since: Instant,
}

impl WallClock {
    /// A clock that shows the machine's time now.
    pub(super) fn of_machine() -> Self {
        Self {
            start: SystemTime::now(),
            since: Instant::now(),
        }
    }

    /// The time of day.
    pub(super) fn now(self) -> OffsetDateTime {
        OffsetDateTime::from(self.start) + self.since.elapsed()
    }
}
