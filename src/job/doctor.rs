//! Looks at everything that an action needs, and does nothing.

use std::sync::Arc;

use crate::agent::{Agent, StopSignal, TaskResult};
use crate::arm::Arm;
use crate::arm::http::Http;
use crate::check::{self, Finding};
use crate::error::Error;
use crate::inputs::declared::{
    GALLERY_IMAGE_ID, HOST_POOL_ID, IB_SUBSCRIPTION, IMAGE_VERSION_ID, MANAGED_IDENTITY,
};
use crate::inputs::{Connection, Fleet, Given, ImageTest, Plan, Release, Retain, Rollout};
use crate::report::{self, Visit};

/// The doctor's visit to what a build needs, in a job or at a prompt. `http` is the way to Azure, or why there is none.
pub(super) async fn visit(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    plan: &Plan,
    stop: &StopSignal,
) {
    let about = (Visit::from(plan), &plan.connection);
    let job = job(agent);
    let examine = async |arm: Arm| check::doctor(plan, &arm, job).await;
    tell(agent, http, about, stop, examine).await;
}

/// The same to what `action: retain` needs.
pub(super) async fn visit_versions(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    retain: &Retain,
    stop: &StopSignal,
) {
    let about = (Visit::from(retain), &retain.connection);
    let examine = async |arm: Arm| crate::retain::doctor(retain, &arm).await;
    tell(agent, http, about, stop, examine).await;
}

/// The same to what `action: promote` or `withdraw` needs.
pub(super) async fn visit_version(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    request: &Release,
    stop: &StopSignal,
) {
    let about = (Visit::from(request), &request.connection);
    let examine = async |arm: Arm| crate::release::doctor(request, &arm).await;
    tell(agent, http, about, stop, examine).await;
}

/// The same to what `action: test` needs.
pub(super) async fn visit_image(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    request: &ImageTest,
    stop: &StopSignal,
) {
    let about = (Visit::from(request), &request.connection);
    let job = job(agent);
    let examine = async |arm: Arm| crate::image_test::doctor(request, &arm, job).await;
    tell(agent, http, about, stop, examine).await;
}

/// The same to what `action: rollout` needs.
pub(super) async fn visit_pool(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    request: &Rollout,
    stop: &StopSignal,
) {
    let about = (Visit::from(request), &request.connection);
    let examine = async |arm: Arm| crate::rollout::doctor(request, &arm).await;
    tell(agent, http, about, stop, examine).await;
}

/// The same to what `action: report` needs.
pub(super) async fn visit_fleet(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    fleet: &Fleet,
    stop: &StopSignal,
) {
    let about = (Visit::from(fleet), &fleet.connection);
    let examine = async |arm: Arm| crate::fleet::doctor(fleet, &arm).await;
    tell(agent, http, about, stop, examine).await;
}

async fn tell(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    (visit, connection): (Visit<'_>, &Connection),
    stop: &StopSignal,
    examine: impl AsyncFnOnce(Arm) -> Vec<Finding>,
) {
    let console = agent.console();
    report::report_warnings(console, visit.warnings);
    let looked = async {
        let arm = super::connect(agent, http, connection).await?;
        let signed_in = arm.client.sign_in(&arm.scope).await;
        signed_in.map_err(Error::SignIn)?;
        Ok(examine(arm).await)
    };
    let looked = tokio::select! {
        biased;
        () = stop.requested().cancelled() => {
            return console.complete(TaskResult::Canceled, "The job was canceled");
        }
        looked = looked => looked,
    };
    match looked {
        Ok(findings) => {
            let folder = agent.environment().temp_directory();
            report::report_visit(console, visit, &findings, &folder);
        }
        Err(error) => report::report_no_visit(console, visit, &error),
    }
}

/// What the job tells of itself.
pub(super) fn job(agent: &Agent) -> check::Job {
    let limit = agent.environment().variable("System.JobTimeout");
    check::Job {
        limit_minutes: limit.and_then(|minutes| minutes.trim().parse().ok()),
    }
}

/// At a prompt the Azure CLI signs in, and a subscription is enough: that of the identity or of the image definition, if nobody names another.
pub(super) fn stand_in_for_subscription(given: &mut Given) {
    let input = IB_SUBSCRIPTION.name.to_lowercase();
    let blank = |text: &String| text.trim().is_empty();
    if given.connection.is_some() || given.inputs.get(&input).is_some_and(|text| !blank(text)) {
        return;
    }
    let ids = [
        MANAGED_IDENTITY,
        GALLERY_IMAGE_ID,
        HOST_POOL_ID,
        IMAGE_VERSION_ID,
    ]
    .map(|input| input.name.to_lowercase());
    let mut ids = ids.iter().filter_map(|name| given.inputs.get(name));
    let subscription = ids.find_map(|id| id.split('/').nth(2)).map(str::to_owned);
    if let Some(subscription) = subscription {
        given.inputs.insert(input, subscription);
    }
}
