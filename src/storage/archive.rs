//! A folder as an archive, a stream of blocks: no temporary file, and a few blocks of memory however large the folder is (the zip format's
//! own directory, some 250 bytes for each entry, comes on top).
//!
//! The same folder gives the same bytes. Entries are sorted by name, and carry one fixed time: a build agent sets the time when it unpacks
//! or downloads a file, so it says nothing about the file. Owners are left out for the same reason.

use bytes::Bytes;
use futures::stream::{self, Stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::blocks::{BLOCK_BYTES, BlockWriter};
use super::package::{Archived, Format, PackageFailure, Packing};
use super::walk::Walk;
use super::{tar_gz, zip};

/// Finished blocks that wait for the upload.
const WAITING_BLOCKS: usize = 2;

/// An archive that is being written by a thread of its own. The thread ends by itself when this is dropped.
#[derive(Debug)]
pub(super) struct Archiving {
    blocks: mpsc::Receiver<Bytes>,
    thread: JoinHandle<Result<Archived, PackageFailure>>,
}

/// Starts packing.
pub(super) fn start(packing: Packing) -> Archiving {
    start_in_blocks(packing, BLOCK_BYTES)
}

fn start_in_blocks(packing: Packing, block_bytes: usize) -> Archiving {
    let (sender, blocks) = mpsc::channel(WAITING_BLOCKS);
    let thread = tokio::task::spawn_blocking(move || {
        write(&packing, BlockWriter::new(sender, block_bytes)?)
    });
    Archiving { blocks, thread }
}

impl Archiving {
    /// The blocks in order. Their end says nothing: whether the archive is whole is the answer of [`Archiving::finish`].
    pub(super) fn blocks(&mut self) -> impl Stream<Item = Bytes> + Send + '_ {
        stream::poll_fn(|context| self.blocks.poll_recv(context))
    }

    /// What was packed, once all blocks were taken.
    pub(super) async fn finish(self) -> Result<Archived, PackageFailure> {
        drop(self.blocks);
        // A thread without an answer was stopped together with the whole runtime.
        self.thread.await.unwrap_or(Err(PackageFailure::Abandoned))
    }
}

fn write(packing: &Packing, out: BlockWriter) -> Result<Archived, PackageFailure> {
    let mut archived = Archived::default();
    let entries = Walk::of(&packing.folder, packing.exclude.clone())?;
    let out = match packing.format {
        Format::Zip => zip::write(entries, out, &mut archived, packing)?,
        Format::TarGz => tar_gz::write(entries, out, &mut archived, packing)?,
    };
    if archived.files + archived.folders == 0 {
        let folder = packing.folder.clone();
        return Err(if packing.exclude.lines().is_empty() {
            PackageFailure::Empty(folder)
        } else {
            PackageFailure::AllExcluded(folder)
        });
    }
    (archived.bytes_written, archived.sha256) = out.finish()?;
    Ok(archived)
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "round_trip_tests.rs"]
mod round_trips;
