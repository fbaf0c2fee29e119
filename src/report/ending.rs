//! The end of a step, in one way for every action: lines, variables, files, issues, what exists now or what to do, the result.

use super::files::{Files, ResultFile};
use super::issue::{self, Issue, what_to_do, with_hint};
use crate::agent::{Console, IssueKind, TaskResult};
use crate::error::Error;
use crate::inputs::Problems;

/// What a step says in the end. Its parts are told in the order in which they stand here.
#[derive(Debug)]
pub(super) struct Ending {
    /// Lines of the log.
    pub(super) lines: Vec<String>,
    /// Output variables with their values.
    pub(super) variables: Vec<(&'static str, String)>,
    /// What later jobs read.
    pub(super) result: Option<ResultFile>,
    /// The page of the run, as Markdown.
    pub(super) summary: Option<String>,
    /// Groups of lines that explain a failure, each with its title.
    pub(super) explanation: Vec<(String, Vec<String>)>,
    /// Errors and warnings.
    pub(super) issues: Vec<Issue>,
    /// What exists now.
    pub(super) exists: Option<String>,
    /// How the step ends.
    pub(super) conclusion: Conclusion,
}

/// How a step ends.
#[derive(Debug)]
pub(super) enum Conclusion {
    /// It did what it was asked for.
    Done {
        /// The message of the result.
        message: String,
        /// Whether there was a warning before those of the ending, of the inputs for example.
        was_warned: bool,
    },
    /// It did not.
    Failed(Failure),
    /// The job was canceled.
    Canceled,
}

/// Why a step fails, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The stable code; empty where there are several.
    pub(super) code: &'static str,
    /// Why, which is the message of the result, too.
    pub(super) text: String,
    /// What to do, where that is known.
    pub(super) hint: Option<String>,
}

impl Failure {
    /// The failure as an issue.
    pub(super) fn issue(&self) -> Issue {
        Issue::new(
            IssueKind::Error,
            self.code,
            &self.text,
            self.hint.as_deref(),
        )
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            text: error.to_string(),
            hint: error.hint(),
        }
    }
}

/// An error, which is an issue of its own; or the cancel of the job, which is none.
impl From<&Error> for Ending {
    fn from(error: &Error) -> Self {
        match error {
            Error::Canceled => Self::new(Conclusion::Canceled),
            error => Self::from(Failure::from(error)),
        }
    }
}

/// A failure, which is an issue of its own.
impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self {
            issues: vec![failure.issue()],
            ..Self::new(Conclusion::Failed(failure))
        }
    }
}

impl Ending {
    /// An ending that says nothing else.
    pub(super) fn new(conclusion: Conclusion) -> Self {
        Self {
            lines: Vec::new(),
            variables: Vec::new(),
            result: None,
            summary: None,
            explanation: Vec::new(),
            issues: Vec::new(),
            exists: None,
            conclusion,
        }
    }

    /// The step did what it was asked for; `was_warned` as in [`Conclusion::Done`].
    pub(super) fn done(message: impl Into<String>, was_warned: bool) -> Self {
        Self::new(Conclusion::Done {
            message: message.into(),
            was_warned,
        })
    }

    /// Tells everything; the files are written as `files` says.
    pub(super) fn tell(mut self, files: Files<'_>) {
        let console = files.console;
        self.tell_lines_and_variables(console);
        if let Some(result) = self.result.take() {
            files.result(result);
        }
        if let Some(text) = &self.summary {
            files.summary(text);
        }
        self.conclude(console);
    }

    /// Tells everything but the files.
    pub(super) fn tell_without_files(self, console: &Console) {
        self.tell_lines_and_variables(console);
        self.conclude(console);
    }

    fn tell_lines_and_variables(&self, console: &Console) {
        for line in &self.lines {
            console.line(line);
        }
        for (name, value) in &self.variables {
            console.set_variable(name, value);
        }
    }

    fn conclude(self, console: &Console) {
        for (title, lines) in &self.explanation {
            console.group(title);
            for line in lines {
                console.line(line);
            }
            console.end_group();
        }
        issue::tell(console, &self.issues);
        let has_said = |hint: &str| {
            let end = with_hint("", Some(hint));
            self.issues.iter().any(|issue| issue.text.ends_with(&end))
        };
        if let Some(text) = &self.exists {
            console.section(text);
        }
        match self.conclusion {
            Conclusion::Done {
                message,
                was_warned,
            } => {
                let result = if was_warned || !self.issues.is_empty() {
                    TaskResult::SucceededWithIssues
                } else {
                    TaskResult::Succeeded
                };
                console.complete(result, &message);
            }
            Conclusion::Failed(failure) => {
                let hint = what_to_do(failure.code, failure.hint.as_deref());
                if !has_said(&hint) {
                    console.notice(&format!("What to do: {hint}"));
                }
                console.complete(TaskResult::Failed, &failure.text);
            }
            Conclusion::Canceled => {
                console.complete(TaskResult::Canceled, "The job was canceled");
            }
        }
    }
}

/// Inputs that cannot be used: every problem is an issue of its own, the first one is the step's message.
pub fn report_refusal(console: &Console, problems: &Problems) {
    issue::report_warnings(console, problems.warnings());
    let all: Vec<_> = problems.iter().collect();
    let hint = match all.as_slice() {
        [only] => only.hint.clone(),
        _ => None,
    };
    let hint = hint.unwrap_or_else(|| {
        "correct the inputs that the errors name; nothing was sent to Azure".to_owned()
    });
    let failure = Failure {
        code: "",
        text: problems.to_string(),
        hint: Some(hint),
    };
    let ending = Ending {
        issues: all.into_iter().map(Issue::from).collect(),
        ..Ending::new(Conclusion::Failed(failure))
    };
    ending.tell_without_files(console);
}
