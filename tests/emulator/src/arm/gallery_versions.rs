//! Gallery image versions that a client makes or changes itself: PUT and PATCH, and the operations behind them.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::compute::{version_key, version_not_found};
use crate::arm::operations::{End, Operation};
use crate::arm::template::text;
use crate::arm::version::{self, Change, Copying, ImageVersion, changed, members};
use crate::arm::version_checks::{check_busy, is_number};
use crate::arm::{Arm, Asked};
use crate::ids::Purpose;
use crate::progress::{Durations, Fate, Progress};
use crate::switches::PatchedTags;

type Object = Map<String, Value>;

/// The api-version with which new defaults are announced: an end of life in six months, and no deletion before it.
const NEW_DEFAULTS: &str = "2026-03-03";

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
        if self.switches.versions.new_ones_are_blocked && asked.version.as_str() >= NEW_DEFAULTS {
            version.protect_by_default(asked.now);
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
        let answer = Answer::new(status, Body::Compute(document)).with_all(headers);
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
        let key = version_key(asked);
        let id = self.ids.of(Purpose::Operation, &key).guid();
        let path = format!(
            "{}/subscriptions/{}/providers/Microsoft.Compute/locations/{}/capsOperations/{id}",
            self.world.addresses.arm,
            asked.path.get("subscription"),
            crate::arm::regions::plain(location)
        );
        let mut operation = Operation::new(id.clone(), key, asked.now);
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
        let pause = self.switches.compute_retry_after();
        headers.push(("retry-after", pause.to_string()));
        self.operations.insert(id.clone(), operation);
        (id, headers)
    }
}

fn version_body(asked: &Asked<'_>) -> Result<Object, Refusal> {
    let body = asked.json()?.as_object().cloned().unwrap_or_default();
    members::check(&body)?;
    Ok(body)
}

pub(crate) fn member<'body>(body: &'body Object, path: &[&str]) -> Option<&'body Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(body.get(*first)?, |value, name| value.get(name))
}
