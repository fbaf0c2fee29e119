//! Gallery image versions that a client makes or changes itself: PUT and PATCH, and the operations behind them.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::compute::{version_key, version_not_found};
use crate::arm::operations::{End, Operation};
use crate::arm::template::text;
use crate::arm::version::{self, Change, Copying, ImageVersion, changed, members};
use crate::arm::{Arm, Asked};
use crate::ids;
use crate::progress::{Durations, Fate, Progress};
use crate::switches::{Busy, PatchedTags};

type Object = Map<String, Value>;

impl Arm {
    /// A new version answers 201 and `Creating`, one that exists 200 and `Updating`; so does one that was deleted softly, which comes back.
    pub(crate) fn put_version(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.definition(asked)?;
        let body = version_body(asked)?;
        let key = version_key(asked);
        if self.soft_deleted.contains_key(&key) {
            return self.restore_version(asked, &key, &body);
        }
        if self.versions.contains_key(&key) {
            return self.change_version(asked, &key, &body, Change::Put);
        }
        let version = self.version_of_body(asked, &body)?;
        let lag = self.lag(|durations| durations.replicating);
        Ok(self.start_version(asked, &key, version, lag, 201))
    }

    pub(crate) fn patch_version(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.definition(asked)?;
        let body = version_body(asked)?;
        let key = version_key(asked);
        if !self.versions.contains_key(&key) {
            return Err(version_not_found(asked));
        }
        let merges_tags = self.switches.patched_tags == PatchedTags::Merged;
        self.change_version(asked, &key, &body, Change::Patch { merges_tags })
    }

    fn change_version(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        body: &Object,
        change: Change,
    ) -> Result<Answer, Refusal> {
        let Some(old) = self.versions.get(key) else {
            return Err(version_not_found(asked));
        };
        check_busy(old, self.switches.versions.change_while_busy)?;
        self.check_sources(body)?;
        let mut new = changed(old, body, change, &self.switches.versions)?;
        self.check_regions(Some(old), &new)?;
        let is_new = |name: &str| old.region(name).is_none();
        let grows = new.regions.iter().any(|region| is_new(&region.name));
        let added: Vec<String> = new
            .regions
            .iter()
            .filter(|region| is_new(&region.name))
            .map(|region| region.name.clone())
            .collect();
        let lag = self.lag(|durations| {
            if grows {
                durations.replicating
            } else {
                durations.updating_version
            }
        });
        "Updating".clone_into(&mut new.state);
        self.send_replicas(&mut new, &added, lag, asked.now);
        Ok(self.start_version(asked, key, new, lag, 200))
    }

    /// A version that does not exist yet, of an image, a version or a disk that does.
    fn version_of_body(&self, asked: &Asked<'_>, body: &Object) -> Result<ImageVersion, Refusal> {
        let name = asked.path.get("version");
        if !is_number(name) {
            let message = "The entity name 'galleryImageVersionName' is invalid according to its validation rule: \
                           ^[0-9]+\\.[0-9]+\\.[0-9]+$.";
            return Err(Refusal::by_compute(400, "InvalidParameter", message));
        }
        let location = text(body, "location");
        if location.is_empty() {
            return Err(version::missing("location"));
        }
        let profile = member(body, &["properties", "storageProfile"]).and_then(Value::as_object);
        let source = profile.and_then(|profile| profile.get("source"));
        let disk = profile.and_then(|profile| member(profile, &["osDiskImage", "source"]));
        let given = |source: Option<&Value>| {
            let source = source.and_then(Value::as_object);
            source.is_some_and(|source| !source.is_empty())
        };
        if !given(source) && !given(disk) {
            let name = "galleryImageVersion.properties.storageProfile";
            return Err(version::missing(name));
        }
        self.check_sources(body)?;
        let id = asked.raw.uri().path().to_owned();
        let blank = ImageVersion {
            source: source.filter(|_| given(source)).cloned(),
            published: Some(asked.now),
            ..ImageVersion::new(id, name.to_owned(), location.to_owned())
        };
        let mut blank = self.like_its_source(asked, blank)?;
        if let Some(disk) = disk.filter(|_| given(disk)) {
            blank.os_disk.insert("source".to_owned(), disk.clone());
        }
        let mut version = changed(&blank, body, Change::Put, &self.switches.versions)?;
        if version.regions.is_empty() {
            let (count, storage) = (version.replica_count, version.storage.clone());
            let region = version::TargetRegion::new(location, count, &storage);
            version.regions.push(region);
        }
        self.check_regions(None, &version)?;
        let all: Vec<String> = version
            .regions
            .iter()
            .map(|region| region.name.clone())
            .collect();
        let lag = self.lag(|durations| durations.replicating);
        self.send_replicas(&mut version, &all, lag, asked.now);
        Ok(version)
    }

    /// A copy of a version has its disks, and has to fit the definition.
    fn like_its_source(
        &self,
        asked: &Asked<'_>,
        mut version: ImageVersion,
    ) -> Result<ImageVersion, Refusal> {
        let source = version.source_id().unwrap_or_default().to_owned();
        let Some(original) = self.versions.get(&ids::key(&source)) else {
            return Ok(version);
        };
        if !["Succeeded", "Updating"].contains(&original.state.as_str()) {
            let message = format!(
                "The source image version '{source}' is in state '{}'. Only image versions in state 'Succeeded' can be copied.",
                original.state
            );
            return Err(Refusal::by_compute(409, "OperationNotAllowed", message));
        }
        let (_, target) = self.definition(asked)?;
        if let Some((_, definition)) = self.definition_of(&source)
            && (!definition.os_type.eq_ignore_ascii_case(&target.os_type)
                || !definition
                    .hyper_v_generation
                    .eq_ignore_ascii_case(&target.hyper_v_generation))
        {
            let message = format!(
                "The source image version '{source}' does not have the operating system and the hypervisor generation of the image \
                 definition '{}'.",
                target.name
            );
            return Err(Refusal::by_compute(400, "InvalidParameter", message));
        }
        let is_there = original
            .region(&version.location)
            .is_some_and(|region| region.copying.is_none());
        if self.switches.versions.copies_need_a_replica && !is_there {
            let message = format!(
                "The gallery image {source} is not available in {} region. Please contact image owner to replicate to this region, or change \
                 your requested region.",
                version.location
            );
            return Err(Refusal::by_compute(404, "GalleryImageNotFound", message));
        }
        version.os_disk.clone_from(&original.os_disk);
        version
            .os_disk
            .insert("source".to_owned(), Value::Object(Map::new()));
        version.data_disks.clone_from(&original.data_disks);
        Ok(version)
    }

    /// Whatever a body names as a source has to exist, also when it is not needed any more.
    fn check_sources(&self, body: &Object) -> Result<(), Refusal> {
        let places: [&[&str]; 3] = [
            &["properties", "storageProfile", "source", "id"],
            &["properties", "storageProfile", "source", "virtualMachineId"],
            &[
                "properties",
                "storageProfile",
                "osDiskImage",
                "source",
                "id",
            ],
        ];
        let named = places
            .iter()
            .filter_map(|path| member(body, path)?.as_str());
        for id in named {
            let key = ids::key(id);
            let exists = self.images.contains_key(&key)
                || self.versions.contains_key(&key)
                || self.placed(&key).is_some();
            if !exists {
                let (kind, name) = ids::kind_and_name(id);
                let group = ids::segment_after(id, "resourceGroups").unwrap_or_default();
                return Err(Refusal::not_found(&kind, &name, group));
            }
        }
        Ok(())
    }

    /// A region goes only where that is permitted, and a shallow version has one.
    fn check_regions(&self, old: Option<&ImageVersion>, new: &ImageVersion) -> Result<(), Refusal> {
        let switches = &self.switches.versions;
        let kept = |name: &str| new.region(name).is_some();
        let removed = old.and_then(|old| old.regions.iter().find(|region| !kept(&region.name)));
        if let Some(region) = removed
            && !new.safety.allow_deletion_of_replicated_locations
            && !switches.regions_go_unasked
        {
            let message = format!(
                "The image version '{}' cannot be removed from region '{}' because 'allowDeletionOfReplicatedLocations' is not set to true \
                 in its safety profile.",
                new.id, region.name
            );
            return Err(Refusal::by_compute(409, "OperationNotAllowed", message));
        }
        let is_shallow = text(&new.publishing, "replicationMode") == "Shallow";
        if is_shallow && new.regions.len() > 1 && !switches.shallow_versions_replicate {
            let message =
                "Image versions of replication mode 'Shallow' can have one target region alone.";
            return Err(Refusal::by_compute(400, "InvalidParameter", message));
        }
        Ok(())
    }

    /// Replicas go to the regions one after the other; where time does not count, they all arrive in the end.
    fn send_replicas(
        &self,
        version: &mut ImageVersion,
        to: &[String],
        lag: Duration,
        now: OffsetDateTime,
    ) {
        let by_clock = matches!(self.switches.progress, Progress::ByClock(_))
            && matches!(self.switches.versions.change, Fate::Deserved);
        let count = u32::try_from(to.len()).unwrap_or(1).max(1);
        let mut end = now;
        for region in &mut version.regions {
            if to.contains(&region.name) {
                end += lag / count;
                region.copying = Some(if by_clock {
                    Copying::Until { since: now, end }
                } else {
                    Copying::WithTheVersion
                });
            }
        }
    }

    /// Puts a version that is being changed in its place; the answer has it as it is meanwhile.
    pub(crate) fn start_version(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        mut version: ImageVersion,
        lag: Duration,
        status: u16,
    ) -> Answer {
        let end = match self.switches.versions.change.clone() {
            Fate::Deserved => Some(End::Succeeded),
            Fate::Fail { code, message } => Some(End::Failed { code, message }),
            Fate::NeverEnd => None,
        };
        let (id, headers) = self.start_compute_operation(asked, &version.location, lag, end, false);
        version.change = Some(id);
        let document = version::document(&version, &asked.version, &self.switches.versions, None);
        let mut answer = Answer::new(status, Body::Compute(document));
        answer.headers = headers;
        self.versions.insert(key.to_owned(), version);
        answer
    }

    /// How long work of a client's own takes; where time does not count, none.
    pub(crate) fn lag(&self, of: impl Fn(&Durations) -> Duration) -> Duration {
        match &self.switches.progress {
            Progress::ByClock(durations) => of(durations),
            Progress::Immediate | Progress::AfterPolls(_) => Duration::ZERO,
        }
    }

    /// Makes an operation of Microsoft.Compute, and the headers that name it. `Location` comes with deletions alone.
    pub(crate) fn start_compute_operation(
        &mut self,
        asked: &Asked<'_>,
        location: &str,
        lag: Duration,
        end: Option<End>,
        with_location: bool,
    ) -> (String, Vec<(&'static str, String)>) {
        let id = self.ids.guid();
        let path = format!(
            "{}/subscriptions/{}/providers/Microsoft.Compute/locations/{}/capsOperations/{id}",
            self.world.addresses.arm,
            asked.path.get("subscription"),
            crate::arm::regions::plain(location)
        );
        let mut operation = Operation::new(id.clone(), version_key(asked), asked.now);
        if let Some(end) = end {
            operation.close(asked.now, lag, end);
        }
        let version = format!("api-version={}", asked.version);
        let form = self.switches.operation_urls;
        let mut url = |query: &str| operation.url(&path, query, form, &mut self.ids, asked.now);
        let mut headers = vec![
            ("azure-asyncnotification", "Enabled".to_owned()),
            ("azure-asyncoperation", url(&version)),
        ];
        if with_location {
            headers.push(("location", url(&format!("monitor=true&{version}"))));
        }
        headers.push(("retry-after", "60".to_owned()));
        self.operations.insert(id.clone(), operation);
        (id, headers)
    }
}

/// Refuses to touch a version on which something is going on.
pub(crate) fn check_busy(version: &ImageVersion, busy: Busy) -> Result<(), Refusal> {
    let is_busy = version.change.is_some()
        || version.deletion.is_some()
        || !["Succeeded", "Failed"].contains(&version.state.as_str());
    match busy {
        Busy::Conflict if is_busy => Err(Refusal::by_compute(
            409,
            "Conflict",
            "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to \
             get more details on the conflicting requests.",
        )),
        Busy::NotAllowed if is_busy => {
            let message = format!(
                "The operation is not allowed on image version '{}' while its provisioning state is '{}'.",
                version.id, version.state
            );
            Err(Refusal::by_compute(409, "OperationNotAllowed", message))
        }
        _ => Ok(()),
    }
}

fn version_body(asked: &Asked<'_>) -> Result<Object, Refusal> {
    let body = asked.json()?.as_object().cloned().unwrap_or_default();
    members::check(&body)?;
    Ok(body)
}

fn is_number(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let digits =
        |part: &&str| part.parse::<u32>().is_ok() && part.bytes().all(|c| c.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(digits)
}

pub(crate) fn member<'body>(body: &'body Object, path: &[&str]) -> Option<&'body Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(body.get(*first)?, |value, name| value.get(name))
}
