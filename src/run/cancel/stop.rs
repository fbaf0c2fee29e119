//! Bringing a template to rest: its run is canceled, and what passes by itself is waited out.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use crate::arm::pace::Pace;
use crate::arm::template_state::{RunState, RunStatus, Template};
use crate::arm::{Arm, Failure};
use crate::error::Error;
use crate::resource::ResourceId;
use crate::run::event::{Event, Events};
use crate::run::find::FoundTemplate;
use crate::run::submit::PROVISIONING_LIMIT;
use crate::run::watch::LONGEST_SILENCE;

/// How long a cancel is followed.
const CANCELING_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How often a cancel is sent again while Azure refuses it and shows the run at work.
const CANCEL_AGAIN: Duration = Duration::from_secs(60);

/// What became of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// There was none.
    None,
    /// It was canceled, by us or before.
    Canceled,
    /// It had ended already, or ended before the cancel arrived.
    Over,
    /// It was still being canceled when we stopped waiting.
    Canceling,
    /// The run was left alone, and continues.
    Untouched,
}

/// What to do next, until nothing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextStep {
    /// It is being provisioned.
    Provisioning,
    /// It is being deleted.
    Deleting,
    /// Its run is at work.
    Cancel,
    /// Its run is being canceled.
    Canceling,
    /// Nothing goes on.
    AtRest,
}

/// What is next for `template`.
pub(super) fn next_step(template: &Template) -> NextStep {
    let state = template.provisioning_state.to_ascii_lowercase();
    let open = template.last_run.as_ref().filter(|run| !run.is_over());
    match (state.as_str(), open.map(|run| &run.state)) {
        ("deleting", _) => NextStep::Deleting,
        (_, Some(RunState::Canceling)) => NextStep::Canceling,
        (_, Some(_)) => NextStep::Cancel,
        ("creating" | "updating", None) => NextStep::Provisioning,
        (_, None) => NextStep::AtRest,
    }
}

/// Brings the template to rest. `None` where it went meanwhile.
pub(super) async fn stop(
    arm: &Arm,
    found: &mut FoundTemplate,
    events: &dyn Events,
) -> Result<Option<RunOutcome>, Error> {
    let (start, mut last_answer) = (Instant::now(), Instant::now());
    let mut pace = Pace::new(None);
    let mut canceling = Canceling::default();
    let mut reported = None;
    loop {
        report(&found.template, &mut reported, arm, events);
        match next_step(&found.template) {
            NextStep::AtRest => return Ok(Some(at_rest(&found.template, canceling.since))),
            NextStep::Provisioning | NextStep::Deleting if start.elapsed() > PROVISIONING_LIMIT => {
                return Err(never_at_rest(found));
            }
            NextStep::Cancel | NextStep::Canceling if canceling.takes_too_long() => {
                return Ok(Some(RunOutcome::Canceling));
            }
            NextStep::Provisioning | NextStep::Deleting | NextStep::Canceling => {}
            NextStep::Cancel => canceling.send(arm, &found.id, events).await?,
        }
        // What was refused has perhaps ended meanwhile: the next look tells, and comes at once.
        if !std::mem::take(&mut canceling.refused_just_now) {
            sleep(pace.pause()).await;
        }
        match read(arm, &found.id, &mut pace, &mut last_answer).await {
            Ok(Some(template)) => found.update(template),
            Ok(None) => {}
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// What has become of the run of a template at rest, which was seen at work `since` then.
fn at_rest(template: &Template, since: Option<Instant>) -> RunOutcome {
    match template.last_run.as_ref().map(|run| &run.state) {
        None => RunOutcome::None,
        Some(RunState::Canceled) if since.is_some() => RunOutcome::Canceled,
        Some(_) => RunOutcome::Over,
    }
}

fn never_at_rest(found: &FoundTemplate) -> Error {
    Error::Submission {
        template: found.id.name().to_owned(),
        code: "Timeout".to_owned(),
        message: format!(
            "it was '{}' for {} minutes",
            found.template.provisioning_state,
            PROVISIONING_LIMIT.as_secs() / 60
        ),
    }
}

/// The cancel of one run.
#[derive(Default)]
struct Canceling {
    /// Since when the run has been seen at work or being canceled.
    since: Option<Instant>,
    /// When a cancel was last sent.
    sent: Option<Instant>,
    /// Whether Azure has accepted it.
    accepted: bool,
    refused_just_now: bool,
}

impl Canceling {
    fn takes_too_long(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        since.elapsed() > CANCELING_LIMIT
    }

    /// Sends the cancel, and again after a while where Azure has refused it and still shows the run at work.
    async fn send(
        &mut self,
        arm: &Arm,
        id: &ResourceId,
        events: &dyn Events,
    ) -> Result<(), Failure> {
        let due = self.sent.is_none_or(|sent| sent.elapsed() >= CANCEL_AGAIN);
        if self.accepted || !due {
            return Ok(());
        }
        if self.sent.is_none() {
            events.emit(Event::Canceling);
        }
        self.sent = Some(Instant::now());
        self.accepted = send(arm, id).await?;
        self.refused_just_now = !self.accepted;
        Ok(())
    }
}

/// Whether Azure accepted the cancel. Refused because there is nothing to cancel, it is not.
async fn send(arm: &Arm, id: &ResourceId) -> Result<bool, Failure> {
    match arm.cancel_run(id).await {
        Ok(()) => Ok(true),
        Err(failure) => {
            let passes = [
                StatusCode::BAD_REQUEST,
                StatusCode::NOT_FOUND,
                StatusCode::METHOD_NOT_ALLOWED,
                StatusCode::CONFLICT,
            ];
            if passes.into_iter().any(|status| failure.is(status)) || failure.is_passing() {
                Ok(false)
            } else {
                Err(failure)
            }
        }
    }
}

/// What the template says now; `None` where Azure does not answer at the moment.
async fn read(
    arm: &Arm,
    id: &ResourceId,
    pace: &mut Pace,
    last_answer: &mut Instant,
) -> Result<Option<Template>, Failure> {
    match arm.template(id).await {
        Ok(seen) => {
            pace.asked(seen.pause);
            *last_answer = Instant::now();
            Ok(Some(seen.value))
        }
        Err(failure) if failure.is_final() || last_answer.elapsed() > LONGEST_SILENCE => {
            Err(failure)
        }
        Err(_) => {
            pace.asked(None);
            Ok(None)
        }
    }
}

/// One line for each change of the run.
fn report(
    template: &Template,
    reported: &mut Option<(RunState, Option<String>)>,
    arm: &Arm,
    events: &dyn Events,
) {
    let Some(RunStatus {
        state,
        sub_state,
        started,
        ..
    }) = &template.last_run
    else {
        return;
    };
    let now = (state.clone(), sub_state.clone());
    if reported.as_ref() == Some(&now) {
        return;
    }
    let elapsed = arm.client.azure_time().zip(*started);
    let elapsed = elapsed.map(|(now, started)| (now - started).try_into().unwrap_or_default());
    events.emit(Event::RunChanged {
        state: now.0.clone(),
        sub_state: now.1.clone(),
        elapsed: elapsed.unwrap_or_default(),
    });
    *reported = Some(now);
}
