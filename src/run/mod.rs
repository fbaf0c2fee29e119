//! The story of a build: from a plan to an image, leaving nothing behind.

pub mod clean_up;
pub mod event;
pub mod leftover;
mod pace;
pub mod submit;
pub mod watch;

use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::arm::Arm;
use crate::arm::image_template::RunState;
use crate::arm::operation::Started;
use crate::error::Error;
use crate::inputs::{ArchiveFormat, Plan, Source, Target};
use crate::resource::ResourceId;
use crate::storage::{self, CONTAINER, Format, PackageSource, StorageAccount};
use crate::template::{PackageLink, compose};
use clean_up::{Budget, cancel_runs, clean_up};
use event::{Event, Events};
use leftover::{Leftover, Leftovers, Remains};
use watch::{RunEnd, Unfollowed, watch};

/// What a build came to.
#[derive(Debug)]
pub struct Outcome {
    /// The image, or why there is none.
    pub result: Result<Image, Error>,
    /// What could not be removed.
    pub remains: Vec<Remains>,
}

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

/// The service ends a build at its limit by itself; this long after it something is wrong.
const MARGIN: Duration = Duration::from_secs(20 * 60);
/// The package's link outlives the build's limit by this: provisioning comes before the limit begins to count.
const LINK_MARGIN: Duration = Duration::from_secs(60 * 60);
/// Storage refuses a link that begins in its future.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);
/// The agent grants 7.5 s after its first signal; the rest of them is for the report.
const CANCEL_BUDGET: Duration = Duration::from_secs(5);

/// Why something stays after a cancel.
const NOT_REMOVED_YET: &str = "the job was canceled before it was removed";

/// Builds the image of `plan`, unless `stop` comes first.
pub async fn build_image(
    plan: &Plan,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
) -> Outcome {
    let mut leftovers = Leftovers::none(events);
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        result = build(plan, arm, events, &mut leftovers) => result,
    };
    if matches!(result, Err(Error::Canceled)) {
        return canceled(arm, &leftovers, events).await;
    }
    if let Err(Error::Deadline { .. }) = &result {
        cancel_runs(arm, &leftovers, events).await;
    }
    if let Ok(image) = &result {
        events.emit(Event::Built(image.clone()));
    }
    keep_what_is_the_result(plan, &result, &mut leftovers);
    events.emit(Event::CleaningUp);
    let remains = tokio::select! {
        biased;
        () = stop.cancelled() => leftovers.all_remain(NOT_REMOVED_YET),
        remains = clean_up(arm, &mut leftovers, Budget::AFTER_BUILD) => remains,
    };
    Outcome { result, remains }
}

async fn build(
    plan: &Plan,
    arm: &Arm,
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<Image, Error> {
    arm.client
        .sign_in(&arm.scope)
        .await
        .map_err(Error::SignIn)?;
    let account = find_account(plan, arm).await?;
    let package = upload(plan, arm, &account, events, leftovers).await?;
    let template = compose(plan, &package);
    let source_version = submit::create_template(arm, plan, &template, events, leftovers).await?;
    let run = submit::start_run(arm, plan, events).await?;
    let end = follow(plan, arm, &run, events).await?;
    collect(plan, arm, end, source_version).await
}

async fn find_account(plan: &Plan, arm: &Arm) -> Result<StorageAccount, Error> {
    let package = &plan.package;
    let subscription = &plan.connection.subscription;
    let resource_manager = &plan.connection.cloud.resource_manager;
    let found = storage::find_account(
        &arm.client,
        resource_manager,
        &arm.scope,
        subscription,
        &plan.resource_group,
        &package.storage_account,
    );
    Ok(found.await?)
}

/// Brings the package to storage, and makes the link that the build VM reads it by.
async fn upload(
    plan: &Plan,
    arm: &Arm,
    account: &StorageAccount,
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<PackageLink, Error> {
    let source = PackageSource {
        folder: plan.package.folder.clone(),
        format: format(plan.package.format),
        container: CONTAINER.to_owned(),
        blob_name: plan.package.blob_name.clone(),
    };
    let blob = account.blob(CONTAINER, &plan.package.blob_name);
    let leftover = Leftover::Blob(Box::new(blob.clone()));
    leftovers.register(leftover.clone());
    events.emit(Event::Packing {
        folder: source.folder.display().to_string(),
        blob: format!("{CONTAINER}/{}", plan.package.blob_name),
    });
    let sent = match storage::upload(&arm.client, account, &source).await {
        Ok(sent) => sent,
        Err(failure) => {
            if failure.means_somebody_elses_blob() {
                leftovers.not_ours(&leftover);
            }
            return Err(failure.into());
        }
    };
    events.emit(Event::Packed {
        files: sent.archived.files,
        bytes_read: sent.archived.bytes_read,
        bytes_sent: sent.archived.bytes_written,
        elapsed: sent.elapsed,
    });
    let now = OffsetDateTime::now_utc();
    let until = now + plan.effective_build_timeout() + LINK_MARGIN;
    let link = storage::read_link(&arm.client, &blob, now - CLOCKS_DIFFER, until).await?;
    Ok(PackageLink { url: link.url })
}

fn format(format: ArchiveFormat) -> Format {
    match format {
        ArchiveFormat::TarGz => Format::TarGz,
        ArchiveFormat::Zip => Format::Zip,
    }
}

async fn follow(
    plan: &Plan,
    arm: &Arm,
    run: &Started,
    events: &dyn Events,
) -> Result<RunEnd, Error> {
    let limit = plan.effective_build_timeout() + MARGIN;
    let end = match watch(arm, &plan.template_id, run, limit, events).await {
        Ok(end) => end,
        Err(Unfollowed::Lost(failure)) => return Err(Error::Azure(failure)),
        Err(Unfollowed::TooLong { phase, .. }) => return Err(Error::Deadline { phase, limit }),
    };
    events.emit(Event::RunEnded {
        elapsed: end.elapsed,
    });
    match end.state {
        RunState::Failed => Err(Error::Run {
            phase: end.phase,
            elapsed: end.elapsed,
            message: end.message,
        }),
        RunState::Canceled => Err(Error::RunCanceled {
            phase: end.phase,
            elapsed: end.elapsed,
        }),
        RunState::Succeeded
        | RunState::PartiallySucceeded
        | RunState::Running
        | RunState::Canceling
        | RunState::Unknown(_) => Ok(end),
    }
}

/// The run output names the image: the gallery chose its number, so it cannot be guessed.
async fn collect(
    plan: &Plan,
    arm: &Arm,
    end: RunEnd,
    source_version: Option<String>,
) -> Result<Image, Error> {
    let run_output = plan.run_output_name();
    let no_image = || Error::NoImage {
        template: plan.template_name.clone(),
        run_output: run_output.to_owned(),
    };
    let output = match arm.run_output(&plan.template_id, run_output).await {
        Ok(output) => output,
        Err(_) if end.state == RunState::PartiallySucceeded => return Err(partly(end)),
        Err(failure) => return Err(failure.into()),
    };
    let uri = output
        .artifact_id
        .or(output.artifact_uri)
        .ok_or_else(no_image)?;
    let newest = arm.template(&plan.template_id).await.ok();
    let newest = newest.and_then(|seen| seen.value.source_version);
    Ok(Image {
        uri,
        template_name: plan.template_name.clone(),
        template_id: plan.template_id.clone(),
        platform_image: platform_image(&plan.source, newest.or(source_version)),
    })
}

/// The marketplace image with the number that Azure resolved.
fn platform_image(source: &Source, resolved: Option<String>) -> Option<PlatformImage> {
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
        Source::ManagedImage(_) | Source::GalleryVersion(_) => None,
    }
}

fn partly(end: RunEnd) -> Error {
    Error::Run {
        phase: end.phase,
        elapsed: end.elapsed,
        message: end.message,
    }
}

/// A VHD without an address of its own lies in the template's staging group and would go with the template.
fn keep_what_is_the_result(
    plan: &Plan,
    result: &Result<Image, Error>,
    leftovers: &mut Leftovers<'_>,
) {
    if result.is_ok() && matches!(plan.target, Target::Vhd) {
        leftovers.keep(&Leftover::template(&plan.template_id));
    }
}

async fn canceled(arm: &Arm, leftovers: &Leftovers<'_>, events: &dyn Events) -> Outcome {
    let sent = tokio::time::timeout(CANCEL_BUDGET, cancel_runs(arm, leftovers, events)).await;
    if sent.is_err() {
        events.emit(Event::NoNews {
            reason: "Azure has not confirmed the cancel yet".to_owned(),
        });
    }
    Outcome {
        result: Err(Error::Canceled),
        remains: leftovers.all_remain(NOT_REMOVED_YET),
    }
}
