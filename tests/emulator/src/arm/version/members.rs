//! The members that the published definition of 2026-03-03 knows in the body of a gallery image version.

use serde_json::{Map, Value};

use crate::arm::answer::Refusal;

/// The name of a model, and its members with the models of those that are looked into.
type Model = (&'static str, &'static [(&'static str, Option<usize>)]);

const VERSION: usize = 0;
const MODELS: &[Model] = &[
    (
        "GalleryImageVersion",
        &[
            ("location", None),
            ("tags", None),
            ("properties", Some(1)),
            ("id", None),
            ("name", None),
            ("type", None),
            ("systemData", None),
        ],
    ),
    (
        "GalleryImageVersionProperties",
        &[
            ("publishingProfile", Some(2)),
            ("storageProfile", Some(4)),
            ("safetyProfile", Some(7)),
            ("securityProfile", None),
            ("restore", None),
            ("provisioningState", None),
            ("replicationStatus", None),
            ("validationsProfile", None),
            ("imageMetadataProfiles", None),
        ],
    ),
    (
        "GalleryImageVersionPublishingProfile",
        &[
            ("targetRegions", Some(3)),
            ("replicaCount", None),
            ("excludeFromLatest", None),
            ("publishedDate", None),
            ("endOfLifeDate", None),
            ("storageAccountType", None),
            ("replicationMode", None),
            ("targetExtendedLocations", None),
            ("storageAccountStrategy", None),
        ],
    ),
    (
        "TargetRegion",
        &[
            ("name", None),
            ("regionalReplicaCount", None),
            ("storageAccountType", None),
            ("encryption", None),
            ("excludeFromLatest", None),
            ("additionalReplicaSets", None),
        ],
    ),
    (
        "GalleryImageVersionStorageProfile",
        &[
            ("source", Some(5)),
            ("osDiskImage", Some(6)),
            ("dataDiskImages", Some(6)),
        ],
    ),
    (
        "GalleryArtifactVersionFullSource",
        &[
            ("id", None),
            ("communityGalleryImageId", None),
            ("virtualMachineId", None),
        ],
    ),
    (
        "GalleryDiskImage",
        &[
            ("sizeInGB", None),
            ("hostCaching", None),
            ("source", None),
            ("lun", None),
        ],
    ),
    (
        "GalleryImageVersionSafetyProfile",
        &[
            ("allowDeletionOfReplicatedLocations", None),
            ("reportedForPolicyViolation", None),
            ("policyViolations", None),
            ("blockDeletionBeforeEndOfLife", None),
        ],
    ),
];

/// Refuses the first member that is not known, in the words of Microsoft.Compute.
pub(crate) fn check(body: &Map<String, Value>) -> Result<(), Refusal> {
    check_model(body, VERSION, "")
}

fn check_model(object: &Map<String, Value>, model: usize, path: &str) -> Result<(), Refusal> {
    let Some((model, members)) = MODELS.get(model) else {
        return Ok(());
    };
    for (name, value) in object {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let Some((_, inner)) = members.iter().find(|(known, _)| known == name) else {
            let message = format!(
                "Could not find member '{name}' on object of type '{model}'. Path '{path}', line 1, position 1."
            );
            return Err(Refusal::by_compute(400, "BadRequest", message));
        };
        let Some(inner) = inner else { continue };
        match value {
            Value::Object(object) => check_model(object, *inner, &path)?,
            Value::Array(all) => {
                for object in all.iter().filter_map(Value::as_object) {
                    check_model(object, *inner, &path)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
