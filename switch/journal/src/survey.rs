//! Which segments there are, and whether they are those of one journal.
//!
//! A segment whose header does not count was being prepared when the power went, and holds nothing; if it holds a frame,
//! it is corrupt.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::block::{BLOCK, BLOCK_BYTES, BlockBuffer};
use crate::format::{FrameHeader, JournalId};
use crate::recovery::OpenError;
use crate::scan::read_segment_header;
use crate::storage::{Position, Segment, SegmentNumber, Storage};

/// The segments of a journal.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Whose; `None` where no segment is finished.
    pub(crate) journal: Option<JournalId>,
    /// The finished ones, numbered without gaps; from one where nothing was trimmed.
    pub(crate) segments: Vec<Segment>,
    /// Those that hold nothing and were never finished.
    pub(crate) incomplete: Vec<SegmentNumber>,
}

impl Survey {
    /// Where the journal begins: at its first fact, or where it was trimmed.
    pub(crate) fn first(&self) -> SegmentNumber {
        self.segments.first().map_or(SegmentNumber::FIRST, |segment| segment.number)
    }
}

/// Looks at the header of every segment; changes nothing. Where the first one is missing it may have been trimmed: only a
/// snapshot can tell.
///
/// # Errors
/// [`OpenError::Corrupt`] where they are not those of one journal, or what the system reports.
pub(crate) fn survey(storage: &impl Storage) -> Result<Survey, OpenError> {
    let mut survey = Survey { journal: None, segments: Vec::new(), incomplete: Vec::new() };
    let listed = storage.list()?;
    let mut expected = listed.first().map_or(SegmentNumber::FIRST, |segment| segment.number);
    for segment in listed {
        if segment.number != expected {
            return Err(corrupt(expected, "the segment is missing"));
        }
        expected = expected.next();
        let Some(header) = read_segment_header(storage, segment)? else {
            if holds_frame(storage, segment)? {
                return Err(corrupt(
                    segment.number,
                    "the segment holds frames but its header does not count",
                ));
            }
            survey.incomplete.push(segment.number);
            continue;
        };
        if let Some(incomplete) = survey.incomplete.first() {
            return Err(corrupt(*incomplete, "the segment's header does not count, but a later one's does"));
        }
        if *survey.journal.get_or_insert(header.journal) != header.journal {
            return Err(corrupt(segment.number, "the segment is of another journal"));
        }
        survey.segments.push(segment);
    }
    Ok(survey)
}

fn corrupt(segment: SegmentNumber, why: &str) -> OpenError {
    OpenError::Corrupt { at: Position { segment, offset: 0 }, why: why.to_owned() }
}

/// Whether any block of a segment begins with a frame header.
fn holds_frame(storage: &impl Storage, segment: Segment) -> Result<bool, OpenError> {
    let mut window = BlockBuffer::new(1 << 20);
    let end = segment.bytes.saturating_sub(segment.bytes.checked_rem(BLOCK).unwrap_or(0));
    let mut offset = 0;
    while offset < end {
        let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(window.len());
        let Some(blocks) = window.as_mut_slice().get_mut(..left) else { break };
        storage.read_at(Position { segment: segment.number, offset }, blocks)?;
        if blocks.chunks(BLOCK_BYTES).any(|block| FrameHeader::decode(block).is_some()) {
            return Ok(true);
        }
        offset = offset.saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
    }
    Ok(false)
}
