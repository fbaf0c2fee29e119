//! What is known after a step has run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::cancel::Cancellation;
use crate::command::Command;
use crate::manifest::Stage;
use crate::process::{self, Process, Signal};
use crate::result::TaskResult;
use crate::timeline::TimelineRecord;
use crate::variables::Variables;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error, which the agent reads just the same.
    Stderr,
}

/// A line as the task wrote it, secrets included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// Where it came from.
    pub stream: Stream,
    /// The text without its line end.
    pub text: String,
}

/// The two kinds of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueKind {
    /// Shown red.
    Error,
    /// Shown yellow.
    Warning,
}

/// An error or a warning on the run page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Error or warning.
    pub kind: IssueKind,
    /// The masked text.
    pub message: String,
    /// The property `code`.
    pub code: Option<String>,
    /// The property `sourcepath`.
    pub source_path: Option<String>,
    /// The property `linenumber`.
    pub line: Option<String>,
    /// The property `columnnumber`.
    pub column: Option<String>,
}

/// A file that the task handed to the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The type; `Distributedtask.Core.Summary` for a summary, `Distributedtask.Core.FileAttachment` for a file of the log.
    pub kind: String,
    /// The name on the server.
    pub name: String,
    /// The file, which must stay until the job ends.
    pub path: PathBuf,
    /// The content when the step had ended; none if the file was gone.
    pub content: Option<Vec<u8>>,
}

impl Attachment {
    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.content.as_deref().unwrap_or_default()).into_owned()
    }
}

/// What a task did against the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// A command that no agent knows.
    UnknownCommand,
    /// A property that the command does not have; a leading blank in the key makes it one.
    UnknownProperty,
    /// A part of a command that the agent drops in silence.
    DroppedProperty,
    /// A marker of a command in a line that is none.
    Unparsable,
    /// Text before a command, which the agent loses.
    LostText,
    /// A value that the agent replaces in silence.
    InvalidValue,
    /// A second `task.complete`.
    RepeatedCompletion,
    /// A command that the agent could not obey.
    FailedCommand,
    /// A command or variable that the manifest's restrictions forbid.
    NotAllowed,
    /// A secret in the open: in a line, whether or not the agent masks it, or in an attached file.
    SecretShown,
    /// An attached file that did not exist at the command or at the end.
    MissingAttachment,
    /// A stage that was still running when its time was over.
    NoEnd,
}

/// One violation of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind.
    pub kind: ViolationKind,
    /// The masked line or text that it is about.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.kind, self.detail)
    }
}

/// Everything that is known after one stage of a step has run.
#[derive(Debug, Clone)]
pub struct StepRun {
    /// The stage that ran.
    pub stage: Stage,
    /// The step's result.
    pub result: TaskResult,
    /// The first ten errors and the first ten warnings, in order.
    pub issues: Vec<Issue>,
    /// How many errors there were in all.
    pub error_count: usize,
    /// How many warnings there were in all.
    pub warning_count: usize,
    /// Variables that later steps of the job see.
    pub variables: Variables,
    /// Output variables as `{step}.{name}`.
    pub output_variables: BTreeMap<String, String>,
    /// Variables that only later stages of this step see.
    pub task_variables: Variables,
    /// Values that the step registered as secrets, in order.
    pub secrets: Vec<String>,
    /// Folders put in front of `PATH` for later steps.
    pub prepended_paths: Vec<String>,
    /// Detail records of the timeline.
    pub records: Vec<TimelineRecord>,
    /// Percent done; it never goes back.
    pub progress: u8,
    /// What the task last said that it was doing.
    pub current_operation: Option<String>,
    /// Summaries, files and other attachments.
    pub attachments: Vec<Attachment>,
    /// All commands in the order in which they were read.
    pub commands: Vec<Command>,
    /// The masked log, line by line.
    pub log_lines: Vec<String>,
    /// What the task wrote, in the order in which it was read.
    pub raw: Vec<RawLine>,
    /// Violations of the protocol.
    pub violations: Vec<Violation>,
    /// Node's exit code, 128 plus the number of the signal that killed it; none if it was not waited for.
    pub exit_code: Option<i32>,
    /// From the start of the process to the end of its output.
    pub duration: Duration,
    /// What the agent did after an interruption.
    pub cancellation: Option<Cancellation>,
    /// Processes of the step that still lived when the step had ended.
    pub orphans: Vec<Process>,
    pub(crate) marker: String,
}

impl StepRun {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            result: TaskResult::Succeeded,
            issues: Vec::new(),
            error_count: 0,
            warning_count: 0,
            variables: Variables::default(),
            output_variables: BTreeMap::new(),
            task_variables: Variables::default(),
            secrets: Vec::new(),
            prepended_paths: Vec::new(),
            records: Vec::new(),
            progress: 0,
            current_operation: None,
            attachments: Vec::new(),
            commands: Vec::new(),
            log_lines: Vec::new(),
            raw: Vec::new(),
            violations: Vec::new(),
            exit_code: None,
            duration: Duration::ZERO,
            cancellation: None,
            orphans: Vec::new(),
            marker: process::unique_marker(),
        }
    }

    /// The log as the run page shows it, without time stamps.
    pub fn log(&self) -> String {
        joined(&self.log_lines)
    }

    /// The messages of all error issues.
    pub fn errors(&self) -> Vec<&str> {
        self.messages(IssueKind::Error)
    }

    /// The messages of all warning issues.
    pub fn warnings(&self) -> Vec<&str> {
        self.messages(IssueKind::Warning)
    }

    /// All summaries as text.
    pub fn summaries(&self) -> Vec<String> {
        let summaries = self
            .attachments
            .iter()
            .filter(|attachment| attachment.kind.ends_with("Core.Summary"));
        summaries.map(Attachment::text).collect()
    }

    /// What the task wrote, secrets included, one line after the other.
    pub fn raw_text(&self) -> String {
        joined(self.raw.iter().map(|line| &line.text))
    }

    /// Fails the test that calls it if the task violated the protocol.
    ///
    /// # Panics
    ///
    /// With the list of all violations and the log.
    #[track_caller]
    pub fn assert_no_violations(&self) {
        let list = joined(&self.violations);
        assert!(
            list.is_empty(),
            "the task violated the protocol of the agent:\n{list}its log:\n{}",
            self.log()
        );
    }

    /// Kills what the step left running, as the agent does when the job ends.
    pub fn end_orphans(&self) {
        for orphan in process::marked(&self.marker) {
            process::send(orphan.id, Signal::Kill);
        }
    }

    /// Reads the attached files, which the agent uploads later, and notes those that are gone.
    pub(crate) fn read_attachments(&mut self) {
        for attachment in &mut self.attachments {
            attachment.content = std::fs::read(&attachment.path)
                .ok()
                .or(attachment.content.take());
            if !attachment.path.exists() {
                let path = attachment.path.display();
                let violation = Violation {
                    kind: ViolationKind::MissingAttachment,
                    detail: format!("'{path}' was gone before it was uploaded"),
                };
                // Files are looked for when the step ends and again when the job ends.
                if !self.violations.contains(&violation) {
                    self.violations.push(violation);
                }
            }
        }
    }

    fn messages(&self, kind: IssueKind) -> Vec<&str> {
        self.issues
            .iter()
            .filter(|issue| issue.kind == kind)
            .map(|issue| issue.message.as_str())
            .collect()
    }
}

/// One text per line.
fn joined<T: fmt::Display>(texts: impl IntoIterator<Item = T>) -> String {
    let mut lines = String::new();
    for text in texts {
        lines.push_str(&text.to_string());
        lines.push('\n');
    }
    lines
}
