//! Image versions in an Azure Compute Gallery: which are there, and how far their replication is.
//!
//! <https://learn.microsoft.com/rest/api/compute/gallery-image-versions/get>

mod body;
mod latest;
mod version;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use super::client::Call;
use super::failure::{Cause, Failure};
use super::image_template::Arm;
use super::operation::Started;
use crate::resource::{ImageVersion, ResourceId};

pub use body::Body;
pub use latest::{counting, counts_in, latest, newest_good, regions};
pub use version::{RegionState, State, TargetRegion, Version};

/// The newest version that does not validate images on its own.
const API_VERSION: &str = "2024-03-03";

/// The tag that says when a version was withdrawn.
pub const WITHDRAWN_AT: &str = "withdrawnAt";

/// `image version 1.0.3 of 'win11'`.
fn called(id: &ResourceId) -> String {
    let definition = id.parent();
    let definition = definition.as_ref().map_or("", ResourceId::name);
    format!("image version {} of '{definition}'", id.name())
}

fn unreadable(doing: String, what: &str) -> Failure {
    Failure {
        doing,
        cause: Cause::Unreadable(what.to_owned()),
        tries: 1,
        elapsed: Duration::ZERO,
        request_id: None,
    }
}

/// More pages than any image definition has.
const MOST_PAGES: usize = 200;

impl Arm {
    /// All versions of image definition `definition`, page by page.
    pub async fn versions(&self, definition: &ResourceId) -> Result<Vec<Version>, Failure> {
        let doing = format!(
            "Listing the versions of image definition '{}'",
            definition.name()
        );
        let first = format!(
            "{}{definition}/versions?api-version={API_VERSION}",
            self.base()
        );
        let (mut next, mut all) = (Some(first), Vec::new());
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { break };
            let call = Call::new(doing.clone(), Method::GET, url, &self.scope);
            let (_, page) = self.client.send_for_json(&call).await?;
            let versions = page.get("value").and_then(Value::as_array);
            all.extend(versions.into_iter().flatten().filter_map(Version::read));
            let link = page.get("nextLink").and_then(Value::as_str);
            // The token goes nowhere else.
            let own = format!("{}/", self.base());
            match link.filter(|link| !link.is_empty()) {
                Some(link) if link.starts_with(&own) => next = Some(link.to_owned()),
                Some(_) => {
                    let what = "the next page of the list is on another host";
                    return Err(unreadable(doing, what));
                }
                None => {}
            }
        }
        Ok(all)
    }

    /// All versions of image definition `definition`, with all that tells which of them are the latest ones: a list does not say where the
    /// replicas of a version are that is being changed.
    pub async fn counted_versions(&self, definition: &ResourceId) -> Result<Vec<Version>, Failure> {
        let mut versions = self.versions(definition).await?;
        for version in &mut versions {
            // The name is Azure's word, and becomes part of an address.
            if version.state == State::Updating
                && let Some(number) = version.number()
            {
                let known = self.replication(definition, &number.to_string()).await?;
                version.replication = Some(known);
            }
        }
        Ok(versions)
    }

    /// The version with this id, and how far its replication is; nothing if there is none.
    pub async fn version(&self, id: &ResourceId) -> Result<Option<Version>, Failure> {
        let doing = format!("Reading {}", called(id));
        let url = format!(
            "{}{id}?api-version={API_VERSION}&$expand=ReplicationStatus",
            self.base()
        );
        let call = Call::new(doing.clone(), Method::GET, url, &self.scope);
        match self.client.send_for_json(&call).await {
            Ok((_, answer)) => match Version::read(&answer) {
                Some(version) => Ok(Some(version)),
                None => Err(unreadable(doing, "it is no image version")),
            },
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Asks for version `id` to become what `body` says; whether there was none before. Answered long before it is so.
    ///
    /// Never repeated blindly: an answer that got lost is decided by a look.
    pub async fn put_version(
        &self,
        id: &ResourceId,
        body: &Body,
    ) -> Result<(Started, bool), Failure> {
        let doing = format!("Changing {}", called(id));
        let url = format!("{}{id}?api-version={API_VERSION}", self.base());
        let call = Call::new(doing, Method::PUT, url, &self.scope).json(body.json());
        let answer = self.client.send(&call).await?;
        let started = Started::from_headers(&self.client, self.base(), answer.headers());
        Ok((started, answer.status() == StatusCode::CREATED))
    }

    /// The names of the versions of image definition `definition` that are not complete yet.
    pub async fn versions_in_progress(
        &self,
        definition: &ResourceId,
    ) -> Result<Vec<String>, Failure> {
        let url = format!(
            "{}{definition}/versions?api-version={API_VERSION}",
            self.base()
        );
        let doing = format!(
            "Listing the versions of image definition '{}'",
            definition.name()
        );
        let call = Call::new(doing, Method::GET, url, &self.scope);
        let (_, page) = self.client.send_for_json(&call).await?;
        let versions = page.get("value").and_then(Value::as_array);
        let open = versions.into_iter().flatten().filter(|version| {
            let state = version.pointer("/properties/provisioningState");
            !matches!(
                state.and_then(Value::as_str),
                Some("Succeeded" | "Failed" | "Deleting")
            )
        });
        let names = open.filter_map(|version| version.get("name")?.as_str());
        let numbers = names.filter(|name| name.parse::<ImageVersion>().is_ok());
        Ok(numbers.map(str::to_owned).collect())
    }

    /// How far the replication of `version` is, region by region; nothing where Azure does not tell.
    pub async fn replication(
        &self,
        definition: &ResourceId,
        version: &str,
    ) -> Result<Vec<RegionState>, Failure> {
        let url = format!(
            "{}{definition}/versions/{version}?api-version={API_VERSION}&$expand=ReplicationStatus",
            self.base()
        );
        let doing = format!(
            "Reading version {version} of image definition '{}'",
            definition.name()
        );
        let call = Call::new(doing, Method::GET, url, &self.scope);
        let (_, answer) = self.client.send_for_json(&call).await?;
        Ok(version::replication(&answer).unwrap_or_default())
    }
}
