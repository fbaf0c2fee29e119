//! Words for what happens while new hosts are made, and while hosts are waited for.

use crate::rollout::replace::Event;
use crate::rollout::watch::HealthEvent;
use crate::wording::{counted, duration};

/// The line for an event of a replacement.
pub(super) fn line(event: &Event) -> String {
    match event {
        Event::Deploying {
            deployment,
            hosts: (first, last),
            count,
        } => match count {
            1 => format!("starting deployment {deployment}:  {first}"),
            _ => format!("starting deployment {deployment}:  {first} to {last} ({count} hosts)"),
        },
        Event::Following { deployment } => {
            format!("following deployment {deployment}, which is there already...")
        }
        Event::Made { deployment } => {
            format!("deployment {deployment}:  Succeeded in an earlier attempt")
        }
        Event::Going {
            deployment,
            state,
            elapsed,
        }
        | Event::Ended {
            deployment,
            state,
            elapsed,
        } => format!(
            "deployment {deployment}:  {state} (after {})",
            duration(*elapsed)
        ),
        Event::Slow {
            resource,
            duration: since,
        } => format!("{resource}:  not ready for {}", duration(*since)),
        Event::Registered { host } => {
            format!("{host}:  registered, drained until it is healthy")
        }
        Event::NoNews { reason } => format!("no news:  {reason}"),
        other => of_old_hosts(other),
    }
}

/// The line for what happens to hosts that go out of service.
fn of_old_hosts(event: &Event) -> String {
    match event {
        Event::Messages {
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
        Event::SigningOut { sessions } => {
            format!("signing out {}...", counted(*sessions, "session"))
        }
        Event::Occupied { host, sessions } => match sessions {
            Some(sessions) => format!(
                "{host}:  stays drained with {}",
                counted(*sessions, "session")
            ),
            None => format!("{host}:  stays drained, because Azure does not tell its sessions"),
        },
        Event::Deallocated { host } => format!("{host}:  deallocated, kept as the way back"),
        Event::Removed { host } => format!("{host}:  removed, its VM is deleted"),
        Event::TakenBack { host } => format!("{host}:  taken back"),
        // Those of deployments have their words above.
        _ => String::new(),
    }
}

/// The line for what is known of the health of a host.
pub(super) fn health(event: &HealthEvent) -> String {
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
