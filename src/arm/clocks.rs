//! The two clocks: Azure's, by which the ages of what is in Azure count, and the machine's, for what is signed with a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::HeaderMap;
use http::header::DATE;
use time::OffsetDateTime;
use tokio::time::Instant;

/// The time of the last answer, counted on since. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct AzureTime(Arc<Mutex<Option<(OffsetDateTime, Instant)>>>);

impl AzureTime {
    /// Sets the clock by the headers of an answer that came just now.
    pub(super) fn set_by(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((date.into(), Instant::now()));
        }
    }

    /// The time; `None` as long as no answer has told it.
    pub(super) fn now(&self) -> Option<OffsetDateTime> {
        let (date, since) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        date.checked_add(since.elapsed().try_into().ok()?)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use time::macros::datetime;

    #[tokio::test(start_paused = true)]
    async fn the_clock_goes_on_from_the_last_answer() {
        let clock = AzureTime::default();
        assert_eq!(clock.now(), None);
        let answer = |date: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            clock.set_by(&headers);
        };
        answer("yesterday");
        assert_eq!(clock.now(), None);
        answer("Sun, 22 Nov 2026 10:00:30 GMT");
        tokio::time::advance(Duration::from_secs(90)).await;
        answer("");
        assert_eq!(clock.now(), Some(datetime!(2026-11-22 10:02:00 UTC)));
    }
}
