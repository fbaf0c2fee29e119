//! When a step runs.

use crate::result::TaskResult;

/// When a step runs, by the job's result so far (`ExpressionManager.cs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// `succeeded()`, the default.
    #[default]
    Succeeded,
    /// `succeededOrFailed()`
    SucceededOrFailed,
    /// `failed()`
    Failed,
    /// `canceled()`
    Canceled,
    /// `always()`
    Always,
}

impl Condition {
    /// Whether the step runs, or runs on, when the job has this status.
    pub fn holds(self, status: TaskResult) -> bool {
        let succeeded = matches!(
            status,
            TaskResult::Succeeded | TaskResult::SucceededWithIssues
        );
        match self {
            Self::Succeeded => succeeded,
            Self::SucceededOrFailed => succeeded || status == TaskResult::Failed,
            Self::Failed => status == TaskResult::Failed,
            Self::Canceled => status == TaskResult::Canceled,
            Self::Always => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Condition;
    use crate::result::TaskResult::{Canceled, Failed, Succeeded, SucceededWithIssues};

    #[test]
    fn conditions_hold_by_the_jobs_status() {
        for (condition, holding) in [
            (Condition::Succeeded, vec![Succeeded, SucceededWithIssues]),
            (
                Condition::SucceededOrFailed,
                vec![Succeeded, SucceededWithIssues, Failed],
            ),
            (Condition::Failed, vec![Failed]),
            (Condition::Canceled, vec![Canceled]),
            (
                Condition::Always,
                vec![Succeeded, SucceededWithIssues, Failed, Canceled],
            ),
        ] {
            let all = [Succeeded, SucceededWithIssues, Failed, Canceled];
            let holds: Vec<_> = all
                .into_iter()
                .filter(|status| condition.holds(*status))
                .collect();
            assert_eq!(holds, holding, "{condition:?}");
        }
    }
}
