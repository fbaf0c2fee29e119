//! What the result becomes.

use url::Url;

use super::manifest::{
    ARTIFACT_TAGS, DISTRIBUTE_TYPE, GALLERY_IMAGE_ID, IMAGE_ID_FOR_DISTRIBUTE, IMAGE_VERSION_ID,
    MANAGED_IMAGE_LOCATION, VHD_URI,
};
use super::problem::{Code, Form, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::MANAGED_IMAGE;
use super::template_file::TemplateFile;
use super::template_file::overrides::{DISTRIBUTE, SOURCE};
use super::{gallery, tags};
use crate::resource::{Region, ResourceId};
use crate::template::model::{Distributor, ManagedImageTarget, Source, Tags, Vhd};

#[derive(Clone, Copy)]
enum Kind {
    ManagedImage,
    Gallery,
    Vhd,
}

/// Beside the [names of a gallery](gallery::NAMES): the declared options, and what Azure itself calls the same things.
const OTHERS: &[(&str, Kind)] = &[("managedimage", Kind::ManagedImage), ("vhd", Kind::Vhd)];

/// Names of the run outputs; they are those of the original task.
const MANAGED_IMAGE_OUTPUT: &str = "ManagedImage_distribute";
const VHD_OUTPUT: &str = "VHD_distribute";

/// The one target that inputs can say. Only those of the chosen kind are looked at. `location` is where the template lives; it stands in for regions that are not
/// given.
pub(super) fn read(
    reader: &mut Reader<'_>,
    location: &Result<Region, AlreadyReported>,
) -> Result<Vec<Distributor>, AlreadyReported> {
    let target = of_kind(reader, location);
    let tags = tags(reader, target.as_ref().ok());
    let (mut target, tags) = (target?, tags?);
    if let Some(own) = target.artifact_tags_mut() {
        *own = tags;
    }
    Ok(vec![target])
}

fn of_kind(
    reader: &mut Reader<'_>,
    location: &Result<Region, AlreadyReported>,
) -> Result<Distributor, AlreadyReported> {
    let mut kinds = gallery::NAMES.map(|name| (name, Kind::Gallery)).to_vec();
    kinds.extend(OTHERS);
    match reader.choice(&DISTRIBUTE_TYPE, &kinds)? {
        Kind::ManagedImage => managed_image(reader, location),
        Kind::Gallery => gallery::read(reader, location),
        Kind::Vhd => vhd(reader),
    }
}

fn managed_image(
    reader: &mut Reader<'_>,
    location: &Result<Region, AlreadyReported>,
) -> Result<Distributor, AlreadyReported> {
    let id = reader.required_id(&IMAGE_ID_FOR_DISTRIBUTE, MANAGED_IMAGE);
    let location = match reader.optional(&MANAGED_IMAGE_LOCATION)? {
        Some(text) => reader.region(&MANAGED_IMAGE_LOCATION, text)?,
        None => location.clone()?,
    };
    Ok(Distributor::ManagedImage(ManagedImageTarget {
        image_id: id?.to_string(),
        location: location.to_string(),
        run_output_name: MANAGED_IMAGE_OUTPUT.to_owned(),
        ..ManagedImageTarget::default()
    }))
}

const VHD: Form = Form {
    what: "the address of a blob",
    format: "https://{account}.blob.core.windows.net/{container}/{name}.vhd without a signature",
    example: "https://stimages.blob.core.windows.net/vhds/web.vhd",
};

fn vhd(reader: &mut Reader<'_>) -> Result<Distributor, AlreadyReported> {
    let target = |uri: Option<Url>| {
        Distributor::Vhd(Vhd {
            run_output_name: VHD_OUTPUT.to_owned(),
            uri: uri.map(String::from),
            ..Vhd::default()
        })
    };
    let Some(text) = reader.optional(&VHD_URI)? else {
        return Ok(target(None));
    };
    let container_and_name = |url: &Url| {
        url.path_segments()
            .is_some_and(|path| path.filter(|part| !part.is_empty()).count() >= 2)
    };
    let uri = text
        .parse::<Url>()
        .ok()
        .filter(|url| url.scheme() == "https" && url.query().is_none() && container_and_name(url));
    match uri {
        Some(uri) => Ok(target(Some(uri))),
        None if text.contains("sig=") => {
            let sentence = format!(
                "it contains a signature, which everybody with read permission on the template could use; {}",
                VHD.expected()
            );
            let hint = "grant the managed identity 'Storage Blob Data Contributor' on the container instead";
            Err(reader.report(Problem::new(
                Code::Malformed,
                &VHD_URI,
                sentence,
                Some(hint.to_owned()),
            )))
        }
        None => Err(reader.malformed(&VHD_URI, text, VHD, None)),
    }
}

/// The tags of the result.
fn tags(
    reader: &mut Reader<'_>,
    target: Option<&Distributor>,
) -> Result<Option<Tags>, AlreadyReported> {
    let tags = tags::beside_ours(reader, &ARTIFACT_TAGS)?;
    if matches!(target, Some(Distributor::Vhd(_))) && tags.is_some() {
        let hint = format!("remove '{}'", ARTIFACT_TAGS.name);
        reader.warn_without_effect(&ARTIFACT_TAGS, "because a VHD has no tags", &hint);
    }
    Ok(tags)
}

/// A version cannot be made from itself. What the template file says is left to Azure.
pub(super) fn check_against(
    reader: &mut Reader<'_>,
    file: &TemplateFile,
    source: Result<&Source, &AlreadyReported>,
    targets: Result<&Vec<Distributor>, &AlreadyReported>,
) -> Result<(), AlreadyReported> {
    let (Ok(Source::SharedImageVersion(from)), Ok([Distributor::SharedImage(to)])) =
        (source, targets.map(Vec::as_slice))
    else {
        return Ok(());
    };
    let (Ok(from), Some((definition, Some(version)))) =
        (from.image_version_id.parse::<ResourceId>(), to.image())
    else {
        return Ok(());
    };
    let same = from.parent().as_ref() == Some(&definition) && from.name() == version;
    if !same || file.has(SOURCE) || file.has(DISTRIBUTE) {
        return Ok(());
    }
    let sentence = format!(
        "{} is the source version in input '{}', so it already exists",
        quoted(from.as_str()),
        IMAGE_VERSION_ID.name
    );
    let hint = "increase the version number, for example with '$(Build.BuildId)'".to_owned();
    Err(reader.report(Problem::new(
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
            let mut names = OTHERS.iter().map(|(name, _)| name).chain(&gallery::NAMES);
            assert!(names.any(|name| name == option), "{option}");
        }
    }
}
