//! Reports which machines run which version of an image.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::fleet::{Outcome, report};
use crate::inputs::Fleet;
use crate::report::FleetReporter;

/// `action: report`. `http` is the way to Azure, or why there is none.
pub(super) async fn fleet(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    fleet: &Fleet,
    stop: &StopSignal,
) {
    let reporter = FleetReporter::new(agent, fleet);
    let mut outcome = Outcome::default();
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = super::connect(agent, http, &fleet.connection) => arm,
    };
    match arm {
        Err(error) => outcome.errors.push(error),
        Ok(arm) => report(fleet, &arm, &reporter, stop.requested(), &mut outcome).await,
    }
    reporter.finish(&outcome, &agent.environment().temp_directory());
}
