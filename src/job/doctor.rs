//! Looks at everything that a build needs, and builds nothing.

use std::path::Path;
use std::sync::Arc;

use crate::agent::{Agent, StopSignal, TaskResult};
use crate::arm::http::Http;
use crate::check;
use crate::error::Error;
use crate::inputs::declared::{IB_SUBSCRIPTION, MANAGED_IDENTITY};
use crate::inputs::{Given, Plan};
use crate::report;

/// The doctor's visit, in a job or at a prompt. `http` is the way to Azure, or why there is none.
pub(super) async fn visit(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    plan: &Plan,
    stop: &StopSignal,
) {
    let console = agent.console();
    report::report_warnings(console, &plan.warnings);
    let folder = agent.environment().temp_directory();
    let visit = examine(agent, http, plan, &folder);
    tokio::select! {
        biased;
        () = stop.requested().cancelled() => {
            console.complete(TaskResult::Canceled, "The job was canceled");
        }
        () = visit => {}
    }
}

async fn examine(agent: &Agent, http: Result<Arc<dyn Http>, String>, plan: &Plan, folder: &Path) {
    let console = agent.console();
    let arm = match super::connect(agent, http, &plan.connection).await {
        Ok(arm) => arm,
        Err(error) => return report::report_no_visit(console, plan, &error),
    };
    if let Err(failure) = arm.client.sign_in(&arm.scope).await {
        return report::report_no_visit(console, plan, &Error::SignIn(failure));
    }
    let findings = check::doctor(plan, &arm, job(agent)).await;
    report::report_visit(console, plan, &findings, folder);
}

/// What the job tells of itself.
pub(super) fn job(agent: &Agent) -> check::Job {
    let limit = agent.environment().variable("System.JobTimeout");
    check::Job {
        limit_minutes: limit.and_then(|minutes| minutes.trim().parse().ok()),
    }
}

/// At a prompt the Azure CLI signs in, and a subscription is enough: that of the identity, if nobody names another.
pub(super) fn stand_in_for_subscription(given: &mut Given) {
    let input = IB_SUBSCRIPTION.name.to_lowercase();
    let blank = |text: &String| text.trim().is_empty();
    if given.connection.is_some() || given.inputs.get(&input).is_some_and(|text| !blank(text)) {
        return;
    }
    let identity = given.inputs.get(&MANAGED_IDENTITY.name.to_lowercase());
    let subscription = identity
        .and_then(|id| id.split('/').nth(2))
        .map(str::to_owned);
    if let Some(subscription) = subscription {
        given.inputs.insert(input, subscription);
    }
}
