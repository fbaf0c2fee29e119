//! Comparing an image with an earlier version: which one that is, what was kept of it, what is different, and what of that fails the step.

use http::StatusCode;
use time::Date;

use super::Inventory;
use super::diff::{Change, Diff, Direction};
use super::library::{KeptList, Library, NotRead, OtherSum, Unread};
use crate::arm::gallery::{State, Version, counting, latest};
use crate::arm::{Arm, Failure};
use crate::inputs::manifest::STORAGE_ACCOUNT_NAME;
use crate::inputs::{ChangeKind, ChangeRule, CompareWith, Contents};
use crate::resource::{IMAGE_VERSION, ResourceId};
use crate::storage::StorageFailure;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// Two images were compared.
    With(Box<Comparison>),
    /// There was nothing to compare with.
    Nothing {
        /// Why, as a sentence without its full stop.
        why: String,
        /// Whether there are changes that would have failed the step.
        gates: bool,
    },
}

/// Two images that were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What was compared with.
    pub from: Side,
    /// What was asked about.
    pub to: Side,
    /// What is different.
    pub diff: Diff,
    /// What of that fails the step.
    pub forbidden: Vec<Forbidden>,
    /// Whether there are changes that would fail the step.
    pub gates: bool,
}

/// Changes that a rule forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// The rule.
    pub rule: ChangeRule,
    /// What it forbids, at least one.
    pub changes: Vec<Change>,
}

/// An image that was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// The resource id, or the address of a VHD.
    pub id: String,
    /// The number of an image version, the name of a managed image; empty for a VHD.
    pub name: String,
    /// The image definition of a version.
    pub definition: Option<ResourceId>,
    /// When the version was published.
    pub published: Option<Date>,
    /// Whether the version counts for who asks for the latest one, somewhere; nothing for what is no version.
    pub counts: Option<bool>,
    /// Where its kept list is another one than its tag says.
    pub other_sum: Option<OtherSum>,
}

/// Why two images cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotCompared {
    /// Azure refused a request, or could not be reached.
    #[error("{0}")]
    Azure(Failure),
    /// The storage account was not found, or refused.
    #[error("{0}")]
    Storage(StorageFailure),
    /// There is no such version.
    #[error("image version {} does not exist", display_name(.0))]
    NoVersion(ResourceId),
    /// There is no list of a version.
    #[error("{} {why}", .version.name())]
    NoList {
        /// The version.
        version: ResourceId,
        /// What there is instead.
        why: Unread,
    },
    /// There is no version to compare with.
    #[error("{0}")]
    Nothing(String),
}

impl From<Failure> for NotCompared {
    fn from(failure: Failure) -> Self {
        Self::Azure(failure)
    }
}

/// An image with what is known to be in it.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// The resource id, or the address of a VHD.
    pub id: &'a str,
    /// What is in it; without that the list that is kept of it counts.
    pub inventory: Option<&'a Inventory>,
}

/// Compares `image` with what `contents` says. `library` has the kept lists; there is none where the author names no storage account.
///
/// # Errors
/// Why that cannot be done.
pub async fn compare(
    arm: &Arm,
    contents: &Contents,
    library: Option<&Library<'_>>,
    image: Now<'_>,
) -> Result<Comparison, NotCompared> {
    if contents.compare_with == CompareWith::Nothing {
        return Err(NotCompared::Nothing(
            "the step asks for no comparison".to_owned(),
        ));
    }
    let id: Option<ResourceId> = image.id.parse().ok();
    let of_gallery = id.filter(|id| id.is(IMAGE_VERSION));
    let own = match &of_gallery {
        Some(id) => Some(version(arm, id).await?),
        None => None,
    };
    let mut to = own.as_ref().map_or_else(
        || Side::of_other(image.id),
        |own| Side::of(own, of_gallery.as_ref()),
    );
    let earlier = match (&contents.compare_with, &own, &of_gallery) {
        (CompareWith::Version(id), ..) => version(arm, id).await?,
        (other, Some(own), Some(id)) => earlier(arm, other, own, id).await?,
        _ => {
            return Err(NotCompared::Nothing(
                "the image is not in a gallery".to_owned(),
            ));
        }
    };
    let from_id = earlier.id.parse::<ResourceId>();
    let from_id =
        from_id.map_err(|_| NotCompared::Nothing("Azure names it by no id".to_owned()))?;
    let mut from = Side::of(&earlier, Some(&from_id));
    let kept;
    let now = match (image.inventory, &own, &of_gallery) {
        (Some(inventory), ..) => inventory,
        (None, Some(own), Some(id)) => {
            let read = kept_list(arm, library, id, own).await?;
            to.other_sum = read.other_sum;
            kept = read.inventory;
            &kept
        }
        _ => {
            return Err(NotCompared::Nothing(
                "the contents of this image are not known".to_owned(),
            ));
        }
    };
    let before = kept_list(arm, library, &from_id, &earlier).await?;
    from.other_sum = before.other_sum;
    let diff = Diff::between(&before.inventory, now);
    Ok(Comparison {
        forbidden: forbidden(&contents.fail_on_change, &diff),
        gates: contents.gates(),
        from,
        to,
        diff,
    })
}

/// The list that is kept of the version `id`, which Azure describes as `version`.
async fn kept_list(
    arm: &Arm,
    library: Option<&Library<'_>>,
    id: &ResourceId,
    version: &Version,
) -> Result<KeptList, NotCompared> {
    let Some(library) = library else {
        return Err(NotCompared::Nothing(format!(
            "no inventory is kept, because '{}' is empty",
            STORAGE_ACCOUNT_NAME.name
        )));
    };
    let read = library.read(arm, id, version).await;
    read.map_err(|why| match why {
        NotRead::Storage(failure) => NotCompared::Storage(failure),
        NotRead::NoList(why) => NotCompared::NoList {
            version: id.clone(),
            why,
        },
    })
}

async fn version(arm: &Arm, id: &ResourceId) -> Result<Version, NotCompared> {
    let found = match arm.version(id).await {
        Ok(found) => found,
        // The definition, the gallery or its group is not there.
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => None,
        Err(failure) => return Err(failure.into()),
    };
    found.ok_or_else(|| NotCompared::NoVersion(id.clone()))
}

async fn earlier(
    arm: &Arm,
    wanted: &CompareWith,
    own: &Version,
    id: &ResourceId,
) -> Result<Version, NotCompared> {
    let definition = id
        .parent()
        .ok_or_else(|| NotCompared::NoVersion(id.clone()))?;
    let (found, none) = if *wanted == CompareWith::Previous {
        let versions = arm.versions(&definition).await?;
        let found = previous(&versions, own).cloned();
        (
            found,
            format!(
                "no version of {} was published before {}",
                definition.name(),
                own.name
            ),
        )
    } else {
        let versions = arm.counted_versions(&definition).await?;
        let found = latest_before(&versions, own, &own.location).cloned();
        (
            found,
            format!(
                "{} had no latest version in {} before {}",
                definition.name(),
                own.location,
                own.name
            ),
        )
    };
    found.ok_or(NotCompared::Nothing(none))
}

impl Side {
    fn of(version: &Version, id: Option<&ResourceId>) -> Self {
        Self {
            id: id.map_or_else(|| version.id.clone(), ToString::to_string),
            name: version.name.clone(),
            definition: id.and_then(ResourceId::parent),
            published: version.published.map(time::OffsetDateTime::date),
            counts: Some(counting(version).next().is_some()),
            other_sum: None,
        }
    }

    /// A managed image, or a VHD.
    fn of_other(id: &str) -> Self {
        let name = id.parse::<ResourceId>().ok();
        Self {
            id: id.to_owned(),
            name: name.map_or_else(String::new, |id| id.name().to_owned()),
            ..Self::default()
        }
    }
}

impl Comparison {
    /// The version that was compared with, by its definition, too, where that is another one.
    pub fn called_from(&self) -> String {
        match &self.from.definition {
            Some(definition) if Some(definition) != self.to.definition.as_ref() => {
                format!("{} {}", definition.name(), self.from.name)
            }
            _ => self.from.name.clone(),
        }
    }
}

/// `1.0.3 of win11`.
fn display_name(version: &ResourceId) -> String {
    match version.parent() {
        Some(definition) => format!("{} of '{}'", version.name(), definition.name()),
        None => version.name().to_owned(),
    }
}

/// What of `diff` the rules forbid, by rule, in the order of the rules.
fn forbidden(rules: &[ChangeRule], diff: &Diff) -> Vec<Forbidden> {
    let found = rules.iter().map(|rule| {
        let changes = changes_of(rule.kind, diff);
        let changes = changes.filter(|change| rule.name.fits(&change.name));
        Forbidden {
            rule: rule.clone(),
            changes: changes.cloned().collect(),
        }
    });
    found.filter(|found| !found.changes.is_empty()).collect()
}

fn changes_of(kind: ChangeKind, diff: &Diff) -> impl Iterator<Item = &Change> {
    let (list, direction) = match kind {
        ChangeKind::Added => (&diff.added, None),
        ChangeKind::Removed => (&diff.removed, None),
        ChangeKind::Changed => (&diff.changed, None),
        ChangeKind::Downgraded => (&diff.changed, Some(Direction::Down)),
        ChangeKind::Upgraded => (&diff.changed, Some(Direction::Up)),
    };
    list.iter()
        .filter(move |change| direction.is_none() || change.direction == direction)
}

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
    use super::*;
    use crate::arm::gallery::TargetRegion;
    use time::OffsetDateTime;
    use time::macros::datetime;

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
