//! The doctor: checks everything that an action needs, in a job or at a prompt. Nothing is changed.

use super::step::Step;
use crate::agent::TaskResult;
use crate::arm::Arm;
use crate::check::Finding;
use crate::error::Error;
use crate::inputs::RawInputs;
use crate::inputs::manifest::{
    GALLERY_IMAGE_ID, HOST_POOL_ID, IB_SUBSCRIPTION, IMAGE_VERSION_ID, MANAGED_IDENTITY,
};
use crate::report::{self, Visit};

/// Signs in, and reports what `examine` finds.
pub(super) async fn visit(
    step: &Step<'_>,
    visit: Visit<'_>,
    examine: impl AsyncFnOnce(&Arm) -> Vec<Finding>,
) {
    let console = step.console();
    report::report_warnings(console, visit.warnings);
    let examining = async {
        let arm = step.arm(visit.connection).await?;
        let signed_in = arm.client.sign_in(&arm.scope).await;
        signed_in.map_err(Error::SignIn)?;
        Ok(examine(&arm).await)
    };
    match step.until_stopped(Box::pin(examining)).await {
        Ok(findings) => report::report_visit(console, visit, &findings, &step.folder()),
        Err(Error::Canceled) => console.complete(TaskResult::Canceled, "The job was canceled"),
        Err(error) => report::report_no_visit(console, visit, &error),
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
