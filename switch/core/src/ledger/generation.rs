//! All ids created within one second: small slots over an arena of records.
//!
//! A slot of eight bytes holds 32 bits of the id's hash and the record's number, so that a lookup touches one slot and
//! one record. The slots are many small tables, each of which grows by itself and at a fill of its own: no payment waits
//! for a large rehash, nor a turn for the rehash of all of them, which fill alike.
//! Its memory is made and touched in advance and used again for a later second: where the first touch of a page means
//! that a host has to find one, it takes milliseconds.

use holdfast_protocol::{ParticipantNumber, RequestId};

use super::follow_up_record::FollowUpRecord;
use super::record::TransactionRecord;

/// Small tables in a generation.
const TABLES: usize = 128;
/// Records in one piece of an arena.
const PIECE: usize = 512;
/// Each table grows at a fill of its own, between six and seven of eight.
const FILL_PARTS: usize = TABLES * 8;
/// Set in the number of a record of a capture, release or reversal.
const FOLLOW_UP: u32 = 1 << 31;
/// A slot without a record. No record has all bits of its number set.
const EMPTY: u64 = u64::MAX;

/// A record found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Transaction(&'a TransactionRecord),
    FollowUp(&'a FollowUpRecord),
}

/// The ids of one second.
#[derive(Debug)]
pub(crate) struct Generation {
    tables: Vec<Table>,
    transactions: Arena<TransactionRecord>,
    follow_ups: Arena<FollowUpRecord>,
    /// One bit for each record of a transaction that is open.
    open: Vec<u64>,
}

#[derive(Debug)]
struct Table {
    slots: Vec<u64>,
    used: usize,
    /// How full it may be, in parts of [`FILL_PARTS`].
    fill_max: usize,
}

/// Empty pieces for the records of transactions: made and touched in advance, and used again.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pieces: Vec<Vec<TransactionRecord>>,
    prepared: usize,
    in_use: usize,
}

impl Room {
    /// Makes and touches room for so many records.
    pub(crate) fn prepare(&mut self, records: usize) {
        self.prepared = records.div_ceil(PIECE);
        self.pieces.resize_with(self.prepared, || {
            let mut piece = vec![TransactionRecord::blank(); PIECE];
            piece.clear();
            piece
        });
    }

    fn take(&mut self) -> Vec<TransactionRecord> {
        self.in_use += 1;
        self.pieces.pop().unwrap_or_else(|| Vec::with_capacity(PIECE))
    }

    /// Takes pieces back. After a burst it keeps no more than is in use or was prepared.
    fn give_back(&mut self, pieces: impl ExactSizeIterator<Item = Vec<TransactionRecord>>) {
        self.in_use -= pieces.len();
        let most = self.prepared.max(self.in_use);
        let wanted = most.saturating_sub(self.pieces.len());
        self.pieces.extend(pieces.take(wanted));
    }
}

/// Records in pieces that never move.
#[derive(Debug)]
struct Arena<R> {
    pieces: Vec<Vec<R>>,
}

impl<R> Arena<R> {
    const fn new() -> Self {
        Self { pieces: Vec::new() }
    }

    fn push(&mut self, record: R, piece: impl FnOnce() -> Vec<R>) -> u32 {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            self.pieces.push(piece());
        }
        let before = (self.pieces.len() - 1) * PIECE;
        let piece = self.pieces.last_mut().expect("a piece with room was just made sure of");
        piece.push(record);
        let number = u32::try_from(before + piece.len() - 1).expect("fewer than 2^31 ids in a second");
        assert!(number < FOLLOW_UP, "fewer than 2^31 ids in a second");
        number
    }

    fn get(&self, number: u32) -> &R {
        &self.pieces[number as usize / PIECE][number as usize % PIECE]
    }

    fn get_mut(&mut self, number: u32) -> &mut R {
        &mut self.pieces[number as usize / PIECE][number as usize % PIECE]
    }

    fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    fn iter(&self) -> impl Iterator<Item = &R> {
        self.pieces.iter().flatten()
    }
}

/// The 32 bits of a hash that a slot keeps.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Table {
    /// The numbers of the records whose tag is that of `hash`.
    fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> {
        let tag = tag(hash);
        let slots = &self.slots;
        let mut at = first_place(tag, slots.len());
        std::iter::from_fn(move || {
            loop {
                let slot = *slots.get(at)?;
                if slot == EMPTY {
                    return None;
                }
                at = next_place(at, slots.len());
                if (slot >> 32) as u32 == tag {
                    return Some(low(slot));
                }
            }
        })
    }

    fn insert(&mut self, hash: u64, number: u32) {
        // Some slot stays empty in a table of any size: there a search for what is not in it ends.
        if (self.used + 1) * FILL_PARTS > self.slots.len() * self.fill_max {
            self.grow();
        }
        self.used += 1;
        Self::put(&mut self.slots, u64::from(tag(hash)) << 32 | u64::from(number));
    }

    fn put(slots: &mut [u64], slot: u64) {
        let mut at = first_place((slot >> 32) as u32, slots.len());
        while slots[at] != EMPTY {
            at = next_place(at, slots.len());
        }
        slots[at] = slot;
    }

    /// By half: what a table takes stays near what it needs, and its old places come in the order of the new ones.
    fn grow(&mut self) {
        let mut larger = vec![EMPTY; (self.slots.len() * 3 / 2).max(8)];
        for slot in self.slots.iter().filter(|slot| **slot != EMPTY) {
            Self::put(&mut larger, *slot);
        }
        self.slots = larger;
    }
}

/// Where the search for a tag begins among so many slots.
const fn first_place(tag: u32, slots: usize) -> usize {
    ((tag as u64 * slots as u64) >> 32) as usize
}

const fn next_place(at: usize, slots: usize) -> usize {
    if at + 1 == slots { 0 } else { at + 1 }
}

/// The record's number in a slot.
const fn low(slot: u64) -> u32 {
    (slot & 0xffff_ffff) as u32
}

impl Generation {
    /// Makes room for `expected` ids.
    pub(crate) fn new(expected: usize) -> Self {
        // Chance gives some tables more: by four times the root hardly ever, so none has to grow where as many come as expected.
        let mean = expected / TABLES;
        let slots = if mean < 4 { 0 } else { (mean + 4 * mean.isqrt()) * 4 / 3 };
        let table = |number| Table { slots: vec![EMPTY; slots], used: 0, fill_max: TABLES * 6 + number };
        Self {
            tables: (0..TABLES).map(table).collect(),
            transactions: Arena::new(),
            follow_ups: Arena::new(),
            open: Vec::new(),
        }
    }

    /// Forgets everything and keeps the memory. Takes a while, and needs nothing that others use.
    pub(crate) fn empty(&mut self) {
        for table in &mut self.tables {
            table.slots.fill(EMPTY);
            table.used = 0;
        }
        self.transactions.pieces.iter_mut().for_each(Vec::clear);
        self.follow_ups.pieces.clear();
        self.open.clear();
    }

    /// Gives the pieces of an empty one back, for whichever second needs them next.
    pub(crate) fn give_back(&mut self, room: &mut Room) {
        room.give_back(self.transactions.pieces.drain(..));
    }

    fn table(&self, hash: u64) -> &Table {
        // The low bits choose the table; the tag is made of the high ones.
        &self.tables[usize::from(hash.to_le_bytes()[0]) % TABLES]
    }

    fn table_mut(&mut self, hash: u64) -> &mut Table {
        &mut self.tables[usize::from(hash.to_le_bytes()[0]) % TABLES]
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, who: ParticipantNumber, id: RequestId) -> Option<Found<'_>> {
        for number in self.table(hash).candidates(hash) {
            if number & FOLLOW_UP == 0 {
                let record = self.transactions.get(number);
                if record.is(who, id) {
                    return Some(Found::Transaction(record));
                }
            } else {
                let record = self.follow_ups.get(number & !FOLLOW_UP);
                if record.is(who, id) {
                    return Some(Found::FollowUp(record));
                }
            }
        }
        None
    }

    /// Changes a record; whether it is open afterwards is noted for [`Self::open`].
    #[inline]
    pub(crate) fn change<T>(
        &mut self,
        hash: u64,
        who: ParticipantNumber,
        id: RequestId,
        change: impl FnOnce(&mut TransactionRecord) -> T,
    ) -> Option<T> {
        let number = self
            .table(hash)
            .candidates(hash)
            .find(|n| n & FOLLOW_UP == 0 && self.transactions.get(*n).is(who, id))?;
        let record = self.transactions.get_mut(number);
        let result = change(record);
        let is_open = record.index().is_some();
        self.note(number, is_open);
        Some(result)
    }

    fn note(&mut self, number: u32, is_open: bool) {
        let (word, bit) = (number as usize / 64, 1_u64 << (number % 64));
        if self.open.len() <= word {
            self.open.resize(word + 1, 0);
        }
        if is_open {
            self.open[word] |= bit;
        } else {
            self.open[word] &= !bit;
        }
    }

    /// The records that point to an open transaction, found without looking at the others.
    pub(crate) fn open(&self) -> impl Iterator<Item = &TransactionRecord> {
        (0_u32..).zip(&self.open).flat_map(move |(word, bits)| {
            let mut rest = *bits;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(self.transactions.get(word * 64 + bit))
            })
        })
    }

    /// How many ids there are.
    pub(crate) fn len(&self) -> usize {
        self.transactions.len() + self.follow_ups.len()
    }

    /// Reads what [`Self::find`] will read first. The result means nothing.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u64 {
        let slots = &self.table(hash).slots;
        let slot = slots.get(first_place(tag(hash), slots.len())).copied().unwrap_or(EMPTY);
        if slot != EMPTY && (slot >> 32) as u32 == tag(hash) && low(slot) & FOLLOW_UP == 0 {
            return self.transactions.get(low(slot)).digest();
        }
        slot
    }

    #[inline]
    pub(crate) fn insert_transaction(&mut self, hash: u64, record: TransactionRecord, room: &mut Room) {
        let is_open = record.index().is_some();
        let number = self.transactions.push(record, || room.take());
        self.table_mut(hash).insert(hash, number);
        if is_open {
            self.note(number, true);
        }
    }

    pub(crate) fn insert_follow_up(&mut self, hash: u64, record: FollowUpRecord) {
        let number = self.follow_ups.push(record, || Vec::with_capacity(PIECE));
        self.table_mut(hash).insert(hash, number | FOLLOW_UP);
    }

    pub(crate) fn transactions(&self) -> impl Iterator<Item = &TransactionRecord> {
        self.transactions.iter()
    }

    pub(crate) fn follow_ups(&self) -> impl Iterator<Item = &FollowUpRecord> {
        self.follow_ups.iter()
    }
}

#[cfg(test)]
mod tests;
