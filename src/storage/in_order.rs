//! Works on all cores, and gives the results in the order in which the work was given: what comes out does not depend on how many cores
//! there are. How much may be in memory is counted in bytes, because pieces differ in length.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use super::deflate::PIECE_BYTES;
use super::package::PackageFailure;
use crate::threads;

/// Sixteen cores compress more than any line carries, and each needs memory.
const MOST_THREADS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(15);
/// What may wait for a thread, or for its turn to be written: two pieces for each thread keep it busy.
const BYTES_FOR_EACH_THREAD: usize = 2 * PIECE_BYTES;
/// Few threads get more, because the pieces that wait for their turn differ in length.
const LEAST_BYTES: usize = 8 * PIECE_BYTES;

type Task = Box<dyn FnOnce() + Send>;

/// How many threads compress: one for each core.
pub(super) fn threads() -> NonZero<usize> {
    thread::available_parallelism().map_or(NonZero::<usize>::MIN, |cores| cores.min(MOST_THREADS))
}

/// How much `threads` threads may hold in memory before results must be taken.
pub(super) fn most_bytes(threads: NonZero<usize>) -> usize {
    (threads.get() * BYTES_FOR_EACH_THREAD).max(LEAST_BYTES)
}

/// Threads that compress, and the results that were not taken yet.
pub(super) struct InOrder<R> {
    tasks: mpsc::Sender<Task>,
    results: VecDeque<(usize, mpsc::Receiver<R>)>,
    bytes: usize,
    most_bytes: usize,
}

impl<R: Send + 'static> InOrder<R> {
    /// With `threads` threads, which end by themselves when this is dropped.
    pub(super) fn new(threads: NonZero<usize>) -> Result<Self, PackageFailure> {
        let (tasks, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for index in 0..threads.get() {
            let waiting = Arc::clone(&waiting);
            let started = threads::named(format!("compress-{index}")).spawn(move || work(&waiting));
            if let (0, Err(error)) = (index, started) {
                return Err(PackageFailure::NoThread(error.to_string()));
            }
        }
        Ok(Self {
            tasks,
            results: VecDeque::new(),
            bytes: 0,
            most_bytes: most_bytes(threads),
        })
    }

    /// Gives work that holds `bytes` of memory. Take results first while [`InOrder::is_full`].
    pub(super) fn give(&mut self, bytes: usize, work: impl FnOnce() -> R + Send + 'static) {
        let (sender, receiver) = mpsc::sync_channel(1);
        let task: Task = Box::new(move || {
            // Nobody waits for the result after a failure.
            sender.send(work()).ok();
        });
        // Without threads the task is dropped, and its result is missed when it is taken.
        self.tasks.send(task).ok();
        self.results.push_back((bytes, receiver));
        self.bytes += bytes;
    }

    /// Whether as much is in memory as may be.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.most_bytes
    }

    /// What the work and the results hold that were not taken.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Waits for the oldest result that was not taken; `None` if all were.
    pub(super) fn take(&mut self) -> Option<Result<R, PackageFailure>> {
        let (bytes, receiver) = self.results.pop_front()?;
        self.bytes -= bytes;
        Some(receiver.recv().map_err(|_| PackageFailure::Abandoned))
    }
}

fn work(waiting: &Mutex<mpsc::Receiver<Task>>) {
    loop {
        // The lock is held while waiting, not while working.
        let task = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(task) = task else { return };
        task();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let check = |threads: usize| {
            let mut pool = InOrder::new(NonZero::new(threads).unwrap()).unwrap();
            for number in 0..200_u64 {
                // The first ones take longest.
                pool.give(1, move || {
                    let turns = (200 - number) * 100;
                    (number, (0..turns).map(std::hint::black_box).sum::<u64>())
                });
            }
            let taken: Vec<u64> = std::iter::from_fn(|| pool.take())
                .map(|result| result.unwrap().0)
                .collect();
            assert_eq!(taken, (0..200).collect::<Vec<_>>());
        };
        check(1);
        check(2);
        check(16);
    }

    #[test]
    fn memory_is_counted_until_results_are_taken() {
        let mut pool = InOrder::new(NonZero::<usize>::MIN).unwrap();
        pool.give(LEAST_BYTES - 1, || ());
        assert!(!pool.is_full());
        pool.give(1, || ());
        assert!(pool.is_full());
        pool.take().unwrap().unwrap();
        assert!(!pool.is_full());
        pool.take().unwrap().unwrap();
        assert!(pool.take().is_none());
    }
}
