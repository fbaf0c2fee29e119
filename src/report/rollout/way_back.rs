//! The step that makes a pool serve the image of before.

use super::collected::Collected;
use crate::error::Error;
use crate::inputs::manifest::{
    HOST_COUNT, HOST_POOL_ID, ROLLOUT_METHOD, SESSION_HOST_GROUP, SESSION_HOST_PARAMETERS,
    SESSION_HOST_TEMPLATE,
};
use crate::inputs::{Action, Rollout, RolloutMethod, WantedImage};
use crate::report::next_step::{IMAGE_VERSION_ID, NextStep};
use crate::rollout::{Host, RolloutState};

/// How to undo a roll-out. Nothing where nothing was changed, or the previous image is not known.
pub(super) fn step(
    request: &Rollout,
    collected: &Collected,
    result: &Result<RolloutState, Error>,
) -> Option<NextStep> {
    if !collected.changed || matches!(result, Ok(RolloutState::Nothing)) {
        return None;
    }
    let wanted = collected.hosts.iter().filter(|host| host.is_wanted).count();
    // A failure that no host has met leaves nothing to undo.
    if result.is_err() && collected.left.is_none() && wanted == 0 {
        return None;
    }
    let previous = collected.previous.as_ref()?;
    let step = NextStep::new(Action::Rollout)
        .with(HOST_POOL_ID.name, request.pool.as_str())
        .with(IMAGE_VERSION_ID, previous.to_string());
    match collected.method {
        None | Some(RolloutMethod::SessionHostUpdate) => Some(step),
        // Neither of these methods takes another image than a version.
        Some(_) if matches!(previous, WantedImage::Marketplace(_)) => None,
        Some(method) => {
            let name = previous.to_string();
            let old = collected
                .hosts
                .iter()
                .filter(|host| runs(host, &name))
                .count();
            let stays = method == RolloutMethod::Existing || request.keeps_old(method);
            if old > 0 && (stays || old >= wanted) {
                Some(by_hosts_of_before(step, old, wanted))
            } else {
                by_new_hosts(step, request)
            }
        }
    }
}

fn runs(host: &Host, image: &str) -> bool {
    let own = host.image_name();
    own.is_some_and(|own| own.eq_ignore_ascii_case(image))
}

/// Hosts that are there serve again without a deployment.
fn by_hosts_of_before(step: NextStep, old: usize, wanted: usize) -> NextStep {
    let step = step.with(ROLLOUT_METHOD.name, RolloutMethod::Existing.name());
    // By itself the step wants as many as serve now, and there may be fewer of the old ones.
    if old < wanted {
        step.with(HOST_COUNT.name, old.to_string())
    } else {
        step
    }
}

/// The old hosts are gone: the same template makes others. Their prefix is left out, because the names are taken.
fn by_new_hosts(step: NextStep, request: &Rollout) -> Option<NextStep> {
    let template = request.template.as_ref()?;
    let mut step = step
        .with(ROLLOUT_METHOD.name, RolloutMethod::Replace.name())
        .with(SESSION_HOST_TEMPLATE.name, template.path.as_str());
    if let Some(parameters) = request.parameters.input(template) {
        step = step.with(SESSION_HOST_PARAMETERS.name, parameters);
    }
    if request.group != request.pool.group() {
        step = step.with(SESSION_HOST_GROUP.name, request.group.name());
    }
    Some(step)
}
