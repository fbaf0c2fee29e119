//! How many session hosts a pool needs, and what the new ones are called.

use time::OffsetDateTime;

use super::health;
use super::host::Host;
use crate::inputs::Rollout;

/// How many hosts are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As many as serve users today.
    Same,
    /// This many, at least one.
    Number(u32),
}

/// What a deployment of ours made, by its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// `firstIndex`; 0 where the template has none.
    pub(super) first: u32,
    /// `count`.
    pub(super) count: u32,
}

impl Span {
    /// The number behind the last one.
    pub(super) fn end(self) -> u32 {
        self.first.saturating_add(self.count)
    }

    /// The numbers of the hosts.
    pub(super) fn numbers(self) -> std::ops::Range<u32> {
        self.first..self.end()
    }
}

/// How many new hosts take over: as many as are open and of another version, unless an earlier attempt has settled it. 0 is nothing to go by.
///
/// Hosts that an earlier attempt has drained are open no more, so its own deployments tell what it meant.
pub(super) fn to_make(
    wanted: Wanted,
    open_of_others: u32,
    canary: Option<Span>,
    rest: Option<Span>,
) -> u32 {
    let settled = match (wanted, rest) {
        (Wanted::Number(number), _) => number,
        (Wanted::Same, Some(rest)) => rest.end(),
        (Wanted::Same, None) => open_of_others,
    };
    settled.max(canary.map_or(0, |canary| canary.count))
}

/// How many hosts of the version have to be open and healthy before others are drained: never fewer than serve users now, and never none.
pub(super) fn to_open(
    wanted: Wanted,
    open_healthy_of_others: u32,
    open_healthy_of_version: u32,
) -> u32 {
    match wanted {
        Wanted::Number(number) => number.max(1),
        Wanted::Same => open_healthy_of_others.max(open_healthy_of_version).max(1),
    }
}

/// How many hosts of the version there are, and how many there have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostNumbers {
    /// How many hosts of the pool are of the version.
    pub(super) there: usize,
    /// How many have to serve users before others are drained.
    pub(super) needed: usize,
}

impl HostNumbers {
    /// Counts `hosts` as they are at `now`.
    pub(super) fn of(request: &Rollout, hosts: &[Host], now: OffsetDateTime) -> Self {
        let serving = |wanted: bool| {
            let hosts = hosts.iter().filter(|host| host.is_wanted == wanted);
            let serving = hosts.filter(|host| {
                host.host.allow_new_session && health::of(&host.host, now).is_healthy()
            });
            u32::try_from(serving.count()).unwrap_or(u32::MAX)
        };
        let wanted = request.host_count.map_or(Wanted::Same, Wanted::Number);
        let needed = to_open(wanted, serving(false), serving(true));
        Self {
            there: hosts.iter().filter(|host| host.is_wanted).count(),
            needed: usize::try_from(needed).unwrap_or(usize::MAX),
        }
    }

    /// Whether there are enough.
    pub(super) fn is_enough(self) -> bool {
        self.there >= self.needed
    }
}

/// What the first deployment makes of `total` hosts, and what the second one; nothing where there is nothing to make.
///
/// A template that cannot begin at a number makes all of them the second time, and leaves what is there as it is.
pub(super) fn split(total: u32, canaries: u32, takes_first: bool) -> (Option<Span>, Option<Span>) {
    let canaries = canaries.min(total);
    let rest = total - canaries;
    let canary = Span {
        first: 0,
        count: canaries,
    };
    let rest = (rest > 0).then_some(if takes_first {
        Span {
            first: canaries,
            count: rest,
        }
    } else {
        Span {
            first: 0,
            count: total,
        }
    });
    ((canaries > 0).then_some(canary), rest)
}

/// `avd6093017c-0`.
pub(super) fn host_name(prefix: &str, number: u32) -> String {
    format!("{prefix}-{number}")
}

/// The longest name of a Windows computer.
pub(super) const LONGEST_NAME: usize = 15;

/// Whether `total` hosts have names that a Windows computer can have.
pub(super) fn names_fit(prefix: &str, total: u32) -> bool {
    host_name(prefix, total.saturating_sub(1)).len() <= LONGEST_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn one(first: u32, count: u32) -> Span {
        Span { first, count }
    }

    #[test]
    fn as_many_are_made_as_are_open() {
        for (wanted, open, canary, rest, expected) in [
            (Wanted::Same, 8, None, None, 8),
            (Wanted::Same, 0, None, None, 0),
            (Wanted::Number(3), 8, None, None, 3),
            // The first attempt has made a canary, and someone has closed hosts meanwhile.
            (Wanted::Same, 1, Some(one(0, 2)), None, 2),
            (Wanted::Same, 8, Some(one(0, 1)), None, 8),
            // The first attempt has drained some of the old ones.
            (Wanted::Same, 2, Some(one(0, 1)), Some(one(1, 7)), 8),
            (Wanted::Same, 0, Some(one(0, 1)), Some(one(1, 7)), 8),
            // A template without `firstIndex`.
            (Wanted::Same, 0, Some(one(0, 1)), Some(one(0, 8)), 8),
            // The canary was all.
            (Wanted::Same, 0, Some(one(0, 1)), None, 1),
            (Wanted::Number(1), 0, Some(one(0, 2)), None, 2),
        ] {
            let found = to_make(wanted, open, canary, rest);
            assert_eq!(
                found, expected,
                "{wanted:?} {open} open, {canary:?}, {rest:?}"
            );
        }
    }

    #[test]
    fn never_fewer_are_opened_than_serve_users_now() {
        for (wanted, others, own, expected) in [
            (Wanted::Same, 8, 0, 8),
            (Wanted::Same, 2, 5, 5),
            (Wanted::Same, 0, 0, 1),
            (Wanted::Number(3), 8, 8, 3),
        ] {
            assert_eq!(to_open(wanted, others, own), expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_canary_comes_first_and_the_rest_makes_it_whole() {
        assert_eq!(split(8, 1, true), (Some(one(0, 1)), Some(one(1, 7))));
        assert_eq!(split(8, 1, false), (Some(one(0, 1)), Some(one(0, 8))));
        assert_eq!(split(8, 0, true), (None, Some(one(0, 8))));
        assert_eq!(split(2, 5, true), (Some(one(0, 2)), None));
        assert_eq!(split(0, 1, true), (None, None));
        for total in 0..12 {
            for canaries in 0..12 {
                for takes_first in [false, true] {
                    let (canary, rest) = split(total, canaries, takes_first);
                    let made: std::collections::BTreeSet<u32> = [canary, rest]
                        .into_iter()
                        .flatten()
                        .flat_map(Span::numbers)
                        .collect();
                    assert_eq!(made, (0..total).collect(), "{total} {canaries}");
                }
            }
        }
    }

    #[test]
    fn names_are_those_of_windows_computers() {
        assert_eq!(host_name("avd6093017c", 17), "avd6093017c-17");
        assert!(names_fit("avd6093017c", 1000));
        assert!(!names_fit("avd6093017c", 1001));
        assert!(names_fit("abcdefghijkl", 100));
        assert!(!names_fit("abcdefghijkl", 101));
        assert!(names_fit("abcdefghijkl", 0));
    }
}
