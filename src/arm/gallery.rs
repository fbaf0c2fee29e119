//! Image versions in an Azure Compute Gallery: which are there, and how far their replication is.
//!
//! <https://learn.microsoft.com/rest/api/compute/gallery-image-versions/get>

use http::Method;
use serde_json::Value;

use super::client::Call;
use super::failure::Failure;
use super::image_template::Arm;
use crate::resource::ResourceId;

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

impl Arm {
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
        Ok(names.map(str::to_owned).collect())
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
