//! Where the emulator takes the time from, and how Azure writes it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use time::{OffsetDateTime, UtcOffset};

/// The source of the time. The emulator never reads the wall clock on its own, so that a test can bind it to a paused clock.
#[derive(Clone)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// Whatever the function says; called once per request.
    Given(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>),
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::System => OffsetDateTime::from(SystemTime::now()),
            Self::Given(clock) => clock().to_offset(UtcOffset::UTC),
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::System => "System",
            Self::Given(_) => "Given",
        })
    }
}

/// The time as Go writes it: up to 9 fraction digits, trailing zeros trimmed, `Z`. The image builder's `lastRunStatus` has this form.
pub(crate) fn nanoseconds(time: OffsetDateTime) -> String {
    format!("{}Z", trimmed(time, time.nanosecond(), 9))
}

/// The time as operation documents of the image builder have it: up to 7 fraction digits, trailing zeros trimmed, `Z`.
pub(crate) fn ticks_text(time: OffsetDateTime) -> String {
    format!("{}Z", trimmed(time, time.nanosecond() / 100, 7))
}

/// The time as Microsoft.Compute writes it: up to 7 fraction digits and `+00:00`.
pub(crate) fn with_offset(time: OffsetDateTime) -> String {
    format!("{}+00:00", trimmed(time, time.nanosecond() / 100, 7))
}

/// The time as session hosts have it: up to 2 fraction digits, trailing zeros trimmed, `Z`.
pub(crate) fn hundredths(time: OffsetDateTime) -> String {
    format!("{}Z", trimmed(time, time.nanosecond() / 10_000_000, 2))
}

/// The time in whole seconds with `Z`, whatever zone it is of: updates of session hosts have local times like this.
pub(crate) fn seconds(time: OffsetDateTime) -> String {
    format!("{}Z", trimmed(time, 0, 0))
}

/// The time with up to 7 fraction digits and nothing that tells its zone.
pub(crate) fn without_zone(time: OffsetDateTime) -> String {
    trimmed(time, time.nanosecond() / 100, 7)
}

/// The .NET ticks of a time: 100 ns since the year 1, the `t` of a signed operation URL.
pub(crate) fn ticks(time: OffsetDateTime) -> i128 {
    const UNIX_EPOCH_TICKS: i128 = 621_355_968_000_000_000;
    time.unix_timestamp_nanos() / 100 + UNIX_EPOCH_TICKS
}

/// The value of a `Date` header.
pub(crate) fn http_date(time: OffsetDateTime) -> String {
    let weekday = time.weekday().to_string();
    let month = time.month().to_string();
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        weekday.get(..3).unwrap_or_default(),
        time.day(),
        month.get(..3).unwrap_or_default(),
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn trimmed(time: OffsetDateTime, fraction: u32, digits: usize) -> String {
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    if fraction > 0 {
        // Writing into a String cannot fail.
        let _written = write!(text, ".{fraction:0digits$}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn writes_times_as_recorded() {
        let time = datetime!(2023-05-25 07:59:42.169984039 UTC);
        assert_eq!(nanoseconds(time), "2023-05-25T07:59:42.169984039Z");
        assert_eq!(
            ticks_text(time),
            "2023-05-25T07:59:42.16998Z".replace("998Z", "9984Z")
        );
        assert_eq!(
            nanoseconds(datetime!(2023-05-25 07:59:40 UTC)),
            "2023-05-25T07:59:40Z"
        );
        assert_eq!(
            with_offset(datetime!(2022-02-10 08:29:31.006793 UTC)),
            "2022-02-10T08:29:31.006793+00:00"
        );
        assert_eq!(
            http_date(datetime!(2022-02-10 08:29:31 UTC)),
            "Thu, 10 Feb 2022 08:29:31 GMT"
        );
    }

    #[test]
    fn counts_ticks_like_the_recorded_urls() {
        // The operation that a recorded URL of 2025-04-30 names began within the same second as its signature.
        assert_eq!(
            ticks(datetime!(2025-04-30 06:06:41.2885168 UTC)),
            638_815_900_012_885_168
        );
    }
}
