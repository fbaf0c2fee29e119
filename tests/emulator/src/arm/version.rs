//! A gallery image version as the emulator keeps it.

mod body;
mod document;
pub(crate) mod members;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::regions;
use crate::estate::SoftDelete;

pub(crate) use body::{Change, changed, missing};
pub(crate) use document::document;

/// A region that a version is replicated to.
#[derive(Debug, Clone)]
pub(crate) struct TargetRegion {
    /// As it was named.
    pub(crate) name: String,
    pub(crate) count: i64,
    pub(crate) storage: String,
    /// `excludeFromLatest`, when it was sent.
    pub(crate) exclude: Option<bool>,
    /// What comes back as it was sent: `encryption`, `additionalReplicaSets`.
    pub(crate) rest: Map<String, Value>,
    /// The replica on its way; none when it is there.
    pub(crate) copying: Option<Copying>,
}

/// A replica on its way to a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copying {
    /// It is there when the operation upon the version has ended.
    WithTheVersion,
    /// It is there at a time of its own.
    Until {
        since: OffsetDateTime,
        end: OffsetDateTime,
    },
}

impl TargetRegion {
    pub(crate) fn new(name: &str, count: i64, storage: &str) -> Self {
        Self {
            name: name.to_owned(),
            count,
            storage: storage.to_owned(),
            exclude: None,
            rest: Map::new(),
            copying: None,
        }
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        regions::plain(&self.name) == regions::plain(name)
    }
}

/// `properties.safetyProfile`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Safety {
    pub(crate) allow_deletion_of_replicated_locations: bool,
    /// Shown once it was sent.
    pub(crate) block_deletion_before_end_of_life: Option<bool>,
}

/// A gallery image version.
#[derive(Debug, Clone)]
pub(crate) struct ImageVersion {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) location: String,
    /// `provisioningState`; a scene may have states that nobody knows.
    pub(crate) state: String,
    pub(crate) published: Option<OffsetDateTime>,
    pub(crate) regions: Vec<TargetRegion>,
    pub(crate) exclude_from_latest: bool,
    pub(crate) replica_count: i64,
    pub(crate) storage: String,
    pub(crate) end_of_life: Option<OffsetDateTime>,
    pub(crate) safety: Safety,
    /// Members that come back as they were sent: `replicationMode`, `storageAccountStrategy`, `targetExtendedLocations` of the
    /// publishing profile.
    pub(crate) publishing: Map<String, Value>,
    /// `properties.securityProfile`, as it was sent.
    pub(crate) security: Option<Value>,
    pub(crate) tags: Option<Map<String, Value>>,
    /// What it was made of, when a client made it: `{"id": "..."}` or `{"virtualMachineId": "..."}`.
    pub(crate) source: Option<Value>,
    pub(crate) os_disk: Map<String, Value>,
    pub(crate) data_disks: Vec<Value>,
    /// The operation that creates or updates it.
    pub(crate) change: Option<String>,
    /// The operation that deletes it, and for how long it can be restored.
    pub(crate) deletion: Option<(String, Option<SoftDelete>)>,
}

/// A version that was deleted and can be restored.
#[derive(Debug, Clone)]
pub(crate) struct SoftDeleted {
    pub(crate) version: ImageVersion,
    pub(crate) at: OffsetDateTime,
    pub(crate) retention: SoftDelete,
}

impl SoftDeleted {
    /// Until when it can be deployed.
    pub(crate) fn consumption_end(&self) -> OffsetDateTime {
        self.at + time::Duration::days(self.retention.retention_days)
    }

    /// When it is gone for good.
    pub(crate) fn hard_deletion(&self) -> OffsetDateTime {
        self.consumption_end() + time::Duration::days(self.retention.grace_days)
    }
}

impl ImageVersion {
    /// A version of nothing, with the usual values.
    pub(crate) fn new(id: String, name: String, location: String) -> Self {
        let mut os_disk = Map::new();
        os_disk.insert("sizeInGB".to_owned(), json!(30));
        os_disk.insert("hostCaching".to_owned(), json!("ReadWrite"));
        os_disk.insert("source".to_owned(), json!({}));
        Self {
            id,
            name,
            location,
            state: "Creating".to_owned(),
            published: None,
            regions: Vec::new(),
            exclude_from_latest: false,
            replica_count: 1,
            storage: "Standard_LRS".to_owned(),
            end_of_life: None,
            safety: Safety::default(),
            publishing: Map::new(),
            security: None,
            tags: None,
            source: None,
            os_disk,
            data_disks: Vec::new(),
            change: None,
            deletion: None,
        }
    }

    pub(crate) fn region(&self, name: &str) -> Option<&TargetRegion> {
        self.regions.iter().find(|region| region.is(name))
    }

    /// The id of the image that it was made of.
    pub(crate) fn source_id(&self) -> Option<&str> {
        self.source.as_ref()?.get("id")?.as_str()
    }

    /// Whether `latest` takes it into account in a region: it is there, and hidden neither as a whole nor in the region.
    pub(crate) fn counts_in(&self, region: &str) -> bool {
        let is_there = |region: &TargetRegion| match self.state.as_str() {
            "Succeeded" => true,
            "Updating" => region.copying.is_none(),
            _ => false,
        };
        let shown = |region: &TargetRegion| region.exclude != Some(true) && is_there(region);
        !self.exclude_from_latest && self.region(region).is_some_and(shown)
    }

    /// The defaults that are announced for new versions; what was sent stays.
    pub(crate) fn protect_by_default(&mut self, now: OffsetDateTime) {
        let half_a_year = now + time::Duration::days(182);
        self.end_of_life.get_or_insert(half_a_year);
        let block = &mut self.safety.block_deletion_before_end_of_life;
        block.get_or_insert(true);
    }

    /// Takes note of the replicas that have arrived by `now`.
    pub(crate) fn settle_regions(&mut self, now: OffsetDateTime) {
        for region in &mut self.regions {
            if let Some(Copying::Until { end, .. }) = region.copying
                && end <= now
            {
                region.copying = None;
            }
        }
    }

    /// Its change has ended well: it is everywhere.
    pub(crate) fn succeed(&mut self) {
        "Succeeded".clone_into(&mut self.state);
        self.change = None;
        for region in &mut self.regions {
            region.copying = None;
        }
    }
}
