//! What the task says to the agent, line by line; or to a person at a prompt, in plain text.
//!
//! Everything goes to the standard output: the agent reads the error output with another reader, and the order between the two is lost.
//! Every line is one write. Text that is not ours is made harmless, and secrets are hidden, whatever the way it takes.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::command::Command;
use super::command::safe_to_print;
use super::environment::Environment;
use super::known_secrets::KnownSecrets;
use super::output;
use crate::secret::Masker;

/// Azure Pipelines cuts longer messages, at a place of its own choosing.
const LONGEST_ISSUE_CHARACTERS: usize = 4_000;

/// How much an issue matters. Neither changes the result of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueKind {
    /// Shown in red on the page of the run.
    Error,
    /// Shown in yellow.
    Warning,
}

/// The result of the step. If there are several, the agent takes the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskResult {
    /// All is well.
    Succeeded,
    /// The step did its work, and someone should look at it.
    SucceededWithIssues,
    /// The step did not do its work.
    Failed,
    /// The step was asked to end early.
    Canceled,
}

impl TaskResult {
    fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::SucceededWithIssues => "SucceededWithIssues",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

/// The way to the agent. Clones are handles to the same console, and may be used from anywhere.
#[derive(Clone)]
pub struct Console {
    shared: Arc<Shared>,
}

struct Shared {
    in_job: bool,
    debug: bool,
    step_name: Option<String>,
    correlation_id: Option<String>,
    state: Mutex<State>,
}

struct State {
    output: Box<dyn Write + Send>,
    secrets: KnownSecrets,
    /// What stands in texts, and what is printed in its place.
    known: Vec<(&'static str, String)>,
    in_group: bool,
    completed: Option<TaskResult>,
}

impl Console {
    /// A console on the standard output of this process.
    pub fn stdout(environment: &Environment) -> Self {
        Self::new(environment, output::stdout())
    }

    /// A console on any output. The environment decides about debug lines, output variables and whether there is an agent to announce
    /// secrets to.
    pub fn new(environment: &Environment, output: impl Write + Send + 'static) -> Self {
        let state = State {
            output: Box::new(output),
            secrets: KnownSecrets::default(),
            known: Vec::new(),
            in_group: false,
            completed: None,
        };
        let shared = Shared {
            in_job: environment.is_agent(),
            debug: environment.debug(),
            step_name: environment.step_name(),
            correlation_id: environment.correlation_id(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// From now on `value` is printed where texts have `placeholder`, which is a text in angle brackets. The last value counts.
    pub fn fill_in(&self, placeholder: &'static str, value: &str) {
        let mut state = self.state();
        state.known.retain(|(known, _)| *known != placeholder);
        state.known.push((placeholder, value.to_owned()));
    }

    /// Prints `text` as it is to be read, on as many lines as it has.
    pub fn line(&self, text: &str) {
        let mut state = self.state();
        let text = state.harmless(text);
        for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
            state.print(line);
        }
    }

    /// Opens a group of lines that the log can fold. Groups do not nest: an open one ends here.
    pub fn group(&self, title: &str) {
        let mut state = self.state();
        state.end_group();
        let title = state.harmless_on_one_line(title);
        state.print(&self.formatted("group", &title));
        state.in_group = self.shared.in_job;
    }

    /// Ends the open group, if there is one.
    pub fn end_group(&self) {
        self.state().end_group();
    }

    /// Ends the open group, and prints a line that the log page sets apart: what has come of it all.
    pub fn section(&self, text: &str) {
        self.apart("section", text);
    }

    /// Ends the open group, and prints a line in the color of a warning, which is none: nothing is counted, and the page of the run has nothing of it.
    pub fn notice(&self, text: &str) {
        self.apart("warning", text);
    }

    fn apart(&self, kind: &str, text: &str) {
        let mut state = self.state();
        state.end_group();
        let text = state.harmless_on_one_line(text);
        state.print(&self.formatted(kind, &text));
    }

    /// Prints `text` on the standard error of this process: what a person has to know who gives the output to another program.
    pub fn beside(&self, text: &str) {
        let text = self.fit_to_show(text);
        // If the standard error cannot be written, there is no other way to say so.
        writeln!(std::io::stderr(), "{text}").ok();
    }

    /// Prints `text` when the author asked for debug output, otherwise nothing: the agent would read and drop it.
    pub fn debug(&self, text: &str) {
        if !self.shared.debug {
            return;
        }
        let mut state = self.state();
        for line in state.harmless(text).lines() {
            let person = format!("debug: {line}");
            self.send(
                &mut state,
                &Command::new("task.debug").data(line),
                Some(&person),
            );
        }
    }

    /// Raises an issue: shown in the log and on the page of the run. A text of several lines stays one issue.
    pub fn issue(&self, kind: IssueKind, code: Option<&str>, text: &str) {
        self.issue_at(kind, code, None, text);
    }

    /// Raises an issue at a line of a file on the agent, which makes the path one of the repository, and shows it before the text
    /// (`ConvertLocalPath` in <https://github.com/microsoft/azure-pipelines-agent/blob/master/src/Agent.Worker/Build/BuildJobExtension.cs>).
    /// The agent prints line and column also where they are missing.
    pub fn issue_at(
        &self,
        kind: IssueKind,
        code: Option<&str>,
        place: Option<(&Path, u32)>,
        text: &str,
    ) {
        let kind = match kind {
            IssueKind::Error => "error",
            IssueKind::Warning => "warning",
        };
        let mut state = self.state();
        let text = shortened(&state.harmless(text));
        let mut issue = Command::new("task.logissue")
            .property("type", kind)
            .property("code", code.unwrap_or_default());
        let place = place.map(|(file, line)| (state.harmless(&file.to_string_lossy()), line));
        if let Some((file, line)) = &place {
            issue = issue
                .property("sourcepath", file)
                .property("linenumber", &line.to_string())
                .property("columnnumber", "1");
        }
        let issue = issue.property(
            "correlationId",
            self.shared.correlation_id.as_deref().unwrap_or_default(),
        );
        let code = code.map(|code| format!(" {code}")).unwrap_or_default();
        let place = place.map(|(file, line)| format!("{file}({line}): "));
        let person = format!("{}{kind}{code}: {text}", place.unwrap_or_default());
        self.send(&mut state, &issue.data(&text), Some(&person));
    }

    /// `text` as this console would print it, for files that are shown elsewhere: no secret, nothing invisible, no logging command.
    pub fn fit_to_show(&self, text: &str) -> String {
        self.state().harmless(text)
    }

    /// Tells the result of the step. This is the last word: whatever is said after it, another result included, is not printed.
    pub fn complete(&self, result: TaskResult, message: &str) {
        let word = result.word();
        let mut state = self.state();
        state.end_group();
        let message = shortened(&state.harmless_on_one_line(message));
        let command = Command::new("task.complete").property("result", word);
        let person = format!("{word}: {message}");
        self.send(&mut state, &command.data(&message), Some(&person));
        state.completed.get_or_insert(result);
    }

    /// Sets a variable for the later steps of the job, and as output variable of this step when it has a name
    /// (the agent fails a step that sets an output variable without one). Not for secrets. A variable needs a name; its value may be empty.
    ///
    /// Nothing in the value is masked: a name with `***` in it is of no use to a later step. The agent masks the line in its log.
    pub fn set_variable(&self, name: &str, value: &str) {
        if name.is_empty() {
            return;
        }
        let mut state = self.state();
        let command = || Command::new("task.setvariable").property("variable", name);
        let person = format!("{name} = {}", state.harmless_on_one_line(value));
        self.send(&mut state, &command().data(value), Some(&person));
        if self.shared.step_name.is_some() {
            let output = command().property("isoutput", "true").data(value);
            self.send(&mut state, &output, None);
        }
    }

    /// Sets a variable that only the later stages of this step see. The value of a secret one is hidden from now on.
    pub fn set_task_variable(&self, name: &str, value: &str, secret: bool) {
        if name.is_empty() {
            return;
        }
        if secret {
            self.mask(value);
        }
        let mut state = self.state();
        let command = Command::new("task.settaskvariable").property("variable", name);
        let command = command
            .property("issecret", if secret { "true" } else { "" })
            .data(value);
        self.send(&mut state, &command, None);
    }

    /// Puts a file of the agent into the logs of the run, where it can be downloaded. The path must be absolute, and the file must be there now.
    pub fn upload_file(&self, path: &Path) {
        let path = path.to_string_lossy();
        let command = Command::new("task.uploadfile").data(&path);
        let mut state = self.state();
        self.send(&mut state, &command, Some(&format!("written: {path}")));
    }

    /// Shows a Markdown file on the page of the run. The path must be absolute, and the file must be there now.
    pub fn upload_summary(&self, path: &Path) {
        let path = path.to_string_lossy();
        let command = Command::new("task.uploadsummary").data(&path);
        let mut state = self.state();
        self.send(&mut state, &command, Some(&format!("written: {path}")));
    }

    /// Shows the tests of a `JUnit` file in the Tests tab of the run. The path must be absolute and without a comma, which separates files.
    pub fn publish_tests(&self, path: &Path, title: &str) {
        let path = path.to_string_lossy();
        let mut state = self.state();
        let title = state.harmless_on_one_line(title);
        let command = Command::new("results.publish")
            .property("type", "JUnit")
            .property("mergeResults", "false")
            .property("runTitle", &title)
            .property("resultFiles", &path);
        self.send(&mut state, &command, None);
    }

    /// Shows a part of the step's work as a record under it, at work or done. `id` is a GUID; the first word about a record makes it.
    /// Times are now.
    pub fn record(&self, id: &str, name: &str, order: usize, done: Option<TaskResult>) {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let now = now.format(&Rfc3339).unwrap_or_default();
        let mut state = self.state();
        let name = state.harmless_on_one_line(name);
        let (time, word) = match done {
            None => ("starttime", "InProgress"),
            Some(_) => ("finishtime", "Completed"),
        };
        let record = Command::new("task.logdetail")
            .property("id", id)
            .property("type", "Phase")
            .property("name", &name)
            .property("order", &order.to_string())
            .property(time, &now)
            .property("state", word)
            .property("result", done.map_or("", TaskResult::word));
        self.send(&mut state, &record.data(&name), None);
    }

    /// Tells how far the step is, 0 to 100 percent, and what it is doing. The agent never goes back.
    pub fn set_progress(&self, percent: u8, operation: &str) {
        let mut state = self.state();
        let operation = state.harmless_on_one_line(operation);
        let command =
            Command::new("task.setprogress").property("value", &percent.min(100).to_string());
        self.send(&mut state, &command.data(&operation), None);
    }

    /// Whether an agent reads this, which starts a post-job stage later; otherwise it is a person.
    pub fn has_agent(&self) -> bool {
        self.shared.in_job
    }

    /// The result of the step, once it is set.
    pub fn result(&self) -> Option<TaskResult> {
        self.state().completed
    }

    /// Sends a command to the agent. A person at a prompt has no use for it, and reads `person`, if there is something.
    fn send(&self, state: &mut State, command: &Command, person: Option<&str>) {
        if self.shared.in_job {
            state.print(&command.to_string());
        } else if let Some(text) = person {
            state.print(text);
        }
    }

    /// A line that the log page formats.
    fn formatted(&self, kind: &str, text: &str) -> String {
        if self.shared.in_job {
            format!("##[{kind}]{text}")
        } else {
            text.to_owned()
        }
    }

    /// A panic elsewhere leaves nothing half done that a line could not follow.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Masker for Console {
    /// Outside of a job nothing is announced: there is nobody to hide it, and the command itself would show the value.
    fn mask(&self, value: &str) {
        let mut state = self.state();
        for part in state.secrets.learn(value) {
            self.send(
                &mut state,
                &Command::new("task.setsecret").data(&part),
                None,
            );
        }
    }

    fn hidden(&self, text: &str) -> String {
        self.state().hidden(text)
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("debug", &self.shared.debug)
            .finish_non_exhaustive()
    }
}

impl State {
    fn print(&mut self, line: &str) {
        if self.completed.is_none() {
            output::write_patiently(&mut self.output, &format!("{line}\n"));
        }
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.print("##[endgroup]");
        }
    }

    /// A text for a file, with `***` in place of every secret. Colors and invisible characters stay, as long as they do not hide a secret.
    fn hidden(&self, text: &str) -> String {
        let hidden = self.secrets.hide(text);
        let visible = safe_to_print(&hidden);
        let again = self.secrets.hide(&visible);
        if again == visible { hidden } else { again }
    }

    /// Secrets are looked for twice: what makes a text harmless may change a secret, or uncover one.
    fn harmless(&self, text: &str) -> String {
        let filled = self.filled(text);
        self.secrets
            .hide(&safe_to_print(&self.secrets.hide(&filled)))
    }

    /// In a page the brackets stand behind backslashes, but for those in code.
    fn filled<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for (placeholder, value) in &self.known {
            let in_a_page = placeholder.replace('<', "\\<").replace('>', "\\>");
            for shown in [in_a_page.as_str(), placeholder] {
                if text.contains(shown) {
                    text = Cow::Owned(text.replace(shown, value));
                }
            }
        }
        text
    }

    fn harmless_on_one_line(&self, text: &str) -> String {
        self.harmless(text)
            .trim_end_matches('\n')
            .replace('\n', " ")
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_ISSUE_CHARACTERS) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(LONGEST_ISSUE_CHARACTERS - 1)
            .chain(['…'])
            .collect(),
    }
}

#[cfg(test)]
#[path = "console_tests.rs"]
pub(super) mod tests;
