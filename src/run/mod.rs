//! The story of a build: from a plan to an image, leaving nothing behind.

pub mod clean_up;
mod distribution;
pub mod event;
pub mod find;
mod followed;
mod image;
pub mod leftover;
mod live_log;
mod log_access;
mod log_file;
pub mod marks;
mod outputs;
mod package;
mod prepare;
mod proof;
pub mod provenance;
mod replication;
mod script;
pub mod start;
pub mod submit;
mod tail;
pub mod tie;
mod unchanged;
pub mod watch;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::arm::Arm;
use crate::check::{Finding, Job, foreseen};
use crate::error::Error;
use crate::inputs::{Owner, Plan};
use clean_up::{Budget, cancel_runs, clean_up};
pub use distribution::{Distribution, Output};
use event::{Event, Events};
use followed::Followed;
pub use image::{Caveat, Image, PlatformImage};
use leftover::{Leftover, Leftovers, Remains};
use prepare::{Prepared, look_around, prepare};
use unchanged::Look;

/// What a build came to.
#[derive(Debug)]
pub struct Outcome {
    /// The image, or why there is none.
    pub result: Result<Image, Error>,
    /// What could not be removed.
    pub remains: Vec<Remains>,
    /// What was warned of before the build, and may be why it failed.
    pub foreseen: Vec<Finding>,
}

/// Where a build runs.
#[derive(Debug, Clone, Copy)]
pub struct Workplace<'a> {
    /// Where files for the job's log go.
    pub folder: &'a Path,
    /// What the job tells of itself.
    pub job: Job,
}

/// The agent grants 7.5 s after its first signal; the rest of them is for the report.
const CANCEL_BUDGET: Duration = Duration::from_secs(5);

/// Why something stays after a cancel.
pub const NOT_REMOVED_YET: &str = "the job was canceled before it was removed";

/// Builds the image of `plan`, unless `stop` comes first.
pub async fn build_image(
    plan: &Plan,
    arm: &Arm,
    workplace: Workplace<'_>,
    events: &dyn Events,
    stop: &CancellationToken,
) -> Outcome {
    let mut leftovers = Leftovers::none(events);
    let mut suspected = Vec::new();
    let building = build(plan, arm, workplace, events, &mut leftovers, &mut suspected);
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        result = Box::pin(building) => result,
    };
    if matches!(result, Err(Error::Canceled)) {
        return canceled(arm, &leftovers, events).await;
    }
    if let Err(Error::Deadline { .. }) = &result {
        cancel_runs(arm, &leftovers, events).await;
    }
    if let Ok(image) = &result {
        events.emit(Event::Built(Box::new(image.clone())));
    }
    keep_what_is_the_result(plan, &result, &mut leftovers);
    if !leftovers.all().is_empty() {
        events.emit(Event::CleaningUp);
    }
    let owner = Owner::from(plan);
    let remains = tokio::select! {
        biased;
        () = stop.cancelled() => leftovers.all_remain(NOT_REMOVED_YET),
        remains = clean_up(arm, &owner, &mut leftovers, Budget::AFTER_BUILD) => remains,
    };
    let foreseen = match &result {
        Err(error) => foreseen(&suspected, &error.said()),
        Ok(_) => Vec::new(),
    };
    Outcome {
        result,
        remains,
        foreseen,
    }
}

async fn build(
    plan: &Plan,
    arm: &Arm,
    Workplace { folder, job }: Workplace<'_>,
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
    suspected: &mut Vec<Finding>,
) -> Result<Image, Error> {
    arm.client
        .sign_in(&arm.scope)
        .await
        .map_err(Error::SignIn)?;
    let content = package::content(plan).await?;
    let (plan, inputs) = if plan.skip_if_unchanged {
        match unchanged::look(plan, arm, content.as_ref(), events).await {
            Look::Unchanged(image) => return Ok(*image),
            Look::Build(pinned, inputs) => (Cow::Owned(*pinned), inputs),
        }
    } else {
        (Cow::Borrowed(plan), None)
    };
    let plan = plan.as_ref();
    let around = look_around(plan, arm, job, events, suspected).await?;
    let Prepared { template, package } =
        prepare(plan, arm, around, (content, inputs), events, leftovers).await?;
    let provisioned = submit::create_template(arm, plan, &template, events, leftovers).await?;
    let run = start::start_run(arm, plan, &provisioned, events).await?;
    let followed = Followed::of_plan(plan, template, &provisioned, package);
    tail::to_its_end(arm, &followed, &run, folder, events).await
}

/// A VHD without an address of its own lies in the template's staging group and would go with the template, also when its run output could not
/// be read. So would a VM that is to be examined after a failure.
fn keep_what_is_the_result(
    plan: &Plan,
    result: &Result<Image, Error>,
    leftovers: &mut Leftovers<'_>,
) {
    let holds_vhd = result
        .as_ref()
        .is_ok_and(|image| image.outputs.iter().any(Output::is_vhd))
        || matches!(result, Err(Error::NoImage { .. }));
    let vm_stays =
        matches!(result, Err(Error::Run { .. })) && plan.properties.keeps_vm_after_error();
    if vm_stays || (holds_vhd && plan.properties.result_lies_with_template()) {
        leftovers.keep(&Leftover::template(&plan.template_id));
    }
}

async fn canceled(arm: &Arm, leftovers: &Leftovers<'_>, events: &dyn Events) -> Outcome {
    events.emit(Event::Canceling);
    let sent = tokio::time::timeout(CANCEL_BUDGET, cancel_runs(arm, leftovers, events)).await;
    if sent.is_err() {
        events.emit(Event::CancelNotConfirmed {
            reason: "Azure has not answered yet".to_owned(),
        });
    }
    Outcome {
        result: Err(Error::Canceled),
        remains: leftovers.all_remain(NOT_REMOVED_YET),
        foreseen: Vec::new(),
    }
}
