//! The journal of a simulator: the same writer and preparer, without threads, under the simulator's clock.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_protocol::{Epoch, Sequence};

use crate::batch::{Appended, Batch, Log, NotTaken};
use crate::recovery::Recovered;
use crate::shared::{JournalFailure, Shared};
use crate::statistics::Statistics;
use crate::storage::{SegmentNumber, Storage};
use crate::supply::{Prepared, Preparer};
use crate::writer::{Next, Writer};

/// A journal that does its work in [`Self::step`].
pub struct SteppedJournal<S> {
    machines: Mutex<Machines<S>>,
    shared: Arc<Shared>,
    now_us: Arc<AtomicU64>,
    epoch: Epoch,
    queue_batches_max: usize,
    batch_bytes_max: usize,
}

struct Machines<S> {
    writer: Writer<S>,
    preparer: Preparer<S>,
    queue: VecDeque<Batch>,
    last: Sequence,
    buffers: Vec<Vec<u8>>,
}

impl<S> fmt::Debug for SteppedJournal<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteppedJournal").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl<S: Storage> SteppedJournal<S> {
    /// Starts a recovered journal at time zero.
    pub fn start(recovered: Recovered<S>) -> Self {
        let now_us = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&now_us);
        let (epoch, last) = (recovered.epoch(), recovered.last_sequence());
        let queue_batches_max = recovered.settings.queue_batches_max;
        let batch_bytes_max = recovered.settings.batch_bytes_max;
        let (writer, preparer, shared, _) = recovered.into_parts(
            Box::new(|| {}),
            Box::new(move || Duration::from_micros(clock.load(Ordering::Relaxed))),
        );
        let machines = Machines { writer, preparer, queue: VecDeque::new(), last, buffers: Vec::new() };
        Self { machines: Mutex::new(machines), shared, now_us, epoch, queue_batches_max, batch_bytes_max }
    }

    /// Sets the time and does all that is due: makes segments, takes batches, writes, syncs, seals.
    ///
    /// # Errors
    /// Why the journal is over; it stays so.
    pub fn step(&self, now: Duration) -> Result<(), Arc<JournalFailure>> {
        self.now_us.store(u64::try_from(now.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.run(Machines::work)
    }

    /// Writes and seals all that was handed in.
    ///
    /// # Errors
    /// Why not all of it became durable.
    pub fn stop(self) -> Result<(), Arc<JournalFailure>> {
        self.run(|machines| {
            machines.work()?;
            match machines.writer.finish()? {
                Next::Blocked(_) => Err(machines.writer.stopped_without_room()),
                Next::Batch | Next::Within(_) => Ok(()),
            }
        })
    }

    /// Why the journal ended, if it did.
    pub fn failure(&self) -> Option<Arc<JournalFailure>> {
        self.shared.failure()
    }

    /// The last segment to which no frame will be written any more; zero where there is none.
    pub fn sealed(&self) -> SegmentNumber {
        self.shared.sealed()
    }

    /// What the journal counts.
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.shared.statistics)
    }

    fn run(
        &self,
        work: impl FnOnce(&mut Machines<S>) -> Result<(), JournalFailure>,
    ) -> Result<(), Arc<JournalFailure>> {
        if self.shared.failure().is_none()
            && let Err(failure) = work(&mut self.machines())
        {
            self.shared.failed(failure);
        }
        self.shared.failure().map_or(Ok(()), Err)
    }

    fn machines(&self) -> MutexGuard<'_, Machines<S>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Storage> Machines<S> {
    fn work(&mut self) -> Result<(), JournalFailure> {
        self.prepare()?;
        while let Some(batch) = self.queue.pop_front() {
            match self.writer.offer(batch) {
                Ok(empty) => self.buffers.push(empty),
                Err(batch) => {
                    self.queue.push_front(batch);
                    if let Next::Blocked(_) = self.writer.commit_now()? {
                        return Ok(());
                    }
                    self.prepare()?;
                }
            }
        }
        self.writer.turn()?;
        Ok(())
    }

    /// Makes the next segment, if one is wanted and there is room.
    fn prepare(&mut self) -> Result<(), JournalFailure> {
        loop {
            match self.preparer.step()? {
                Prepared::More | Prepared::Pause(_) => {}
                Prepared::Wait(_) | Prepared::Idle => return Ok(()),
            }
        }
    }
}

impl<S: Storage> Log for SteppedJournal<S> {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append(&self, epoch: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken> {
        let mut machines = self.machines();
        let follows = expected == machines.last && batch.first == expected.next() && batch.count > 0;
        if epoch != self.epoch || !follows || batch.bytes.len() > self.batch_bytes_max {
            return Err(NotTaken::Refused(batch));
        }
        if self.shared.failure().is_some() {
            return Err(NotTaken::Ended(batch));
        }
        if machines.queue.len() >= self.queue_batches_max {
            return Err(NotTaken::Full(batch));
        }
        self.shared.taken(batch.bytes.len());
        machines.last = batch.last();
        machines.queue.push_back(batch);
        Ok(())
    }

    fn appended(&self, through: Sequence) -> Appended {
        let last = self.machines().last;
        self.shared.appended(through, last)
    }

    fn durable(&self) -> Sequence {
        self.shared.durable()
    }

    fn unsynced_bytes(&self) -> u64 {
        self.shared.unsynced_bytes()
    }

    fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    fn take_buffer(&self) -> Vec<u8> {
        self.machines().buffers.pop().unwrap_or_default()
    }
}
