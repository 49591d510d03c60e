//! Every id decided within the window, in one generation for each second of creation time (rule 5).
//!
//! Which generation an id belongs to follows from the id alone, so a lookup touches one and forgetting drops one whole.
//! What is still open then moves to the long-lived table, and so does what a younger request names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use holdfast_protocol::{Extensions, ParticipantNumber, RequestId, TransactionKey};

use super::follow_up_record::FollowUpRecord;
use super::generation::{Found, Generation, Room};
use super::record::TransactionRecord;
use super::refunds::Refunds;
use super::staying::Staying;
use crate::leaving::{Leaving, Left};

/// The ids that are remembered.
#[derive(Debug)]
pub(crate) struct Remembered {
    generations: HashMap<u64, Generation, FixedState>,
    /// The seconds that have a generation.
    seconds: BTreeMap<u64, ()>,
    /// Memory of generations to come, and of their records.
    spare: Vec<Generation>,
    room: Room,
    /// How many may be kept.
    spare_max: usize,
    /// Transactions older than the window that are still open, and those that stay though they are closed.
    long: HashMap<TransactionKey, TransactionRecord, FixedState>,
    staying: Staying,
    pub(crate) refunds: Refunds,
    /// What came along with answers: rare, so beside the records.
    extensions: HashMap<(ParticipantNumber, RequestId), Extensions, FixedState>,
    extension_bytes: usize,
    /// What has left and nobody has taken yet; none where nobody wants it.
    leaving: Option<Vec<Leaving>>,
    /// All ids created in this second or before are forgotten.
    forgotten_through: u64,
    expected_rate: usize,
    hasher: FixedState,
    ids: usize,
}

/// Seconds whose memory is with the archive, usually.
const AWAY: usize = 2;

/// The second that an id was created in.
pub(crate) const fn second_of(id: RequestId) -> u64 {
    id.created().get() / 1_000
}

impl Remembered {
    /// An empty memory of so many seconds.
    pub(crate) fn new(hash_seed: u64, expected_rate: usize, seconds: usize) -> Self {
        let hasher = FixedState::with_seed(hash_seed);
        Self {
            generations: HashMap::with_hasher(hasher.clone()),
            seconds: BTreeMap::new(),
            spare: Vec::new(),
            room: Room::default(),
            spare_max: seconds,
            long: HashMap::with_hasher(hasher.clone()),
            staying: Staying::new(hasher.clone()),
            refunds: Refunds::new(&hasher),
            extensions: HashMap::with_hasher(hasher.clone()),
            extension_bytes: 0,
            leaving: None,
            forgotten_through: 0,
            expected_rate,
            hasher,
            ids: 0,
        }
    }

    /// Makes and touches the memory that the expected rate will need.
    pub(crate) fn prepare(&mut self) {
        let away = if self.leaving.is_some() { AWAY } else { 0 };
        let seconds = self.spare_max + away;
        self.spare.resize_with(seconds, || Generation::new(self.expected_rate));
        self.room.prepare(self.expected_rate.saturating_mul(seconds));
    }

    #[inline]
    fn hash(&self, who: ParticipantNumber, id: RequestId) -> u64 {
        self.hasher.hash_one((id.get(), who.get()))
    }

    #[inline]
    pub(crate) fn find(&self, who: ParticipantNumber, id: RequestId) -> Option<Found<'_>> {
        let second = second_of(id);
        if second > self.forgotten_through {
            return self.generations.get(&second)?.find(self.hash(who, id), who, id);
        }
        self.long.get(&TransactionKey { originator: who, id }).map(Found::Transaction)
    }

    #[inline]
    pub(crate) fn transaction(&self, key: TransactionKey) -> Option<&TransactionRecord> {
        match self.find(key.originator, key.id)? {
            Found::Transaction(record) => Some(record),
            Found::FollowUp(_) => None,
        }
    }

    /// Changes a transaction's record, if it is remembered.
    #[inline]
    pub(crate) fn change<T>(
        &mut self,
        key: TransactionKey,
        change: impl FnOnce(&mut TransactionRecord) -> T,
    ) -> Option<T> {
        let second = second_of(key.id);
        if second > self.forgotten_through {
            let hash = self.hash(key.originator, key.id);
            return self.generations.get_mut(&second)?.change(hash, key.originator, key.id, change);
        }
        self.long.get_mut(&key).map(change)
    }

    /// Reads what [`Self::find`] will read first. The result means nothing.
    #[inline]
    pub(crate) fn touch(&self, who: ParticipantNumber, id: RequestId) -> u64 {
        self.generations.get(&second_of(id)).map_or(0, |generation| generation.touch(self.hash(who, id)))
    }

    /// Remembers a new transaction.
    #[inline]
    pub(crate) fn insert_transaction(&mut self, key: TransactionKey, record: TransactionRecord) {
        self.ids += 1;
        let second = second_of(key.id);
        if second > self.forgotten_through {
            let hash = self.hash(key.originator, key.id);
            self.generations
                .entry(second)
                .or_insert_with(|| begin(second, &mut self.seconds, &mut self.spare, self.expected_rate))
                .insert_transaction(hash, record, &mut self.room);
        } else {
            let before = self.long.insert(key, record);
            assert!(before.is_none(), "I2: one record for each transaction");
        }
    }

    /// Remembers a new capture, release or reversal. Where its second is forgotten already there is nothing to
    /// remember: it is refused as too old from now on.
    pub(crate) fn insert_follow_up(&mut self, who: ParticipantNumber, id: RequestId, record: FollowUpRecord) {
        let second = second_of(id);
        if second > self.forgotten_through {
            self.ids += 1;
            let hash = self.hash(who, id);
            self.generations
                .entry(second)
                .or_insert_with(|| begin(second, &mut self.seconds, &mut self.spare, self.expected_rate))
                .insert_follow_up(hash, record);
        }
    }

    /// What came along with the answer to a request.
    pub(crate) fn extensions(&self, who: ParticipantNumber, id: RequestId) -> Extensions {
        if self.extensions.is_empty() {
            return Extensions::NONE;
        }
        self.extensions.get(&(who, id)).cloned().unwrap_or(Extensions::NONE)
    }

    pub(crate) fn keep_extensions(&mut self, who: ParticipantNumber, id: RequestId, extensions: &Extensions) {
        if !extensions.is_empty() {
            self.extension_bytes += extensions.len();
            self.extensions.insert((who, id), extensions.clone());
        }
    }

    pub(crate) const fn extension_bytes(&self) -> usize {
        self.extension_bytes
    }

    /// A transaction is closed. It stays until `second`, the latest of those that a request which names it is of.
    pub(crate) fn closed(&mut self, key: TransactionKey, second: u64) {
        let own = second_of(key.id);
        if second > own.max(self.forgotten_through) {
            self.staying.keep(key, second, self.forgotten_through);
        } else if own <= self.forgotten_through && !self.staying.contains(key) {
            self.drop_long(key);
        }
    }

    /// No request that is remembered is of a later second than this, nor is the transaction.
    pub(crate) fn newest_second(&self, key: TransactionKey) -> u64 {
        let newest = self.seconds.last_key_value().map_or(0, |(second, ())| *second);
        newest.max(second_of(key.id))
    }

    /// An empty memory that has forgotten everything up to a second, as a snapshot found it.
    pub(crate) fn restore(&mut self, forgotten_through: u64) {
        assert!(self.ids == 0, "a snapshot is restored into an empty memory");
        self.forgotten_through = forgotten_through;
    }

    /// A closed transaction stays until a second. Says whether that is new.
    pub(crate) fn restore_until(&mut self, second: u64, key: TransactionKey) -> bool {
        let is_new = !self.staying.contains(key);
        self.staying.keep(key, second, self.forgotten_through);
        is_new
    }

    fn drop_long(&mut self, key: TransactionKey) {
        let closed = self.long.get(&key).is_some_and(|record| record.index().is_none());
        // It may have been opened again by a reversal, which closes it again later; or a refund of it is pending.
        if closed
            && self.refunds.of(key).pending.is_zero()
            && let Some(record) = self.long.remove(&key)
        {
            let linked = self.refunds.leave(key);
            if let Some(leaving) = &mut self.leaving {
                leaving.push(Leaving(Left::One(key, record, linked)));
            }
            self.ids -= 1;
            self.drop_extensions(key.originator, key.id);
        }
    }

    fn drop_extensions(&mut self, who: ParticipantNumber, id: RequestId) {
        if !self.extensions.is_empty()
            && let Some(extensions) = self.extensions.remove(&(who, id))
        {
            self.extension_bytes -= extensions.len();
        }
    }

    /// Forgets all ids up to and including a second; what is open moves to the long-lived table.
    pub(crate) fn forget(&mut self, through: u64) {
        if through <= self.forgotten_through {
            return;
        }
        while let Some((&second, ())) = self.seconds.first_key_value()
            && second <= through
        {
            self.seconds.remove(&second);
            let mut generation =
                self.generations.remove(&second).expect("each second listed has a generation");
            self.forget_generation(second, &generation);
            if let Some(leaving) = &mut self.leaving {
                leaving.push(Leaving(Left::Second(second, generation)));
            } else {
                generation.empty();
                self.take_back(generation);
            }
        }
        self.forgotten_through = through;
        while let Some(keys) = self.staying.take_last(through) {
            for key in keys {
                self.drop_long(key);
            }
        }
    }

    fn forget_generation(&mut self, second: u64, generation: &Generation) {
        self.ids -= generation.len();
        for record in generation.open() {
            self.long.insert(key_of(record.originator(), second, record.id_low()), *record);
            self.ids += 1;
        }
        for key in self.staying.take_own(second) {
            let found = generation.find(self.hash(key.originator, key.id), key.originator, key.id);
            // What is open again has moved already.
            if let Some(Found::Transaction(record)) = found
                && record.index().is_none()
            {
                self.long.insert(key, *record);
                self.ids += 1;
            }
        }
        if self.extensions.is_empty() {
            return;
        }
        for record in generation.transactions().filter(|record| record.index().is_none()) {
            let key = key_of(record.originator(), second, record.id_low());
            if !self.long.contains_key(&key) {
                self.drop_extensions(key.originator, key.id);
            }
        }
    }

    /// The oldest second with which something is forgotten.
    pub(crate) fn oldest_second(&self) -> Option<u64> {
        let own = self.seconds.first_key_value().map(|(second, ())| *second);
        own.into_iter().chain(self.staying.first_last()).min()
    }

    /// From now on what leaves is kept for [`Self::take_leaving`].
    pub(crate) fn keep_leaving(&mut self) {
        self.leaving.get_or_insert_default();
    }

    /// What has left since this was asked last.
    pub(crate) fn take_leaving(&mut self) -> Vec<Leaving> {
        self.leaving.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The memory of a second that has left, empty.
    pub(crate) fn take_back(&mut self, mut generation: Generation) {
        generation.give_back(&mut self.room);
        if self.spare.len() < self.spare_max {
            self.spare.push(generation);
        }
    }

    /// A closed transaction is back from the archive, and stays until a second.
    pub(crate) fn recall(&mut self, key: TransactionKey, record: TransactionRecord, until: u64) {
        assert!(self.transaction(key).is_none(), "only what has left comes back");
        self.insert_transaction(key, record);
        self.staying.keep(key, until, self.forgotten_through);
    }

    pub(crate) const fn forgotten_through(&self) -> u64 {
        self.forgotten_through
    }

    /// How many ids are remembered.
    pub(crate) const fn len(&self) -> usize {
        self.ids
    }

    /// All that are in generations, with the second of each.
    pub(crate) fn generations(&self) -> impl Iterator<Item = (u64, &Generation)> {
        self.seconds.keys().map(|second| (*second, &self.generations[second]))
    }

    /// What came along with answers, in no order.
    pub(crate) fn all_extensions(
        &self,
    ) -> impl Iterator<Item = (&(ParticipantNumber, RequestId), &Extensions)> {
        self.extensions.iter()
    }

    /// Whether an id is of the long-lived table, if it is remembered.
    pub(crate) const fn is_long(&self, id: RequestId) -> bool {
        second_of(id) <= self.forgotten_through
    }

    /// Which closed transactions stay until which second, beyond their own.
    pub(crate) fn staying(&self) -> impl Iterator<Item = (&u64, &BTreeSet<TransactionKey>)> {
        self.staying.iter()
    }

    /// The long-lived table, in no order.
    pub(crate) fn long(&self) -> impl Iterator<Item = (&TransactionKey, &TransactionRecord)> {
        self.long.iter()
    }
}

/// The first id of a second: its generation.
fn begin(
    second: u64,
    seconds: &mut BTreeMap<u64, ()>,
    spare: &mut Vec<Generation>,
    expected_rate: usize,
) -> Generation {
    seconds.insert(second, ());
    spare.pop().unwrap_or_else(|| Generation::new(expected_rate))
}

/// The whole id from its second and its low 96 bits.
pub(crate) fn key_of(originator: ParticipantNumber, second: u64, id_low: [u8; 12]) -> TransactionKey {
    let low_millis = u64::from(u16::from_be_bytes([id_low[0], id_low[1]]));
    let first = second * 1_000;
    // Within one second the low 16 bits of the milliseconds occur once.
    let millis = first + (low_millis.wrapping_sub(first) & 0xffff);
    let mut bytes = [0; RequestId::BYTES];
    bytes[4..].copy_from_slice(&id_low);
    let millis_bytes = millis.to_be_bytes();
    bytes[..6].copy_from_slice(&millis_bytes[2..]);
    TransactionKey { originator, id: RequestId::from_bytes(bytes) }
}

#[cfg(test)]
mod tests;
