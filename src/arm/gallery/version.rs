//! One image version, as Azure answers it, and which of several is the latest one in a region.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::resource::{ImageVersion, plain_region};
use crate::template::model;

/// `properties.provisioningState`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// It is being made.
    Creating,
    /// It is being changed: what was there before goes on to be there.
    Updating,
    /// It was not made, or not changed, as requested.
    Failed,
    /// It is complete.
    Succeeded,
    /// It is being deleted.
    Deleting,
    /// It is being moved.
    Migrating,
    /// None at all. Never taken for a good one.
    #[default]
    Missing,
    /// A word that did not exist when this was written. Never taken for a good one.
    Unknown(String),
}

impl State {
    /// Reads Azure's word.
    pub fn of(word: &str) -> Self {
        let known = [
            Self::Creating,
            Self::Updating,
            Self::Failed,
            Self::Succeeded,
            Self::Deleting,
            Self::Migrating,
        ];
        let found = known
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(word));
        found.unwrap_or_else(|| Self::Unknown(word.to_owned()))
    }

    /// Azure's word; `unknown` if there was none.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Failed => "Failed",
            Self::Succeeded => "Succeeded",
            Self::Deleting => "Deleting",
            Self::Migrating => "Migrating",
            Self::Missing => "unknown",
            Self::Unknown(word) => word,
        }
    }

    /// Whether nothing goes on any longer.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A region that a version is replicated to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetRegion {
    /// Its programmatic name, `westeurope`.
    pub name: String,
    /// Whether the version is kept from who asks for the latest one there.
    pub excluded: bool,
}

/// How far the replication to a region is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionState {
    /// The region, as Azure spells it: `westeurope`.
    pub region: String,
    /// `Replicating`, `Completed`, `Failed`, `Unknown`.
    pub state: String,
    /// 0 to 100.
    pub percent: u8,
}

/// A version of an image definition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Version {
    /// Its number, `1.0.3`.
    pub name: String,
    /// Its resource id.
    pub id: String,
    /// The region of the resource itself, `westeurope`.
    pub location: String,
    /// Whether it is complete.
    pub state: State,
    /// Whether it is kept from who asks for the latest one, in every region.
    pub excluded: bool,
    /// The regions that have a replica, or will have one.
    pub regions: Vec<TargetRegion>,
    /// How far the replicas are; only an answer that was asked for it has that.
    pub replication: Option<Vec<RegionState>>,
    /// Its tags.
    pub tags: Map<String, Value>,
    /// When it was published.
    pub published: Option<OffsetDateTime>,
    /// Its end of life.
    pub end_of_life: Option<OffsetDateTime>,
    /// Whether it cannot be deleted before its end of life.
    pub blocks_deletion: bool,
    /// The id of the resource that it was made of, where Azure tells it.
    pub source: Option<String>,
    /// Resource id of the storage account with the VHD that it was made of; recorded of versions by the image builder in 2023.
    pub disk_account: Option<String>,
    /// The whole answer.
    pub document: Value,
}

impl Version {
    /// Reads an answer, or an item of a list; nothing if it has neither name nor id.
    pub fn read(document: &Value) -> Option<Self> {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let is = |pointer: &str| document.pointer(pointer).and_then(Value::as_bool) == Some(true);
        let date = |pointer: &str| OffsetDateTime::parse(text(pointer)?, &Rfc3339).ok();
        let list = |pointer: &str| document.pointer(pointer).and_then(Value::as_array);
        let regions = list("/properties/publishingProfile/targetRegions");
        Some(Self {
            name: text("/name")?.to_owned(),
            id: text("/id")?.to_owned(),
            location: plain_region(text("/location").unwrap_or_default()),
            state: text("/properties/provisioningState").map_or(State::Missing, State::of),
            excluded: is("/properties/publishingProfile/excludeFromLatest"),
            regions: regions
                .into_iter()
                .flatten()
                .filter_map(target_region)
                .collect(),
            replication: replication(document),
            tags: document
                .get("tags")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            published: date("/properties/publishingProfile/publishedDate"),
            end_of_life: date("/properties/publishingProfile/endOfLifeDate"),
            blocks_deletion: is("/properties/safetyProfile/blockDeletionBeforeEndOfLife"),
            source: text("/properties/storageProfile/source/id").map(str::to_owned),
            disk_account: text("/properties/storageProfile/osDiskImage/source/storageAccountId")
                .map(str::to_owned),
            document: document.clone(),
        })
    }

    /// The value of a tag. Names of tags ignore letter case.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        let found = tags.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found?.1.as_str()
    }

    /// Its place among the others; one that is no number comes first.
    pub fn number(&self) -> Option<ImageVersion> {
        self.name.parse().ok()
    }

    /// The regions with their replicas, in the words of a template.
    pub fn target_regions(&self) -> Vec<model::TargetRegion> {
        let regions = self
            .document
            .pointer("/properties/publishingProfile/targetRegions");
        let regions = regions.and_then(Value::as_array).into_iter().flatten();
        let read = regions.filter_map(|region| {
            let text = |name: &str| region.get(name).and_then(Value::as_str);
            let count = region.get("regionalReplicaCount").and_then(Value::as_u64);
            Some(model::TargetRegion {
                name: text("name")?.to_owned(),
                replica_count: count.and_then(|count| count.try_into().ok()),
                storage_account_type: text("storageAccountType").map(str::to_owned),
                ..model::TargetRegion::default()
            })
        });
        read.collect()
    }

    /// Its part in a region, `westeurope`, if it has one there.
    pub fn region(&self, name: &str) -> Option<&TargetRegion> {
        self.regions.iter().find(|region| region.name == name)
    }
}

/// A version that was deleted and can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftDeleted {
    /// Its number.
    pub name: String,
    /// Until when, as Azure writes it.
    pub until: Option<String>,
}

impl SoftDeleted {
    /// Reads an item of the list. Its answer was never recorded: the definition has the number in the id of the resource.
    pub fn read(item: &Value) -> Option<Self> {
        let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str);
        let id = text("/properties/resourceArmId").and_then(|id| id.rsplit('/').next());
        Some(Self {
            name: id.or_else(|| text("/name"))?.to_owned(),
            until: text("/properties/hardDeletionTargetTime").map(str::to_owned),
        })
    }
}

fn target_region(region: &Value) -> Option<TargetRegion> {
    let excluded = region.get("excludeFromLatest").and_then(Value::as_bool);
    Some(TargetRegion {
        name: plain_region(region.get("name")?.as_str()?),
        excluded: excluded == Some(true),
    })
}

/// How far the replicas are, where an answer tells it.
pub(super) fn replication(document: &Value) -> Option<Vec<RegionState>> {
    let summary = document.pointer("/properties/replicationStatus/summary")?;
    Some(
        summary
            .as_array()?
            .iter()
            .filter_map(region_state)
            .collect(),
    )
}

fn region_state(region: &Value) -> Option<RegionState> {
    let text = |member: &str| region.get(member).and_then(Value::as_str);
    let percent = region.get("progress").and_then(Value::as_u64);
    Some(RegionState {
        region: text("region")?.to_owned(),
        state: text("state").unwrap_or("Unknown").to_owned(),
        percent: percent
            .and_then(|percent| percent.try_into().ok())
            .unwrap_or(0)
            .min(100),
    })
}

/// Whether `version` is among those of which the highest one is the latest in `region` (`westeurope`).
///
/// While a version changes, its old replicas are there and new ones are on their way: it counts where Azure says that the replication is
/// complete, which only an answer with `$expand=ReplicationStatus` does.
pub fn counts_in(version: &Version, region: &str) -> bool {
    let is_there = match version.state {
        State::Succeeded => true,
        State::Updating => is_replicated(version, region),
        _ => false,
    };
    let shown = version
        .region(region)
        .is_some_and(|region| !region.excluded);
    is_there && shown && !version.excluded
}

fn is_replicated(version: &Version, region: &str) -> bool {
    let regions = version.replication.iter().flatten();
    let mut here = regions.filter(|state| crate::resource::plain_region(&state.region) == region);
    here.any(|state| state.state.eq_ignore_ascii_case("Completed"))
}

/// The version that `latest` stands for in `region` (`westeurope`).
///
/// The highest number, not the youngest, among those that have a replica in the region and are not kept from who asks for the latest one
/// (<https://learn.microsoft.com/azure/virtual-machines/azure-compute-gallery#image-versions>). This is the only place that decides it.
pub fn latest<'a>(versions: &'a [Version], region: &str) -> Option<&'a Version> {
    highest(versions.iter().filter(|version| counts_in(version, region)))
}

/// The complete version with the highest number, whether it counts anywhere or not.
pub fn newest_good(versions: &[Version]) -> Option<&Version> {
    let good = |version: &&Version| version.state == State::Succeeded;
    highest(versions.iter().filter(good))
}

/// Every region that any of the versions names, in the order of the alphabet.
pub fn regions(versions: &[Version]) -> Vec<&str> {
    let all = versions.iter().flat_map(|version| &version.regions);
    let mut names: Vec<&str> = all.map(|region| region.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The regions in which a version counts, in its own order.
pub fn counting(version: &Version) -> impl Iterator<Item = &str> {
    let names = version.regions.iter().map(|region| region.name.as_str());
    names.filter(|region| counts_in(version, region))
}

/// What is no number is never the highest.
fn highest<'a>(versions: impl Iterator<Item = &'a Version>) -> Option<&'a Version> {
    let numbered = versions.filter_map(|version| Some((version.number()?, version)));
    numbered
        .max_by_key(|(number, _)| *number)
        .map(|(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_version_is_read_as_it_was_recorded() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0";
        let document = json!({
            "name": "1.0.0", "id": id, "type": "Microsoft.Compute/galleries/images/versions", "location": "East US 2",
            "properties": {
                "publishingProfile": {
                    "targetRegions": [
                        {"name": "East US 2", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"},
                        {"name": "westus2", "excludeFromLatest": true}
                    ],
                    "replicaCount": 1, "excludeFromLatest": false,
                    "publishedDate": "2026-04-23T03:08:11.5559031+00:00", "endOfLifeDate": "2026-12-31T12:59:59+00:00"
                },
                "storageProfile": {"source": {"id": "/x"}, "osDiskImage": {"sizeInGB": 30, "source": {}}},
                "safetyProfile": {"blockDeletionBeforeEndOfLife": true},
                "replicationStatus": {"aggregatedState": "Completed", "summary": [{"region": "eastus2", "state": "Completed", "progress": 100}]},
                "provisioningState": "Succeeded"
            }
        });
        let version = Version::read(&document).unwrap();
        assert_eq!((version.name.as_str(), version.id.as_str()), ("1.0.0", id));
        assert_eq!(version.location, "eastus2");
        assert_eq!(version.state, State::Succeeded);
        let regions: Vec<_> = version
            .regions
            .iter()
            .map(|region| (region.name.as_str(), region.excluded))
            .collect();
        assert_eq!(regions, [("eastus2", false), ("westus2", true)]);
        assert_eq!(version.replication.unwrap()[0].state, "Completed");
        assert_eq!(version.published.unwrap().date().to_string(), "2026-04-23");
        assert_eq!(
            version.end_of_life.unwrap().date().to_string(),
            "2026-12-31"
        );
        assert!(version.blocks_deletion && !version.excluded && version.tags.is_empty());
        assert_eq!(version.source.as_deref(), Some("/x"));
    }

    #[test]
    fn a_state_that_is_not_known_is_no_good_one() {
        assert_eq!(State::of("succeeded"), State::Succeeded);
        let new = State::of("Levitating");
        assert_eq!(new, State::Unknown("Levitating".to_owned()));
        assert!(!new.is_end() && new.as_str() == "Levitating");
        let bare = Version::read(&json!({"name": "1.0.0", "id": "/x"})).unwrap();
        assert_eq!(bare.state, State::Missing);
        assert!(Version::read(&json!({"name": "1.0.0"})).is_none());
    }
}
