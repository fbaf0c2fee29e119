//! What the contents of an image are compared with, and which changes fail the step.

use regex::{Regex, RegexBuilder};

use super::given_version;
use super::manifest::{COMPARE_WITH, FAIL_ON_CHANGE};
use super::problem::{Code, Form, Problem, quoted};
use super::reader::resource::SAMPLE_SUBSCRIPTION;
use super::reader::{AlreadyReported, Reader};
use super::spelling::nearest;
use crate::resource::ResourceId;

/// The version that an image is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CompareWith {
    /// The one that was the latest in the gallery's region before this one.
    #[default]
    Latest,
    /// The one that was published before this one.
    Previous,
    /// This one, of whatever image definition.
    Version(ResourceId),
    /// None.
    Nothing,
}

/// Changes that fail the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRule {
    /// What happened.
    pub kind: ChangeKind,
    /// To what.
    pub name: Glob,
}

/// What happened to something that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is there no longer.
    Removed,
    /// It has other versions, whichever way they went.
    Changed,
    /// Its highest version is below the highest one before.
    Downgraded,
    /// Its highest version is above.
    Upgraded,
}

const KINDS: &[(&str, ChangeKind)] = &[
    ("added", ChangeKind::Added),
    ("removed", ChangeKind::Removed),
    ("changed", ChangeKind::Changed),
    ("downgraded", ChangeKind::Downgraded),
    ("upgraded", ChangeKind::Upgraded),
];

impl ChangeKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        let mut kinds = KINDS.iter();
        let found = kinds.find(|(_, kind)| *kind == self);
        found.map_or("", |(word, _)| word)
    }
}

/// Names without regard to letter case: `*` stands for any text, `?` for one character, and everything else for itself.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    expression: Regex,
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl Glob {
    /// Nothing if it is too long.
    fn new(text: &str) -> Option<Self> {
        let pieces = text.chars().map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            other => regex::escape(other.encode_utf8(&mut [0; 4])),
        });
        let pattern: String = pieces.collect();
        let expression = RegexBuilder::new(&format!("^{pattern}$"))
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build();
        Some(Self {
            text: text.to_owned(),
            expression: expression.ok()?,
        })
    }

    /// Whether it stands for `name`.
    pub fn fits(&self, name: &str) -> bool {
        self.expression.is_match(name)
    }

    /// As the author wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

const BUILD: Form = Form {
    what: "a version to compare with",
    format: "'latest', 'previous', 'none', or the id of a gallery image version with its number at the end",
    example: "previous",
};
const DIFF: Form = Form {
    format: "'latest', 'previous', or the id of a gallery image version with its number at the end",
    ..BUILD
};

/// What a build is compared with.
pub(super) fn of_build(reader: &mut Reader<'_>) -> Result<CompareWith, AlreadyReported> {
    let given = compare_with(reader, BUILD)?;
    Ok(given.unwrap_or(CompareWith::Latest))
}

/// What `action: diff` compares with.
pub(super) fn of_diff(reader: &mut Reader<'_>) -> Result<CompareWith, AlreadyReported> {
    match compare_with(reader, DIFF)? {
        None => Ok(CompareWith::Previous),
        Some(CompareWith::Nothing) => {
            let text = reader.raw(&COMPARE_WITH).trim();
            let hint = Some("leave it empty to compare with the previous version".to_owned());
            Err(reader.malformed(&COMPARE_WITH, text, DIFF, hint))
        }
        Some(given) => Ok(given),
    }
}

const WORDS: &[(&str, CompareWith)] = &[
    ("latest", CompareWith::Latest),
    ("previous", CompareWith::Previous),
    ("none", CompareWith::Nothing),
];

fn compare_with(
    reader: &mut Reader<'_>,
    form: Form,
) -> Result<Option<CompareWith>, AlreadyReported> {
    let Some(text) = reader.optional(&COMPARE_WITH)? else {
        return Ok(None);
    };
    let word = |(word, _): &&(&str, CompareWith)| word.eq_ignore_ascii_case(text);
    if let Some((_, known)) = WORDS.iter().find(word) {
        return Ok(Some(known.clone()));
    }
    if !text.starts_with('/') {
        let near = nearest(text, WORDS.iter().map(|(word, _)| *word));
        let hint = near.map(|near| format!("did you mean '{near}'?"));
        return Err(reader.malformed(&COMPARE_WITH, text, form, hint));
    }
    match given_version::version(text) {
        Ok(id) => {
            if id.subscription() == SAMPLE_SUBSCRIPTION {
                reader.warn_of_sample(&COMPARE_WITH);
            }
            Ok(Some(CompareWith::Version(id)))
        }
        Err(reason) => {
            let sentence = format!("{} {reason}", quoted(text));
            let problem = Problem::new(Code::Malformed, &COMPARE_WITH, sentence, None);
            Err(reader.report(problem))
        }
    }
}

const RULE: Form = Form {
    what: "a change that fails the step",
    format: "one 'kind: name' per line, with the kind 'added', 'removed', 'changed', 'downgraded' or 'upgraded', and '*' and '?' in the name",
    example: "removed: Microsoft Edge",
};

/// The changes that fail the step, one rule a line. Each wrong line is a problem of its own.
pub(super) fn rules(reader: &mut Reader<'_>) -> Result<Vec<ChangeRule>, AlreadyReported> {
    let text = reader.optional_lines(&FAIL_ON_CHANGE)?.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read: Vec<_> = lines
        .map(|line| rule(line).map_err(|hint| reader.malformed(&FAIL_ON_CHANGE, line, RULE, hint)))
        .collect();
    read.into_iter().collect()
}

/// The rule of a line, or what to do about the line.
fn rule(line: &str) -> Result<ChangeRule, Option<String>> {
    let Some((word, name)) = line.split_once(':') else {
        let kind = KINDS
            .iter()
            .find(|(kind, _)| line.eq_ignore_ascii_case(kind));
        return Err(kind.map(|(kind, _)| format!("write '{kind}: *' for whatever it is")));
    };
    let (word, name) = (word.trim(), name.trim());
    let known = KINDS
        .iter()
        .find(|(kind, _)| word.eq_ignore_ascii_case(kind));
    let Some((word, kind)) = known else {
        let near = nearest(word, KINDS.iter().map(|(kind, _)| *kind));
        return Err(near.map(|near| format!("did you mean '{near}: {name}'?")));
    };
    if name.is_empty() {
        return Err(Some(format!("write '{word}: *' for whatever it is")));
    }
    let name = Glob::new(name).ok_or_else(|| Some("write a shorter name".to_owned()))?;
    Ok(ChangeRule { kind: *kind, name })
}

#[cfg(test)]
mod tests {
    use super::super::RawInputs;
    use super::*;
    use crate::inputs::manifest::Input;

    const VERSION: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/web/versions/1.2.0";

    fn read<T>(
        input: &Input,
        text: &str,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, AlreadyReported>,
    ) -> Result<T, Vec<String>> {
        let given = RawInputs {
            inputs: [(input.name.to_lowercase(), text.to_owned())].into(),
            ..RawInputs::default()
        };
        let mut reader = Reader::new(&given);
        let value = read(&mut reader);
        let told = |problem: &Problem| {
            let hint = problem.hint.as_ref();
            let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("{} {problem}{hint}", problem.code)
        };
        match reader.finish(value) {
            Ok((value, _)) => Ok(value),
            Err(problems) => Err(problems.iter().map(told).collect()),
        }
    }

    #[test]
    fn what_is_compared_with_is_a_word_or_a_version() {
        let build = |text: &str| read(&COMPARE_WITH, text, of_build);
        let diff = |text: &str| read(&COMPARE_WITH, text, of_diff);
        let version = CompareWith::Version(VERSION.parse().unwrap());
        assert_eq!(build(""), Ok(CompareWith::Latest));
        assert_eq!(diff(""), Ok(CompareWith::Previous));
        for read in [build, diff] {
            assert_eq!(read(" Latest "), Ok(CompareWith::Latest));
            assert_eq!(read("previous"), Ok(CompareWith::Previous));
            assert_eq!(read(VERSION), Ok(version.clone()));
        }
        assert_eq!(build("none"), Ok(CompareWith::Nothing));
        let of_diff = "expected 'latest', 'previous', or the id of a gallery image version with its number at the end, for example previous";
        assert_eq!(
            diff("None"),
            Err(vec![format!(
                "AIB101 Input 'compareWith': 'None' is not a version to compare with; {of_diff} (leave it empty to compare with the previous version)"
            )])
        );
        let of_build = of_diff.replace("'previous', or", "'previous', 'none', or");
        assert_eq!(
            build("lates"),
            Err(vec![format!(
                "AIB101 Input 'compareWith': 'lates' is not a version to compare with; {of_build} (did you mean 'latest'?)"
            )])
        );
        assert_eq!(
            build("1.2.0"),
            Err(vec![format!(
                "AIB101 Input 'compareWith': '1.2.0' is not a version to compare with; {of_build}"
            )])
        );
        for wrong in [
            VERSION.replace("/versions/1.2.0", ""),
            VERSION.replace("1.2.0", "latest"),
            VERSION.replace("1.2.0", "1.2"),
            "/x".to_owned(),
        ] {
            let problems = build(&wrong).unwrap_err();
            let start = format!("AIB101 Input 'compareWith': '{wrong}' is not an image version");
            assert!(problems.concat().starts_with(&start), "{problems:?}");
        }
    }

    #[test]
    fn rules_are_lines_of_a_kind_and_a_name() {
        let text = "removed: Microsoft Edge\n\n  Downgraded :*\nupgraded: a: b\n";
        let rules = read(&FAIL_ON_CHANGE, text, rules).unwrap();
        let shown: Vec<_> = rules
            .iter()
            .map(|rule| (rule.kind, rule.name.as_str()))
            .collect();
        let expected = [
            (ChangeKind::Removed, "Microsoft Edge"),
            (ChangeKind::Downgraded, "*"),
            (ChangeKind::Upgraded, "a: b"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(read(&FAIL_ON_CHANGE, " \n", super::rules), Ok(Vec::new()));
    }

    #[test]
    fn every_line_that_is_no_rule_is_told() {
        let text = "removed\nremove: x\nadded:\nMicrosoft Edge\ngone: *";
        let problems = read(&FAIL_ON_CHANGE, text, rules).unwrap_err();
        let form = RULE.expected();
        let expected = [
            ("removed", " (write 'removed: *' for whatever it is)"),
            ("remove: x", " (did you mean 'removed: x'?)"),
            ("added:", " (write 'added: *' for whatever it is)"),
            ("Microsoft Edge", ""),
            ("gone: *", ""),
        ]
        .map(|(line, hint)| {
            format!(
                "AIB101 Input 'failOnChange': '{line}' is not a change that fails the step; {form}{hint}"
            )
        });
        assert_eq!(problems, expected);
    }

    #[test]
    fn names_fit_as_shells_have_it_but_for_letter_case() {
        let check = |glob: &str, name: &str, expected: bool| {
            let fits = Glob::new(glob).unwrap().fits(name);
            assert_eq!(fits, expected, "{glob} {name}");
        };
        check("Microsoft Edge", "microsoft EDGE", true);
        check("Microsoft Edge", "Microsoft Edge Update", false);
        check("Microsoft Edge*", "Microsoft Edge Update", true);
        check("*edge*", "Microsoft Edge Update", true);
        check("lib?", "libc", true);
        check("lib?", "lib", false);
        check("lib?", "libcc", false);
        check("*", "", true);
        check("*", "two\nlines", true);
        check(
            "Visual C++ (x64) [1.0] {a,b}",
            "visual c++ (X64) [1.0] {a,b}",
            true,
        );
        check("Visual C++", "Visual CC", false);
        check("lib.", "libc", false);
        check(r"a\*", r"a\b", true);
        check("ÄRGER", "ärger", true);
        assert_eq!(Glob::new(&"*a".repeat(200_000)), None);
    }
}
