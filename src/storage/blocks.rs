//! Cuts what an archive writer writes into blocks, and stops the writer while nobody takes them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::checksum::{Sha256, Summing};
use super::package::PackageFailure;
use crate::threads;

/// A blob has at most 50,000 blocks (<https://learn.microsoft.com/azure/storage/blobs/scalability-targets>), so a package may have 195 GiB
/// when compressed. The image builder has to copy it through its build VM's disk, which is smaller.
pub const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// Blocks that wait for their checksum. They are the ones that are being sent, so they need little memory of their own.
const UNSUMMED_BLOCKS: usize = 2;

/// Blocks whose memory waits for its next use: those that an upload sends at a time, and a few more.
const LENT_BLOCKS: usize = 6;

/// The memory of blocks. A new block takes that of one that is sent, because the kernel prepares fresh memory page by page, a thousand for each block.
#[derive(Debug, Default)]
pub struct BlockMemory {
    lent: VecDeque<Bytes>,
}

impl BlockMemory {
    /// Memory for a block of `bytes`, with what was in it before.
    pub fn take(&mut self, bytes: usize) -> BytesMut {
        let free = self.lent.iter().position(Bytes::is_unique);
        let free = free.and_then(|index| self.lent.remove(index));
        match free.map(Bytes::try_into_mut) {
            Some(Ok(block)) if block.capacity() >= bytes => block,
            _ => BytesMut::with_capacity(bytes),
        }
    }

    /// The block to send; its memory comes back when nobody has it any more.
    pub fn lend(&mut self, block: BytesMut) -> Bytes {
        let block = block.freeze();
        if self.lent.len() == LENT_BLOCKS {
            self.lent.pop_front();
        }
        self.lent.push_back(block.clone());
        block
    }
}

/// The checksum of all blocks, in a thread of its own: a build waits for reading, compressing and sending, and not for this as well.
#[derive(Debug)]
struct Summer {
    blocks: SyncSender<Bytes>,
    thread: JoinHandle<Sha256>,
}

impl Summer {
    fn start() -> Result<Self, PackageFailure> {
        let (blocks, waiting) = sync_channel::<Bytes>(UNSUMMED_BLOCKS);
        let summing = move || {
            let mut sum = Summing::new();
            for block in &waiting {
                sum.add(&block);
            }
            sum.finish()
        };
        let thread = threads::named("checksum").spawn(summing);
        let thread = thread.map_err(|error| PackageFailure::NoThread(error.to_string()))?;
        Ok(Self { blocks, thread })
    }

    /// Whether the thread takes it.
    fn add(&self, block: Bytes) -> bool {
        self.blocks.send(block).is_ok()
    }

    fn finish(self) -> Option<Sha256> {
        drop(self.blocks);
        self.thread.join().ok()
    }
}

/// Sends blocks to another task. Every block but the last has the same length.
#[derive(Debug)]
pub(super) struct BlockWriter {
    sender: mpsc::Sender<Bytes>,
    block_bytes: usize,
    block: BytesMut,
    memory: BlockMemory,
    written: u64,
    sum: Summer,
    abandoned: bool,
}

impl BlockWriter {
    /// A writer into `sender`, for a thread that may block.
    pub(super) fn new(
        sender: mpsc::Sender<Bytes>,
        block_bytes: usize,
    ) -> Result<Self, PackageFailure> {
        Ok(Self {
            sender,
            block_bytes,
            block: BytesMut::new(),
            memory: BlockMemory::default(),
            written: 0,
            sum: Summer::start()?,
            abandoned: false,
        })
    }

    /// Sends what is left; returns how many bytes were written in all, and their checksum.
    pub(super) fn finish(mut self) -> Result<(u64, Sha256), PackageFailure> {
        if !self.block.is_empty() {
            self.send().map_err(|_| PackageFailure::Abandoned)?;
        }
        if self.abandoned {
            return Err(PackageFailure::Abandoned);
        }
        let sum = self.sum.finish().ok_or(PackageFailure::Abandoned)?;
        Ok((self.written, sum))
    }

    fn send(&mut self) -> io::Result<()> {
        let block = self.memory.lend(mem::take(&mut self.block));
        if !self.sum.add(block.clone()) {
            return Err(self.abandon());
        }
        self.sender.blocking_send(block).map_err(|_| self.abandon())
    }

    fn abandon(&mut self) -> io::Error {
        self.abandoned = true;
        io::Error::other(PackageFailure::Abandoned)
    }
}

impl Write for BlockWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.abandoned {
            return Ok(data.len());
        }
        if self.sender.is_closed() {
            return Err(self.abandon());
        }
        if self.block.is_empty() {
            self.block = self.memory.take(self.block_bytes);
            self.block.clear();
        }
        let room = self.block_bytes.saturating_sub(self.block.len());
        let part = data.get(..room).unwrap_or(data);
        self.block.extend_from_slice(part);
        self.written += u64::try_from(part.len()).unwrap_or_default();
        if self.block.len() >= self.block_bytes {
            self.send()?;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn blocks_have_one_length_and_lose_nothing() {
        let (sender, mut receiver) = mpsc::channel(64);
        let thread = tokio::task::spawn_blocking(move || {
            let mut writer = BlockWriter::new(sender, 10).unwrap();
            for part in [&b"abc"[..], b"defghijklmnopqrstuvwxy", b"z", b""] {
                writer.write_all(part).unwrap();
            }
            writer.finish().unwrap()
        });
        let (written, sum) = thread.await.unwrap();
        assert_eq!(written, 26);
        let expected = "71c480df93d6ae2f1efad1447c66c9525e316218cf51fc8d9ed832f2daf18b73";
        assert_eq!(sum.to_string(), expected);
        let mut blocks = Vec::new();
        while let Some(block) = receiver.recv().await {
            blocks.push(block);
        }
        assert_eq!(blocks, [&b"abcdefghij"[..], b"klmnopqrst", b"uvwxyz"]);
    }

    #[test]
    fn a_block_takes_the_memory_of_one_that_nobody_has_any_more() {
        let mut memory = BlockMemory::default();
        let mut lend = |text: &[u8]| {
            let mut block = memory.take(10);
            block.clear();
            block.extend_from_slice(text);
            memory.lend(block)
        };
        let first = lend(b"0123456789");
        let second = lend(b"abcdefghij");
        let place = first.as_ptr();
        assert_ne!(second.as_ptr(), place);
        let kept = first.clone();
        drop(first);
        assert_ne!(lend(b"ABCDEFGHIJ").as_ptr(), place, "a retry has it yet");
        assert_eq!(kept, b"0123456789"[..]);
        drop(kept);
        let last = lend(b"xyz");
        assert_eq!((last.as_ptr(), &last[..]), (place, &b"xyz"[..]));
        assert_eq!(second, b"abcdefghij"[..]);
    }

    #[tokio::test]
    async fn a_writer_stops_when_nobody_takes_its_blocks_and_ends_when_nobody_will() {
        let (sender, receiver) = mpsc::channel(3);
        let thread = tokio::task::spawn_blocking(move || {
            let mut writer = BlockWriter::new(sender, 10).unwrap();
            let accepted = (0..1000).take_while(|_| writer.write_all(&[7; 10]).is_ok());
            (
                accepted.count(),
                writer.write_all(b"last words").is_ok(),
                writer.finish(),
            )
        });
        while receiver.len() < 3 {
            tokio::task::yield_now().await;
        }
        drop(receiver);
        let (accepted, last_words, end) = thread.await.unwrap();
        assert_eq!(accepted, 3);
        assert!(last_words);
        assert_eq!(end, Err(PackageFailure::Abandoned));
    }
}
