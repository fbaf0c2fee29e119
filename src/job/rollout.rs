//! Makes a host pool serve an image.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Rollout;
use crate::report::RolloutReporter;
use crate::rollout;

/// The whole step. `http` is the way to Azure, or why there is none.
pub(super) async fn act(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    request: &Rollout,
    stop: &StopSignal,
) {
    let reporter = RolloutReporter::new(agent.console(), request);
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = super::connect(agent, http, &request.connection) => arm,
    };
    let result = match arm {
        Ok(arm) => {
            let work = rollout::roll_out(request, &arm, &reporter, stop.requested());
            tokio::select! {
                biased;
                () = stop.at_once().cancelled() => Err(Error::Canceled),
                result = Box::pin(work) => result.map_err(Error::from),
            }
        }
        Err(error) => Err(error),
    };
    reporter.finish(&result, &agent.environment().temp_directory());
}
