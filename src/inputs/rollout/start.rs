//! When a session host update begins.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::method::RolloutMethod;
use crate::inputs::manifest::{ROLLOUT_AT, ROLLOUT_METHOD};
use crate::inputs::problem::{Code, Form, Problem, quoted};
use crate::inputs::reader::{AlreadyReported, Reader};

/// The service takes no later one (<https://learn.microsoft.com/azure/virtual-desktop/session-host-update>).
const FARTHEST: Duration = Duration::days(14);

const FORM: Form = Form {
    what: "a time",
    format: "a date and a time in UTC or with an offset",
    example: "2026-12-01T19:00:00+01:00",
};

/// A time that is past is a problem at the first attempt at a job; a later attempt may follow what the first one began.
pub(super) fn read(
    reader: &mut Reader<'_>,
    method: Option<RolloutMethod>,
) -> Result<Option<OffsetDateTime>, AlreadyReported> {
    let input = &ROLLOUT_AT;
    let Some(text) = reader.optional(input)? else {
        return Ok(None);
    };
    if let Some(method) = method
        && method != RolloutMethod::SessionHostUpdate
    {
        let sentence = format!(
            "only a session host update can start later, and rolloutMethod is '{}'",
            method.name()
        );
        let hint = format!(
            "remove '{}', or set '{}: {}'",
            input.name,
            ROLLOUT_METHOD.name,
            RolloutMethod::SessionHostUpdate.name()
        );
        let problem = Problem::new(Code::Malformed, input, sentence, Some(hint));
        return Err(reader.report(problem));
    }
    let Some(at) = parsed(text) else {
        return Err(reader.malformed(input, text, FORM, None));
    };
    let given = reader.raw_inputs();
    let seconds = i64::try_from(given.unique / 1_000_000).unwrap_or_default();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (sentence, hint) = if at > now + FARTHEST {
        (
            "is more than 14 days ahead, and the service takes no later time",
            "choose an earlier time, or run the step later",
        )
    } else if at <= now && !given.is_second_attempt() {
        (
            "is past",
            "choose a later time, or remove the input to start at once",
        )
    } else {
        return Ok(Some(at));
    };
    let sentence = format!("{} {sentence}", quoted(text));
    let problem = Problem::new(Code::Malformed, input, sentence, Some(hint.to_owned()));
    Err(reader.report(problem))
}

/// With an offset, or in UTC; seconds may be left out, and a blank may stand for the `T`.
fn parsed(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim().to_ascii_uppercase().replacen(' ', "T", 1);
    let (date, time) = text.split_once('T')?;
    let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at_checked(end)?;
    let clock = match clock.matches(':').count() {
        1 => format!("{clock}:00"),
        _ => clock.to_owned(),
    };
    if offset.is_empty() {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let plain = PrimitiveDateTime::parse(&format!("{date}T{clock}"), form).ok()?;
        return Some(plain.assume_utc());
    }
    let whole = format!("{date}T{clock}{offset}");
    let at = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
    Some(at.to_offset(time::UtcOffset::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_utc_or_has_an_offset() {
        let check = |text: &str, expected: Option<&str>| {
            let at = parsed(text).map(|at| at.format(&Rfc3339).unwrap());
            assert_eq!(at.as_deref(), expected, "{text}");
        };
        let evening = Some("2026-12-01T19:00:00Z");
        check("2026-12-01T19:00:00Z", evening);
        check("2026-12-01t19:00z", evening);
        check("2026-12-01 19:00", evening);
        check("2026-12-01T20:00:00+01:00", evening);
        check("2026-12-01 14:00-05:00", evening);
        check("2026-12-01", None);
        check("tomorrow", None);
        check("2026-13-01T19:00:00Z", None);
        check("2026-12-01T19Z", None);
        check("2026-12-01T19:00+1", None);
    }
}
