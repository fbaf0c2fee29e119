//! Diagnostics of the libraries and of our own requests, in the job's debug output.

use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::agent::Console;

/// Shows our own diagnostics when the author has set `System.Debug`, and what we say at the level of information always. Libraries speak at the level of warnings only: their requests are ours.
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
        if ours && *metadata.level() == Level::INFO {
            self.console.line(text.0.trim());
        } else {
            self.console.debug(text.0.trim());
        }
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::agent::Environment;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn check(debug: bool, expected: &str) {
        let debug = ("SYSTEM_DEBUG".into(), debug.to_string().into());
        let environment = Environment::new([debug, ("TF_BUILD".into(), "True".into())]);
        let output = Output::default();
        let console = Console::new(&environment, output.clone());
        let subscriber = tracing_subscriber::registry().with(DebugLines { console });
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("a long wait");
            tracing::debug!(tries = 2, "a short one");
            tracing::info!(target: "someone", "not ours");
        });
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn information_is_for_everybody_and_the_rest_for_those_who_debug() {
        check(false, "a long wait\n");
        check(true, "a long wait\n##vso[task.debug]a short one tries=2\n");
    }
}
