//! Which image versions stay, and why: a decision without a question to anybody.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::reason::Reason;
use super::uses::Uses;
use crate::arm::gallery::{State, Version, counting, latest, regions};
use crate::inputs::manifest::TEST_TAG;
use crate::inputs::{Keep, RetainAction};
use crate::resource::ImageVersion;
use crate::resource::tag::WITHDRAWN_AT;

/// What is decided of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<'a> {
    /// The version.
    pub version: &'a Version,
    /// Why it stays; empty if it goes.
    pub reasons: Vec<Reason>,
}

impl Decision<'_> {
    /// Whether the version goes.
    pub fn goes(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Whether it would go if its deletion were not blocked.
    pub fn only_blocked(&self) -> bool {
        matches!(self.reasons.as_slice(), [Reason::Blocked(_)])
    }
}

/// A failed version is looked at for so long.
const FAILED_STAYS: Duration = Duration::DAY;

/// Decides on each of `versions`, in their order. `uses` is `None` where the use of a version does not count.
pub fn decide<'a>(
    versions: &'a [Version],
    uses: Option<&Uses>,
    keep: &Keep,
    now: OffsetDateTime,
) -> Vec<Decision<'a>> {
    let all = All::of(versions, keep);
    let decisions = versions.iter().map(|version| Decision {
        version,
        reasons: all.reasons(version, uses, now),
    });
    decisions.collect()
}

/// All versions of a definition, and what follows from them for each.
struct All<'a> {
    keep: &'a Keep,
    /// The number of the newest good version in each region, whether it counts there or not.
    newest_good: BTreeMap<&'a str, ImageVersion>,
    /// The number that `latest` stands for in each region that has any.
    latest: BTreeMap<&'a str, ImageVersion>,
    /// The number from which on a good version is among the newest; none if no number is.
    newest_from: Option<ImageVersion>,
}

impl<'a> All<'a> {
    fn of(versions: &'a [Version], keep: &'a Keep) -> Self {
        let good = versions
            .iter()
            .filter(|version| version.state == State::Succeeded);
        let (mut numbers, mut newest_good) = (Vec::new(), BTreeMap::new());
        for version in good {
            let Some(number) = version.number() else {
                continue;
            };
            numbers.push(number);
            for region in &version.regions {
                let newest = newest_good.entry(region.name.as_str()).or_insert(number);
                *newest = number.max(*newest);
            }
        }
        numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        numbers.truncate(usize::try_from(keep.versions).unwrap_or(usize::MAX));
        let latest = regions(versions)
            .into_iter()
            .filter_map(|region| Some((region, latest(versions, region)?.number()?)));
        Self {
            keep,
            newest_good,
            latest: latest.collect(),
            newest_from: numbers.pop(),
        }
    }

    fn reasons(&self, version: &Version, uses: Option<&Uses>, now: OffsetDateTime) -> Vec<Reason> {
        let mut reasons = match &version.state {
            State::Succeeded => self.of_good(version, now),
            State::Failed => self.of_failed(version, now),
            other => vec![Reason::NotEnded(other.as_str().to_owned())],
        };
        // Whatever value it is, a text or not: only `false` says no.
        let says_no = |value: &Value| {
            let text = value.as_str();
            text.is_some_and(|text| text.eq_ignore_ascii_case("false"))
        };
        if tag(version, &self.keep.tag).is_some_and(|value| !says_no(value)) {
            reasons.push(Reason::Tag(self.keep.tag.clone()));
        }
        if version.blocks_deletion && version.end_of_life.is_none_or(|end| now < end) {
            reasons.push(Reason::Blocked(version.end_of_life));
        }
        if let Some(uses) = uses {
            let by = uses.of(&version.name, &self.newest_in(version));
            if !by.is_empty() {
                reasons.push(Reason::InUse(by.into_iter().map(str::to_owned).collect()));
            }
        }
        reasons
    }

    fn of_good(&self, version: &Version, now: OffsetDateTime) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let owned = |regions: Vec<&str>| regions.into_iter().map(str::to_owned).collect();
        let Some(number) = version.number() else {
            return vec![Reason::Unclear("number of it")];
        };
        if version.regions.is_empty() {
            return vec![Reason::Unclear("region of it")];
        }
        let newest = self.newest_in(version);
        if !newest.is_empty() {
            reasons.push(Reason::NewestGood(owned(newest)));
        }
        let latest = self.latest.iter().filter(|(_, latest)| **latest == number);
        let latest: Vec<&str> = latest.map(|(region, _)| *region).collect();
        if !latest.is_empty() {
            reasons.push(Reason::NewestThatCounts(owned(latest)));
        }
        if self.newest_from.is_some_and(|from| number >= from) {
            reasons.push(Reason::Count(self.keep.versions));
        }
        reasons.extend(self.by_age(version, Duration::days(self.keep.days.into()), now));
        if self.awaits_promotion(version, number, now) {
            reasons.push(Reason::AwaitsPromotion);
        }
        match self.keep.action {
            RetainAction::Delete => {}
            RetainAction::Exclude => {
                if version.excluded {
                    reasons.push(Reason::ExcludedAlready);
                }
            }
            RetainAction::EndOfLife => {
                let today = now.to_offset(UtcOffset::UTC).date();
                let end = version.end_of_life;
                let end = end.map(|end| end.to_offset(UtcOffset::UTC).date());
                if let Some(end) = end.filter(|end| *end <= today) {
                    reasons.push(Reason::EndedAlready(end));
                }
            }
        }
        reasons
    }

    fn by_age(&self, version: &Version, days: Duration, now: OffsetDateTime) -> Option<Reason> {
        match version.published {
            None => Some(Reason::NoDate),
            // Clocks differ: of no days, nothing is younger, whatever its date.
            Some(date) if !days.is_zero() && now - date < days => Some(Reason::Age(self.keep.days)),
            Some(_) => None,
        }
    }

    fn of_failed(&self, version: &Version, now: OffsetDateTime) -> Vec<Reason> {
        if version.number().is_none() {
            return vec![Reason::Unclear("number of it")];
        }
        if self.keep.action != RetainAction::Delete {
            return vec![Reason::FailedLeft];
        }
        if self.keep.failed {
            return vec![Reason::FailedStays];
        }
        match version.published {
            None => vec![Reason::NoDate],
            Some(date) if now - date < FAILED_STAYS => vec![Reason::FailedToday],
            Some(_) => Vec::new(),
        }
    }

    /// The regions in which a version is the newest good one, whether it counts there or not.
    fn newest_in(&self, version: &Version) -> Vec<&'a str> {
        if version.state != State::Succeeded {
            return Vec::new();
        }
        let number = version.number();
        let newest = self.newest_good.iter();
        let newest = newest.filter(|(region, newest)| {
            Some(**newest) == number && version.region(region).is_some()
        });
        newest.map(|(region, _)| *region).collect()
    }

    /// Whether someone may promote it yet: it counts nowhere, was not withdrawn, passed its test or is too young for one, and would become the
    /// latest somewhere.
    fn awaits_promotion(
        &self,
        version: &Version,
        number: ImageVersion,
        now: OffsetDateTime,
    ) -> bool {
        let is_excluded = counting(version).next().is_none();
        let days = Duration::days(self.keep.days.into());
        let passed = match tag(version, TEST_TAG.default) {
            Some(result) => result
                .as_str()
                .is_some_and(|it| it.eq_ignore_ascii_case("passed")),
            None => self.by_age(version, days, now).is_some(),
        };
        let would_be_latest = version.regions.iter().any(|region| {
            let latest = self.latest.get(region.name.as_str());
            latest.is_none_or(|latest| *latest < number)
        });
        is_excluded && passed && tag(version, WITHDRAWN_AT).is_none() && would_be_latest
    }
}

/// The value of a tag. Names of tags ignore letter case.
fn tag<'a>(version: &'a Version, name: &str) -> Option<&'a Value> {
    let mut tags = version.tags.iter();
    let found = tags.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
