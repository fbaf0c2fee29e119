//! Which version of an image definition another one is compared with.

use crate::arm::gallery::{State, Version, latest};

/// The version that was the latest one in `region` before `own` was published, by the number of `own`; one that was withdrawn or excluded since then
/// does not count.
pub(super) fn latest_before<'a>(
    versions: &'a [Version],
    own: &Version,
    region: &str,
) -> Option<&'a Version> {
    let before: Vec<Version> = versions
        .iter()
        .filter(|version| !is_same(version, own))
        // One without a date counts as published before.
        .filter(|version| !is_later(version, own))
        .cloned()
        .collect();
    let found = latest(&before, region)?;
    versions.iter().find(|version| is_same(version, found))
}

/// The youngest complete version that was published before `own`, whether it counts anywhere or not.
pub(super) fn previous<'a>(versions: &'a [Version], own: &Version) -> Option<&'a Version> {
    let others = versions.iter().filter(|version| !is_same(version, own));
    let complete = others.filter(|version| version.state == State::Succeeded);
    complete
        .filter(|version| !is_later(version, own))
        .max_by_key(|version| age(version))
}

fn is_same(one: &Version, other: &Version) -> bool {
    one.name.eq_ignore_ascii_case(&other.name)
}

/// Versions of one moment are ordered by their numbers.
fn age(version: &Version) -> impl Ord + use<> {
    (version.published, version.number())
}

fn is_later(version: &Version, own: &Version) -> bool {
    own.published.is_some() && version.published.is_some() && age(version) > age(own)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::arm::gallery::TargetRegion;

    const START: OffsetDateTime = datetime!(2026-11-01 00:00:00 UTC);

    /// A complete version with a replica in westeurope, published on this day.
    fn version(name: &str, day: i64) -> Version {
        Version {
            name: name.to_owned(),
            state: State::Succeeded,
            regions: vec![TargetRegion {
                name: "westeurope".to_owned(),
                excluded: false,
            }],
            published: START.checked_add(time::Duration::days(day)),
            ..Version::default()
        }
    }

    fn names(versions: &[Version], own: &str) -> (String, String) {
        let own = versions.iter().find(|version| version.name == own).unwrap();
        let name = |version: Option<&Version>| {
            version.map_or_else(|| "none".to_owned(), |version| version.name.clone())
        };
        (
            name(latest_before(versions, own, "westeurope")),
            name(previous(versions, own)),
        )
    }

    fn check(versions: &[Version], own: &str, latest: &str, previous: &str) {
        let expected = (latest.to_owned(), previous.to_owned());
        assert_eq!(names(versions, own), expected, "{own}");
    }

    #[test]
    fn the_latest_one_is_by_number_and_the_previous_one_by_date() {
        let mut all = vec![
            version("1.0.1", 1),
            version("1.1.0", 2),
            version("1.0.2", 3),
            version("1.2.0", 4),
            version("1.0.9", 5),
        ];
        check(&all, "1.0.1", "none", "none");
        check(&all, "1.1.0", "1.0.1", "1.0.1");
        check(&all, "1.0.2", "1.1.0", "1.1.0");
        check(&all, "1.2.0", "1.1.0", "1.0.2");
        check(&all, "1.0.9", "1.2.0", "1.2.0");
        // What does not count is no latest one, but may be the previous one.
        all[3].excluded = true;
        check(&all, "1.0.9", "1.1.0", "1.2.0");
        all[1].regions[0].excluded = true;
        check(&all, "1.0.9", "1.0.2", "1.2.0");
        all[2].regions.clear();
        check(&all, "1.0.9", "1.0.1", "1.2.0");
        // What is not complete is neither.
        all[3].state = State::Failed;
        all[0].state = State::Deleting;
        check(&all, "1.0.9", "none", "1.0.2");
    }

    #[test]
    fn versions_without_a_date_were_there_already() {
        let mut all = vec![
            version("1.0.1", 1),
            version("1.0.3", 2),
            version("1.0.2", 2),
        ];
        // Of one moment.
        check(&all, "1.0.3", "1.0.2", "1.0.2");
        check(&all, "1.0.2", "1.0.1", "1.0.1");
        all[1].published = None;
        check(&all, "1.0.2", "1.0.3", "1.0.1");
        check(&all, "1.0.3", "1.0.2", "1.0.2");
        all[0].published = None;
        check(&all, "1.0.1", "1.0.3", "1.0.2");
        check(&all, "1.0.2", "1.0.3", "1.0.3");
    }
}
