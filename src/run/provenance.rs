//! Where an image comes from: what is known before the build, for the tags, and after it, for the result.

use crate::inputs::Plan;
use crate::inputs::declared::TASK_VERSION;
use crate::inputs::provenance::fit_for_tag;
use crate::resource::ResourceId;
use crate::template::model::Source;

/// Names and values, the most telling first. Fit for tags.
pub type Record = Vec<(&'static str, String)>;

/// All names that there may be.
pub(super) const NAMES: [&str; 11] = [
    "source",
    "sourceVersion",
    "packageSha256",
    "repository",
    "branch",
    "commit",
    "pipeline",
    "buildId",
    "buildNumber",
    "release",
    "taskVersion",
];

/// The record of an image of `plan`; `source_version` is the number that the marketplace image's version stands for, `package` the SHA-256 of
/// the package's archive, which is the same for the same files.
pub fn record(plan: &Plan, source_version: Option<&str>, package: Option<&str>) -> Record {
    let (source, version) = source(plan.properties.source.as_ref(), source_version);
    let of_source = [
        ("source", Some(source)),
        ("sourceVersion", version),
        ("packageSha256", package.map(str::to_owned)),
    ];
    let of_source = of_source
        .into_iter()
        .filter_map(|(name, value)| Some((name, fit_for_tag(&value?)?)));
    let of_run = plan.provenance.facts.iter().cloned();
    let of_task = [("taskVersion", TASK_VERSION.to_owned())];
    of_source.chain(of_run).chain(of_task).collect()
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
