//! What the image starts from.

use super::declared::{CUSTOM_IMAGE_RESOURCE_ID, IMAGE_SOURCE, IMAGE_VERSION_ID};
use super::plan::Source;
use super::reading::{Reading, Reported};
use super::resource_kind::{IMAGE_DEFINITION, IMAGE_VERSION, MANAGED_IMAGE};
use super::{gallery, marketplace};
use crate::resource::{ImageVersion, ResourceId};

#[derive(Clone, Copy)]
enum Kind {
    ManagedImage,
    Gallery,
    Marketplace,
}

/// Beside the [names of a gallery](gallery::NAMES): the declared options, and what Azure itself calls the same things.
const OTHERS: &[(&str, Kind)] = &[
    ("managedimage", Kind::ManagedImage),
    ("marketplace", Kind::Marketplace),
    ("platformimage", Kind::Marketplace),
];

/// Only the inputs of the chosen kind are looked at: the others are hidden in the editor and arrive with their defaults.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<Source, Reported> {
    let mut kinds = gallery::NAMES.map(|name| (name, Kind::Gallery)).to_vec();
    kinds.extend(OTHERS);
    match reading.choice(&IMAGE_SOURCE, &kinds)? {
        Kind::ManagedImage => reading
            .required_id(&CUSTOM_IMAGE_RESOURCE_ID, MANAGED_IMAGE)
            .map(Source::ManagedImage),
        Kind::Gallery => gallery_version(reading).map(Source::GalleryVersion),
        Kind::Marketplace => marketplace::read(reading),
    }
}

fn gallery_version(reading: &mut Reading<'_>) -> Result<ResourceId, Reported> {
    let form = IMAGE_VERSION.form;
    let text = reading.required(&IMAGE_VERSION_ID, form)?;
    let id = reading.id(&IMAGE_VERSION_ID, text, form)?;
    if IMAGE_DEFINITION.includes(&id) {
        let hint = "add '/versions/latest', or the version's number in place of 'latest'";
        return Err(reading.wrong_kind(&IMAGE_VERSION_ID, &id, form, Some(hint.to_owned())));
    }
    if !IMAGE_VERSION.includes(&id) {
        return Err(reading.wrong_kind(&IMAGE_VERSION_ID, &id, form, None));
    }
    let numbered = id.name().parse::<ImageVersion>().is_ok();
    if numbered || id.name().eq_ignore_ascii_case(marketplace::LATEST) {
        return Ok(id);
    }
    let hint = format!(
        "'{}' is neither 'latest' nor a version as Major.Minor.Patch",
        id.name()
    );
    Err(reading.malformed(&IMAGE_VERSION_ID, text, form, Some(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_option_is_understood() {
        for option in IMAGE_SOURCE.options {
            let mut names = OTHERS.iter().map(|(name, _)| name).chain(&gallery::NAMES);
            assert!(names.any(|name| name == option), "{option}");
        }
    }
}
