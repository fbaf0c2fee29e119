//! Where an image comes from: what is known before the build, for the tags, and after it, for the result.

use crate::inputs::declared::TASK_VERSION;
use crate::inputs::provenance::fit_for_tag;
use crate::inputs::{Plan, Source};
use crate::resource::ResourceId;

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
    let (source, version) = source(&plan.source, source_version);
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
fn source(source: &Source, resolved: Option<&str>) -> (String, Option<String>) {
    match source {
        Source::Marketplace {
            publisher,
            offer,
            sku,
            version,
            ..
        } => (
            format!("{publisher}:{offer}:{sku}"),
            Some(resolved.unwrap_or(version).to_owned()),
        ),
        Source::ManagedImage(id) => (id.to_string(), None),
        Source::GalleryVersion(id) => of_version(id.as_str()),
        Source::SharedDirectly(id) => of_version(id),
        Source::InFile(source) => {
            let text = |member: &str| source.get(member).and_then(serde_json::Value::as_str);
            match (text("imageVersionId"), text("imageId")) {
                (Some(id), _) => of_version(id),
                (None, id) => (id.unwrap_or_default().to_owned(), None),
            }
        }
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
