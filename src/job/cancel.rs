//! Cancels a run, and removes its template and package.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Existing;
use crate::report::{self, Lines};
use crate::run::cancel::{Request, cancel as cancel_run};
use crate::run::find::TemplateRef;

/// `action: cancel`. `http` is the way to Azure, or why there is none.
///
/// Nothing is written into the note for the post-job stage: what this step leaves because it was stopped is there for another `cancel`.
pub(super) async fn cancel(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    asked: &Existing,
    stop: &StopSignal,
) {
    let console = agent.console();
    report::report_warnings(console, &asked.warnings);
    let lines = Lines::new(console);
    let canceling = async {
        let arm = super::connect(agent, http, &asked.connection).await?;
        let request = Request {
            group: &asked.group,
            template: TemplateRef::new(asked.template_name.as_deref(), &asked.origin.run),
            keep: asked.keep,
            preview: asked.preview,
        };
        cancel_run(&arm, request, &lines).await
    };
    let result = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        result = canceling => result,
    };
    let folder = agent.environment().temp_directory();
    report::report_cancel(console, asked, &result, &folder);
}
