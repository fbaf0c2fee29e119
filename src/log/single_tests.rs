//! Single tests that a script reports: `image-test: passed <name>`, `image-test: failed <name>: <text>`, `image-test: skipped <name>`.
//!
//! One line is one test. The log of Azure VM Image Builder has them behind Packer's prefix, which is gone here, and the output of a command
//! in a VM has them bare.

use std::collections::HashMap;

/// How a single test ended. In this order, the last one is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestState {
    /// As it should.
    Passed,
    /// It was not run.
    Skipped,
    /// Not as it should.
    Failed,
}

impl TestState {
    /// The word in lines and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A test that a script reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleTest {
    /// What it is called.
    pub name: String,
    /// How it ended: a name that comes twice is one test, and the worst counts.
    pub state: TestState,
    /// What the script says of it; empty if nothing.
    pub text: String,
}

/// What a line that reports a test begins with.
const MARK: &str = "image-test:";
/// No list of tests that a person reads is longer; memory is bounded by it.
const MOST: usize = 10_000;
/// Characters of a name, and of a text.
const LONGEST_NAME: usize = 250;
const LONGEST_TEXT: usize = 2_000;

/// The single tests of an output, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SingleTests {
    all: Vec<SingleTest>,
    places: HashMap<String, usize>,
    /// How many lines name tests that there was no room for, and whether one of those failed.
    left_out: usize,
    left_out_failed: bool,
}

impl SingleTests {
    /// Takes a line of the output. One that reports no test changes nothing.
    pub fn push(&mut self, line: &str) {
        if let Some(test) = read(line) {
            self.add(test);
        }
    }

    /// Takes what another output reported: of one name in both, the worst counts.
    pub fn merge(&mut self, other: &Self) {
        for test in &other.all {
            self.add(test.clone());
        }
        self.left_out += other.left_out;
        self.left_out_failed |= other.left_out_failed;
    }

    fn add(&mut self, test: SingleTest) {
        if let Some(known) = self.places.get(&test.name) {
            let known = self.all.get_mut(*known);
            if let Some(known) = known.filter(|known| known.state < test.state) {
                *known = test;
            }
        } else if self.all.len() < MOST {
            self.places.insert(test.name.clone(), self.all.len());
            self.all.push(test);
        } else {
            self.left_out += 1;
            self.left_out_failed |= test.state == TestState::Failed;
        }
    }

    /// All of them, at most 10,000.
    pub fn all(&self) -> &[SingleTest] {
        &self.all
    }

    /// How many lines named further ones.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &SingleTest> {
        let all = self.all.iter();
        all.filter(|test| test.state == TestState::Failed)
    }

    /// Whether one failed, also one that there was no room for.
    pub fn has_failed(&self) -> bool {
        self.left_out_failed || self.failed().next().is_some()
    }
}

/// The test that a line reports. Text stands only behind tests that did not pass; the name of one that passed may have a colon.
fn read(line: &str) -> Option<SingleTest> {
    let rest = line.trim().strip_prefix(MARK)?.trim_start();
    let (word, rest) = rest.split_once(char::is_whitespace)?;
    let state = match word {
        "passed" => TestState::Passed,
        "failed" => TestState::Failed,
        "skipped" => TestState::Skipped,
        _ => return None,
    };
    let (name, text) = match rest.split_once(": ") {
        Some((name, text)) if state != TestState::Passed => (name, text),
        _ => (rest, ""),
    };
    // `failed name:` without a text has its colon for nothing.
    let name = match state {
        TestState::Passed => name,
        TestState::Skipped | TestState::Failed => name.trim_end().trim_end_matches(':'),
    };
    let name = cut(name, LONGEST_NAME);
    (!name.is_empty()).then(|| SingleTest {
        name,
        state,
        text: cut(text, LONGEST_TEXT),
    })
}

fn cut(text: &str, most: usize) -> String {
    let text: String = text.trim().chars().take(most).collect();
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Line;

    fn all(lines: &[&str]) -> Vec<(String, &'static str, String)> {
        let mut tests = SingleTests::default();
        for line in lines {
            tests.push(line);
        }
        let all = tests.all().iter();
        all.map(|test| (test.name.clone(), test.state.as_str(), test.text.clone()))
            .collect()
    }

    fn check(line: &str, expected: Option<(&str, &'static str, &str)>) {
        let expected =
            expected.map(|(name, state, text)| (name.to_owned(), state, text.to_owned()));
        assert_eq!(all(&[line]), Vec::from_iter(expected), "{line:?}");
    }

    #[test]
    fn a_line_is_a_test() {
        check("image-test: passed teams", Some(("teams", "passed", "")));
        check(
            "image-test: failed teams is provisioned: not found: 0",
            Some(("teams is provisioned", "failed", "not found: 0")),
        );
        check("image-test: skipped gpu", Some(("gpu", "skipped", "")));
        check(
            "image-test: skipped gpu: none",
            Some(("gpu", "skipped", "none")),
        );
        check(
            "  image-test:  failed   a b  \r",
            Some(("a b", "failed", "")),
        );
        check("image-test: failed a:", Some(("a", "failed", "")));
        // Only what did not pass has a text.
        check(
            "image-test: passed C:\\a: b",
            Some(("C:\\a: b", "passed", "")),
        );
        check(
            "image-test: failed C:\\a: b",
            Some(("C:\\a", "failed", "b")),
        );
        for none in [
            "image-test: passed",
            "image-test: passed ",
            "image-test: failed : text",
            "image-test: Passed a",
            "image-test: broken a",
            "image-test passed a",
            "echo image-test: passed a",
            "image-test:",
            "",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn of_one_name_the_worst_counts() {
        let lines = [
            "image-test: passed a",
            "image-test: skipped b: why",
            "image-test: failed a: first",
            "image-test: failed a: second",
            "image-test: passed b",
            "image-test: passed a",
        ];
        let row = |name: &str, state, text: &str| (name.to_owned(), state, text.to_owned());
        let expected = [row("a", "failed", "first"), row("b", "skipped", "why")];
        assert_eq!(all(&lines), expected);
        let (mut one, mut other) = (SingleTests::default(), SingleTests::default());
        one.push("image-test: passed a");
        other.push("image-test: failed a: x");
        other.push("image-test: passed c");
        one.merge(&other);
        assert!(one.has_failed());
        let names: Vec<_> = one.all().iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
    }

    #[test]
    fn the_prefixes_of_the_log_are_gone() {
        for line in [
            "[8] PACKER 2025/04/08 14:00:00 ui:     azure-arm: image-test: failed disk 95%: full",
            "[8] PACKER 2025/04/08 14:00:00 ui error: ==> azure-arm: image-test: failed disk 95%: full",
            "[8] PACKER OUT     azure-arm: image-test: failed disk 95%: full",
            "    azure-arm: image-test: failed disk 95%: full",
            "==> azure-arm: image-test: failed disk 95%: full",
            "\u{1b}[0;32m    azure-arm: image-test: failed disk 95%: full\u{1b}[0m",
        ] {
            let text = Line::read(line.as_bytes()).text;
            check(&text, Some(("disk 95%", "failed", "full")));
        }
    }

    #[test]
    fn memory_is_bounded_and_no_failure_is_lost() {
        let mut tests = SingleTests::default();
        for number in 0..MOST {
            tests.push(&format!("image-test: passed {number}"));
        }
        assert_eq!((tests.left_out(), tests.has_failed()), (0, false));
        tests.push("image-test: passed one more");
        tests.push("image-test: failed another one");
        assert_eq!(tests.all().len(), MOST);
        assert_eq!((tests.left_out(), tests.has_failed()), (2, true));
        let long = "x".repeat(5_000);
        let read = read(&format!("image-test: failed {long}: {long}")).unwrap();
        assert_eq!(
            (read.name.len(), read.text.len()),
            (LONGEST_NAME, LONGEST_TEXT)
        );
    }
}
