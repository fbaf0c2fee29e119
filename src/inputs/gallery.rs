//! An image version in an Azure Compute Gallery as the result.

use super::image_version;
use super::manifest::{
    DISTRIBUTE_STORAGE_ACCOUNT_TYPE, DISTRIBUTE_VERSIONING_MAJOR, DISTRIBUTE_VERSIONING_SCHEME,
    EXCLUDE_FROM_LATEST, GALLERY_IMAGE_ID, IMAGE_VERSION as IMAGE_VERSION_INPUT, Input,
    REPLICATION_MODE, REPLICATION_REGIONS, TARGET_REGIONS,
};
use super::problem::{Code, Form, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::{IMAGE_DEFINITION, IMAGE_VERSION};
use super::spelling::tidy;
use crate::resource::{ImageVersion, Region, ResourceId, split_at_blanks};
use crate::template::model::{Distributor, SharedImage, TargetRegion, Versioning};

/// What the form, the sibling tasks and Azure itself call a gallery, as the source or as the target: small, without blanks and hyphens.
pub(super) const NAMES: [&str; 8] = [
    "sig",
    "gallery",
    "sharedimagegallery",
    "sharedimageversion",
    "sharedimage",
    "computegallery",
    "azurecomputegallery",
    "galleryimageversion",
];

/// Name of the run output, which is that of the original task.
const OUTPUT: &str = "SharedImage_distribute";

/// The inputs' words, and Azure's.
const STORAGE_TYPES: &[(&str, &str)] = &[
    ("StandardLRS", "Standard_LRS"),
    ("StandardZRS", "Standard_ZRS"),
    ("PremiumLRS", "Premium_LRS"),
];

const REPLICATION_MODES: &[(&str, &str)] = &[("Full", "Full"), ("Shallow", "Shallow")];

const BY_LATEST: &str = "Latest";
const SCHEMES: &[(&str, &str)] = &[(BY_LATEST, BY_LATEST), ("Source", "Source")];

/// `location` stands in for regions that are not given.
pub(super) fn read(
    reader: &mut Reader<'_>,
    location: &Result<Region, AlreadyReported>,
) -> Result<Distributor, AlreadyReported> {
    let image = definition_and_version(reader);
    let own_version = image_version::read(reader);
    let versioning = versioning(reader);
    let regions = regions(reader);
    let exclude_from_latest = reader.flag(&EXCLUDE_FROM_LATEST);
    let replication_mode = reader.choice_or_default(&REPLICATION_MODE, REPLICATION_MODES);
    let storage = storage_type(reader);
    let (definition, version) = image?;
    let version = one_version(reader, version, own_version?)?;
    let mut versioning = versioning?;
    if version.is_some() && versioning.take().is_some() {
        reader.warn_without_effect(
            &DISTRIBUTE_VERSIONING_SCHEME,
            "because the version number is set",
            &format!("remove '{}'", DISTRIBUTE_VERSIONING_SCHEME.name),
        );
    }
    let mut regions = regions?;
    if regions.is_empty() {
        regions.push(TargetRegion {
            name: location.clone()?.to_string(),
            ..TargetRegion::default()
        });
    }
    if let Some(storage) = storage? {
        for region in &mut regions {
            let own = &mut region.storage_account_type;
            own.get_or_insert_with(|| storage.to_owned());
        }
    }
    Ok(Distributor::SharedImage(SharedImage {
        gallery_image_id: match version {
            Some(version) => format!("{definition}/versions/{version}"),
            None => definition.to_string(),
        },
        run_output_name: OUTPUT.to_owned(),
        target_regions: Some(regions),
        exclude_from_latest: exclude_from_latest?.then_some(true),
        versioning,
        replication_mode: replication_mode?.map(str::to_owned),
        ..SharedImage::default()
    }))
}

/// The number at the end of the id, or that of the input for it.
fn one_version(
    reader: &mut Reader<'_>,
    in_id: Option<ImageVersion>,
    own: Option<ImageVersion>,
) -> Result<Option<ImageVersion>, AlreadyReported> {
    match (in_id, own) {
        (Some(in_id), Some(own)) if in_id != own => {
            let sentence = format!(
                "'{own}' differs from the version at the end of input '{}', '{in_id}'",
                GALLERY_IMAGE_ID.name
            );
            let hint = format!(
                "remove '/versions/{in_id}' from '{}'",
                GALLERY_IMAGE_ID.name
            );
            Err(reader.report(Problem::new(
                Code::Contradiction,
                &IMAGE_VERSION_INPUT,
                sentence,
                Some(hint),
            )))
        }
        (in_id, own) => Ok(in_id.or(own)),
    }
}

const MAJOR: Form = Form {
    what: "a major version",
    format: "a number up to 2147483647",
    example: "1",
};

fn versioning(reader: &mut Reader<'_>) -> Result<Option<Versioning>, AlreadyReported> {
    let scheme = reader.choice_or_default(&DISTRIBUTE_VERSIONING_SCHEME, SCHEMES)?;
    if scheme == Some(BY_LATEST) {
        // The service itself writes -1 for "none".
        let none = tidy(reader.raw(&DISTRIBUTE_VERSIONING_MAJOR)) == "-1";
        let major = if none {
            None
        } else {
            reader.number(&DISTRIBUTE_VERSIONING_MAJOR, 0..=2_147_483_647, MAJOR)?
        };
        return Ok(Some(Versioning {
            scheme: BY_LATEST.to_owned(),
            major: major.map(i64::from),
            ..Versioning::default()
        }));
    }
    if reader.optional(&DISTRIBUTE_VERSIONING_MAJOR)?.is_some() {
        let reason = format!(
            "because '{}' is not 'Latest'",
            DISTRIBUTE_VERSIONING_SCHEME.name
        );
        let hint = format!("set '{}' to 'Latest'", DISTRIBUTE_VERSIONING_SCHEME.name);
        reader.warn_without_effect(&DISTRIBUTE_VERSIONING_MAJOR, &reason, &hint);
    }
    Ok(scheme.map(|scheme| Versioning {
        scheme: scheme.to_owned(),
        ..Versioning::default()
    }))
}

/// The definition's id, which may carry the number of the version to make.
fn definition_and_version(
    reader: &mut Reader<'_>,
) -> Result<(ResourceId, Option<ImageVersion>), AlreadyReported> {
    let form = IMAGE_DEFINITION.form;
    let text = reader.required(&GALLERY_IMAGE_ID, form)?;
    let id = reader.id(&GALLERY_IMAGE_ID, text, form)?;
    if IMAGE_DEFINITION.includes(&id) {
        return Ok((id, None));
    }
    let definition = id.parent().filter(|_| IMAGE_VERSION.includes(&id));
    let Some(definition) = definition else {
        return Err(reader.wrong_kind(&GALLERY_IMAGE_ID, &id, form, None));
    };
    let version = id.name().parse().map_err(|_| {
        let sentence = format!(
            "'{}' is not a gallery image version; expected Major.Minor.Patch with numbers up to 2147483647 and no leading zeros, for example 1.2.0",
            id.name()
        );
        let hint = format!(
            "remove '/versions/{}' to let the gallery number the version",
            id.name()
        );
        reader.report(Problem::new(
            Code::Malformed,
            &GALLERY_IMAGE_ID,
            sentence,
            Some(hint),
        ))
    })?;
    Ok((definition, Some(version)))
}

/// What Azure calls the storage of the regions that have none of their own.
pub(super) fn storage_type(
    reader: &mut Reader<'_>,
) -> Result<Option<&'static str>, AlreadyReported> {
    reader.choice_or_default(&DISTRIBUTE_STORAGE_ACCOUNT_TYPE, STORAGE_TYPES)
}

const TARGET_REGION: Form = Form {
    what: "a target region",
    format: "a region, optionally with '=' and its replica count, its storage type, or both separated by ':'",
    example: "westeurope=2:Standard_ZRS",
};

/// Every region once; empty if none is given. Each wrong one is reported.
pub(super) fn regions(reader: &mut Reader<'_>) -> Result<Vec<TargetRegion>, AlreadyReported> {
    let input = match reader.optional(&TARGET_REGIONS)? {
        Some(_) => &TARGET_REGIONS,
        None => &REPLICATION_REGIONS,
    };
    let text = reader.optional(input)?.unwrap_or_default();
    let items = text.split([',', ';', '\n']);
    let names = items.flat_map(|item| split_at_blanks(tidy(item)));
    let names = names.filter(|name| !name.is_empty());
    let read: Vec<_> = names.map(|name| region(reader, input, &name)).collect();
    let mut regions: Vec<TargetRegion> = Vec::new();
    for region in read {
        let region = region?;
        match regions.iter().find(|other| other.name == region.name) {
            None => regions.push(region),
            Some(other) if *other == region => {}
            Some(_) => {
                let sentence = format!(
                    "region '{}' is listed twice, with different replica counts or storage types",
                    region.name
                );
                let hint = Some(format!("list '{}' once", region.name));
                return Err(reader.report(Problem::new(
                    Code::Contradiction,
                    input,
                    sentence,
                    hint,
                )));
            }
        }
    }
    Ok(regions)
}

/// `westeurope`, `westeurope=2`, `westeurope=Standard_ZRS` or `westeurope=2:Standard_ZRS`.
fn region(
    reader: &mut Reader<'_>,
    input: &Input,
    text: &str,
) -> Result<TargetRegion, AlreadyReported> {
    let (name, rest) = text.split_once('=').unwrap_or((text, ""));
    let mut region = TargetRegion {
        name: reader.region(input, name)?.to_string(),
        ..TargetRegion::default()
    };
    let details = rest.split(':').map(str::trim);
    for detail in details.filter(|_| text.contains('=')) {
        let storage = STORAGE_TYPES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&detail.replace('_', "")));
        match (detail.parse(), storage) {
            (Ok(replicas), _)
                if (1..=MOST_REPLICAS).contains(&replicas) && region.replica_count.is_none() =>
            {
                region.replica_count = Some(replicas);
            }
            (Ok(_), _) => {
                let hint = format!("a region has 1 to {MOST_REPLICAS} replicas");
                return Err(reader.malformed(input, text, TARGET_REGION, Some(hint)));
            }
            (Err(_), Some((_, storage))) if region.storage_account_type.is_none() => {
                region.storage_account_type = Some((*storage).to_owned());
            }
            (Err(_), _) => {
                let hint = format!(
                    "{} is neither a number nor one of 'Standard_LRS', 'Standard_ZRS', 'Premium_LRS'",
                    quoted(detail)
                );
                return Err(reader.malformed(input, text, TARGET_REGION, Some(hint)));
            }
        }
    }
    Ok(region)
}

/// <https://learn.microsoft.com/azure/virtual-machines/azure-compute-gallery#limits>.
const MOST_REPLICAS: u32 = 100;
