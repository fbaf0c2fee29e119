//! Looks through the versions of an image definition, and deletes, excludes or ends what need not stay.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Retain;
use crate::report::RetainReporter;
use crate::retain::{Outcome, retain as keep_the_right_ones};

/// `action: retain`. `http` is the way to Azure, or why there is none.
pub(super) async fn retain(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    retain: &Retain,
    stop: &StopSignal,
) {
    let reporter = RetainReporter::new(agent, retain);
    let mut outcome = Outcome::default();
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = super::connect(agent, http, &retain.connection) => arm,
    };
    match arm {
        Err(error) => outcome.error = Some(error),
        Ok(arm) => {
            let done = tokio::select! {
                biased;
                () = stop.at_once().cancelled() => false,
                () = keep_the_right_ones(retain, &arm, &reporter, stop.requested(), &mut outcome) => true,
            };
            if !done {
                outcome.abandon();
            }
        }
    }
    reporter.finish(&outcome, &agent.environment().temp_directory());
}
