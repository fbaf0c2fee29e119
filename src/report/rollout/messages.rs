//! What the log says of the events of a roll-out.

use std::time::Duration;

use super::table;
use crate::rollout::event::{Event, HealthEvent, ReplacementEvent, UpdateEvent};
use crate::wording::{counted, duration};

/// The lines for an event; none for what is only kept. `wanted` is the image, as tables call it.
pub(super) fn lines(event: &Event, wanted: &str) -> Vec<String> {
    match event {
        Event::Overview(overview) => table::lines(overview),
        Event::Method { method, is_chosen } => {
            let chosen = if *is_chosen { " (chosen by auto)" } else { "" };
            vec![format!("method:  {}{chosen}", method.name())]
        }
        Event::Nothing { why } => vec![format!("nothing to do:  {why}")],
        Event::Plan(lines) => {
            let mut all = vec!["preview:  nothing is changed; without 'preview':".to_owned()];
            all.extend(lines.iter().map(|line| format!("  {line}")));
            all
        }
        Event::Faults(faults) => faults
            .iter()
            .map(|fault| format!("fault:  {fault}"))
            .collect(),
        Event::Line(line) => vec![line.clone()],
        Event::Update(event) => vec![of_update(event, wanted)],
        Event::Replace(event) => vec![of_replacement(event)],
        Event::Health(event) => vec![of_health(event)],
        Event::Phase(_)
        | Event::Previous(_)
        | Event::Hosts(_)
        | Event::Changed
        | Event::Kept(_)
        | Event::Stopped { .. }
        | Event::Warning(_) => Vec::new(),
    }
}

/// The line for what happens during a session host update.
fn of_update(event: &UpdateEvent, wanted: &str) -> String {
    match event {
        UpdateEvent::Configuring { from, to } => format!("session host configuration:  {from} -> {to}"),
        UpdateEvent::StillConfiguring { state, elapsed } => format!(
            "session host configuration:  {state} (after {})",
            duration(*elapsed)
        ),
        UpdateEvent::Searching => "session host update:  looking for a minute whether an earlier attempt has asked for one...".to_owned(),
        UpdateEvent::Starting => "starting session host update...".to_owned(),
        UpdateEvent::Following(status) => format!(
            "following the session host update to {wanted} that an earlier attempt started:  {status}"
        ),
        UpdateEvent::Unanswered { reason } => format!(
            "whether the session host update was accepted is not known, so the step checks before it asks again:  {reason}"
        ),
        UpdateEvent::Status { status, elapsed } => {
            let rounded = elapsed.as_secs() / 60 * 60;
            let after = if rounded < 60 {
                elapsed.as_secs()
            } else {
                rounded
            };
            let after = if (60..3600).contains(&after) {
                format!("{} min", after / 60)
            } else {
                duration(Duration::from_secs(after))
            };
            format!("session host update:  {status} (after {after})")
        }
        UpdateEvent::Host { name, status } => format!("  {name}  {status}"),
        UpdateEvent::Control(action) => format!("sending {action} to the session host update..."),
        UpdateEvent::Unwilling { action, reason } => {
            format!("{action} was not accepted:    {reason}")
        }
        UpdateEvent::NoNews { reason } => format!("no news:  {reason}"),
        UpdateEvent::NoHosts => "session host update:  no host needs one".to_owned(),
    }
}

/// The line for what happens while new hosts are made, and old ones go out of service.
#[expect(clippy::too_many_lines, reason = "one arm for each event")]
fn of_replacement(event: &ReplacementEvent) -> String {
    match event {
        ReplacementEvent::Deploying {
            deployment,
            hosts: (first, last),
            count,
        } => match count {
            1 => format!("starting deployment {deployment}:  {first}"),
            _ => format!("starting deployment {deployment}:  {first} to {last} ({count} hosts)"),
        },
        ReplacementEvent::Following { deployment } => {
            format!("following deployment {deployment}, which is there already...")
        }
        ReplacementEvent::Made { deployment } => {
            format!("deployment {deployment}:  Succeeded in an earlier attempt")
        }
        ReplacementEvent::Going {
            deployment,
            state,
            elapsed,
        }
        | ReplacementEvent::Ended {
            deployment,
            state,
            elapsed,
        } => format!(
            "deployment {deployment}:  {state} (after {})",
            duration(*elapsed)
        ),
        ReplacementEvent::Slow {
            resource,
            duration: since,
        } => format!("{resource}:  not ready for {}", duration(*since)),
        ReplacementEvent::Registered { host } => {
            format!("{host}:  registered, drained until it is healthy")
        }
        ReplacementEvent::NoNews { reason } => format!("no news:  {reason}"),
        ReplacementEvent::Messages {
            sessions,
            hosts,
            grace,
        } => {
            let sessions = counted(*sessions, "session");
            let hosts = counted(*hosts, "old host");
            match grace {
                Some(grace) => format!(
                    "message to {sessions} on {hosts}:  they have {}",
                    duration(*grace)
                ),
                None => {
                    format!("message to {sessions} on {hosts}:  they end when their users sign out")
                }
            }
        }
        ReplacementEvent::SigningOut { sessions } => {
            format!("signing out {}...", counted(*sessions, "session"))
        }
        ReplacementEvent::Occupied { host, sessions } => match sessions {
            Some(sessions) => format!(
                "{host}:  stays drained with {}",
                counted(*sessions, "session")
            ),
            None => format!("{host}:  stays drained, because Azure does not report its sessions"),
        },
        ReplacementEvent::Deallocated { host } => {
            format!("{host}:  deallocated, kept as the way back")
        }
        ReplacementEvent::Removed { host } => format!("{host}:  removed, its VM is deleted"),
        ReplacementEvent::TakenBack { host } => format!("{host}:  taken back"),
    }
}

/// The line for what is known of the health of a host.
fn of_health(event: &HealthEvent) -> String {
    match event {
        HealthEvent::Healthy {
            host,
            unknown,
            elapsed,
        } => {
            let unknown = match unknown.as_slice() {
                [] => String::new(),
                checks => format!(", no result of {}", checks.join(", ")),
            };
            format!("{host}:  healthy{unknown} (after {})", duration(*elapsed))
        }
        HealthEvent::Ill {
            host,
            reasons,
            elapsed,
        } => format!(
            "{host}:  not healthy, {} (after {})",
            reasons.join(", "),
            duration(*elapsed)
        ),
        HealthEvent::Waiting { hosts, elapsed } => format!(
            "waiting for {} (after {})",
            counted(*hosts, "host"),
            duration(*elapsed)
        ),
    }
}
