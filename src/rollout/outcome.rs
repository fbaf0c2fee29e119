//! The outcome of a roll-out: its state, or why it failed and the next action.

use std::fmt;

use crate::arm::Failure;
use crate::release;

/// Why a roll-out did not come to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum NotRolledOut {
    /// Azure refused a request, or could not be reached.
    Azure(Failure),
    /// A check refused it.
    Refused(Box<Refused>),
    /// The version was refused, as it would be for a promotion.
    Version(Box<release::Refused>),
    /// The wait timed out: what still goes on.
    NotReady(Box<Refused>),
    /// The job was canceled.
    Canceled,
}

/// Why a check refused a roll-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stable code.
    pub code: &'static str,
    /// The whole sentence: `Rolling out to host pool 'hp' failed: it does not exist`.
    pub text: String,
    /// The next action.
    pub hint: Option<String>,
}

impl Refused {
    /// `text` is a whole sentence, `hint` the next action.
    pub fn new(
        code: &'static str,
        text: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) -> Self {
        Self {
            code,
            text: text.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for NotRolledOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Azure(failure) => write!(f, "{failure}"),
            Self::Refused(refused) | Self::NotReady(refused) => write!(f, "{refused}"),
            Self::Version(refused) => write!(f, "{refused}"),
            Self::Canceled => f.write_str("the job was canceled"),
        }
    }
}

impl From<Failure> for NotRolledOut {
    fn from(failure: Failure) -> Self {
        Self::Azure(failure)
    }
}

impl From<Refused> for NotRolledOut {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<release::Refused> for NotRolledOut {
    fn from(refused: release::Refused) -> Self {
        Self::Version(Box::new(refused))
    }
}

/// How a roll-out ends that does not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutState {
    /// There was nothing to do, or nothing was to be changed.
    Nothing,
    /// The update begins later.
    Scheduled,
    /// It goes on.
    Running,
    /// The pool serves the image.
    Succeeded,
}

impl RolloutState {
    /// The value of the variable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing",
            Self::Scheduled => "Scheduled",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
        }
    }
}
