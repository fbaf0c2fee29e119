//! The lines by which an inventory comes home in the log of a build: numbered, packed, with a sum.
//!
//! ```text
//! image-inventory begin 1 linux
//! image-inventory 0001 H4sIAAAAAAAAA...
//! image-inventory end 0001 sha256=...
//! ```
//!
//! A log may have lost lines, have some twice, or in another order, and earlier steps may have printed blocks of their own. The list that is
//! returned is that of the last block, whole, by its numbers and its sum; otherwise there is none.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::component::Inventory;
use super::rows;
use crate::log::{CONTENTS, Kind, Line};
use crate::storage::Sha256;

/// The form of the block that is understood.
const FORM: &str = "1";
/// The longest list, unpacked, in bytes.
const LARGEST: u64 = 32 << 20;
/// The script writes no more lines.
const MOST_LINES: u32 = 9999;
/// Characters of the packed text in a line.
const WIDTH: usize = 64;
/// Parts of a block that is begun again and again.
const MOST_PARTS: usize = 16;

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoList {
    /// There is no line of an inventory.
    #[error("the log has no inventory")]
    None,
    /// The script says why it made no list.
    #[error("the step created no list: {0}")]
    Failed(String),
    /// A block that was begun has no end.
    #[error("the inventory in the log has no end")]
    NoEnd,
    /// Lines are missing.
    #[error("{missing} of the {all} lines of the inventory are missing in the log")]
    Gap {
        /// How many.
        missing: u32,
        /// How many there should be.
        all: u32,
    },
    /// Two lines, or two ends, that exclude each other.
    #[error("lines of the inventory in the log contradict each other")]
    Contradiction,
    /// The lines are no packed text.
    #[error("the lines of the inventory in the log cannot be unpacked")]
    Packing,
    /// The text is not what was packed.
    #[error("the inventory in the log does not have the sum that the log names")]
    Sum,
    /// It is longer than anything that is read.
    #[error("the inventory in the log is larger than 32 MiB")]
    TooLarge,
    /// The form of another version of this program.
    #[error("the inventory in the log has the form {0}, which this version does not read")]
    Form(String),
    /// It is whole and names no operating system, or two.
    #[error("the inventory in the log does not name one operating system")]
    NoSystem,
}

/// What a line is, if it is one of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ListLine<'a> {
    Begin(&'a str),
    Data(u32, &'a str),
    End(u32, &'a str),
    Failed(&'a str),
}

impl<'a> ListLine<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let said = line.trim().strip_prefix(CONTENTS)?;
        let (first, rest) = said.split_once(' ')?;
        let rest = rest.trim();
        match first {
            "begin" => Some(Self::Begin(rest)),
            "failed" => Some(Self::Failed(rest)),
            "end" => {
                let (number, sum) = rest.split_once(' ')?;
                let sum = sum.trim().strip_prefix("sha256=")?;
                let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_sum.then_some(Self::End(numbered(number)?, sum))
            }
            number => {
                let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
                let is_text = (1..=WIDTH).contains(&rest.len()) && rest.bytes().all(known);
                is_text.then_some(Self::Data(numbered(number)?, rest))
            }
        }
    }
}

/// `0001`
fn numbered(text: &str) -> Option<u32> {
    let is_number = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number)?;
    (1..=MOST_LINES).contains(&number).then_some(number)
}

/// How many lines an inventory has whose last line this is.
pub fn lines_at_end(text: &str) -> Option<u32> {
    match ListLine::read(text)? {
        ListLine::End(count, _) => Some(count),
        ListLine::Begin(_) | ListLine::Data(..) | ListLine::Failed(_) => None,
    }
}

/// What was seen between two beginnings.
#[derive(Debug, Clone, Default)]
struct Part {
    form: Option<String>,
    lines: BTreeMap<u32, String>,
    end: Option<(u32, String)>,
    failed: Option<String>,
    contradicts: bool,
}

/// Reads lines of a log, without their prefixes, in any order that they come in. Memory does not grow with the log: a block has 9,999 lines at most.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    parts: Vec<Part>,
}

impl Reader {
    /// Takes a line; most are none of an inventory.
    pub fn take(&mut self, line: &Line) {
        if matches!(
            line.kind,
            Kind::Contents | Kind::Output | Kind::Announcement
        ) {
            self.take_text(&line.text);
        }
    }

    fn take_text(&mut self, line: &str) {
        let Some(said) = ListLine::read(line) else {
            return;
        };
        if let ListLine::Begin(form) = said {
            self.begin(form);
            return;
        }
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        }
        let Some(part) = self.parts.last_mut() else {
            return;
        };
        match said {
            ListLine::Begin(_) => {}
            ListLine::Failed(why) => part.failed = Some(why.to_owned()),
            ListLine::End(count, sum) => {
                let end = (count, sum.to_ascii_lowercase());
                part.contradicts |= part.end.as_ref().is_some_and(|known| *known != end);
                part.end = Some(end);
            }
            ListLine::Data(number, text) => match part.lines.get(&number) {
                Some(known) => part.contradicts |= known != text,
                None => _ = part.lines.insert(number, text.to_owned()),
            },
        }
    }

    fn begin(&mut self, form: &str) {
        // A beginning that comes twice begins nothing, and earlier blocks are of no interest once another one begins.
        let last = self.parts.last();
        let is_whole = last.is_some_and(|part| part.end.is_some() || part.failed.is_some());
        if is_whole || self.parts.len() >= MOST_PARTS {
            self.parts.clear();
        }
        self.parts.push(Part {
            form: Some(form.to_owned()),
            ..Part::default()
        });
    }

    /// The list. `hidden` masks what nobody may read, line by line, before anything else is made of the text.
    pub fn finish(&self, hidden: impl Fn(&str) -> String) -> Result<Inventory, NoList> {
        let Some(last) = self.parts.last() else {
            return Err(NoList::None);
        };
        let own = last.unpacked();
        let text = match own {
            Err(NoList::Gap { .. }) => self.joined().unpacked().map_err(|_| NoList::Gap {
                missing: last.missing(),
                all: last.end.as_ref().map_or(0, |(count, _)| *count),
            }),
            own => own,
        }?;
        let text: Vec<String> = text.lines().map(hidden).collect();
        rows::read(&text.join("\n")).ok_or(NoList::NoSystem)
    }

    /// All parts as one: a beginning that came twice, or too late, has cut a block in two.
    fn joined(&self) -> Part {
        let mut all = Part::default();
        for part in &self.parts {
            all.contradicts |= part.contradicts;
            for (number, text) in &part.lines {
                let known = all.lines.insert(*number, text.clone());
                all.contradicts |= known.is_some_and(|known| known != *text);
            }
            all.form = part.form.clone().or(all.form);
            all.end = part.end.clone().or(all.end);
            all.failed = part.failed.clone().or(all.failed);
        }
        all
    }
}

impl Part {
    fn missing(&self) -> u32 {
        let count = self.end.as_ref().map_or(0, |(count, _)| *count);
        let there = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        count.saturating_sub(there)
    }

    /// The text of the list, if the part is whole and nothing contradicts it.
    fn unpacked(&self) -> Result<String, NoList> {
        if let Some(why) = &self.failed {
            return Err(NoList::Failed(why.clone()));
        }
        if self.contradicts {
            return Err(NoList::Contradiction);
        }
        let (count, sum) = self.end.as_ref().ok_or(NoList::NoEnd)?;
        if self.lines.keys().any(|number| number > count) {
            return Err(NoList::Contradiction);
        }
        let missing = self.missing();
        if missing > 0 {
            let all = *count;
            return Err(NoList::Gap { missing, all });
        }
        let form = self.form.as_deref().unwrap_or_default();
        let number = form.split(' ').next().unwrap_or_default();
        // Without its beginning, a block may be the rest of another one.
        if number.is_empty() {
            return Err(NoList::Gap {
                missing: 1,
                all: *count,
            });
        }
        if number != FORM {
            return Err(NoList::Form(number.to_owned()));
        }
        let packed: String = self.lines.values().map(String::as_str).collect();
        let packed = STANDARD.decode(packed).map_err(|_| NoList::Packing)?;
        let mut text = Vec::new();
        let mut unpacking = GzDecoder::new(packed.as_slice()).take(LARGEST + 1);
        unpacking
            .read_to_end(&mut text)
            .map_err(|_| NoList::Packing)?;
        if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
            return Err(NoList::TooLarge);
        }
        if Sha256::of(&text).to_string() != *sum {
            return Err(NoList::Sum);
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
