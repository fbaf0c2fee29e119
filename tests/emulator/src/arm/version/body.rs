//! What a PUT or a PATCH makes of a gallery image version.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time};

use crate::arm::answer::Refusal;
use crate::arm::regions;
use crate::arm::template::text;
use crate::arm::version::{ImageVersion, TargetRegion};
use crate::switches::VersionSwitches;

/// How a body changes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A PUT: what is left out is reset, or stays (switch).
    Put,
    /// A PATCH: what is left out stays; a list replaces the old one.
    Patch {
        /// Whether tags are added to the old ones.
        merges_tags: bool,
    },
}

type Object = Map<String, Value>;

/// Members of the publishing profile that come back as they were sent, and whether they can change.
const PUBLISHING: [(&str, bool); 3] = [
    ("replicationMode", false),
    ("storageAccountStrategy", false),
    ("targetExtendedLocations", true),
];

/// The version after a change; what cannot change is refused.
pub(crate) fn changed(
    version: &ImageVersion,
    body: &Object,
    change: Change,
    switches: &VersionSwitches,
) -> Result<ImageVersion, Refusal> {
    let resets = change == Change::Put && !switches.what_a_put_leaves_out_stays;
    let mut new = version.clone();
    let location = text(body, "location");
    if !location.is_empty() && regions::plain(location) != regions::plain(&version.location) {
        return Err(not_changeable("location"));
    }
    take_tags(&mut new, body, change, resets);
    let properties = object(body, "properties").unwrap_or_default();
    if let Some(profile) = object(&properties, "publishingProfile") {
        publish(&mut new, &profile, resets)?;
    }
    if let Some(profile) = object(&properties, "storageProfile") {
        store(&mut new, &profile)?;
    }
    let safety = object(&properties, "safetyProfile");
    if safety.is_some() || resets {
        protect(&mut new, &safety.unwrap_or_default(), resets);
    }
    if let Some(security) = properties.get("securityProfile") {
        new.security = Some(security.clone());
    }
    Ok(new)
}

fn take_tags(version: &mut ImageVersion, body: &Object, change: Change, resets: bool) {
    match (object(body, "tags"), change) {
        (Some(tags), Change::Patch { merges_tags: true }) => {
            version.tags.get_or_insert_default().extend(tags);
        }
        (Some(tags), _) => version.tags = Some(tags),
        (None, _) if resets => version.tags = None,
        (None, _) => {}
    }
}

fn publish(version: &mut ImageVersion, profile: &Object, resets: bool) -> Result<(), Refusal> {
    if let Some(count) = profile.get("replicaCount").and_then(Value::as_i64) {
        version.replica_count = count;
    }
    match profile.get("excludeFromLatest").and_then(Value::as_bool) {
        Some(exclude) => version.exclude_from_latest = exclude,
        None if resets => version.exclude_from_latest = false,
        None => {}
    }
    match profile.get("endOfLifeDate").filter(|date| !date.is_null()) {
        Some(date) => version.end_of_life = Some(parse_time(date)?),
        None if resets => version.end_of_life = None,
        None => {}
    }
    let storage = text(profile, "storageAccountType");
    let is_new = version.regions.is_empty();
    if !storage.is_empty() && storage != version.storage {
        if !is_new {
            return Err(not_changeable(
                "properties.publishingProfile.storageAccountType",
            ));
        }
        storage.clone_into(&mut version.storage);
    }
    for (name, changeable) in PUBLISHING {
        let (old, sent) = (version.publishing.get(name), profile.get(name));
        match sent.filter(|sent| !sent.is_null()) {
            Some(sent) if changeable || is_new || old == Some(sent) => {
                version.publishing.insert(name.to_owned(), sent.clone());
            }
            Some(_) => {
                return Err(not_changeable(&format!(
                    "properties.publishingProfile.{name}"
                )));
            }
            None if resets && changeable => drop(version.publishing.remove(name)),
            None => {}
        }
    }
    let Some(regions) = profile.get("targetRegions").and_then(Value::as_array) else {
        return Ok(());
    };
    let regions: Result<Vec<_>, _> = regions
        .iter()
        .filter_map(Value::as_object)
        .map(|sent| region(version, sent, resets))
        .collect();
    version.regions = regions?;
    Ok(())
}

/// A region as a body names it. One that is there keeps its replica and the kind of its storage.
fn region(version: &ImageVersion, sent: &Object, resets: bool) -> Result<TargetRegion, Refusal> {
    let name = text(sent, "name");
    if name.is_empty() {
        return Err(missing(
            "galleryImageVersion.properties.publishingProfile.targetRegions.name",
        ));
    }
    let (old, storage) = (version.region(name), text(sent, "storageAccountType"));
    let usual = old.map_or(version.storage.as_str(), |old| old.storage.as_str());
    if let Some(old) = old
        && !storage.is_empty()
        && storage != old.storage
    {
        return Err(not_changeable(
            "properties.publishingProfile.targetRegions.storageAccountType",
        ));
    }
    let count = sent.get("regionalReplicaCount").and_then(Value::as_i64);
    let exclude = sent.get("excludeFromLatest").and_then(Value::as_bool);
    let kept = old.filter(|_| !resets);
    let mut rest = kept.map(|old| old.rest.clone()).unwrap_or_default();
    for name in ["encryption", "additionalReplicaSets"] {
        if let Some(value) = sent.get(name) {
            rest.insert(name.to_owned(), value.clone());
        }
    }
    Ok(TargetRegion {
        exclude: exclude.or(kept.and_then(|old| old.exclude)),
        rest,
        copying: old.and_then(|old| old.copying),
        ..TargetRegion::new(
            name,
            count.unwrap_or(version.replica_count),
            if storage.is_empty() { usual } else { storage },
        )
    })
}

/// Of the disks only the caching can change.
fn store(version: &mut ImageVersion, profile: &Object) -> Result<(), Refusal> {
    if let Some(source) = object(profile, "source")
        && !source.is_empty()
    {
        let sent = text(&source, "id");
        let same = version
            .source_id()
            .is_some_and(|old| crate::ids::key(old) == crate::ids::key(sent));
        if !same && version.source.as_ref() != Some(&Value::Object(source.clone())) {
            return Err(not_changeable("properties.storageProfile.source"));
        }
    }
    if let Some(disk) = object(profile, "osDiskImage") {
        if let Some(caching) = disk.get("hostCaching") {
            version
                .os_disk
                .insert("hostCaching".to_owned(), caching.clone());
        }
        let source = object(&disk, "source").unwrap_or_default();
        if !source.is_empty() && version.os_disk.get("source") != Some(&json!(source)) {
            return Err(not_changeable(
                "properties.storageProfile.osDiskImage.source",
            ));
        }
    }
    let disks = profile.get("dataDiskImages").and_then(Value::as_array);
    for sent in disks.into_iter().flatten() {
        let own = version
            .data_disks
            .iter_mut()
            .find(|disk| disk.get("lun") == sent.get("lun"));
        if let (Some(Value::Object(own)), Some(caching)) = (own, sent.get("hostCaching")) {
            own.insert("hostCaching".to_owned(), caching.clone());
        }
    }
    Ok(())
}

fn protect(version: &mut ImageVersion, profile: &Object, resets: bool) {
    let sent = |name: &str| profile.get(name).and_then(Value::as_bool);
    let safety = &mut version.safety;
    match sent("allowDeletionOfReplicatedLocations") {
        Some(allow) => safety.allow_deletion_of_replicated_locations = allow,
        None if resets => safety.allow_deletion_of_replicated_locations = false,
        None => {}
    }
    match sent("blockDeletionBeforeEndOfLife") {
        Some(block) => safety.block_deletion_before_end_of_life = Some(block),
        None if resets => safety.block_deletion_before_end_of_life = None,
        None => {}
    }
}

/// A time as clients send it: `2026-12-31T12:59:59.000Z`, or a day alone.
fn parse_time(value: &Value) -> Result<OffsetDateTime, Refusal> {
    let sent = value.as_str().unwrap_or_default();
    let day = time::macros::format_description!("[year]-[month]-[day]");
    let moment = OffsetDateTime::parse(sent, &Rfc3339).ok();
    let midnight = || {
        let day = Date::parse(sent, &day).ok()?;
        Some(day.with_time(Time::MIDNIGHT).assume_utc())
    };
    moment
        .map(|moment| moment.to_offset(time::UtcOffset::UTC))
        .or_else(midnight)
        .ok_or_else(|| {
            let message = format!(
                "The value '{value}' of parameter 'galleryImageVersion.properties.publishingProfile.endOfLifeDate' is invalid."
            );
            Refusal::by_compute(400, "InvalidParameter", message)
        })
}

pub(crate) fn missing(name: &str) -> Refusal {
    let message = format!("Required parameter '{name}' is missing (null).");
    Refusal::by_compute(400, "InvalidParameter", message)
}

fn not_changeable(name: &str) -> Refusal {
    let message = format!("Changing property 'galleryImageVersion.{name}' is not allowed.");
    Refusal::by_compute(409, "PropertyChangeNotAllowed", message)
}

fn object(of: &Object, name: &str) -> Option<Object> {
    of.get(name)?.as_object().cloned()
}
