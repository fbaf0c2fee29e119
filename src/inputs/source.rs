//! What the image starts from.

use super::manifest::{CUSTOM_IMAGE_RESOURCE_ID, IMAGE_SOURCE, IMAGE_VERSION_ID};
use super::problem::{Code, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::{IMAGE_DEFINITION, IMAGE_VERSION, MANAGED_IMAGE};
use super::{gallery, marketplace};
use crate::resource::ImageVersion;
use crate::template::model::{LATEST, ManagedImageSource, SharedImageVersionSource, Source};

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
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Source, AlreadyReported> {
    let mut kinds = gallery::NAMES.map(|name| (name, Kind::Gallery)).to_vec();
    kinds.extend(OTHERS);
    match reader.choice(&IMAGE_SOURCE, &kinds)? {
        Kind::ManagedImage => {
            let id = reader.required_id(&CUSTOM_IMAGE_RESOURCE_ID, MANAGED_IMAGE)?;
            Ok(Source::ManagedImage(ManagedImageSource {
                image_id: id.to_string(),
                ..ManagedImageSource::default()
            }))
        }
        Kind::Gallery => {
            let image_version_id = gallery_version(reader)?;
            Ok(Source::SharedImageVersion(SharedImageVersionSource {
                image_version_id,
                ..SharedImageVersionSource::default()
            }))
        }
        Kind::Marketplace => marketplace::read(reader),
    }
}

/// Whether `text` begins like the id of a gallery that is shared directly, and then the id without a slash at its end, or why it is none. It has no
/// resource group: `/sharedGalleries/{unique name}/images/{definition}/versions/{version}`
/// (<https://learn.microsoft.com/azure/virtual-machines/share-gallery-direct>).
pub(super) fn shared_directly(text: &str) -> Option<Result<&str, String>> {
    const START: &str = "/sharedGalleries/";
    let start = text.get(..START.len())?;
    if !start.eq_ignore_ascii_case(START) {
        return None;
    }
    let id = text.trim_end_matches('/');
    let plain = |part: &str| {
        let allowed = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(allowed)
    };
    let parts: Vec<&str> = id.split('/').skip(2).collect();
    Some(match parts.as_slice() {
        [gallery, images, definition, versions, version]
            if images.eq_ignore_ascii_case("images")
                && versions.eq_ignore_ascii_case("versions")
                && plain(gallery)
                && plain(definition)
                && is_version(version) =>
        {
            Ok(id)
        }
        _ => Err("is not the id of an image version in a directly shared gallery; expected /sharedGalleries/{unique name}/images/{definition}/versions/{version}, with 'latest' or Major.Minor.Patch as version".to_owned()),
    })
}

fn is_version(name: &str) -> bool {
    name.parse::<ImageVersion>().is_ok() || name.eq_ignore_ascii_case(LATEST)
}

fn gallery_version(reader: &mut Reader<'_>) -> Result<String, AlreadyReported> {
    let form = IMAGE_VERSION.form;
    let text = reader.required(&IMAGE_VERSION_ID, form)?;
    if let Some(shared) = shared_directly(text) {
        return match shared {
            Ok(id) => Ok(id.to_owned()),
            Err(reason) => {
                let sentence = format!("{} {reason}", quoted(text));
                let problem = Problem::new(Code::Malformed, &IMAGE_VERSION_ID, sentence, None);
                Err(reader.report(problem))
            }
        };
    }
    let id = reader.id(&IMAGE_VERSION_ID, text, form)?;
    if IMAGE_DEFINITION.includes(&id) {
        let hint = "add '/versions/latest', or the version number instead of 'latest'";
        return Err(reader.wrong_kind(&IMAGE_VERSION_ID, &id, form, Some(hint.to_owned())));
    }
    if !IMAGE_VERSION.includes(&id) {
        return Err(reader.wrong_kind(&IMAGE_VERSION_ID, &id, form, None));
    }
    if is_version(id.name()) {
        return Ok(id.to_string());
    }
    let hint = format!(
        "'{}' is neither 'latest' nor a version of the form Major.Minor.Patch",
        id.name()
    );
    Err(reader.malformed(&IMAGE_VERSION_ID, text, form, Some(hint)))
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
