//! What a cut at the damage would lose, and the cut: what `holdfast journal repair` runs.
//!
//! Invariant: examining changes nothing. Only what a start refuses to read is damage; before it nothing is touched. What a
//! cut removes was durable and somebody was told of it: whoever orders one takes that upon himself, with a copy in hand.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fs::File;
use std::io;
use std::path::Path;

use holdfast_core::{Core, Settings};
use holdfast_protocol::{Sequence, UnixMillis};

use crate::block::{BLOCK, BLOCK_BYTES, BlockBuffer, whole_blocks};
use crate::facts::read_facts;
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, JournalId};
use crate::reading::{Begin, read_all};
use crate::recovery::{OpenError, Visit};
use crate::scan::{Facts, read_segment_header};
use crate::snapshot::{From, SnapshotError, load};
use crate::storage::{
    FileStorage, IndexFile, IndexStorage, Position, Segment, SegmentNumber, SnapshotFile, SnapshotStorage,
    Storage,
};

/// Zeros written at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Why a start is refused, and what a cut there would lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The first thing that does not count.
    pub at: Position,
    /// What was found.
    pub why: String,
    /// Frames behind it whose headers can be read, of any kind.
    pub frames: u64,
    /// Of them, those whose facts cannot be read.
    pub unreadable_frames: u64,
    /// Facts that can be read.
    pub readable_facts: u64,
    /// The first and the last fact that is lost, as far as headers tell; what no header tells of is lost, too.
    pub sequences: Option<(Sequence, Sequence)>,
    /// Time of the first and last frame.
    pub times: Option<(UnixMillis, UnixMillis)>,
    /// Bytes that are not zero, in whole blocks.
    pub bytes: u64,
    /// Segments that lose something, the first at the damage.
    pub segments: Vec<Segment>,
    /// Snapshots of what is lost.
    pub snapshots: Vec<SnapshotFile>,
    /// Indexes of what is lost.
    pub indexes: Vec<IndexFile>,
}

/// Looks for what keeps a start from reading the journal. `visit` gets the facts behind it that can be read, where they are;
/// others may be missing between them. `None` where a start is not refused.
///
/// # Errors
/// See [`OpenError`]; [`OpenError::Corrupt`] and [`OpenError::Facts`] where a cut would leave nothing to start from.
pub fn examine<S: IndexStorage>(storage: &S, visit: Visit<'_>) -> Result<Option<Damage>, OpenError> {
    let listed = storage.list()?;
    let Some(journal) = journal_of(storage, &listed)? else { return Ok(None) };
    let mut snapshots = storage.list_snapshots()?;
    let (begin, mut next) = match newest(storage, journal, &snapshots)? {
        Some(from) => (Begin::After(from), from.sequence),
        None => (Begin::First, Sequence(1)),
    };
    let read = read_all(storage, &begin, &mut |facts| {
        read_facts(&facts, &mut |_, _| Ok(()))?;
        next = Sequence(facts.first.0.saturating_add(u64::from(facts.count)));
        Ok(())
    });
    let (at, why) = match (read, &begin) {
        // As a start sees it: the snapshot is evidence.
        (Ok(Some(reading)), Begin::After(from)) if reading.report.frames == 0 => {
            let why = "no frame counts there, but a snapshot was made when one was durable".to_owned();
            (from.progress().at, why)
        }
        (Ok(_), _) => return Ok(None),
        (Err(OpenError::Corrupt { at, why }), _) => (at, why),
        (Err(OpenError::Facts { at, source }), _) => (at, source.to_string()),
        (Err(other), _) => return Err(other),
    };
    // A snapshot at the damage itself would be evidence of what is lost.
    let stays = |file: &SnapshotFile| file.at < at.segment || (file.at == at.segment && at.offset > BLOCK);
    let kept: Vec<SnapshotFile> = snapshots.iter().copied().filter(|file| stays(file)).collect();
    snapshots.retain(|file| !stays(file));
    let first = listed.first().map_or(SegmentNumber::FIRST, |segment| segment.number);
    let whole = first == SegmentNumber::FIRST && (at.segment > first || at.offset > 0);
    let base = newest(storage, journal, &kept)?.filter(|from| from.segment >= first);
    if !whole && base.is_none() {
        let why = format!("{why}; a cut there would leave nothing to start from");
        return Err(OpenError::Corrupt { at, why });
    }
    let segments = listed.into_iter().filter(|segment| segment.number >= at.segment).collect();
    let mut damage = Damage {
        at,
        why,
        frames: 0,
        unreadable_frames: 0,
        readable_facts: 0,
        sequences: None,
        times: None,
        bytes: 0,
        segments,
        snapshots,
        indexes: storage.list_indexes()?.into_iter().filter(|file| file.of >= at.segment).collect(),
    };
    for segment in damage.segments.clone() {
        let from = if segment.number == at.segment { at.offset.max(BLOCK) } else { BLOCK };
        damage.look(storage, segment, from, journal, next, visit)?;
    }
    Ok(Some(damage))
}

/// The id of the first segment that has one.
fn journal_of(storage: &impl Storage, segments: &[Segment]) -> io::Result<Option<JournalId>> {
    for segment in segments {
        if let Some(header) = read_segment_header(storage, *segment)? {
            return Ok(Some(header.journal));
        }
    }
    Ok(None)
}

/// Where the newest snapshot that counts ends.
fn newest<S: SnapshotStorage>(
    storage: &S,
    journal: JournalId,
    files: &[SnapshotFile],
) -> io::Result<Option<From>> {
    for file in files.iter().rev().filter(|file| file.finished) {
        let empty = Core::new(Settings { expected_rate_per_s: 0, ..Settings::default() });
        match load(storage, *file, journal, empty) {
            Ok((_, header)) => return Ok(Some(header.from)),
            Err(SnapshotError::Io(error)) => return Err(error),
            // As a start does it: the one before it is used.
            Err(_) => {}
        }
    }
    Ok(None)
}

impl Damage {
    /// Counts what a segment loses from an offset on.
    fn look(
        &mut self,
        storage: &impl Storage,
        segment: Segment,
        from: u64,
        journal: JournalId,
        next: Sequence,
        visit: Visit<'_>,
    ) -> Result<(), OpenError> {
        let mut block = BlockBuffer::new(BLOCK_BYTES);
        let mut offset = from;
        while offset.saturating_add(BLOCK) <= segment.bytes {
            let at = Position { segment: segment.number, offset };
            storage.read_at(at, block.as_mut_slice())?;
            let mut blocks = 1;
            if block.as_slice().iter().any(|byte| *byte != 0) {
                let header = FrameHeader::decode(block.as_slice()).filter(|header| header.journal == journal);
                if let Some(header) = header {
                    blocks = self.frame(storage, segment, at, &header, next, visit)?;
                }
                self.bytes = self.bytes.saturating_add(BLOCK.saturating_mul(blocks));
            }
            offset = offset.saturating_add(BLOCK.saturating_mul(blocks));
        }
        Ok(())
    }

    /// Counts a frame; returns how many blocks it takes, one where its body is not whole.
    fn frame(
        &mut self,
        storage: &impl Storage,
        segment: Segment,
        at: Position,
        header: &FrameHeader,
        next: Sequence,
        visit: Visit<'_>,
    ) -> Result<u64, OpenError> {
        self.frames = self.frames.saturating_add(1);
        let (first_time, _) = self.times.unwrap_or((header.time, header.time));
        self.times = Some((first_time, header.time));
        if header.kind != FrameKind::Facts {
            return Ok(1);
        }
        let last = header.next_sequence().map_or(header.first, |next| Sequence(next.0.saturating_sub(1)));
        let (first_lost, last_lost) = self.sequences.unwrap_or((next.min(header.first), last));
        self.sequences = Some((first_lost, last_lost.max(last)));
        let body_bytes = header.body_len().unwrap_or(0);
        let frame_bytes = body_bytes.saturating_add(FRAME_HEADER_BYTES);
        let disk_bytes = whole_blocks(frame_bytes).unwrap_or(usize::MAX);
        let left = segment.bytes.saturating_sub(at.offset);
        let fits = u64::try_from(disk_bytes).is_ok_and(|bytes| bytes <= left);
        let mut frame = BlockBuffer::new(if fits { disk_bytes } else { 1 });
        if fits {
            storage.read_at(at, frame.as_mut_slice())?;
        }
        let body = frame.as_slice().get(FRAME_HEADER_BYTES..frame_bytes).unwrap_or_default();
        let facts = Facts {
            at,
            first: header.first,
            count: header.count,
            epoch: header.epoch,
            time: header.time,
            body,
        };
        let whole = fits && crc32c::crc32c(body) == header.body_checksum;
        if whole && read_facts(&facts, &mut |_, _| Ok(())).is_ok() {
            self.readable_facts = self.readable_facts.saturating_add(u64::from(header.count));
            visit(facts).map_err(|source| OpenError::Facts { at, source })?;
            return Ok(u64::try_from(disk_bytes).unwrap_or(BLOCK).checked_div(BLOCK).unwrap_or(1).max(1));
        }
        self.unreadable_frames = self.unreadable_frames.saturating_add(1);
        Ok(1)
    }
}

/// Copies every file that [`cut`] changes or removes into a new directory, and returns when the copies are on the disk.
///
/// # Errors
/// What the system reports; also where the directory exists.
pub fn copy(storage: &FileStorage, damage: &Damage, to: &Path) -> io::Result<()> {
    std::fs::create_dir(to)?;
    for from in storage.files_of(&damage.segments, &damage.snapshots, &damage.indexes) {
        let Some(name) = from.file_name() else { continue };
        let copied = to.join(name);
        std::fs::copy(&from, &copied)?;
        File::open(&copied)?.sync_all()?;
    }
    File::open(to)?.sync_all()
}

/// Removes everything from the damage on. Interrupted, it leaves a journal that is as damaged as before and can be cut again.
///
/// # Errors
/// What the system reports.
pub fn cut<S: IndexStorage>(storage: &S, damage: &Damage) -> io::Result<()> {
    for file in &damage.snapshots {
        storage.remove_snapshot(*file)?;
    }
    for file in &damage.indexes {
        storage.remove_index(*file)?;
    }
    // Neither a snapshot nor an index outlives its segments when they are cut, and no segment those before it.
    storage.sync_directory()?;
    for segment in damage.segments.iter().rev() {
        if segment.number > damage.at.segment || damage.at.offset == 0 {
            storage.remove(segment.number)?;
            storage.sync_directory()?;
        } else {
            zero_from(storage, *segment, damage.at.offset)?;
        }
    }
    Ok(())
}

fn zero_from(storage: &impl Storage, segment: Segment, from: u64) -> io::Result<()> {
    let zeros = BlockBuffer::new(CHUNK_BYTES);
    let mut offset = from;
    while offset < segment.bytes {
        let left = usize::try_from(segment.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let chunk = zeros.as_slice().get(..left).unwrap_or(zeros.as_slice());
        storage.write_at(Position { segment: segment.number, offset }, chunk)?;
        offset = offset.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    storage.sync(segment.number)
}
