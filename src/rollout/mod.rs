//! Making a host pool serve an image: new sessions go to hosts of this image, and to no others.
//!
//! The same step goes forward and back. It reads everything first (`preflight`), chooses how (`method`), and each method reads again before it
//! changes something: a second attempt at a job goes on where the first one was lost.

mod codes;
mod doctor;
pub mod event;
mod existing;
pub mod faults;
mod fit;
mod health;
mod health_watch;
mod host;
mod method;
mod outcome;
mod own_deployments;
mod permissions;
mod preflight;
mod replace;
mod session_host_update;
mod sizing;
mod step;
mod stop;

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use doctor::doctor;
pub use host::Host;
pub use outcome::{NotRolledOut, Refused, RolloutState};

use crate::arm::Arm;
use crate::inputs::manifest::WAIT_TIMEOUT_IN_MINUTES;
use crate::inputs::{Rollout, RolloutMethod};
use crate::wording::duration;
use event::{Event, Events, Warning};
use preflight::Preflight;
use step::RolloutStep;
use stop::StopReason;

/// Makes the pool serve the image, unless `stop` comes first.
pub async fn roll_out(
    request: &Rollout,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
) -> Result<RolloutState, NotRolledOut> {
    let at_work = RolloutStep::new(request, arm, events);
    let result = at_work.until_stopped(stop).await;
    result.map_err(|not_rolled_out| permissions::explained(not_rolled_out, request))
}

impl RolloutStep<'_> {
    /// The step, until it ends or is stopped.
    async fn until_stopped(&self, stop: &CancellationToken) -> Result<RolloutState, NotRolledOut> {
        let limit = self.request.wait_limit;
        let why = tokio::select! {
            biased;
            () = stop.cancelled() => StopReason::JobCanceled,
            result = Box::pin(self.carry_out()) => return result,
            () = time_is_up(limit) => StopReason::TimeIsUp,
        };
        let after = self.stop(why).await;
        self.emit(Event::Stopped {
            state: after.state,
            what: after.what.clone(),
        });
        if why == StopReason::JobCanceled {
            return Err(NotRolledOut::Canceled);
        }
        let text = format!(
            "Rolling out to host pool '{}' did not end within {}: {}",
            self.request.pool.name(),
            duration(limit.unwrap_or_default()),
            after.what
        );
        let hint = format!(
            "run the step again: it continues where this one ended; or raise input '{}'",
            WAIT_TIMEOUT_IN_MINUTES.name
        );
        let refused = Refused::new(codes::NOT_READY, text, hint);
        Err(NotRolledOut::NotReady(Box::new(refused)))
    }

    async fn carry_out(&self) -> Result<RolloutState, NotRolledOut> {
        let result = self.by_method().await;
        if result.is_err() {
            self.list_at_end().await;
        }
        // Kept hosts are named after a failure, too.
        self.tell_kept();
        result
    }

    async fn by_method(&self) -> Result<RolloutState, NotRolledOut> {
        let found = self.preflight().await?;
        for warning in self.request.without_effect(found.method) {
            self.events.emit(Event::Warning(Warning {
                code: warning.code.as_str(),
                text: warning.text,
                hint: warning.hint,
            }));
        }
        if found.settled && !self.may_go_on(&found) {
            return Ok(self.nothing("every host that lets users in has the image, and is healthy"));
        }
        if self.request.preview {
            let lines = match found.method {
                RolloutMethod::SessionHostUpdate => {
                    Box::pin(session_host_update::plan(self, &found)).await?
                }
                RolloutMethod::Existing => existing::plan(self, &found)?,
                RolloutMethod::Replace => Box::pin(replace::plan(self, &found)).await?,
            };
            self.events.emit(Event::Plan(lines));
            return Ok(RolloutState::Nothing);
        }
        match found.method {
            RolloutMethod::SessionHostUpdate => {
                Box::pin(session_host_update::carry_out(self, found)).await
            }
            RolloutMethod::Existing => Box::pin(existing::carry_out(self, found)).await,
            RolloutMethod::Replace => Box::pin(replace::carry_out(self, found)).await,
        }
    }

    /// The old hosts that this roll-out or an earlier one has kept.
    fn tell_kept(&self) {
        let kept = self.kept_hosts();
        if !kept.is_empty() {
            self.emit(Event::Kept(kept));
        }
    }

    /// Whether there may be something to do although all hosts that let users in are as they should be.
    fn may_go_on(&self, found: &Preflight) -> bool {
        match found.method {
            RolloutMethod::SessionHostUpdate => true,
            RolloutMethod::Existing => false,
            RolloutMethod::Replace => found.own.has(&self.request.image),
        }
    }
}

async fn time_is_up(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}
