//! From a run that is on to its image: what comes after the start, whoever has started it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::aids::contents::{self, ContentsReaders};
use super::aids::log_file::{self, Logs};
use super::aids::{failed_script, live_log, replication};
use super::build_template::BuildTemplate;
use super::collect;
use super::context::Context;
use super::event::{Event, Events};
use super::image::Image;
use super::outcome::TestRun;
use super::watch::{RunEnd, WatchError, WatchedRun, watch};
use crate::arm::operation::Started;
use crate::arm::template_state::{RunState, RunStatus};
use crate::diagnosis::{Explanation, LogSummary};
use crate::error::Error;
use crate::inventory::Reader;

/// The service ends a build at its limit by itself. A run that is on this long after its limit is canceled.
const MARGIN: Duration = Duration::from_secs(20 * 60);

/// A run that has begun.
pub(super) enum Run {
    /// It is on.
    Active(ActiveRun),
    /// It has ended.
    Ended(RunEnd),
}

/// A run that is on, and how long it is waited for.
pub(super) struct ActiveRun {
    /// Where to ask for its operation, if this step has started it.
    pub(super) started: Started,
    /// When it began, by Azure's clock.
    pub(super) began: Option<OffsetDateTime>,
    /// When the run before it began.
    pub(super) previous_began: Option<OffsetDateTime>,
    /// How long it has been on.
    pub(super) age: Duration,
    /// Until when it is waited for; without it, until the service must have ended the run.
    pub(super) until: Option<Instant>,
    /// What comes of it when it does not end in time.
    pub(super) on_timeout: OnTimeout,
}

/// What comes of a run that does not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnTimeout {
    /// It is canceled.
    Cancel,
    /// Everything stays as it is.
    Leave,
}

impl ActiveRun {
    /// A run that this step has just started, at `now` by Azure's clock.
    pub(super) fn started(started: Started, now: Option<OffsetDateTime>) -> Self {
        Self {
            started,
            began: now,
            previous_began: None,
            age: Duration::ZERO,
            until: None,
            on_timeout: OnTimeout::Cancel,
        }
    }

    /// A run that was on already, with what is known of it `now` by Azure's clock.
    pub(super) fn found(run: Option<&RunStatus>, now: Option<OffsetDateTime>) -> Self {
        let began = run.and_then(|run| run.started);
        Self {
            began,
            age: age(began, now),
            ..Self::started(Started::elsewhere(), None)
        }
    }
}

/// How long ago `began` was.
pub(super) fn age(began: Option<OffsetDateTime>, now: Option<OffsetDateTime>) -> Duration {
    let age = began.zip(now).map(|(began, now)| now - began);
    age.and_then(|age| age.try_into().ok()).unwrap_or_default()
}

/// Follows `run` to its end, and collects what it leaves.
pub(super) async fn follow_and_collect(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    run: &ActiveRun,
) -> Result<Image, Error> {
    let seen = Mutex::default();
    let end = follow_and_show(context, template, run, &seen).await?;
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    collect_with_contents(context, template, end, seen).await
}

/// Follows `run` to its end.
pub(super) async fn follow_to_end(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    run: &ActiveRun,
) -> Result<RunEnd, Error> {
    follow_and_show(context, template, run, &Mutex::default()).await
}

/// Follows `run` to its end, and shows what it does meanwhile. What is seen of the image's contents goes to `seen`.
async fn follow_and_show(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    run: &ActiveRun,
    seen: &Mutex<Reader>,
) -> Result<RunEnd, Error> {
    let Context { arm, events, .. } = *context;
    let targets = template.targets();
    let customizers = template.customizers();
    let group = template.staging_group.as_ref();
    let shown = group.filter(|_| template.stream_logs);
    let phase = replication::Phase::new(events);
    tokio::select! {
        biased;
        end = follow(context, template, run, &phase) => end,
        never = live_log::stream(arm, shown, &customizers, events, seen) => match never {},
        never = replication::follow(arm, &targets, &phase) => match never {},
    }
}

async fn follow(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    run: &ActiveRun,
    events: &dyn Events,
) -> Result<RunEnd, Error> {
    let whole = template.build_timeout() + MARGIN;
    let limit = match run.until {
        Some(until) => until.saturating_duration_since(Instant::now()),
        None => whole.saturating_sub(run.age),
    };
    let watched = WatchedRun {
        started: &run.started,
        previous_began: run.previous_began,
        age: run.age,
        limit,
    };
    let end = match watch(context.arm, &template.id, watched, events).await {
        Ok(end) => end,
        Err(WatchError::Lost(failure)) => return Err(Error::Azure(failure)),
        Err(WatchError::Gone(failure)) => return Err(Error::Gone(failure)),
        Err(WatchError::TooLong { phase, elapsed }) => {
            return Err(match (run.until, run.on_timeout) {
                (None, OnTimeout::Cancel) => Error::Deadline {
                    phase,
                    limit: whole,
                },
                _ => Error::NotReady {
                    template: template.name().to_owned(),
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

/// What a run left that has ended: its log, and its image or why there is none.
pub(super) async fn collect_image(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    end: RunEnd,
) -> Result<Image, Error> {
    collect_with_contents(context, template, end, Reader::default()).await
}

/// As [`collect_image`]; `seen` is what was seen of the image's contents while the run was on.
async fn collect_with_contents(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    end: RunEnd,
    seen: Reader,
) -> Result<Image, Error> {
    let Context {
        arm, events, state, ..
    } = *context;
    state.run_ended(end.kept);
    if end.state == RunState::Failed {
        if end.phase.as_deref() == Some("Distributing") {
            // Replication goes on after the service has given up waiting for it.
            replication::report(arm, &template.targets(), events).await;
        }
        if may_have_distributed(&end, template) {
            collect::report_distributed(context, template).await;
        }
    }
    let logs = log_file::fetch(context, template, &end.message).await;
    let end = check_end(end, template, logs.as_ref().and_then(Logs::decisive))?;
    let ended = end.ended;
    let mut image = collect::image(context, template, end).await?;
    if template.lists_contents() {
        let saved = logs.map(|logs| logs.contents);
        let readers = ContentsReaders { saved, seen };
        image.contents = contents::publish(context, template, &image, readers, ended).await;
    }
    Ok(image)
}

/// What the run of a test left that has ended: its logs. They go with the template.
pub(super) async fn collect_test(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    end: RunEnd,
) -> Result<TestRun, Error> {
    context.state.run_ended(end.kept);
    let logs = log_file::fetch(context, template, &end.message).await;
    if end.state == RunState::Canceled {
        return Err(Error::RunCanceled {
            phase: end.phase,
            elapsed: end.elapsed,
        });
    }
    let decisive = logs.as_ref().and_then(Logs::of_validators);
    let explanation = (end.state == RunState::Failed).then(|| explain(&end, template, decisive));
    Ok(TestRun {
        logs,
        explanation,
        validators: template.customizers(),
        end,
    })
}

/// A run fails as a whole when one of its targets does, and when an image fails its validation that is to be distributed all the same
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-validate>).
fn may_have_distributed(end: &RunEnd, template: &BuildTemplate<'_>) -> bool {
    let validate = template.definition.properties.validate.as_ref();
    let all_the_same = validate.and_then(|it| it.continue_distribute_on_failure);
    // The last phase may have been too short to be seen.
    end.phase.as_deref() == Some("Distributing")
        || end.message.to_lowercase().contains("distribut")
        || all_the_same == Some(true)
}

/// A run that ended without an image is an error, explained by what it said and by its log.
fn check_end(
    end: RunEnd,
    template: &BuildTemplate<'_>,
    log: Option<&LogSummary>,
) -> Result<RunEnd, Error> {
    match end.state {
        RunState::Failed => Err(Error::Run {
            explanation: explain(&end, template, log),
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

fn explain(
    end: &RunEnd,
    template: &BuildTemplate<'_>,
    log: Option<&LogSummary>,
) -> Box<Explanation> {
    let mut explanation = Explanation::of(&end.message, log, &template.customizers());
    explanation.script = failed_script::failed_in(template, &explanation);
    Box::new(explanation)
}
