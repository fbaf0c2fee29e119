//! Environment in, result out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use image_builder::agent::{Agent, TaskResult};
use image_builder::arm::http::{Http, HttpClient, Network};
use image_builder::inputs::declared::TASK_VERSION;
use image_builder::{job, report};

#[tokio::main]
async fn main() -> ExitCode {
    let agent = Agent::of_process();
    let console = agent.console();
    report::listen_to_tracing(console);
    match std::env::args().nth(1).as_deref() {
        None | Some("run") => match agent.stop_signal() {
            Ok(stop) => job::build(&agent, network(&agent), &stop).await,
            Err(error) => console.complete(
                TaskResult::Failed,
                &format!("Listening for the end of the job failed: {error}"),
            ),
        },
        Some("clean-up") => job::remove_leftovers(&agent, network(&agent)).await,
        Some("--version") => console.line(&format!("image-builder {TASK_VERSION}")),
        Some(other) => console.complete(
            TaskResult::Failed,
            &format!("'{other}' is not a stage; expected 'run' or 'clean-up'"),
        ),
    }
    // The agent reads the result from the log and wants exit code 0; a person's shell wants the usual code.
    if console.result() == Some(TaskResult::Failed) && !agent.environment().is_agent() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// The way to the network as the job describes it.
fn network(agent: &Agent) -> Result<Arc<dyn Http>, String> {
    let environment = agent.environment();
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut user_agent = format!("image-builder-task/{TASK_VERSION} ({os}; {arch})");
    if let Some(addition) = environment.user_agent_addition() {
        user_agent = format!("{user_agent} {addition}");
    }
    let read = |path: PathBuf| {
        std::fs::read(&path)
            .map_err(|error| format!("'{}' cannot be read: {error}", path.display()))
    };
    let extra_authorities = environment
        .extra_certificate_authorities()
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    let network = Network {
        extra_authorities,
        user_agent,
    };
    match HttpClient::new(&network) {
        Ok(client) => Ok(Arc::new(client)),
        Err(error) => Err(error.to_string()),
    }
}
