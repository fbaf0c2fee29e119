//! Where an image comes from: what is known before the build, for the tags, and after it, for the result.

use crate::inputs::Plan;
use crate::inputs::manifest::TASK_VERSION;
use crate::inputs::provenance::fit_for_tag;
use crate::resource::ResourceId;
use crate::resource::tag::{PACKAGE_SHA256, PROVENANCE};
use crate::template::model::{Source, Tags};

/// Names and values, the most telling first. Fit for tags.
pub type Record = Vec<(&'static str, String)>;

/// What is said of the source.
const OF_SOURCE: [&str; 2] = ["source", "sourceVersion"];

/// What `record` has under `name`.
pub(super) fn fact<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    let mut facts = record.iter();
    let found = facts.find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

/// The record of an image of `plan`; `source_version` is the number that the marketplace image's version stands for, `package` the SHA-256 of
/// the package's archive, which is the same for the same files.
pub fn record(plan: &Plan, source_version: Option<&str>, package: Option<&str>) -> Record {
    let of_package = package.map(|package| (PACKAGE_SHA256, package.to_owned()));
    let of_run = plan.provenance.facts.iter().cloned();
    let of_task = [("taskVersion", TASK_VERSION.to_owned())];
    let of_source = of_source(plan.properties.source.as_ref(), source_version);
    of_source
        .chain(of_package)
        .chain(of_run)
        .chain(of_task)
        .collect()
}

/// The record of an image whose template was read from Azure: what it says of the source, and the tags of the image.
pub(super) fn of_tags(
    source: Option<&Source>,
    source_version: Option<&str>,
    tags: Option<&Tags>,
) -> Record {
    let tag = |wanted: &str| {
        let mut tags = tags.into_iter().flatten();
        let (_, value) = tags.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        fit_for_tag(value)
    };
    let others = PROVENANCE.iter().filter(|name| !OF_SOURCE.contains(name));
    let others = others.filter_map(|name| Some((*name, tag(name)?)));
    of_source(source, source_version).chain(others).collect()
}

fn of_source(
    source: Option<&Source>,
    resolved: Option<&str>,
) -> impl Iterator<Item = (&'static str, String)> {
    let (source, version) = self::source(source, resolved);
    let [name, number] = OF_SOURCE;
    let known = [(name, Some(source)), (number, version)].into_iter();
    known.filter_map(|(name, value)| Some((name, fit_for_tag(&value?)?)))
}

/// What the image starts from, and the version of that.
fn source(source: Option<&Source>, resolved: Option<&str>) -> (String, Option<String>) {
    match source {
        Some(Source::PlatformImage(image)) => (
            format!("{}:{}:{}", image.publisher, image.offer, image.sku),
            Some(resolved.unwrap_or(image.version_or_latest()).to_owned()),
        ),
        Some(Source::ManagedImage(image)) => (image.image_id.clone(), None),
        Some(Source::SharedImageVersion(version)) => of_version(&version.image_version_id),
        Some(Source::Unknown(_)) | None => (String::new(), None),
    }
}

/// An image definition, and the number of its version.
fn of_version(id: &str) -> (String, Option<String>) {
    let id = id.trim_end_matches('/');
    let parts = id.parse::<ResourceId>().ok();
    match parts.and_then(|id| Some((id.parent()?.to_string(), id.name().to_owned()))) {
        Some((definition, version)) => (definition, Some(version)),
        None => (id.to_owned(), None),
    }
}
