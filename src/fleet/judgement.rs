//! What the version of an image means for a machine that runs it. Pure: versions and a time in, a judgement out.

use time::{Duration, OffsetDateTime};

use crate::arm::gallery::{State, Version};
use crate::inputs::Condition;
use crate::resource::tag::WITHDRAWN_AT;

/// What is wrong with the version that a machine runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// There is a newer one.
    pub behind: Option<Behind>,
    /// It was withdrawn.
    pub withdrawn: bool,
    /// Its end of life is past.
    pub end_of_life: bool,
    /// It is no existing version of the definitions.
    pub unknown: bool,
}

/// A newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The highest number of the newer ones.
    pub newest: String,
    /// When the first of the newer ones was published; nothing where no date of theirs can be read.
    pub since: Option<OffsetDateTime>,
    /// Whether there is a newer one without a date, which may have been published before that.
    pub is_undated: bool,
}

impl Behind {
    /// Whether the first newer version was published more than so many days ago; nothing where Azure does not say when.
    pub fn is_longer_than(&self, days: u32, now: OffsetDateTime) -> Option<bool> {
        let long = Duration::days(i64::from(days));
        let is_long = self.since.is_some_and(|since| now - since > long);
        (is_long || !self.is_undated).then_some(is_long)
    }
}

/// The versions that are newer than `number` for a machine in `region`: a higher number, complete, not excluded from latest there.
///
/// A region that a version does not name excludes it nowhere: the region has no replica of it yet.
fn newer<'a>(
    versions: &'a [Version],
    version: &Version,
    region: Option<&str>,
) -> impl Iterator<Item = &'a Version> {
    let number = version.number();
    versions.iter().filter(move |other| {
        other.number() > number && other.state == State::Succeeded && !is_excluded(other, region)
    })
}

fn is_excluded(version: &Version, region: Option<&str>) -> bool {
    if version.excluded {
        return true;
    }
    match region.and_then(|name| version.region(name)) {
        Some(region) => region.excluded,
        None => !version.regions.is_empty() && version.regions.iter().all(|region| region.excluded),
    }
}

/// What is wrong with a machine in `region` that runs `version`, one of `versions`.
pub fn judge(
    versions: &[Version],
    version: &Version,
    region: Option<&str>,
    now: OffsetDateTime,
) -> Judgement {
    let newer: Vec<&Version> = newer(versions, version, region).collect();
    let newest = newer.iter().max_by_key(|version| version.number());
    Judgement {
        behind: newest.map(|newest| Behind {
            newest: newest.name.clone(),
            since: newer.iter().filter_map(|version| version.published).min(),
            is_undated: newer.iter().any(|version| version.published.is_none()),
        }),
        withdrawn: version.tag(WITHDRAWN_AT).is_some(),
        end_of_life: version.end_of_life.is_some_and(|end| end <= now),
        unknown: false,
    }
}

/// Whether `condition` holds of a machine. Since when a machine is behind must be known to say that it is not for long.
pub(super) fn holds(condition: Condition, judgement: &Judgement, now: OffsetDateTime) -> bool {
    match condition {
        Condition::Behind => judgement.behind.is_some(),
        Condition::BehindFor(days) => judgement
            .behind
            .as_ref()
            .is_some_and(|behind| behind.is_longer_than(days, now).unwrap_or(true)),
        Condition::Withdrawn => judgement.withdrawn,
        Condition::EndOfLife => judgement.end_of_life,
        Condition::UnknownImage => judgement.unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-29 12:00 UTC);

    /// A version with some of the members of an answer.
    fn version(number: &str, published: &str, more: &serde_json::Value) -> Version {
        let mut document = json!({
            "name": number, "id": "/x", "tags": {},
            "properties": {"provisioningState": "Succeeded", "publishingProfile": {
                "publishedDate": published,
                "targetRegions": [{"name": "West Europe"}, {"name": "northeurope"}],
            }},
        });
        for (pointer, value) in more.as_object().into_iter().flatten() {
            let place = document.pointer_mut(pointer);
            if let Some(place) = place {
                *place = value.clone();
            } else {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                document.pointer_mut(parent).unwrap()[name] = value.clone();
            }
        }
        Version::read(&document).unwrap()
    }

    fn of(versions: &[Version], number: &str, region: Option<&str>) -> Judgement {
        let own = versions.iter().find(|version| version.name == number);
        judge(versions, own.unwrap(), region, NOW)
    }

    fn newest(versions: &[Version], number: &str, region: Option<&str>) -> Option<String> {
        of(versions, number, region)
            .behind
            .map(|behind| behind.newest)
    }

    const PROFILE: &str = "/properties/publishingProfile";

    #[test]
    fn newer_is_a_higher_number_that_is_complete_and_not_excluded() {
        let usual = json!({});
        let state = |word: &str| json!({"/properties/provisioningState": word});
        let flag = json!({format!("{PROFILE}/excludeFromLatest"): true});
        let both = json!({format!("{PROFILE}/targetRegions"): [
            {"name": "westeurope", "excludeFromLatest": true}, {"name": "northeurope", "excludeFromLatest": true}]});
        for (more, expected) in [
            (&usual, Some("1.0.10")),
            (&state("Creating"), None),
            (&state("Updating"), None),
            (&state("Failed"), None),
            (&flag, None),
            (&both, None),
        ] {
            let all = [
                version("1.0.9", "2026-10-01T00:00:00Z", &usual),
                version("1.0.10", "2026-09-01T00:00:00Z", more),
            ];
            assert_eq!(newest(&all, "1.0.9", None).as_deref(), expected, "{more}");
            assert_eq!(newest(&all, "1.0.10", None), None);
        }
    }

    #[test]
    fn a_version_that_is_excluded_in_a_region_is_newer_elsewhere() {
        let west = json!({format!("{PROFILE}/targetRegions"): [
            {"name": "West Europe", "excludeFromLatest": true}, {"name": "northeurope"}]});
        let all = [
            version("1.0.0", "2026-10-01T00:00:00Z", &json!({})),
            version("1.0.1", "2026-10-02T00:00:00Z", &west),
        ];
        let of = |region| newest(&all, "1.0.0", region);
        assert_eq!(of(Some("westeurope")), None);
        assert_eq!(of(Some("northeurope")).as_deref(), Some("1.0.1"));
        assert_eq!(of(Some("uksouth")).as_deref(), Some("1.0.1"));
        assert_eq!(of(None).as_deref(), Some("1.0.1"));
    }

    /// The date of the first newer one counts, whatever its number is.
    #[test]
    fn behind_counts_from_the_first_newer_one_that_was_published() {
        let all = [
            version("1.0.0", "2026-08-01T00:00:00Z", &json!({})),
            version("2.0.0", "2026-10-30T12:00:00Z", &json!({})),
            version("1.0.1", "2026-11-20T00:00:00Z", &json!({})),
        ];
        let judgement = of(&all, "1.0.0", None);
        let behind = judgement.behind.clone().unwrap();
        assert_eq!(
            (behind.newest.as_str(), behind.since),
            ("2.0.0", Some(datetime!(2026-10-30 12:00 UTC)))
        );
        let held = |days| holds(Condition::BehindFor(days), &judgement, NOW);
        assert!(held(0) && held(29));
        // Thirty days to the second are not more than thirty days.
        assert!(!held(30) && !held(31));
        assert!(holds(Condition::Behind, &judgement, NOW));
        let top = of(&all, "2.0.0", None);
        assert!(!holds(Condition::Behind, &top, NOW));
        assert!(!holds(Condition::BehindFor(0), &top, NOW));
    }

    /// Nobody knows since when: then nobody can say that it is not for long.
    #[test]
    fn without_a_date_it_may_be_for_long() {
        let all = [
            version("1.0.0", "2026-08-01T00:00:00Z", &json!({})),
            version("1.0.1", "yesterday", &json!({})),
        ];
        let judgement = of(&all, "1.0.0", None);
        let behind = judgement.behind.as_ref().unwrap();
        assert_eq!((behind.since, behind.is_longer_than(30, NOW)), (None, None));
        assert!(holds(Condition::BehindFor(30), &judgement, NOW));
        // One with a date does not say that the other one is not older.
        let all = [
            version("1.0.0", "2026-08-01T00:00:00Z", &json!({})),
            version("1.0.1", "yesterday", &json!({})),
            version("1.0.2", "2026-11-20T00:00:00Z", &json!({})),
        ];
        let judgement = of(&all, "1.0.0", None);
        let behind = judgement.behind.as_ref().unwrap();
        let long = [5, 30].map(|days| behind.is_longer_than(days, NOW));
        assert_eq!(long, [Some(true), None]);
        assert!(holds(Condition::BehindFor(30), &judgement, NOW));
    }

    #[test]
    fn withdrawn_is_a_tag_and_end_of_life_a_date() {
        let withdrawn = json!({"/tags": {"WithdrawnAt": "2026-11-01T00:00:00Z"}});
        let ends = |date: &str| json!({format!("{PROFILE}/endOfLifeDate"): date});
        for (more, expected) in [
            (json!({}), [false, false]),
            (withdrawn, [true, false]),
            (ends("2026-11-29T00:00:00+00:00"), [false, true]),
            (ends("2026-11-29T12:00:01+00:00"), [false, false]),
            (ends("soon"), [false, false]),
        ] {
            let all = [version("1.0.0", "2026-08-01T00:00:00Z", &more)];
            let judgement = of(&all, "1.0.0", None);
            let found = [Condition::Withdrawn, Condition::EndOfLife]
                .map(|condition| holds(condition, &judgement, NOW));
            assert_eq!(found, expected, "{more}");
            assert!(!holds(Condition::UnknownImage, &judgement, NOW));
        }
        let unknown = Judgement {
            unknown: true,
            ..Judgement::default()
        };
        assert!(holds(Condition::UnknownImage, &unknown, NOW));
    }
}
