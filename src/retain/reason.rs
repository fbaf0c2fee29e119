//! Why an image version stays.

use std::fmt;

use time::{Date, OffsetDateTime};

/// Why an image version stays; each begins with the word of the rule (`docs/versions.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Something goes on with it, or Azure's word for its state is not known.
    NotEnded(String),
    /// Azure's answer lacks what the rules need.
    Unclear(&'static str),
    /// It is the newest complete one in these regions.
    NewestGood(Vec<String>),
    /// It is what `latest` stands for in these regions: the newest one that is not excluded from latest.
    NewestThatCounts(Vec<String>),
    /// It is among so many newest complete ones.
    Count(u32),
    /// It is younger than so many days.
    Age(u32),
    /// Nobody knows how old it is.
    NoDate,
    /// It has the tag that keeps.
    Tag(String),
    /// It is kept from who asks for the latest one, and may be promoted yet.
    AwaitsPromotion,
    /// Its deletion is blocked until its end of life, or for good.
    Blocked(Option<OffsetDateTime>),
    /// These use it.
    InUse(Vec<String>),
    /// It failed, and such ones stay.
    FailedStays,
    /// It failed less than a day ago.
    FailedToday,
    /// It failed, and this action leaves such ones.
    FailedLeft,
    /// It is kept from who asks for the latest one in every region already.
    ExcludedAlready,
    /// Its end of life is here already.
    EndedAlready(Date),
    /// It is not what the list had.
    Changed,
    /// Another job deletes it.
    DeletedByOthers,
    /// Azure did not take the request, or did not carry it out: why.
    Refused(String),
    /// There was no time for it.
    NoTime,
    /// The job was canceled before its turn.
    Canceled,
    /// The use of versions could not be told any more.
    UseUnknown,
}

/// How many users are named; the others are counted.
const MOST_NAMED: usize = 3;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnded(state) => write!(f, "not ended: its state is '{state}'"),
            Self::Unclear(what) => write!(f, "unclear: Azure's answer has no {what}"),
            Self::NewestGood(regions) => {
                write!(f, "newest: the newest good one in {}", regions.join(", "))
            }
            Self::NewestThatCounts(regions) => {
                write!(f, "newest: latest in {}", regions.join(", "))
            }
            Self::Count(1) => f.write_str("count: the newest good one"),
            Self::Count(of) => write!(f, "count: one of the {of} newest good ones"),
            Self::Age(days) => write!(f, "age: younger than {}", days_of(*days)),
            Self::NoDate => f.write_str("age: Azure reports no valid date"),
            Self::Tag(name) => write!(f, "tag: it has tag '{name}'"),
            Self::AwaitsPromotion => {
                f.write_str("awaits promotion: it is excluded from latest, was not withdrawn, and its number is above latest")
            }
            Self::Blocked(Some(until)) => {
                write!(f, "blocked: it cannot be deleted before its end of life, {}", until.date())
            }
            Self::Blocked(None) => {
                f.write_str("blocked: it cannot be deleted before its end of life, and it has none")
            }
            Self::InUse(users) => {
                let (named, more) = users.split_at(users.len().min(MOST_NAMED));
                write!(f, "in use: by {}", named.join(", "))?;
                match more.len() {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::FailedStays => f.write_str("failed: failed ones are kept"),
            Self::FailedToday => f.write_str("failed: it is less than a day old"),
            Self::FailedLeft => f.write_str("failed: only a deletion removes it"),
            Self::ExcludedAlready => f.write_str("already: it is excluded from latest"),
            Self::EndedAlready(date) => write!(f, "already: its end of life is {date}"),
            Self::Changed => f.write_str("changed: it is not as it was when the versions were listed"),
            Self::DeletedByOthers => f.write_str("not ended: another job deletes it"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::NoTime => f.write_str("no time: it is left to the next run"),
            Self::Canceled => f.write_str("canceled: the job was canceled first"),
            Self::UseUnknown => f.write_str("use unknown: it is not known whether it is in use"),
        }
    }
}

fn days_of(days: u32) -> String {
    match days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_users_are_counted() {
        let users = |count: u8| (0..count).map(|it| format!("VM '{it}'")).collect();
        let check = |count, expected: &str| {
            assert_eq!(Reason::InUse(users(count)).to_string(), expected);
        };
        check(1, "in use: by VM '0'");
        check(3, "in use: by VM '0', VM '1', VM '2'");
        check(5, "in use: by VM '0', VM '1', VM '2' and 2 more");
    }

    #[test]
    fn one_is_spoken_of_as_one() {
        assert_eq!(Reason::Count(1).to_string(), "count: the newest good one");
        assert_eq!(Reason::Age(1).to_string(), "age: younger than 1 day");
        assert_eq!(Reason::Age(30).to_string(), "age: younger than 30 days");
    }
}
