//! The machine side of a run: which Node, which inherited environment, which times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::variables::Variables;

/// Where the step's process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Host {
    /// On the agent's machine: the agent starts Node and signals it.
    #[default]
    Machine,
    /// In a job container: the environment goes through an invoker script, no signal arrives, and a launcher that
    /// was killed by a signal counts as exit code 0 (`ContainerStepHost`, `containerHandlerInvoker.js.template`).
    Container,
}

/// How long the agent waits (`AgentKnobs.cs`, `ProcessInvoker.cs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From SIGINT to SIGTERM; the variable `PROCESS_SIGINT_TIMEOUT` (milliseconds) overrides it.
    pub interrupt: Duration,
    /// From SIGTERM to SIGKILL; the variable `PROCESS_SIGTERM_TIMEOUT` (milliseconds) overrides it.
    pub terminate: Duration,
    /// From the end of Node to giving up on output that a surviving process holds open.
    pub output: Duration,
    /// From `task.complete` with `done=true` to giving up on the process.
    pub done: Duration,
    /// From the start of a stage to its end. A job of Azure Pipelines has an hour by default; what runs here in minutes and has no end is a
    /// fault, which [`ViolationKind::NoEnd`](crate::ViolationKind::NoEnd) names, and everything that the stage started is killed.
    pub stage: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            interrupt: Duration::from_millis(7500),
            terminate: Duration::from_millis(2500),
            output: Duration::from_secs(5),
            done: Duration::from_secs(5),
            stage: Duration::from_secs(180),
        }
    }
}

impl Timeouts {
    /// The same short time for everything that follows an end or an interruption, for tests that wait for it.
    pub fn all(time: Duration) -> Self {
        Self {
            interrupt: time,
            terminate: time,
            output: time,
            done: time,
            ..Self::default()
        }
    }

    /// With the pipeline author's own times.
    pub(crate) fn overridden_by(self, variables: &Variables) -> Self {
        let milliseconds = |name: &str| {
            variables
                .value(name)?
                .parse()
                .ok()
                .map(Duration::from_millis)
        };
        Self {
            interrupt: milliseconds("PROCESS_SIGINT_TIMEOUT").unwrap_or(self.interrupt),
            terminate: milliseconds("PROCESS_SIGTERM_TIMEOUT").unwrap_or(self.terminate),
            ..self
        }
    }
}

/// An agent that can run steps.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The Node executable that runs every handler.
    pub node: PathBuf,
    /// The handler key that is wanted; the agent's own order of preference decides when the task lacks it.
    pub handler: String,
    /// The agent's own environment, which the step's process inherits, and from which `$(HOME)` is expanded.
    pub inherited: BTreeMap<String, String>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Where the step's process runs.
    pub host: Host,
    /// Who gets every masked line of the log as soon as it is known.
    pub live_log: Option<Sender<String>>,
}

impl Agent {
    /// An agent with this environment and nothing else; Node is searched on its `PATH`.
    pub fn new(inherited: BTreeMap<String, String>) -> Self {
        let folders = inherited.get("PATH").cloned().unwrap_or_default();
        let node = std::env::split_paths(&folders)
            .map(|folder| folder.join("node"))
            .find(|file| file.is_file());
        Self {
            node: node.unwrap_or_else(|| Path::new("node").to_owned()),
            handler: "Node20_1".to_owned(),
            inherited,
            timeouts: Timeouts::default(),
            host: Host::default(),
            live_log: None,
        }
    }

    /// An agent that takes only `PATH` and `HOME` from the environment of this process.
    pub fn of_this_machine() -> Self {
        let kept = ["PATH", "HOME"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        Self::new(kept.collect())
    }

    /// Waits this long instead.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Runs steps in a job container.
    #[must_use]
    pub fn in_container(mut self) -> Self {
        self.host = Host::Container;
        self
    }

    /// Sends every masked line of the log as soon as it is known, for somebody who watches.
    #[must_use]
    pub fn live_log(mut self, lines: Sender<String>) -> Self {
        self.live_log = Some(lines);
        self
    }

    /// Adds a variable to the agent's own environment.
    #[must_use]
    pub fn inherit(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inherited.insert(name.into(), value.into());
        self
    }
}
