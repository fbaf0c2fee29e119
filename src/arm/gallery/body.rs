//! The body of a PUT that changes an image version: what Azure answered, without what it does not take back.
//!
//! It is made by taking away, never by listing, so that what an image version has and this program does not know stays as it is.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use super::version::Version;
use crate::resource::{ResourceId, plain_region};
use crate::template::model::TargetRegion;

/// Read-only by the published definition of 2024-03-03 and later, or without a meaning in a change. `restore` brings back a deleted version.
const READ_ONLY: [(&str, &[&str]); 4] = [
    ("", &["id", "name", "type", "systemData"]),
    (
        "/properties",
        &[
            "restore",
            "provisioningState",
            "replicationStatus",
            "validationsProfile",
            "imageMetadataProfiles",
        ],
    ),
    ("/properties/publishingProfile", &["publishedDate"]),
    (
        "/properties/safetyProfile",
        &["reportedForPolicyViolation", "policyViolations"],
    ),
];
/// Below `storageProfile`, at any depth. A source would be checked for permission, and is gone perhaps; Azure CLI leaves it out, too.
const NOT_OF_STORAGE: [&str; 2] = ["source", "sizeInGB"];

const PUBLISHING: [&str; 2] = ["properties", "publishingProfile"];
const EXCLUDED: &str = "excludeFromLatest";
const END_OF_LIFE: &str = "endOfLifeDate";

/// The wanted state of an image version.
#[derive(Debug, Clone, PartialEq)]
pub struct Body(Value);

impl Body {
    /// The state that `version` is in.
    pub fn of(version: &Version) -> Self {
        let mut body = version.document.clone();
        for (place, names) in READ_ONLY {
            let object = body.pointer_mut(place).and_then(Value::as_object_mut);
            if let Some(object) = object {
                object.retain(|name, _| !names.contains(&name.as_str()));
            }
        }
        if let Some(storage) = body.pointer_mut("/properties/storageProfile") {
            remove_below(storage, &NOT_OF_STORAGE);
        }
        Self(body)
    }

    /// The state of a version that does not exist yet: a copy of the version with id `source`, in a gallery in region `location`.
    pub fn of_copy(location: &str, source: &str) -> Self {
        Self(json!({
            "location": location,
            "tags": {},
            "properties": {
                "publishingProfile": {"targetRegions": [], "replicaCount": 1, EXCLUDED: false},
                "storageProfile": {"source": {"id": source}},
            },
        }))
    }

    /// What is sent.
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// Keeps the version from who asks for the latest one, or not; each region may do so all the same.
    pub fn exclude(&mut self, excluded: bool) {
        self.change(&PUBLISHING, |profile| set_flag(profile, excluded));
    }

    /// The same in each region, by its programmatic name; nothing leaves it as it is.
    pub fn exclude_in(&mut self, excluded: impl Fn(&str) -> Option<bool>) {
        self.change_regions(|regions| {
            for region in regions.iter_mut().filter_map(Value::as_object_mut) {
                let name = region.get("name").and_then(Value::as_str);
                if let Some(wanted) = excluded(&plain_region(name.unwrap_or_default())) {
                    set_flag(region, wanted);
                }
            }
        });
    }

    /// Adds a region; one that is there stays as it is.
    pub fn add_region(&mut self, added: &TargetRegion) {
        let name = plain_region(&added.name);
        self.change_regions(|regions| {
            let is_it = |known: &Value| {
                let known = known.get("name").and_then(Value::as_str);
                known.is_some_and(|known| plain_region(known) == name)
            };
            if !regions.iter().any(is_it) {
                regions.push(region(added));
            }
        });
    }

    /// Sets the end of life to midnight of `day`, unless it is on that day already; nothing removes it.
    pub fn set_end_of_life(&mut self, day: Option<Date>) {
        self.change(&PUBLISHING, |profile| {
            let known = profile.get(END_OF_LIFE).and_then(Value::as_str);
            match day {
                None => _ = profile.shift_remove(END_OF_LIFE),
                Some(day) if known.and_then(day_of) == Some(day) => {}
                Some(day) => _ = profile.insert(END_OF_LIFE.to_owned(), json!(midnight(day))),
            }
        });
    }

    /// Sets the end of life to what it was once.
    pub fn restore_end_of_life(&mut self, date: OffsetDateTime) {
        if let Ok(text) = date.format(&Rfc3339) {
            self.change(&PUBLISHING, |profile| {
                profile.insert(END_OF_LIFE.to_owned(), json!(text));
            });
        }
    }

    /// The end of life, as Azure or we wrote it.
    pub fn end_of_life(&self) -> Option<String> {
        let date = self
            .0
            .pointer("/properties/publishingProfile/endOfLifeDate");
        date.and_then(Value::as_str).map(str::to_owned)
    }

    /// The version that it will be when everything is done.
    pub fn as_version(&self, id: &ResourceId) -> Option<Version> {
        let mut document = self.0.clone();
        let object = document.as_object_mut()?;
        object.insert("id".to_owned(), json!(id.as_str()));
        object.insert("name".to_owned(), json!(id.name()));
        let properties = object.get_mut("properties")?.as_object_mut()?;
        properties.insert("provisioningState".to_owned(), json!("Succeeded"));
        Version::read(&document)
    }

    /// Permits no deletion before the end of life.
    pub fn block_deletion(&mut self) {
        self.change(&["properties", "safetyProfile"], |profile| {
            profile.insert("blockDeletionBeforeEndOfLife".to_owned(), json!(true));
        });
    }

    /// Sets a tag, in the letter case that its name has already.
    pub fn set_tag(&mut self, name: &str, value: &str) {
        self.change(&["tags"], |tags| {
            let known = tags.keys().find(|known| known.eq_ignore_ascii_case(name));
            let name = known.cloned().unwrap_or_else(|| name.to_owned());
            tags.insert(name, json!(value));
        });
    }

    /// Removes a tag.
    pub fn remove_tag(&mut self, name: &str) {
        self.change(&["tags"], |tags| {
            tags.retain(|known, _| !known.eq_ignore_ascii_case(name));
        });
    }

    /// How many tags there are.
    pub fn tags(&self) -> usize {
        let tags = self.0.get("tags").and_then(Value::as_object);
        tags.map_or(0, Map::len)
    }

    /// Whether both are the same state, tags named in `unless` apart.
    pub fn is_like(&self, other: &Self, unless: &[&str]) -> bool {
        let plain = |body: &Self| {
            let mut body = body.clone();
            // An answer may lack tags altogether.
            body.change(&["tags"], |tags| {
                tags.retain(|name, _| !unless.iter().any(|it| it.eq_ignore_ascii_case(name)));
            });
            body
        };
        plain(self) == plain(other)
    }

    /// Changes an object of the body, which is made if it is not there.
    fn change(&mut self, path: &[&str], change: impl FnOnce(&mut Map<String, Value>)) {
        let mut place = &mut self.0;
        for name in path {
            let Some(object) = place.as_object_mut() else {
                return;
            };
            place = object.entry(*name).or_insert_with(|| json!({}));
            if !place.is_object() {
                *place = json!({});
            }
        }
        if let Some(object) = place.as_object_mut() {
            change(object);
        }
    }

    fn change_regions(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        self.change(&PUBLISHING, |profile| {
            let regions = profile.entry("targetRegions").or_insert_with(|| json!([]));
            if !regions.is_array() {
                *regions = json!([]);
            }
            if let Some(regions) = regions.as_array_mut() {
                change(regions);
            }
        });
    }
}

/// A region in the words of Microsoft.Compute, which are not those of the image builder.
fn region(added: &TargetRegion) -> Value {
    let mut region = Map::new();
    region.insert("name".to_owned(), json!(added.name));
    if let Some(count) = added.replica_count {
        region.insert("regionalReplicaCount".to_owned(), json!(count));
    }
    if let Some(storage) = &added.storage_account_type {
        region.insert("storageAccountType".to_owned(), json!(storage));
    }
    Value::Object(region)
}

/// Without a flag, the answer is the same as with `false`.
fn set_flag(object: &mut Map<String, Value>, excluded: bool) {
    if excluded || object.contains_key(EXCLUDED) {
        object.insert(EXCLUDED.to_owned(), json!(excluded));
    }
}

fn remove_below(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(object) => {
            object.retain(|name, _| !names.contains(&name.as_str()));
            object
                .values_mut()
                .for_each(|value| remove_below(value, names));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| remove_below(value, names)),
        _ => {}
    }
}

fn day_of(date: &str) -> Option<Date> {
    let date = OffsetDateTime::parse(date, &Rfc3339).ok()?;
    Some(date.to_offset(time::UtcOffset::UTC).date())
}

/// `2026-12-31T00:00:00Z`.
fn midnight(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn version(document: Value) -> Version {
        let mut document = document;
        document["name"] = json!("1.0.0");
        document["id"] = json!("/x");
        Version::read(&document).unwrap()
    }

    fn body(document: Value) -> Body {
        Body::of(&version(document))
    }

    #[test]
    fn what_azure_does_not_take_back_is_taken_away_and_the_rest_stays() {
        let document = json!({
            "name": "1.0.0", "id": "/x", "type": "t", "location": "westeurope", "tags": {"a": "b"}, "systemData": {}, "zones": ["1"],
            "properties": {
                "publishingProfile": {
                    "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 2, "encryption": {"osDiskImage": {"diskEncryptionSetId": "/d"}}}],
                    "publishedDate": "2026-01-01T00:00:00Z", "replicationMode": "Full", "storageAccountType": "Standard_LRS",
                },
                "storageProfile": {
                    "source": {"id": "/s"},
                    "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {"id": "/disk"}},
                    "dataDiskImages": [{"lun": 0, "sizeInGB": 10, "hostCaching": "None", "source": {}}],
                },
                "safetyProfile": {"reportedForPolicyViolation": false, "policyViolations": [], "allowDeletionOfReplicatedLocations": true},
                "securityProfile": {"uefiSettings": {}},
                "restore": true, "validationsProfile": {}, "imageMetadataProfiles": [], "replicationStatus": {}, "provisioningState": "Succeeded",
                "later": {"source": "kept"},
            },
        });
        let expected = json!({
            "location": "westeurope", "tags": {"a": "b"}, "zones": ["1"],
            "properties": {
                "publishingProfile": {
                    "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 2, "encryption": {"osDiskImage": {"diskEncryptionSetId": "/d"}}}],
                    "replicationMode": "Full", "storageAccountType": "Standard_LRS",
                },
                "storageProfile": {"osDiskImage": {"hostCaching": "ReadWrite"}, "dataDiskImages": [{"lun": 0, "hostCaching": "None"}]},
                "safetyProfile": {"allowDeletionOfReplicatedLocations": true},
                "securityProfile": {"uefiSettings": {}},
                "later": {"source": "kept"},
            },
        });
        assert_eq!(body(document).json(), &expected);
    }

    #[test]
    fn changes_say_what_changes_and_nothing_else() {
        let document = json!({"location": "x", "properties": {"publishingProfile": {
            "targetRegions": [{"name": "West Europe", "excludeFromLatest": true}, {"name": "northeurope"}],
            "excludeFromLatest": true, "endOfLifeDate": "2026-12-31T12:59:59+00:00"}}});
        let old = body(document);
        let mut new = old.clone();
        new.exclude(false);
        new.exclude_in(|name| Some(name == "northeurope"));
        let added = |name: &str| TargetRegion {
            name: name.to_owned(),
            replica_count: Some(2),
            storage_account_type: Some("Standard_ZRS".to_owned()),
            ..TargetRegion::default()
        };
        new.add_region(&added("North Europe"));
        new.add_region(&added("uksouth"));
        // The same day is no change.
        new.set_end_of_life(Some(date!(2026 - 12 - 31)));
        new.block_deletion();
        new.set_tag("promotedAt", "now");
        let expected = json!({"location": "x", "properties": {
            "publishingProfile": {
                "targetRegions": [
                    {"name": "West Europe", "excludeFromLatest": false},
                    {"name": "northeurope", "excludeFromLatest": true},
                    {"name": "uksouth", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS"},
                ],
                "excludeFromLatest": false, "endOfLifeDate": "2026-12-31T12:59:59+00:00",
            },
            "safetyProfile": {"blockDeletionBeforeEndOfLife": true},
        }, "tags": {"promotedAt": "now"}});
        assert_eq!(new.json(), &expected);
        new.set_end_of_life(Some(date!(2027 - 01 - 02)));
        let date = new
            .json()
            .pointer("/properties/publishingProfile/endOfLifeDate");
        assert_eq!(date, Some(&json!("2027-01-02T00:00:00Z")));
        new.set_end_of_life(None);
        let date = new
            .json()
            .pointer("/properties/publishingProfile/endOfLifeDate");
        assert_eq!(date, None);
    }

    #[test]
    fn nothing_is_changed_where_nothing_differs() {
        let old =
            body(json!({"properties": {"publishingProfile": {"targetRegions": [{"name": "x"}]}}}));
        let mut new = old.clone();
        new.exclude(false);
        new.exclude_in(|_| Some(false));
        new.remove_tag("withdrawnAt");
        assert!(new.is_like(&old, &[]));
        new.set_tag("PromotedAt", "now");
        assert!(!new.is_like(&old, &[]) && new.is_like(&old, &["promotedAt"]));
        assert_eq!(new.tags(), 1);
        new.set_tag("promotedat", "later");
        assert_eq!(new.tags(), 1);
        new.exclude(true);
        assert!(!new.is_like(&old, &["promotedAt"]));
    }
}
