//! What the log says of an event.

use super::issue::Issue;

/// The lines for an event, and its warning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Messages {
    pub(super) lines: Vec<String>,
    pub(super) warning: Option<Warning>,
}

/// A sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Warning {
    /// The stable code.
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) hint: String,
}

impl Messages {
    /// No line in the log: what is set as progress or variable, or reported at the end.
    pub(super) const NONE: Self = Self {
        lines: Vec::new(),
        warning: None,
    };

    /// One line.
    pub(super) fn line(text: impl Into<String>) -> Self {
        Self::lines(vec![text.into()])
    }

    /// Lines.
    pub(super) fn lines(lines: Vec<String>) -> Self {
        Self {
            lines,
            ..Self::NONE
        }
    }

    /// A warning alone.
    pub(super) fn warning(
        code: &'static str,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            warning: Some(Warning::new(code, text, hint)),
            ..Self::NONE
        }
    }
}

impl Warning {
    /// The warning of this code.
    pub(super) fn new(
        code: &'static str,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            text: text.into(),
            hint: hint.into(),
        }
    }
}

impl From<&Warning> for Issue {
    fn from(warning: &Warning) -> Self {
        Self::warning(warning.code, &warning.text, &warning.hint)
    }
}
