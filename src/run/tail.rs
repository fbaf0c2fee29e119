//! From a run that is on to its image: what comes after the start, whoever has started it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::contents::Lists;
use super::course::Course;
use super::event::{Event, Events};
use super::followed::Followed;
use super::image::Image;
use super::log_file::Logs;
use super::watch::{Following, RunEnd, Unfollowed, watch};
use super::{contents, image, live_log, log_file, replication, script};
use crate::arm::Arm;
use crate::arm::operation::Started;
use crate::arm::template_state::RunState;
use crate::diagnosis::{Customizer, Explanation, LogSummary};
use crate::error::Error;
use crate::inputs::Contents;
use crate::inventory::Reader;

/// The service ends a build at its limit by itself; this long after it something is wrong.
const MARGIN: Duration = Duration::from_secs(20 * 60);

/// Where a run is followed, and who listens.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) arm: &'a Arm,
    /// Where files for the job's log go.
    pub(super) folder: &'a Path,
    pub(super) events: &'a dyn Events,
    pub(super) course: &'a Course,
    /// How the list of the image's contents is kept and compared.
    pub(super) contents: &'a Contents,
    /// The storage account of the lists.
    pub(super) storage_account: Option<&'a str>,
}

/// A run that is on, and how long it is waited for.
pub(super) struct Run {
    /// Where to ask for its operation, if this step has started it.
    pub(super) started: Started,
    /// When the run before it began.
    pub(super) before: Option<OffsetDateTime>,
    /// How long it has been on.
    pub(super) already: Duration,
    /// Until when it is waited for; without it until the service has certainly given it up.
    pub(super) until: Option<Instant>,
    /// What comes of it when it does not end in time.
    pub(super) late: Late,
}

/// What comes of a run that does not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// It is canceled.
    Cancel,
    /// Everything stays as it is.
    Leave,
}

/// What this step has just started.
impl From<Started> for Run {
    fn from(started: Started) -> Self {
        Self {
            started,
            before: None,
            already: Duration::ZERO,
            until: None,
            late: Late::Cancel,
        }
    }
}

/// A run of a test that has ended by itself, and all that it tells. Whether the test was passed is for others to say.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How it ended; never canceled.
    pub end: RunEnd,
    /// What its logs say, if they can be read.
    pub logs: Option<Logs>,
    /// Of a run that failed, what is known of the reason.
    pub explanation: Option<Box<Explanation>>,
    /// The validators in their order.
    pub validators: Vec<Customizer>,
}

/// Follows `run`, and collects what it leaves.
pub(super) async fn to_its_end(
    place: &Place<'_>,
    followed: &Followed<'_>,
    run: &Run,
) -> Result<Image, Error> {
    let seen = Mutex::default();
    let end = watched(place, followed, run, &seen).await?;
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    collected(place, followed, end, seen).await
}

/// Follows `run` to its end.
pub(super) async fn over(
    place: &Place<'_>,
    followed: &Followed<'_>,
    run: &Run,
) -> Result<RunEnd, Error> {
    watched(place, followed, run, &Mutex::default()).await
}

/// As [`over`]; what is seen of the image's contents goes to `seen`.
async fn watched(
    place: &Place<'_>,
    followed: &Followed<'_>,
    run: &Run,
    seen: &Mutex<Reader>,
) -> Result<RunEnd, Error> {
    let Place { arm, events, .. } = *place;
    let targets = followed.targets();
    let customizers = followed.customizers();
    let group = followed.staging_group.as_ref();
    let shown = group.filter(|_| followed.stream_logs);
    let phase = replication::Phase::new(events);
    tokio::select! {
        biased;
        end = follow(place, followed, run, &phase) => end,
        never = live_log::stream(arm, shown, &customizers, events, seen) => match never {},
        never = replication::follow(arm, &targets, &phase) => match never {},
    }
}

/// What the run of a test left that has ended: its logs. They go with the template.
pub(super) async fn tested(
    place: &Place<'_>,
    followed: &Followed<'_>,
    end: RunEnd,
) -> Result<Ran, Error> {
    let Place {
        arm,
        folder,
        events,
        course,
        ..
    } = *place;
    course.ended(end.kept);
    let logs = log_file::fetch(arm, followed, &end.message, folder, events).await;
    if end.state == RunState::Canceled {
        return Err(Error::RunCanceled {
            phase: end.phase,
            elapsed: end.elapsed,
        });
    }
    let decisive = logs.as_ref().and_then(Logs::of_validators);
    let explanation = (end.state == RunState::Failed).then(|| explained(&end, followed, decisive));
    Ok(Ran {
        logs,
        explanation,
        validators: followed.customizers(),
        end,
    })
}

/// What a run left that has ended: its log, and its image or why there is none.
pub(super) async fn ended(
    place: &Place<'_>,
    followed: &Followed<'_>,
    end: RunEnd,
) -> Result<Image, Error> {
    collected(place, followed, end, Reader::default()).await
}

/// As [`ended`]; `seen` is what was seen of the image's contents while the run was on.
async fn collected(
    place: &Place<'_>,
    followed: &Followed<'_>,
    end: RunEnd,
    seen: Reader,
) -> Result<Image, Error> {
    let Place {
        arm,
        folder,
        events,
        course,
        ..
    } = *place;
    course.ended(end.kept);
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
    let end = judged(end, followed, log.as_ref().and_then(Logs::decisive))?;
    let ended = end.ended;
    let mut image = image::collect(followed, arm, end, events).await?;
    if followed.lists_contents() {
        let saved = log.map(|log| log.contents);
        let lists = Lists { saved, seen };
        image.contents = contents::note(place, followed, &image, lists, ended).await;
    }
    Ok(image)
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
    place: &Place<'_>,
    followed: &Followed<'_>,
    run: &Run,
    events: &dyn Events,
) -> Result<RunEnd, Error> {
    let whole = followed.build_timeout() + MARGIN;
    let limit = match run.until {
        Some(until) => until.saturating_duration_since(Instant::now()),
        None => whole.saturating_sub(run.already),
    };
    let following = Following {
        started: &run.started,
        before: run.before,
        already: run.already,
        limit,
    };
    let end = match watch(place.arm, &followed.id, following, events).await {
        Ok(end) => end,
        Err(Unfollowed::Lost(failure)) => return Err(Error::Azure(failure)),
        Err(Unfollowed::Gone(failure)) => return Err(Error::Gone(failure)),
        Err(Unfollowed::TooLong { phase, elapsed }) => {
            return Err(match (run.until, run.late) {
                (None, Late::Cancel) => Error::Deadline {
                    phase,
                    limit: whole,
                },
                _ => Error::NotReady {
                    template: followed.name().to_owned(),
                    phase,
                    elapsed,
                },
            });
        }
    };
    events.emit(Event::RunEnded {
        elapsed: end.elapsed,
    });
    Ok(end)
}

/// A run that ended without an image is an error, explained by what it said and by its log.
fn judged(end: RunEnd, followed: &Followed<'_>, log: Option<&LogSummary>) -> Result<RunEnd, Error> {
    match end.state {
        RunState::Failed => Err(Error::Run {
            explanation: explained(&end, followed, log),
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

fn explained(end: &RunEnd, followed: &Followed<'_>, log: Option<&LogSummary>) -> Box<Explanation> {
    let mut explanation = Explanation::of(&end.message, log, &followed.customizers());
    explanation.script = script::failed_in(followed, &explanation);
    Box::new(explanation)
}
