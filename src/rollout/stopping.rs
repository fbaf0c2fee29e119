//! The end of a step that is stopped: because its job is canceled, or because the time to wait is over.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::{Job, NotRolledOut, Refused, State, replace, session_host_update};
use crate::inputs::manifest::WAIT_TIMEOUT_IN_MINUTES;
use crate::wording::duration;

/// Why a step is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The job was canceled.
    JobCanceled,
    /// The time to wait is over. Nothing is canceled then.
    TimeIsUp,
}

/// Code of "the roll-out has not ended in the time given".
const NOT_READY: &str = "AIB804";

impl Job<'_> {
    /// The step, until it ends or is stopped.
    pub(super) async fn until_stopped(
        &self,
        stop: &CancellationToken,
    ) -> Result<State, NotRolledOut> {
        let limit = self.request.wait_limit;
        let why = tokio::select! {
            biased;
            () = stop.cancelled() => Stopped::JobCanceled,
            result = Box::pin(self.carry_out()) => return result,
            () = time_is_up(limit) => Stopped::TimeIsUp,
        };
        let update = self.take_update();
        let deploys = self
            .going
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some();
        let left = if let Some(update) = update {
            session_host_update::stopped(self, &update, why).await
        } else if deploys {
            replace::stopped(self, why).await
        } else {
            Left {
                goes_on: false,
                what: "nothing goes on in Azure because of it".to_owned(),
            }
        };
        let goes_on = left.goes_on;
        self.emit(Event::Stopped { goes_on });
        if why == Stopped::JobCanceled {
            return Err(NotRolledOut::Canceled);
        }
        let what = left.what;
        let text = format!(
            "Rolling out to host pool '{}' did not end within {}: {what}",
            self.request.pool.name(),
            duration(limit.unwrap_or_default())
        );
        let hint = format!(
            "run the step again: it goes on where this one ended; or raise input '{}'",
            WAIT_TIMEOUT_IN_MINUTES.name
        );
        Err(NotRolledOut::NotReady(Box::new(Refused::new(
            NOT_READY, text, hint,
        ))))
    }
}

/// What becomes of that which goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Whether it goes on.
    pub goes_on: bool,
    /// A sentence without its end: `the session host update goes on: UpdatingSessionHosts, 3 of 8`.
    pub what: String,
}

async fn time_is_up(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}
