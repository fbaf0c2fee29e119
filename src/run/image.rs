//! What a successful run left.

use super::distribution::{Distribution, Output, outputs};
use super::event::{Event, Events};
use super::provenance::{Record, record};
use super::watch::RunEnd;
use crate::arm::Arm;
use crate::arm::template_state::RunState;
use crate::diagnosis::Explanation;
use crate::error::Error;
use crate::inputs::{Plan, Source};
use crate::resource::ResourceId;

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

/// The run output names the image: the gallery chose its number, so it cannot be guessed.
pub(super) async fn collect(
    plan: &Plan,
    arm: &Arm,
    end: RunEnd,
    targets: &[Distribution],
    events: &dyn Events,
    source_version: Option<String>,
    package: Option<&str>,
) -> Result<Image, Error> {
    let run_output = plan.run_output_name();
    let no_image = || Error::NoImage {
        template: plan.template_name.clone(),
        run_output: run_output.to_owned(),
    };
    let (first, others) = match targets {
        [first, others @ ..] => (first.clone(), others),
        [] => return Err(no_image()),
    };
    let output = match arm.run_output(&plan.template_id, run_output).await {
        Ok(output) => output,
        Err(_) if end.state == RunState::PartiallySucceeded => {
            tell(plan, arm, targets, events).await;
            return Err(partly(end));
        }
        Err(failure) => return Err(failure.into()),
    };
    let uri = output.uri().ok_or_else(no_image)?;
    let mut all = vec![Output {
        target: first,
        uri: Some(uri.clone()),
    }];
    all.extend(outputs(arm, plan, others).await);
    let newest = arm.template(&plan.template_id).await.ok();
    let newest = newest.and_then(|seen| seen.value.source_version);
    let version = newest.or(source_version);
    Ok(Image {
        uri,
        template_name: plan.template_name.clone(),
        template_id: plan.template_id.clone(),
        outputs: all,
        provenance: record(plan, version.as_deref(), package),
        platform_image: platform_image(&plan.source, version),
        changed: true,
    })
}

/// Tells which targets got an image although the run failed, if any did.
pub(super) async fn tell(plan: &Plan, arm: &Arm, targets: &[Distribution], events: &dyn Events) {
    let outputs = outputs(arm, plan, targets).await;
    if outputs.iter().any(|output| output.uri.is_some()) {
        events.emit(Event::Distributed(outputs));
    }
}

/// The marketplace image with the number that Azure resolved.
pub(super) fn platform_image(source: &Source, resolved: Option<String>) -> Option<PlatformImage> {
    match source {
        Source::Marketplace {
            publisher,
            offer,
            sku,
            version,
            ..
        } => Some(PlatformImage {
            publisher: publisher.clone(),
            offer: offer.clone(),
            sku: sku.clone(),
            version: resolved.unwrap_or_else(|| version.clone()),
        }),
        Source::ManagedImage(_) | Source::GalleryVersion(_) | Source::InFile(_) => None,
    }
}

fn partly(end: RunEnd) -> Error {
    Error::Run {
        phase: end.phase,
        elapsed: end.elapsed,
        explanation: Box::new(Explanation::of(&end.message, None, &[])),
        message: end.message,
    }
}
