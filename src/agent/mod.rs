//! The Azure Pipelines protocol: what a job gives to a task, and what a task may say back.
//!
//! An agent talks to a task with environment variables, and listens to lines on its standard output. This module reads the former
//! ([`environment`]) and writes the latter ([`command`], [`console`]); `stop` learns when the job wants the task to end.
//! It does not know Azure Resource Manager, and gives no input a meaning. `main`, `job` and `report` use it, and no other module.
//! Nothing outside of it reads the environment or prints.

pub mod command;
pub mod console;
pub mod environment;
mod known_secrets;
mod output;
mod stage_files;
mod stop;

use std::io;
use std::time::SystemTime;

pub use console::{Console, IssueKind, TaskResult};
pub use environment::{AgentProxy, Endpoint, Environment};
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

    /// The main stage has ended, and its result is set.
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

    /// What an earlier attempt at the main stage kept as `name`, wherever it did. Such an attempt has ended.
    pub fn notes_of_earlier_attempt(&self, name: &str) -> Vec<String> {
        let kept = self.files_of_main_stage().and_then(|files| files.note());
        self.with_variable(kept, name)
    }

    /// What the main stage kept as `name`, wherever it did: the disk may have been full, or the agent may have stopped to listen. If the main
    /// stage still runs, it is asked to stop and waited for first.
    pub async fn notes_of_main_stage(&self, name: &str) -> Vec<String> {
        let kept = match self.files_of_main_stage() {
            Some(files) => {
                files.stop_main_stage().await;
                files.note()
            }
            None => None,
        };
        self.with_variable(kept, name)
    }

    fn files_of_main_stage(&self) -> Option<StageFiles> {
        let number = self.environment.task_variable(stage_files::RUN)?;
        StageFiles::of(&self.environment, &number)
    }

    fn with_variable(&self, kept: Option<String>, name: &str) -> Vec<String> {
        let variable = self.environment.task_variable(name);
        kept.into_iter().chain(variable).collect()
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

    /// The same for the post-job stage: signals alone. When its launcher is gone, nobody waits any more, and it removes what it can.
    ///
    /// # Errors
    /// The operating system refuses a signal handler.
    pub fn stop_signal_of_post_job(&self) -> io::Result<StopSignal> {
        StopSignal::listen(false, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each may be older than the other.
    #[tokio::test]
    async fn both_notes_of_the_main_stage_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("image-builder-7");
        std::fs::create_dir(&kept).unwrap();
        let agent = |variables: &[(&str, &str)]| {
            let temp = ("AGENT_TEMPDIRECTORY".into(), folder.path().into());
            let given = variables
                .iter()
                .map(|(name, value)| (format!("VSTS_TASKVARIABLE_{name}").into(), (*value).into()));
            let environment = Environment::new(given.chain([temp]));
            let (console, _) = console::tests::console(&environment);
            Agent::new(environment, console)
        };
        let (run, note) = (("IMAGEBUILDERRUN", "7"), ("NOTE", "told"));
        let both = agent(&[run, note]);
        assert_eq!(both.notes_of_main_stage("note").await, ["told"]);
        std::fs::write(kept.join("note"), "kept").unwrap();
        assert_eq!(both.notes_of_main_stage("note").await, ["kept", "told"]);
        assert_eq!(both.notes_of_earlier_attempt("note"), ["kept", "told"]);
        assert_eq!(agent(&[run]).notes_of_main_stage("note").await, ["kept"]);
        assert_eq!(agent(&[note]).notes_of_main_stage("note").await, ["told"]);
        assert_eq!(agent(&[]).notes_of_main_stage("note").await, [""; 0]);
    }

    /// Whoever can write to the folder cannot make the stage wait, or read without end.
    #[cfg(unix)]
    #[tokio::test]
    async fn only_a_file_is_a_note() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("image-builder-7");
        std::fs::create_dir(&kept).unwrap();
        let environment = Environment::new([
            ("AGENT_TEMPDIRECTORY".into(), folder.path().into()),
            ("VSTS_TASKVARIABLE_IMAGEBUILDERRUN".into(), "7".into()),
        ]);
        let (console, _) = console::tests::console(&environment);
        let agent = Agent::new(environment, console);
        let note = kept.join("note");
        std::os::unix::fs::symlink("/dev/zero", &note).unwrap();
        assert_eq!(agent.notes_of_main_stage("note").await, [""; 0]);
        std::fs::remove_file(&note).unwrap();
        std::fs::create_dir(&note).unwrap();
        assert_eq!(agent.notes_of_main_stage("note").await, [""; 0]);
    }

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
