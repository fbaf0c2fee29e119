//! What happens, line by line, for actions that leave nothing to the post-job stage.

use super::words;
use crate::agent::Console;
use crate::run::event::{Event, Events};

/// Writes events to the job's log, and nothing else.
#[derive(Debug)]
pub struct Lines<'a>(&'a Console);

impl<'a> Lines<'a> {
    /// Writes to `console`.
    pub fn new(console: &'a Console) -> Self {
        Self(console)
    }
}

impl Events for Lines<'_> {
    fn emit(&self, event: Event) {
        for line in words::of(&event) {
            self.0.line(&line);
        }
    }
}
