//! A digest of the ledger (I7): equal for all who applied the same facts.
//!
//! Each part is a sum over its entries, so that the order in which a table happens to hold them does not matter.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::record::Standing;
use super::remembered::key_of;
use super::state::{Ledger, Transaction};
use crate::ledger::participants::Participant;

/// Two parts: what lives long, and what is remembered for the window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Positions, limits, participants, routes, days, open transactions.
    pub long_lived: u64,
    /// The ids of the window.
    pub remembered: u64,
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.long_lived, self.remembered)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One entry by its debug form, which names every field.
fn entry(value: &impl fmt::Debug) -> u64 {
    xxh3_64(format!("{value:?}").as_bytes())
}

fn participant(p: &Participant) -> u64 {
    let mut positions = p.positions.clone();
    positions.sort_by_key(|position| position.currency);
    let mut usages: Vec<_> = p.usages.iter().collect();
    usages.sort_by_key(|usage| (usage.level, usage.currency));
    entry(&(
        &p.record,
        (p.status, p.removed),
        positions,
        usages,
        p.pending,
        p.unfinished,
        p.undelivered,
        p.open,
    ))
}

fn open_transaction(t: &Transaction, content: Option<&holdfast_protocol::Authorize>) -> u64 {
    // The number of the content is not content.
    let t = Transaction { content: None, ..t.clone() };
    // The second up to which it is remembered matters, the place in the slab does not.
    entry(&(t, content))
}

pub(crate) fn digest(ledger: &Ledger) -> Digest {
    let mut long_lived = entry(&(ledger.sequence, ledger.business_date, &ledger.days, ledger.pending));
    long_lived = long_lived.wrapping_add(entry(&ledger.routes.all()));
    for p in ledger.participants.iter() {
        long_lived = long_lived.wrapping_add(participant(p));
    }
    for (_, t) in ledger.transactions.iter() {
        let content = t.content.map(|index| ledger.contents.get(index));
        long_lived = long_lived.wrapping_add(open_transaction(t, content));
    }
    for (key, record) in ledger.remembered.long() {
        let standing = (record.digest(), record.fields(), standing(record.standing()));
        long_lived = long_lived.wrapping_add(entry(&(key, standing)));
    }
    let mut remembered = entry(&(ledger.remembered.forgotten_through(), ledger.remembered.len()));
    for (second, generation) in ledger.remembered.generations() {
        for record in generation.transactions() {
            let key = key_of(record.originator(), second, record.id_low());
            let standing = (record.digest(), record.fields(), standing(record.standing()));
            remembered = remembered.wrapping_add(entry(&(key, standing)));
        }
        for record in generation.follow_ups() {
            let key = key_of(record.originator(), second, record.id_low());
            remembered = remembered.wrapping_add(entry(&(key, record)));
        }
    }
    Digest { long_lived, remembered }
}

/// Without the number of the open transaction, which is an accident of the order of closings.
fn standing(standing: Standing) -> Option<super::record::Closed> {
    match standing {
        Standing::Open(_) => None,
        Standing::Closed(closed) => Some(closed),
    }
}
