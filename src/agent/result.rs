//! How much something matters: issues, and the result of the step.

/// How much an issue matters. Neither changes the result of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueKind {
    /// Shown in red on the page of the run.
    Error,
    /// Shown in yellow.
    Warning,
}

/// The result of the step. Among results that are told, the agent takes the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskResult {
    /// All is well.
    Succeeded,
    /// The step did its work, and somebody should look at it.
    SucceededWithIssues,
    /// The step did not do its work.
    Failed,
    /// The step was asked to end early.
    Canceled,
}

impl TaskResult {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::SucceededWithIssues => "SucceededWithIssues",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}
