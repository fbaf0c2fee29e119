//! What the result becomes.

use super::declared::{
    DISTRIBUTE_TYPE, GALLERY_IMAGE_ID, IMAGE_ID_FOR_DISTRIBUTE, IMAGE_VERSION_ID,
    MANAGED_IMAGE_LOCATION, REPLICATION_REGIONS,
};
use super::plan::{Source, Target};
use super::problem::{Code, Problem, quoted};
use super::reading::{Reading, Reported};
use super::resource_kind::{IMAGE_DEFINITION, IMAGE_VERSION, MANAGED_IMAGE};
use crate::resource::{ImageVersion, Region, ResourceId};

#[derive(Clone, Copy)]
enum Kind {
    ManagedImage,
    Gallery,
    Vhd,
}

/// The declared options, and what the sibling tasks and Azure itself call the same things.
const KINDS: &[(&str, Kind)] = &[
    ("managedimage", Kind::ManagedImage),
    ("sig", Kind::Gallery),
    ("gallery", Kind::Gallery),
    ("sharedimagegallery", Kind::Gallery),
    ("sharedimageversion", Kind::Gallery),
    ("sharedimage", Kind::Gallery),
    ("computegallery", Kind::Gallery),
    ("azurecomputegallery", Kind::Gallery),
    ("galleryimageversion", Kind::Gallery),
    ("vhd", Kind::Vhd),
];

/// Only the inputs of the chosen kind are looked at. `location` is where the template lives; it stands in for regions that are not
/// given.
pub(super) fn read(
    reading: &mut Reading<'_>,
    location: &Result<Region, Reported>,
) -> Result<Target, Reported> {
    match reading.choice(&DISTRIBUTE_TYPE, KINDS)? {
        Kind::ManagedImage => managed_image(reading, location),
        Kind::Gallery => gallery(reading, location),
        Kind::Vhd => Ok(Target::Vhd),
    }
}

fn managed_image(
    reading: &mut Reading<'_>,
    location: &Result<Region, Reported>,
) -> Result<Target, Reported> {
    let id = reading.required_id(&IMAGE_ID_FOR_DISTRIBUTE, MANAGED_IMAGE);
    let location = match reading.optional(&MANAGED_IMAGE_LOCATION)? {
        Some(text) => reading.region(&MANAGED_IMAGE_LOCATION, text)?,
        None => location.clone()?,
    };
    Ok(Target::ManagedImage { id: id?, location })
}

fn gallery(
    reading: &mut Reading<'_>,
    location: &Result<Region, Reported>,
) -> Result<Target, Reported> {
    let image = definition_and_version(reading);
    let regions = regions(reading);
    let (definition, version) = image?;
    let mut regions = regions?;
    if regions.is_empty() {
        regions.push(location.clone()?);
    }
    Ok(Target::Gallery {
        definition,
        version,
        regions,
    })
}

/// The definition's id, which may carry the number of the version to make.
fn definition_and_version(
    reading: &mut Reading<'_>,
) -> Result<(ResourceId, Option<ImageVersion>), Reported> {
    let form = IMAGE_DEFINITION.form;
    let text = reading.required(&GALLERY_IMAGE_ID, form)?;
    let id = reading.id(&GALLERY_IMAGE_ID, text, form)?;
    if IMAGE_DEFINITION.includes(&id) {
        return Ok((id, None));
    }
    let definition = id.parent().filter(|_| IMAGE_VERSION.includes(&id));
    let Some(definition) = definition else {
        return Err(reading.wrong_kind(&GALLERY_IMAGE_ID, &id, form, None));
    };
    let version = id.name().parse().map_err(|_| {
        let sentence = format!(
            "'{}' is not a gallery image version; expected Major.Minor.Patch with numbers up to 2147483647 and no leading zeros, for example 1.2.0",
            id.name()
        );
        let hint = format!(
            "leave '/versions/{}' out to let the gallery number the version",
            id.name()
        );
        reading.report(Problem::new(
            Code::Malformed,
            &GALLERY_IMAGE_ID,
            sentence,
            Some(hint),
        ))
    })?;
    Ok((definition, Some(version)))
}

/// Every region once; empty if none is given. Each wrong one is reported.
fn regions(reading: &mut Reading<'_>) -> Result<Vec<Region>, Reported> {
    let text = reading.optional(&REPLICATION_REGIONS)?.unwrap_or_default();
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let read: Vec<Result<Region, Reported>> = names
        .map(|name| reading.region(&REPLICATION_REGIONS, name))
        .collect();
    let mut regions = Vec::new();
    for region in read {
        let region = region?;
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    Ok(regions)
}

/// A version cannot be made from itself.
pub(super) fn check_against(
    reading: &mut Reading<'_>,
    source: &Source,
    target: &Target,
) -> Result<(), Reported> {
    let (
        Source::GalleryVersion(from),
        Target::Gallery {
            definition,
            version: Some(version),
            ..
        },
    ) = (source, target)
    else {
        return Ok(());
    };
    if from.parent().as_ref() != Some(definition) || from.name() != version.to_string() {
        return Ok(());
    }
    let sentence = format!(
        "{} is the version that input '{}' starts from, so it exists already",
        quoted(from.as_str()),
        IMAGE_VERSION_ID.name
    );
    let hint = "raise the version's number, for example with '$(Build.BuildId)'".to_owned();
    Err(reading.report(Problem::new(
        Code::Contradiction,
        &GALLERY_IMAGE_ID,
        sentence,
        Some(hint),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_option_is_understood() {
        for option in DISTRIBUTE_TYPE.options {
            assert!(KINDS.iter().any(|(name, _)| name == option), "{option}");
        }
    }
}
