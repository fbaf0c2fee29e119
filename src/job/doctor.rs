//! The doctor: checks everything that an action needs, in a job or at a prompt. Nothing is changed.

use super::step::Step;
use crate::agent::TaskResult;
use crate::arm::Arm;
use crate::check::Finding;
use crate::error::Error;
use crate::inputs::manifest::{
    GALLERY_IMAGE_ID, HOST_POOL_ID, IB_SUBSCRIPTION, IMAGE_VERSION_ID, MANAGED_IDENTITY,
};
use crate::inputs::{Examined, RawInputs};
use crate::report::{self, Visit};
use crate::{check, fleet, image_test, release, retain, rollout};

/// Signs in, and reports what is found.
pub(super) async fn visit(step: &Step<'_>, examined: &Examined) {
    let console = step.console();
    let visit = Visit::from(examined);
    report::report_warnings(console, visit.warnings);
    let examining = async {
        let arm = step.arm(visit.connection).await?;
        let signed_in = arm.client.sign_in(&arm.scope).await;
        signed_in.map_err(Error::SignIn)?;
        Ok(examine(step, examined, &arm).await)
    };
    match step.until_stopped(Box::pin(examining)).await {
        Ok(findings) => report::report_visit(console, visit, &findings, &step.folder()),
        Err(Error::Canceled) => console.complete(TaskResult::Canceled, "The job was canceled"),
        Err(error) => report::report_no_visit(console, visit, &error),
    }
}

/// Boxed, because each future would otherwise be as large as the largest one.
async fn examine(step: &Step<'_>, examined: &Examined, arm: &Arm) -> Vec<Finding> {
    match examined {
        Examined::Build(plan) => Box::pin(check::doctor(plan, arm, step.job())).await,
        Examined::Release(release) => Box::pin(release::doctor(release, arm)).await,
        Examined::Retain(retain) => Box::pin(retain::doctor(retain, arm)).await,
        Examined::Test(test) => Box::pin(image_test::doctor(test, arm, step.job())).await,
        Examined::Rollout(rollout) => Box::pin(rollout::doctor(rollout, arm)).await,
        Examined::Report(fleet) => Box::pin(fleet::doctor(fleet, arm)).await,
    }
}

/// At a prompt the Azure CLI signs in, and a subscription is enough: if no input names one, that of the identity or of the image definition.
pub(super) fn stand_in_for_subscription(given: &mut RawInputs) {
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
