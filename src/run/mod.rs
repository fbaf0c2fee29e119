//! The story of a build: from a plan to an image, leaving nothing behind.

pub mod clean_up;
mod distribution;
pub mod event;
pub mod find;
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
pub mod tie;
mod unchanged;
pub mod watch;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::arm::Arm;
use crate::arm::operation::Started;
use crate::arm::template_state::RunState;
use crate::check::{Finding, Job, foreseen};
use crate::diagnosis::{Customizer, Explanation, LogSummary};
use crate::error::Error;
use crate::inputs::{Owner, Plan};
use crate::template::model::ImageTemplate;
use clean_up::{Budget, cancel_runs, clean_up};
use distribution::distributions_of;
pub use distribution::{Distribution, Output};
use event::{Event, Events};
pub use image::{Caveat, Image, PlatformImage};
use leftover::{Leftover, Leftovers, Remains};
use prepare::{Prepared, look_around, prepare};
use unchanged::Look;
use watch::{RunEnd, Unfollowed, watch};

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

/// The service ends a build at its limit by itself; this long after it something is wrong.
const MARGIN: Duration = Duration::from_secs(20 * 60);
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
    let group = provisioned.staging_group.as_ref();
    let customizers = customizers_of(&template);
    let targets = distributions_of(&template.properties);
    let shown = group.filter(|_| plan.stream_logs);
    let phase = replication::Phase::new(events);
    let end = tokio::select! {
        biased;
        end = follow(plan, arm, &run, &phase) => end?,
        never = live_log::stream(arm, shown, &customizers, events) => match never {},
        never = replication::follow(arm, &targets, &phase) => match never {},
    };
    if end.state == RunState::Failed {
        if end.phase.as_deref() == Some("Distributing") {
            // Replication goes on after the service has given up waiting for it.
            replication::tell(arm, &targets, events).await;
        }
        if may_have_distributed(&end, &template) {
            image::tell(plan, arm, &targets, events).await;
        }
    }
    let log = log_file::fetch(
        arm,
        plan,
        (group, &customizers),
        &end.message,
        folder,
        events,
    )
    .await;
    let end = judged(end, plan, &template, log.as_ref())?;
    let finished = image::Finished {
        end,
        targets: &targets,
        staging_group: group,
        source_version: provisioned.source_version.clone(),
        package: package.as_deref(),
    };
    image::collect(plan, arm, finished, events).await
}

/// A run fails as a whole when one of its targets does, and when an image fails its validation that is to be distributed all the same
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-validate>).
fn may_have_distributed(end: &RunEnd, template: &ImageTemplate) -> bool {
    let validate = template.properties.validate.as_ref();
    let all_the_same = validate.and_then(|it| it.continue_distribute_on_failure);
    // The last phase may have been too short to be seen.
    end.phase.as_deref() == Some("Distributing")
        || end.message.to_lowercase().contains("distribut")
        || all_the_same == Some(true)
}

/// The customizers of a template in their order.
fn customizers_of(template: &ImageTemplate) -> Vec<Customizer> {
    let customizers = template.properties.customizers().iter();
    customizers
        .map(|customizer| Customizer {
            kind: customizer.kind().to_owned(),
            name: customizer.name().to_owned(),
        })
        .collect()
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
    Ok(end)
}

/// A run that ended without an image is an error, explained by what it said and by its log.
fn judged(
    end: RunEnd,
    plan: &Plan,
    template: &ImageTemplate,
    log: Option<&LogSummary>,
) -> Result<RunEnd, Error> {
    match end.state {
        RunState::Failed => {
            let mut explanation = Explanation::of(&end.message, log, &customizers_of(template));
            explanation.script = script::failed_in(plan, template, &explanation);
            Err(Error::Run {
                phase: end.phase,
                elapsed: end.elapsed,
                explanation: Box::new(explanation),
                message: end.message,
            })
        }
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
    let vm_stays = matches!(result, Err(Error::Run { .. })) && plan.keeps_vm_after_error();
    if vm_stays || (holds_vhd && plan.result_lies_with_template()) {
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
