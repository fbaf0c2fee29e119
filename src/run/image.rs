//! What a successful run left.

use super::contents::Listed;
use super::distribution::{Distribution, Output};
use super::event::{Event, Events};
use super::followed::Followed;
use super::outputs::{Outputs, of_failed_run, settled};
use super::proof::Ended;
use super::provenance::Record;
use super::watch::RunEnd;
use crate::arm::Arm;
use crate::arm::template_state::RunState;
use crate::diagnosis::Explanation;
use crate::error::Error;
use crate::inventory::Compared;
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
    /// Where it comes from, by the names of the tags that say so.
    pub provenance: Record,
    /// Whether this build made it.
    pub made: Made,
    /// Why the run that made it did not simply succeed, if it did not.
    pub caveat: Option<Caveat>,
    /// What it holds, where a step of its template tells.
    pub contents: Option<Box<Listed>>,
    /// What is different in it, where that was asked for.
    pub compared: Option<Compared>,
}

/// Who made an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The run that was followed.
    Now,
    /// An earlier attempt, or a run that another job has followed: its template is gone.
    Earlier,
    /// An earlier build, of the same.
    Before,
}

impl Image {
    /// The number of the image version, or the name of the managed image; the address of a VHD.
    pub fn called(&self) -> String {
        let id = self.uri.parse::<ResourceId>();
        id.map_or_else(|_| self.uri.clone(), |id| id.name().to_owned())
    }

    /// Whether there is an image that was not there before the build.
    pub fn changed(&self) -> bool {
        self.made != Made::Before
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

/// The run output names the image: the gallery chose its number, so it cannot be guessed. `end` is how the run of `followed` ended.
pub(super) async fn collect(
    followed: &Followed<'_>,
    arm: &Arm,
    end: RunEnd,
    events: &dyn Events,
) -> Result<Image, Error> {
    let ended = Ended {
        end: &end,
        staging_group: followed.staging_group.as_ref(),
    };
    let targets = followed.targets();
    let Outputs { all, failure } = settled(arm, &followed.id, &targets, ended, events).await;
    let uri = all.first().and_then(|output| output.uri.clone());
    let Some(uri) = uri else {
        if end.state == RunState::Succeeded {
            return Err(Error::NoImage {
                template: followed.name().to_owned(),
                run_output: followed.run_output_name().to_owned(),
                failure,
                listing: targets.first().and_then(Distribution::listing),
            });
        }
        announce(all, events);
        return Err(partly(end));
    };
    let newest = arm.template(&followed.id).await.ok();
    let newest = newest.and_then(|seen| seen.value.source_version);
    let version = newest.or_else(|| followed.source_version.clone());
    let source = followed.template.properties.source.as_ref();
    Ok(Image {
        uri,
        template_name: followed.name().to_owned(),
        template_id: Some(followed.id.clone()),
        outputs: all,
        run_output: followed.run_output_name().to_owned(),
        source: source.cloned(),
        provenance: followed.provenance(version.as_deref()),
        platform_image: platform_image(source, version),
        made: Made::Now,
        caveat: Caveat::of(end),
        contents: None,
        compared: None,
    })
}

impl Caveat {
    /// Nothing for a run that simply succeeded.
    fn of(end: RunEnd) -> Option<Self> {
        let hint = Explanation::of(&end.message, None, &[]).fix;
        (end.state != RunState::Succeeded).then_some(Self {
            state: end.state,
            message: end.message,
            hint,
        })
    }
}

/// Tells which targets got an image although the run failed, if any did.
pub(super) async fn tell(followed: &Followed<'_>, arm: &Arm, events: &dyn Events) {
    let outputs = of_failed_run(arm, &followed.id, &followed.targets()).await;
    announce(outputs, events);
}

fn announce(outputs: Vec<Output>, events: &dyn Events) {
    if outputs.iter().any(|output| output.uri.is_some()) {
        events.emit(Event::Distributed(outputs));
    }
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

fn partly(mut end: RunEnd) -> Error {
    if end.message.is_empty() {
        end.message = format!(
            "it ended as '{}', and the first target has no image",
            end.state
        );
    }
    Error::Run {
        phase: end.phase,
        elapsed: end.elapsed,
        explanation: Box::new(Explanation::of(&end.message, None, &[])),
        message: end.message,
    }
}
