//! The image that a build came to: plain data.

use std::path::PathBuf;

use super::distribution::Output;
use super::image_provenance::Record;
use crate::arm::template_state::RunState;
use crate::inventory::{Compared, Inventory};
use crate::resource::ResourceId;
use crate::template::model::Source;

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
    pub fn called(&self) -> String {
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
