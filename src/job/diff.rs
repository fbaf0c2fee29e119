//! `action: diff`: what is different between two image versions.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal};
use crate::arm::Arm;
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::Diff;
use crate::inventory::{self, Account, Compared, Library, NotCompared, Now};
use crate::report::DiffReporter;

/// The whole step, which changes nothing in Azure. `http` is the way to Azure, or why there is none.
pub(super) async fn diff(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    asked: &Diff,
    stop: &StopSignal,
) {
    let reporter = DiffReporter::new(agent.console(), asked);
    let work = async {
        let arm = super::connect(agent, http, &asked.connection).await?;
        compare(asked, &arm).await
    };
    let compared = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        compared = work => compared,
    };
    reporter.finish(&compared, &agent.environment().temp_directory());
}

async fn compare(asked: &Diff, arm: &Arm) -> Result<Compared, Error> {
    let account = Account::InSubscription(&asked.storage_account, &asked.connection.subscription);
    let library = Library::new(account, &asked.contents.container);
    let image = Now {
        id: asked.version.as_str(),
        inventory: None,
    };
    match inventory::compare(arm, &asked.contents, &library, image).await {
        Ok(comparison) => Ok(Compared::With(Box::new(comparison))),
        Err(NotCompared::Nothing(why)) => Ok(Compared::Nothing {
            why,
            gates: asked.contents.gates(),
        }),
        Err(failed) => Err(Error::not_compared(&asked.version, failed)),
    }
}
