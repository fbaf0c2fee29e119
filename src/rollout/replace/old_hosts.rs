//! The old hosts: a message to their users, the time of grace, and what becomes of those that nobody uses any more.

use std::time::Duration;

use futures::future::join_all;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::plan::Plan;
use super::removal::NO_MACHINE;
use super::{Event, REMAINS};
use crate::arm::Failure;
use crate::arm::desktops::user_session::UserSession;
use crate::arm::machine::Machine;
use crate::arm::machine_part::Part;
use crate::arm::operation::{Started, Status};
use crate::arm::pace::Pace;
use crate::inputs::RolloutMethod;
use crate::resource::{ResourceId, quoted};
use crate::rollout::event::Event as Of;
use crate::rollout::kept::TAG;
use crate::rollout::watch::LOOK_AGAIN;
use crate::rollout::{Host, Job};

/// So many hosts are switched off together.
const AT_ONCE: usize = 4;
/// How often sessions are counted while the time of grace runs.
const COUNT: Duration = Duration::from_secs(60);
/// How long a session takes to end that was signed out.
const ENDING: Duration = Duration::from_secs(300);
/// A VM is stopped or deleted in a minute; after this nobody waits any longer.
const LONGEST: Duration = Duration::from_secs(30 * 60);
const TITLE: &str = "Your desktop is updated";

impl Job<'_> {
    /// Tells the users of drained hosts, waits as long as they have, and signs them out then.
    pub(super) async fn let_users_leave(&self, old: &[Host]) {
        let occupied: Vec<String> = old
            .iter()
            .filter(|host| !host.host.allow_new_session && host.host.sessions != Some(0))
            .map(|host| host.host.name.clone())
            .collect();
        let message = self.request.message(RolloutMethod::Replace);
        let (mut sessions, mut hosts) = (0, 0);
        for host in &occupied {
            let told = self.tell_users(host, &message).await;
            sessions += told;
            hosts += usize::from(told > 0);
        }
        let grace = self.request.grace;
        if sessions == 0 {
            return;
        }
        self.emit(Of::Replace(Event::Messages {
            sessions,
            hosts,
            grace: Some(grace).filter(|grace| !grace.is_zero()),
        }));
        if grace.is_zero() {
            return;
        }
        if self.all_leave(&occupied, grace).await {
            return;
        }
        let mut left = Vec::new();
        for host in &occupied {
            let there = self.arm.user_sessions(&self.request.pool, host).await;
            let there = self.or_no_news(there).unwrap_or_default();
            left.extend(there.into_iter().map(|session| (host.as_str(), session)));
        }
        self.emit(Of::Replace(Event::SigningOut {
            sessions: left.len(),
        }));
        // Who is not at the desk first: whoever works may still save something.
        left.sort_by_key(|(_, session)| !session.is_disconnected);
        for (host, session) in &left {
            let done = self.arm.sign_out(&self.request.pool, host, session).await;
            self.or_no_news(done);
        }
        self.all_leave(&occupied, ENDING).await;
    }

    /// How many sessions of a host were told.
    async fn tell_users(&self, host: &str, message: &str) -> usize {
        let there = self.arm.user_sessions(&self.request.pool, host).await;
        let there: Vec<UserSession> = self.or_no_news(there).unwrap_or_default();
        let mut told = 0;
        for session in &there {
            let text = (TITLE, message);
            let sent = self
                .arm
                .send_message(&self.request.pool, host, session, text);
            match sent.await {
                Ok(()) => told += 1,
                // Who has left needs no message.
                Err(failure) if failure.is(http::StatusCode::NOT_FOUND) => {}
                Err(failure) => self.no_news_of(&failure),
            }
        }
        // Nobody is told twice that there is nobody.
        told.max(there.len())
    }

    /// Whether no user is left on these hosts within `time`.
    async fn all_leave(&self, hosts: &[String], time: Duration) -> bool {
        let start = Instant::now();
        loop {
            let looks = self.look_at(hosts).await;
            let is_empty = |sessions: Option<u64>| sessions == Some(0);
            if looks.iter().all(|look| is_empty(look.sessions)) {
                return true;
            }
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            sleep(COUNT.min(left)).await;
        }
    }

    fn or_no_news<T>(&self, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.no_news_of(&failure)).ok()
    }

    fn no_news_of(&self, failure: &Failure) {
        let reason = failure.to_string();
        self.emit(Of::Replace(Event::NoNews { reason }));
    }

    /// Switches off the old hosts that nobody uses. What does not work there is a warning: users are on the new ones.
    pub(super) async fn switch_off(&self, plan: &Plan, old: &[Host], hosts: &mut Vec<Host>) {
        if plan.is_second && !self.keeps_old() {
            self.finish_removals(plan, hosts).await;
        }
        for some in old.chunks(AT_ONCE) {
            let some = some.iter().map(|host| self.switch_one_off(plan, host));
            for gone in join_all(some).await.into_iter().flatten() {
                hosts.retain(|host| host.host.name != gone);
            }
        }
    }

    pub(super) fn keeps_old(&self) -> bool {
        self.request.keeps_old.unwrap_or(true)
    }

    /// The name of the host if it is gone from the pool.
    async fn switch_one_off(&self, plan: &Plan, host: &Host) -> Option<String> {
        let name = host.host.name.clone();
        let now = match self.host(&name).await {
            Ok(Some(now)) => now,
            Ok(None) => return Some(name),
            Err(error) => {
                self.stays(&name, &error.to_string());
                return None;
            }
        };
        // Somebody has let users in again.
        if now.allow_new_session {
            return None;
        }
        if now.sessions != Some(0) {
            let (host, sessions) = (name, now.sessions);
            self.emit(Of::Replace(Event::Occupied { host, sessions }));
            return None;
        }
        if self.keeps_old() {
            self.keep(&name, now.machine.as_ref()).await;
            return None;
        }
        let removed = self.remove(plan, &name, now.machine.as_ref()).await;
        removed.then_some(name)
    }

    /// Deallocates the VM of a host, which stays in the pool as the way back.
    async fn keep(&self, name: &str, machine: Option<&ResourceId>) {
        let Some(machine) = machine else {
            return self.stays(name, NO_MACHINE);
        };
        let state = match self.arm.machine_with_view(machine).await {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(failure) => return self.stays(name, &failure.to_string()),
        };
        if state.power == "deallocated" {
            // An earlier roll-out or another attempt has kept it.
            if state.tag(TAG).is_none() {
                self.tag(machine, &state, &self.replaced_by()).await;
            }
            return;
        }
        self.emit(Of::Changed);
        self.tag(machine, &state, &self.replaced_by()).await;
        let done = match self.arm.deallocate_machine(machine).await {
            Ok(started) => self.end_of(name, started).await,
            Err(failure) => Err(failure.to_string()),
        };
        match done {
            Ok(()) => self.emit(Of::Replace(Event::Deallocated {
                host: name.to_owned(),
            })),
            Err(why) => {
                let text = format!(
                    "VM '{}' of the old session host '{name}' runs on: {why}",
                    machine.name()
                );
                let hint = format!(
                    "to stop it, run: az vm deallocate --ids {}",
                    quoted(machine.as_str())
                );
                self.warn(REMAINS, text, Some(hint));
            }
        }
    }

    /// `replaced-by:1.0.2609402;2026-11-29T10:00:00Z`.
    fn replaced_by(&self) -> String {
        let now = self.now();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let now = now.format(&Rfc3339).unwrap_or_default();
        format!("replaced-by:{};{now}", self.request.image.short())
    }

    /// Adds the tag by which `retain` and people know what the VM is. Who may not write tags may still change the VM.
    pub(super) async fn tag(&self, machine: &ResourceId, state: &Machine, value: &str) -> bool {
        let failure = match self.arm.add_tag(machine, TAG, value).await {
            Ok(()) => return true,
            Err(failure) => failure,
        };
        let mut tags = state.tags.clone();
        tags.retain(|name, _| !name.eq_ignore_ascii_case(TAG));
        tags.insert(TAG.to_owned(), value.to_owned());
        if self.arm.set_tags(Part::Vm, machine, &tags).await.is_ok() {
            return true;
        }
        let text = format!("VM '{}' has no tag '{TAG}': {failure}", machine.name());
        let hint = "a later roll-out does not know that this VM was kept; give the principal of the service connection the permission Microsoft.Resources/tags/write".to_owned();
        self.warn(REMAINS, text, Some(hint));
        false
    }

    /// Waits for the end of what was asked of a VM.
    pub(super) async fn end_of(&self, name: &str, started: Started) -> Result<(), String> {
        let Some(operation) = &started.operation else {
            return Ok(());
        };
        let start = Instant::now();
        let doing = format!("Following the VM of session host '{name}'");
        let mut pace = Pace::new(started.pause);
        loop {
            sleep(pace.pause().min(LOOK_AGAIN)).await;
            match self.arm.operation(&doing, operation).await {
                Ok(seen) => {
                    pace.asked(seen.pause);
                    match seen.value {
                        Status::InProgress => {}
                        Status::Succeeded => return Ok(()),
                        Status::Failed { code, message } => {
                            return Err(format!("{code}: {message}"));
                        }
                        Status::Canceled => return Err("it was canceled in Azure".to_owned()),
                    }
                }
                Err(failure) if failure.is_passing() => {}
                // It was asked for, and who may not read the operation does not learn more.
                Err(_) => return Ok(()),
            }
            if start.elapsed() >= LONGEST {
                return Err("it has not ended within 30 minutes".to_owned());
            }
        }
    }

    fn stays(&self, name: &str, why: &str) {
        let text = format!("The old session host '{name}' stays drained as it is: {why}");
        let hint = "run the job again, or look at it in the host pool".to_owned();
        self.warn(REMAINS, text, Some(hint));
    }
}
