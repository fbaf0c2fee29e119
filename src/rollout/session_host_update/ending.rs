//! The end of a session host update: the check after a success; retry, cancel and the way back after a failure.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::follow::Over;
use super::preflight::{UpdateState, cancel_command, set_image_command};
use crate::arm::Failure;
use crate::arm::desktops::{ImageInfo, UpdateStatus};
use crate::arm::operation::Started;
use crate::arm::pace::Pace;
use crate::inputs::{OnRolloutFailure, WantedImage};
use crate::rollout::codes;
use crate::rollout::event::{Event, UpdateEvent};
use crate::rollout::faults::{self, Fault};
use crate::rollout::host::{self, Host};
use crate::rollout::outcome::{NotRolledOut, Refused, RolloutState};
use crate::rollout::preflight::Preflight;
use crate::rollout::step::RolloutStep;

/// How long to wait for the end of a control action.
const CONTROL_LIMIT: Duration = Duration::from_secs(10 * 60);
/// A cancel finishes the hosts at work first: 20 minutes each, an hour for users at most.
const CANCEL_LIMIT: Duration = Duration::from_secs(3 * 3600);
/// The pause between two reads.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl RolloutStep<'_> {
    /// Follows the update from here to its end, and what comes after it.
    pub(super) async fn to_its_end(
        &self,
        found: &Preflight,
        update: &UpdateState,
        first: UpdateStatus,
        is_retried: bool,
    ) -> Result<RolloutState, NotRolledOut> {
        let mut retried = is_retried.then(Instant::now);
        let mut next = first;
        loop {
            let over = self.until_over(next, retried).await?;
            if over.status.is("Succeeded") {
                return self.verified(update).await;
            }
            if over.status.is_canceled() {
                return Err(self.canceled(found, update, &over).await);
            }
            let faults = faults::read(over.status.error.as_ref());
            if faults::is_nothing_to_do(&faults) {
                self.emit(Event::Update(UpdateEvent::NoHosts));
                return self.verified(update).await;
            }
            self.emit(Event::Faults(faults.clone()));
            let may_retry = self.request.on_failure == OnRolloutFailure::Retry;
            let again = may_retry && over.worked && retried.is_none();
            if again && let Some(status) = self.retry(&over.status).await? {
                retried = Some(Instant::now());
                next = status;
                continue;
            }
            return Err(self.failed(update, over, &faults).await);
        }
    }

    /// Sends Retry to a failed update. `None` if the service refuses; the failure of the update is then the error.
    pub(super) async fn retry(
        &self,
        status: &UpdateStatus,
    ) -> Result<Option<UpdateStatus>, NotRolledOut> {
        if !self.control("Retry").await? {
            return Ok(None);
        }
        let now = self.status_now().await?.value;
        Ok(Some(now.unwrap_or_else(|| status.clone())))
    }

    /// Sends a control action, and waits until it has ended. Returns whether the service accepted it.
    async fn control(&self, action: &'static str) -> Result<bool, NotRolledOut> {
        self.emit(Event::Update(UpdateEvent::Control(action)));
        self.emit(Event::Changed);
        match self.arm.control_update(&self.request.pool, action).await {
            Ok(started) => {
                self.until_control_ended(action, &started).await;
                Ok(true)
            }
            // The status says what became of it.
            Err(failure) if failure.may_have_acted() => {
                self.emit(Event::Update(UpdateEvent::NoNews {
                    reason: failure.to_string(),
                }));
                let status = self.status_now().await?.value;
                Ok(status.is_some_and(|status| !status.is("Failed")))
            }
            Err(failure) if failure.is(StatusCode::FORBIDDEN) || failure.refusal().is_none() => {
                Err(failure.into())
            }
            Err(failure) => {
                let reason = failure.cause.to_string();
                self.emit(Event::Update(UpdateEvent::Unwilling { action, reason }));
                Ok(false)
            }
        }
    }

    /// Waits for the end of a control action: Azure answers 202 until then, and 204 at the end (recorded). After any other answer the status is read.
    async fn until_control_ended(&self, action: &str, started: &Started) {
        let Some(address) = &started.operation else {
            return;
        };
        let doing = format!("Sending {action} to the session host update");
        let start = Instant::now();
        let mut pace = Pace::new(started.pause);
        while start.elapsed() < CONTROL_LIMIT {
            sleep(pace.pause()).await;
            match self.arm.operation(&doing, address).await {
                Ok(seen) if seen.value.is_end() => return,
                Ok(seen) => pace.asked(seen.pause),
                Err(failure) if failure.is_passing() => {}
                Err(_) => return,
            }
        }
    }

    /// Checks that every host that lets users in has the image; others get a warning.
    async fn verified(&self, update: &UpdateState) -> Result<RolloutState, NotRolledOut> {
        self.emit(Event::Phase("verify"));
        let hosts = self.hosts_anew().await?;
        let others: Vec<_> = hosts
            .iter()
            .filter(|host| host.is_open() && !host.is_wanted)
            .map(|host| format!("{} ({})", host.name(), host.version()))
            .collect();
        for host in hosts.iter().filter(|host| is_broken(host)) {
            self.emit(Event::Line(format!(
                "left out:  {} has {}, its status is {}, and it lets no users in",
                host.name(),
                host.version(),
                host.host.status
            )));
        }
        if !others.is_empty() {
            let text = format!(
                "the session host update has ended, and {} of the hosts that let users in have another image: {}",
                others.len(),
                others.join(", ")
            );
            let hint = format!(
                "run the step again, or drain them; the session host configuration has {}",
                host::short(&update.wanted)
            );
            self.warn(codes::OTHER_IMAGE, text, Some(hint));
        }
        Ok(RolloutState::Succeeded)
    }

    /// What is done about a failure, and the error.
    async fn failed(&self, update: &UpdateState, over: Over, faults: &[Fault]) -> NotRolledOut {
        let pool = self.request.pool.name();
        let first = faults.first();
        let why = first.map_or_else(|| "the service gave no reason".to_owned(), Fault::to_string);
        let more = match faults.len() {
            0 | 1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        let text = format!(
            "Updating host pool '{pool}' failed: {why}{more} ({})",
            over.status
        );
        let fix = first.and_then(|fault| faults::fix(fault, self.request));
        let aftermath = self.aftermath(update, over).await;
        let hint = match fix {
            Some(fix) => format!("{fix}; {aftermath}"),
            None => aftermath,
        };
        Refused::new(codes::UPDATE_FAILED, text, hint).into()
    }

    /// The error for an update that someone canceled in Azure.
    async fn canceled(&self, found: &Preflight, update: &UpdateState, over: &Over) -> NotRolledOut {
        let text = format!(
            "Updating host pool '{}' failed: the session host update was canceled in Azure: {}",
            self.request.pool.name(),
            over.status
        );
        let after = self.put_back(update, &over.status, found.hosts.len()).await;
        let hint = format!("the activity log of the host pool says who canceled it; {after}");
        Refused::new(codes::CANCELED, text, hint).into()
    }

    /// What becomes of a failed update and of the configuration, in words.
    async fn aftermath(&self, update: &UpdateState, over: Over) -> String {
        if self.request.on_failure == OnRolloutFailure::Leave {
            let pool = &self.request.pool;
            let previous = update.previous.as_ref();
            let back = previous.filter(|image| !image.is(&update.wanted));
            let back = back.map_or_else(String::new, |image| {
                let (name, command) = (host::short(image), set_image_command(pool, image));
                format!("; to set it back to {name} when no update waits: {command}")
            });
            return format!(
                "nothing more was changed: if the update waits, it waits for Retry or Cancel ({}), and the session host configuration has {}{back}",
                cancel_command(pool),
                host::short(&update.wanted)
            );
        }
        self.emit(Event::Phase("cancel"));
        let last = match self.cancel_update(over).await {
            Ok(status) => status,
            Err(failure) => return format!("canceling it failed: {failure}"),
        };
        let hosts = usize::try_from(last.total.unwrap_or_default()).unwrap_or_default();
        let after = self.put_back(update, &last, hosts).await;
        if self.request.on_failure == OnRolloutFailure::Back && self.is_any_done(&last) {
            return self.back(update, &last).await;
        }
        after
    }

    /// Cancels the update unless it is over, and returns its last status. An update that failed in its validation is over.
    async fn cancel_update(&self, over: Over) -> Result<UpdateStatus, NotRolledOut> {
        let now = self.status_now().await?.value;
        let now = now.filter(|now| now.is_same_as(&over.status));
        let last = now.unwrap_or(over.status);
        let waits = !last.is_end() || last.is("Failed") && (over.worked || last.counts_work());
        if waits && self.control("Cancel").await? {
            return self.until_canceled(&last).await;
        }
        Ok(last)
    }

    /// The status once the update is canceled.
    async fn until_canceled(&self, before: &UpdateStatus) -> Result<UpdateStatus, NotRolledOut> {
        let start = Instant::now();
        let mut last = before.clone();
        while start.elapsed() < CANCEL_LIMIT {
            if let Some(status) = self.status_now().await?.value {
                let is_over = status.is_canceled() || status.is("Succeeded");
                if status.to_string() != last.to_string() {
                    self.emit(Event::Update(UpdateEvent::Status {
                        status: status.clone(),
                        elapsed: start.elapsed(),
                    }));
                }
                last = status;
                if is_over {
                    break;
                }
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(last)
    }

    /// Whether a host has got the image in this update. A list that cannot be read tells nothing.
    fn is_any_done(&self, status: &UpdateStatus) -> bool {
        if status.completed > 0 {
            return true;
        }
        let hosts = self.last_hosts();
        hosts.iter().any(|host| host.is_wanted)
    }

    /// Restores the previous image in the configuration if no host was updated, so that new hosts get the image of the others. Says what it has now.
    async fn put_back(&self, update: &UpdateState, status: &UpdateStatus, hosts: usize) -> String {
        let wanted = host::short(&update.wanted);
        // The newest table shows a host that was finished meanwhile.
        self.hosts_anew().await.ok();
        let previous = update.previous.as_ref();
        let Some(previous) = previous.filter(|image| !image.is(&update.wanted)) else {
            return format!("the session host configuration has {wanted}");
        };
        if self.is_any_done(status) {
            let done = self.last_hosts();
            let done = done.iter().filter(|host| host.is_wanted).count();
            let way_back = WantedImage::parse(&previous.to_string())
                .map_or_else(String::new, |image| {
                    format!(". The way back is a roll-out of {image}")
                });
            return format!(
                "{done} of {} hosts have {wanted}, and so has the session host configuration: new hosts get it, too{way_back}",
                hosts.max(self.last_hosts().len())
            );
        }
        let now = self.arm.host_configuration(&self.request.pool, false).await;
        let image = now.ok().flatten().and_then(|now| now.image);
        if image
            .as_ref()
            .is_some_and(|image| !image.is(&update.wanted))
        {
            return "the session host configuration was changed by someone else, and stays as it is".to_owned();
        }
        match self.set_image(Some(&update.wanted), previous).await {
            Ok(None) => format!(
                "no host was updated, and the session host configuration has {} again",
                host::short(previous)
            ),
            Ok(Some(failure)) => not_put_back(&wanted, &failure.to_string()),
            Err(failure) => not_put_back(&wanted, &failure.to_string()),
        }
    }

    /// `onRolloutFailure: back`: another update gives the updated hosts the previous image again. Returns the result in words.
    async fn back(&self, update: &UpdateState, last: &UpdateStatus) -> String {
        let Some(previous) = update
            .previous
            .clone()
            .filter(|image| !image.is(&update.wanted))
        else {
            return "the previous image is not known, so the hosts stay as they are".to_owned();
        };
        self.emit(Event::Phase("back"));
        let name = host::short(&previous);
        match self.updated_back(update, previous, last).await {
            Ok(None) => format!("the pool is back at {name}"),
            Ok(Some(end)) => format!("the update back to {name} has not succeeded: {end}"),
            Err(failure) => format!("going back to {name} failed: {failure}"),
        }
    }

    /// Updates the hosts back to `previous`. `None` if that succeeded, otherwise how it ended.
    async fn updated_back(
        &self,
        update: &UpdateState,
        previous: ImageInfo,
        last: &UpdateStatus,
    ) -> Result<Option<String>, NotRolledOut> {
        if let Some(failure) = self.set_image(Some(&update.wanted), &previous).await? {
            return Err(failure.into());
        }
        let back = UpdateState {
            wanted: previous,
            before: Some(last.clone()),
            ..update.clone()
        };
        let mut request = self.update_request();
        request.at = None;
        let Some(status) = self.ask_for_update(&request, &back).await? else {
            return Ok(None);
        };
        let over = self.until_over(status, None).await?;
        self.hosts_anew().await?;
        let faults = faults::read(over.status.error.as_ref());
        let is_done = over.status.is("Succeeded") || faults::is_nothing_to_do(&faults);
        let why = faults.first().map(|fault| format!(", {fault}"));
        let end = format!("{}{}", over.status, why.unwrap_or_default());
        Ok((!is_done).then_some(end))
    }

    /// The service did not take the request: nothing has begun.
    pub(super) async fn refused_update(
        &self,
        failure: Failure,
        update: &UpdateState,
    ) -> NotRolledOut {
        let hosts = self.last_hosts().len();
        let nothing = UpdateStatus::default();
        let after = self.put_back(update, &nothing, hosts).await;
        self.emit(Event::Line(after));
        failure.into()
    }
}

/// Whether the service could neither update the host nor restore it.
fn is_broken(host: &Host) -> bool {
    let is_failed = host.host.status.eq_ignore_ascii_case("UpgradeFailed");
    is_failed && !host.is_open() && !host.is_wanted
}

fn not_put_back(wanted: &str, why: &str) -> String {
    format!(
        "no host was updated, but the session host configuration still has {wanted}, which new hosts get: setting it back failed: {why}"
    )
}
