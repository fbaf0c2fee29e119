//! The end of gallery image versions: deletion, hard or soft, restoration, and what was deleted softly.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::compute::{version_key, version_not_found};
use crate::arm::gallery_versions::member;
use crate::arm::operations::{End, Operation};
use crate::arm::version::{ImageVersion, SoftDeleted};
use crate::arm::version_checks::check_busy;
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::estate::SoftDelete;
use crate::switches::SoftDeletedName;
use crate::world::gallery_id;

impl Arm {
    pub(crate) fn delete_version(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (gallery, _) = self.definition(asked)?;
        let bypasses = asked.query("bypassSoftDelete") == Some("true");
        let retention = gallery.soft_delete.filter(|_| !bypasses);
        let key = version_key(asked);
        let Some(version) = self.versions.get(&key) else {
            // What was deleted softly goes for good.
            if bypasses && self.soft_deleted.remove(&key).is_some() {
                return Ok(self.start_deletion(asked, &key, None));
            }
            return Ok(Answer::new(204, Body::None));
        };
        check_busy(version, self.switches.versions.deletion_while_busy)?;
        self.check_end_of_life(version, asked.now)?;
        Ok(self.start_deletion(asked, &key, retention))
    }

    fn start_deletion(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        retention: Option<SoftDelete>,
    ) -> Answer {
        let lag = self.lag(|durations| {
            if retention.is_some() {
                durations.soft_deleting_version
            } else {
                durations.deleting_version
            }
        });
        let location = self
            .versions
            .get(key)
            .map(|version| version.location.clone());
        let location = location
            .or_else(|| Some(self.definition(asked).ok()?.0.location.clone()))
            .unwrap_or_default();
        let end = Some(End::Succeeded);
        let (id, headers) = self.start_compute_operation(asked, &location, lag, end, true);
        if let Some(version) = self.versions.get_mut(key) {
            "Deleting".clone_into(&mut version.state);
            version.deletion = Some((id, retention));
        }
        Answer::new(202, Body::Empty).with_all(headers)
    }

    /// Refuses a deletion before the end of life of a version that is blocked until then. Neither status nor text were ever recorded.
    fn check_end_of_life(
        &self,
        version: &ImageVersion,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let switches = &self.switches.versions;
        let blocks = version.safety.block_deletion_before_end_of_life == Some(true);
        let (before, until) = match version.end_of_life {
            Some(end) => (now < end, clock::with_offset(end)),
            None => (!switches.block_needs_an_end_of_life, "not set".to_owned()),
        };
        if !(blocks && before) {
            return Ok(());
        }
        let message = format!(
            "The image version '{}' cannot be deleted because 'blockDeletionBeforeEndOfLife' is set to true in its safety profile, and its \
             end of life date ({until}) has not been reached.",
            version.id
        );
        Err(Refusal::by_compute(
            switches.blocked_status,
            "OperationNotAllowed",
            message,
        ))
    }

    /// A PUT on the name of a version that was deleted softly: the old one comes back, whatever the body says.
    pub(crate) fn restore_version(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        body: &Map<String, Value>,
    ) -> Result<Answer, Refusal> {
        let asks = member(body, &["properties", "restore"]) == Some(&json!(true));
        let is_bare = !body.contains_key("properties");
        let switch = self.switches.versions.soft_deleted_name;
        if switch == SoftDeletedName::RestoresWhenAsked && !asks && !is_bare {
            let message = format!(
                "The image version '{}' is soft-deleted. Restore it, or delete it for good, before you create it anew.",
                asked.path.get("version")
            );
            return Err(Refusal::by_compute(409, "Conflict", message));
        }
        let Some(mut version) = self.soft_deleted.remove(key).map(|deleted| deleted.version) else {
            return Err(version_not_found(asked));
        };
        "Updating".clone_into(&mut version.state);
        let lag = self.lag(|durations| durations.restoring_version);
        Ok(self.start_version(asked, key, version, lag, 200))
    }

    /// The versions of a definition that can be restored.
    pub(crate) fn list_soft_deleted(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let gallery = self.gallery(asked)?;
        let kind = asked.path.get("kind");
        if !kind.eq_ignore_ascii_case("Images") {
            let message = format!(
                "The value '{kind}' of parameter 'artifactType' is invalid. The supported value is 'Images'."
            );
            return Err(Refusal::by_compute(400, "InvalidParameter", message));
        }
        let prefix = format!(
            "{}/images/{}/versions/",
            gallery_id(asked.path.get("subscription"), gallery),
            asked.path.get("definition")
        );
        let prefix = crate::ids::key(&prefix);
        let all: Vec<Value> = self
            .soft_deleted
            .iter()
            .filter(|(key, _)| key.starts_with(&format!("{prefix}/")))
            .map(|(_, deleted)| soft_deleted_document(deleted))
            .collect();
        let page = self.page(asked, all, self.switches.compute_page_size, "$skiptoken")?;
        Ok(Answer::new(200, Body::Compact(page)))
    }

    /// What operations upon versions have brought about: changed ones are ready, deleted ones are gone.
    pub(crate) fn settle_versions(&mut self, now: OffsetDateTime) {
        let operations = &self.operations;
        let ended = |id: &String| {
            let operation = operations.get(id);
            operation.filter(|operation| operation.is_over())
        };
        for version in self.versions.values_mut() {
            version.settle_regions(now);
            match version.change.as_ref().and_then(ended) {
                None => {}
                Some(operation) if operation.has_failed() => {
                    version.change = None;
                    "Failed".clone_into(&mut version.state);
                }
                Some(_) if version.deletion.is_some() => version.change = None,
                Some(_) => version.succeed(),
            }
        }
        let gone: Vec<(String, OffsetDateTime)> = self
            .versions
            .iter()
            .filter_map(|(key, version)| {
                let (id, _) = version.deletion.as_ref()?;
                Some((key.clone(), ended(id).and_then(Operation::ended_at)?))
            })
            .collect();
        for (key, at) in gone {
            let Some(mut version) = self.versions.remove(&key) else {
                continue;
            };
            if let Some((_, Some(retention))) = version.deletion.take() {
                let deleted = SoftDeleted {
                    version,
                    at,
                    retention,
                };
                self.soft_deleted.insert(key, deleted);
            }
        }
        self.soft_deleted
            .retain(|_, deleted| now < deleted.hard_deletion());
    }
}

fn soft_deleted_document(deleted: &SoftDeleted) -> Value {
    let version = &deleted.version;
    json!({
        "name": version.name,
        "id": version.id,
        "type": "Microsoft.Compute/galleries/images/versions",
        "location": version.location,
        "properties": {
            "resourceArmId": version.id,
            "softDeletedArtifactType": "Images",
            "softDeletedTime": clock::with_offset(deleted.at),
            "consumptionEndTime": clock::with_offset(deleted.consumption_end()),
            "hardDeletionTargetTime": clock::with_offset(deleted.hard_deletion()),
        },
    })
}
