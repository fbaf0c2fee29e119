//! What a test says: lines, the `JUnit` file, the result file, the summary, the variables.

mod collected;
mod junit;
mod messages;
mod page;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::build::{Reporter, explanation};
use super::ending::{Conclusion, Ending, Failure};
use super::files::{Files, ResultFile};
use super::findings;
use super::issue::{Issue, report_warnings};
use super::not_removed;
use super::version;
use crate::agent::{Agent, Console};
use crate::error::Error;
use crate::file;
use crate::image_test::codes::NOT_BOOTED;
use crate::image_test::event::{Event, Events};
use crate::image_test::vm::event as vm;
use crate::image_test::{NotTested, Outcome, Test, Tested, TestedImage, Verdict};
use crate::inputs::{Action, ImageTest, TestEngine};
use crate::run::event;
use crate::run::leftover::{Leftover, Ownership};
use crate::secret::Masker as _;
use collected::Collected;

/// Writes what happens during a test to the job's log.
pub struct TestReporter<'a> {
    run: Reporter,
    console: Console,
    test: &'a ImageTest,
    began: Instant,
    collected: Mutex<Collected>,
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
            collected: Mutex::default(),
        };
        if let TestEngine::ImageBuilder(plan) = &test.engine {
            reporter.run.announce_test(plan);
        }
        report_warnings(&reporter.console, &test.warnings);
        reporter
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome after a second request to stop: nothing is waited for any more.
    pub fn abandoned(&self) -> Outcome {
        Outcome {
            not_removed: self.run.all_not_removed(),
            ..Outcome::failed(Error::Canceled)
        }
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, outcome: &Outcome, folder: &Path) {
        let (phases, elapsed) = (self.run.phases(), self.began.elapsed());
        self.console.end_group();
        let collected = self.collected();
        let is_canceled = outcome.result.as_ref().is_err_and(NotTested::is_cancel);
        self.run.close_records(is_canceled);
        if let Ok(tested) = &outcome.result {
            self.write_junit(tested, collected.image.as_ref(), folder);
        }
        let mut ending = self.ending(outcome, &collected);
        let word = outcome.result.as_ref().map(Tested::word);
        ending.variables = vec![("imageTested", word.unwrap_or_default().to_owned())];
        let image = collected.image.as_ref();
        ending.result = image.map(|image| self.result_file(image, outcome));
        ending.summary = (!is_canceled).then(|| {
            page::markdown(&page::Page {
                test: self.test,
                outcome,
                collected: &collected,
                phases: &phases,
                elapsed,
                suspected: &self.run.suspected(),
            })
        });
        ending.tell(Files::new(&self.console, folder, &self.test.name));
    }

    fn ending(&self, outcome: &Outcome, collected: &Collected) -> Ending {
        let mut ending = match &outcome.result {
            Err(why) if why.is_cancel() => {
                let has_agent = self.console.has_agent();
                return Ending {
                    lines: not_removed::lines_of_canceled(&outcome.not_removed, has_agent),
                    ..Ending::new(Conclusion::Canceled)
                };
            }
            Err(why) => not_tested(why),
            Ok(tested) => match &tested.verdict {
                Verdict::Passed => {
                    let was_warned =
                        !collected.warnings.is_empty() || !self.test.warnings.is_empty();
                    Ending {
                        exists: Some(messages::passed(self.test, collected)),
                        ..Ending::done(self.test.image.as_str(), was_warned)
                    }
                }
                Verdict::Failed(failed) => {
                    let display_name = collected.image.as_ref().map(TestedImage::display_name);
                    Ending::from(Failure {
                        code: failed.code,
                        text: messages::failed(&display_name.unwrap_or_default(), &failed.text),
                        hint: failed.hint.clone(),
                    })
                }
            },
        };
        ending
            .issues
            .splice(0..0, not_removed::issues(&outcome.not_removed));
        ending
    }

    /// The Tests tab, and the same file for who cannot see that: a step in restricted mode may not publish, and the agent does not tell.
    fn write_junit(&self, tested: &Tested, image: Option<&TestedImage>, folder: &Path) {
        let name = image.map_or(self.test.image.name(), |image| &image.name);
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

    fn result_file(&self, image: &TestedImage, outcome: &Outcome) -> ResultFile {
        let mut document = if image.version.is_some() {
            version::members(Some(&image.id))
        } else {
            Map::from_iter([("imageUri".to_owned(), json!(image.id.as_str()))])
        };
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
        ResultFile::of_action(Action::Test, document)
    }
}

/// Why there is no verdict.
fn not_tested(why: &NotTested) -> Ending {
    let failure = Failure {
        code: why.code(),
        text: why.to_string(),
        hint: why.hint(),
    };
    let NotTested::Failed(error) = why else {
        return Ending::from(failure);
    };
    if let Error::Preflight(found) = error.as_ref() {
        let failure = Failure {
            hint: findings::hint_of_several(found).or(failure.hint),
            ..failure
        };
        return Ending {
            issues: findings::errors(found),
            ..Ending::new(Conclusion::Failed(failure))
        };
    }
    Ending {
        explanation: explanation(error),
        ..Ending::from(failure)
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

/// The phase that begins with `event`. Those of a run of the image builder are told by the events of the run.
fn phase(event: &Event) -> Option<String> {
    match event {
        Event::Vm(vm::Event::Creating { .. }) => Some("Create VM".to_owned()),
        Event::Vm(vm::Event::Asked) => Some("Boot".to_owned()),
        Event::Vm(vm::Event::CheckStarted { name }) => Some(format!("Check '{name}'")),
        Event::Vm(vm::Event::CleaningUp) => Some("Clean-up".to_owned()),
        Event::Tagging(_) => Some("Tags".to_owned()),
        _ => None,
    }
}

impl Events for TestReporter<'_> {
    fn tell(&self, event: Event) {
        if matches!(event, Event::Judged(_)) {
            self.console.end_group();
        }
        if let Some(phase) = phase(&event) {
            self.run.enter_phase(&phase);
        }
        let messages = messages::of(&event);
        for line in messages.lines {
            self.console.line(&line);
        }
        if let Some(warning) = messages.warning {
            Issue::from(&warning).tell(&self.console);
            self.collected().warnings.push(warning);
        }
        match event {
            Event::Found(image) => self.collected().image = Some(*image),
            Event::Judged(tested) => self.tell_verdict(&tested),
            Event::Tagged { tags } => self.collected().tags = tags,
            Event::FailedLatest { regions, .. } => self.collected().latest_in = regions,
            Event::Attach(path) => self.console.upload_file(&path),
            Event::WaitingForReplica { .. }
            | Event::Limits
            | Event::TestsMayBeMissing
            | Event::Tagging(_)
            | Event::NotTagged { .. }
            | Event::Vm(_) => {}
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
}
