//! Image versions in an Azure Compute Gallery: which are there, and how far their replication is.
//!
//! <https://learn.microsoft.com/rest/api/compute/gallery-image-versions/get>

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::Call;
use super::failure::{Cause, Failure};
use super::image_template::Arm;
use crate::resource::{ImageVersion, ResourceId};

/// The newest version that does not validate images on its own.
const API_VERSION: &str = "2024-03-03";

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// Its number, `1.0.3`.
    pub name: String,
    /// Its resource id.
    pub id: String,
    /// Whether it is complete.
    pub succeeded: bool,
    /// Whether it is kept from who asks for the latest one.
    pub excluded: bool,
    /// Its tags.
    pub tags: Map<String, Value>,
    /// When it was published.
    pub published: Option<OffsetDateTime>,
    /// Resource id of the storage account with the VHD that it was made of; recorded of versions by the image builder in 2023.
    pub disk_account: Option<String>,
}

impl Version {
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

    fn read(value: &Value) -> Option<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let profile = value.pointer("/properties/publishingProfile/excludeFromLatest");
        let published = text("/properties/publishingProfile/publishedDate");
        let account = "/properties/storageProfile/osDiskImage/source/storageAccountId";
        Some(Self {
            name: text("/name")?.to_owned(),
            id: text("/id")?.to_owned(),
            succeeded: text("/properties/provisioningState") == Some("Succeeded"),
            excluded: profile.and_then(Value::as_bool) == Some(true),
            tags: value
                .get("tags")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            published: published.and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok()),
            disk_account: text(account).map(str::to_owned),
        })
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
                    let cause = Cause::Unreadable(
                        "the next page of the list is on another host".to_owned(),
                    );
                    return Err(Failure {
                        doing,
                        cause,
                        tries: 1,
                        elapsed: Duration::ZERO,
                        request_id: None,
                    });
                }
                None => {}
            }
        }
        Ok(all)
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
        let summary = answer.pointer("/properties/replicationStatus/summary");
        let regions = summary.and_then(Value::as_array).into_iter().flatten();
        Ok(regions.filter_map(region_state).collect())
    }
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
