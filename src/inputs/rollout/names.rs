//! The names of new session hosts and of the deployments that make them: the same for each attempt at a job.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use time::OffsetDateTime;

use crate::inputs::manifest::HOST_NAME_PREFIX;
use crate::inputs::problem::{Code, Form, Problem, quoted};
use crate::inputs::raw_inputs::RawInputs;
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::resource::ResourceId;

/// The names of what a roll-out makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The computers are called `<prefix>-<n>`.
    pub prefix: String,
    /// The deployments are called `<deployment>-canary` and `<deployment>-rest`.
    pub deployment: String,
}

/// The longest name that a Windows computer can have.
pub(super) const LONGEST_COMPUTER: usize = 15;
const LONGEST_PREFIX: usize = 12;
/// How many digits of the build number are in a prefix.
const DIGITS: usize = 6;

const FORM: Form = Form {
    what: "the beginning of computer names",
    format: "1 to 12 letters, digits and hyphens, with a letter or digit at both ends",
    example: "avd$(Build.BuildId)",
};

pub(super) fn read(
    reader: &mut Reader<'_>,
    pool: Option<&ResourceId>,
    count: &Result<Option<u32>, AlreadyReported>,
) -> Result<Names, AlreadyReported> {
    let given = reader.raw_inputs();
    let hash = hash(pool.map_or("", ResourceId::as_str));
    let short = |length: usize| hash.get(..length).unwrap_or_default();
    let deployment = format!("image-rollout-{}-{}", run(given), short(8));
    let Some(text) = reader.optional(&HOST_NAME_PREFIX)? else {
        let prefix = format!("avd{}{}", number(given), short(2));
        return Ok(Names { prefix, deployment });
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_prefix = text.chars().all(plain)
        && text.len() <= LONGEST_PREFIX
        && !text.starts_with('-')
        && !text.ends_with('-');
    if !is_prefix {
        return Err(reader.malformed(&HOST_NAME_PREFIX, text, FORM, None));
    }
    if let Ok(Some(count)) = count {
        let last = format!("{text}-{}", count.saturating_sub(1));
        if last.len() > LONGEST_COMPUTER {
            let sentence = format!(
                "the name of the last host would be {}, and a computer's name has at most {LONGEST_COMPUTER} characters",
                quoted(&last)
            );
            let hint = Some("shorten it".to_owned());
            let problem = Problem::new(Code::Malformed, &HOST_NAME_PREFIX, sentence, hint);
            return Err(reader.report(problem));
        }
    }
    Ok(Names {
        prefix: text.to_owned(),
        deployment,
    })
}

/// SHA-256 of the pool's id in lower case, in hexadecimal digits.
fn hash(pool: &str) -> String {
    let sum = digest(&SHA256, pool.to_lowercase().as_bytes());
    let mut text = String::new();
    for byte in sum.as_ref() {
        // Writing to a text does not fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

/// The run as the names of deployments have it: the build's id, `r<release>-<environment>` in a release, the day at a prompt.
fn run(given: &RawInputs) -> String {
    if let Some((release, _)) = &given.release {
        let environment = given.step.environment.as_deref().unwrap_or_default();
        return format!("r{}-{}", plain(release), plain(environment));
    }
    match given.build_id.as_deref().map(plain) {
        Some(id) if !id.is_empty() => id,
        _ => day(given),
    }
}

/// The letters and digits of `text`, 16 at most.
fn plain(text: &str) -> String {
    let plain = text.chars().filter(char::is_ascii_alphanumeric);
    plain.take(16).collect()
}

/// At a prompt there is no build: attempts of one day have the same names.
fn day(given: &RawInputs) -> String {
    let seconds = i64::try_from(given.unique / 1_000_000).unwrap_or_default();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let month = u8::from(now.month());
    format!("{}{month:02}{:02}", now.year(), now.day())
}

/// The last digits of the build number; of the build's id, if there are fewer.
fn number(given: &RawInputs) -> String {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let number = match &given.release {
        Some(_) => given.run.release.as_deref(),
        None => given.build_number.as_deref(),
    };
    let number = number.map(digits).filter(|all| all.len() >= DIGITS);
    let number = number.unwrap_or_else(|| digits(&run(given)));
    let start = number.len().saturating_sub(DIGITS);
    let last = number.get(start..).unwrap_or_default();
    format!("{last:0>DIGITS$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{RawRun, RawStep};

    #[test]
    fn a_number_has_six_digits() {
        let of = |number: &str, id: &str| {
            number_of(&RawInputs {
                build_number: Some(number.to_owned()),
                build_id: Some(id.to_owned()),
                ..RawInputs::default()
            })
        };
        assert_eq!(of("20260930.17", "4711"), "093017");
        assert_eq!(of("nightly 42", "4711"), "004711");
        assert_eq!(of("nightly 42", "123456789"), "456789");
    }

    fn number_of(given: &RawInputs) -> String {
        number(given)
    }

    #[test]
    fn a_release_has_its_own_names() {
        let given = RawInputs {
            release: Some(("17".to_owned(), "2".to_owned())),
            run: RawRun {
                release: Some("Release-20261001.3".to_owned()),
                ..RawRun::default()
            },
            step: RawStep {
                environment: Some("5".to_owned()),
                ..RawStep::default()
            },
            build_id: Some("4711".to_owned()),
            build_number: Some("20260930.17".to_owned()),
            ..RawInputs::default()
        };
        assert_eq!(
            (run(&given), number(&given)),
            ("r17-5".into(), "610013".into())
        );
    }

    #[test]
    fn the_id_of_a_pool_counts_without_letter_case() {
        assert_eq!(hash("/A"), hash("/a"));
        assert_eq!(
            hash("ABC"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
