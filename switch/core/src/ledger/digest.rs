//! A digest of the ledger (I7): equal for all who applied the same facts, each under the epoch of its frame.
//!
//! Each part is a sum over its entries, so that the order in which a table happens to hold them does not matter.
//!
//! Left out is only what says nothing: the numbers of open transactions and of their contents (an accident of the order
//! in which others closed), hash seeds, sums of what is in the digest one by one, the epoch of a fact that is still to
//! come, and the partition where there is one. Times of facts are not in the ledger at all: a frame carries one
//! for all its facts, so a restart knows them only that exactly; the ages of deliveries live in the schedule.

use std::fmt;

use holdfast_protocol::TransactionKey;
use xxhash_rust::xxh3::xxh3_64;

use super::follow_up_record::FollowUpRecord;
use super::record::TransactionRecord;
use super::remembered::key_of;
use super::state::{Ledger, Transaction};
use crate::ledger::participants::Participant;

/// Which way the digest is reckoned. A digest that was noted is compared with one of the same version only; a test holds
/// the digest of a fixed history, and whoever changes that raises this.
pub const DIGEST_VERSION: u32 = 2;

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
        (p.open, &p.in_doubt),
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
    if ledger.partitions > 1 {
        long_lived = long_lived.wrapping_add(entry(&(ledger.partition, ledger.partitions)));
    }
    for lease in ledger.leases.all() {
        long_lived = long_lived.wrapping_add(entry(&lease));
    }
    for p in ledger.participants.iter() {
        long_lived = long_lived.wrapping_add(participant(p));
    }
    for (_, t) in ledger.transactions.iter() {
        let content = t.content.map(|index| ledger.contents.get(index));
        long_lived = long_lived.wrapping_add(open_transaction(t, content));
    }
    for epoch in ledger.epochs_decided() {
        long_lived = long_lived.wrapping_add(entry(&epoch));
    }
    for (key, record) in ledger.remembered.long() {
        long_lived = long_lived.wrapping_add(transaction(*key, record));
    }
    for until in ledger.remembered.staying() {
        long_lived = long_lived.wrapping_add(entry(&until));
    }
    for refunded in ledger.remembered.refunds.originals() {
        long_lived = long_lived.wrapping_add(entry(&refunded));
    }
    for refund in ledger.remembered.refunds.refunds() {
        long_lived = long_lived.wrapping_add(entry(&refund));
    }
    let mut remembered = entry(&(ledger.remembered.forgotten_through(), ledger.remembered.len()));
    for (second, generation) in ledger.remembered.generations() {
        for record in generation.transactions() {
            let key = key_of(record.originator(), second, record.id_low());
            remembered = remembered.wrapping_add(transaction(key, record));
        }
        for record in generation.follow_ups() {
            let key = key_of(record.originator(), second, record.id_low());
            remembered = remembered.wrapping_add(follow_up(key, record));
        }
    }
    for ((who, id), extensions) in ledger.remembered.all_extensions() {
        let part = if ledger.remembered.is_long(*id) { &mut long_lived } else { &mut remembered };
        *part = part.wrapping_add(entry(&(who, id, extensions)));
    }
    Digest { long_lived, remembered }
}

/// One remembered transaction. There are tens of millions of them, so not by its debug form.
fn transaction(key: TransactionKey, record: &TransactionRecord) -> u64 {
    xxh3_64(&record.digested(key))
}

fn follow_up(key: TransactionKey, record: &FollowUpRecord) -> u64 {
    xxh3_64(&record.digested(key))
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{Epoch, Extensions, ParticipantNumber, RequestId, TransactionKey, UnixMillis};

    use super::*;
    use crate::fact::Fact;
    use crate::ledger::apply::apply;
    use crate::settings::Settings;

    fn ledger() -> Ledger {
        Ledger::new(&Settings::default())
    }

    fn key(rest: u128) -> TransactionKey {
        let created = UnixMillis::new(1_795_305_600_000).unwrap();
        TransactionKey { originator: ParticipantNumber::new(1).unwrap(), id: RequestId::new(created, rest) }
    }

    #[test]
    fn the_extensions_of_answers_are_in_it() {
        let (before, mut after) = (ledger(), ledger());
        let extensions = Extensions::from_wire(&[1, 0, 1, 0, 7]).unwrap();
        after.remembered.keep_extensions(key(1).originator, key(1).id, &extensions);
        assert_ne!(digest(&before).remembered, digest(&after).remembered);
    }

    #[test]
    fn how_long_a_closed_transaction_stays_is_in_it() {
        let mut ledgers = [ledger(), ledger()];
        let second = super::super::remembered::second_of(key(1).id);
        for (ledger, until) in ledgers.iter_mut().zip([second + 1, second + 2]) {
            ledger.remembered.forget(second);
            ledger.remembered.closed(key(1), until);
        }
        assert_ne!(digest(&ledgers[0]).long_lived, digest(&ledgers[1]).long_lived);
    }

    #[test]
    fn under_which_epoch_a_fact_was_decided_is_in_it_and_the_epoch_of_none_is_not() {
        let mut ledgers = [ledger(), ledger()];
        for (ledger, epoch) in ledgers.iter_mut().zip([3, 4]) {
            ledger.set_epoch(Epoch(epoch));
        }
        assert_eq!(digest(&ledgers[0]), digest(&ledgers[1]), "nothing was decided under either");
        for ledger in &mut ledgers {
            apply(ledger, &Fact::CutOver("2026-11-22".parse().unwrap()));
        }
        assert_ne!(digest(&ledgers[0]).long_lived, digest(&ledgers[1]).long_lived);
        // Epochs under which nothing was decided leave nothing behind.
        ledgers[0].set_epoch(Epoch(5));
        ledgers[0].set_epoch(Epoch(6));
        assert_eq!(ledgers[0].epochs_kept(), 2);
    }
}
