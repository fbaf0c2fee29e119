//! Environment in, result out.

mod network_setup;

use std::io;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use image_builder::agent::{Agent, Console, IssueKind, TaskResult};
use image_builder::inputs::manifest::TASK_VERSION;
use image_builder::job::{self, Command};
use image_builder::report;
use image_builder::threads::STACK;
use tokio::runtime::{self, Runtime};

fn main() -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return without_runtime(&error),
    };
    let code = runtime.block_on(run());
    // The result is set. What still waits for the disk or a name server in a thread of its own must not hold up the end.
    runtime.shutdown_background();
    code
}

/// The runtime's own settings: a pipeline variable becomes a variable of the environment, and `TOKIO_WORKER_THREADS` and `RUST_MIN_STACK` are
/// not for whoever may set one.
fn runtime() -> io::Result<Runtime> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
}

async fn run() -> ExitCode {
    let mut agent = Agent::of_process();
    let console = &agent.console().clone();
    let in_job = agent.environment().is_agent();
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let command = Command::of(&arguments, in_job);
    report::report_panics(
        console,
        match command {
            Command::CleanUp => report::Stage::PostJob,
            _ => report::Stage::Main,
        },
        in_job,
    );
    report::listen_to_tracing(console);
    match command {
        Command::Run(arguments) => {
            agent.begin_main_stage();
            match agent.stop_signal() {
                Ok(stop) => {
                    network_setup::warn(&agent);
                    let http = network_setup::to_network(&agent);
                    job::main_stage(&agent, http, arguments, &stop).await;
                }
                Err(error) => no_signals(console, &error),
            }
            agent.end_main_stage();
        }
        Command::Render(arguments) => job::render(&agent, arguments),
        Command::Doctor(arguments) => match agent.stop_signal() {
            Ok(stop) => {
                network_setup::warn(&agent);
                let http = network_setup::to_network(&agent);
                job::doctor(&agent, http, arguments, &stop).await;
            }
            Err(error) => no_signals(console, &error),
        },
        Command::CleanUp => {
            // Without signals it removes what it can all the same.
            let stop = agent.stop_signal_of_post_job().unwrap_or_default();
            job::remove_leftovers(&agent, network_setup::to_network(&agent), &stop).await;
        }
        Command::Version => console.line(&format!("image-builder {TASK_VERSION}")),
        Command::Help(command) => job::help(console, command.as_deref()),
        Command::Unknown(text) => console.complete(TaskResult::Failed, &text),
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
fn without_runtime(error: &io::Error) -> ExitCode {
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
