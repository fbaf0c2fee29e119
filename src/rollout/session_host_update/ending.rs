//! The end of an update: what is checked when it has succeeded, and what becomes of it when it has not.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::super::event::Event as Of;
use super::super::faults::{self, Fault};
use super::super::{Host, Job, NotRolledOut, Refused, Seen, State, table};
use super::event::{Event, words};
use super::follow::Over;
use super::look::{Look, cancel};
use crate::arm::Failure;
use crate::arm::desktops::{ImageInfo, UpdateStatus};
use crate::arm::operation::Started;
use crate::arm::pace::Pace;
use crate::inputs::OnRolloutFailure;

/// Code of "a host is of another version".
const OTHER_VERSION: &str = "AIB849";
/// Code of "the update was canceled".
const CANCELED: &str = "AIB850";
/// Code of "the update failed".
const FAILED: &str = "AIB858";
/// How long the end of a control action is waited for.
const CONTROLLED: Duration = Duration::from_secs(10 * 60);
/// A cancel finishes the hosts at work first: 20 minutes each, an hour for users at most.
const CANCELS_WITHIN: Duration = Duration::from_secs(3 * 3600);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Job<'_> {
    /// Steps 7 to 10: the update from here to its end, and what comes after it.
    pub(super) async fn to_its_end(
        &self,
        seen: &Seen,
        look: &Look,
        first: UpdateStatus,
        is_retried: bool,
    ) -> Result<State, NotRolledOut> {
        let mut retried = is_retried.then(Instant::now);
        let mut next = first;
        loop {
            let over = self.until_over(next, retried).await?;
            if over.status.is("Succeeded") {
                return self.verified(look).await;
            }
            if over.status.is_canceled() {
                return Err(self.canceled(seen, look, &over).await);
            }
            let faults = faults::read(over.status.error.as_ref());
            if faults::is_nothing_to_do(&faults) {
                self.emit(Of::Update(Event::NoHosts));
                return self.verified(look).await;
            }
            self.emit(Of::Faults(faults.clone()));
            let may_retry = self.request.on_failure == OnRolloutFailure::Retry;
            let again = may_retry && over.worked && retried.is_none();
            if again && let Some(status) = self.retry(&over.status).await? {
                retried = Some(Instant::now());
                next = status;
                continue;
            }
            return Err(self.failed(look, over, &faults).await);
        }
    }

    /// Asks a failed update to go on. Nothing if the service refuses, which is no failure of its own.
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

    /// Sends a control action, and waits for the end of the action; whether the service obeys.
    async fn control(&self, action: &'static str) -> Result<bool, NotRolledOut> {
        self.emit(Of::Update(Event::Control(action)));
        self.emit(Of::Changed);
        match self.arm.control_update(&self.request.pool, action).await {
            Ok(started) => {
                self.until_controlled(action, &started).await;
                Ok(true)
            }
            // A look tells what became of it.
            Err(failure) if failure.may_have_acted() => {
                self.emit(Of::Update(Event::NoNews {
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
                self.emit(Of::Update(Event::Unwilling { action, reason }));
                Ok(false)
            }
        }
    }

    /// 202 while the action goes on, 204 at its end (recorded). Whatever else comes: the status tells.
    async fn until_controlled(&self, action: &str, started: &Started) {
        let Some(address) = &started.operation else {
            return;
        };
        let doing = format!("Sending {action} to the session host update");
        let start = Instant::now();
        let mut pace = Pace::new(started.pause);
        while start.elapsed() < CONTROLLED {
            sleep(pace.pause()).await;
            match self.arm.operation(&doing, address).await {
                Ok(seen) if seen.value.is_end() => return,
                Ok(seen) => pace.asked(seen.pause),
                Err(failure) if failure.is_passing() => {}
                Err(_) => return,
            }
        }
    }

    /// Step 8: every host that lets users in has the image.
    async fn verified(&self, look: &Look) -> Result<State, NotRolledOut> {
        self.emit(Of::Step("verify"));
        let hosts = self.hosts_anew().await?;
        let others: Vec<_> = hosts
            .iter()
            .filter(|host| host.is_open() && !host.is_wanted)
            .map(|host| format!("{} ({})", host.name(), host.version()))
            .collect();
        for host in hosts.iter().filter(|host| is_broken(host)) {
            self.emit(Of::Line(format!(
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
                table::short(&look.wanted)
            );
            self.warn(OTHER_VERSION, text, Some(hint));
        }
        Ok(State::Succeeded)
    }

    /// Step 9: what is done about a failure, and the error.
    async fn failed(&self, look: &Look, over: Over, faults: &[Fault]) -> NotRolledOut {
        let pool = self.request.pool.name();
        let first = faults.first();
        let why = first.map_or_else(|| "the service gave no reason".to_owned(), Fault::to_string);
        let more = match faults.len() {
            0 | 1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        let text = format!(
            "Updating host pool '{pool}' failed: {why}{more} ({})",
            words(&over.status)
        );
        let fix = first.and_then(|fault| faults::fix(fault, self.request));
        let aftermath = self.aftermath(look, over).await;
        let hint = match fix {
            Some(fix) => format!("{fix}; {aftermath}"),
            None => aftermath,
        };
        Refused::new(FAILED, text, hint).into()
    }

    /// Step 10: somebody has canceled it.
    async fn canceled(&self, seen: &Seen, look: &Look, over: &Over) -> NotRolledOut {
        let text = format!(
            "Updating host pool '{}' failed: the session host update was canceled in Azure: {}",
            self.request.pool.name(),
            words(&over.status)
        );
        let after = self.put_back(look, &over.status, seen.hosts.len()).await;
        let hint = format!("the activity log of the host pool says who canceled it; {after}");
        Refused::new(CANCELED, text, hint).into()
    }

    /// What becomes of a failed update and of the configuration, in words.
    async fn aftermath(&self, look: &Look, over: Over) -> String {
        if self.request.on_failure == OnRolloutFailure::Leave {
            return format!(
                "nothing more was changed: if the update waits, it waits for Retry or Cancel ({}), and the session host configuration has {}",
                cancel(&self.request.pool),
                table::short(&look.wanted)
            );
        }
        self.emit(Of::Step("cancel"));
        let mut last = over.status;
        match self.control("Cancel").await {
            Ok(true) => match self.until_canceled(&last).await {
                Ok(status) => last = status,
                Err(failure) => return format!("canceling it failed: {failure}"),
            },
            // A failed validation has nothing to cancel.
            Ok(false) => {}
            Err(failure) => return format!("canceling it failed: {failure}"),
        }
        let hosts = usize::try_from(last.total.unwrap_or_default()).unwrap_or_default();
        let after = self.put_back(look, &last, hosts).await;
        if self.request.on_failure == OnRolloutFailure::Back && self.is_any_done(&last) {
            return self.back(look, &last).await;
        }
        after
    }

    /// The status once the update is canceled.
    async fn until_canceled(&self, before: &UpdateStatus) -> Result<UpdateStatus, NotRolledOut> {
        let start = Instant::now();
        let mut last = before.clone();
        while start.elapsed() < CANCELS_WITHIN {
            if let Some(status) = self.status_now().await?.value {
                let is_over = status.is_canceled() || status.is("Succeeded");
                if words(&status) != words(&last) {
                    self.emit(Of::Update(Event::Status {
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

    /// The configuration gets the image of before where no host was updated, so that hosts made later do not differ from the others.
    async fn put_back(&self, look: &Look, status: &UpdateStatus, hosts: usize) -> String {
        let wanted = table::short(&look.wanted);
        // The newest table shows a host that was finished meanwhile.
        self.hosts_anew().await.ok();
        let previous = look.previous.as_ref();
        let Some(previous) = previous.filter(|image| !image.is(&look.wanted)) else {
            return format!("the session host configuration has {wanted}");
        };
        if self.is_any_done(status) {
            let done = self.last_hosts();
            let done = done.iter().filter(|host| host.is_wanted).count();
            return format!(
                "{done} of {} hosts have {wanted}, and so has the session host configuration: hosts made later get it, too. The way back is a roll-out of {previous}",
                hosts.max(self.last_hosts().len())
            );
        }
        let now = self.arm.host_configuration(&self.request.pool, false).await;
        let image = now.ok().flatten().and_then(|now| now.image);
        if image.as_ref().is_some_and(|image| !image.is(&look.wanted)) {
            return "the session host configuration was changed by somebody else, and stays as it is".to_owned();
        }
        match self.set_image(Some(&look.wanted), previous).await {
            Ok(None) => format!(
                "no host was updated, and the session host configuration has {} again",
                table::short(previous)
            ),
            Ok(Some(failure)) => not_put_back(&wanted, &failure.to_string()),
            Err(failure) => not_put_back(&wanted, &failure.to_string()),
        }
    }

    /// `back`: the hosts that were updated get the image of before, by another update.
    async fn back(&self, look: &Look, last: &UpdateStatus) -> String {
        let Some(previous) = look
            .previous
            .clone()
            .filter(|image| !image.is(&look.wanted))
        else {
            return "the image of before is not known, so the hosts stay as they are".to_owned();
        };
        self.emit(Of::Step("back"));
        let name = table::short(&previous);
        match self.updated_back(look, previous, last).await {
            Ok(None) => format!("the pool is back at {name}"),
            Ok(Some(end)) => format!("the update back to {name} has not succeeded: {end}"),
            Err(failure) => format!("going back to {name} failed: {failure}"),
        }
    }

    /// Nothing, or how it ended otherwise.
    async fn updated_back(
        &self,
        look: &Look,
        previous: ImageInfo,
        last: &UpdateStatus,
    ) -> Result<Option<String>, NotRolledOut> {
        if let Some(failure) = self.set_image(Some(&look.wanted), &previous).await? {
            return Err(failure.into());
        }
        let back = Look {
            wanted: previous,
            before: Some(last.clone()),
            ..look.clone()
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
        let end = format!("{}{}", words(&over.status), why.unwrap_or_default());
        Ok((!is_done).then_some(end))
    }

    /// The service did not take the request: nothing has begun.
    pub(super) async fn refused_update(&self, failure: Failure, look: &Look) -> NotRolledOut {
        let hosts = self.last_hosts().len();
        let nothing = UpdateStatus::default();
        let after = self.put_back(look, &nothing, hosts).await;
        self.emit(Of::Line(after));
        failure.into()
    }
}

/// Whether the service could neither update a host nor give it back as it was.
fn is_broken(host: &Host) -> bool {
    let is_failed = host.host.status.eq_ignore_ascii_case("UpgradeFailed");
    is_failed && !host.is_open() && !host.is_wanted
}

fn not_put_back(wanted: &str, why: &str) -> String {
    format!(
        "no host was updated, but the session host configuration still has {wanted}, which hosts made later get: setting it back failed: {why}"
    )
}
