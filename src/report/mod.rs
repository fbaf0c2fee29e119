//! What the user reads: events and outcomes of a build, worded for the job's log.
//!
//! Lines that pipelines of the original task search for keep their form to the letter: `template name:  `, `put template:  Succeeded`,
//! `run template:  Succeeded`, `$(imageUri) =  `, `delete template:  Succeeded`.

mod outcome;
mod task_variable;
mod tracing;

use std::sync::{Mutex, PoisonError};

use crate::agent::{Console, IssueKind};
use crate::error::{Error, duration};
use crate::inputs::Plan;
use crate::run::Outcome;
use crate::run::event::{Event, Events};
use crate::run::leftover::{Leftover, Remains};

pub use outcome::{CODE_REMAINS, report_clean_up, report_outcome, report_refusal};
pub use task_variable::{LEFTOVERS, leftovers_from_text};
pub use tracing::listen_to_tracing;

/// Writes a build's events to the job's log as they come.
pub struct Reporter {
    console: Console,
    /// What may exist in Azure now: kept in a task variable after each change, where the post-job step finds it.
    leftovers: Mutex<Vec<Leftover>>,
}

impl Reporter {
    /// A reporter to `console` that starts with what an earlier step left.
    pub fn new(console: &Console, leftovers: Vec<Leftover>) -> Self {
        Self {
            console: console.clone(),
            leftovers: Mutex::new(leftovers),
        }
    }

    /// What is known before anything is sent: names, source, warnings.
    pub fn announce(&self, plan: &Plan, source: &serde_json::Value) {
        self.console
            .line(&format!("template name:  {}", plan.template_name));
        self.console.line(&format!("Source for image:  {source}"));
        outcome::report_warnings(&self.console, &plan.warnings);
    }

    /// The outcome after a second request to stop: nothing is waited for any more.
    pub fn abandoned(&self) -> Outcome {
        let leftovers = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let remain =
            |leftover: &Leftover| Remains::of(leftover.clone(), "the job was ended at once");
        Outcome {
            result: Err(Error::Canceled),
            remains: leftovers.iter().map(remain).collect(),
        }
    }

    fn change_leftovers(&self, change: impl FnOnce(&mut Vec<Leftover>)) {
        let mut leftovers = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut leftovers);
        let text = task_variable::text_of(&leftovers);
        self.console.set_task_variable(LEFTOVERS, &text, false);
    }

    fn removed(&self, leftover: &Leftover) {
        self.change_leftovers(|all| all.retain(|known| known != leftover));
    }

    fn run(&self, event: &Event) {
        match event {
            Event::RunChanged {
                state,
                sub_state: Some(phase),
                elapsed,
            } => {
                self.console.line(&format!(
                    "run template:  {state}, {phase} (after {})",
                    duration(*elapsed)
                ));
            }
            // The last word comes with the end, as soon as Azure has closed its books.
            Event::RunChanged {
                state,
                sub_state: None,
                elapsed,
            } if !state.is_end() => {
                self.console.line(&format!(
                    "run template:  {state} (after {})",
                    duration(*elapsed)
                ));
            }
            Event::StillRunning { sub_state, elapsed } => {
                let phase = sub_state.as_deref().unwrap_or("the run").to_lowercase();
                self.console
                    .line(&format!("still {phase} after {}", duration(*elapsed)));
            }
            Event::NoNews { reason } => self
                .console
                .line(&format!("no answer for now, the build goes on: {reason}")),
            Event::RunEnded { elapsed } => self
                .console
                .line(&format!("the run ended after {}", duration(*elapsed))),
            _ => {}
        }
    }
}

impl Events for Reporter {
    fn emit(&self, event: Event) {
        match &event {
            Event::Packing { folder, blob } => {
                self.console.line(&format!("Archiving {folder} to {blob}"));
            }
            Event::Packed {
                files,
                bytes_read,
                bytes_sent,
                elapsed,
            } => {
                let sizes = format!("{}, {} compressed", size(*bytes_read), size(*bytes_sent));
                self.console.line(&format!(
                    "created archive: {files} files, {sizes}, sent in {}",
                    duration(*elapsed)
                ));
            }
            Event::Submitting => self.console.line("starting put template..."),
            Event::Provisioning { elapsed } => {
                self.console.line(&format!(
                    "put template:  still in progress after {}",
                    duration(*elapsed)
                ));
            }
            Event::Submitted { elapsed } => {
                self.console.line("put template:  Succeeded");
                self.console.line(&format!(
                    "the template was provisioned in {}",
                    duration(*elapsed)
                ));
            }
            Event::Starting => self.console.line("starting run template..."),
            Event::Built(image) => outcome::report_image(&self.console, image),
            Event::CleaningUp => self.console.line("removing what the build needed"),
            Event::Registered(leftover) => self.change_leftovers(|all| all.push(leftover.clone())),
            Event::Removed(leftover) => {
                self.removed(leftover);
                if matches!(leftover, Leftover::Template { .. }) {
                    self.console.line("delete template:  Succeeded");
                }
                self.console
                    .line(&format!("removed {}", leftover.describe()));
            }
            Event::NotOurs(leftover) => self.removed(leftover),
            Event::Kept(leftover) => {
                self.removed(leftover);
                self.console.line(&format!(
                    "{} stays: the VHD would go with it. When the VHD is copied, run: {}",
                    leftover.describe(),
                    leftover.removal_command()
                ));
            }
            Event::Warning { code, text } => {
                self.console.issue(IssueKind::Warning, Some(code), text);
            }
            Event::RunChanged { .. }
            | Event::StillRunning { .. }
            | Event::NoNews { .. }
            | Event::RunEnded { .. } => self.run(&event),
        }
    }
}

/// A number of bytes as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = bytes.saturating_mul(10) / unit;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        let check = |bytes, expected| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1536, "1.5 KiB");
        check(5 << 20, "5.0 MiB");
        check(3 << 30, "3.0 GiB");
    }
}
