//! `action: build`, and `submit`, which ends as soon as the run has begun.

use std::sync::Arc;

use super::clean_up::{self, Noted};
use super::{connect, doctor};
use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::{Owner, Plan};
use crate::report::{Reporter, Subject};
use crate::run::{Outcome, Workplace, build_image};

/// Builds the image of `plan`, or starts to.
pub(super) async fn build(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    plan: &Plan,
    stop: &StopSignal,
) {
    let owner = Owner::from(plan);
    // `retryCountOnTaskFailure` starts the step again in the same job.
    let earlier = Noted::new(clean_up::of_earlier_attempt(agent), &owner);
    let reporter = Reporter::new(agent, earlier.all());
    reporter.announce(plan);
    let folder = agent.environment().temp_directory();
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = connect(agent, http, &plan.connection) => arm,
    };
    let (earlier, mut others) = earlier.apart();
    let outcome = match arm {
        Ok(arm) => {
            let workplace = Workplace {
                arm: &arm,
                folder: &folder,
                events: &reporter,
            };
            let job = doctor::job(agent);
            let building = build_image(plan, job, workplace, stop.requested(), earlier);
            tokio::select! {
                biased;
                () = stop.at_once().cancelled() => reporter.abandoned(),
                outcome = Box::pin(building) => Outcome {
                    not_removed: outcome.not_removed.into_iter().chain(others.drain(..)).collect(),
                    ..outcome
                },
            }
        }
        Err(error) => Outcome::failed(error),
    };
    reporter.finish(&Subject::from(plan), &outcome, &folder);
}
