//! What a test came to: every single test, and the verdict.

use std::time::Duration;

use super::codes::CHECK_FAILED;
use super::not_tested::NotTested;
use crate::log::{SingleTests, TestState};
use crate::run::leftover::NotRemoved;

/// What an engine brings home.
#[derive(Debug)]
pub(super) struct Ended {
    /// The verdict, or why there is none.
    pub(super) result: Result<Tested, NotTested>,
    /// What could not be removed.
    pub(super) not_removed: Vec<NotRemoved>,
}

/// A test with a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// Whether the image is good.
    pub verdict: Verdict,
    /// Every single test: first the boot, then the checks, then what the checks themselves report.
    pub tests: Vec<Test>,
    /// What has to be known of the output.
    pub remark: Option<String>,
}

/// Whether an image is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Passed,
    /// It is not.
    Failed(Failed),
}

/// Why an image is not good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The stable code: a check failed, or the image did not boot.
    pub code: &'static str,
    /// What failed, as the rest of a sentence: `validator 'checks' failed: …`.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The last lines of the output, at most 30.
    pub lines: Vec<String>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// What it is called.
    pub name: String,
    /// How it ended.
    pub state: TestState,
    /// How long it took, if that is known.
    pub elapsed: Option<Duration>,
    /// What is said of it; empty if nothing.
    pub text: String,
    /// The last lines of its output.
    pub lines: Vec<String>,
}

/// Names the boot of the image among the tests.
pub(super) const BOOT: &str = "boot";

impl Test {
    /// A test of which nothing is said.
    pub(super) fn new(name: impl Into<String>, state: TestState) -> Self {
        Self {
            name: name.into(),
            state,
            elapsed: None,
            text: String::new(),
            lines: Vec::new(),
        }
    }

    /// It took so long, if that is known.
    pub(super) fn after(self, elapsed: Option<Duration>) -> Self {
        Self { elapsed, ..self }
    }
}

/// A sentence names so many failed tests.
const MOST_NAMES: usize = 5;

impl Tested {
    /// The tests in their order, and the verdict: what an engine found, or a single test that failed, whatever the exit code was.
    pub(super) fn of(tests: Vec<Test>, single: &SingleTests, found: Verdict) -> Self {
        let mut tests = tests;
        tests.extend(single.all().iter().map(|single| Test {
            text: single.text.clone(),
            ..Test::new(&single.name, single.state)
        }));
        let (failed, lines) = (named(single), lines_of(single));
        let verdict = match (found, failed) {
            (Verdict::Failed(found), Some(failed)) if found.code == CHECK_FAILED => {
                Verdict::Failed(Failed {
                    text: format!("{}; {failed}", found.text),
                    ..found
                })
            }
            (Verdict::Passed, Some(text)) => Verdict::Failed(Failed {
                code: CHECK_FAILED,
                text,
                hint: Some(hint(&lines)),
                lines,
            }),
            (found, _) => found,
        };
        let remark = (single.left_out() > 0).then(|| {
            format!(
                "there are {} more tests than the {} that are listed",
                single.left_out(),
                single.all().len()
            )
        });
        Self {
            verdict,
            tests,
            remark,
        }
    }

    /// Whether the image is good.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// The word for tags, variables and files.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => TestState::Passed.as_str(),
            Verdict::Failed(_) => TestState::Failed.as_str(),
        }
    }

    /// How many tests ended so.
    pub fn count(&self, state: TestState) -> usize {
        let tests = self.tests.iter();
        tests.filter(|test| test.state == state).count()
    }
}

/// What to do about a check that failed, whose last lines are `lines`.
pub(super) fn hint(lines: &[String]) -> String {
    let where_to_look = if lines.is_empty() {
        "it printed nothing, so let it say what is wrong"
    } else {
        "the last lines are in the log above, in the summary and in the Tests tab of the run"
    };
    format!(
        "{where_to_look}; add what the image lacks and build a new version, or correct the check"
    )
}

/// The single tests that failed, in one sentence; nothing if none did.
fn named(single: &SingleTests) -> Option<String> {
    if !single.has_failed() {
        return None;
    }
    let all: Vec<_> = single
        .failed()
        .map(|test| format!("'{}'", test.name))
        .collect();
    let shown = all.get(..MOST_NAMES).unwrap_or(&all).join(", ");
    let rest = all.len().saturating_sub(MOST_NAMES);
    Some(match all.len() {
        0 => "a test that is not listed failed".to_owned(),
        1 => format!("test {shown} failed"),
        count if rest > 0 => format!("{count} tests failed: {shown} and {rest} more"),
        count => format!("{count} tests failed: {shown}"),
    })
}

fn lines_of(single: &SingleTests) -> Vec<String> {
    let failed = single.failed().take(30);
    let lines = failed.map(|test| match test.text.as_str() {
        "" => test.name.clone(),
        text => format!("{}: {text}", test.name),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(lines: &[&str]) -> SingleTests {
        let mut single = SingleTests::default();
        for line in lines {
            single.push(line);
        }
        single
    }

    fn failed(text: &str) -> Verdict {
        Verdict::Failed(Failed {
            code: CHECK_FAILED,
            text: text.to_owned(),
            hint: None,
            lines: Vec::new(),
        })
    }

    #[test]
    fn a_single_test_that_failed_fails_the_whole() {
        let check = |found: Verdict, lines: &[&str], expected: Option<&str>| {
            let tested = Tested::of(Vec::new(), &single(lines), found);
            let text = match &tested.verdict {
                Verdict::Passed => None,
                Verdict::Failed(failed) => Some(failed.text.as_str()),
            };
            assert_eq!(text, expected, "{lines:?}");
        };
        check(Verdict::Passed, &[], None);
        check(
            Verdict::Passed,
            &["image-test: passed a", "image-test: skipped b: no"],
            None,
        );
        check(
            Verdict::Passed,
            &["image-test: failed a: why"],
            Some("test 'a' failed"),
        );
        check(
            Verdict::Passed,
            &["image-test: failed a", "image-test: failed b"],
            Some("2 tests failed: 'a', 'b'"),
        );
        let many: Vec<_> = (0..7).map(|n| format!("image-test: failed {n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        check(
            Verdict::Passed,
            &many,
            Some("7 tests failed: '0', '1', '2', '3', '4' and 2 more"),
        );
        check(failed("x failed"), &[], Some("x failed"));
        check(
            failed("x failed"),
            &["image-test: failed a"],
            Some("x failed; test 'a' failed"),
        );
    }

    #[test]
    fn the_tests_are_listed_in_their_order() {
        let boot = Test::new(BOOT, TestState::Passed);
        let lines = single(&["image-test: passed b", "image-test: failed a: why"]);
        let tested = Tested::of(vec![boot], &lines, Verdict::Passed);
        let names: Vec<_> = tested
            .tests
            .iter()
            .map(|test| (test.name.as_str(), test.state.as_str(), test.text.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("boot", "passed", ""),
                ("b", "passed", ""),
                ("a", "failed", "why")
            ]
        );
        assert_eq!((tested.word(), tested.passed()), ("failed", false));
        assert_eq!(tested.count(TestState::Passed), 2);
    }
}
