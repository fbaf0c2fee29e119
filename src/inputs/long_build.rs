//! Builds that can outlive their job: the name of the template, further attempts, cancels, and how long the step waits.

use std::time::Duration;

use super::manifest::{
    Input, KEEP_TEMPLATE, ON_CANCEL, RESUME, TEMPLATE_NAME, WAIT_TIMEOUT_IN_MINUTES, WHEN_NOT_READY,
};
use super::problem::Form;
use super::reader::{AlreadyReported, Reader};

/// What a canceled job does with the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// It is canceled.
    Cancel,
    /// It goes on.
    Leave,
}

/// How a step ends whose wait was in vain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenNotReady {
    /// It fails.
    #[default]
    Fail,
    /// It succeeds with issues.
    SucceedWithIssues,
    /// It succeeds.
    Succeed,
}

/// How a build deals with what an earlier attempt has started, and with a cancel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer to a question of its own"
)]
pub struct LongBuild {
    /// Whether the author gave the template its name.
    pub named: bool,
    /// What a canceled job does with the run; by default it depends on whose template it is.
    pub on_cancel: Option<OnCancel>,
    /// Whether what an earlier attempt started is taken over.
    pub resume: bool,
    /// Whether the job, its stage or the release is at its second attempt or a later one.
    pub second_attempt: bool,
    /// How long the step waits; without it until the build's own time-out.
    pub wait_limit: Option<Duration>,
    /// Whether template and package stay at the end.
    pub keep: bool,
    /// Whether the number of the image version comes from the clock, so that each attempt has another one.
    pub number_by_clock: bool,
}

const ON_CANCELS: &[(&str, OnCancel)] = &[("cancel", OnCancel::Cancel), ("leave", OnCancel::Leave)];
pub(super) const RESUMES: &[(&str, bool)] = &[("auto", true), ("never", false)];
const WHEN_NOT_READIES: &[(&str, WhenNotReady)] = &[
    ("fail", WhenNotReady::Fail),
    ("succeedWithIssues", WhenNotReady::SucceedWithIssues),
    ("succeed", WhenNotReady::Succeed),
];

const NAME: Form = Form {
    what: "the name of an image template",
    format: "1 to 64 letters, digits, '.', '-' and '_'",
    example: "aib-$(Build.BuildId)",
};
const LONGEST_NAME: usize = 64;

/// The name of the template, if one is given.
pub(super) fn template_name(reader: &mut Reader<'_>) -> Result<Option<String>, AlreadyReported> {
    let input = &TEMPLATE_NAME;
    let Some(text) = reader.optional(input)? else {
        return Ok(None);
    };
    if is_template_name(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(reader.malformed(input, text, NAME, None))
}

/// Whether Azure takes `text` for the name of an image template.
pub fn is_template_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    // A name of dots would lead out of the address that it becomes a part of.
    text.chars().all(plain) && text.len() <= LONGEST_NAME && !text.chars().all(|c| c == '.')
}

pub(super) fn on_cancel(reader: &mut Reader<'_>) -> Result<Option<OnCancel>, AlreadyReported> {
    reader.choice_or_default(&ON_CANCEL, ON_CANCELS)
}

pub(super) fn when_not_ready(reader: &mut Reader<'_>) -> Result<WhenNotReady, AlreadyReported> {
    let word = reader.choice_or_default(&WHEN_NOT_READY, WHEN_NOT_READIES)?;
    Ok(word.unwrap_or_default())
}

/// How long the step waits; 0 for the build's own time-out.
pub(super) fn wait_limit(reader: &mut Reader<'_>) -> Result<Option<Duration>, AlreadyReported> {
    let input: &Input = &WAIT_TIMEOUT_IN_MINUTES;
    let minutes = reader.number(input, 0..=MOST_MINUTES, MINUTES)?;
    let minutes = minutes.filter(|minutes| *minutes > 0);
    Ok(minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)))
}

/// A week.
const MOST_MINUTES: u32 = 7 * 24 * 60;
const MINUTES: Form = Form {
    what: "a number of minutes",
    format: "a whole number from 0 to 10080",
    example: "50",
};

/// Reads it for a build. `named` is whether the author gave the template its name.
pub(super) fn read(
    reader: &mut Reader<'_>,
    named: bool,
    number_by_clock: bool,
) -> Result<LongBuild, AlreadyReported> {
    let on_cancel = on_cancel(reader);
    let resume = reader.choice_or_default(&RESUME, RESUMES);
    let wait_limit = wait_limit(reader);
    let keep = reader.flag(&KEEP_TEMPLATE);
    Ok(LongBuild {
        named,
        on_cancel: on_cancel?,
        resume: resume?.unwrap_or(true),
        second_attempt: reader.raw_inputs().is_second_attempt(),
        wait_limit: wait_limit?,
        keep: keep?,
        number_by_clock,
    })
}
