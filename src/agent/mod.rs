//! The Azure Pipelines protocol: what a job gives to a task, and what a task may say back.
//!
//! An agent talks to a task with environment variables, and listens to lines on its standard output. This module reads the former
//! ([`environment`]) and writes the latter ([`command`], [`console`]); [`stop`] learns when the job wants the task to end.
//! It has never heard of Azure: it understands no input, knows no URL, and nothing but `main` may use it.
//! Nothing outside of it reads the environment or prints.

pub mod command;
pub mod console;
mod endpoint;
pub mod environment;
mod known_secrets;
pub mod names;
mod output;
pub mod stop;

use std::io;

pub use console::{Console, IssueKind, TaskResult};
pub use endpoint::Endpoint;
pub use environment::Environment;
pub use stop::StopSignal;

use crate::secret::Secret;

/// The agent that started us: what it gave, and the way to answer.
#[derive(Debug)]
pub struct Agent {
    environment: Environment,
    console: Console,
}

impl Agent {
    /// The agent behind this process: its environment and its standard output.
    pub fn of_process() -> Self {
        let environment = Environment::of_process();
        let console = Console::stdout(&environment);
        Self::new(environment, console)
    }

    /// An agent of any environment that listens to any console.
    pub fn new(environment: Environment, console: Console) -> Self {
        Self {
            environment,
            console,
        }
    }

    /// What the job gave.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Where the answer goes.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// The token of the job itself, from the system connection, hidden from the log.
    pub fn job_token(&self) -> Option<Secret> {
        let token = self.environment.job_token()?;
        Some(Secret::new(token, &self.console))
    }

    /// Listens for everything that means "stop" from now on. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// The operating system refuses a signal handler or a thread.
    pub fn stop_signal(&self) -> io::Result<StopSignal> {
        StopSignal::listen(self.environment.has_launcher())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_token_is_hidden_before_anyone_can_print_it() {
        let environment = Environment::new([(
            "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN".into(),
            "eyJ0-job-token".into(),
        )]);
        let (console, transcript) = console::tests::console(&environment);
        let agent = Agent::new(environment, console);
        let token = agent.job_token().unwrap();
        agent
            .console()
            .line(&format!("token is {}", token.reveal()));
        assert_eq!(transcript.text(), "token is ***\n");
    }
}
