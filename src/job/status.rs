//! Looks at a run once.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Existing;
use crate::report;
use crate::run::find::TemplateRef;
use crate::run::status::read_status;

/// `action: status`. `http` is the way to Azure, or why there is none.
pub(super) async fn status(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    asked: &Existing,
    stop: &StopSignal,
) {
    let console = agent.console();
    report::report_warnings(console, &asked.warnings);
    let looking = async {
        let arm = super::connect(agent, http, &asked.connection).await?;
        let wanted = TemplateRef::new(asked.template_name.as_deref(), &asked.origin.run);
        read_status(&arm, &asked.group, wanted).await
    };
    let result = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        result = looking => result,
    };
    let folder = agent.environment().temp_directory();
    report::report_status(console, asked, &result, &folder);
}
