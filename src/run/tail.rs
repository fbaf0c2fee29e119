//! From a run that is on to its image: what comes after the start, whoever has started it.

use std::path::Path;
use std::time::Duration;

use super::event::{Event, Events};
use super::followed::Followed;
use super::image::Image;
use super::watch::{RunEnd, Unfollowed, watch};
use super::{image, live_log, log_file, replication, script};
use crate::arm::Arm;
use crate::arm::operation::Started;
use crate::arm::template_state::RunState;
use crate::diagnosis::{Explanation, LogSummary};
use crate::error::Error;

/// The service ends a build at its limit by itself; this long after it something is wrong.
const MARGIN: Duration = Duration::from_secs(20 * 60);

/// Follows the run that `started`, and collects what it leaves.
pub(super) async fn to_its_end(
    arm: &Arm,
    followed: &Followed<'_>,
    started: &Started,
    folder: &Path,
    events: &dyn Events,
) -> Result<Image, Error> {
    let targets = followed.targets();
    let customizers = followed.customizers();
    let group = followed.staging_group.as_ref();
    let shown = group.filter(|_| followed.stream_logs);
    let phase = replication::Phase::new(events);
    let end = tokio::select! {
        biased;
        end = follow(arm, followed, started, &phase) => end?,
        never = live_log::stream(arm, shown, &customizers, events) => match never {},
        never = replication::follow(arm, &targets, &phase) => match never {},
    };
    ended(arm, followed, end, folder, events).await
}

/// What a run left that has ended: its log, and its image or why there is none.
pub(super) async fn ended(
    arm: &Arm,
    followed: &Followed<'_>,
    end: RunEnd,
    folder: &Path,
    events: &dyn Events,
) -> Result<Image, Error> {
    if end.state == RunState::Failed {
        if end.phase.as_deref() == Some("Distributing") {
            // Replication goes on after the service has given up waiting for it.
            replication::tell(arm, &followed.targets(), events).await;
        }
        if may_have_distributed(&end, followed) {
            image::tell(followed, arm, events).await;
        }
    }
    let log = log_file::fetch(arm, followed, &end.message, folder, events).await;
    let end = judged(end, followed, log.as_ref())?;
    image::collect(followed, arm, end, events).await
}

/// A run fails as a whole when one of its targets does, and when an image fails its validation that is to be distributed all the same
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-validate>).
fn may_have_distributed(end: &RunEnd, followed: &Followed<'_>) -> bool {
    let validate = followed.template.properties.validate.as_ref();
    let all_the_same = validate.and_then(|it| it.continue_distribute_on_failure);
    // The last phase may have been too short to be seen.
    end.phase.as_deref() == Some("Distributing")
        || end.message.to_lowercase().contains("distribut")
        || all_the_same == Some(true)
}

async fn follow(
    arm: &Arm,
    followed: &Followed<'_>,
    run: &Started,
    events: &dyn Events,
) -> Result<RunEnd, Error> {
    let limit = followed.build_timeout() + MARGIN;
    let end = match watch(arm, &followed.id, run, limit, events).await {
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
fn judged(end: RunEnd, followed: &Followed<'_>, log: Option<&LogSummary>) -> Result<RunEnd, Error> {
    match end.state {
        RunState::Failed => {
            let mut explanation = Explanation::of(&end.message, log, &followed.customizers());
            explanation.script = script::failed_in(followed, &explanation);
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
