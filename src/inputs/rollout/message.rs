//! What users read before they are signed out.

use super::method::RolloutMethod::{self, Existing, Replace, SessionHostUpdate};
use crate::inputs::manifest::LOG_OFF_MESSAGE;
use crate::inputs::problem::{Code, Problem};
use crate::inputs::reader::{AlreadyReported, Reader};

/// What stands for the minutes.
const MINUTES: &str = "{minutes}";
/// The longest that the service takes (published definition).
const LONGEST: usize = 260;

/// The author's own message. `minutes` are those of a session host update, and those of the other methods.
pub(super) fn read(
    reader: &mut Reader<'_>,
    method: Option<RolloutMethod>,
    minutes: (u32, u32),
) -> Result<Option<String>, AlreadyReported> {
    let input = &LOG_OFF_MESSAGE;
    let Some(text) = reader.optional_lines(input)? else {
        return Ok(None);
    };
    let mut refuse = |code, sentence: String, hint: &str| {
        Err(reader.report(Problem::new(code, input, sentence, Some(hint.to_owned()))))
    };
    let methods = match method {
        Some(method) => vec![method],
        _ => vec![SessionHostUpdate, Replace],
    };
    let longest = methods.into_iter().map(|method| {
        let minutes = if method == SessionHostUpdate {
            minutes.0
        } else {
            minutes.1
        };
        filled_in(Some(text), method, u64::from(minutes))
            .chars()
            .count()
    });
    let longest = longest.max().unwrap_or_default();
    if longest > LONGEST {
        let sentence = format!(
            "the message has {longest} characters with the minutes filled in; the service takes at most {LONGEST}"
        );
        return refuse(Code::Malformed, sentence, "shorten the message");
    }
    if let Some(secret) = reader.raw_inputs().secret_in(text) {
        let sentence = format!("it contains {secret}; every user would read it");
        let problem = Problem::new(
            Code::Exposed,
            input,
            sentence,
            Some("write a message without it".to_owned()),
        );
        return Err(reader.report(problem));
    }
    Ok(Some(text.to_owned()))
}

/// The message with its minutes, or the usual one.
pub(super) fn filled_in(own: Option<&str>, method: RolloutMethod, minutes: u64) -> String {
    let usual = match (method, minutes) {
        (SessionHostUpdate, 0) => "This desktop is updated now.",
        (Replace | Existing, 0) => "This desktop is updated when you next sign out.",
        _ => "This desktop is updated in {minutes} minutes. Save your work.",
    };
    own.unwrap_or(usual).replace(MINUTES, &minutes.to_string())
}
