//! What the user reads: events and outcomes of a build, worded for the job's log.
//!
//! Lines that pipelines of the original task search for keep their form to the letter: `template name:  `, `put template:  Succeeded`,
//! `run template:  Succeeded`, `$(imageUri) =  `, `delete template:  Succeeded`.

mod crash;
mod outcome;
mod task_variable;
mod tracing;
mod words;

use std::sync::{Mutex, PoisonError};

use crate::agent::{Agent, Console, Note};
use crate::error::Error;
use crate::inputs::Plan;
use crate::run::Outcome;
use crate::run::event::{Event, Events};
use crate::run::leftover::{Leftover, Remains};

pub use crash::{Stage, report_panics};
pub use outcome::{CODE_REMAINS, report_clean_up, report_outcome, report_refusal, report_warnings};
pub use task_variable::{LEFTOVERS, leftovers_from_text};
pub use tracing::listen_to_tracing;

/// Writes a build's events to the job's log as they come.
pub struct Reporter {
    console: Console,
    /// What may exist in Azure now: kept in the note after each change, where the post-job step finds it.
    leftovers: Mutex<Vec<Leftover>>,
    note: Note,
}

impl Reporter {
    /// A reporter to the agent's console that starts with what an earlier stage or attempt left.
    pub fn new(agent: &Agent, leftovers: Vec<Leftover>) -> Self {
        Self {
            console: agent.console().clone(),
            leftovers: Mutex::new(leftovers),
            note: agent.note(LEFTOVERS),
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
        self.note.keep(&text);
    }

    /// Keeps the note for the post-job step in step with what exists.
    fn take_note(&self, event: &Event) {
        match event {
            Event::Registered(leftover) => self.change_leftovers(|all| all.push(leftover.clone())),
            Event::Removed(leftover) | Event::NotOurs(leftover) | Event::Kept(leftover) => {
                self.change_leftovers(|all| all.retain(|known| known != leftover));
            }
            _ => {}
        }
    }
}

impl Events for Reporter {
    fn emit(&self, event: Event) {
        self.take_note(&event);
        for line in words::of(&event) {
            self.console.line(&line);
        }
        if let Event::Built(image) = &event {
            outcome::report_image(&self.console, image);
        }
    }
}
