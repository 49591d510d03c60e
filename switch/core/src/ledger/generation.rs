//! All ids created within one second: small slots over an arena of records.
//!
//! A slot of eight bytes holds 32 bits of the id's hash and the record's number, so that a lookup touches one slot and
//! one record. The slots are many small tables, each of which grows by itself: no payment waits for a large rehash.

use holdfast_protocol::{ParticipantNumber, RequestId};

use super::record::{FollowUpRecord, TransactionRecord};

/// Small tables in a generation.
const TABLES: usize = 128;
/// Records in one piece of an arena.
const PIECE: usize = 512;
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
}

#[derive(Debug, Default)]
struct Table {
    slots: Vec<u64>,
    used: usize,
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

    fn push(&mut self, record: R) -> u32 {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
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
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = tag as usize;
        let slots = &self.slots;
        std::iter::from_fn(move || {
            if slots.is_empty() {
                return None;
            }
            loop {
                let slot = slots[at & mask];
                if slot == EMPTY {
                    return None;
                }
                at = at.wrapping_add(1);
                if (slot >> 32) as u32 == tag {
                    return Some(low(slot));
                }
            }
        })
    }

    fn insert(&mut self, hash: u64, number: u32) {
        if self.used * 8 >= self.slots.len() * 7 {
            self.grow();
        }
        self.used += 1;
        Self::put(&mut self.slots, u64::from(tag(hash)) << 32 | u64::from(number));
    }

    fn put(slots: &mut [u64], slot: u64) {
        let mask = slots.len() - 1;
        let mut at = (slot >> 32) as usize;
        while slots[at & mask] != EMPTY {
            at = at.wrapping_add(1);
        }
        slots[at & mask] = slot;
    }

    fn grow(&mut self) {
        let mut larger = vec![EMPTY; (self.slots.len() * 2).max(8)];
        for slot in self.slots.iter().filter(|slot| **slot != EMPTY) {
            Self::put(&mut larger, *slot);
        }
        self.slots = larger;
    }
}

/// The record's number in a slot.
const fn low(slot: u64) -> u32 {
    (slot & 0xffff_ffff) as u32
}

impl Generation {
    /// Makes room for `expected` ids.
    pub(crate) fn new(expected: usize) -> Self {
        let slots = (expected / TABLES * 8 / 7).next_power_of_two();
        let slots = if expected < TABLES * 4 { 0 } else { slots };
        let table = || Table { slots: vec![EMPTY; slots], used: 0 };
        Self {
            tables: (0..TABLES).map(|_| table()).collect(),
            transactions: Arena::new(),
            follow_ups: Arena::new(),
        }
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

    #[inline]
    pub(crate) fn transaction_mut(
        &mut self,
        hash: u64,
        who: ParticipantNumber,
        id: RequestId,
    ) -> Option<&mut TransactionRecord> {
        let number = self
            .table(hash)
            .candidates(hash)
            .find(|n| n & FOLLOW_UP == 0 && self.transactions.get(*n).is(who, id))?;
        Some(self.transactions.get_mut(number))
    }

    #[inline]
    pub(crate) fn insert_transaction(&mut self, hash: u64, record: TransactionRecord) {
        let number = self.transactions.push(record);
        self.table_mut(hash).insert(hash, number);
    }

    pub(crate) fn insert_follow_up(&mut self, hash: u64, record: FollowUpRecord) {
        let number = self.follow_ups.push(record);
        self.table_mut(hash).insert(hash, number | FOLLOW_UP);
    }

    pub(crate) fn transactions(&self) -> impl Iterator<Item = &TransactionRecord> {
        self.transactions.iter()
    }

    pub(crate) fn follow_ups(&self) -> impl Iterator<Item = &FollowUpRecord> {
        self.follow_ups.iter()
    }
}
