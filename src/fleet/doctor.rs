//! What a report needs: it is read as the report itself reads it.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::event::{Event, Events};
use super::{Outcome, report};
use crate::arm::Arm;
use crate::check::{Finding, Verdict};
use crate::error::FLEET_NOT_SEEN;
use crate::inputs::Fleet;
use crate::wording::counted;

/// Records what was read.
#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Events for Recorder {
    fn emit(&self, event: Event) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(event);
    }
}

/// Reads all that a report reads. A failure of one stops no other.
pub async fn doctor(fleet: &Fleet, arm: &Arm) -> Vec<Finding> {
    let (recorder, mut outcome) = (Recorder::default(), Outcome::default());
    let stop = CancellationToken::new();
    report(fleet, arm, &recorder, &stop, &mut outcome).await;
    let seen = recorder
        .0
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let mut findings: Vec<Finding> = seen.iter().filter_map(fine).collect();
    findings.extend(outcome.not_read.into_iter().map(|not_read| Finding {
        check: "permissions",
        verdict: Verdict::Problem(FLEET_NOT_SEEN),
        text: format!("{} cannot be read: {}", not_read.what, not_read.why),
        fix: Some(not_read.hint),
    }));
    findings.extend(outcome.errors.iter().map(|error| Finding {
        check: "report",
        verdict: Verdict::Problem(error.code()),
        text: error.to_string(),
        fix: error.hint(),
    }));
    findings
}

fn fine(event: &Event) -> Option<Finding> {
    let (check, text) = match event {
        Event::Versions { definition, count } => (
            "image versions",
            format!(
                "image definition '{definition}' has {}",
                counted(*count, "version")
            ),
        ),
        Event::Hosts { pool, hosts, .. } => (
            "host pool",
            format!("host pool '{pool}' has {}", counted(*hosts, "session host")),
        ),
        Event::Machines { count } => (
            "Azure Resource Graph",
            format!(
                "{} outside of the host pools found; it leaves out what the service connection has no permission to read",
                match count {
                    1 => "1 VM or scale set".to_owned(),
                    count => format!("{count} VMs and scale sets"),
                }
            ),
        ),
        Event::Waiting { .. } => return None,
    };
    Some(Finding {
        check,
        verdict: Verdict::Fine,
        text,
        fix: None,
    })
}
