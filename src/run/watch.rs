//! Watching a run to its end.
//!
//! Two sources tell of it: the run's operation, and `lastRunStatus` of the template. They end up to 65 s apart (recorded in 2025), and only
//! the second one has the states between. So both are asked, and the end is when both have come to it or one has been silent for too long.

use std::time::Duration;

use http::StatusCode;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::event::{Event, Events};
use super::template_tags::TemplateTags;
use crate::arm::Arm;
use crate::arm::Failure;
use crate::arm::operation::{Started, Status};
use crate::arm::pace::{Pace, READ_AFTER_WRITE};
use crate::arm::template_state::{RunState, RunStatus};
use crate::resource::ResourceId;
use crate::secret::Secret;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// What the template said last.
    pub state: RunState,
    /// The phase in which it ended, as far as it was seen.
    pub phase: Option<String>,
    /// Azure's text about it.
    pub message: String,
    /// When it was started, by Azure's clock.
    pub started: Option<OffsetDateTime>,
    /// When it ended, by Azure's clock.
    pub ended: Option<OffsetDateTime>,
    /// Since the run was started.
    pub elapsed: Duration,
    /// Whether a tag of the template says that it stays, as far as it was seen.
    pub kept: bool,
}

impl RunEnd {
    /// The end of a run that was over when it was first seen.
    pub(super) fn of(run: RunStatus, kept: bool) -> Self {
        let (started, ended) = (run.started, run.ended);
        let elapsed = started.zip(ended).map(|(from, to)| to - from);
        Self {
            state: run.state,
            phase: None,
            message: run.message,
            started,
            ended,
            elapsed: elapsed
                .and_then(|it| it.try_into().ok())
                .unwrap_or_default(),
            kept,
        }
    }

    /// The event for a run that was over when it was first seen.
    pub(super) fn as_event(&self) -> Event {
        Event::RunChanged {
            state: self.state.clone(),
            sub_state: None,
            elapsed: self.elapsed,
        }
    }
}

/// A run that is watched, since when, and how long.
#[derive(Debug, Clone, Copy)]
pub struct WatchedRun<'a> {
    /// Where to ask for the operation, if this step has started the run.
    pub started: &'a Started,
    /// When the run before this one began: as long as the template shows that one, this one does not show yet.
    pub previous_began: Option<OffsetDateTime>,
    /// How long the run has been on.
    pub age: Duration,
    /// How long it is watched from now on.
    pub limit: Duration,
}

/// Why a run could not be watched to its end.
#[derive(Debug)]
pub enum WatchError {
    /// Azure did not answer for a quarter of an hour, or will not answer at all.
    Lost(Failure),
    /// The template is gone.
    Gone(Failure),
    /// The run went on past the limit.
    TooLong {
        /// The phase in which it was.
        phase: Option<String>,
        /// Since the run was started.
        elapsed: Duration,
    },
}

/// How often the log says that something still goes on, so that nobody takes a silent log for a hung job.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(120);
/// When one source has ended, the other one gets this long.
const GRACE: Duration = Duration::from_secs(300);
/// Azure answers a question about a template badly now and then while its build goes on (danielsollondon/azvmimagebuilder#129).
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);

/// Watches a run until it ends, or the limit is over.
pub async fn watch(
    arm: &Arm,
    id: &ResourceId,
    watched: WatchedRun<'_>,
    events: &dyn Events,
) -> Result<RunEnd, WatchError> {
    let WatchedRun {
        started,
        previous_began,
        age,
        limit,
    } = watched;
    let mut run = Watch {
        arm,
        id,
        operation_address: started.operation.as_ref(),
        events,
        start: Instant::now(),
        previous_began,
        age,
        first: None,
        kept: false,
        last_answer: Instant::now(),
        trouble: None,
        missing: None,
        last_line: Instant::now(),
        last_reported: None,
        phase: None,
        status: None,
        operation: None,
        ended: None,
    };
    let mut pace = Pace::new(started.pause);
    // The template is asked first: it tells the phase.
    let mut operations_turn = true;
    loop {
        sleep(pace.pause()).await;
        operations_turn = !operations_turn;
        let asked = match run.ask(pace.is_asked(), operations_turn).await {
            Ok(asked) => asked,
            Err(failure) if run.missing.is_some() => return Err(WatchError::Gone(failure)),
            Err(failure) => return Err(WatchError::Lost(failure)),
        };
        pace.asked(asked);
        run.report();
        if run.is_over() {
            return Ok(run.end());
        }
        if run.start.elapsed() > limit {
            return Err(WatchError::TooLong {
                elapsed: run.elapsed(),
                phase: run.phase,
            });
        }
    }
}

struct Watch<'a> {
    arm: &'a Arm,
    id: &'a ResourceId,
    /// Where to ask for the operation, until Azure refuses to tell.
    operation_address: Option<&'a Secret>,
    events: &'a dyn Events,
    start: Instant,
    /// When the run before this one began.
    previous_began: Option<OffsetDateTime>,
    /// How long the run had been on then.
    age: Duration,
    /// When the run began that was seen first.
    first: Option<OffsetDateTime>,
    /// Whether a tag of the template says that it stays.
    kept: bool,
    /// When Azure last answered.
    last_answer: Instant,
    /// Why the last question went without an answer.
    trouble: Option<String>,
    /// Since when Azure says that there is no such template.
    missing: Option<Instant>,
    /// When the last line was written.
    last_line: Instant,
    /// State and sub-state of the last line.
    last_reported: Option<(RunState, Option<String>)>,
    /// The last sub-state: the final states have none.
    phase: Option<String>,
    status: Option<RunStatus>,
    operation: Option<Status>,
    /// When the first of the two sources came to its end.
    ended: Option<Instant>,
}

impl Watch<'_> {
    /// Asks the sources that are not at their end. At our own pace they take turns, so that four questions a minute are not exceeded;
    /// at the server's pace both are asked. Returns the pause that the server wants.
    async fn ask(
        &mut self,
        both: bool,
        operations_turn: bool,
    ) -> Result<Option<Duration>, Failure> {
        let operation_open = self.operation_address.is_some()
            && !self.operation.as_ref().is_some_and(Status::is_end);
        let template_open = !self.status.as_ref().is_some_and(RunStatus::is_over);
        let mut pause = None;
        if operation_open && (both || operations_turn || !template_open) {
            pause = self.ask_operation().await?;
        }
        if template_open && (both || !operations_turn || !operation_open) {
            pause = self.ask_template().await?.or(pause);
        }
        Ok(pause)
    }

    async fn ask_operation(&mut self) -> Result<Option<Duration>, Failure> {
        let Some(address) = self.operation_address else {
            return Ok(None);
        };
        let doing = format!("Following the run of image template '{}'", self.id.name());
        match self.arm.operation(&doing, address).await {
            Ok(seen) => {
                self.note_answer();
                self.operation = Some(seen.value);
                Ok(seen.pause)
            }
            // The template alone tells enough.
            Err(failure) if failure.is_final() => {
                self.operation_address = None;
                Ok(None)
            }
            Err(failure) => self.tolerate(failure),
        }
    }

    async fn ask_template(&mut self) -> Result<Option<Duration>, Failure> {
        match self.arm.template(self.id).await {
            Ok(seen) => {
                self.note_answer();
                self.missing = None;
                self.kept = TemplateTags::read(&seen.value).keep;
                let run = seen.value.last_run;
                let is_this = |run: &RunStatus| {
                    self.previous_began.is_none() || run.started != self.previous_began
                };
                self.status = run.filter(is_this).or(self.status.take());
                self.note_another_run();
                Ok(seen.pause)
            }
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
                let since = *self.missing.get_or_insert_with(Instant::now);
                if since.elapsed() < READ_AFTER_WRITE {
                    return Ok(None);
                }
                Err(failure)
            }
            Err(failure) if failure.is_final() => Err(failure),
            Err(failure) => self.tolerate(failure),
        }
    }

    /// A trigger of Azure may start another run while this one is followed.
    fn note_another_run(&mut self) {
        let began = self.status.as_ref().and_then(|run| run.started);
        if let (Some(first), Some(began)) = (self.first, began)
            && first < began
        {
            self.events.emit(Event::AnotherRun);
            self.first = Some(began);
        }
        self.first = self.first.or(began);
    }

    fn elapsed(&self) -> Duration {
        self.age + self.start.elapsed()
    }

    fn note_answer(&mut self) {
        self.last_answer = Instant::now();
        self.trouble = None;
    }

    /// A request without an answer says nothing about the run. Only a long silence ends the step.
    fn tolerate(&mut self, failure: Failure) -> Result<Option<Duration>, Failure> {
        if self.last_answer.elapsed() > LONGEST_SILENCE {
            return Err(failure);
        }
        let reason = failure.to_string();
        if self.trouble.replace(reason.clone()).is_none() {
            self.last_line = Instant::now();
            self.events.emit(Event::NoAnswer { reason });
        }
        Ok(None)
    }

    /// One line for each change, and a heartbeat.
    fn report(&mut self) {
        let seen = self.status.as_ref();
        let now = seen.map(|run| (run.state.clone(), run.sub_state.clone()));
        let elapsed = self.elapsed();
        if let Some((state, sub_state)) = now.clone()
            && self.last_reported != now
        {
            if sub_state.is_some() {
                self.phase.clone_from(&sub_state);
            }
            self.events.emit(Event::RunChanged {
                state,
                sub_state,
                elapsed,
            });
            self.last_reported = now;
        } else if self.last_line.elapsed() >= HEARTBEAT {
            self.events.emit(self.heartbeat(elapsed));
        } else {
            return;
        }
        self.last_line = Instant::now();
    }

    /// What is known when nothing has changed for a while: only an answer tells that the run goes on.
    fn heartbeat(&self, elapsed: Duration) -> Event {
        let sub_state = self.status.as_ref().and_then(|run| run.sub_state.clone());
        match &self.trouble {
            _ if self.ended.is_some() => Event::EndUnconfirmed { elapsed },
            Some(reason) => Event::NoAnswer {
                reason: reason.clone(),
            },
            None => Event::StillRunning { sub_state, elapsed },
        }
    }

    fn is_over(&mut self) -> bool {
        let template_ended = self.status.as_ref().is_some_and(RunStatus::is_over);
        let operation_ended = self.operation.as_ref().is_some_and(Status::is_end);
        if !template_ended && !operation_ended {
            return false;
        }
        let ended = *self.ended.get_or_insert_with(Instant::now);
        let both = template_ended && (operation_ended || self.operation_address.is_none());
        both || ended.elapsed() > GRACE
    }

    /// The template's word counts, the operation's where the template has said nothing final. An operation's error counts always, but for a
    /// run of which the template says that it was canceled, or that it reached some of its targets.
    fn end(self) -> RunEnd {
        let elapsed = self.elapsed();
        let started = self.status.as_ref().and_then(|run| run.started);
        let ended = self.status.as_ref().and_then(|run| run.ended);
        let said = self.status.filter(RunStatus::is_over);
        let (said, mut message) = said
            .map(|run| (Some(run.state), run.message))
            .unwrap_or_default();
        let state = match self.operation {
            Some(Status::Failed {
                code,
                message: text,
            }) if said != Some(RunState::Canceled) => {
                if message.is_empty() {
                    message = format!("{code}: {text}");
                }
                match said {
                    Some(RunState::PartiallySucceeded) => RunState::PartiallySucceeded,
                    _ => RunState::Failed,
                }
            }
            Some(Status::Canceled) => said.unwrap_or(RunState::Canceled),
            Some(_) | None => said.unwrap_or(RunState::Succeeded),
        };
        RunEnd {
            state,
            phase: self.phase,
            message,
            started,
            ended,
            elapsed,
            kept: self.kept,
        }
    }
}
