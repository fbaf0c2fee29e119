//! The job is canceled, or the time is up, while a deployment goes on. A host registers open, so what has registered is drained first.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::timeout;

use super::plan::{Part, Plan};
use crate::arm::deployment::State;
use crate::inputs::long_build::OnCancel;
use crate::rollout::event::Event as Of;
use crate::rollout::stopping::Left;
use crate::rollout::{Job, Stopped};

/// An agent gives a canceled job a few seconds.
const LIST: Duration = Duration::from_secs(4);

/// A deployment that goes on.
#[derive(Debug, Clone)]
pub struct Going {
    plan: Plan,
    part: Part,
}

impl Job<'_> {
    pub(super) fn note_deployment(&self, plan: &Plan, part: &Part) {
        let going = Going {
            plan: plan.clone(),
            part: part.clone(),
        };
        *self.going.lock().unwrap_or_else(PoisonError::into_inner) = Some(going);
    }

    pub(super) fn forget_deployment(&self) {
        *self.going.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Drains the hosts that have registered, and cancels the deployment if the author wants that.
pub async fn stopped(job: &Job<'_>, why: Stopped) -> Left {
    let going = {
        let mut going = job.going.lock().unwrap_or_else(PoisonError::into_inner);
        going.take()
    };
    let Some(Going { plan, part }) = going else {
        return Left {
            goes_on: false,
            what: "no deployment goes on".to_owned(),
        };
    };
    let pool = &job.request.pool;
    let drained = timeout(LIST, async {
        let mut hosts = job.arm.session_hosts(pool).await?;
        for host in &mut hosts {
            let number = host.machine.as_ref().and_then(|id| plan.number_of(id));
            let is_new = number.is_some_and(|number| part.new.contains(&number));
            if is_new && host.allow_new_session {
                job.arm.let_in(pool, &host.name, false).await?;
                host.allow_new_session = false;
                job.emit(Of::Line(format!("{}:  drained", host.name)));
            }
        }
        Ok::<_, crate::arm::Failure>(hosts)
    });
    let unreached = match drained.await {
        Ok(Ok(hosts)) => {
            // Best effort: result and summary show the list of now, or else the last one.
            timeout(LIST, job.with_machines(hosts)).await.ok();
            None
        }
        Ok(Err(failure)) => Some(failure.to_string()),
        Err(_) => Some("Azure does not answer in time".to_owned()),
    };
    if let Some(why) = unreached {
        job.emit(Of::Line(format!(
            "new hosts that have registered may be open:  {why}"
        )));
    }
    let cancels = why == Stopped::JobCanceled && job.request.on_cancel == OnCancel::Cancel;
    let left = job.leave_deployment(&plan, &part, cancels).await;
    job.emit(Of::Line(left.what.clone()));
    left
}

impl Job<'_> {
    /// Cancels the deployment where it `cancels`; what becomes of it.
    async fn leave_deployment(&self, plan: &Plan, part: &Part, cancels: bool) -> Left {
        let name = &part.name;
        let ended = |what: String| Left {
            goes_on: false,
            what,
        };
        let goes_on = |why: &str| Left {
            goes_on: true,
            what: format!(
                "deployment {name} goes on{why}; hosts that register from now on let users in until the job is run again"
            ),
        };
        if !cancels {
            let found = timeout(LIST, self.arm.deployment(&plan.group, name)).await;
            return match found {
                Ok(Ok(Some(found))) if found.state == State::Succeeded => ended(format!(
                    "deployment {name} has ended; its hosts stay drained until the job is run again"
                )),
                _ => goes_on(""),
            };
        }
        match self.arm.cancel_deployment(&plan.group, name).await {
            Ok(true) => ended(format!(
                "deployment {name} is canceled; a VM that is there already can still register, and lets users in then"
            )),
            Ok(false) => ended(format!("deployment {name} has ended")),
            Err(failure) => goes_on(&format!(", because canceling it failed: {failure}")),
        }
    }
}
