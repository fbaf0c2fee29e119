//! The Azure Pipelines protocol: what a job gives to a task, and what a task may say back.
//!
//! An agent talks to a task with environment variables, and listens to lines on its standard output. This module reads the former
//! ([`environment`]) and writes the latter ([`command`], [`console`]); [`stop`] learns when the job wants the task to end.
//! It does not know Azure Resource Manager, and gives no input a meaning. `main`, `job` and `report` use it, and no other module.
//! Nothing outside of it reads the environment or prints.

mod children;
pub mod command;
pub mod console;
mod devops;
mod endpoint;
pub mod environment;
mod known_secrets;
pub mod names;
mod network;
pub mod neutral;
mod output;
mod page;
mod result;
mod stage_files;
pub mod stop;
mod variables;

use std::io;
use std::time::SystemTime;

pub use console::{Console, IssueKind, TaskResult};
pub use endpoint::{AgentProxy, Endpoint};
pub use environment::Environment;
pub use stop::StopSignal;

use crate::secret::Secret;
use stage_files::StageFiles;

/// The agent that started us: what it gave, and the way to answer.
#[derive(Debug)]
pub struct Agent {
    environment: Environment,
    console: Console,
    /// Of this main stage; those of an earlier one are looked for when they are needed.
    files: Option<StageFiles>,
}

/// A text that a main stage keeps for the stages after it: in a task variable, and where the agent may have stopped to listen, in a file.
#[derive(Debug, Clone)]
pub struct Note {
    console: Console,
    name: &'static str,
    files: Option<StageFiles>,
}

impl Note {
    /// Keeps `text` in place of what was kept. Returns when it is written down.
    pub fn keep(&self, text: &str) {
        if let Some(files) = &self.files {
            files.keep_note(text);
        }
        self.console.set_task_variable(self.name, text, false);
    }
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
            files: None,
        }
    }

    /// The main stage of the process begins: from now on a post-job stage can find it.
    pub fn begin_main_stage(&mut self) {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let number = now.as_nanos().to_string();
        self.files =
            StageFiles::of(&self.environment, &number).filter(|_| self.environment.is_agent());
        if let Some(files) = &self.files {
            files.begin();
            self.console
                .set_task_variable(stage_files::RUN, &number, false);
        }
    }

    /// The main stage has ended, and has told its result.
    pub fn end_main_stage(&self) {
        if let Some(files) = &self.files {
            files.end();
        }
    }

    /// Where the main stage keeps `name` for the stages after it.
    pub fn note(&self, name: &'static str) -> Note {
        Note {
            console: self.console.clone(),
            name,
            files: self.files.clone(),
        }
    }

    /// What an earlier attempt at the main stage kept as `name`. Such an attempt has ended.
    pub fn note_of_earlier_attempt(&self, name: &str) -> Option<String> {
        self.environment.task_variable(name)
    }

    /// What the main stage kept as `name`. If it still runs, it is asked to stop and waited for first.
    pub async fn note_of_main_stage(&self, name: &str) -> Option<String> {
        let number = self.environment.task_variable(stage_files::RUN);
        let files = number.and_then(|number| StageFiles::of(&self.environment, &number));
        let kept = match &files {
            Some(files) => {
                files.stop_main_stage().await;
                files.note()
            }
            None => None,
        };
        kept.or_else(|| self.environment.task_variable(name))
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
        StopSignal::listen(self.environment.has_launcher(), self.files.clone())
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
        assert_eq!(
            transcript.text(),
            "##vso[task.setsecret]eyJ0-job-token\ntoken is ***\n"
        );
    }
}
