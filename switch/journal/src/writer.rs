//! Group commit as a state machine: batches and time in, durable frames out.
//!
//! Invariant I1 begins here: [`crate::Log::durable`] moves only after the sync of the frame that holds the fact returned.
//! One frame is written and synced at a time, so each says of the one before it that it is durable. A failed write or
//! sync ends the writer; nothing is tried again.
//!
//! Absent on purpose: threads, channels and waiting. A thread runs this in production ([`crate::Handle`]), a simulator in
//! its own loop ([`crate::SteppedJournal`]); either brings its clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use crate::batch::Batch;
use crate::block::{BLOCK, BLOCK_BYTES, BlockBuffer, whole_blocks};
use crate::format::{Chain, FRAME_HEADER_BYTES, FrameHeader, FrameKind, JournalId};
use crate::settings::Settings;
use crate::shared::{JournalFailure, Shared};
use crate::storage::{Position, Segment, SegmentNumber, Storage};
use crate::supply::Supply;

/// Where the journal ends and what its next frame says.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) journal: JournalId,
    pub(crate) epoch: Epoch,
    /// The segment in use.
    pub(crate) segment: Segment,
    /// Where the next frame starts in it.
    pub(crate) offset: u64,
    /// The number of the next frame.
    pub(crate) frame: u64,
    /// The sequence of the next fact.
    pub(crate) sequence: Sequence,
    /// Of the last frame.
    pub(crate) chain: Chain,
    /// Of the last frame.
    pub(crate) time: UnixMillis,
}

impl Tail {
    /// Bytes left in the segment.
    pub(crate) const fn left(&self) -> u64 {
        self.segment.bytes.saturating_sub(self.offset)
    }

    /// Goes on in a prepared segment, after its header.
    pub(crate) fn enter(&mut self, segment: Segment) {
        assert_eq!(segment.number, self.segment.number.next(), "segments follow each other");
        self.segment = segment;
        self.offset = BLOCK;
    }
}

/// Room for one frame: header, body, and zeros to the end of the block.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    buffer: BlockBuffer,
    body_bytes: usize,
    count: u32,
    batches: u64,
    time: UnixMillis,
}

impl FrameBuffer {
    pub(crate) fn new(body_bytes_max: usize) -> Self {
        let buffer = BlockBuffer::new(body_bytes_max.saturating_add(FRAME_HEADER_BYTES));
        Self { buffer, body_bytes: 0, count: 0, batches: 0, time: UnixMillis::default() }
    }

    const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the frame on disk.
    fn disk_bytes(&self) -> usize {
        whole_blocks(self.body_bytes.saturating_add(FRAME_HEADER_BYTES)).unwrap_or(usize::MAX)
    }

    /// False, and nothing changed, where others are there and it would be more than may share a frame.
    fn push(&mut self, batch: &Batch, shared_bytes_max: usize) -> bool {
        let after = self.body_bytes.saturating_add(batch.bytes.len());
        let Some(count) = self.count.checked_add(batch.count) else { return false };
        if after > shared_bytes_max && !self.is_empty() {
            return false;
        }
        let start = FRAME_HEADER_BYTES.saturating_add(self.body_bytes);
        let end = FRAME_HEADER_BYTES.saturating_add(after);
        let place = self.buffer.as_mut_slice().get_mut(start..end);
        place.expect("the buffer has room for the largest body").copy_from_slice(&batch.bytes);
        self.body_bytes = after;
        self.count = count;
        self.batches = self.batches.saturating_add(1);
        self.time = self.time.max(batch.time);
        true
    }

    fn clear(&mut self) {
        (self.body_bytes, self.count, self.batches) = (0, 0, 0);
    }

    /// Fills in header and padding; the blocks to write and the chain after them.
    fn finish(&mut self, kind: FrameKind, tail: &Tail) -> (&[u8], Chain, UnixMillis) {
        let time = tail.time.max(self.time);
        let disk_bytes = self.disk_bytes();
        let blocks = self.buffer.as_mut_slice().get_mut(..disk_bytes);
        let blocks = blocks.expect("the buffer has room for the largest frame");
        let (head, rest) = blocks
            .split_first_chunk_mut::<FRAME_HEADER_BYTES>()
            .expect("a block is longer than a frame header");
        let (body, padding) = rest.split_at_mut(self.body_bytes);
        padding.fill(0);
        let header = FrameHeader {
            kind,
            count: self.count,
            journal: tail.journal,
            number: tail.frame,
            first: tail.sequence,
            time,
            epoch: tail.epoch,
            body_bytes: u32::try_from(self.body_bytes).expect("a body is at most 16 MiB"),
            // The one before was synced before this one is written.
            durable_through: tail.frame.saturating_sub(1),
            previous: tail.chain,
            body_checksum: crc32c::crc32c(body),
        };
        *head = header.encode();
        let chain = Chain::after(head, body);
        (blocks, chain, time)
    }
}

/// Writes one frame at the tail and moves the tail behind it; returns the bytes written. The caller syncs.
///
/// # Errors
/// [`JournalFailure::Write`].
pub(crate) fn write_frame(
    storage: &impl Storage,
    tail: &mut Tail,
    frame: &mut FrameBuffer,
    kind: FrameKind,
) -> Result<u64, JournalFailure> {
    let count = frame.count;
    let at = Position { segment: tail.segment.number, offset: tail.offset };
    let (blocks, chain, time) = frame.finish(kind, tail);
    let bytes = u64::try_from(blocks.len()).expect("a frame is at most a few MiB");
    assert!(bytes <= tail.left(), "a frame never crosses the end of its segment");
    storage.write_at(at, blocks).map_err(|source| JournalFailure::Write { at, source })?;
    tail.offset = tail.offset.saturating_add(bytes);
    tail.frame = tail.frame.saturating_add(1);
    tail.sequence = Sequence(tail.sequence.0.saturating_add(u64::from(count)));
    tail.chain = chain;
    tail.time = time;
    frame.clear();
    Ok(bytes)
}

/// What a turn says about the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// When a batch comes.
    Batch,
    /// When a batch comes, at the latest after so long.
    Within(Duration),
    /// The frame waits for a segment: after so long; no batch can be taken.
    Blocked(Duration),
}

/// How often a writer without a segment looks for one.
const BLOCKED_RETRY: Duration = Duration::from_micros(500);

/// Time since any moment; it does not go back.
pub(crate) type Clock = Box<dyn Fn() -> Duration + Send>;

/// See the module.
pub(crate) struct Writer<S> {
    clock: Clock,
    storage: Arc<S>,
    supply: Arc<Supply>,
    shared: Arc<Shared>,
    settings: Settings,
    tail: Tail,
    frame: FrameBuffer,
    /// When the frame in the making has to leave.
    leaves_at: Duration,
    /// When the last frame was durable.
    last_frame_at: Duration,
    unsealed: bool,
    blocked: bool,
}

impl<S: fmt::Debug> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("tail", &self.tail).field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl<S: Storage> Writer<S> {
    pub(crate) fn new(
        storage: Arc<S>,
        supply: Arc<Supply>,
        shared: Arc<Shared>,
        settings: Settings,
        tail: Tail,
        clock: Clock,
    ) -> Self {
        let frame = FrameBuffer::new(settings.body_bytes_max());
        Self {
            clock,
            storage,
            supply,
            shared,
            settings,
            tail,
            frame,
            leaves_at: Duration::ZERO,
            last_frame_at: Duration::ZERO,
            // The epoch frame is covered like one with facts.
            unsealed: true,
            blocked: false,
        }
    }

    /// Takes a batch into the frame in the making, or gives it back where that is full.
    pub(crate) fn offer(&mut self, batch: Batch) -> Result<Vec<u8>, Batch> {
        let expected = Sequence(self.tail.sequence.0.saturating_add(u64::from(self.frame.count)));
        assert_eq!(batch.first, expected, "facts are handed in without gaps");
        assert!(batch.bytes.len() <= self.settings.batch_bytes_max, "a batch fits a frame");
        let was_empty = self.frame.is_empty();
        if !self.frame.push(&batch, self.settings.frame_bytes_max) {
            return Err(batch);
        }
        if was_empty {
            let now = (self.clock)();
            // Idle until now: at once. Busy: it may gather others.
            let busy = now.saturating_sub(self.last_frame_at) < self.settings.gather;
            self.leaves_at = if busy { now.saturating_add(self.settings.gather) } else { now };
        }
        let mut bytes = batch.bytes;
        bytes.clear();
        Ok(bytes)
    }

    /// Writes and syncs what is due.
    ///
    /// # Errors
    /// The writer is over.
    pub(crate) fn turn(&mut self) -> Result<Next, JournalFailure> {
        self.note_room();
        let now = (self.clock)();
        if !self.frame.is_empty() {
            let due = now >= self.leaves_at || self.frame.body_bytes >= self.settings.gather_bytes;
            if !due {
                return Ok(Next::Within(self.leaves_at.saturating_sub(now)));
            }
            return self.commit();
        }
        if !self.unsealed {
            return Ok(self.idle());
        }
        let sealed_at = self.last_frame_at.saturating_add(self.settings.seal_after);
        if now < sealed_at {
            return Ok(Next::Within(sealed_at.saturating_sub(now)));
        }
        self.seal()
    }

    /// Writes what is left, without gathering, and seals it.
    ///
    /// # Errors
    /// The writer is over.
    pub(crate) fn finish(&mut self) -> Result<Next, JournalFailure> {
        if !self.frame.is_empty()
            && let Next::Blocked(wait) = self.commit()?
        {
            return Ok(Next::Blocked(wait));
        }
        if self.unsealed { self.seal() } else { Ok(Next::Batch) }
    }

    /// What is said where the writer must stop while it is blocked.
    pub(crate) fn stopped_without_room(&self) -> JournalFailure {
        JournalFailure::NoRoomAtStop {
            segment: self.tail.segment.number.next(),
            bytes: self.frame.body_bytes,
        }
    }

    /// Whether the owner wants to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.is_stopping()
    }

    /// No segment will be wanted any more.
    pub(crate) fn stop_supply(&self) {
        self.supply.stop();
    }

    /// Writes and syncs the frame in the making without gathering: the next batch does not fit.
    ///
    /// # Errors
    /// The writer is over.
    pub(crate) fn commit_now(&mut self) -> Result<Next, JournalFailure> {
        self.note_room();
        assert!(!self.frame.is_empty(), "an empty frame takes any batch");
        self.commit()
    }

    fn commit(&mut self) -> Result<Next, JournalFailure> {
        if !self.has_place(self.frame.disk_bytes()) {
            if !self.blocked {
                self.shared.statistics.blocked();
            }
            self.blocked = true;
            return Ok(Next::Blocked(BLOCKED_RETRY));
        }
        self.blocked = false;
        let (body_bytes, count, batches) = (self.frame.body_bytes, self.frame.count, self.frame.batches);
        self.write(FrameKind::Facts)?;
        self.shared.statistics.facts(batches, count);
        let through = Sequence(self.tail.sequence.0.saturating_sub(1));
        self.shared.committed(through, u64::try_from(body_bytes).unwrap_or(u64::MAX));
        self.unsealed = true;
        self.last_frame_at = (self.clock)();
        Ok(Next::Within(self.settings.seal_after))
    }

    fn seal(&mut self) -> Result<Next, JournalFailure> {
        if !self.has_place(BLOCK_BYTES) {
            // Tried again with the next turn; nothing waits for a seal.
            return Ok(Next::Within(self.settings.seal_after));
        }
        self.write(FrameKind::Seal)?;
        self.shared.statistics.sealed();
        self.unsealed = false;
        Ok(self.idle())
    }

    /// Nothing is left to write. While the journal says that it is full no batch may ever come: room is looked for.
    fn idle(&self) -> Next {
        if self.shared.is_full() { Next::Within(self.settings.room_retry) } else { Next::Batch }
    }

    /// Whether the tail has room for a frame, after going on to the next segment where there is one.
    fn has_place(&mut self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > self.tail.left()
            && let Some(segment) = self.supply.take()
        {
            self.tail.enter(segment);
            self.note_room();
        }
        bytes <= self.tail.left()
    }

    fn write(&mut self, kind: FrameKind) -> Result<(), JournalFailure> {
        let started = (self.clock)();
        let segment: SegmentNumber = self.tail.segment.number;
        let bytes = write_frame(&*self.storage, &mut self.tail, &mut self.frame, kind)?;
        self.storage.sync(segment).map_err(|source| JournalFailure::Sync { segment, source })?;
        let took = (self.clock)().saturating_sub(started);
        self.shared.set_segment(segment);
        self.shared.statistics.synced(bytes, took);
        self.supply.set_used(self.tail.offset);
        Ok(())
    }

    /// Says early that the disk is full, and that it no longer is.
    fn note_room(&self) {
        let short = self.tail.left() < self.settings.full_reserve_bytes;
        self.shared.set_full(short && self.supply.has_no_room());
    }
}
