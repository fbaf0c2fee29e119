//! Words for a session host update.

use crate::error::duration;
use crate::rollout::session_host_update::{Event, words};

/// The lines for an event.
pub(super) fn lines(event: &Event, wanted: &str) -> Vec<String> {
    let line = match event {
        Event::Configuring { from, to } => format!("session host configuration:  {from} -> {to}"),
        Event::StillConfiguring { state, elapsed } => format!(
            "session host configuration:  {state} (after {})",
            duration(*elapsed)
        ),
        Event::Starting => "starting session host update...".to_owned(),
        Event::Following(status) => format!(
            "following the session host update to {wanted} that an earlier attempt began:  {}",
            words(status)
        ),
        Event::Unanswered { reason } => format!(
            "whether the session host update was accepted is not known, so it is not asked for again before a look:  {reason}"
        ),
        Event::Status { status, elapsed } => {
            let rounded = elapsed.as_secs() / 60 * 60;
            let after = if rounded < 60 {
                elapsed.as_secs()
            } else {
                rounded
            };
            let after = if (60..3600).contains(&after) {
                format!("{} min", after / 60)
            } else {
                duration(std::time::Duration::from_secs(after))
            };
            format!("session host update:  {} (after {after})", words(status))
        }
        Event::Host { name, status } => format!("  {name}  {status}"),
        Event::Control(action) => format!("sending {action} to the session host update..."),
        Event::Unwilling { action, reason } => {
            format!("{action} was not taken:  {reason}")
        }
        Event::NoNews { reason } => format!("no news:  {reason}"),
        Event::NoHosts => "session host update:  no host needs one".to_owned(),
    };
    vec![line]
}
