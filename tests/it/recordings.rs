//! The recorded behaviour of the real service (`tests/recordings`), each recording twice: the emulator answers alike, and the core's client, given
//! the recorded answers, comes to the right end.

mod alike;
mod client;
mod desktops;
mod emulator;
mod exceptions;
mod performance;
mod recording;
mod rehearsal;
mod replay;
mod scene;
mod versions;

/// Requests and answers of a recording: method, path, what was sent, what came back.
pub(crate) fn steps(name: &str) -> Vec<(String, String, serde_json::Value, serde_json::Value)> {
    let recording = replay::read(name);
    let steps = recording.steps.into_iter();
    steps
        .map(|step| (step.method.to_string(), step.path, step.sent, step.answer))
        .collect()
}
