//! The output of a script: the end of it, which the run command has, or all of it, in two blobs.

use http::StatusCode;
use time::OffsetDateTime;

use crate::arm::{Arm, Client, Failure};
use crate::error::Error;
use crate::inputs::Origin;
use crate::inputs::origin::OUTPUT;
use crate::log::SingleTests;
use crate::run::leftover::Leftover;
use crate::run::leftovers::Leftovers;
use crate::secret::Secret;
use crate::storage::reading::{Access, read_piece};
use crate::storage::{self, BlobRef, CONTAINER, StorageAccount};

/// A run command has the last bytes of an output, so many (documented of the older action, assumed of this one).
const END_BYTES: usize = 4096;
/// A character of UTF-8 is not cut.
const LONGEST_CHARACTER: usize = 4;
/// How many lines are kept for a report.
pub(super) const LINES: usize = 30;
/// A longer line is cut.
const LONGEST_LINE: usize = 2_000;
/// More of an output is not read.
const MOST_BYTES: u64 = 256 << 20;

/// What log and result say where the run command alone has the output, and it is long.
pub(super) const CUT: &str = "only the last 4,096 bytes of the output are known";
/// What they say where a blob could not be read to its end.
pub(super) const PARTIAL: &str = "only part of the output is known";

/// What was read of an output.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// The last lines.
    pub(super) last: Vec<String>,
    /// Whether its beginning is missing.
    pub(super) is_cut: bool,
    /// Whether its middle is missing: the account gave its beginning alone.
    pub(super) is_partial: bool,
    half: Vec<u8>,
    is_long: bool,
}

impl Output {
    /// Reads output and errors of a run command. Of a text that was cut the first line is left out: its beginning is missing.
    pub(super) fn of_command(
        texts: [&str; 2],
        single: &mut SingleTests,
        tell: &mut dyn FnMut(&str),
    ) -> Self {
        let mut output = Self::default();
        for text in texts {
            output.is_cut |= output.push_end(text, single, tell);
        }
        output
    }

    /// Reads output or errors of a run command; whether the beginning is missing.
    fn push_end(
        &mut self,
        text: &str,
        single: &mut SingleTests,
        tell: &mut dyn FnMut(&str),
    ) -> bool {
        let is_cut = text.len() > END_BYTES - LONGEST_CHARACTER;
        let rest = if is_cut {
            text.split_once('\n').map_or("", |(_, rest)| rest)
        } else {
            text
        };
        self.push(rest.as_bytes(), single, tell);
        self.end(single, tell);
        is_cut
    }

    /// The next bytes of an output.
    fn push(&mut self, bytes: &[u8], single: &mut SingleTests, tell: &mut dyn FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST_LINE.saturating_sub(self.half.len());
            self.is_long |= piece.len() > room;
            self.half.extend(piece.iter().take(room));
            if piece.ends_with(b"\n") {
                self.end(single, tell);
            }
        }
    }

    /// The line is over.
    fn end(&mut self, single: &mut SingleTests, tell: &mut dyn FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.half).trim_end().to_owned();
        self.half.clear();
        let is_long = std::mem::take(&mut self.is_long);
        if text.is_empty() {
            return;
        }
        single.push(&text);
        let text = if is_long { format!("{text}…") } else { text };
        tell(&text);
        if self.last.len() == LINES {
            self.last.remove(0);
        }
        self.last.push(text);
    }
}

/// Where a script writes its whole output to, and the links by which it does.
pub(super) struct Blobs {
    client: Client,
    /// Output, and errors.
    places: [BlobRef; 2],
    /// Links to them. Who knows one can write there.
    pub(super) links: [Secret; 2],
}

/// The folders of their names.
const FOLDERS: [&str; 2] = ["image-test-output", "image-test-errors"];
/// The links are valid for so long: the script's own time, and some for its start.
const LIFE: time::Duration = time::Duration::hours(3);
/// Storage refuses a link that begins in its future.
const CLOCKS_DIFFER: time::Duration = time::Duration::minutes(5);

impl Blobs {
    /// Makes links to two blobs that do not exist yet. What comes to be by them is noted before.
    ///
    /// By the service connection's own role or, where that is missing, by a key of the account.
    pub(super) async fn prepare(
        arm: &Arm,
        account: &StorageAccount,
        (origin, number): (&Origin, u128),
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Self, Error> {
        let name = |folder: &str| origin.blob_name(folder, number, OUTPUT);
        let blob = |folder| account.blob(CONTAINER, &name(folder));
        let [output, errors] = FOLDERS.map(blob);
        let no_blob = |error| Error::from(storage::StorageFailure::from(error));
        let blobs = [output.map_err(no_blob)?, errors.map_err(no_blob)?];
        let (key, links) = match links(arm, None, &blobs).await {
            Ok(links) => (None, links),
            Err(failure) if failure.is_a_missing_role() && account.takes_keys => {
                // The missing role is what is to be mended.
                let Ok(key) = arm.storage_account_key(account).await else {
                    return Err(failure.into());
                };
                let links = links(arm, Some(&key), &blobs).await?;
                (Some(key), links)
            }
            Err(failure) => return Err(failure.into()),
        };
        let by_key = key.is_some();
        let client = key.map_or_else(
            || arm.client.clone(),
            |key| storage::with_key(&arm.client, account, key),
        );
        for blob in &blobs {
            let blob = Box::new(blob.clone());
            let leftover = if by_key {
                Leftover::BlobByKey(blob)
            } else {
                Leftover::Blob(blob)
            };
            leftovers.register(leftover, &origin.run);
        }
        Ok(Self {
            client,
            places: blobs,
            links,
        })
    }

    /// Reads both to the end. Where one cannot be read to its end, what the run command has of it counts, too. Also says why one was not read.
    pub(super) async fn read(
        &self,
        ends: [&str; 2],
        single: &mut SingleTests,
        tell: &mut (dyn FnMut(&str) + Send),
    ) -> (Output, Option<Unread>) {
        let mut output = Output::default();
        let (mut unread, mut empty) = (None, None);
        let mut is_there = false;
        for (blob, end) in self.places.iter().zip(ends) {
            let (read, missing) = self.read_one(blob, &mut output, single, tell).await;
            let Some(missing) = missing else {
                output.end(single, tell);
                is_there = true;
                continue;
            };
            // The beginning of a line is no line.
            output.half.clear();
            output.is_long = false;
            let is_cut = output.push_end(end, single, tell);
            if read > 0 {
                output.is_partial = true;
            } else {
                output.is_cut |= is_cut;
            }
            // Nothing was written to it.
            let is_empty = end.is_empty() && missing.is_nothing();
            if is_empty { &mut empty } else { &mut unread }.get_or_insert(missing);
        }
        // That neither was written is worth a word.
        (output, unread.or(empty.filter(|_| !is_there)))
    }

    /// How many bytes of one were read, and why not all of them.
    async fn read_one(
        &self,
        blob: &BlobRef,
        output: &mut Output,
        single: &mut SingleTests,
        tell: &mut (dyn FnMut(&str) + Send),
    ) -> (u64, Option<Unread>) {
        let mut from = 0;
        while from < MOST_BYTES {
            let piece = match read_piece(&self.client, blob, from, &Access::token()).await {
                Ok(piece) => piece,
                Err(failure) => return (from, Some(Unread::Failed(Box::new(failure)))),
            };
            output.push(&piece.bytes, single, tell);
            from += u64::try_from(piece.bytes.len()).unwrap_or(MOST_BYTES);
            if !piece.more {
                return (from, None);
            }
        }
        (from, Some(Unread::TooLong))
    }
}

/// Why an output was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// Storage did not give it.
    Failed(Box<Failure>),
    /// It is too long.
    TooLong,
}

impl Unread {
    /// Whether there is no such blob.
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is(StatusCode::NOT_FOUND))
    }
}

async fn links(
    arm: &Arm,
    key: Option<&Secret>,
    blobs: &[BlobRef; 2],
) -> Result<[Secret; 2], storage::StorageFailure> {
    let now = OffsetDateTime::now_utc();
    let (from, until) = (now - CLOCKS_DIFFER, now + LIFE);
    let [output, errors] = blobs;
    match key {
        None => storage::create_container(&arm.client, output).await?,
        Some(key) => {
            let client = storage::with_key(&arm.client, output.account(), key.clone());
            storage::create_container(&client, output).await?;
        }
    }
    let output = storage::append_link(&arm.client, key, output, from, until).await?;
    let errors = storage::append_link(&arm.client, key, errors, from, until).await?;
    Ok([output.url, errors.url])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: [&str; 2]) -> (Output, Vec<String>, SingleTests) {
        let (mut single, mut told) = (SingleTests::default(), Vec::new());
        let output = Output::of_command(texts, &mut single, &mut |line| told.push(line.to_owned()));
        (output, told, single)
    }

    #[test]
    fn an_output_is_told_line_by_line() {
        let (output, told, single) =
            read(["one\r\n\nimage-test: failed teams: old\nlast", "wrong\n"]);
        assert_eq!(
            told,
            ["one", "image-test: failed teams: old", "last", "wrong"]
        );
        assert_eq!(output.last, told);
        assert!(!output.is_cut && single.has_failed());
        let (output, told, _) = read(["", ""]);
        assert!(output.last.is_empty() && told.is_empty() && !output.is_cut);
    }

    #[test]
    fn what_was_cut_loses_its_first_half_line() {
        let line = "x".repeat(99) + "\n";
        let text = format!("t: failed half\n{}", line.repeat(50));
        let cut = &text[text.len() - END_BYTES..];
        let (output, told, _) = read([cut, ""]);
        assert!(output.is_cut);
        assert_eq!(told.len(), 40);
        assert!(told.iter().all(|line| line.len() == 99));
        assert_eq!(output.last.len(), LINES);
        // Some bytes fewer, where a character would have been cut.
        assert!(read([&cut[3..], ""]).0.is_cut);
        assert!(!read([&cut[4..], ""]).0.is_cut);
        // One line without an end is none that is whole.
        let (output, told, _) = read([&"y".repeat(END_BYTES), ""]);
        assert!(output.is_cut && told.is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (mut output, mut single) = (Output::default(), SingleTests::default());
        let mut told = Vec::new();
        let mut tell = |line: &str| told.push(line.chars().count());
        for _ in 0..10 {
            output.push(&[b'z'; 1000], &mut single, &mut tell);
        }
        output.push(b"\nnext", &mut single, &mut tell);
        output.end(&mut single, &mut tell);
        assert_eq!(told, [LONGEST_LINE + 1, 4]);
    }
}
