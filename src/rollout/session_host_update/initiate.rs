//! Asking for an update exactly once in effect: the answer is 204 and nothing else, and the update shows some 20 s later.

use std::time::Duration;

use http::StatusCode;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::preflight::{UpdateState, cancel_command};
use crate::arm::Failure;
use crate::arm::api::{HOST_POOLS, address};
use crate::arm::desktops::{UpdateRequest, UpdateStatus};
use crate::arm::pace::Pace;
use crate::inputs::RolloutMethod;
use crate::resource::quoted;
use crate::rollout::codes;
use crate::rollout::event::{Event, UpdateEvent};
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::step::{Ongoing, RolloutStep};

/// An update is documented to show after some 20 s; a public script waits five minutes.
const SHOWS_WITHIN: Duration = Duration::from_secs(10 * 60);
/// The same where it is not known whether it was accepted.
const SHOWS_IF_ACCEPTED: Duration = Duration::from_secs(5 * 60);
/// The same for one that an earlier attempt may have asked for: the configuration has the image already.
const SHOWS_LATE: Duration = Duration::from_secs(60);

impl RolloutStep<'_> {
    /// What the update is asked for.
    pub(super) fn update_request(&self) -> UpdateRequest {
        let request = self.request;
        let at = request.at.map(|at| {
            let whole = at.replace_nanosecond(0).unwrap_or(at);
            // A time of this form does not fail.
            whole.format(&Rfc3339).unwrap_or_default()
        });
        UpdateRequest {
            deletes_old: !request.keeps_old(RolloutMethod::SessionHostUpdate),
            most_at_once: request.most_at_once,
            delay: request.log_off_delay,
            message: request.message(RolloutMethod::SessionHostUpdate),
            at,
        }
    }

    /// Starts the new update, and returns it, once it shows; nothing where the step ends as soon as it is accepted.
    pub(super) async fn initiate(
        &self,
        update: &UpdateState,
    ) -> Result<Option<UpdateStatus>, NotRolledOut> {
        self.check_start()?;
        self.ask_for_update(&self.update_request(), update).await
    }

    /// The same with the settings of `request`.
    pub(super) async fn ask_for_update(
        &self,
        request: &UpdateRequest,
        update: &UpdateState,
    ) -> Result<Option<UpdateStatus>, NotRolledOut> {
        let pool = &self.request.pool;
        let before = update.before.as_ref();
        let mut lost = None;
        // A second request is sent only when the status has shown nothing for five minutes.
        for _ in 0..2 {
            self.emit(Event::Update(UpdateEvent::Starting));
            self.emit(Event::Changed);
            self.note_ongoing(Ongoing::RequestedUpdate);
            match self.arm.initiate_update(pool, request).await {
                Ok(()) if !self.request.is_followed() => return Ok(None),
                Ok(()) => {
                    return match self.shows(before, SHOWS_WITHIN).await? {
                        Some(status) => Ok(Some(status)),
                        None => Err(self.not_seen().into()),
                    };
                }
                Err(failure) if failure.is(StatusCode::CONFLICT) => {
                    // One that was asked for before does not show yet, or one waits.
                    return match self.shows(before, SHOWS_WITHIN).await? {
                        Some(status) => Ok(Some(status)),
                        None => Err(self.conflict(&failure, before).into()),
                    };
                }
                Err(failure) if failure.may_have_acted() => {
                    let reason = failure.to_string();
                    self.emit(Event::Update(UpdateEvent::Unanswered { reason }));
                    if let Some(status) = self.shows(before, SHOWS_IF_ACCEPTED).await? {
                        return Ok(Some(status));
                    }
                    lost = Some(failure);
                }
                Err(failure) => {
                    self.forget_ongoing();
                    return Err(self.refused_update(failure, update).await);
                }
            }
        }
        let failure = lost.map_or_else(|| self.not_seen().into(), NotRolledOut::Azure);
        Err(failure)
    }

    /// An update that an earlier attempt has asked for and that does not show yet.
    pub(super) async fn shows_late(
        &self,
        before: Option<&UpdateStatus>,
    ) -> Result<Option<UpdateStatus>, NotRolledOut> {
        self.shows(before, SHOWS_LATE).await
    }

    /// Looks for another update than the one `before`.
    async fn shows(
        &self,
        before: Option<&UpdateStatus>,
        limit: Duration,
    ) -> Result<Option<UpdateStatus>, NotRolledOut> {
        let start = Instant::now();
        let mut pace = Pace::new(None);
        loop {
            // What cannot be read now is asked again.
            match self.arm.update_status(&self.request.pool).await {
                Ok(seen) => {
                    pace.asked(seen.pause);
                    let is_new = |status: &UpdateStatus| {
                        before.is_none_or(|before| !status.is_same_as(before))
                    };
                    if let Some(status) = seen.value.filter(is_new) {
                        return Ok(Some(status));
                    }
                }
                Err(failure) if failure.is_passing() => {}
                Err(failure) => return Err(failure.into()),
            }
            if start.elapsed() >= limit {
                return Ok(None);
            }
            sleep(pace.pause()).await;
        }
    }

    /// The time may have come while a later attempt was on its way.
    fn check_start(&self) -> Result<(), Refused> {
        let Some(at) = self.request.at.filter(|at| *at <= self.now()) else {
            return Ok(());
        };
        let input = crate::inputs::manifest::ROLLOUT_AT.name;
        let at = at.format(&Rfc3339).unwrap_or_default();
        let text = format!("Input '{input}': '{at}' is past");
        let hint = "choose a later time, or remove the input to start at once".to_owned();
        Err(Refused::new(codes::MALFORMED, text, hint))
    }

    fn not_seen(&self) -> Refused {
        let pool = &self.request.pool;
        let text = format!(
            "Updating host pool '{}' failed: the service accepted the session host update, and has shown none for 10 minutes",
            pool.name()
        );
        let hint = format!(
            "check the pool's session host update in the Azure portal; if there is none, run the step again; to show it: az rest --url {}",
            quoted(&address(
                format_args!(
                    "{pool}/sessionHostManagements/default/sessionHostUpdateStatuses/default"
                ),
                HOST_POOLS
            ))
        );
        Refused::new(codes::NOT_SEEN, text, hint)
    }

    /// Refused because of another update, and none has come.
    fn conflict(&self, failure: &Failure, before: Option<&UpdateStatus>) -> Refused {
        let pool = &self.request.pool;
        let waits = before.is_some_and(|before| before.is("Failed"));
        let (why, hint) = if waits {
            (
                "the previous session host update has failed and waits for Cancel",
                format!(
                    "cancel it, and run the step again: {}",
                    cancel_command(pool)
                ),
            )
        } else {
            (
                "the service is busy with another operation",
                format!(
                    "run the step again; to cancel an update: {}",
                    cancel_command(pool)
                ),
            )
        };
        let text = format!(
            "Updating host pool '{}' failed: {why} ({})",
            pool.name(),
            failure.cause
        );
        Refused::new(codes::BUSY, text, hint)
    }
}
