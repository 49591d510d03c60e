//! Deliveries on their way to destinations (rule 7): in order for each transaction, in a window for each destination,
//! again after a growing pause until acknowledged, never given up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use holdfast_protocol::{Instance, UnixMillis};
use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::state::Transaction;
use crate::settings::Settings;

/// How the first unacknowledged delivery of a transaction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Head {
    /// There is none.
    #[default]
    Idle,
    /// It may leave as soon as the window has room.
    Ready,
    /// It waits for a link of its instance (`None`: of any).
    Waiting(Option<Instance>),
    /// It was sent and is not acknowledged; sent again at this time.
    Sent(UnixMillis),
}

/// Of one destination.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    pub(super) ready: VecDeque<u32>,
    pub(super) waiting: BTreeMap<Option<Instance>, BTreeSet<u32>>,
    /// Sent and not acknowledged.
    pub(super) sent: u32,
    /// Since when the first delivery of each transaction is the first.
    pub(super) oldest: BTreeSet<(UnixMillis, u32)>,
}

impl Outbound {
    /// Takes one that waits for a link that is there.
    pub(super) fn take_waiting(&mut self, may_go: impl Fn(Option<Instance>) -> bool) -> Option<u32> {
        let instance = self.waiting.keys().copied().find(|instance| may_go(*instance))?;
        let index = *self.waiting.get(&instance)?.first()?;
        self.stop_waiting(instance, index);
        Some(index)
    }

    /// One waits no longer.
    pub(super) fn stop_waiting(&mut self, instance: Option<Instance>, index: u32) {
        if let Some(indexes) = self.waiting.get_mut(&instance) {
            indexes.remove(&index);
            if indexes.is_empty() {
                self.waiting.remove(&instance);
            }
        }
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
