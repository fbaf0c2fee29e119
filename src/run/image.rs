//! The image that a build came to: plain data; and where an image comes from, as it is known before the build, for the tags, and after it, for the result.

use std::path::PathBuf;

use super::distribution::Output;
use crate::arm::template_state::RunState;
use crate::inputs::Plan;
use crate::inputs::manifest::TASK_VERSION;
use crate::inputs::provenance::fit_for_tag;
use crate::inventory::{Compared, Inventory};
use crate::resource::ResourceId;
use crate::resource::tag::{PACKAGE_SHA256, PROVENANCE};
use crate::template::model::{Source, Tags};

/// What a successful run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The id of the image or image version, or the address of the VHD.
    pub uri: String,
    /// Name of the template that it was built by.
    pub template_name: String,
    /// Resource id of that template, as far as it is known.
    pub template_id: Option<ResourceId>,
    /// What it was built from, where that is a marketplace image.
    pub platform_image: Option<PlatformImage>,
    /// What every target got, in the order of the template; `uri` is that of the first.
    pub outputs: Vec<Output>,
    /// Name of the run output of the first target.
    pub run_output: String,
    /// What it was built from, as the template says it.
    pub source: Option<Source>,
    /// Where it comes from: names and values of tags.
    pub provenance: Record,
    /// Whether this build made it.
    pub made: Made,
    /// Why the run that made it did not simply succeed, if it did not.
    pub caveat: Option<Caveat>,
    /// What it holds, if a step of its template lists that.
    pub contents: Option<Box<ContentsList>>,
    /// What has changed since an earlier version, if that was asked for.
    pub compared: Option<Compared>,
}

/// Who made an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The run that was followed.
    Now,
    /// An earlier attempt, or a run that another job has followed: its template is gone.
    ByEarlierAttempt,
    /// An earlier build, with the same source, template and package.
    ByEarlierBuild,
}

impl Image {
    /// The number of the image version, or the name of the managed image; the address of a VHD.
    pub fn display_name(&self) -> String {
        let id = self.uri.parse::<ResourceId>();
        id.map_or_else(|_| self.uri.clone(), |id| id.name().to_owned())
    }

    /// Whether there is an image that was not there before the build.
    pub fn changed(&self) -> bool {
        self.made != Made::ByEarlierBuild
    }
}

/// The image is there, and the run did not simply succeed: it reached some of its targets, or ended in a state that we do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caveat {
    /// `PartiallySucceeded`, or a state that we do not know.
    pub state: RunState,
    /// Azure's text about it; empty if there was none.
    pub message: String,
    /// What to do, where Azure's text is known.
    pub hint: Option<String>,
}

/// A marketplace image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// Publisher, `Canonical`.
    pub publisher: String,
    /// Offer, `ubuntu-24_04-lts`.
    pub offer: String,
    /// SKU, `server`.
    pub sku: String,
    /// The number that `latest` stood for; the version as it was asked for where Azure did not tell.
    pub version: String,
}

/// What an image holds, as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentsList {
    /// What it holds.
    pub inventory: Inventory,
    /// The `CycloneDX` document of the first target, on the agent; nothing if it could not be written.
    pub path: Option<PathBuf>,
    /// Its SHA-256, in 64 hexadecimal digits.
    pub sha256: String,
}

/// The marketplace image with the number that Azure resolved.
pub(super) fn platform_image(
    source: Option<&Source>,
    resolved: Option<String>,
) -> Option<PlatformImage> {
    let Some(Source::PlatformImage(source)) = source else {
        return None;
    };
    Some(PlatformImage {
        publisher: source.publisher.clone(),
        offer: source.offer.clone(),
        sku: source.sku.clone(),
        version: resolved.unwrap_or_else(|| source.version_or_latest().to_owned()),
    })
}

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
