//! A step that is stopped: what becomes of that which goes on in Azure because of it.

use std::time::Duration;

use tokio::time::timeout;

use super::event::{Event, UpdateEvent};
use super::host;
use super::outcome::RolloutState;
use super::own_deployments::cause;
use super::session_host_update::set_image_command;
use super::step::{Ongoing, RolloutStep};
use crate::arm::Failure;
use crate::arm::deployment::State;
use crate::arm::desktops::UpdateStatus;
use crate::inputs::OnCancel;
use crate::resource::{ResourceGroupId, ResourceId};

/// An agent gives a canceled job a few seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// Why a step is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The job was canceled.
    JobCanceled,
    /// The time to wait is over. Nothing is canceled then.
    TimeIsUp,
}

/// Whether the operation in Azure continues after the stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AfterStop {
    /// `Running` if it continues, `Succeeded` if it had succeeded; nothing after any other end.
    pub(super) state: Option<RolloutState>,
    /// A sentence without its end: `the session host update continues: UpdatingSessionHosts, 3 of 8`.
    pub(super) what: String,
}

impl AfterStop {
    fn goes_on(what: String) -> Self {
        let state = Some(RolloutState::Running);
        Self { state, what }
    }

    fn ended(what: String) -> Self {
        Self { state: None, what }
    }
}

impl RolloutStep<'_> {
    /// Leaves alone what goes on, or cancels it if the author wants that; the end of a cancel is not waited for.
    pub(super) async fn stop(&self, why: StopReason) -> AfterStop {
        let cancels = why == StopReason::JobCanceled && self.request.on_cancel == OnCancel::Cancel;
        match self.take_ongoing() {
            None => {
                self.list_within(ANSWERS_WITHIN).await;
                AfterStop::ended("nothing that it started is in progress in Azure".to_owned())
            }
            Some(Ongoing::Deployment {
                group,
                name,
                machines,
            }) => {
                self.drain_at_once(&machines).await;
                let after = self.stop_deployment(&group, &name, cancels).await;
                self.emit(Event::Line(after.what.clone()));
                after
            }
            Some(Ongoing::Configuration { to, from }) => {
                let back = from.map_or_else(String::new, |image| {
                    format!(
                        "; to set it back to {}: {}",
                        host::short(&image),
                        set_image_command(&self.request.pool, &image)
                    )
                });
                let what = format!(
                    "the session host configuration may have {to} already, which new hosts get; no update has started{back}"
                );
                self.emit(Event::Line(what.clone()));
                AfterStop::ended(what)
            }
            Some(Ongoing::RequestedUpdate) => {
                self.stop_update("it does not show yet", why, cancels).await
            }
            Some(Ongoing::Update(status)) => {
                let after = self.stop_update(&status, why, cancels).await;
                self.list_within(ANSWERS_WITHIN).await;
                after
            }
        }
    }

    /// Drains those of the hosts on these VMs that have registered: a host registers open.
    async fn drain_at_once(&self, machines: &[ResourceId]) {
        let pool = &self.request.pool;
        let drained = timeout(ANSWERS_WITHIN, async {
            let mut hosts = self.arm.session_hosts(pool).await?;
            for host in &mut hosts {
                let is_new = host
                    .machine
                    .as_ref()
                    .is_some_and(|id| machines.contains(id));
                if is_new && host.allow_new_session {
                    self.arm.let_in(pool, &host.name, false).await?;
                    host.allow_new_session = false;
                    self.emit(Event::Line(format!("{}:  drained", host.name)));
                }
            }
            Ok::<_, Failure>(hosts)
        });
        let unreached = match drained.await {
            Ok(Ok(hosts)) => {
                // Best effort: result and summary show the list of now, or else the last one.
                timeout(ANSWERS_WITHIN, self.with_machines(hosts))
                    .await
                    .ok();
                return;
            }
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => "Azure does not answer in time".to_owned(),
        };
        self.emit(Event::Line(format!(
            "new hosts that have registered may be open:  {unreached}"
        )));
    }

    async fn stop_deployment(
        &self,
        group: &ResourceGroupId,
        name: &str,
        cancels: bool,
    ) -> AfterStop {
        let goes_on = |why: &str| {
            AfterStop::goes_on(format!(
                "deployment {name} continues{why}; hosts that register from now on let users in until the job is run again"
            ))
        };
        if !cancels {
            return match self.deployment_ended(group, name).await {
                Some(ended) => AfterStop::ended(ended),
                None => goes_on(""),
            };
        }
        self.emit(Event::Changed);
        match self.arm.cancel_deployment(group, name).await {
            Ok(true) => AfterStop::ended(format!(
                "deployment {name} is canceled; a VM that is there already can still register, and lets users in then"
            )),
            Ok(false) => {
                let ended = self.deployment_ended(group, name).await;
                AfterStop::ended(ended.unwrap_or_else(|| format!("deployment {name} has ended")))
            }
            Err(failure) => goes_on(&format!(", because canceling it failed: {failure}")),
        }
    }

    /// How a deployment has ended, and why it failed; nothing where it goes on, or Azure does not answer in time.
    async fn deployment_ended(&self, group: &ResourceGroupId, name: &str) -> Option<String> {
        let found = timeout(ANSWERS_WITHIN, self.arm.deployment(group, name)).await;
        let Some(found) = found.ok()?.ok()? else {
            return Some(format!("deployment {name} is gone"));
        };
        let cause = match found.state {
            State::Going => return None,
            State::Failed => {
                let operations = self.arm.deployment_operations(group, name);
                let operations = timeout(ANSWERS_WITHIN, operations).await;
                let operations = operations.ok().and_then(Result::ok).unwrap_or_default();
                format!(": {}", cause(found.error.as_ref(), operations))
            }
            State::Succeeded | State::Canceled => String::new(),
        };
        Some(format!(
            "deployment {name} has ended ({}{cause}); its hosts stay drained until the job is run again",
            found.word
        ))
    }

    async fn stop_update(&self, status: &str, why: StopReason, cancels: bool) -> AfterStop {
        let goes_on = format!("the session host update continues: {status}");
        if why == StopReason::TimeIsUp {
            return AfterStop::goes_on(goes_on);
        }
        if !cancels {
            self.emit(Event::Line(goes_on.clone()));
            return AfterStop::goes_on(goes_on);
        }
        self.emit(Event::Update(UpdateEvent::Control("Cancel")));
        self.emit(Event::Changed);
        let canceled = self.arm.control_update(&self.request.pool, "Cancel").await;
        let after = match canceled {
            Ok(_) => AfterStop::ended(
                "the session host update is being canceled: the hosts at work are finished first"
                    .to_owned(),
            ),
            Err(failure) => match self.ended_before().await {
                Some(status) => AfterStop {
                    state: status.is("Succeeded").then_some(RolloutState::Succeeded),
                    what: format!(
                        "the session host update had ended before it could be canceled: {}",
                        status.status
                    ),
                },
                None => {
                    AfterStop::goes_on(format!("{goes_on}; it could not be canceled: {failure}"))
                }
            },
        };
        let what = format!(
            "{}; the session host configuration stays as it is: new hosts get {}",
            after.what,
            self.request.image.short()
        );
        self.emit(Event::Line(what.clone()));
        AfterStop { what, ..after }
    }

    /// How the update has ended whose cancel was refused; nothing where it goes on or waits, or Azure does not answer in time.
    async fn ended_before(&self) -> Option<UpdateStatus> {
        let seen = self.arm.update_status(&self.request.pool);
        let seen = timeout(ANSWERS_WITHIN, seen).await.ok()?.ok()?.value?;
        (seen.is("Succeeded") || seen.is_canceled()).then_some(seen)
    }
}
