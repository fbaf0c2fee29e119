//! The message of a run and its log, brought together.

use std::fmt;
use std::path::PathBuf;

use super::entry::{Entry, FoundIn};
use super::log_reader::{End, LogSummary};
use super::matcher::{Diagnosis, RULES, ranked};
use super::message::{operation_id, without_boilerplate};
use crate::log::Step;

/// The code of a failed run of which nothing is known.
pub const UNKNOWN: &str = "AIB401";

/// A customizer of the template, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customizer {
    /// `Shell`, `PowerShell`, `File`, `WindowsRestart`, `WindowsUpdate`.
    pub kind: String,
    /// Its name, or nothing.
    pub name: String,
}

impl fmt::Display for Customizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(&self.kind),
            name => write!(f, "{name} ({})", self.kind),
        }
    }
}

/// The step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailedStep {
    /// A customizer of the template.
    Customizer {
        /// Counted from 1.
        position: usize,
        /// How many the template has.
        of: usize,
        /// Which one.
        customizer: Customizer,
    },
    /// A step that the service adds, or one that cannot be assigned to a customizer.
    Service {
        /// Packer's word for its kind.
        kind: String,
    },
}

impl FailedStep {
    /// Finds the customizer behind the last of `steps`. The service adds steps of its own, so a position is named only when the steps so far
    /// are the customizers' in their order.
    pub fn of(customizers: &[Customizer], steps: &[Step]) -> Option<Self> {
        let last = steps.last()?;
        let fits = steps
            .iter()
            .zip(customizers)
            .all(|(step, customizer)| kind_of(&step.kind).eq_ignore_ascii_case(&customizer.kind));
        match customizers.get(steps.len().checked_sub(1)?) {
            Some(customizer) if fits => Some(Self::Customizer {
                position: steps.len(),
                of: customizers.len(),
                customizer: customizer.clone(),
            }),
            _ => Some(Self::Service {
                kind: last.kind.clone(),
            }),
        }
    }
}

impl fmt::Display for FailedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customizer {
                position,
                of,
                customizer: Customizer { kind, name },
            } if name.is_empty() => write!(f, "customizer {position} of {of} ({kind})"),
            Self::Customizer {
                position,
                of,
                customizer: Customizer { kind, name },
            } => write!(f, "customizer {position} of {of} '{name}' ({kind})"),
            Self::Service { kind } => write!(f, "a step of the service ({})", kind_of(kind)),
        }
    }
}

/// What the template calls a kind of step, for Packer's word.
pub fn kind_of(step: &str) -> &str {
    match step {
        "shell" => "Shell",
        "powershell" => "PowerShell",
        "file" => "File",
        "windows-restart" => "WindowsRestart",
        "windows-update" => "WindowsUpdate",
        other => other,
    }
}

/// A line of a script on the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptPlace {
    /// The file, which exists.
    pub file: PathBuf,
    /// Counted from 1; 1 where only the file is known.
    pub line: u32,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The stable code: the entry's, or [`UNKNOWN`].
    pub code: &'static str,
    /// The entry of the catalogue, if the failure is known.
    pub entry: Option<&'static Entry>,
    /// Why there is no image, as half a sentence.
    pub cause: String,
    /// What to do about it, where that is known.
    pub fix: Option<String>,
    /// The step that failed, where the log names it.
    pub step: Option<FailedStep>,
    /// The script of the repository in which it failed. Not known here: it takes the plan.
    pub script: Option<ScriptPlace>,
    /// The last lines of that step that a person wants to see.
    pub excerpt: Vec<String>,
    /// Of an unknown failure, the most informative of these lines, at most three.
    pub key_lines: Vec<String>,
    /// The id that Microsoft's support asks for.
    pub operation: Option<String>,
}

/// Words of the lines that say most about an unknown failure.
const KEY_WORDS: [&str; 9] = [
    "error",
    "fail",
    "exception",
    "denied",
    "cannot",
    "not found",
    "fatal",
    "unable",
    "exited",
];
const MOST_KEY_LINES: usize = 3;

impl Explanation {
    /// Reads `message`, the run's own text, and its log, if there is one. The most specific known failure in both is the cause. A log that
    /// ended well is left out: then distribution failed, which the log does not contain.
    pub fn of(message: &str, log: Option<&LogSummary>, customizers: &[Customizer]) -> Self {
        let from_message = ranked(&[FoundIn::Run, FoundIn::Distribution], message);
        let broken = log.filter(|log| log.end != End::Finished);
        let from_log = broken.and_then(|log| {
            let (rank, groups) = log.found.as_ref()?;
            Some((*rank, RULES.get(*rank)?.diagnosis(groups)))
        });
        let known = [from_message, from_log].into_iter().flatten();
        let known = known.min_by_key(|(rank, _)| *rank).map(|(_, known)| known);
        let step = broken
            .filter(|log| log.failed_step().is_some())
            .and_then(|log| FailedStep::of(customizers, &log.steps));
        let excerpt = broken.map(|log| log.excerpt.clone()).unwrap_or_default();
        let operation = operation_id(message);
        match known {
            Some(Diagnosis { entry, cause, fix }) => Self {
                code: entry.code,
                entry: Some(entry),
                cause,
                fix: Some(fix),
                step,
                script: None,
                excerpt,
                key_lines: Vec::new(),
                operation,
            },
            None => Self {
                code: UNKNOWN,
                entry: None,
                cause: unknown_cause(message, broken),
                fix: None,
                step,
                script: None,
                key_lines: key_lines(&excerpt),
                excerpt,
                operation,
            },
        }
    }
}

/// Packer's last word, or what the message says of its own, or all of it.
fn unknown_cause(message: &str, log: Option<&LogSummary>) -> String {
    let verdict = log
        .and_then(|log| log.verdict.as_deref())
        .and_then(|verdict| verdict.split_once("errored"))
        .and_then(|(_, rest)| rest.split_once(": "));
    let own = without_boilerplate(message);
    match verdict {
        Some((_, cause)) => cause.trim().to_owned(),
        None if own.is_empty() => message.trim().to_owned(),
        None => own,
    }
}

fn key_lines(excerpt: &[String]) -> Vec<String> {
    let is_key = |line: &&String| {
        let line = line.to_lowercase();
        KEY_WORDS.iter().any(|word| line.contains(word))
    };
    let mut lines: Vec<_> = excerpt.iter().filter(is_key).cloned().collect();
    if lines.is_empty() {
        lines = excerpt.to_vec();
    }
    lines.split_off(lines.len().saturating_sub(MOST_KEY_LINES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: &str) -> Step {
        Step {
            kind: kind.to_owned(),
            started: None,
            ended: None,
            done: false,
        }
    }

    #[test]
    fn a_position_is_named_only_when_the_steps_fit() {
        let customizer = |kind: &str, name: &str| Customizer {
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        let customizers = [
            customizer("File", "copy"),
            customizer("Shell", ""),
            customizer("WindowsUpdate", "u"),
        ];
        let check = |kinds: &[&str], expected: &str| {
            let steps: Vec<_> = kinds.iter().map(|kind| step(kind)).collect();
            let found = FailedStep::of(&customizers, &steps);
            assert_eq!(found.unwrap().to_string(), expected, "{kinds:?}");
        };
        check(&["file"], "customizer 1 of 3 'copy' (File)");
        check(&["file", "shell"], "customizer 2 of 3 (Shell)");
        check(
            &["file", "shell", "windows-update"],
            "customizer 3 of 3 'u' (WindowsUpdate)",
        );
        check(&["shell", "shell"], "a step of the service (Shell)");
        check(
            &["file", "shell", "windows-update", "powershell"],
            "a step of the service (PowerShell)",
        );
        assert_eq!(FailedStep::of(&customizers, &[]), None);
    }

    #[test]
    fn an_unknown_failure_says_what_azure_said() {
        let explanation = Explanation::of(
            "The moon is full. OperationId: 5e6f7a8b-0000-4000-8000-000000000002.",
            None,
            &[],
        );
        assert_eq!(explanation.code, UNKNOWN);
        assert!(explanation.cause.starts_with("The moon is full"));
        assert_eq!(
            explanation.operation.as_deref(),
            Some("5e6f7a8b-0000-4000-8000-000000000002")
        );
        assert_eq!(explanation.fix, None);
    }
}
