//! The next segment is made before it is needed, so that the path of a payment never waits for it.
//!
//! A segment counts once its zeros, its header and its name are synced. Want of room is no failure: it is said early and
//! tried again. Absent on purpose: threads and clocks; whoever calls [`Preparer::step`] brings both.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::block::{BLOCK_BYTES, BlockBuffer};
use crate::format::{JournalId, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::shared::JournalFailure;
use crate::storage::{Position, Segment, SegmentNumber, Storage};

/// Zeros written at once where the next segment may soon be needed, or nothing else wants the disk.
const CHUNK_BYTES: usize = 1 << 20;
/// Zeros written at once otherwise: the sync of a frame also waits for those that the drive has not stored yet.
const SMALL_CHUNK_BYTES: usize = 128 << 10;
/// The pause after each small chunk: zeros must not take the disk from the frames.
const PACE: Duration = Duration::from_millis(1);

/// Between the writer, which wants segments, and the preparer, which makes them.
#[derive(Debug)]
pub(crate) struct Supply {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    ready: Vec<Segment>,
    wanted: Option<SegmentNumber>,
    no_room: bool,
    stopping: bool,
    used: u64,
}

impl Supply {
    /// `ready` are prepared segments in order; what follows `last` is wanted where there are none.
    pub(crate) fn new(last: SegmentNumber, mut ready: Vec<Segment>) -> Self {
        ready.reverse();
        let wanted = ready.is_empty().then(|| last.next());
        let state = State { ready, wanted, no_room: false, stopping: false, used: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next segment, if it is there; the one after it is wanted from then on.
    pub(crate) fn take(&self) -> Option<Segment> {
        let mut state = self.state();
        let segment = state.ready.pop()?;
        state.used = 0;
        if state.ready.is_empty() {
            state.wanted = Some(segment.number.next());
        }
        self.changed.notify_all();
        Some(segment)
    }

    /// Whether there was no room for the next segment when last tried.
    pub(crate) fn has_no_room(&self) -> bool {
        self.state().no_room
    }

    /// How much of the current segment is used.
    pub(crate) fn set_used(&self, used: u64) {
        self.state().used = used;
    }

    pub(crate) fn stop(&self) {
        self.state().stopping = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Waits until something changes, at most so long.
    pub(crate) fn wait(&self, wait: Duration) {
        let state = self.state();
        if !state.stopping {
            let (state, _) = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
            drop(state);
        }
    }

    /// Waits until a segment is wanted.
    pub(crate) fn wait_wanted(&self) {
        let mut state = self.state();
        while !state.stopping && state.wanted.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// When to call [`Preparer::step`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// At once.
    More,
    /// After so long, to leave the disk to the frames.
    Pause(Duration),
    /// After so long: there was no room.
    Wait(Duration),
    /// When a segment is wanted.
    Idle,
}

/// Makes segments, a chunk a step.
#[derive(Debug)]
pub(crate) struct Preparer<S> {
    storage: Arc<S>,
    supply: Arc<Supply>,
    journal: JournalId,
    segment_bytes: u64,
    room_retry: Duration,
    zeros: BlockBuffer,
    job: Option<(SegmentNumber, u64)>,
}

impl<S: Storage> Preparer<S> {
    pub(crate) fn new(
        storage: Arc<S>,
        supply: Arc<Supply>,
        journal: JournalId,
        segment_bytes: u64,
        room_retry: Duration,
    ) -> Self {
        let chunk = usize::try_from(segment_bytes).map_or(CHUNK_BYTES, |bytes| bytes.min(CHUNK_BYTES));
        let zeros = BlockBuffer::new(chunk);
        Self { storage, supply, journal, segment_bytes, room_retry, zeros, job: None }
    }

    /// Does a chunk of work where there is work.
    ///
    /// # Errors
    /// [`JournalFailure::Prepare`] for anything but want of room.
    pub(crate) fn step(&mut self) -> Result<Prepared, JournalFailure> {
        let Some((segment, written)) = self.job else {
            return self.begin();
        };
        if written < self.segment_bytes {
            return self.write_zeros(segment, written);
        }
        self.finish(segment).map_err(|source| JournalFailure::Prepare { segment, source })?;
        self.job = None;
        Ok(Prepared::More)
    }

    fn begin(&mut self) -> Result<Prepared, JournalFailure> {
        let Some(segment) = self.supply.state().wanted else {
            return Ok(Prepared::Idle);
        };
        match self.storage.allocate(segment, self.segment_bytes) {
            Ok(()) => {
                self.job = Some((segment, 0));
                Ok(Prepared::More)
            }
            Err(source) => self.no_room(segment, source),
        }
    }

    fn write_zeros(&mut self, segment: SegmentNumber, written: u64) -> Result<Prepared, JournalFailure> {
        let left = usize::try_from(self.segment_bytes.saturating_sub(written)).unwrap_or(usize::MAX);
        // Twice as fast as the current segment fills is in time.
        let late = written < self.supply.state().used.saturating_mul(2);
        let chunk = if late { CHUNK_BYTES } else { SMALL_CHUNK_BYTES };
        let zeros = self.zeros.as_slice();
        let zeros = zeros.get(..left.min(chunk)).unwrap_or(zeros);
        if let Err(source) = self.storage.write_at(Position { segment, offset: written }, zeros) {
            return self.no_room(segment, source);
        }
        let written = written.saturating_add(u64::try_from(zeros.len()).unwrap_or(u64::MAX));
        self.job = Some((segment, written));
        Ok(if late { Prepared::More } else { Prepared::Pause(PACE) })
    }

    /// Want of room is said and tried again later; anything else ends the journal.
    fn no_room(&mut self, segment: SegmentNumber, source: io::Error) -> Result<Prepared, JournalFailure> {
        let full = matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if !full {
            return Err(JournalFailure::Prepare { segment, source });
        }
        self.job = None;
        match self.storage.remove(segment) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(JournalFailure::Prepare { segment, source }),
        }
        self.supply.state().no_room = true;
        Ok(Prepared::Wait(self.room_retry))
    }

    fn finish(&mut self, number: SegmentNumber) -> io::Result<()> {
        finish_segment(&*self.storage, self.journal, number, self.segment_bytes)?;
        let mut state = self.supply.state();
        state.ready.insert(0, Segment { number, bytes: self.segment_bytes });
        state.wanted = None;
        state.no_room = false;
        Ok(())
    }
}

/// Syncs the zeros of a segment, then writes its header, which says that they are there.
fn finish_segment(
    storage: &impl Storage,
    journal: JournalId,
    number: SegmentNumber,
    bytes: u64,
) -> io::Result<()> {
    storage.sync(number)?;
    let mut block = BlockBuffer::new(BLOCK_BYTES);
    let header = SegmentHeader { number: number.0, journal, bytes };
    if let Some(start) = block.as_mut_slice().first_chunk_mut::<SEGMENT_HEADER_BYTES>() {
        *start = header.encode();
    }
    storage.write_at(Position { segment: number, offset: 0 }, block.as_slice())?;
    storage.sync(number)?;
    storage.sync_directory()
}

/// Makes a segment at once, for a new journal or one that has none left.
///
/// # Errors
/// What the system reports.
pub(crate) fn make_segment(
    storage: &impl Storage,
    journal: JournalId,
    number: SegmentNumber,
    bytes: u64,
) -> io::Result<()> {
    storage.allocate(number, bytes)?;
    let zeros = BlockBuffer::new(usize::try_from(bytes).map_or(CHUNK_BYTES, |b| b.min(CHUNK_BYTES)));
    let mut offset = 0;
    while offset < bytes {
        let left = usize::try_from(bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let chunk = zeros.as_slice().get(..left).unwrap_or(zeros.as_slice());
        storage.write_at(Position { segment: number, offset }, chunk)?;
        offset = offset.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    finish_segment(storage, journal, number, bytes)
}
