//! What a check came to.

use std::fmt;

use super::codes::Code;
use crate::inputs::Plan;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name; empty until the check has ended.
    pub check: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// A sentence without a full stop: what was found, and why it matters.
    pub text: String,
    /// What to do: a command, or the input to change.
    pub fix: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As a build needs it.
    Fine,
    /// A build may suffer from it.
    Warning(Code),
    /// A build fails by it, as far as is known.
    Problem(Code),
    /// A build is certain to fail by it, and Azure itself has said so.
    Certain(Code),
    /// It cannot be read, which is no failure: a build needs no permission to read everything.
    Unknown,
}

/// As it reads on one line, without its fix.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.text)
    }
}

/// Why something would fail, from a sentence of the form `Doing something failed: why`: a check does nothing.
pub fn why_alone(text: &str) -> &str {
    text.split_once(" failed: ").map_or(text, |(_, why)| why)
}

impl Finding {
    /// A finding of the check that is under way.
    pub(super) fn new(verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            check: "",
            verdict,
            text: text.into(),
            fix: None,
        }
    }

    /// All is well.
    pub(super) fn fine(text: impl Into<String>) -> Self {
        Self::new(Verdict::Fine, text)
    }

    /// Something cannot be read.
    pub(super) fn unknown(what: impl fmt::Display, reason: &str) -> Self {
        Self::new(Verdict::Unknown, format!("{what} cannot be read: {reason}"))
    }

    /// With what to do.
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The code, where there is something to complain of.
    pub fn code(&self) -> Option<Code> {
        match self.verdict {
            Verdict::Warning(code) | Verdict::Problem(code) | Verdict::Certain(code) => Some(code),
            Verdict::Fine | Verdict::Unknown => None,
        }
    }

    /// Its fix may name an input that has no effect in this build.
    pub(super) fn for_plan(self, plan: &Plan) -> Self {
        let fix = self.fix.map(|fix| plan.naming_what_counts(&fix));
        Self { fix, ..self }
    }

    /// Whether a build fails by it.
    pub fn is_problem(&self) -> bool {
        matches!(self.verdict, Verdict::Problem(_) | Verdict::Certain(_))
    }
}
