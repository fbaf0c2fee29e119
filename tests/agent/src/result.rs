//! The result of a step, and how results merge.

use std::fmt;

/// The result of a step, ordered from best to worst as the agent merges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskResult {
    /// All went well.
    Succeeded,
    /// Well, with warnings.
    SucceededWithIssues,
    /// The step failed.
    Failed,
    /// The step was canceled.
    Canceled,
    /// The step did not run.
    Skipped,
}

impl TaskResult {
    /// The result that `task.complete` names. The agent compares the spelling exactly, so `Cancelled` is none.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Succeeded,
            Self::SucceededWithIssues,
            Self::Failed,
            Self::Canceled,
            Self::Skipped,
        ]
        .into_iter()
        .find(|result| result.name() == text)
    }

    /// The agent's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::SucceededWithIssues => "SucceededWithIssues",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Skipped => "Skipped",
        }
    }

    /// The worse of what was known and what came; a result never improves.
    pub(crate) fn merge(known: Option<Self>, coming: Self) -> Self {
        known.map_or(coming, |known| known.max(coming))
    }
}

impl fmt::Display for TaskResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::TaskResult::{self, Canceled, Failed, Succeeded, SucceededWithIssues};

    #[test]
    fn only_the_agents_own_spelling_is_a_result() {
        for (text, expected) in [
            ("Succeeded", Some(Succeeded)),
            ("SucceededWithIssues", Some(SucceededWithIssues)),
            ("Failed", Some(Failed)),
            ("Canceled", Some(Canceled)),
            ("Cancelled", None),
            ("failed", None),
            ("2", None),
            ("", None),
        ] {
            assert_eq!(TaskResult::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_worse_result_wins() {
        for (known, coming, expected) in [
            (None, Succeeded, Succeeded),
            (Some(Failed), Succeeded, Failed),
            (Some(Succeeded), SucceededWithIssues, SucceededWithIssues),
            (Some(Canceled), Failed, Canceled),
        ] {
            assert_eq!(TaskResult::merge(known, coming), expected);
        }
    }
}
