//! What the result becomes, and where it goes.

use url::Url;

use super::{tags, wire};
use crate::inputs::{Plan, ReplicationMode, StorageType, Target, TargetRegion, Versioning};

/// None where the template file has the targets.
pub(super) fn distributor(plan: &Plan) -> Option<wire::Distributor<'_>> {
    let run_output_name = plan.run_output_name();
    Some(match &plan.target {
        Target::InFile { .. } => return None,
        Target::Gallery {
            definition,
            version,
            versioning,
            regions,
            exclude_from_latest,
            replication_mode,
        } => wire::Distributor::SharedImage {
            gallery_image_id: match version {
                Some(version) => format!("{definition}/versions/{version}"),
                None => definition.to_string(),
            },
            run_output_name,
            artifact_tags: tags(&plan.artifact_tags),
            target_regions: regions.iter().map(target_region).collect(),
            exclude_from_latest: *exclude_from_latest,
            versioning: versioning.map(|versioning| match versioning {
                Versioning::Latest { major } => wire::Versioning::Latest { major },
                Versioning::Source => wire::Versioning::Source,
            }),
            replication_mode: replication_mode.map(|mode| match mode {
                ReplicationMode::Full => "Full",
                ReplicationMode::Shallow => "Shallow",
            }),
        },
        Target::ManagedImage { id, location } => wire::Distributor::ManagedImage {
            image_id: id.as_str(),
            location: location.as_str(),
            run_output_name,
            artifact_tags: tags(&plan.artifact_tags),
        },
        Target::Vhd { uri } => wire::Distributor::Vhd {
            run_output_name,
            uri: uri.as_ref().map(Url::as_str),
        },
    })
}

fn target_region(region: &TargetRegion) -> wire::TargetRegion<'_> {
    wire::TargetRegion {
        name: region.name.as_str(),
        replica_count: region.replicas,
        storage_account_type: region.storage.map(|storage| match storage {
            StorageType::StandardLrs => "Standard_LRS",
            StorageType::StandardZrs => "Standard_ZRS",
            StorageType::PremiumLrs => "Premium_LRS",
        }),
    }
}
