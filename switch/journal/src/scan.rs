//! Reads frames in order, a window at a time: the whole journal is never in memory.
//!
//! A frame counts where header and body are whole and it continues the one before: number, sequence, epoch, time and
//! hash. What does not count ends the scan; whether that is a torn tail or corruption is for [`crate::recovery`] to say.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::io;

use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use crate::block::{BLOCK, BLOCK_BYTES, BlockBuffer, whole_blocks};
use crate::format::{
    Chain, FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES, FrameHeader, FrameKind, JournalId, SegmentHeader,
};
use crate::storage::{Position, Segment, SegmentNumber, Storage};

/// The facts of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where the frame is.
    pub at: Position,
    /// The sequence of the first fact.
    pub first: Sequence,
    /// How many facts.
    pub count: u32,
    /// Who wrote them.
    pub epoch: Epoch,
    /// The time of the newest decision among them.
    pub time: UnixMillis,
    /// The facts, encoded one after the other.
    pub body: &'a [u8],
}

/// A frame that continues the journal.
#[derive(Debug)]
pub(crate) struct Scanned<'a> {
    pub(crate) at: Position,
    pub(crate) header: FrameHeader,
    /// On disk, padding included.
    pub(crate) bytes: u64,
    pub(crate) body: &'a [u8],
}

impl<'a> Scanned<'a> {
    pub(crate) fn facts(&self) -> Option<Facts<'a>> {
        let header = &self.header;
        (header.kind == FrameKind::Facts).then_some(Facts {
            at: self.at,
            first: header.first,
            count: header.count,
            epoch: header.epoch,
            time: header.time,
            body: self.body,
        })
    }
}

/// Where the journal stands after the frames scanned so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) at: Position,
    pub(crate) frame: u64,
    pub(crate) sequence: Sequence,
    pub(crate) epoch: Epoch,
    pub(crate) time: UnixMillis,
    pub(crate) chain: Chain,
}

impl Progress {
    pub(crate) fn start(journal: JournalId) -> Self {
        Self {
            at: Position { segment: SegmentNumber::FIRST, offset: BLOCK },
            frame: 1,
            sequence: Sequence(1),
            epoch: Epoch(0),
            time: UnixMillis::default(),
            chain: Chain::start(journal),
        }
    }

    /// As the first frame of a segment says that the journal stood before it.
    pub(crate) fn before(at: Position, header: &FrameHeader) -> Self {
        let epoch = match header.kind {
            FrameKind::Epoch => Epoch(header.epoch.0.saturating_sub(1)),
            FrameKind::Facts | FrameKind::Seal => header.epoch,
        };
        Self {
            at,
            frame: header.number,
            sequence: header.first,
            epoch,
            time: header.time,
            chain: header.previous,
        }
    }

    fn continued_by(&self, header: &FrameHeader) -> bool {
        let epoch = match header.kind {
            FrameKind::Epoch => Some(header.epoch) == self.epoch.0.checked_add(1).map(Epoch),
            FrameKind::Facts | FrameKind::Seal => header.epoch == self.epoch,
        };
        epoch
            && header.number == self.frame
            && header.first == self.sequence
            && header.time >= self.time
            && header.previous == self.chain
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Scanner<'s, S> {
    storage: &'s S,
    segments: &'s [Segment],
    journal: JournalId,
    window: Window,
    pub(crate) progress: Progress,
}

impl<'s, S: Storage> Scanner<'s, S> {
    /// Goes on from where the journal stood. `segments` are those with a valid header, in order.
    pub(crate) fn resume(
        storage: &'s S,
        segments: &'s [Segment],
        journal: JournalId,
        progress: Progress,
    ) -> Self {
        Self { storage, segments, journal, window: Window::default(), progress }
    }

    /// The same, reading into memory that another scanner had.
    pub(crate) fn reading_into(self, window: Window) -> Self {
        // What it holds is of another time.
        Self { window: Window { held: 0, ..window }, ..self }
    }

    /// The memory, for another scanner.
    pub(crate) fn into_window(self) -> Window {
        self.window
    }

    /// The next frame that continues the journal; `None` where there is none.
    pub(crate) fn next(&mut self) -> io::Result<Option<Scanned<'_>>> {
        let at = self.progress.at;
        let following = Position { segment: at.segment.next(), offset: BLOCK };
        for at in [at, following] {
            if let Some((header, bytes)) = self.look(at)? {
                let body_bytes = header.body_len().unwrap_or(0);
                let frame = self.window.held(at, FRAME_HEADER_BYTES.saturating_add(body_bytes));
                let Some((head, body)) = frame.split_first_chunk() else { return Ok(None) };
                let progress = &mut self.progress;
                progress.chain = Chain::after(head, body);
                progress.at = Position { segment: at.segment, offset: at.offset.saturating_add(bytes) };
                progress.frame = progress.frame.saturating_add(1);
                progress.sequence = header.next_sequence().unwrap_or(progress.sequence);
                progress.epoch = header.epoch;
                progress.time = header.time;
                return Ok(Some(Scanned { at, header, bytes, body }));
            }
        }
        Ok(None)
    }

    /// The header and length of the frame at a place, if it is whole and continues the journal; the window then holds
    /// it.
    fn look(&mut self, at: Position) -> io::Result<Option<(FrameHeader, u64)>> {
        let Some(segment) = self.segments.iter().find(|segment| segment.number == at.segment) else {
            return Ok(None);
        };
        let segment = *segment;
        let block = self.window.read(self.storage, segment, at, BLOCK_BYTES)?;
        let Some(header) = FrameHeader::decode(block) else { return Ok(None) };
        if header.journal != self.journal || !self.progress.continued_by(&header) {
            return Ok(None);
        }
        let Some(frame_bytes) = header.body_len().and_then(|b| b.checked_add(FRAME_HEADER_BYTES)) else {
            return Ok(None);
        };
        let disk_bytes = whole_blocks(frame_bytes).unwrap_or(usize::MAX);
        let frame = self.window.read(self.storage, segment, at, disk_bytes)?;
        let whole = frame
            .get(FRAME_HEADER_BYTES..frame_bytes)
            .is_some_and(|body| crc32c::crc32c(body) == header.body_checksum);
        let numbers = header.next_sequence().is_some();
        Ok((whole && numbers).then_some((header, u64::try_from(disk_bytes).unwrap_or(u64::MAX))))
    }

    /// Calls `visit` with every block from a place to the end of the last segment.
    pub(crate) fn blocks_from(
        &mut self,
        from: Position,
        mut visit: impl FnMut(Position, &[u8]),
    ) -> io::Result<()> {
        for segment in self.segments.iter().filter(|segment| segment.number >= from.segment) {
            let mut at = Position {
                segment: segment.number,
                offset: if segment.number == from.segment { from.offset } else { BLOCK },
            };
            while at.offset < segment.bytes {
                let block = self.window.read(self.storage, *segment, at, BLOCK_BYTES)?;
                if block.is_empty() {
                    break;
                }
                visit(at, block);
                at.offset = at.offset.saturating_add(BLOCK);
            }
        }
        Ok(())
    }

    pub(crate) const fn journal(&self) -> JournalId {
        self.journal
    }
}

/// A part of one segment in memory.
#[derive(Debug)]
pub(crate) struct Window {
    buffer: BlockBuffer,
    at: Position,
    held: usize,
}

/// More than the longest frame, which must fit whole.
const WINDOW_BYTES: usize = FRAME_BODY_BYTES_MAX + (4 << 20);
/// Read at once where a frame does not need more: little enough that whoever folds slowly pauses often.
const READ_BYTES: usize = 4 << 20;

impl Default for Window {
    fn default() -> Self {
        let nowhere = Position { segment: SegmentNumber(0), offset: 0 };
        Self { buffer: BlockBuffer::new(BLOCK_BYTES), at: nowhere, held: 0 }
    }
}

impl Window {
    /// Bytes that the window already holds; none where it does not hold them all.
    fn held(&self, at: Position, len: usize) -> &[u8] {
        let start = at.offset.checked_sub(self.at.offset).and_then(|start| usize::try_from(start).ok());
        let Some(start) = start.filter(|_| at.segment == self.at.segment) else { return &[] };
        let end = start.saturating_add(len);
        if end > self.held {
            return &[];
        }
        self.buffer.as_slice().get(start..end).unwrap_or_default()
    }

    /// Whole blocks from a place; none where the segment ends before.
    fn read(
        &mut self,
        storage: &impl Storage,
        segment: Segment,
        at: Position,
        len: usize,
    ) -> io::Result<&[u8]> {
        if self.held(at, len).is_empty() {
            let left = usize::try_from(segment.bytes.saturating_sub(at.offset)).unwrap_or(usize::MAX);
            if len > left || len > WINDOW_BYTES {
                return Ok(&[]);
            }
            let len = left.min(len.max(READ_BYTES));
            self.held = 0;
            if len > self.buffer.len() {
                self.buffer = BlockBuffer::new(len);
            }
            if let Some(blocks) = self.buffer.as_mut_slice().get_mut(..len) {
                storage.read_at(at, blocks)?;
            }
            self.at = at;
            self.held = len;
        }
        Ok(self.held(at, len))
    }
}

/// The header of the first frame of a segment.
pub(crate) fn read_first_frame(storage: &impl Storage, segment: Segment) -> io::Result<Option<FrameHeader>> {
    if segment.bytes < BLOCK.saturating_mul(2) {
        return Ok(None);
    }
    let mut block = BlockBuffer::new(BLOCK_BYTES);
    storage.read_at(Position { segment: segment.number, offset: BLOCK }, block.as_mut_slice())?;
    Ok(FrameHeader::decode(block.as_slice()))
}

/// What the first block of a segment says.
pub(crate) fn read_segment_header(
    storage: &impl Storage,
    segment: Segment,
) -> io::Result<Option<SegmentHeader>> {
    if segment.bytes < BLOCK {
        return Ok(None);
    }
    let mut block = BlockBuffer::new(BLOCK_BYTES);
    storage.read_at(Position { segment: segment.number, offset: 0 }, block.as_mut_slice())?;
    let header = SegmentHeader::decode(block.as_slice());
    // A whole number of blocks, as it was made.
    Ok(header.filter(|header| header.number == segment.number.0 && header.bytes == segment.bytes))
}
