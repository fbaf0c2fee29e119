//! `rolloutMethod: replace`: new hosts by a deployment of the author's template, one or a few first. They stay drained until they are healthy; then
//! they let users in, and the old hosts are drained, left by their users, and switched off.
//!
//! Everything that a second attempt needs is in Azure: the deployments have names that follow from the pipeline run and the pool, and their
//! parameters say what they were to make. So nothing is deployed twice.

mod deploy;
mod event;
mod follow;
mod new_hosts;
mod old_hosts;
mod plan;
mod removal;
mod stopped;
mod token;

pub use event::Event;
pub use plan::{check, plan};
pub use stopped::{Going, stopped};

use super::existing::hosts_of;
use super::{Job, NotRolledOut, Seen, State, previous};
use crate::inputs::OnRolloutFailure;
use crate::inputs::manifest::CANARY_HOSTS;
use crate::rollout::event::Event as Of;
use plan::Plan;

const NOT_HEALTHY: &str = "AIB853";
const NOT_DEPLOYED: &str = "AIB856";
const NO_CANARY: &str = "AIB857";
/// A resource remains in Azure.
const REMAINS: &str = "AIB601";

/// Makes the new hosts, lets users in, and takes the old ones out of service.
pub async fn carry_out(job: &Job<'_>, seen: Seen) -> Result<State, NotRolledOut> {
    let plan = Plan::of(job, &seen).await?;
    if let Some(image) = previous(&seen.hosts) {
        job.emit(Of::Previous(image));
    }
    if plan.canary.is_none() && !seen.settled {
        job.warn(
            NO_CANARY,
            format!(
                "Input '{}' is 0: all new hosts are made at once, so that a fault of the image or the template shows in all of them",
                CANARY_HOSTS.name
            ),
            Some("set it to 1, so that the others are made when the first one is healthy".to_owned()),
        );
    }
    if !seen.settled {
        match job.make(&plan, &seen).await {
            Ok(true) => {}
            Ok(false) => return Ok(State::Running),
            Err(error) => {
                if job.request.on_failure == OnRolloutFailure::Back && plan::is_of_new_hosts(&error)
                {
                    job.take_back(&plan).await;
                }
                return Err(error);
            }
        }
    }
    job.take_over(&plan, &seen).await?;
    Ok(State::Succeeded)
}

impl Job<'_> {
    /// The new hosts, drained and healthy; `false` where nobody waits for them.
    async fn make(&self, plan: &Plan, seen: &Seen) -> Result<bool, NotRolledOut> {
        if let Some(canary) = &plan.canary {
            // The rest is made of a canary that was healthy.
            let is_rest_begun = seen.own.rest.as_ref().is_some_and(|rest| plan.is_own(rest));
            self.emit(Of::Step("canary"));
            if !self.deploy(plan, canary, seen.own.canary.as_ref()).await? {
                return Ok(false);
            }
            if !is_rest_begun {
                self.emit(Of::Step("canaryHealth"));
                self.wait_for_health(plan, canary.span.numbers()).await?;
            }
        }
        if let Some(rest) = &plan.rest {
            self.emit(Of::Step("rest"));
            if !self.deploy(plan, rest, seen.own.rest.as_ref()).await? {
                return Ok(false);
            }
            self.emit(Of::Step("restHealth"));
            self.wait_for_health(plan, 0..plan.total).await?;
        }
        Ok(true)
    }

    /// Users on the new hosts, none on the old ones.
    async fn take_over(&self, plan: &Plan, seen: &Seen) -> Result<(), NotRolledOut> {
        let mut hosts = if seen.settled {
            seen.hosts.clone()
        } else {
            self.hosts().await?
        };
        if !seen.settled {
            self.emit(Of::Step("letIn"));
            self.open_new(plan, &mut hosts).await?;
            self.emit(Of::Step("drain"));
            self.drain_old(plan, &mut hosts).await?;
        }
        let old = plan.old_of(&hosts);
        self.emit(Of::Step("sessions"));
        self.let_users_leave(&old).await;
        self.emit(Of::Step("switchOff"));
        self.switch_off(plan, &old, &mut hosts).await;
        // How they are now, for the table.
        for host in hosts.iter_mut().filter(|host| !host.is_wanted) {
            if let Ok(Some(now)) = self.host(&host.host.name).await {
                host.host = now;
            }
        }
        self.emit(Of::Hosts(hosts));
        Ok(())
    }
}
