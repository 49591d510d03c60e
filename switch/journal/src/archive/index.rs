//! One index: looked up, and checked. [`super::build`] makes them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use holdfast_core::leaving::Archived;
use holdfast_core::snapshot::Entry;
use holdfast_protocol::TransactionKey;

use super::IndexError;
use super::format::{Bits, Header, Place, order, second_of};
use crate::block::BLOCK_BYTES;
use crate::snapshot::entry_read;
use crate::storage::{IndexFile, IndexStorage};

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
                | Entry::Founded(..)
                | Entry::Lease(_)
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
    let second = second_of(key.id);
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
            let second = second_of(key.id);
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
