//! `rolloutMethod: sessionHostUpdate`: the service replaces the VMs behind the session hosts of a pool, host by host.
//!
//! The image is set in the session host configuration, then an update is asked for, which is answered with 204 and nothing else. There is one
//! status for a pool: an update is told from the one before by its correlation id and its start (`arm::desktops::UpdateStatus`), never by a clock.

mod configuration;
mod ending;
mod follow;
mod initiate;
mod preflight;

use crate::inputs::WantedImage;
use crate::rollout::codes;
use crate::rollout::event::{Event, UpdateEvent};
use crate::rollout::faults;
use crate::rollout::host::{self, Host};
use crate::rollout::outcome::{NotRolledOut, RolloutState};
use crate::rollout::preflight::Preflight;
use crate::rollout::step::RolloutStep;
pub(super) use preflight::set_image_command;
use preflight::{LastUpdate, UpdateState};

/// Makes the service update the pool, or follows the update that an earlier attempt has begun.
pub(super) async fn carry_out(
    step: &RolloutStep<'_>,
    found: Preflight,
) -> Result<RolloutState, NotRolledOut> {
    step.emit(Event::Phase("configuration"));
    let update = step.read_update_state(&found).await?;
    match &update.last_update {
        LastUpdate::GoesOn(status) => {
            step.tell_previous(&update);
            return step.follow_earlier(&found, &update, status.clone()).await;
        }
        LastUpdate::WaitsForRetry(status) => {
            step.tell_previous(&update);
            if let Some(retried) = step.retry(status).await? {
                return step.to_its_end(&found, &update, retried, true).await;
            }
        }
        LastUpdate::Over => {}
    }
    if is_settled(&found, &update) {
        step.tell_other_configuration(&update);
        return Ok(step.nothing(SETTLED));
    }
    step.tell_previous(&update);
    step.refuse_scaling_plans(&found)?;
    if update.is_configured {
        // An earlier attempt may have asked for an update that does not show yet.
        step.emit(Event::Update(UpdateEvent::Searching));
        if let Some(status) = step.shows_late(update.before.as_ref()).await? {
            return step.follow_earlier(&found, &update, status).await;
        }
    } else if let Some(status) = step.configure(&update).await? {
        return step.follow_earlier(&found, &update, status).await;
    }
    step.emit(Event::Phase("update"));
    match step.initiate(&update).await? {
        Some(status) if step.request.is_followed() => {
            step.to_its_end(&found, &update, status, false).await
        }
        _ if step.request.at.is_some() => Ok(RolloutState::Scheduled),
        _ => Ok(RolloutState::Running),
    }
}

const SETTLED: &str = "every host that lets users in has the image, and is healthy";

/// What would be done: no call changes anything.
pub(super) async fn plan(
    step: &RolloutStep<'_>,
    found: &Preflight,
) -> Result<Vec<String>, NotRolledOut> {
    let update = step.read_update_state(found).await?;
    let wanted = host::short(&update.wanted);
    let lines = match &update.last_update {
        LastUpdate::GoesOn(status) => vec![format!(
            "follow the session host update that is in progress:  {status}"
        )],
        LastUpdate::WaitsForRetry(_) => {
            vec!["try the session host update again that waits after a failure".to_owned()]
        }
        LastUpdate::Over if is_settled(found, &update) => {
            step.tell_other_configuration(&update);
            return Ok(vec!["nothing to do".to_owned()]);
        }
        LastUpdate::Over => {
            step.refuse_scaling_plans(found)?;
            let mut lines = Vec::new();
            if !update.is_configured {
                let before = update
                    .previous
                    .as_ref()
                    .map_or_else(|| "unknown".to_owned(), host::short);
                lines.push(format!("session host configuration:  {before} -> {wanted}"));
            }
            let old = found.hosts.iter().filter(|host| !host.is_wanted).count();
            let request = step.update_request();
            let begins = request.at.as_ref();
            let begins = begins.map_or_else(|| "at once".to_owned(), |at| format!("at {at}"));
            lines.push(format!(
                "session host update, {begins}:  {old} of {} hosts get {wanted}, one first, then {} at a time",
                found.hosts.len(),
                request.most_at_once
            ));
            lines.push(format!(
                "users are signed out after {} min:  {}",
                request.delay, request.message
            ));
            let fate = if request.deletes_old {
                "deleted"
            } else {
                "deallocated and kept"
            };
            lines.push(format!("the old VMs are {fate}"));
            lines
        }
    };
    step.tell_previous(&update);
    Ok(lines)
}

impl RolloutStep<'_> {
    /// The hosts have the wanted image, and the configuration has another one, as a failed update may have left it.
    fn tell_other_configuration(&self, update: &UpdateState) {
        let other = update.configured.as_ref().filter(|_| !update.is_configured);
        let Some(image) = other else {
            return;
        };
        let name = host::short(image);
        let pool = self.request.pool.name();
        let failed = update.before.as_ref().filter(|status| status.is("Failed"));
        let text = match failed {
            Some(status) => {
                let faults = faults::read(status.error.as_ref());
                let why = faults
                    .first()
                    .map_or_else(String::new, |fault| format!(": {fault}"));
                format!(
                    "the last session host update of host pool '{pool}' failed{why}, and the session host configuration still has {name}, which new hosts get"
                )
            }
            None => format!(
                "the session host configuration of host pool '{pool}' has {name}, which new hosts get"
            ),
        };
        let again = if failed.is_some() {
            format!("roll out {name} again when the fault is mended")
        } else {
            format!("roll out {name}")
        };
        let hint = format!(
            "to set it {}to {}: {}; or {again}",
            if failed.is_some() { "back " } else { "" },
            host::short(&update.wanted),
            set_image_command(&self.request.pool, &update.wanted)
        );
        self.warn(codes::OTHER_IMAGE, text, Some(hint));
    }

    /// The image of before, once it is known: the way back.
    fn tell_previous(&self, update: &UpdateState) {
        let previous = update.previous.as_ref();
        let other = previous.filter(|image| !image.is(&update.wanted));
        if let Some(image) = other.and_then(|image| WantedImage::parse(&image.to_string())) {
            self.emit(Event::Previous(image));
        }
    }
}

/// Whether there is nothing to do. Where no host lets users in, the configuration decides.
fn is_settled(found: &Preflight, update: &UpdateState) -> bool {
    let is_open = found.hosts.iter().any(Host::is_open);
    let runs = update.active.as_ref();
    let is_active = runs.is_none_or(|image| image.is(&update.wanted));
    found.settled || !is_open && update.is_configured && is_active
}
