//! Diagnostics of the libraries and of our own requests, in the job's debug output.

use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::agent::Console;

/// Shows our own diagnostics when the author has set `System.Debug`. Libraries speak at the level of warnings only: their requests are ours.
pub fn listen_to_tracing(console: &Console) {
    let lines = DebugLines {
        console: console.clone(),
    };
    // A second subscriber in one process is refused; the first one then serves.
    tracing_subscriber::registry().with(lines).try_init().ok();
}

struct DebugLines {
    console: Console,
}

impl<S: Subscriber> Layer<S> for DebugLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let ours =
            metadata.target().starts_with("image_builder") && *metadata.level() <= Level::DEBUG;
        if !ours && *metadata.level() > Level::WARN {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.console.debug(text.0.trim());
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let written = if field.name() == "message" {
            write!(self.0, "{value:?} ")
        } else {
            write!(self.0, "{}={value:?} ", field.name())
        };
        written.ok();
    }
}
