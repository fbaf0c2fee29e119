//! From bytes that come in pieces to the lines of the log, without their prefixes.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time};

use crate::ansi::after_sequence;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Packer's own words, or a script's error output: the log does not distinguish them.
    Announcement,
    /// A script writes to its standard output.
    Output,
    /// A provisioner starts; the text is its type, `powershell`.
    Starting,
    /// A provisioner has ended well; the text is its type.
    Ending,
    /// The build has ended well.
    Finished,
    /// The build has ended badly; the text has the cause.
    Errored,
    /// Packer and its plugins among themselves.
    Diagnostic,
    /// One of many lines about the progress of a transfer.
    Progress,
    /// One of the packed lines in which the list of the image's contents comes home; only this program reads them.
    Contents,
}

/// What the packed lines begin with.
pub const CONTENTS: &str = "image-inventory ";

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, UTC. Not every line has a time.
    pub time: Option<PrimitiveDateTime>,
    /// What it is.
    pub kind: Kind,
    /// What it says: no prefix, no control characters, no line end.
    pub text: String,
}

/// `2025/04/08`, at the beginning of most lines.
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]/[month]/[day]");
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");
/// Length of `2025/04/08 14:06:56`.
const STAMP: usize = 19;

/// What Packer says when a step has failed.
const STEP_FAILED: &str = "Provisioning step had errors";

/// What Packer says when it begins to clean up: after a failure, or because it is canceled.
const CLEANING: [&str; 6] = [
    STEP_FAILED,
    "Deleting individual resources",
    "Deleting Virtual Machine deployment",
    "Cleanup requested",
    "Removing the created Deployment",
    "Cancelling build",
];

/// What Packer's parts say to each other, and to nobody else.
const DIAGNOSTICS: [&str; 10] = [
    "bytes written for",
    "RPC endpoint",
    "RPC client",
    "Opening /tmp/",
    "Uploading env vars",
    "plugin process exited",
    "Azure request method=",
    "Azure response",
    "waiting for all plugin processes",
    "starting remote command",
];

impl Line {
    /// Reads a line in any of the forms; never fails, because a script may have written anything.
    pub fn read(raw: &[u8]) -> Self {
        let plain = visible(&String::from_utf8_lossy(raw));
        let (time, channel, rest) = without_prefix(&plain);
        let (kind, text) = match channel {
            Channel::Bare => payload(rest, Kind::Output),
            Channel::Person => payload(rest, Kind::Announcement),
            Channel::Machine => payload(without_source(rest), Kind::Diagnostic),
        };
        Self {
            time,
            kind,
            text: text.to_owned(),
        }
    }

    /// Whether Packer begins to clean up, by the words of the line; a script may print the same.
    pub fn begins_cleaning(&self) -> bool {
        CLEANING.iter().any(|words| self.text.starts_with(words))
    }

    /// Whether the step at work has failed.
    pub fn says_step_failed(&self) -> bool {
        self.kind == Kind::Errored
            || (self.kind == Kind::Announcement && self.text.starts_with(STEP_FAILED))
    }

    /// Whether a person who reads the log wants to see the line.
    pub fn is_for_people(&self) -> bool {
        match self.kind {
            Kind::Announcement | Kind::Output | Kind::Errored | Kind::Finished => {
                !self.text.trim().is_empty()
            }
            Kind::Starting | Kind::Ending | Kind::Diagnostic | Kind::Progress | Kind::Contents => {
                false
            }
        }
    }
}

/// Whom a line was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// A line without a prefix: the log of the container, or the continuation of a line.
    Bare,
    /// `OUT`, `ui:` and `ui error:`, and lines that continue those.
    Person,
    /// `ERR`, and lines with a time but without `ui:`.
    Machine,
}

/// Takes `[id] PACKER`, the channel and the time away. The blanks in front of the payload stay: they mark a script's output.
fn without_prefix(line: &str) -> (Option<PrimitiveDateTime>, Channel, &str) {
    let after_id = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .map_or(line, |(_, rest)| rest);
    let Some(rest) = after_id.strip_prefix("PACKER") else {
        return (None, Channel::Bare, line);
    };
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    if let Some(rest) = rest.strip_prefix("OUT") {
        return (
            None,
            Channel::Person,
            rest.strip_prefix(' ').unwrap_or(rest),
        );
    }
    let rest = rest.strip_prefix("ERR ").unwrap_or(rest);
    let (time, rest) = stamp(rest);
    for person in ["ui: ", "ui error: ", "ui:", "ui error:"] {
        if let Some(rest) = rest.strip_prefix(person) {
            return (time, Channel::Person, rest);
        }
    }
    // The second line of a message of several lines has neither a time nor `ui:`.
    let continued = rest.starts_with("==>") || rest.starts_with("    ") || rest.starts_with("-->");
    let channel = if time.is_none() && continued {
        Channel::Person
    } else {
        Channel::Machine
    };
    (time, channel, rest)
}

fn stamp(text: &str) -> (Option<PrimitiveDateTime>, &str) {
    let Some((stamp, rest)) = text.split_at_checked(STAMP) else {
        return (None, text);
    };
    let read = stamp.split_once(' ').and_then(|(date, clock)| {
        let date = Date::parse(date, DATE).ok()?;
        Some(PrimitiveDateTime::new(
            date,
            Time::parse(clock, CLOCK).ok()?,
        ))
    });
    match read {
        Some(time) => (Some(time), rest.strip_prefix(' ').unwrap_or(rest)),
        None => (None, text),
    }
}

/// Takes `packer-plugin-azure plugin: 2025/04/08 14:06:56 ` away.
fn without_source(text: &str) -> &str {
    let source = |name: &str| name.starts_with("packer") || name.starts_with("/aib/");
    match text.split_once(": ") {
        Some((name, rest)) if source(name) && name.len() < 100 => stamp(rest).1,
        _ => text,
    }
}

/// Tells kinds apart by the form of the payload; `other` for text in no form.
fn payload(text: &str, other: Kind) -> (Kind, &str) {
    if let Some((_, event)) = text.split_once("(telemetry) ") {
        if let Some(kind) = event.strip_prefix("Starting provisioner ") {
            return (Kind::Starting, kind.trim());
        }
        if let Some(kind) = event.strip_prefix("ending ") {
            return (Kind::Ending, kind.trim());
        }
        return (Kind::Diagnostic, text);
    }
    if let Some(at) = text.find("Build '")
        && let Some(verdict) = text.get(at..)
    {
        let after_name = verdict.split("' ").nth(1).unwrap_or_default();
        if after_name.starts_with("finished") {
            return (Kind::Finished, verdict);
        }
        if after_name.starts_with("errored") {
            return (Kind::Errored, verdict);
        }
    }
    let (kind, text) = spoken(text).unwrap_or((other, text));
    if is_contents(text) {
        return (Kind::Contents, text);
    }
    if is_progress(text) {
        return (Kind::Progress, text);
    }
    if DIAGNOSTICS.iter().any(|words| text.contains(words)) {
        return (Kind::Diagnostic, text);
    }
    (kind, text)
}

/// `==> azure-arm: text`, `--> azure-arm: text` and `    azure-arm: text`.
fn spoken(text: &str) -> Option<(Kind, &str)> {
    let (kind, rest) = if let Some(rest) = text
        .strip_prefix("==> ")
        .or_else(|| text.strip_prefix("--> "))
    {
        (Kind::Announcement, rest)
    } else {
        (Kind::Output, text.strip_prefix("    ")?)
    };
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        !name.is_empty() && name.chars().all(plain)
    };
    match rest.split_once(':') {
        Some((name, said)) if is_name(name) => Some((kind, said.strip_prefix(' ').unwrap_or(said))),
        _ if kind == Kind::Announcement => Some((kind, rest)),
        _ => None,
    }
}

/// `image-inventory begin 1 linux`, `image-inventory 0001 H4sI...`, `image-inventory end 0159 sha256=...`; not why there is no list.
fn is_contents(text: &str) -> bool {
    let Some(said) = text.strip_prefix(CONTENTS) else {
        return false;
    };
    match said.split_once(' ').unwrap_or((said, "")) {
        ("begin" | "end", _) => true,
        (number, _) => number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Transfers: `826 B / 826000 B  1.00%`, bars of blocks, and a percentage at the end of a line of little else.
fn is_progress(text: &str) -> bool {
    if text.contains(['█', '▒', '░', '━']) {
        return true;
    }
    let text = text.trim_end();
    let Some(before) = text.strip_suffix('%') else {
        return is_bytes_of_bytes(text);
    };
    let number = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    number.len() < before.len()
        && (number.trim().is_empty()
            || is_bytes_of_bytes(number)
            || number.trim_end().ends_with('|'))
}

/// `12.3 MB / 45 MB`, with a name in front or not.
fn is_bytes_of_bytes(text: &str) -> bool {
    let Some((left, right)) = text.split_once(" / ") else {
        return false;
    };
    let unit =
        |word: Option<&str>| matches!(word, Some("B" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB"));
    let number = |word: Option<&str>| word.is_some_and(|word| word.parse::<f64>().is_ok());
    let (mut left, mut right) = (left.split_whitespace().rev(), right.split_whitespace());
    unit(left.next()) && number(left.next()) && number(right.next()) && unit(right.next())
}

/// The text as a terminal would leave it: of a line that was redrawn the last state, no colors, nothing invisible.
fn visible(text: &str) -> String {
    let last_state = text
        .split('\r')
        .rfind(|state| !state.trim().is_empty())
        .unwrap_or_default();
    let mut visible = String::with_capacity(last_state.len());
    let mut rest = last_state.chars();
    while let Some(c) = rest.next() {
        if let Some(after) = after_sequence(c, rest.as_str()) {
            rest = after.chars();
        } else if c == '\t' || !(c.is_control() || c == '\u{feff}') {
            visible.push(c);
        }
    }
    visible.truncate(visible.trim_end().len());
    visible
}

/// A longer line is cut: someone printed a file, and nobody reads it.
const LONGEST: usize = 16 * 1024;

/// Cuts pieces of bytes into lines, holding one line at most.
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes the next piece, and hands over each line that is complete now.
    pub fn push(&mut self, piece: &[u8], mut each: impl FnMut(Line)) {
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let complete = parts.peek().is_some();
            if complete && self.begun.is_empty() {
                each(Line::read(part.get(..LONGEST).unwrap_or(part)));
                continue;
            }
            let room = LONGEST.saturating_sub(self.begun.len());
            self.begun
                .extend_from_slice(part.get(..room).unwrap_or(part));
            if complete {
                each(Line::read(&self.begun));
                self.begun.clear();
            }
        }
    }

    /// Hands over the last line, if the log does not end with a line end.
    pub fn finish(&mut self, mut each: impl FnMut(Line)) {
        if !self.begun.is_empty() {
            each(Line::read(&self.begun));
            self.begun.clear();
        }
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
