//! A mistake in the task itself: one issue and one result, in place of a panic's text, which might hold a secret.

use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::agent::{Console, IssueKind, TaskResult};
use crate::threads;

/// Code of "the task itself is broken".
const CODE_BROKEN: &str = "AIB903";
/// What shells know as the exit code of a broken Rust program. The launcher reports it when the issue could not be.
const EXIT_CODE: i32 = 101;
/// The panicking thread may hold the console, and then nobody gets it any more.
const LONGEST_REPORT: Duration = Duration::from_secs(2);

/// What a panic means for the result: as a failure after the job, it would spoil a job whose image is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The build: it fails.
    Main,
    /// The removal of what is left: a warning.
    PostJob,
}

/// From now on a panic in any thread is reported and ends the program. To an agent its exit code is 0, as always when a result was told.
pub fn report_panics(console: &Console, stage: Stage, in_job: bool) {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    let console = console.clone();
    panic::set_hook(Box::new(move |panic| {
        if BROKEN.swap(true, Ordering::SeqCst) {
            return end(EXIT_CODE);
        }
        let (console, text) = (console.clone(), describe(panic));
        let (sender, reported) = mpsc::channel();
        let started = threads::named("report").spawn(move || {
            report(&console, stage, &text);
            sender.send(())
        });
        // Without a thread there is no answer either, and the launcher reports the exit code.
        drop(started);
        let is_reported = reported.recv_timeout(LONGEST_REPORT).is_ok();
        end(if is_reported && in_job { 0 } else { EXIT_CODE });
    }));
}

fn report(console: &Console, stage: Stage, text: &str) {
    let (kind, result) = match stage {
        Stage::Main => (IssueKind::Error, TaskResult::Failed),
        Stage::PostJob => (IssueKind::Warning, TaskResult::SucceededWithIssues),
    };
    let hint =
        "report this line to the authors; the post-job step deletes what was created in Azure";
    console.issue(kind, Some(CODE_BROKEN), &format!("{text}\nhint: {hint}"));
    console.complete(result, text);
}

/// Where it happened, and what is written there. A text that was put together at run time is left out: nobody knows what is in it.
fn describe(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(String::new, |place| {
        let parts: Vec<_> = place.file().split(['/', '\\']).collect();
        let inside = parts.get(parts.len().saturating_sub(3)..);
        format!(
            " at {}:{}",
            inside.unwrap_or_default().join("/"),
            place.line()
        )
    });
    let literal = panic.payload().downcast_ref::<&'static str>();
    let literal = literal.map_or_else(String::new, |text| format!(": {text}"));
    format!("Internal error of the task{place}{literal}")
}

#[expect(
    clippy::exit,
    reason = "a panic in one thread must not leave the others waiting for ever"
)]
fn end(code: i32) {
    std::process::exit(code)
}
