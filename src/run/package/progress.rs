//! How far the package has come, said while it is sent.

use std::convert::Infallible;
use std::time::Duration;

use crate::run::event::{Event, Events, UploadProgress};
use crate::storage::{Progress, Survey};

/// Below this a package is there before anybody wonders.
const WORTH_WATCHING_BYTES: u64 = 50_000_000;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Says again and again how far a package of some size has come, until it is dropped.
pub(super) async fn report(progress: &Progress, survey: Survey, events: &dyn Events) -> Infallible {
    if survey.bytes < WORTH_WATCHING_BYTES {
        return std::future::pending().await;
    }
    let mut elapsed = Duration::ZERO;
    loop {
        tokio::time::sleep(PROGRESS_INTERVAL).await;
        elapsed += PROGRESS_INTERVAL;
        let (read, sent) = (progress.bytes_read(), progress.bytes_sent());
        events.emit(Event::Uploading(sending(read, sent, survey.bytes, elapsed)));
    }
}

/// What `read` of `all` bytes and `sent` bytes of the archive after `elapsed` say. The archive's length is known in the end only, so the rest
/// is reckoned from what was read.
fn sending(read: u64, sent: u64, all: u64, elapsed: Duration) -> UploadProgress {
    let read = read.min(all);
    let seconds = elapsed.as_secs().max(1);
    let remaining = (all - read).saturating_mul(seconds).checked_div(read);
    UploadProgress {
        percent: u8::try_from(u128::from(read) * 100 / u128::from(all.max(1))).unwrap_or(100),
        bytes_per_second: sent / seconds,
        remaining: remaining.map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_reckoned_from_what_was_read() {
        let check = |read: u64, sent: u64, expected: (u8, u64, Option<u64>)| {
            let progress = sending(read, sent, 1_000_000, Duration::from_secs(10));
            let remaining = progress.remaining.map(|rest| rest.as_secs());
            assert_eq!(
                (progress.percent, progress.bytes_per_second, remaining),
                expected
            );
        };
        check(0, 0, (0, 0, None));
        check(250_000, 50_000, (25, 5_000, Some(30)));
        check(1_000_000, 999, (100, 99, Some(0)));
        // A file that grew since it was counted.
        check(2_000_000, 1_000, (100, 100, Some(0)));
    }
}
