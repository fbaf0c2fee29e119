//! What has to hold before a gallery image version is made, changed or deleted: sources, regions, and nothing going on.

use serde_json::{Map, Value};

use crate::arm::answer::Refusal;
use crate::arm::gallery_versions::member;
use crate::arm::template::text;
use crate::arm::version::ImageVersion;
use crate::arm::{Arm, Asked};
use crate::ids;
use crate::switches::Busy;

impl Arm {
    /// A copy of a version has its disks, and has to fit the definition.
    pub(crate) fn like_its_source(
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
    pub(crate) fn check_sources(&self, body: &Map<String, Value>) -> Result<(), Refusal> {
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
    pub(crate) fn check_regions(
        &self,
        old: Option<&ImageVersion>,
        new: &ImageVersion,
    ) -> Result<(), Refusal> {
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

/// Whether a name is three numbers.
pub(crate) fn is_number(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let digits =
        |part: &&str| part.parse::<u32>().is_ok() && part.bytes().all(|c| c.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(digits)
}
