//! The old hosts: a message to their users, the time of grace, and what becomes of those that nobody uses any more.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::plan::Plan;
use super::removal::NO_MACHINE;
use crate::arm::Failure;
use crate::arm::machine::Machine;
use crate::arm::machine_part::Part;
use crate::arm::operation::{Started, Status};
use crate::arm::pace::Pace;
use crate::inputs::RolloutMethod;
use crate::resource::tag::ROLLOUT as TAG;
use crate::resource::{ResourceId, quoted};
use crate::rollout::codes;
use crate::rollout::event::{Event, ReplacementEvent};
use crate::rollout::health_watch::LOOK_AGAIN;
use crate::rollout::host::Host;
use crate::rollout::step::RolloutStep;
use crate::wording::counted;

/// How many hosts are switched off together.
const AT_ONCE: usize = 4;
/// How often sessions are counted while the time of grace runs.
const COUNT: Duration = Duration::from_secs(60);
/// How long a session takes to end that was signed out.
const ENDING: Duration = Duration::from_secs(300);
/// A VM is stopped or deleted in a minute; after this nobody waits any longer.
const LONGEST: Duration = Duration::from_secs(30 * 60);
const TITLE: &str = "Your desktop is updated";

/// What became of the messages to the users of one host.
#[derive(Default)]
struct Messages {
    /// How many sessions are there.
    sessions: usize,
    /// How many of them got the message.
    sent: usize,
    /// Users at work who got none.
    unsent: usize,
    /// Why they got none, or why nobody knows who is there.
    failure: Option<Failure>,
}

impl RolloutStep<'_> {
    /// Sends a message to the users of drained hosts, waits as long as they have, and signs them out then.
    pub(super) async fn let_users_leave(&self, old: &[Host]) {
        let occupied = old
            .iter()
            .filter(|host| !host.is_open() && host.host.sessions != Some(0));
        let message = self.request.message(RolloutMethod::Replace);
        let (mut sessions, mut hosts) = (0, 0);
        // Who got no message is not signed out.
        let (mut informed, mut others) = (Vec::new(), Vec::new());
        for host in occupied {
            let name = host.name().to_owned();
            let messages = self.send_messages(&name, &message).await;
            sessions += messages.sent;
            hosts += usize::from(messages.sent > 0);
            if messages.failure.is_some() {
                others.push((name, messages));
            } else if messages.sessions > 0 {
                informed.push(name);
            }
        }
        let grace = self.request.grace;
        if sessions > 0 {
            self.emit(Event::Replace(ReplacementEvent::Messages {
                sessions,
                hosts,
                grace: Some(grace).filter(|grace| !grace.is_zero()),
            }));
        }
        self.warn_of_unsent(&others);
        if grace.is_zero() || informed.is_empty() || self.all_leave(&informed, grace).await {
            return;
        }
        self.sign_out_of(&informed).await;
    }

    async fn send_messages(&self, host: &str, message: &str) -> Messages {
        let there = match self.arm.user_sessions(&self.request.pool, host).await {
            Ok(there) => there,
            Err(failure) => {
                return Messages {
                    failure: Some(failure),
                    ..Messages::default()
                };
            }
        };
        let mut messages = Messages {
            sessions: there.len(),
            ..Messages::default()
        };
        for session in &there {
            let sent = self
                .arm
                .send_message(&self.request.pool, host, session, (TITLE, message));
            match sent.await {
                Ok(()) => messages.sent += 1,
                // Who has left needs no message.
                Err(failure) if failure.is(StatusCode::NOT_FOUND) => {}
                // Nobody reads it there at the moment.
                Err(failure) if session.is_disconnected => self.no_news_of(&failure),
                Err(failure) => {
                    messages.unsent += 1;
                    messages.failure.get_or_insert(failure);
                }
            }
        }
        messages
    }

    fn warn_of_unsent(&self, hosts: &[(String, Messages)]) {
        let Some(failure) = hosts.iter().find_map(|(_, it)| it.failure.as_ref()) else {
            return;
        };
        let named = |(name, messages): &(String, Messages)| match messages.unsent {
            0 => name.clone(),
            users => format!("{name} ({})", counted(users, "user")),
        };
        let named: Vec<String> = hosts.iter().map(named).collect();
        let stay = if self.request.grace.is_zero() {
            ""
        } else {
            ", so that nobody is signed out there"
        };
        let text = format!(
            "Users on old session hosts got no message{stay}: {}: {failure}",
            named.join(", ")
        );
        let mut hint =
            "tell them to sign out: the hosts stay drained, and run until then".to_owned();
        if failure.is(StatusCode::FORBIDDEN) {
            hint.push_str("; for the next time, give the principal of the service connection the role 'Desktop Virtualization Host Pool Contributor' on the host pool");
        }
        self.warn(codes::REMAINS, text, Some(hint));
    }

    /// Signs out the users of those hosts that are still drained.
    async fn sign_out_of(&self, hosts: &[String]) {
        let (mut left, mut closed) = (Vec::new(), Vec::new());
        for host in hosts {
            match self.host(host).await {
                Ok(Some(now)) if !now.allow_new_session => closed.push(host.clone()),
                // Gone, or someone has let users in again.
                Ok(_) => continue,
                Err(error) => {
                    let reason = error.to_string();
                    self.emit(Event::Replace(ReplacementEvent::NoNews { reason }));
                    continue;
                }
            }
            let there = self.arm.user_sessions(&self.request.pool, host).await;
            let there = self.or_no_news(there).unwrap_or_default();
            left.extend(there.into_iter().map(|session| (host.as_str(), session)));
        }
        if left.is_empty() {
            return;
        }
        self.emit(Event::Replace(ReplacementEvent::SigningOut {
            sessions: left.len(),
        }));
        // Who is not at the desk first: whoever works may still save something.
        left.sort_by_key(|(_, session)| !session.is_disconnected);
        for (host, session) in &left {
            let done = self.arm.sign_out(&self.request.pool, host, session).await;
            self.or_no_news(done);
        }
        self.all_leave(&closed, ENDING).await;
    }

    /// Whether no user is left on these hosts within `time`.
    async fn all_leave(&self, hosts: &[String], time: Duration) -> bool {
        let start = Instant::now();
        loop {
            let states = self.states_of(hosts).await;
            let is_empty = |sessions: Option<u64>| sessions == Some(0);
            if states.iter().all(|state| is_empty(state.sessions)) {
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
        self.emit(Event::Replace(ReplacementEvent::NoNews { reason }));
    }

    /// Switches off the old hosts that nobody uses. What does not work there is a warning: users are on the new ones.
    pub(super) async fn switch_off(&self, plan: &Plan, old: &[Host], hosts: &mut Vec<Host>) {
        if plan.is_second && !self.request.keeps_old(RolloutMethod::Replace) {
            self.finish_removals(plan, hosts).await;
        }
        for some in old.chunks(AT_ONCE) {
            let some = some.iter().map(|host| self.switch_one_off(plan, host));
            for gone in join_all(some).await.into_iter().flatten() {
                hosts.retain(|host| host.host.name != gone);
            }
        }
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
        if now.allow_new_session {
            self.emit(Event::Line(format!(
                "{name}:  stays as it is, because someone has let users in again"
            )));
            return None;
        }
        if now.sessions != Some(0) {
            let (host, sessions) = (name, now.sessions);
            self.emit(Event::Replace(ReplacementEvent::Occupied {
                host,
                sessions,
            }));
            return None;
        }
        if self.request.keeps_old(RolloutMethod::Replace) {
            self.keep(&name, now.machine.as_ref()).await;
            return None;
        }
        let removed = self.remove(plan, &name, now.machine.as_ref()).await;
        removed.is_gone().then_some(name)
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
        self.emit(Event::Changed);
        self.tag(machine, &state, &self.replaced_by()).await;
        let done = match self.arm.deallocate_machine(machine).await {
            Ok(started) => self.end_of(name, started).await,
            Err(failure) => Err(failure.to_string()),
        };
        match done {
            Ok(()) => self.emit(Event::Replace(ReplacementEvent::Deallocated {
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
                self.warn(codes::REMAINS, text, Some(hint));
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
            Ok(()) => {
                self.note_tag(machine, TAG, value);
                return true;
            }
            Err(failure) => failure,
        };
        let mut tags = state.tags.clone();
        tags.retain(|name, _| !name.eq_ignore_ascii_case(TAG));
        tags.insert(TAG.to_owned(), value.to_owned());
        if self.arm.set_tags(Part::Vm, machine, &tags).await.is_ok() {
            self.note_tag(machine, TAG, value);
            return true;
        }
        let text = format!("VM '{}' has no tag '{TAG}': {failure}", machine.name());
        let hint = "a later roll-out does not know that this VM was kept; give the principal of the service connection the permission Microsoft.Resources/tags/write".to_owned();
        self.warn(codes::REMAINS, text, Some(hint));
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
        let hint = "run the job again, or check it in the host pool".to_owned();
        self.warn(codes::REMAINS, text, Some(hint));
    }
}
