//! The number of the new image version, as pipelines make it of build numbers and dates.

use std::convert::Infallible;

use time::OffsetDateTime;

use super::macros;
use super::manifest::{IMAGE_VERSION, Input};
use super::problem::{Code, Form, Problem, quoted};
use super::raw_inputs::RawInputs;
use super::reader::{AlreadyReported, Reader};
use super::spelling::tidy;
use crate::resource::ImageVersion;

const VERSION: Form = Form {
    what: "a gallery image version",
    format: "Major.Minor.Patch with numbers up to 2147483647",
    example: "1.2.0",
};

/// The number in the input; `None` leaves it to the gallery.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<ImageVersion>, AlreadyReported> {
    let input = &IMAGE_VERSION;
    let filled = fill_in(tidy(reader.raw(input)), reader.raw_inputs());
    let Some(text) = reader.whole(input, &filled)? else {
        return Ok(None);
    };
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if numbers && parts.len() > 3 {
        let sentence = format!(
            "{} has {} numbers; {}",
            quoted(text),
            parts.len(),
            VERSION.expected()
        );
        let hint = "a build number such as 20261122.3 already has two of the three: write '1.$(Build.BuildNumber)'";
        return Err(reported(reader, input, sentence, hint));
    }
    if numbers && parts.len() < 3 {
        let sentence = format!(
            "{} has {} of 3 numbers; {}",
            quoted(text),
            parts.len(),
            VERSION.expected()
        );
        // A build number begins with its date.
        let missing = 3 - parts.len();
        let hint = if parts.first().is_some_and(|first| first.len() >= 8) {
            format!("write '{}{text}'", "0.".repeat(missing))
        } else {
            format!("write '{text}{}'", ".0".repeat(missing))
        };
        return Err(reported(reader, input, sentence, &hint));
    }
    // Build numbers have leading zeros (the ninety-fourth day is 094), which a version may not have.
    let plain: Vec<&str> = parts
        .iter()
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            rest => rest,
        })
        .collect();
    match plain.join(".").parse() {
        Ok(version) => Ok(Some(version)),
        Err(_) if numbers => {
            let sentence = format!(
                "{} has a number that is too large; {}",
                quoted(text),
                VERSION.expected()
            );
            let hint = "a date and a time are too large for one number: use two numbers, as in '1.$(Year)$(Month)$(DayOfMonth).$(Hours)$(Minutes)'";
            Err(reported(reader, input, sentence, hint))
        }
        Err(_) => Err(reader.malformed(input, text, VERSION, None)),
    }
}

fn reported(
    reader: &mut Reader<'_>,
    input: &Input,
    sentence: String,
    hint: &str,
) -> AlreadyReported {
    reader.report(Problem::new(
        Code::Malformed,
        input,
        sentence,
        Some(hint.to_owned()),
    ))
}

/// Whether the number that is asked for comes from the clock, so that each attempt at a step has another one.
pub(super) fn is_by_clock(reader: &Reader<'_>) -> bool {
    let raw = tidy(reader.raw(&IMAGE_VERSION));
    let given = reader.raw_inputs();
    let later = RawInputs {
        unique: given.unique + A_WHILE,
        build_number: given.build_number.clone(),
        ..RawInputs::default()
    };
    fill_in(raw, given) != fill_in(raw, &later)
}

/// In microseconds: long enough to change the value of each word for a date or a time, the year included.
const A_WHILE: u128 = (400 * 24 * 3600 + 3661) * 1_000_000;

/// Replaces what the agent does not: the words of the `name:` of a pipeline, which are no variables
/// (<https://learn.microsoft.com/azure/devops/pipelines/process/run-number>).
fn fill_in(text: &str, given: &RawInputs) -> String {
    let filled = macros::replaced(text, |word| Ok::<_, Infallible>(word_value(word, given)));
    match filled {
        Ok(filled) => filled,
        Err(never) => match never {},
    }
}

fn word_value(word: &str, given: &RawInputs) -> Option<String> {
    let seconds = i64::try_from(given.unique / 1_000_000).ok()?;
    let now = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let (word, format) = word.split_once(':').unwrap_or((word, ""));
    let value = match (word.to_ascii_lowercase().as_str(), format) {
        ("year", "" | "yyyy") => now.year().to_string(),
        ("year", "yy") => format!("{:02}", now.year().rem_euclid(100)),
        ("month", "") => format!("{:02}", u8::from(now.month())),
        ("dayofmonth", "") => format!("{:02}", now.day()),
        ("dayofyear", "") => format!("{:03}", now.ordinal()),
        ("hours", "") => format!("{:02}", now.hour()),
        ("minutes", "") => format!("{:02}", now.minute()),
        ("seconds", "") => format!("{:02}", now.second()),
        ("date", "yyyyMMdd") => {
            format!("{}{:02}{:02}", now.year(), u8::from(now.month()), now.day())
        }
        ("rev", "" | "r" | "rr" | "rrr" | "rrrr") => revision(given.build_number.as_deref()?)?,
        _ => return None,
    };
    Some(value)
}

/// The number at the end of a build number that stands behind a mark of its own: `3` in `20261122.3`.
fn revision(build_number: &str) -> Option<String> {
    let (_, last) = build_number.rsplit_once(|c: char| !c.is_ascii_digit())?;
    (!last.is_empty()).then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_run_numbers_are_filled_in() {
        // 2025-11-22 09:20:00 UTC.
        let given = RawInputs {
            unique: 1_763_803_200_000_000,
            build_number: Some("nightly_20251122.3".to_owned()),
            ..RawInputs::default()
        };
        let check = |text: &str, expected: &str| assert_eq!(fill_in(text, &given), expected);
        check("1.$(Year).$(DayOfYear)", "1.2025.326");
        check("1.$(year:yy)$(Month).$(DayOfMonth)", "1.2511.22");
        check("1.$(Date:yyyyMMdd).$(Rev:r)", "1.20251122.3");
        check("1.$(Hours)$(Minutes).$(Seconds)", "1.0920.00");
        check("1.$(unheard).$(", "1.$(unheard).$(");
        check("1.2.3", "1.2.3");
    }

    #[test]
    fn revisions_stand_behind_a_mark() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(revision(text).as_deref(), expected, "{text}");
        };
        check("20251122.3", Some("3"));
        check("0942", None);
        check("a-", None);
    }
}
