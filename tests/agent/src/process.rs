//! Processes of a step: signals to one of them, and a search for those that are left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The environment variable by which the agent finds what a job left running (`JobExtension.cs`).
pub(crate) const LOOKUP: &str = "VSTS_PROCESS_LOOKUP_ID";

/// A process that a step started and that still lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The process id.
    pub id: u32,
    /// The id of its parent.
    pub parent: u32,
    /// Its command line.
    pub command: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

/// A value of [`LOOKUP`] that no other run has.
pub(crate) fn unique_marker() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("vsts_{}-{run}-{}", std::process::id(), now.as_nanos())
}

/// Sends a signal to this process alone, not to its group; says whether there was such a process.
#[cfg(unix)]
pub(crate) fn send(id: u32, signal: Signal) -> bool {
    use nix::sys::signal::Signal as Unix;
    let signal = match signal {
        Signal::Interrupt => Unix::SIGINT,
        Signal::Terminate => Unix::SIGTERM,
        Signal::Kill => Unix::SIGKILL,
    };
    let id = i32::try_from(id)
        .ok()
        .filter(|id| *id > 0)
        .map(nix::unistd::Pid::from_raw);
    id.is_some_and(|id| nix::sys::signal::kill(id, signal).is_ok())
}

#[cfg(not(unix))]
pub(crate) fn send(_id: u32, _signal: Signal) -> bool {
    false
}

/// Living processes whose environment carries the marker. One that has ended but was not yet waited for has no
/// environment any more.
pub(crate) fn marked(marker: &str) -> Vec<Process> {
    let wanted = format!("{LOOKUP}={marker}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let found = environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes());
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&command)
                .replace('\0', " ")
                .trim()
                .to_owned();
            found.then(|| Process {
                id,
                parent: parent_of(id).unwrap_or(0),
                command,
            })
        })
        .collect()
}

/// The fourth field of `stat`; the second, the name in parentheses, may itself hold blanks.
fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}
