//! Environment in, result out.

mod way;

use std::process::ExitCode;

use image_builder::agent::{Agent, Console, IssueKind, TaskResult};
use image_builder::inputs::declared::TASK_VERSION;
use image_builder::{job, report};

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return without_runtime(&error),
    };
    let code = runtime.block_on(act());
    // The result is told. What still waits for the disk or a name server in a thread of its own must not hold up the end.
    runtime.shutdown_background();
    code
}

async fn act() -> ExitCode {
    let mut agent = Agent::of_process();
    let console = &agent.console().clone();
    let in_job = agent.environment().is_agent();
    let stage = std::env::args().nth(1);
    report::report_panics(
        console,
        match stage.as_deref() {
            Some("clean-up") => report::Stage::PostJob,
            _ => report::Stage::Main,
        },
        in_job,
    );
    report::listen_to_tracing(console);
    match stage.as_deref() {
        None | Some("run") => {
            agent.begin_main_stage();
            match agent.stop_signal() {
                Ok(stop) => {
                    way::warn(&agent);
                    job::build(&agent, way::to_network(&agent), &stop).await;
                }
                Err(error) => no_signals(console, &error),
            }
            agent.end_main_stage();
        }
        Some("render") => job::render(&agent, std::env::args().skip(2)),
        Some("doctor") => match agent.stop_signal() {
            Ok(stop) => {
                way::warn(&agent);
                let arguments = std::env::args().skip(2);
                job::doctor(&agent, way::to_network(&agent), arguments, &stop).await;
            }
            Err(error) => no_signals(console, &error),
        },
        Some("clean-up") => job::remove_leftovers(&agent, way::to_network(&agent)).await,
        Some("--version") => console.line(&format!("image-builder {TASK_VERSION}")),
        Some(other) => console.complete(
            TaskResult::Failed,
            &format!("'{other}' is not a stage; expected 'run', 'render', 'doctor' or 'clean-up'"),
        ),
    }
    exit_code(console, in_job)
}

/// The agent reads the result from the log and wants exit code 0; a person's shell wants the usual codes.
fn exit_code(console: &Console, in_job: bool) -> ExitCode {
    match console.result() {
        _ if in_job => ExitCode::SUCCESS,
        Some(TaskResult::Failed) => ExitCode::FAILURE,
        Some(TaskResult::Canceled) => ExitCode::from(130),
        Some(TaskResult::Succeeded | TaskResult::SucceededWithIssues) | None => ExitCode::SUCCESS,
    }
}

/// Nothing can be sent or awaited without it: the machine lacks open files, memory or threads.
fn without_runtime(error: &std::io::Error) -> ExitCode {
    let agent = Agent::of_process();
    let text = format!("Starting the program failed: the operating system refused: {error}");
    let hint = "raise the limits of the account that the agent runs as (ulimit -n, ulimit -u), or end what uses up the machine";
    let console = agent.console();
    let issue = report::with_hint(&text, Some(hint));
    console.issue(IssueKind::Error, Some("AIB902"), &issue);
    console.complete(TaskResult::Failed, &text);
    exit_code(console, agent.environment().is_agent())
}

fn no_signals(console: &Console, error: &std::io::Error) {
    let text = format!("Listening for the end of the job failed: {error}");
    console.complete(TaskResult::Failed, &text);
}
