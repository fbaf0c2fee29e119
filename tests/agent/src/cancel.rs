//! Interrupting a running step: when, how, and what the agent then did.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The moment of an interruption.
#[derive(Debug)]
pub enum Trigger {
    /// As soon as a line that contains this text was read from the task.
    Line(String),
    /// As soon as the other half of the pair of [`Trigger::signal`] is fired.
    Signal(Receiver<()>),
}

impl Trigger {
    /// The moment after a line with this text.
    pub fn line(text: impl Into<String>) -> Self {
        Self::Line(text.into())
    }

    /// A moment that the test chooses, for example when an emulator has received a certain request.
    pub fn signal() -> (Fire, Self) {
        let (sender, receiver) = channel();
        (Fire(sender), Self::Signal(receiver))
    }
}

/// Fires a [`Trigger::Signal`]; may be cloned and sent to other threads.
#[derive(Debug, Clone)]
pub struct Fire(Sender<()>);

impl Fire {
    /// Interrupts the step now; without effect when the step has ended.
    pub fn fire(&self) {
        // An error means that nobody runs any more, and then there is nothing to interrupt.
        self.0.send(()).unwrap_or_default();
    }
}

/// What an interruption does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The job is canceled: SIGINT, SIGTERM and SIGKILL to Node, and the result is `Canceled`. A step whose
    /// condition holds in a canceled job goes on.
    Cancel,
    /// The step's `timeoutInMinutes` is over: the same signals, and the result is `Failed`.
    TimeOut,
    /// Node is killed and nothing else.
    KillNode,
    /// Everything that Node started is killed, but not Node.
    KillChildren,
    /// The machine is lost: Node and everything that it started is killed at once, and no later stage runs.
    LoseAgent,
}

/// An interruption of a running step.
#[derive(Debug)]
pub struct Interruption {
    /// When.
    pub trigger: Trigger,
    /// How.
    pub action: Action,
}

impl Interruption {
    /// Cancels the job at the moment.
    pub fn cancel(trigger: Trigger) -> Self {
        Self {
            trigger,
            action: Action::Cancel,
        }
    }

    /// Lets the step's time run out at the moment.
    pub fn time_out(trigger: Trigger) -> Self {
        Self {
            trigger,
            action: Action::TimeOut,
        }
    }

    /// Kills Node at the moment.
    pub fn kill_node(trigger: Trigger) -> Self {
        Self {
            trigger,
            action: Action::KillNode,
        }
    }

    /// Loses the machine at the moment.
    pub fn lose_agent(trigger: Trigger) -> Self {
        Self {
            trigger,
            action: Action::LoseAgent,
        }
    }

    /// Kills everything that Node started at the moment.
    pub fn kill_children(trigger: Trigger) -> Self {
        Self {
            trigger,
            action: Action::KillChildren,
        }
    }
}

/// What the agent did after an interruption; all times are since the start of the step's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// What was asked for.
    pub action: Action,
    /// When it was asked for.
    pub requested: Duration,
    /// Whether the step goes on because its condition holds in a canceled job.
    pub ignored: bool,
    /// When SIGINT was sent to Node.
    pub interrupted: Option<Duration>,
    /// When SIGTERM was sent to Node.
    pub terminated: Option<Duration>,
    /// When SIGKILL was sent.
    pub killed: Option<Duration>,
    /// When Node had ended.
    pub ended: Option<Duration>,
}

impl Cancellation {
    pub(crate) fn new(action: Action, requested: Duration) -> Self {
        Self {
            action,
            requested,
            ignored: false,
            interrupted: None,
            terminated: None,
            killed: None,
            ended: None,
        }
    }

    /// How long Node lived on after the request.
    pub fn took(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.saturating_sub(self.requested))
    }
}
