//! An index on its way to its file: what leaves memory is encoded once, where it will stand in a block.
//!
//! Seconds leave one after the other and each by id, so nearly every entry follows the one before it, and the blocks are
//! filled as the file will have them. What does not follow, since it stayed longer than its second, waits beside them and
//! is put among them at the end: only blocks before the newest of those are made again.
//!
//! Invariant: entries stand by id and originator, each key once; of what left twice, the last is there.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::BytesMut;
use holdfast_core::leaving::{Archived, Leaving, Sorting};

use super::IndexError;
use super::format::{
    BLOCK_HEADER_BYTES, BLOCK_ROOM, Bits, Header, Order, Place, block_header, filter_blocks, hash, order,
    second_of,
};
use crate::block::{BLOCK_BYTES, Pieces};
use crate::format::JournalId;
use crate::snapshot::{From, entry};
use crate::storage::IndexStorage;

/// Entries in order, in blocks that want nothing but their checksum.
#[derive(Debug, Default)]
struct Blocks {
    /// Whole blocks, and the one that is being filled.
    bytes: Vec<u8>,
    /// Where that begins.
    begun: usize,
    /// Entries in it; none where there is no such block.
    count: u16,
    /// The first entry of each block.
    firsts: Vec<Order>,
    last: Option<Order>,
    entries: u64,
    /// An entry that goes to the next block.
    moved: Vec<u8>,
}

impl Blocks {
    fn clear(&mut self) {
        self.bytes.clear();
        self.firsts.clear();
        (self.begun, self.count, self.last, self.entries) = (0, 0, None, 0);
    }

    /// Takes the entry that `write` appends: it comes after all that are there.
    fn push(&mut self, order: Order, write: impl FnOnce(&mut Vec<u8>)) {
        if self.count == 0 {
            self.begin(order);
        }
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len().saturating_sub(self.begun) > BLOCK_BYTES {
            self.moved.clear();
            self.moved.extend_from_slice(self.bytes.get(start..).unwrap_or_default());
            assert!(self.moved.len() <= BLOCK_ROOM, "an entry is far shorter than a block");
            self.bytes.truncate(start);
            self.end();
            self.begin(order);
            self.bytes.extend_from_slice(&self.moved);
        }
        self.count = self.count.saturating_add(1);
        self.entries = self.entries.saturating_add(1);
        self.last = Some(order);
    }

    fn begin(&mut self, first: Order) {
        self.begun = self.bytes.len();
        self.bytes.extend_from_slice(&[0; BLOCK_HEADER_BYTES]);
        self.firsts.push(first);
    }

    /// The block that is being filled is whole now; the next entry begins another.
    fn end(&mut self) {
        if self.count == 0 {
            return;
        }
        let content = self.bytes.len().saturating_sub(self.begun).saturating_sub(BLOCK_HEADER_BYTES);
        self.bytes.resize(self.begun.saturating_add(BLOCK_BYTES), 0);
        self.bytes
            .get_mut(self.begun..)
            .and_then(|block| block.first_chunk_mut())
            .expect("the block began here")
            .clone_from(&block_header(self.count, content));
        self.count = 0;
    }

    /// The bytes of all blocks but so many at the start.
    fn blocks_after(&mut self, block: usize) -> &mut [u8] {
        self.bytes.get_mut(block.saturating_mul(BLOCK_BYTES)..).unwrap_or_default()
    }
}

/// The entries of a whole block, each with where it stands.
fn entries(block: &[u8]) -> impl Iterator<Item = (Order, &[u8])> {
    let count =
        block.get(4..).and_then(|rest| rest.first_chunk()).map_or(0, |count| u16::from_le_bytes(*count));
    let mut rest = block.get(BLOCK_HEADER_BYTES..).unwrap_or_default();
    (0..count).map(move |_| {
        let (key, entry, after) =
            entry::split_archived(rest).expect("a block has as many entries as it says");
        rest = after;
        (order(key), entry)
    })
}

/// An entry that did not follow the one before it.
#[derive(Clone, Copy, Debug)]
struct Stray {
    order: Order,
    /// In the bytes of all.
    start: usize,
    end: usize,
}

/// What left memory by the facts of a segment, so far.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    run: Blocks,
    strays: Vec<Stray>,
    stray_bytes: Vec<u8>,
    /// Those, and the blocks that they go into.
    merged: Blocks,
    /// By which the filter has each.
    hashes: Vec<u64>,
    filter: Vec<u8>,
    sorting: Sorting,
    frame: BytesMut,
    pieces: Pieces,
}

impl Builder {
    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.run.clear();
        self.strays.clear();
        self.stray_bytes.clear();
        self.hashes.clear();
    }

    pub(crate) fn add(&mut self, leaving: &Leaving) {
        let mut sorting = std::mem::take(&mut self.sorting);
        leaving.each(&mut sorting, |archived| self.push(&archived));
        self.sorting = sorting;
    }

    fn push(&mut self, archived: &Archived) {
        let Self { run, strays, stray_bytes, hashes, frame, .. } = self;
        let key = archived.key();
        let order = order(key);
        hashes.push(hash(key));
        if run.last < Some(order) {
            run.push(order, |out| entry::write_archived(archived, frame, out));
        } else {
            let start = stray_bytes.len();
            entry::write_archived(archived, frame, stray_bytes);
            strays.push(Stray { order, start, end: stray_bytes.len() });
        }
    }

    /// Puts the strays among the others: into `merged`, with all blocks of the run that begin before the newest of them.
    /// How many blocks that are, and how many keys there are in all.
    fn merge(&mut self) -> (usize, u64) {
        let Self { run, strays, stray_bytes, merged, .. } = self;
        run.end();
        merged.clear();
        // The sort is stable: of what left twice, the last comes last, and stays.
        strays.sort_by_key(|stray| stray.order);
        let Some(newest) = strays.last().map(|stray| stray.order) else { return (0, run.entries) };
        let taken = run.firsts.partition_point(|first| *first <= newest);
        let mut of_run = run.bytes.chunks_exact(BLOCK_BYTES).take(taken).flat_map(entries).peekable();
        let (mut count, mut rest) = (run.entries, strays.iter().peekable());
        while let Some(stray) = rest.next() {
            if rest.peek().is_some_and(|next| next.order == stray.order) {
                continue;
            }
            while let Some((order, bytes)) = of_run.next_if(|(order, _)| *order < stray.order) {
                merged.push(order, |out| out.extend_from_slice(bytes));
            }
            // What stayed longer left later, and stands instead of what left with its second.
            if of_run.next_if(|(order, _)| *order == stray.order).is_none() {
                count = count.saturating_add(1);
            }
            let bytes = stray_bytes.get(stray.start..stray.end).unwrap_or_default();
            merged.push(stray.order, |out| out.extend_from_slice(bytes));
        }
        for (order, bytes) in of_run {
            merged.push(order, |out| out.extend_from_slice(bytes));
        }
        merged.end();
        (taken, count)
    }

    /// Writes all of it as the index of the segment that begins at `from` and ends before `to`; syncs and names it.
    ///
    /// # Errors
    /// What the system reports; no index of that segment is there then, or the one that was.
    pub(crate) fn write<S: IndexStorage>(
        &mut self,
        storage: &S,
        (journal, from, to): (JournalId, &From, &From),
    ) -> Result<Header, IndexError> {
        let (taken, count) = self.merge();
        let Self { run, merged, hashes, filter, pieces, .. } = self;
        let blocks = merged.firsts.len().saturating_add(run.firsts.len()).saturating_sub(taken);
        let second = |order: Option<Order>| order.map_or(0, |(id, _)| second_of(id));
        let first = merged.firsts.first().into_iter().chain(run.firsts.first()).min().copied();
        let header = Header {
            journal,
            segment: from.segment,
            first: from.sequence,
            next: to.sequence,
            begins: from.time,
            ends: to.time,
            oldest_second: second(first),
            newest_second: second(merged.last.max(run.last)),
            count,
            entry_blocks: u32::try_from(blocks).expect("a segment is far shorter than 2^32 blocks"),
            filter_blocks: filter_blocks(count),
        };
        fill(filter, header.filter_blocks, hashes);
        let segment = header.segment;
        storage.begin_index(segment)?;
        pieces.clear();
        let mut append = |piece: &[u8]| storage.append_index(segment, piece);
        pieces.push(&header.encode(), &mut append)?;
        let mut place = Place { journal, segment, block: 1 };
        for part in [merged.blocks_after(0), run.blocks_after(taken), filter.as_mut_slice()] {
            for block in part.chunks_exact_mut(BLOCK_BYTES) {
                place.seal(block);
                place.block = place.block.saturating_add(1);
                pieces.push(block, &mut append)?;
            }
        }
        pieces.finish(&mut append)?;
        storage.sync_index(segment)?;
        storage.name_index(segment)?;
        storage.sync_directory()?;
        Ok(header)
    }
}

/// Makes the filter of these ids: whole blocks that want nothing but their checksum.
fn fill(filter: &mut Vec<u8>, blocks: u32, hashes: &[u64]) {
    filter.clear();
    filter.resize(usize::try_from(blocks).unwrap_or(0).saturating_mul(BLOCK_BYTES), 0);
    for hash in hashes {
        let bits = Bits::at(*hash, blocks);
        let start = usize::try_from(bits.block).unwrap_or(0).saturating_mul(BLOCK_BYTES);
        let start = start.saturating_add(BLOCK_HEADER_BYTES);
        if let Some(room) = filter.get_mut(start..start.saturating_add(BLOCK_ROOM)) {
            bits.set(room);
        }
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test that goes out of range fails, as it should")]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use std::collections::BTreeMap;

    use holdfast_core::snapshot::{Content, FollowUpKind, FollowUpParts};
    use holdfast_protocol::*;
    use proptest::prelude::*;

    use super::super::index::{check, look_up};
    use super::*;
    use crate::format::Chain;
    use crate::storage::{ForgetfulStorage, SegmentNumber};

    fn from(segment: u64, sequence: u64) -> From {
        From {
            segment: SegmentNumber(segment),
            frame: 1,
            sequence: Sequence(sequence),
            epoch: Epoch(1),
            time: UnixMillis::default(),
            chain: Chain([0; 32]),
        }
    }

    /// Which of some ids left, and by which fact.
    fn left(which: u16, sequence: u64) -> Archived {
        let created = UnixMillis::new(1_795_305_600_000 + u64::from(which) * 7).unwrap();
        let key = TransactionKey {
            originator: ParticipantNumber::new(1 + which % 3).unwrap(),
            id: RequestId::new(created, u128::from(which / 5)),
        };
        Archived::FollowUp(FollowUpParts {
            key,
            original: key.id,
            kind: FollowUpKind::Release,
            content: Content { digest: sequence, fields: Default::default() },
            reason: Reason::None,
            amount: Amount::ZERO,
            settlement_date: BusinessDate::from_utc(created),
            sequence,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn whatever_the_order_the_last_that_left_under_each_key_is_in_it(
            runs in proptest::collection::vec((0_u16..3_000, 0_u16..700), 0..4),
            strays in proptest::collection::vec((0_u16..3_000, 0_usize..2_000), 0..200),
        ) {
            let (storage, journal) = (ForgetfulStorage::new(), JournalId([7; 16]));
            let mut which: Vec<u16> = runs.iter().flat_map(|(start, count)| *start..start + count).collect();
            for (stray, at) in strays {
                which.insert(at.min(which.len()), stray);
            }
            let mut builder = Builder::default();
            // What was there before is gone.
            builder.push(&left(9_999, 1));
            builder.push(&left(9_000, 1));
            builder.clear();
            let mut last = BTreeMap::new();
            for (which, sequence) in which.into_iter().zip(1..) {
                let archived = left(which, sequence);
                builder.push(&archived);
                last.insert(order(archived.key()), archived);
            }
            let header = builder.write(&storage, (journal, &from(5, 1), &from(6, 9_000))).unwrap();
            let file = storage.list_indexes().unwrap()[0];
            prop_assert_eq!(check(&storage, file, journal).unwrap(), header);
            prop_assert_eq!(header.count, u64::try_from(last.len()).unwrap());
            for archived in last.values() {
                let found = look_up(&storage, &header, archived.key()).unwrap();
                prop_assert_eq!(found.as_ref(), Some(archived));
            }
            prop_assert_eq!(look_up(&storage, &header, left(9_999, 1).key()).unwrap(), None);
        }
    }
}
