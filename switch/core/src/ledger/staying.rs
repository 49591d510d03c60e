//! Closed transactions that stay beyond their own second, because a younger request names them: a repeat of that says how
//! they stand now (rule 13).
//!
//! Each goes with the youngest second that names it, and no sooner. Which that is follows from facts alone (I7).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;
use holdfast_protocol::TransactionKey;

use super::remembered::second_of;

/// See the module.
#[derive(Debug)]
pub(super) struct Staying {
    until: HashMap<TransactionKey, u64, FixedState>,
    /// Those that go with a second.
    by_last: BTreeMap<u64, BTreeSet<TransactionKey>>,
    /// Those of a second that is not forgotten yet.
    by_own: BTreeMap<u64, BTreeSet<TransactionKey>>,
}

impl Staying {
    pub(super) const fn new(hasher: FixedState) -> Self {
        Self { until: HashMap::with_hasher(hasher), by_last: BTreeMap::new(), by_own: BTreeMap::new() }
    }

    /// A transaction stays until a second, or longer where it did.
    pub(super) fn keep(&mut self, key: TransactionKey, until: u64, forgotten_through: u64) {
        let before = self.until.get(&key).copied();
        if before.is_some_and(|before| before >= until) {
            return;
        }
        if let Some(before) = before
            && let Some(keys) = self.by_last.get_mut(&before)
        {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_last.remove(&before);
            }
        }
        self.until.insert(key, until);
        self.by_last.entry(until).or_default().insert(key);
        let own = second_of(key.id);
        if own > forgotten_through {
            self.by_own.entry(own).or_default().insert(key);
        }
    }

    pub(super) fn contains(&self, key: TransactionKey) -> bool {
        self.until.contains_key(&key)
    }

    /// Those of a second that is forgotten now, and that stay.
    pub(super) fn take_own(&mut self, second: u64) -> BTreeSet<TransactionKey> {
        self.by_own.remove(&second).unwrap_or_default()
    }

    /// Those that go with a second that is forgotten now, second by second.
    pub(super) fn take_last(&mut self, through: u64) -> Option<BTreeSet<TransactionKey>> {
        let first = self.by_last.first_entry().filter(|entry| *entry.key() <= through)?;
        let keys = first.remove();
        for key in &keys {
            self.until.remove(key);
        }
        Some(keys)
    }

    /// The second with which the first of them go.
    pub(super) fn first_last(&self) -> Option<u64> {
        self.by_last.first_key_value().map(|(second, _)| *second)
    }

    /// Which go with which second.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&u64, &BTreeSet<TransactionKey>)> {
        self.by_last.iter()
    }
}
