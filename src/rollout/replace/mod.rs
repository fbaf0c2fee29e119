//! `rolloutMethod: replace`: new hosts by a deployment of the author's template, one or a few first. They stay drained until they are healthy; then
//! they let users in, and the old hosts are drained, left by their users, and switched off.
//!
//! Everything that a second attempt needs is in Azure: the deployments have names that follow from the pipeline run and the pool, and their
//! parameters say what they were to make. So nothing is deployed twice.
//!
//! `new_hosts` waits for the new hosts, lets users in and drains the old ones; `old_hosts` lets their users leave and switches them off; `removal`
//! deletes what nobody needs any longer.

mod deploy;
mod follow;
mod new_hosts;
mod old_hosts;
mod plan;
mod removal;

pub(super) use plan::plan;

use crate::inputs::OnRolloutFailure;
use crate::inputs::manifest::CANARY_HOSTS;
use crate::rollout::codes;
use crate::rollout::event::Event;
use crate::rollout::host;
use crate::rollout::outcome::{NotRolledOut, RolloutState};
use crate::rollout::preflight::Preflight;
use crate::rollout::step::RolloutStep;
use crate::wording::some_of;
use plan::Plan;

/// How many hosts are named.
const MOST_NAMED: usize = 10;

/// Makes the new hosts, lets users in, and takes the old ones out of service.
pub(super) async fn carry_out(
    step: &RolloutStep<'_>,
    found: Preflight,
) -> Result<RolloutState, NotRolledOut> {
    let plan = Plan::of(step, &found).await?;
    if let Some(image) = host::previous(&found.hosts) {
        step.emit(Event::Previous(image));
    }
    step.warn_unless_noted(&plan);
    if plan.canary.is_none() && !found.settled {
        step.warn(
            codes::NO_CANARY,
            format!(
                "Input '{}' is 0: all new hosts are created at once, so that a fault of the image or the template shows in all of them",
                CANARY_HOSTS.name
            ),
            Some("set it to 1, so that the others are created when the first one is healthy".to_owned()),
        );
    }
    if !found.settled {
        match step.make(&plan, &found).await {
            Ok(true) => {}
            Ok(false) => return Ok(RolloutState::Running),
            Err(error) => {
                if step.request.on_failure == OnRolloutFailure::Back
                    && plan::is_of_new_hosts(&error)
                {
                    step.take_back(&plan).await;
                } else {
                    step.name_unregistered(&plan).await;
                }
                return Err(error);
            }
        }
    }
    step.take_over(&plan, &found).await?;
    Ok(RolloutState::Succeeded)
}

impl RolloutStep<'_> {
    /// What an earlier attempt has drained cannot be told from what someone else has: it all stays as it is.
    fn warn_unless_noted(&self, plan: &Plan) {
        if plan.is_noted || plan.drained_before.is_empty() {
            return;
        }
        let names: Vec<&str> = plan.drained_before.iter().map(String::as_str).collect();
        let text = format!(
            "These session hosts stay as they are: {}. The tags of the deployment do not say which hosts were drained before the first attempt",
            some_of(&names, MOST_NAMED)
        );
        let hint = "if nobody needs them, remove them from the host pool and delete their VMs; or stop the VMs: az vm deallocate --ids <id of the VM>".to_owned();
        self.warn(codes::REMAINS, text, Some(hint));
    }

    /// The new hosts, drained and healthy; `false` where nobody waits for them.
    async fn make(&self, plan: &Plan, found: &Preflight) -> Result<bool, NotRolledOut> {
        if let Some(canary) = &plan.canary {
            // The rest is made of a canary that was healthy.
            let is_rest_begun = found
                .own
                .rest
                .as_ref()
                .is_some_and(|rest| plan.is_own(rest));
            self.emit(Event::Phase("canary"));
            if !self.deploy(plan, canary, found.own.canary.as_ref()).await? {
                return Ok(false);
            }
            if !is_rest_begun {
                self.emit(Event::Phase("canaryHealth"));
                self.wait_for_health(plan, canary.span.numbers()).await?;
            }
        }
        if let Some(rest) = &plan.rest {
            self.emit(Event::Phase("rest"));
            if !self.deploy(plan, rest, found.own.rest.as_ref()).await? {
                return Ok(false);
            }
            self.emit(Event::Phase("restHealth"));
            self.wait_for_health(plan, 0..plan.total).await?;
        }
        Ok(true)
    }

    /// Users on the new hosts, none on the old ones.
    async fn take_over(&self, plan: &Plan, found: &Preflight) -> Result<(), NotRolledOut> {
        let mut hosts = if found.settled {
            found.hosts.clone()
        } else {
            self.hosts().await?
        };
        if !found.settled {
            self.emit(Event::Phase("letIn"));
            self.open_new(plan, &mut hosts).await?;
            self.emit(Event::Phase("drain"));
            self.drain_old(plan, &mut hosts).await?;
        }
        let old = plan.old_of(&hosts);
        self.emit(Event::Phase("sessions"));
        self.let_users_leave(&old).await;
        self.emit(Event::Phase("switchOff"));
        self.switch_off(plan, &old, &mut hosts).await;
        // How they are now, for the table.
        for host in hosts.iter_mut().filter(|host| !host.is_wanted) {
            if let Ok(Some(now)) = self.host(&host.host.name).await {
                host.host = now;
            }
        }
        self.emit(Event::Hosts(hosts));
        Ok(())
    }
}
