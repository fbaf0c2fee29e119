//! How a gallery image version is answered, by api-version.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::regions;
use crate::arm::version::{Copying, ImageVersion, TargetRegion};
use crate::clock;
use crate::switches::VersionSwitches;

/// Since when there is a safety profile (documented: release notes of the libraries), and since when the rest of it and the validations
/// (recorded with 2024-03-03 alone).
const SAFETY_SINCE: &str = "2022-03-03";
const VALIDATIONS_SINCE: &str = "2024-03-03";

/// The document for an api-version, with `replicationStatus` as of `replication`.
pub(crate) fn document(
    version: &ImageVersion,
    api: &str,
    switches: &VersionSwitches,
    replication: Option<OffsetDateTime>,
) -> Value {
    let mut properties = Map::new();
    let mut put = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    put("publishingProfile", publishing_profile(version, switches));
    put("storageProfile", storage_profile(version, switches));
    if api >= SAFETY_SINCE {
        put("safetyProfile", safety_profile(version, api));
    }
    if let Some(security) = &version.security {
        put("securityProfile", security.clone());
    }
    if api >= VALIDATIONS_SINCE && version.state == "Succeeded" {
        put(
            "validationsProfile",
            json!({"validationOperationStatus": "NotExecuted"}),
        );
    }
    put("provisioningState", json!(version.state));
    if let Some(now) = replication {
        put("replicationStatus", replication_status(version, now));
    }
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("name", json!(version.name));
    put("id", json!(version.id));
    put("type", json!("Microsoft.Compute/galleries/images/versions"));
    put("location", json!(version.location));
    if let Some(tags) = &version.tags
        && !(tags.is_empty() && switches.empty_tags_are_left_out)
    {
        put("tags", json!(tags));
    }
    put("properties", Value::Object(properties));
    Value::Object(document)
}

fn publishing_profile(version: &ImageVersion, switches: &VersionSwitches) -> Value {
    let regions: Vec<Value> = version
        .regions
        .iter()
        .map(|region| target_region(region, switches))
        .collect();
    let mut profile = Map::new();
    let mut put = |name: &str, value: Value| profile.insert(name.to_owned(), value);
    put("targetRegions", json!(regions));
    put("replicaCount", json!(version.replica_count));
    put("excludeFromLatest", json!(version.exclude_from_latest));
    if let Some(published) = version.published {
        put("publishedDate", json!(clock::with_offset(published)));
    }
    if let Some(end) = version.end_of_life {
        put("endOfLifeDate", json!(clock::with_offset(end)));
    }
    put("storageAccountType", json!(version.storage));
    for (name, value) in &version.publishing {
        put(name, value.clone());
    }
    Value::Object(profile)
}

fn target_region(region: &TargetRegion, switches: &VersionSwitches) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("name", json!(regions::display(&region.name)));
    put("regionalReplicaCount", json!(region.count));
    put("storageAccountType", json!(region.storage));
    if let Some(exclude) = region.exclude
        && (exclude || !switches.false_flags_of_regions_are_left_out)
    {
        put("excludeFromLatest", json!(exclude));
    }
    for (name, value) in &region.rest {
        put(name, value.clone());
    }
    Value::Object(shown)
}

/// A version that a client makes tells its source alone until it is made.
fn storage_profile(version: &ImageVersion, switches: &VersionSwitches) -> Value {
    let mut profile = Map::new();
    let of_version = version
        .source_id()
        .is_some_and(|id| id.to_ascii_lowercase().contains("/versions/"));
    if let Some(source) = &version.source
        && !(of_version && switches.copies_hide_their_source)
    {
        profile.insert("source".to_owned(), source.clone());
    }
    if version.source.is_none() || version.state != "Creating" {
        profile.insert("osDiskImage".to_owned(), json!(version.os_disk));
        if !version.data_disks.is_empty() {
            profile.insert("dataDiskImages".to_owned(), json!(version.data_disks));
        }
    }
    Value::Object(profile)
}

fn safety_profile(version: &ImageVersion, api: &str) -> Value {
    let mut profile = Map::new();
    let mut put = |name: &str, value: bool| profile.insert(name.to_owned(), json!(value));
    put("reportedForPolicyViolation", false);
    if let Some(block) = version.safety.block_deletion_before_end_of_life
        && api >= VALIDATIONS_SINCE
    {
        put("blockDeletionBeforeEndOfLife", block);
    }
    put(
        "allowDeletionOfReplicatedLocations",
        version.safety.allow_deletion_of_replicated_locations,
    );
    Value::Object(profile)
}

/// The regions here have no blanks, unlike those in `targetRegions`. The states in progress were never recorded.
fn replication_status(version: &ImageVersion, now: OffsetDateTime) -> Value {
    let failed = version.state == "Failed";
    let state = |region: &TargetRegion| match region.copying {
        _ if failed => ("Failed", 0),
        None if version.state != "Creating" => ("Completed", 100),
        None | Some(Copying::WithTheVersion) => ("Replicating", 50),
        Some(Copying::Until { since, end }) => ("Replicating", percent(since, end, now)),
    };
    let summary: Vec<Value> = version
        .regions
        .iter()
        .map(|region| {
            let (state, progress) = state(region);
            json!({"region": regions::plain(&region.name), "state": state, "progress": progress})
        })
        .collect();
    let complete = version
        .regions
        .iter()
        .all(|region| state(region).0 == "Completed");
    let all = match (failed, complete) {
        (true, _) => "Failed",
        (_, true) => "Completed",
        _ => "InProgress",
    };
    json!({"aggregatedState": all, "summary": summary})
}

fn percent(since: OffsetDateTime, end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    let (all, gone) = ((end - since).whole_seconds(), (now - since).whole_seconds());
    (gone * 100)
        .checked_div(all)
        .unwrap_or_default()
        .clamp(0, 99)
}
