//! Time zones by the names that Windows has for them, since updates of session hosts show local times.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, Weekday};

/// When summer time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Summer {
    Never,
    /// From the second Sunday of March to the first one of November, at 2:00 local time.
    America,
    /// From the last Sunday of March to the last one of October, at 1:00 UTC.
    Europe,
}

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(super) name: &'static str,
    minutes: i64,
    summer: Summer,
}

const fn zone(name: &'static str, minutes: i64, summer: Summer) -> Zone {
    Zone {
        name,
        minutes,
        summer,
    }
}

/// The zones that the emulator knows.
const ZONES: [Zone; 14] = [
    zone("UTC", 0, Summer::Never),
    zone("Pacific Standard Time", -480, Summer::America),
    zone("Mountain Standard Time", -420, Summer::America),
    zone("Central Standard Time", -360, Summer::America),
    zone("Eastern Standard Time", -300, Summer::America),
    zone("GMT Standard Time", 0, Summer::Europe),
    zone("W. Europe Standard Time", 60, Summer::Europe),
    zone("Romance Standard Time", 60, Summer::Europe),
    zone("Central Europe Standard Time", 60, Summer::Europe),
    zone("FLE Standard Time", 120, Summer::Europe),
    zone("India Standard Time", 330, Summer::Never),
    zone("China Standard Time", 480, Summer::Never),
    zone("Tokyo Standard Time", 540, Summer::Never),
    zone("Arabian Standard Time", 240, Summer::Never),
];

impl Zone {
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut zones = ZONES.iter();
        zones
            .find(|zone| zone.name.eq_ignore_ascii_case(name))
            .copied()
    }

    /// A time in UTC with the numbers that a clock of the zone shows.
    pub(super) fn shown(self, time: OffsetDateTime) -> OffsetDateTime {
        time + Duration::minutes(self.minutes) + self.summer_time(time)
    }

    fn summer_time(self, time: OffsetDateTime) -> Duration {
        let year = time.year();
        let at = |date: Option<Date>, hour: i64| {
            let midnight = PrimitiveDateTime::new(date?, Time::MIDNIGHT).assume_utc();
            Some(midnight + Duration::hours(hour))
        };
        let local = Duration::minutes(self.minutes);
        let (from, until) = match self.summer {
            Summer::Never => return Duration::ZERO,
            Summer::America => (
                at(sunday(year, Month::March, 8), 2).map(|at| at - local),
                at(sunday(year, Month::November, 1), 1).map(|at| at - local),
            ),
            Summer::Europe => (
                at(sunday(year, Month::March, 25), 1),
                at(sunday(year, Month::October, 25), 1),
            ),
        };
        let holds =
            from.is_some_and(|from| from <= time) && until.is_some_and(|until| time < until);
        if holds {
            Duration::HOUR
        } else {
            Duration::ZERO
        }
    }
}

/// The first Sunday on or after a day.
fn sunday(year: i32, month: Month, day: u8) -> Option<Date> {
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let ahead = (7 - i64::from(date.weekday().number_days_from_sunday())) % 7;
    let sunday = date + Duration::days(ahead);
    (sunday.weekday() == Weekday::Sunday).then_some(sunday)
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    #[test]
    fn summer_time_comes_and_goes() {
        let check = |name: &str, utc: &str, local: &str| {
            let zone = Zone::named(name).unwrap();
            let [utc, local] =
                [utc, local].map(|time| OffsetDateTime::parse(time, &Rfc3339).unwrap());
            assert_eq!(zone.shown(utc), local, "{name}");
        };
        check("utc", "2025-07-01T12:00:00Z", "2025-07-01T12:00:00Z");
        // The recorded update: 18:56:58 was 01:56:58 UTC of the next day.
        let pacific = "Pacific Standard Time";
        check(pacific, "2025-06-26T01:56:58Z", "2025-06-25T18:56:58Z");
        check(pacific, "2025-03-09T09:59:59Z", "2025-03-09T01:59:59Z");
        check(pacific, "2025-03-09T10:00:00Z", "2025-03-09T03:00:00Z");
        check(pacific, "2025-11-02T08:59:59Z", "2025-11-02T01:59:59Z");
        check(pacific, "2025-11-02T09:00:00Z", "2025-11-02T01:00:00Z");
        let berlin = "W. Europe Standard Time";
        check(berlin, "2025-03-30T00:59:59Z", "2025-03-30T01:59:59Z");
        check(berlin, "2025-03-30T01:00:00Z", "2025-03-30T03:00:00Z");
        check(berlin, "2025-10-26T01:00:00Z", "2025-10-26T02:00:00Z");
        check(
            "India Standard Time",
            "2025-06-01T00:00:00Z",
            "2025-06-01T05:30:00Z",
        );
        assert_eq!(Zone::named("Europe/Berlin"), None);
    }
}
