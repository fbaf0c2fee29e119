//! Promotes an image version, or withdraws it.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Release;
use crate::release;
use crate::report::ReleaseReporter;

/// The whole step. `http` is the way to Azure, or why there is none.
pub(super) async fn act(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    request: &Release,
    stop: &StopSignal,
) {
    let reporter = ReleaseReporter::new(agent.console(), request);
    let work = async {
        let arm = super::connect(agent, http, &request.connection).await?;
        release::release(request, &arm, &reporter)
            .await
            .map_err(Error::from)
    };
    // What was asked for goes on in Azure; nothing has to be removed.
    let result = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        result = work => result,
    };
    reporter.finish(&result, &agent.environment().temp_directory());
}
