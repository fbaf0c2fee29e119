//! What a successful run left.

use super::distribution::{Distribution, Output};
use super::event::{Event, Events};
use super::outputs::{Outputs, of_failed_run, settled};
use super::proof::Ended;
use super::provenance::{Record, record};
use super::watch::RunEnd;
use crate::arm::Arm;
use crate::arm::template_state::RunState;
use crate::diagnosis::Explanation;
use crate::error::Error;
use crate::inputs::Plan;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::template::model::Source;

/// What a successful run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The id of the image or image version, or the address of the VHD.
    pub uri: String,
    /// Name of the template that it was built by.
    pub template_name: String,
    /// Resource id of that template.
    pub template_id: ResourceId,
    /// What it was built from, where that is a marketplace image.
    pub platform_image: Option<PlatformImage>,
    /// What every target got, in the order of the template; `uri` is that of the first.
    pub outputs: Vec<Output>,
    /// Where it comes from, by the names of the tags that say so.
    pub provenance: Record,
    /// Whether this build made it; otherwise it was there, made of the same.
    pub changed: bool,
    /// Why the run that made it did not simply succeed, if it did not.
    pub caveat: Option<Caveat>,
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

/// What `collect` needs of a run besides the plan.
pub(super) struct Finished<'a> {
    pub(super) end: RunEnd,
    pub(super) targets: &'a [Distribution],
    /// The staging group, if Azure told it.
    pub(super) staging_group: Option<&'a ResourceGroupId>,
    /// The source's version, as Azure told it before the run.
    pub(super) source_version: Option<String>,
    /// SHA-256 of the package's archive.
    pub(super) package: Option<&'a str>,
}

/// The run output names the image: the gallery chose its number, so it cannot be guessed.
pub(super) async fn collect(
    plan: &Plan,
    arm: &Arm,
    run: Finished<'_>,
    events: &dyn Events,
) -> Result<Image, Error> {
    let ended = Ended {
        end: &run.end,
        staging_group: run.staging_group,
    };
    let Outputs { all, failure } = settled(arm, plan, run.targets, ended, events).await;
    let uri = all.first().and_then(|output| output.uri.clone());
    let Some(uri) = uri else {
        if run.end.state == RunState::Succeeded {
            return Err(Error::NoImage {
                template: plan.template_name.clone(),
                run_output: plan.run_output_name().to_owned(),
                failure,
                listing: run.targets.first().and_then(Distribution::listing),
            });
        }
        announce(all, events);
        return Err(partly(run.end));
    };
    let newest = arm.template(&plan.template_id).await.ok();
    let newest = newest.and_then(|seen| seen.value.source_version);
    let version = newest.or(run.source_version);
    Ok(Image {
        uri,
        template_name: plan.template_name.clone(),
        template_id: plan.template_id.clone(),
        outputs: all,
        provenance: record(plan, version.as_deref(), run.package),
        platform_image: platform_image(plan, version),
        changed: true,
        caveat: Caveat::of(run.end),
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
pub(super) async fn tell(plan: &Plan, arm: &Arm, targets: &[Distribution], events: &dyn Events) {
    announce(of_failed_run(arm, plan, targets).await, events);
}

fn announce(outputs: Vec<Output>, events: &dyn Events) {
    if outputs.iter().any(|output| output.uri.is_some()) {
        events.emit(Event::Distributed(outputs));
    }
}

/// The marketplace image with the number that Azure resolved.
pub(super) fn platform_image(plan: &Plan, resolved: Option<String>) -> Option<PlatformImage> {
    let Some(Source::PlatformImage(source)) = &plan.properties.source else {
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
