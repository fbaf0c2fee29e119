//! Gallery image versions that a client makes or changes itself: PUT, and the operations behind it.

use serde_json::{Map, Value};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::compute::{version_document, version_key};
use crate::arm::images::ImageVersion;
use crate::arm::operations::{End, Operation};
use crate::arm::template::text;
use crate::arm::{Arm, Asked};
use crate::ids;
use crate::progress::{Durations, Progress};
use crate::switches::OperationUrls;

impl Arm {
    /// A new version answers 201 and `Creating`, one that exists 200 and `Updating`.
    pub(crate) fn put_version(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.definition(asked)?;
        let body = asked.json()?;
        let body = body.as_object().cloned().unwrap_or_default();
        let key = version_key(asked);
        let mut version = match self.versions.get(&key) {
            Some(known) => ImageVersion {
                state: "Updating",
                ..known.clone()
            },
            None => self.version_of_body(asked, &body)?,
        };
        let status = if version.state == "Updating" {
            200
        } else {
            201
        };
        publish(&mut version, &body);
        let (id, headers) = self.start_compute_operation(
            asked,
            &version.location,
            |durations| durations.replicating,
            false,
        );
        version.change = Some(id);
        let mut answer = Answer::new(status, Body::Compute(version_document(&version, false)));
        answer.headers = headers;
        self.versions.insert(key, version);
        Ok(answer)
    }

    /// A version that does not exist yet, of a managed image that does.
    fn version_of_body(
        &self,
        asked: &Asked<'_>,
        body: &Map<String, Value>,
    ) -> Result<ImageVersion, Refusal> {
        let source = member(body, &["properties", "storageProfile", "source", "id"]);
        let (location, source) = (text(body, "location"), source.and_then(Value::as_str));
        for (name, missing) in [
            ("location", location.is_empty()),
            (
                "galleryImageVersion.properties.storageProfile",
                source.is_none(),
            ),
        ] {
            if missing {
                let message = format!("Required parameter '{name}' is missing (null).");
                return Err(Refusal::new(400, "InvalidParameter", message));
            }
        }
        let source = source.unwrap_or_default();
        if !self.images.contains_key(&ids::key(source)) {
            let name = ids::segment_after(source, "images").unwrap_or_default();
            let group = ids::segment_after(source, "resourceGroups").unwrap_or_default();
            return Err(Refusal::not_found("Microsoft.Compute/images", name, group));
        }
        let id = asked.raw.uri().path().to_owned();
        let name = asked.path.get("version").to_owned();
        Ok(ImageVersion {
            source: Some(source.to_owned()),
            published: Some(asked.now),
            ..ImageVersion::new(id, name, location.to_owned())
        })
    }

    /// Makes an operation of Microsoft.Compute, and the headers that name it. `Location` comes with deletions alone.
    pub(crate) fn start_compute_operation(
        &mut self,
        asked: &Asked<'_>,
        location: &str,
        duration: impl Fn(&Durations) -> std::time::Duration,
        with_location: bool,
    ) -> (String, Vec<(&'static str, String)>) {
        let id = self.ids.guid();
        let path = format!(
            "{}/subscriptions/{}/providers/Microsoft.Compute/locations/{location}/capsOperations/{id}",
            self.world.addresses.arm, self.world.subscription
        );
        let mut operation = Operation::new(id.clone(), version_key(asked), asked.now);
        let lag = match &self.switches.progress {
            Progress::ByClock(durations) => duration(durations),
            Progress::Immediate | Progress::AfterPolls(_) => std::time::Duration::ZERO,
        };
        operation.close(asked.now, lag, End::Succeeded);
        let version = format!("api-version={}", asked.version);
        let mut url = |query: &str| {
            operation.url(&path, query, OperationUrls::Plain, &mut self.ids, asked.now)
        };
        let mut headers = vec![("azure-asyncoperation", url(&version))];
        if with_location {
            headers.push(("location", url(&format!("monitor=true&{version}"))));
        }
        headers.push(("retry-after", "60".to_owned()));
        self.operations.insert(id.clone(), operation);
        (id, headers)
    }

    /// What operations upon versions have brought about: changed ones are ready, deleted ones are gone.
    pub(crate) fn settle_versions(&mut self) {
        let operations = &self.operations;
        let is_over = |id: &Option<String>| {
            let operation = id.as_ref().and_then(|id| operations.get(id));
            operation.is_some_and(Operation::is_over)
        };
        self.versions
            .retain(|_, version| !is_over(&version.deletion));
        for version in self.versions.values_mut() {
            if is_over(&version.change) {
                (version.state, version.change) = ("Succeeded", None);
            }
        }
    }
}

/// Takes over what a body says of a version; what it does not say stays.
fn publish(version: &mut ImageVersion, body: &Map<String, Value>) {
    if let Some(tags) = body.get("tags").and_then(Value::as_object) {
        version.tags = Some(tags.clone());
    }
    let caching = ["properties", "storageProfile", "osDiskImage", "hostCaching"];
    if let Some(caching) = member(body, &caching).and_then(Value::as_str) {
        caching.clone_into(&mut version.host_caching);
    }
    let profile = member(body, &["properties", "publishingProfile"]).and_then(Value::as_object);
    let Some(profile) = profile else { return };
    if let Some(count) = profile.get("replicaCount").and_then(Value::as_i64) {
        version.replica_count = count;
    }
    if let Some(exclude) = profile.get("excludeFromLatest").and_then(Value::as_bool) {
        version.exclude_from_latest = exclude;
    }
    if let Some(storage) = profile.get("storageAccountType").and_then(Value::as_str) {
        storage.clone_into(&mut version.storage);
    }
    if let Some(end) = profile.get("endOfLifeDate").and_then(Value::as_str) {
        version.end_of_life = Some(end.to_owned());
    }
    let Some(regions) = profile.get("targetRegions").and_then(Value::as_array) else {
        return;
    };
    let (count, storage) = (version.replica_count, version.storage.clone());
    let region = |region: &Map<String, Value>| {
        let count = region
            .get("regionalReplicaCount")
            .and_then(Value::as_i64)
            .unwrap_or(count);
        let storage = match text(region, "storageAccountType") {
            "" => storage.clone(),
            other => other.to_owned(),
        };
        (text(region, "name").to_owned(), count, storage)
    };
    version.regions = regions
        .iter()
        .filter_map(Value::as_object)
        .map(region)
        .collect();
}

fn member<'body>(body: &'body Map<String, Value>, path: &[&str]) -> Option<&'body Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(body.get(*first)?, |value, name| value.get(name))
}
