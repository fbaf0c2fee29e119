//! Deletes what dead jobs left.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Sweep;
use crate::report::{self, Lines};
use crate::run::sweep::{Request, Swept, sweep as sweep_group};

/// `action: sweep`. `http` is the way to Azure, or why there is none.
pub(super) async fn sweep(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    asked: &Sweep,
    stop: &StopSignal,
) {
    let console = agent.console();
    report::report_warnings(console, &asked.warnings);
    let lines = Lines::new(console);
    let mut swept = Swept::default();
    let sweeping = async {
        let arm = super::connect(agent, http, &asked.connection).await?;
        let request = Request {
            group: &asked.group,
            older_than: asked.older_than,
            account: asked.storage_account.as_deref(),
            preview: asked.preview,
        };
        sweep_group(&arm, request, &lines, &mut swept).await
    };
    let result = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        result = sweeping => result,
    };
    let folder = agent.environment().temp_directory();
    report::report_sweep(console, asked, (&swept, result.as_ref().err()), &folder);
}
