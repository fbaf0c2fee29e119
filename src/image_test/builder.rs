//! The engine Azure VM Image Builder: a template that validates its source and makes nothing, through the same preparation, start, wait and
//! clean-up as a build. From how its run ended to the verdict.

use std::time::Duration;

use time::PrimitiveDateTime;

use super::codes::{CHECK_FAILED, NOT_BOOTED};
use super::event::Event;
use super::image::TestedImage;
use super::look_up::replica_in;
use super::not_tested::NotTested;
use super::step::TestStep;
use super::verdict::{BOOT, Ended, Failed, Test, Tested, Verdict, hint};
use crate::arm::template_state::RunState;
use crate::diagnosis::{Customizer, End, Explanation, LogSummary, kind_of};
use crate::error::Error;
use crate::inputs::manifest::{TEST_ENGINE, VM_SIZE};
use crate::inputs::{Code, Plan};
use crate::log::{SingleTests, Step, TestState};
use crate::run::leftover::{Leftover, Ownership};
use crate::run::leftovers::Leftovers;
use crate::run::{NOT_REMOVED_YET, Success, TestRun, Workplace, build_image};

/// Boots the image, and runs the checks.
pub(super) async fn test(
    step: &TestStep<'_>,
    plan: &Plan,
    image: &TestedImage,
    earlier: Vec<(Leftover, Ownership)>,
) -> Ended {
    if let Err(why) = check_image(step, plan, image).await {
        return Ended {
            result: Err(why),
            not_removed: Leftovers::registered(step.events, earlier)
                .all_not_removed(NOT_REMOVED_YET),
        };
    }
    step.events.tell(Event::Limits);
    let workplace = Workplace {
        arm: step.arm,
        folder: step.folder,
        events: step.events,
    };
    let building = build_image(plan, step.job, workplace, step.stop, earlier);
    let outcome = Box::pin(building).await;
    let result = match outcome.result {
        Ok(Success::TestRun(ran)) => {
            if ran.logs.is_none() {
                step.events.tell(Event::TestsMayBeMissing);
            }
            tested(*ran, plan)
        }
        // A test comes to no image, and is followed to its end.
        Ok(Success::Image(_) | Success::RunContinues { .. } | Success::NotReady { .. }) => {
            Err(Error::NotReady {
                template: plan.template_name.clone(),
                phase: None,
                elapsed: Duration::ZERO,
            }
            .into())
        }
        Err(error) => Err(error.into()),
    };
    Ended {
        result,
        not_removed: outcome.not_removed,
    }
}

/// What speaks against a test with this engine before anything is made.
async fn check_image(
    step: &TestStep<'_>,
    plan: &Plan,
    image: &TestedImage,
) -> Result<(), NotTested> {
    if image.specialized {
        let text = format!(
            "Testing {} failed: it is specialized, but Azure VM Image Builder supports generalized images only",
            image.display_name()
        );
        let hint = format!("use '{}: vm'", TEST_ENGINE.name);
        return Err(NotTested::refused(Code::Malformed.as_str(), text, hint));
    }
    let waiting = replica_in(step, image, plan.location.as_str());
    tokio::select! {
        biased;
        () = step.stop.cancelled() => Err(Error::Canceled.into()),
        ready = waiting => ready,
    }
}

/// The verdict of a run that has ended, or why there is none.
fn tested(ran: TestRun, plan: &Plan) -> Result<Tested, NotTested> {
    let log = ran.logs.as_ref().and_then(|logs| logs.of_validators());
    let log = log.cloned();
    let steps = ValidatorSteps::of(&ran.validators, log.as_ref());
    let found = match ran.end.state {
        RunState::Succeeded | RunState::PartiallySucceeded => Some(RunVerdict::Passed),
        RunState::Failed => ran
            .explanation
            .as_deref()
            .and_then(|explanation| failed(&ran, explanation, &steps, log.as_ref(), plan)),
        _ => None,
    };
    let Some(found) = found else {
        return Err(without_verdict(ran).into());
    };
    let mut single = SingleTests::default();
    let both = ran.logs.iter();
    let both = both.flat_map(|logs| [&logs.customization, &logs.validation]);
    for log in both.flatten() {
        single.merge(&log.tests);
    }
    let lines = ran.explanation.map(|it| it.excerpt).unwrap_or_default();
    let started = ran.end.started.map(|at| {
        let at = at.to_offset(time::UtcOffset::UTC);
        PrimitiveDateTime::new(at.date(), at.time())
    });
    let mut tests = vec![steps.boot(&found, started)];
    tests.extend(steps.checks(&found, &lines));
    let verdict = found.verdict(lines);
    Ok(Tested::of(tests, &single, verdict))
}

/// A run that failed for a reason that says nothing of the image, or ended in a way that nobody knows.
fn without_verdict(ran: TestRun) -> Error {
    let explanation = ran.explanation.unwrap_or_else(|| {
        let message = if ran.end.message.is_empty() {
            format!("it ended as '{}'", ran.end.state)
        } else {
            ran.end.message.clone()
        };
        Box::new(Explanation::of(&message, None, &ran.validators))
    });
    Error::Run {
        phase: ran.end.phase,
        elapsed: ran.end.elapsed,
        message: ran.end.message,
        explanation,
    }
}

/// What a run says of the image.
enum RunVerdict {
    Passed,
    /// A check failed: which one, if that is known, and why.
    Check {
        name: Option<String>,
        why: String,
    },
    /// The checks were at work when the time was over.
    OutOfTime {
        name: Option<String>,
    },
    /// It did not boot: why, and what to do.
    NotBooted {
        why: String,
        fix: Option<String>,
    },
}

/// The codes of known failures that say that the VM did not come up.
const NO_ANSWER: [&str; 2] = ["AIB021", "AIB023"];
const SLOW_START: &str = "AIB055";
/// The same code has a start that failed, which is no word about time.
const START_FAILED: &str = "OSProvisioningClientError";
/// Something between the service and the VM is closed: that says nothing of the image.
const UNREACHABLE: &str = "AIB022";
/// The codes of known failures that say that the time was over.
const OUT_OF_TIME: [&str; 2] = ["AIB032", "AIB034"];

/// What a run that failed says of the image; nothing if it says nothing.
fn failed(
    ran: &TestRun,
    explanation: &Explanation,
    steps: &ValidatorSteps<'_>,
    log: Option<&LogSummary>,
    plan: &Plan,
) -> Option<RunVerdict> {
    if explanation.entry.is_some_and(|entry| entry.unfetched) {
        return None;
    }
    let code = explanation.code;
    let validating = ran
        .end
        .phase
        .as_deref()
        .is_some_and(|phase| phase.eq_ignore_ascii_case("Validating"));
    let said = |words: &str| {
        ran.end.message.contains(words)
            || explanation.excerpt.iter().any(|line| line.contains(words))
    };
    let not_booted = NO_ANSWER.contains(&code) || (code == SLOW_START && !said(START_FAILED));
    // What runs in a VM has booted, whatever else a log has.
    let booted = steps.begun();
    if !booted && (not_booted || (validating && code == UNREACHABLE)) {
        return not_booted.then(|| RunVerdict::NotBooted {
            why: explanation.cause.replacen("the build VM", "its VM", 1),
            fix: explanation.fix.clone(),
        });
    }
    if !steps.has_failed() && !validating {
        return None;
    }
    let name = steps.failed_name();
    let exited = log.is_some_and(|log| log.end == End::Errored);
    let over = OUT_OF_TIME.contains(&code)
        || ran.end.message.contains("deadline exceeded")
        || ran.end.elapsed >= plan.effective_build_timeout();
    Some(if over && !exited {
        RunVerdict::OutOfTime { name }
    } else {
        RunVerdict::Check {
            name,
            why: explanation.cause.clone(),
        }
    })
}

impl RunVerdict {
    fn verdict(self, lines: Vec<String>) -> Verdict {
        let display_name = |name: &Option<String>| match name {
            Some(name) => format!("validator '{name}'"),
            None => "a validator".to_owned(),
        };
        let (code, text, hint) = match self {
            Self::Passed => return Verdict::Passed,
            Self::Check { name, why } => {
                let text = format!("{} failed: {why}", display_name(&name));
                (CHECK_FAILED, text, hint(&lines))
            }
            Self::OutOfTime { name } => {
                let text = format!("{} ran out of time", display_name(&name));
                let hint = format!(
                    "find what hangs in the last lines, or raise input '{}' (0 means 240 minutes, the boot of the VM included)",
                    crate::inputs::manifest::BUILD_TIMEOUT_IN_MINUTES.name
                );
                (CHECK_FAILED, text, hint)
            }
            Self::NotBooted { why, fix } => {
                let look = format!(
                    "'{}: vm' fetches the boot screenshot and the serial log",
                    TEST_ENGINE.name
                );
                let fix = fix
                    .unwrap_or_else(|| format!("choose a larger size in input '{}'", VM_SIZE.name));
                (
                    NOT_BOOTED,
                    format!("the image did not boot: {why}"),
                    format!("{fix}; {look}"),
                )
            }
        };
        Verdict::Failed(Failed {
            code,
            text,
            hint: Some(hint),
            lines,
        })
    }
}

/// The validators, and their steps in the log.
struct ValidatorSteps<'a> {
    validators: &'a [Customizer],
    /// The steps, from the one of the first validator on.
    steps: Vec<Step>,
    /// Whether the log ended badly.
    broken: bool,
}

impl<'a> ValidatorSteps<'a> {
    /// The service may have steps of its own before the validators and behind them.
    fn of(validators: &'a [Customizer], log: Option<&LogSummary>) -> Self {
        let all = log.map(|log| log.steps.as_slice()).unwrap_or_default();
        let fits = |steps: &[Step]| {
            let pairs = steps.iter().zip(validators);
            !steps.is_empty()
                && pairs
                    .clone()
                    .all(|(step, it)| kind_of(&step.kind).eq_ignore_ascii_case(&it.kind))
        };
        let first = (0..all.len()).find(|first| all.get(*first..).is_some_and(fits));
        let steps = first.and_then(|first| all.get(first..)).unwrap_or_default();
        Self {
            validators,
            steps: steps.to_vec(),
            broken: log.is_some_and(|log| log.end != End::Finished),
        }
    }

    /// Whether the log shows that a validator began.
    fn begun(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The step of a validator that did not end well.
    fn failed_index(&self) -> Option<usize> {
        let open = self.steps.iter().position(|step| !step.done)?;
        (self.broken && open < self.validators.len()).then_some(open)
    }

    /// Whether the log shows a validator that failed.
    fn has_failed(&self) -> bool {
        self.failed_index().is_some()
    }

    /// The validator that failed: the one that the log shows, or the only one.
    fn failed_name(&self) -> Option<String> {
        let index = match (self.failed_index(), self.validators) {
            (Some(index), _) => index,
            (None, [_]) => 0,
            (None, _) => return None,
        };
        Some(self.name(index))
    }

    fn name(&self, index: usize) -> String {
        let name = self.validators.get(index).map(|it| it.name.as_str());
        match name {
            Some("") | None => format!("validator {}", index + 1),
            Some(name) => name.to_owned(),
        }
    }

    /// From the start of the run to that of the first validator.
    fn boot(&self, found: &RunVerdict, started: Option<PrimitiveDateTime>) -> Test {
        if let RunVerdict::NotBooted { why, .. } = found {
            let failed = Test::new(BOOT, TestState::Failed);
            return Test {
                text: why.clone(),
                ..failed
            };
        }
        let first = self.steps.first().and_then(|step| step.started);
        let took = first.zip(started).map(|(first, started)| first - started);
        let took = took.and_then(|took| Duration::try_from(took).ok());
        Test::new(BOOT, TestState::Passed).after(took)
    }

    /// One test for each validator.
    fn checks(&self, found: &RunVerdict, lines: &[String]) -> Vec<Test> {
        let failed = match found {
            RunVerdict::Passed | RunVerdict::NotBooted { .. } => None,
            RunVerdict::Check { .. } | RunVerdict::OutOfTime { .. } => match self.failed_index() {
                None if self.validators.len() == 1 => Some(0),
                index => index,
            },
        };
        let failing = matches!(
            found,
            RunVerdict::Check { .. } | RunVerdict::OutOfTime { .. }
        );
        let mut tests: Vec<_> = (0..self.validators.len())
            .map(|index| {
                let step = self.steps.get(index);
                let done = step.is_some_and(|step| step.done);
                let name = self.name(index);
                if failed == Some(index) {
                    return failed_test(name, found, lines);
                }
                let state = if done || matches!(found, RunVerdict::Passed) {
                    TestState::Passed
                } else {
                    TestState::Skipped
                };
                Test::new(name, state).after(step.and_then(Step::duration))
            })
            .collect();
        if failing && failed.is_none() {
            tests.push(failed_test("validation".to_owned(), found, lines));
        }
        tests
    }
}

fn failed_test(name: String, found: &RunVerdict, lines: &[String]) -> Test {
    let text = match found {
        RunVerdict::Check { why, .. } => why.clone(),
        RunVerdict::OutOfTime { .. } => "ran out of time".to_owned(),
        RunVerdict::Passed | RunVerdict::NotBooted { .. } => String::new(),
    };
    Test {
        text,
        lines: lines.to_vec(),
        ..Test::new(name, TestState::Failed)
    }
}
