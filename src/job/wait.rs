//! `action: wait`, and `run`, which starts the run first.

use std::sync::Arc;

use super::connect;
use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Follow;
use crate::report::{Reporter, Subject};
use crate::run::{Outcome, Workplace, wait_for_image};

/// Follows the run that `follow` asks for.
pub(super) async fn wait(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    follow: &Follow,
    stop: &StopSignal,
) {
    let subject = Subject::from(follow);
    let reporter = Reporter::new(agent, Vec::new());
    reporter.announce_wait(follow);
    let folder = agent.environment().temp_directory();
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = connect(agent, http, &follow.connection) => arm,
    };
    let outcome = match arm {
        Ok(arm) => {
            let workplace = Workplace {
                arm: &arm,
                folder: &folder,
                events: &reporter,
            };
            let waiting = wait_for_image(follow, workplace, stop.requested());
            tokio::select! {
                biased;
                () = stop.at_once().cancelled() => reporter.abandoned(),
                outcome = Box::pin(waiting) => outcome,
            }
        }
        Err(error) => Outcome::failed(error),
    };
    reporter.finish(&subject, &outcome, &folder);
}
