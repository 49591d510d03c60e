//! Deliveries on their way to destinations (rule 7): in order for each transaction, in a window for each link, again after
//! a growing pause until acknowledged, never given up.
//!
//! What waits is found by the links that are there, never by walking what waits: instances that never come back cost those
//! that are there nothing (I8).

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{Instance, UnixMillis};
use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::state::Transaction;
use crate::settings::{DELIVERIES_FIRST, Settings};
use crate::view::{LiveSession, SessionId};

/// How the first unacknowledged delivery of a transaction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Head {
    /// There is none.
    #[default]
    Idle,
    /// It waits for room in the window of a link of its instance (`None`: of any), in this place of the order.
    Waiting(Option<Instance>, u64),
    /// It was sent over this link and is not acknowledged; sent again at this time.
    Sent(UnixMillis, SessionId),
}

/// Of one destination.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// What waits, by the instance that may take it and in order.
    waiting: BTreeMap<Option<Instance>, BTreeMap<u64, u32>>,
    /// The same for a link that may take what is of any instance.
    waiting_in_order: BTreeMap<u64, u32>,
    /// Sent and not acknowledged, by the link it was sent over.
    sent: BTreeMap<SessionId, BTreeSet<u32>>,
    /// How many each link has acknowledged: its window grows with them.
    acknowledged: BTreeMap<SessionId, usize>,
    /// Since when the first delivery of each transaction is the first.
    pub(super) oldest: BTreeSet<(UnixMillis, u32)>,
}

impl Outbound {
    /// The next that may leave, and over which link.
    pub(super) fn next<'v>(
        &self,
        mut links: impl Iterator<Item = &'v LiveSession>,
        window: u32,
    ) -> Option<(u32, SessionId)> {
        if self.waiting_in_order.is_empty() {
            return None;
        }
        links.find_map(|link| {
            let sent = self.sent.get(&link.session).map_or(0, BTreeSet::len);
            let acknowledged = self.acknowledged.get(&link.session).copied().unwrap_or(0);
            let room = sent < DELIVERIES_FIRST.saturating_add(acknowledged).min(window as usize);
            room.then(|| self.first_for(link)).flatten().map(|index| (index, link.session))
        })
    }

    /// What waits longest of what a link may take.
    fn first_for(&self, link: &LiveSession) -> Option<u32> {
        let (_, index) = if link.shared_deduplication {
            self.waiting_in_order.first_key_value()?
        } else {
            let first = |instance| self.waiting.get(&instance).and_then(BTreeMap::first_key_value);
            first(None).into_iter().chain(first(Some(link.instance))).min()?
        };
        Some(*index)
    }

    /// One waits, in this place.
    pub(super) fn wait(&mut self, instance: Option<Instance>, order: u64, index: u32) {
        self.waiting.entry(instance).or_default().insert(order, index);
        self.waiting_in_order.insert(order, index);
    }

    /// One waits no longer.
    pub(super) fn stop_waiting(&mut self, instance: Option<Instance>, order: u64) {
        self.waiting_in_order.remove(&order);
        if let Some(indexes) = self.waiting.get_mut(&instance) {
            indexes.remove(&order);
            if indexes.is_empty() {
                self.waiting.remove(&instance);
            }
        }
    }

    /// One was sent over a link.
    pub(super) fn send(&mut self, over: SessionId, index: u32) {
        self.sent.entry(over).or_default().insert(index);
    }

    /// One that was sent over a link takes no place in its window any more.
    pub(super) fn no_longer_sent(&mut self, over: SessionId, index: u32) {
        if let Some(indexes) = self.sent.get_mut(&over) {
            indexes.remove(&index);
            if indexes.is_empty() {
                self.sent.remove(&over);
            }
        }
    }

    /// One that was sent over a link was acknowledged.
    pub(super) fn acknowledged(&mut self, over: SessionId) {
        *self.acknowledged.entry(over).or_default() += 1;
    }

    /// A link is gone. Returns all that was sent over it.
    pub(super) fn lost(&mut self, link: SessionId) -> Vec<u32> {
        self.acknowledged.remove(&link);
        self.sent.get(&link).into_iter().flatten().copied().collect()
    }

    /// How much was sent and is not acknowledged.
    pub(super) fn on_their_way(&self) -> usize {
        self.sent.values().map(BTreeSet::len).sum()
    }
}

/// The pause before the next send: doubled each time up to the longest, and up to a quarter more or less, so that what
/// failed together does not come back together. A function of the transaction and the attempt alone.
pub(super) fn pause(settings: &Settings, transaction: &Transaction, attempt: u8) -> u64 {
    let doubled =
        settings.delivery_retry_ms.saturating_mul(1 << u32::from(attempt.saturating_sub(1)).min(20));
    let pause = doubled.min(settings.delivery_retry_max_ms).max(1);
    let mut seed = [0; 20];
    let (id, rest) = seed.split_at_mut(16);
    id.copy_from_slice(&transaction.key.id.to_bytes());
    let [low, high] = transaction.key.originator.get().to_le_bytes();
    rest.copy_from_slice(&[low, high, attempt, transaction.deliveries_made]);
    let spread = pause / 2;
    pause - pause / 4 + if spread == 0 { 0 } else { xxh3_64(&seed) % (spread + 1) }
}
