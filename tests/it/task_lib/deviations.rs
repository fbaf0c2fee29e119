//! Where the product departs from Microsoft's library on purpose. What differs and is not here is a mistake.

use pipelines_agent::{Command, Parsed, parse};

use super::cases::{Call, Case, Line, Question};
use super::ours;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deviation {
    /// The library finds address and data of an endpoint only when the id is spelled as in the environment; we find them in any case.
    IdsWithoutCase,
    /// The library reads single variables; we look into the endpoint's two documents for what is not among them.
    DocumentsFillGaps,
    /// The library trims task variables; we read back what was written.
    TaskVariablesUntrimmed,
    /// The library writes `=` at the beginning of a value, which the agent eats; we leave it out.
    LeadingEqualsSign,
    /// The library writes a blank in front of properties that are all empty, and so left out; we write none. The agent does not care.
    BlankBeforeNothing,
    /// The library sends `issecret=false` and the like; we leave out what the agent takes for granted.
    FlagsThatAreFalse,
    /// The library repeats values as debug lines; we keep them to ourselves.
    NoDebugEcho,
    /// The library raises an issue with every bad result; ours comes before, with a code.
    NoIssueWithResult,
    /// The library says `Cancelled`, which the agent refuses; we say `Canceled`.
    Canceled,
    /// The library sets an output variable, which other jobs read; we set the plain variable as well.
    PlainVariableToo,
}

pub(super) const ALL: [Deviation; 10] = [
    Deviation::IdsWithoutCase,
    Deviation::DocumentsFillGaps,
    Deviation::TaskVariablesUntrimmed,
    Deviation::LeadingEqualsSign,
    Deviation::BlankBeforeNothing,
    Deviation::FlagsThatAreFalse,
    Deviation::NoDebugEcho,
    Deviation::NoIssueWithResult,
    Deviation::Canceled,
    Deviation::PlainVariableToo,
];

/// The deviation that explains why `ours` is not `theirs`.
pub(super) fn of_reading(
    case: &Case,
    question: &Question,
    theirs: Option<&String>,
    ours: Option<&String>,
) -> Option<Deviation> {
    let theirs = theirs.map(String::as_str).unwrap_or_default();
    match question[0].as_str() {
        "taskVariable" if ours.map(|text| trimmed_as_by_node(text)) == Some(theirs) => {
            Some(Deviation::TaskVariablesUntrimmed)
        }
        "url" | "scheme" | "parameter" | "data" if theirs.is_empty() => {
            let mut as_written = question.clone();
            if let Some(id) = case.spelling_of_id(&question[1]) {
                as_written[1] = id;
            }
            let alike = ours == ours::read(&case.environment(), &as_written).as_ref();
            if as_written != *question && alike {
                return Some(Deviation::IdsWithoutCase);
            }
            case.has_documents_alone(&question[1])
                .then_some(Deviation::DocumentsFillGaps)
        }
        _ => None,
    }
}

/// `String.prototype.trim`: the byte order mark counts as a blank, the next-line character does not.
fn trimmed_as_by_node(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}'))
}

impl Case {
    /// The id as the environment has it, if that is different.
    fn spelling_of_id(&self, id: &str) -> Option<String> {
        let names = self.environment.keys();
        let mut ids = names.filter_map(|name| name.strip_prefix("ENDPOINT_URL_"));
        ids.find(|known| known.eq_ignore_ascii_case(id) && *known != id)
            .map(str::to_owned)
    }

    fn has_documents_alone(&self, id: &str) -> bool {
        !self
            .environment
            .keys()
            .any(|name| name.eq_ignore_ascii_case(&format!("ENDPOINT_AUTH_SCHEME_{id}")))
    }
}

/// The agent takes both lines for the same command, and the properties are of a kind that explains the difference.
pub(super) fn of_writing(command: &Line, theirs: &str, ours: &str) -> Option<Deviation> {
    let (own, other) = (read(ours), read(theirs));
    if own.properties != other.properties || own.data != other.data {
        return None;
    }
    let mut values = command.properties.iter().map(|(_, value)| value);
    if values.clone().all(String::is_empty) {
        return Some(Deviation::BlankBeforeNothing);
    }
    let leading = values.any(|value| value.starts_with('='));
    leading.then_some(Deviation::LeadingEqualsSign)
}

/// The deviations between what was said; anything else is a failure.
pub(super) fn of_saying(call: &Call, theirs: &[String], ours: &[String]) -> Vec<Deviation> {
    let mut met = Vec::new();
    let mut theirs: Vec<_> = theirs.iter().map(|line| read(line)).collect();
    let mut ours: Vec<_> = ours.iter().map(|line| read(line)).collect();
    if call[0] != "debug" {
        met.extend(removed(&mut theirs, Deviation::NoDebugEcho, |it| {
            it.is("task", "debug")
        }));
    }
    met.extend(removed(&mut theirs, Deviation::NoIssueWithResult, |it| {
        it.is("task", "issue")
    }));
    for command in &mut theirs {
        let all = command.properties.len();
        command.properties.retain(|(_, value)| value != "false");
        if command.properties.len() < all {
            met.push(Deviation::FlagsThatAreFalse);
        }
        for (key, value) in &mut command.properties {
            *key = key.to_lowercase();
            if value == "Cancelled" {
                "Canceled".clone_into(value);
                met.push(Deviation::Canceled);
            }
        }
    }
    if call[0] == "setVariable" && call[3] == "true" {
        met.extend(removed(&mut ours, Deviation::PlainVariableToo, |it| {
            it.property("isoutput").is_none()
        }));
    }
    assert_eq!(ours, theirs, "{call:?}");
    met
}

fn removed(
    commands: &mut Vec<Command>,
    deviation: Deviation,
    which: impl Fn(&Command) -> bool,
) -> Option<Deviation> {
    let before = commands.len();
    commands.retain(|command| !which(command));
    (commands.len() < before).then_some(deviation)
}

fn read(line: &str) -> Command {
    match parse(line) {
        Parsed::Command(command) => command,
        other => panic!("{line} is {other:?}"),
    }
}
