//! What a test says: lines, the `JUnit` file, the result file, the summary, the variables.

mod junit;
mod page;
mod vm;
mod words;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::closing;
use super::files::Files;
use super::outcome::{
    report_canceled, report_explanation, report_findings_of, report_not_removed, report_warnings,
    with_hint,
};
use super::result_file::SCHEMA_VERSION;
use super::{Reporter, timeline};
use crate::agent::{Agent, Console, IssueKind, TaskResult};
use crate::error::Error;
use crate::file;
use crate::image_test::codes::NOT_BOOTED;
use crate::image_test::event::{Event, Events};
use crate::image_test::{NotTested, Outcome, Subject, Test, Tested, Verdict};
use crate::inputs::declared::{ACTION, TASK_VERSION};
use crate::inputs::{Action, ImageTest, TestEngine};
use crate::log::TestState;
use crate::run::event;
use crate::run::leftover::{Leftover, Ownership};
use crate::secret::Masker as _;

/// Writes what happens during a test to the job's log.
pub struct TestReporter<'a> {
    run: Reporter,
    console: Console,
    test: &'a ImageTest,
    began: Instant,
    known: Mutex<Known>,
}

/// What has been told so far.
#[derive(Debug, Default)]
struct Known {
    warnings: Vec<Warned>,
    tags: Vec<(String, String)>,
    subject: Option<Subject>,
    /// The regions in which the failed version is the latest one.
    latest_in: Vec<String>,
}

/// A warning that is an issue of the run.
#[derive(Debug, Clone)]
struct Warned {
    code: &'static str,
    text: String,
    hint: String,
}

impl<'a> TestReporter<'a> {
    /// A reporter to the agent's console, which says first what is known before anything is sent. `leftovers` is what an earlier stage or
    /// attempt left.
    pub fn new(agent: &Agent, test: &'a ImageTest, leftovers: Vec<(Leftover, Ownership)>) -> Self {
        let reporter = Self {
            run: Reporter::new(agent, leftovers),
            console: agent.console().clone(),
            test,
            began: Instant::now(),
            known: Mutex::default(),
        };
        if let TestEngine::ImageBuilder(plan) = &test.engine {
            reporter.run.announce_test(plan);
        }
        report_warnings(&reporter.console, &test.warnings);
        reporter
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome after a second request to stop: nothing is waited for any more.
    pub fn abandoned(&self) -> Outcome {
        Outcome {
            not_removed: self.run.all_not_removed(),
            ..Outcome::failed(Error::Canceled)
        }
    }

    /// The end of the step: files, variables, issues, result. The files are in `folder`.
    pub fn finish(&self, outcome: &Outcome, folder: &Path) {
        let (phases, elapsed) = (self.run.phases(), self.began.elapsed());
        self.console.end_group();
        let known = self.known();
        if let Ok(tested) = &outcome.result {
            self.write_junit(tested, known.subject.as_ref(), folder);
        }
        if let Some(subject) = &known.subject {
            self.files(folder)
                .document(&self.document(subject, outcome));
        }
        let is_cancel = outcome.result.as_ref().is_err_and(NotTested::is_cancel);
        if !is_cancel {
            let told = page::Told {
                test: self.test,
                outcome,
                known: &known,
                phases: &phases,
                elapsed,
                suspected: &self.run.suspected(),
            };
            self.files(folder).summary(&page::markdown(&told));
        }
        let last = if is_cancel {
            TaskResult::Canceled
        } else {
            TaskResult::Succeeded
        };
        self.run.records().close(&self.console, last);
        let word = outcome.result.as_ref().map(Tested::word);
        self.console
            .set_variable("imageTested", word.unwrap_or_default());
        self.report(outcome, &known);
    }

    fn report(&self, outcome: &Outcome, known: &Known) {
        // The last line is what came of it.
        if !outcome.result.as_ref().is_err_and(NotTested::is_cancel) {
            report_not_removed(&self.console, &outcome.not_removed);
        }
        let (done, message) = match &outcome.result {
            Ok(tested) => match &tested.verdict {
                Verdict::Passed => {
                    let warned = !known.warnings.is_empty() || !self.test.warnings.is_empty();
                    let done = if warned || !outcome.not_removed.is_empty() {
                        TaskResult::SucceededWithIssues
                    } else {
                        TaskResult::Succeeded
                    };
                    closing::exists(&self.console, &words::passed(self.test, known));
                    (done, self.test.image.to_string())
                }
                Verdict::Failed(failed) => {
                    let called = known.subject.as_ref().map(Subject::called);
                    let text = words::failed(&called.unwrap_or_default(), &failed.text);
                    let issue = with_hint(&text, failed.hint.as_deref());
                    self.console
                        .issue(IssueKind::Error, Some(failed.code), &issue);
                    closing::what_to_do(&self.console, failed.code, failed.hint.as_deref());
                    (TaskResult::Failed, text)
                }
            },
            Err(why) if why.is_cancel() => {
                report_canceled(&self.console, &outcome.not_removed);
                let text = "The job was canceled".to_owned();
                return self.console.complete(TaskResult::Canceled, &text);
            }
            Err(why) => {
                self.report_error(why);
                closing::what_to_do(&self.console, why.code(), why.hint().as_deref());
                (TaskResult::Failed, why.to_string())
            }
        };
        self.console.complete(done, &message);
    }

    fn report_error(&self, why: &NotTested) {
        if let NotTested::Failed(error) = why
            && report_findings_of(&self.console, error)
        {
            return;
        }
        if let NotTested::Failed(error) = why {
            report_explanation(&self.console, error);
        }
        let text = with_hint(&why.to_string(), why.hint().as_deref());
        self.console
            .issue(IssueKind::Error, Some(why.code()), &text);
    }

    fn files<'f>(&'f self, folder: &'f Path) -> Files<'f> {
        Files {
            console: &self.console,
            folder,
            name: &self.test.name,
        }
    }

    /// The Tests tab, and the same file for who cannot see that: a step in restricted mode may not publish, and the agent does not tell.
    fn write_junit(&self, tested: &Tested, subject: Option<&Subject>, folder: &Path) {
        let name = subject.map_or(self.test.image.name(), |subject| &subject.name);
        let path = folder.join(format!("{}-image-test.xml", self.test.name));
        let text = junit::document(name, &self.masked(&tested.tests));
        if let Err(error) = file::write(&path, self.console.hidden(&text)) {
            return self.console.line(&format!(
                "no test results:  '{}' cannot be written: {error}",
                path.display()
            ));
        }
        // A comma would be read as one between two files.
        if path.to_string_lossy().contains(',') {
            self.console.line(&format!(
                "no results in the Tests tab:  the path '{}' has a comma",
                path.display()
            ));
        } else {
            self.console.publish_tests(&path, &format!("Image {name}"));
        }
        self.console.upload_file(&path);
    }

    /// What a file would write in another way, a secret among it, is hidden before.
    fn masked(&self, tests: &[Test]) -> Vec<Test> {
        let hidden = |text: &String| self.console.hidden(text);
        let masked = tests.iter().map(|test| Test {
            name: hidden(&test.name),
            text: hidden(&test.text),
            lines: test.lines.iter().map(hidden).collect(),
            ..test.clone()
        });
        masked.collect()
    }

    fn document(&self, subject: &Subject, outcome: &Outcome) -> Value {
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        let id = &subject.id;
        put("schemaVersion", json!(SCHEMA_VERSION));
        put("taskVersion", json!(TASK_VERSION));
        put(ACTION.name, json!(Action::Test.name()));
        put("imageUri", json!(id.as_str()));
        if subject.version.is_some() {
            put("imageVersionId", json!(id.as_str()));
            put("imageVersion", json!(subject.name));
            let definition = id.parent().map(|id| id.to_string());
            put("imageDefinitionId", json!(definition));
        }
        let tested = outcome.result.as_ref().ok();
        let mut test = Map::new();
        let mut put = |name: &str, value: Value| test.insert(name.to_owned(), value);
        put("verdict", json!(tested.map(Tested::word)));
        put("engine", json!(self.test.engine.name()));
        let code = match &outcome.result {
            Ok(tested) => match &tested.verdict {
                Verdict::Passed => None,
                Verdict::Failed(failed) => Some(failed.code),
            },
            Err(why) => Some(why.code()),
        };
        put("code", json!(code));
        if let Some(remark) = tested.and_then(|tested| tested.remark.as_ref()) {
            put("remark", json!(remark));
        }
        let tests = tested.map(|tested| self.masked(&tested.tests));
        let tests = tests.iter().flatten();
        put("tests", tests.map(test_in_json).collect());
        document.insert("test".to_owned(), Value::Object(test));
        Value::Object(document)
    }

    fn warn(&self, code: &'static str, text: String, hint: String) {
        let issue = with_hint(&text, Some(&hint));
        self.console.issue(IssueKind::Warning, Some(code), &issue);
        self.known().warnings.push(Warned { code, text, hint });
    }
}

fn test_in_json(test: &Test) -> Value {
    let seconds = test.elapsed.map(|elapsed| elapsed.as_secs());
    json!({
        "name": test.name,
        "state": test.state.as_str(),
        "seconds": seconds,
        "text": Some(&test.text).filter(|text| !text.is_empty()),
    })
}

impl event::Events for TestReporter<'_> {
    /// The steps of a build are customizers, those of a test are validators.
    fn emit(&self, event: event::Event) {
        let event = match event {
            event::Event::StepStarted { name } => event::Event::StepStarted {
                name: match name.strip_prefix("customizer ") {
                    Some(rest) => format!("validator {rest}"),
                    None => name,
                },
            },
            event => event,
        };
        self.run.emit(event);
    }
}

impl Events for TestReporter<'_> {
    fn tell(&self, event: Event) {
        if matches!(event, Event::Judged(_)) {
            self.console.end_group();
        }
        for line in words::of(&event) {
            self.console.line(&line);
        }
        if let Some((code, text, hint)) = words::warning_of(&event) {
            self.warn(code, text, hint);
        }
        match event {
            Event::Found(subject) => self.known().subject = Some(*subject),
            Event::Judged(tested) => self.tell_verdict(&tested),
            Event::Tagged { tags } => self.known().tags = tags,
            Event::FailedLatest { regions, .. } => self.known().latest_in = regions,
            Event::Attach(path) => self.attach(&path),
            _ => {}
        }
    }
}

impl TestReporter<'_> {
    /// The last lines of what failed, where whoever reads the log looks for them.
    fn tell_verdict(&self, tested: &Tested) {
        if let Verdict::Failed(failed) = &tested.verdict
            && !failed.lines.is_empty()
        {
            self.console.group(if failed.code == NOT_BOOTED {
                "Last lines of the log"
            } else {
                "Last lines of the checks"
            });
            for line in &failed.lines {
                self.console.line(line);
            }
            self.console.end_group();
        }
    }

    fn attach(&self, path: &Path) {
        self.console.upload_file(path);
    }
}

/// How a test ended, as a row of a table or the beginning of a line.
fn mark(state: TestState) -> &'static str {
    match state {
        TestState::Passed => "✅",
        TestState::Skipped => "⏭️",
        TestState::Failed => "❌",
    }
}

type Phases<'a> = &'a [timeline::Phase];
