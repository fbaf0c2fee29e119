//! What is wrong with the inputs, as data, and how it reads.

use std::fmt::{self, Write as _};

use super::manifest::{ALL_INPUTS, Input};
use super::spelling::is_invisible;

/// The stable code of a problem or warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// `AIB100`.
    Missing,
    /// `AIB101`.
    Malformed,
    /// `AIB102`.
    NotOneOf,
    /// `AIB103`.
    Contradiction,
    /// `AIB104`.
    PackagePath,
    /// `AIB105`.
    ServiceConnection,
    /// `AIB106`.
    Macro,
    /// `AIB107`.
    Retired,
    /// `AIB108`.
    Undeclared,
    /// `AIB109`.
    TemplateFile,
    /// `AIB110`.
    Exposed,
    /// `AIB111`.
    Placeholder,
    /// `AIB112`.
    PackageNames,
    /// `AIB113`.
    Script,
    /// `AIB864`.
    NoCheck,
}

/// Every code with its meaning, in the order of the codes.
pub const CODES: &[(Code, &str)] = &[
    (Code::Missing, "A required input is empty"),
    (Code::Malformed, "An input has the wrong form"),
    (Code::NotOneOf, "An input is not one of its possible values"),
    (
        Code::Contradiction,
        "Two inputs contradict each other, or one has no effect with the other",
    ),
    (
        Code::PackagePath,
        "The package folder is missing, empty, not a folder, or the wrong one",
    ),
    (
        Code::ServiceConnection,
        "The service connection lacks data, or its type is not supported",
    ),
    (
        Code::Macro,
        "An input uses a variable that is not defined, so its macro was not replaced",
    ),
    (
        Code::Retired,
        "An input has a value that Azure has retired (warning)",
    ),
    (
        Code::Undeclared,
        "The task has no input of this name and ignores it (warning)",
    ),
    (
        Code::TemplateFile,
        "The template file cannot be read, or a section of it is wrong",
    ),
    (
        Code::Exposed,
        "A script contains a secret, which everybody with read permission on the image template could read",
    ),
    (
        Code::Placeholder,
        "An input still has the value of a sample or of the form, or a script does nothing (warning)",
    ),
    (
        Code::PackageNames,
        "The package contains names, paths or symbolic links that the build VM's operating system does not support",
    ),
    (
        Code::Script,
        "A script names a path that is not in the build VM, or has quotes that change the meaning of a line (warning)",
    ),
    (Code::NoCheck, "A test has nothing to check"),
];

impl Code {
    /// The code as it is written: `AIB101`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "AIB100",
            Self::Malformed => "AIB101",
            Self::NotOneOf => "AIB102",
            Self::Contradiction => "AIB103",
            Self::PackagePath => "AIB104",
            Self::ServiceConnection => "AIB105",
            Self::Macro => "AIB106",
            Self::Retired => "AIB107",
            Self::Undeclared => "AIB108",
            Self::TemplateFile => "AIB109",
            Self::Exposed => "AIB110",
            Self::Placeholder => "AIB111",
            Self::PackageNames => "AIB112",
            Self::Script => "AIB113",
            Self::NoCheck => "AIB864",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that stops the build before it starts. Prints as `Input '<name>': <text>`, without code and hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Input '{input}': {text}")]
pub struct Problem {
    /// What kind of problem.
    pub code: Code,
    /// The input's name as it is declared.
    pub input: &'static str,
    /// `'1.2' is not an image version; expected Major.Minor.Patch, for example 1.2.0`.
    pub text: String,
    /// What to do about it, where that can be said exactly.
    pub hint: Option<String>,
}

/// Something worth telling that does not stop the build. Prints as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What kind of warning.
    pub code: Code,
    /// A whole sentence.
    pub text: String,
    /// What to do about it, where that can be said exactly.
    pub hint: Option<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Everything that is wrong, at least one problem, in the order in which the inputs are declared. Prints as its headline, the first one,
/// and how many follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    headline: Problem,
    others: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Problems {
    /// Puts the problems into their order. `last` makes sure that there is one.
    pub(super) fn new(mut problems: Vec<Problem>, last: Problem, warnings: Vec<Warning>) -> Self {
        problems.sort_by_key(|problem| position(problem.input));
        let mut problems = problems.into_iter();
        Self {
            headline: problems.next().unwrap_or(last),
            others: problems.collect(),
            warnings,
        }
    }

    /// All problems, the headline first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        std::iter::once(&self.headline).chain(&self.others)
    }

    /// What was noticed besides.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.headline)?;
        match self.others.len() {
            0 => Ok(()),
            1 => f.write_str(" (and 1 more problem)"),
            more => write!(f, " (and {more} more problems)"),
        }
    }
}

impl std::error::Error for Problems {}

fn position(name: &str) -> Option<usize> {
    ALL_INPUTS.iter().position(|input| input.name == name)
}

/// The form that an input's value must have: the three parts of the message about a value of another form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// `a build time-out`.
    pub(super) what: &'static str,
    /// `0, or 6 to 960 minutes`.
    pub(super) format: &'static str,
    /// `120`.
    pub(super) example: &'static str,
}

impl Form {
    /// `expected 0, or 6 to 960 minutes, for example 120`.
    pub(super) fn expected(self) -> String {
        format!("expected {}, for example {}", self.format, self.example)
    }
}

/// The longest value that a message repeats, in characters.
const LONGEST_QUOTE: usize = 200;

/// A value in quotes, on one line and cut to a length that leaves the message readable. What would not show is named: `'si<U+200B>g'`.
pub(super) fn quoted(value: &str) -> String {
    let mut shown = String::new();
    for c in value.chars().take(LONGEST_QUOTE) {
        if c.is_control() || c == '\u{2028}' || c == '\u{2029}' {
            shown.push(' ');
        } else if is_invisible(c) && !c.is_whitespace() {
            // Writing to a text does not fail.
            write!(shown, "<U+{:04X}>", u32::from(c)).ok();
        } else {
            shown.push(c);
        }
    }
    if value.chars().nth(LONGEST_QUOTE).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

/// `'a', 'b', 'c'`.
pub(super) fn list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = values
        .into_iter()
        .map(|value| quoted(value.as_ref()))
        .collect();
    quoted.join(", ")
}

impl Problem {
    /// A problem with `input`.
    pub(super) fn new(
        code: Code,
        input: &Input,
        text: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        Self {
            code,
            input: input.name,
            text: text.into(),
            hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_code_once_and_in_order() {
        let codes: Vec<&str> = CODES.iter().map(|(code, _)| code.as_str()).collect();
        // The one of an action stands behind those of all inputs, under the action's own numbers.
        let common = CODES.len() - 1;
        let expected = (100..100 + common).map(|number| format!("AIB{number}"));
        let expected: Vec<String> = expected.chain(["AIB864".to_owned()]).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn quotes_stay_short_and_on_one_line() {
        assert_eq!(quoted("a\r\nb"), "'a  b'");
        assert_eq!(quoted("si\u{200b}g"), "'si<U+200B>g'");
        assert_eq!(quoted(&"x".repeat(201)), format!("'{}…'", "x".repeat(200)));
        assert_eq!(quoted(&"ä".repeat(200)), format!("'{}'", "ä".repeat(200)));
    }
}
