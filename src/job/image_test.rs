//! `action: test`: boots an image, and runs checks in it.

use std::sync::Arc;

use super::clean_up::{self, Noted};
use super::{connect, doctor};
use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::image_test::{Lab, Outcome, test};
use crate::inputs::{ImageTest, Owner};
use crate::report::TestReporter;

/// The whole step. `http` is the way to Azure, or why there is none.
pub(super) async fn act(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    request: &ImageTest,
    stop: &StopSignal,
) {
    let owner = Owner::from(request);
    // `retryCountOnTaskFailure` starts the step again in the same job.
    let earlier = Noted::new(clean_up::of_earlier_attempt(agent), &owner);
    let reporter = TestReporter::new(agent, request, earlier.all());
    let folder = agent.environment().temp_directory();
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = connect(agent, http, &request.connection) => arm,
    };
    let (earlier, mut others) = earlier.apart();
    let outcome = match arm {
        Ok(arm) => {
            let lab = Lab {
                test: request,
                arm: &arm,
                folder: &folder,
                job: doctor::job(agent),
                events: &reporter,
                stop: stop.requested(),
            };
            tokio::select! {
                biased;
                () = stop.at_once().cancelled() => reporter.abandoned(),
                outcome = Box::pin(test(&lab, earlier)) => Outcome {
                    not_removed: outcome.not_removed.into_iter().chain(others.drain(..)).collect(),
                    ..outcome
                },
            }
        }
        Err(error) => Outcome::failed(error),
    };
    reporter.finish(&outcome, &folder);
}
