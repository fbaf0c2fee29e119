//! Takes the lines of a running task, and keeps what the agent would keep.

use std::sync::mpsc::Sender;

use crate::command::{Command, Parsed, parse};
use crate::execute;
use crate::manifest::{Manifest, Stage};
use crate::masking::Masker;
use crate::restrictions::Restrictions;
use crate::result::TaskResult;
use crate::step::Step;
use crate::step_run::{Issue, IssueKind, RawLine, StepRun, Stream, Violation, ViolationKind};
use crate::variables::Variables;

/// So many errors, and as many warnings, of a step become issues (`_maxIssueCount` in `ExecutionContext.cs`).
const MOST_ISSUES: usize = 10;

/// The width of the rules around the task's description at the head of a log.
const RULE: &str = "==============================================================================";

/// The state of a step that runs.
pub(crate) struct Recorder {
    pub(crate) run: StepRun,
    pub(crate) masker: Masker,
    /// Hides less than `masker`: what attached files must not show.
    confidential: Masker,
    pub(crate) step_name: Option<String>,
    pub(crate) restrictions: Restrictions,
    /// Whether the step itself restricts its commands.
    pub(crate) restricted: bool,
    pub(crate) manifest: Manifest,
    pub(crate) variables: Variables,
    /// What `task.complete` said.
    pub(crate) completed: Option<TaskResult>,
    /// Whether the task asked the agent not to wait for its process.
    pub(crate) done: bool,
    /// `Failed` once a command could not be obeyed.
    command_result: Option<TaskResult>,
    title: String,
    live_log: Option<Sender<String>>,
    debug: bool,
}

impl Recorder {
    pub(crate) fn new(manifest: &Manifest, step: &Step, stage: Stage) -> Self {
        let variables = step.variables_in_scope(manifest);
        Self {
            run: StepRun::new(stage),
            masker: step.masker(),
            confidential: step.confidential(),
            step_name: step.name.clone().filter(|name| !name.is_empty()),
            restrictions: manifest.restrictions.clone(),
            restricted: step.restricted,
            manifest: manifest.clone(),
            completed: None,
            done: false,
            command_result: None,
            title: step.title(manifest),
            live_log: None,
            debug: variables
                .value("System.Debug")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            variables,
        }
    }

    /// Writes the head of the log (`PrintTaskMetaData` in `TaskRunner.cs`).
    pub(crate) fn begin(&mut self, live_log: Option<Sender<String>>) {
        self.live_log = live_log;
        let manifest = &self.manifest;
        let help = manifest
            .help_url
            .as_ref()
            .unwrap_or(&manifest.help_mark_down);
        let head = [
            format!("##[section]Starting: {}", self.title),
            RULE.to_owned(),
            format!("Task         : {}", manifest.friendly_name),
            format!("Description  : {}", manifest.description),
            format!("Version      : {}", manifest.version),
            format!("Author       : {}", manifest.author),
            format!("Help         : {help}"),
            RULE.to_owned(),
        ];
        for line in &head {
            self.write(line);
        }
    }

    /// Takes one line of the task.
    pub(crate) fn take_line(&mut self, stream: Stream, text: String) {
        match parse(&text) {
            Parsed::Command(command) => self.take_command(command, &text),
            Parsed::Unparsable => {
                self.violation(ViolationKind::Unparsable, &text);
                self.check_for_secrets(&text);
                self.warning(&format!(
                    "'{text}' contains logging command keyword '##vso', but it's not a legal command."
                ));
                self.write(&text);
            }
            Parsed::Text => {
                self.check_for_secrets(&text);
                self.write(&text);
            }
        }
        self.run.raw.push(RawLine { stream, text });
    }

    fn take_command(&mut self, command: Command, text: &str) {
        execute::check_form(self, &command, text);
        if !execute::registers_secret(&command) {
            // A secret may show only once the escapes of the command are undone.
            let decoded = command.properties.iter().map(|(_, value)| value.as_str());
            let mut forms = decoded.chain([text, &command.data]);
            if forms.any(|form| self.masker.shows_secret(form)) {
                self.violation(ViolationKind::SecretShown, text);
            }
        }
        match execute::execute(self, &command) {
            Ok(shown) => {
                if shown {
                    self.write(text);
                }
            }
            Err(exception) => {
                self.violation(
                    ViolationKind::FailedCommand,
                    &format!("{text}: {exception}"),
                );
                self.error(&format!("Unable to process command '{text}' successfully."));
                self.error(&exception);
                self.fail_command();
            }
        }
        if !command.is("task", "debug") {
            self.debug(&format!("Processed: {text}"));
        }
        self.run.commands.push(command);
    }

    /// Lets the step fail because of a command.
    pub(crate) fn fail_command(&mut self) {
        self.command_result = Some(TaskResult::Failed);
    }

    /// Appends a line to the log, masked.
    pub(crate) fn write(&mut self, line: &str) {
        for part in line.split('\n') {
            let masked = self.masker.mask(part.trim_end_matches('\r'));
            // Who watches may leave early; the log is complete all the same.
            self.live_log
                .take_if(|lines| lines.send(masked.clone()).is_err());
            self.run.log_lines.push(masked);
        }
    }

    /// Appends a line to the log if the pipeline asked for debug output.
    pub(crate) fn debug(&mut self, text: &str) {
        if self.debug {
            self.write(&format!("##[debug]{text}"));
        }
    }

    pub(crate) fn error(&mut self, message: &str) {
        self.plain_issue(IssueKind::Error, message);
    }

    pub(crate) fn warning(&mut self, message: &str) {
        self.plain_issue(IssueKind::Warning, message);
    }

    fn plain_issue(&mut self, kind: IssueKind, message: &str) {
        let message = message.to_owned();
        self.issue(Issue {
            kind,
            message,
            code: None,
            source_path: None,
            line: None,
            column: None,
        });
    }

    /// Logs an issue, and keeps it unless there are too many.
    pub(crate) fn issue(&mut self, mut issue: Issue) {
        issue.message = self.masker.mask(&issue.message);
        let (count, tag) = match issue.kind {
            IssueKind::Error => (&mut self.run.error_count, "error"),
            IssueKind::Warning => (&mut self.run.warning_count, "warning"),
        };
        *count += 1;
        let line = match &issue.source_path {
            Some(path) => {
                let part = |text: &Option<String>| text.clone().unwrap_or_default();
                let (line, column, code) =
                    (part(&issue.line), part(&issue.column), part(&issue.code));
                format!(
                    "##[{tag}]{path}({line},{column}): {tag} {code}: {}",
                    issue.message
                )
            }
            None => format!("##[{tag}]{}", issue.message),
        };
        if *count <= MOST_ISSUES {
            self.run.issues.push(issue);
        }
        self.write(&line);
    }

    pub(crate) fn violation(&mut self, kind: ViolationKind, detail: &str) {
        let detail = self.masker.mask(detail);
        self.run.violations.push(Violation { kind, detail });
    }

    /// Hides a value from now on.
    pub(crate) fn register_secret(&mut self, value: &str, of_variable: bool) {
        if value.trim().is_empty() {
            return;
        }
        for masker in [&mut self.masker, &mut self.confidential] {
            if of_variable {
                masker.add_variable(value);
            } else {
                masker.add(value);
            }
        }
        self.run.secrets.push(value.to_owned());
    }

    fn check_for_secrets(&mut self, text: &str) {
        if self.masker.shows_secret(text) {
            self.violation(ViolationKind::SecretShown, text);
        }
    }

    /// The agent masks lines; a file goes to the server as it is.
    fn check_attachments(&mut self) {
        let shows = |text: String| {
            text.lines()
                .any(|line| self.confidential.shows_secret(line))
        };
        let files = self
            .run
            .attachments
            .iter()
            .filter(|file| shows(file.text()));
        let names: Vec<_> = files
            .map(|file| format!("in file '{}'", file.name))
            .collect();
        for name in names {
            self.violation(ViolationKind::SecretShown, &name);
        }
    }

    /// The step's result and the last line of the log. `outcome` is the end that a cancel or time-out forces.
    pub(crate) fn finish(
        mut self,
        exit_failure: Option<String>,
        outcome: Option<TaskResult>,
    ) -> StepRun {
        let mut result = self.completed.unwrap_or(TaskResult::Succeeded);
        if let Some(failed) = self.command_result {
            result = TaskResult::merge(Some(result), failed);
        }
        match outcome {
            Some(TaskResult::Canceled) => self.error("The operation was canceled."),
            Some(TaskResult::Failed) => self.error("The task has timed out."),
            Some(_) => {}
            None => {
                if let Some(failure) = exit_failure {
                    self.error(&failure);
                    result = TaskResult::merge(Some(result), TaskResult::Failed);
                }
            }
        }
        self.run.result = outcome.unwrap_or(result);
        self.run.read_attachments();
        self.check_attachments();
        self.write(&format!("##[section]Finishing: {}", self.title));
        self.run
    }
}
