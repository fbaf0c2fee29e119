//! Waiting until the VM runs and its guest agent is ready, or until it is certain that it does not come up.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::event::Event;
use super::vm_test::{PLACES, VmTest};
use crate::arm::machine::Machine;
use crate::arm::operation::{Started, Status};
use crate::arm::pace::{Pace, READ_AFTER_WRITE};
use crate::diagnosis::of_text;
use crate::image_test::codes::NOT_RUN;
use crate::image_test::not_tested::NotTested;
use crate::secret::Secret;
use crate::wording::duration;

/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(120);
/// The VM may be unreadable for so long.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);
/// What Azure calls a system that does not report that it is up. It is the only end of a creation that speaks of the image.
const NOT_UP: &str = "OSProvisioningTimedOut";

/// How a boot ended.
pub(super) enum Boot {
    /// It is up, after so long.
    Ready(Duration),
    /// It did not come up: why, as the rest of a sentence.
    Failed(String),
}

impl VmTest<'_> {
    /// Waits for the VM that was asked for at `start`.
    pub(super) async fn boot(&self, started: &Started, start: Instant) -> Result<Boot, NotTested> {
        let machine = self.machine();
        let mut operation = started.operation.as_ref();
        let mut pace = Pace::new(started.pause);
        let (mut spoken, mut news) = (Instant::now(), Instant::now());
        let limit = self.vm.boot_limit;
        loop {
            let left = limit.saturating_sub(start.elapsed());
            // One read at the very end of the time, and the usual pace after it if that one fails.
            let pause = if left.is_zero() {
                pace.pause()
            } else {
                pace.pause().min(left)
            };
            sleep(pause).await;
            let view = match self.step.arm.poll_machine(&machine).await {
                Ok(seen) => {
                    news = Instant::now();
                    if seen.pause.is_some() {
                        pace.asked(seen.pause);
                    }
                    seen.value
                }
                Err(failure) if failure.is_passing() && news.elapsed() < LONGEST_SILENCE => {
                    continue;
                }
                Err(failure) => return Err(failure.into()),
            };
            if view.as_ref().is_some_and(Machine::is_ready) {
                return Ok(Boot::Ready(start.elapsed()));
            }
            if let Some(address) = operation {
                match self.end_of(address, &mut pace).await {
                    Some(Status::Failed { code, message }) => {
                        return self.not_made(&code, &message);
                    }
                    Some(Status::Canceled) => return self.not_made("Canceled", "it was canceled"),
                    Some(Status::Succeeded) => operation = None,
                    Some(Status::InProgress) | None => {}
                }
            }
            let state = match ended(view.as_ref(), start.elapsed()) {
                Ok(state) => state,
                Err((code, message)) => return self.not_made(&code, &message),
            };
            if start.elapsed() >= limit {
                let why = format!("it was not up after {}: {state}", duration(limit));
                return Ok(Boot::Failed(why));
            }
            if spoken.elapsed() >= HEARTBEAT {
                spoken = Instant::now();
                let elapsed = start.elapsed();
                self.tell(Event::Booting { state, elapsed });
            }
        }
    }

    async fn end_of(&self, address: &Secret, pace: &mut Pace) -> Option<Status> {
        let doing = format!("Creating VM '{}'", self.name());
        let seen = self.step.arm.operation(&doing, address).await.ok()?;
        if seen.pause.is_some() {
            pace.asked(seen.pause);
        }
        Some(seen.value)
    }

    /// The creation ended badly: that is a verdict only where the system did not come up.
    fn not_made(&self, code: &str, message: &str) -> Result<Boot, NotTested> {
        let said = match (code, message) {
            ("", "") => "Azure does not say why".to_owned(),
            ("", text) | (text, "") => text.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        if code.eq_ignore_ascii_case(NOT_UP) || said.contains(NOT_UP) {
            return Ok(Boot::Failed(said));
        }
        let text = format!("Creating VM '{}' failed: {said}", self.name());
        Err(if let Some(known) = of_text(&PLACES, &said) {
            let hint = format!("{}: {}", known.cause, known.fix);
            NotTested::refused(known.entry.code, text, hint)
        } else {
            let hint = "the image was not judged; run the step again, and if it fails again, see the activity log of the resource group".to_owned();
            NotTested::refused(NOT_RUN, text, hint)
        })
    }
}

/// How a VM is that is not ready; or code and text of an end from which it does not come back.
fn ended(view: Option<&Machine>, elapsed: Duration) -> Result<String, (String, String)> {
    let Some(view) = view else {
        return if elapsed >= READ_AFTER_WRITE {
            Err((String::new(), "the VM is gone".to_owned()))
        } else {
            Ok("it does not show yet".to_owned())
        };
    };
    if view.provisioning.eq_ignore_ascii_case("Failed") {
        return Err(view.failure.clone().unwrap_or_default());
    }
    // A system may switch itself off, but it does not give its machine back.
    if view.power.starts_with("deallocat") {
        return Err((String::new(), "someone has deallocated the VM".to_owned()));
    }
    Ok(described(view))
}

/// How a VM is that is not ready.
fn described(view: &Machine) -> String {
    if view.provisioning.eq_ignore_ascii_case("Creating") && !view.is_running() {
        return "the VM is being created".to_owned();
    }
    if !view.is_running() {
        let power = match view.power_in_words.as_str() {
            "" => "no state",
            words => words,
        };
        return format!("Azure says '{power}' of the VM");
    }
    match &view.agent {
        Some(_) if view.agent_is_ready => {
            "the guest agent is ready, and the VM is being created".to_owned()
        }
        Some(said) => format!("the guest agent is not ready: {said}"),
        None => "the guest agent has not reported".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_not_ready_is_described() {
        let view = |state: &str, power: &str, agent: Option<&str>, ready: bool| Machine {
            provisioning: state.to_owned(),
            power: power.trim_start_matches("VM ").to_owned(),
            power_in_words: power.to_owned(),
            agent: agent.map(str::to_owned),
            agent_is_ready: ready,
            ..Machine::default()
        };
        let check = |view: &Machine, expected: &str| assert_eq!(described(view), expected);
        check(
            &view("Creating", "", None, false),
            "the VM is being created",
        );
        check(
            &view("Succeeded", "VM stopped", None, false),
            "Azure says 'VM stopped' of the VM",
        );
        let gone = view("Succeeded", "VM deallocated", None, false);
        assert!(ended(Some(&gone), Duration::ZERO).is_err());
        assert!(ended(None, Duration::ZERO).is_ok() && ended(None, READ_AFTER_WRITE).is_err());
        check(
            &view("Succeeded", "", None, false),
            "Azure says 'no state' of the VM",
        );
        check(
            &view("Succeeded", "VM running", None, false),
            "the guest agent has not reported",
        );
        check(
            &view("Succeeded", "VM running", Some("not yet"), false),
            "the guest agent is not ready: not yet",
        );
        check(
            &view("Creating", "VM running", Some("x"), true),
            "the guest agent is ready, and the VM is being created",
        );
    }
}
