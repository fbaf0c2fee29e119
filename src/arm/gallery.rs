//! Image versions in an Azure Compute Gallery: which are there, and how far their replication is.
//!
//! <https://learn.microsoft.com/rest/api/compute/gallery-image-versions/get>

mod body;
mod version;

use http::StatusCode;

use super::api::GALLERIES;
use super::failure::{Cause, Failure};
use super::operation::Started;
use super::resource_manager::Arm;
use crate::resource::ResourceId;

pub use body::Body;
pub use version::{RegionState, SoftDeleted, State, TargetRegion, Version};
pub use version::{counting, counts_in, latest, newest_good, regions};

/// `image version 1.0.3 of 'win11'`.
fn display_name(id: &ResourceId) -> String {
    let definition = id.parent();
    let definition = definition.as_ref().map_or("", ResourceId::name);
    format!("image version {} of '{definition}'", id.name())
}

/// Where the versions of a definition are listed that were deleted and can be restored.
pub fn soft_deleted_path(definition: &ResourceId) -> Option<String> {
    let gallery = definition.parent()?;
    let name = definition.name();
    Some(format!(
        "{gallery}/softDeletedArtifactTypes/Images/artifacts/{name}/versions"
    ))
}

impl Arm {
    /// All versions of image definition `definition`, page by page.
    pub async fn versions(&self, definition: &ResourceId) -> Result<Vec<Version>, Failure> {
        let doing = format!(
            "Listing the versions of image definition '{}'",
            definition.name()
        );
        let path = format!("{definition}/versions");
        let all = self.pages(&doing, path, GALLERIES).await?;
        // With a part of them nobody can tell which one is the latest.
        let versions: Option<Vec<Version>> = all.iter().map(Version::read).collect();
        let unreadable = || Cause::Unreadable("a version has no name or no id".to_owned());
        versions.ok_or_else(|| Failure::of(doing, unreadable()))
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
        let doing = format!("Reading {}", display_name(id));
        let path = format!("{id}?$expand=ReplicationStatus");
        let Some(answer) = self.get_if_there(&doing, path, GALLERIES).await? else {
            return Ok(None);
        };
        let unreadable = || Cause::Unreadable("it is not an image version".to_owned());
        let version = Version::read(&answer).ok_or_else(|| Failure::of(doing, unreadable()))?;
        Ok(Some(version))
    }

    /// Asks for version `id` to become what `body` says; whether there was none before. Answered long before it is so.
    ///
    /// Never repeated blindly: an answer that got lost is decided by a look.
    pub async fn put_version(
        &self,
        id: &ResourceId,
        body: &Body,
    ) -> Result<(Started, bool), Failure> {
        let doing = format!("Changing {}", display_name(id));
        let changed = self.put(&doing, id, GALLERIES, body.json()).await?;
        Ok((changed.started, changed.status == StatusCode::CREATED))
    }

    /// The versions of image definition `definition` that were deleted and can be restored; nothing where the cloud has no such list.
    ///
    /// <https://learn.microsoft.com/azure/virtual-machines/soft-delete-gallery>
    pub async fn soft_deleted(
        &self,
        definition: &ResourceId,
    ) -> Result<Option<Vec<SoftDeleted>>, Failure> {
        let Some(path) = soft_deleted_path(definition) else {
            return Ok(None);
        };
        let doing = format!(
            "Listing the deleted versions of image definition '{}'",
            definition.name()
        );
        match self.pages(&doing, path, GALLERIES).await {
            Ok(all) => Ok(Some(all.iter().filter_map(SoftDeleted::read).collect())),
            Err(failure)
                if failure.is(StatusCode::NOT_FOUND) || failure.is(StatusCode::BAD_REQUEST) =>
            {
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The names of the versions of image definition `definition` that are not complete yet.
    pub async fn versions_in_progress(
        &self,
        definition: &ResourceId,
    ) -> Result<Vec<String>, Failure> {
        let versions = self.versions(definition).await?.into_iter();
        let open = versions.filter(|version| {
            let ends = [State::Succeeded, State::Failed, State::Deleting];
            !ends.contains(&version.state) && version.number().is_some()
        });
        Ok(open.map(|version| version.name).collect())
    }

    /// How far the replication of `version` is, region by region; nothing where Azure does not tell.
    pub async fn replication(
        &self,
        definition: &ResourceId,
        version: &str,
    ) -> Result<Vec<RegionState>, Failure> {
        let doing = format!(
            "Reading version {version} of image definition '{}'",
            definition.name()
        );
        let path = format!("{definition}/versions/{version}?$expand=ReplicationStatus");
        let answer = self.get(&doing, path, GALLERIES).await?;
        Ok(version::replication(&answer).unwrap_or_default())
    }
}
