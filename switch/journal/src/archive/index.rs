//! One index: built of what left memory by the facts of a segment, written, and looked up.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::BytesMut;
use holdfast_core::leaving::{Archived, Leaving};
use holdfast_core::snapshot::Entry;
use holdfast_protocol::TransactionKey;

use super::IndexError;
use super::format::{BLOCK_ROOM, Bits, Header, Place, filter_blocks, order};
use crate::block::{BLOCK_BYTES, Pieces};
use crate::snapshot::{From, entry, entry_read};
use crate::storage::{IndexFile, IndexStorage, SegmentNumber};

/// What left memory by the facts of a segment, so far.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// Encoded entries, one after the other, as they left.
    bytes: Vec<u8>,
    entries: Vec<Placed>,
    frame: BytesMut,
    pieces: Pieces,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    key: TransactionKey,
    start: usize,
    len: u16,
}

impl Builder {
    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    pub(crate) fn add(&mut self, leaving: &Leaving) {
        leaving.each(&mut |archived| self.push(archived));
    }

    fn push(&mut self, archived: Archived) {
        let start = self.bytes.len();
        let entry = match archived {
            Archived::Transaction(closed) => Entry::Closed(closed),
            Archived::FollowUp(parts) => Entry::FollowUp(parts),
        };
        entry::write(&entry, &mut self.frame, &mut self.bytes);
        let len = self.bytes.len().saturating_sub(start);
        self.entries.push(Placed {
            key: archived.key(),
            start,
            len: u16::try_from(len).expect("an entry is far shorter than a block"),
        });
    }

    /// Sorted, and of each id what left last.
    fn sort(&mut self) {
        self.entries.sort_unstable_by_key(|placed| (order(placed.key), std::cmp::Reverse(placed.start)));
        self.entries.dedup_by_key(|placed| placed.key);
    }

    fn of(&self, placed: &Placed) -> &[u8] {
        let end = placed.start.saturating_add(usize::from(placed.len));
        self.bytes.get(placed.start..end).unwrap_or_default()
    }

    /// Writes all of it as the index of the segment that begins at `from` and ends before `to`; syncs and names it.
    ///
    /// # Errors
    /// What the system reports; no index of that segment is there then, or the one that was.
    pub(crate) fn write<S: IndexStorage>(
        &mut self,
        storage: &S,
        header: (crate::format::JournalId, &From, &From),
    ) -> Result<Header, IndexError> {
        self.sort();
        let header = self.header(header);
        let segment = header.segment;
        storage.begin_index(segment)?;
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.clear();
        let mut sink = Sink { storage, segment, pieces };
        sink.push(&header.encode())?;
        let mut place = Place { journal: header.journal, segment, block: 1 };
        self.blocks(|count, content| {
            let block = place.seal(count, content);
            place.block = place.block.saturating_add(1);
            sink.push(&block)
        })?;
        for bits in self.filter(header.filter_blocks) {
            let block = place.seal(0, &bits);
            place.block = place.block.saturating_add(1);
            sink.push(&block)?;
        }
        self.pieces = sink.finish()?;
        storage.sync_index(segment)?;
        storage.name_index(segment)?;
        storage.sync_directory()?;
        Ok(header)
    }

    fn header(&self, (journal, from, to): (crate::format::JournalId, &From, &From)) -> Header {
        let second = |placed: Option<&Placed>| placed.map_or(0, |placed| second_of(placed.key));
        let count = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let mut entry_blocks = 0_u32;
        let counted: Result<(), IndexError> = self.blocks(|_, _| {
            entry_blocks = entry_blocks.saturating_add(1);
            Ok(())
        });
        counted.expect("counting does not fail");
        Header {
            journal,
            segment: from.segment,
            first: from.sequence,
            next: to.sequence,
            begins: from.time,
            ends: to.time,
            oldest_second: second(self.entries.first()),
            newest_second: second(self.entries.last()),
            count,
            entry_blocks,
            filter_blocks: filter_blocks(count),
        }
    }

    /// Calls `each` with count and content of every block of entries.
    fn blocks(&self, mut each: impl FnMut(u16, &[u8]) -> Result<(), IndexError>) -> Result<(), IndexError> {
        let (mut count, mut content) = (0_u16, Vec::with_capacity(BLOCK_ROOM));
        for placed in &self.entries {
            let entry = self.of(placed);
            if content.len().saturating_add(entry.len()) > BLOCK_ROOM {
                each(count, &content)?;
                content.clear();
                count = 0;
            }
            content.extend_from_slice(entry);
            count = count.saturating_add(1);
        }
        if count > 0 { each(count, &content) } else { Ok(()) }
    }

    fn filter(&self, blocks: u32) -> Vec<Vec<u8>> {
        let mut filter = vec![vec![0; BLOCK_ROOM]; usize::try_from(blocks).unwrap_or(0)];
        for placed in &self.entries {
            let bits = Bits::of(placed.key, blocks);
            if let Some(block) = usize::try_from(bits.block).ok().and_then(|at| filter.get_mut(at)) {
                bits.set(block);
            }
        }
        filter
    }
}

fn second_of(key: TransactionKey) -> u64 {
    key.id.created().get().checked_div(1_000).unwrap_or(0)
}

struct Sink<'s, S> {
    storage: &'s S,
    segment: SegmentNumber,
    pieces: Pieces,
}

impl<S: IndexStorage> Sink<'_, S> {
    fn push(&mut self, block: &[u8]) -> Result<(), IndexError> {
        let Self { storage, segment, pieces } = self;
        Ok(pieces.push(block, &mut |piece| storage.append_index(*segment, piece))?)
    }

    /// Returns the memory for the next.
    fn finish(mut self) -> Result<Pieces, IndexError> {
        let Self { storage, segment, pieces } = &mut self;
        pieces.finish(&mut |piece| storage.append_index(*segment, piece))?;
        Ok(self.pieces)
    }
}

/// A block that is where it was written.
fn read_block<S: IndexStorage>(storage: &S, header: &Header, block: u32) -> Result<Content, IndexError> {
    let mut bytes = vec![0; BLOCK_BYTES];
    let offset = u64::from(block).saturating_mul(BLOCK_BYTES as u64);
    let read = storage.read_index(header.segment, offset, &mut bytes)?;
    let place = Place { journal: header.journal, segment: header.segment, block };
    let damaged = IndexError::Block(block);
    if read < BLOCK_BYTES {
        return Err(damaged);
    }
    let (count, content) = place.open(&bytes).ok_or(damaged)?;
    Ok(Content { count, bytes: content.to_vec() })
}

struct Content {
    count: u16,
    bytes: Vec<u8>,
}

impl Content {
    fn entries(&self, block: u32) -> Result<Vec<Archived>, IndexError> {
        let damaged = || IndexError::Block(block);
        let mut rest = self.bytes.as_slice();
        let mut entries = Vec::new();
        for _ in 0..self.count {
            entries.push(match entry_read::read(&mut rest).map_err(|_| damaged())? {
                Entry::Closed(entry) => Archived::Transaction(entry),
                Entry::FollowUp(parts) => Archived::FollowUp(parts),
                Entry::Beginning(_)
                | Entry::Participant(_)
                | Entry::Routes(_)
                | Entry::Epoch(..)
                | Entry::Day(_)
                | Entry::Open(_)
                | Entry::ClosedUntil(..)
                | Entry::Extensions(..) => return Err(damaged()),
            });
        }
        if rest.is_empty() && !entries.is_empty() { Ok(entries) } else { Err(damaged()) }
    }
}

/// The header of a file, where it counts and the file is as long as it says.
///
/// # Errors
/// Why it does not count.
pub(crate) fn read_header<S: IndexStorage>(
    storage: &S,
    file: IndexFile,
    journal: crate::format::JournalId,
) -> Result<Header, IndexError> {
    let mut bytes = vec![0; BLOCK_BYTES];
    let read = storage.read_index(file.of, 0, &mut bytes)?;
    let header = bytes.get(..read).and_then(Header::decode).ok_or(IndexError::Header)?;
    if header.journal != journal || header.segment != file.of {
        return Err(IndexError::Misplaced);
    }
    if header.file_bytes() != file.bytes {
        return Err(IndexError::Length);
    }
    Ok(header)
}

/// Looks an id up: one block of the filter, and where that lets it pass a few of the entries.
///
/// # Errors
/// Where what had to be read is not what was written: then nothing is said.
pub(crate) fn look_up<S: IndexStorage>(
    storage: &S,
    header: &Header,
    key: TransactionKey,
) -> Result<Option<Archived>, IndexError> {
    let second = second_of(key);
    if header.count == 0 || second < header.oldest_second || second > header.newest_second {
        return Ok(None);
    }
    let bits = Bits::of(key, header.filter_blocks);
    let block = header.entry_blocks.saturating_add(1).saturating_add(bits.block);
    if !bits.are_set(&read_block(storage, header, block)?.bytes) {
        return Ok(None);
    }
    // The blocks whose entries may be it.
    let (mut low, mut high) = (1, header.entry_blocks);
    while low <= high {
        let middle = low.saturating_add(high.saturating_sub(low) >> 1);
        let entries = read_block(storage, header, middle)?.entries(middle)?;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { break };
        if order(key) < order(first.key()) {
            high = middle.saturating_sub(1);
        } else if order(key) > order(last.key()) {
            low = middle.saturating_add(1);
        } else {
            return Ok(entries.into_iter().find(|entry| entry.key() == key));
        }
    }
    Ok(None)
}

/// Reads all of a file: every block, the order of its entries, and that its filter has each of them.
///
/// # Errors
/// Why it does not count.
pub(crate) fn check<S: IndexStorage>(
    storage: &S,
    file: IndexFile,
    journal: crate::format::JournalId,
) -> Result<Header, IndexError> {
    let header = read_header(storage, file, journal)?;
    let mut filter = Vec::new();
    for block in 0..header.filter_blocks {
        let place = header.entry_blocks.saturating_add(1).saturating_add(block);
        filter.push(read_block(storage, &header, place)?.bytes);
    }
    let (mut count, mut before) = (0_u64, None);
    for block in 1..=header.entry_blocks {
        for entry in read_block(storage, &header, block)?.entries(block)? {
            let key = entry.key();
            let second = second_of(key);
            let bits = Bits::of(key, header.filter_blocks);
            let passes = usize::try_from(bits.block).ok().and_then(|at| filter.get(at));
            let right = before < Some(order(key))
                && (header.oldest_second..=header.newest_second).contains(&second)
                && passes.is_some_and(|block| bits.are_set(block));
            if !right {
                return Err(IndexError::Block(block));
            }
            before = Some(order(key));
            count = count.saturating_add(1);
        }
    }
    if count == header.count { Ok(header) } else { Err(IndexError::Length) }
}
