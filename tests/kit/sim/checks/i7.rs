//! I7: the ledger is a fold of facts: a restart, a replica and the live core with the same facts have the same content,
//! entry by entry, and the same digest.
//!
//! The digest alone would not do: one that leaves something out says the same of two ledgers that differ.

use holdfast_core::Core;
use holdfast_core::snapshot::Entry;
use holdfast_journal::record;
use holdfast_protocol::{Sequence, TransactionKey, UnixMillis};

use crate::sim::log::Decided;
use crate::sim::planted::{self, Planted};
use crate::sim::violation::{Verdict, Violation, ensure};

/// Where an entry stands among the others, whatever order a table holds them in.
type Place = (u8, u64, Option<TransactionKey>);

/// All that a ledger holds, and its digest.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) sequence: Sequence,
    digest: String,
    entries: Vec<(Place, Entry)>,
}

fn place(entry: &Entry) -> Place {
    match entry {
        Entry::Beginning(_) => (0, 0, None),
        Entry::Participant(entry) => (1, u64::from(entry.record.number.get()), None),
        Entry::Founded(..) => (0, 1, None),
        Entry::Lease(lease) => {
            let of = u64::from(lease.debtor.get()) << 32 | u64::from(lease.currency.number()) << 16;
            (1, 1 << 48 | of | u64::from(lease.other.0), None)
        }
        Entry::Routes(_) => (2, 0, None),
        Entry::Epoch(from, _) => (3, from.0, None),
        // In their order as they come.
        Entry::Day(_) => (4, 0, None),
        Entry::Open(entry) => (5, 0, Some(entry.transaction.key)),
        Entry::Closed(entry) => (6, 0, Some(entry.key)),
        Entry::FollowUp(parts) => (7, 0, Some(parts.key)),
        Entry::ClosedUntil(second, keys) => (8, *second, keys.first().copied()),
        Entry::Extensions(originator, id, _) => {
            (9, 0, Some(TransactionKey { originator: *originator, id: *id }))
        }
    }
}

/// Without what no fact says: times are those of frames, and tables of a participant have no order.
fn as_facts_say(mut entry: Entry) -> Entry {
    match &mut entry {
        Entry::Beginning(beginning) => beginning.time = UnixMillis::default(),
        Entry::Participant(participant) => {
            participant.positions.sort_by_key(|position| position.currency);
            participant.usages.sort_by_key(|usage| (usage.level, usage.currency));
        }
        Entry::Open(open) => open.waits_since = None,
        _ => {}
    }
    entry
}

impl Contents {
    pub(crate) fn of(core: &Core, planted: Option<Planted>) -> Self {
        let mut entries = Vec::new();
        let all = core.entries::<()>(&mut |entry| {
            entries.push((place(&entry), as_facts_say(entry)));
            Ok(())
        });
        assert!(all.is_ok(), "nothing stops it");
        entries.sort_by_key(|(place, _)| *place);
        Self { sequence: core.sequence(), digest: planted::digest(core, planted), entries }
    }

    /// `self` being what `whose` has, and `recovered` what is there after a restart.
    pub(crate) fn same_as(&self, recovered: &Self, whose: &str) -> Verdict {
        let (first, second) = (&self.digest, &recovered.digest);
        ensure!("I7", first == second, "{whose} has the digest {first}, what was recovered {second}");
        let both = self.entries.iter().zip(&recovered.entries);
        let differing = both.into_iter().find(|(one, other)| one != other);
        ensure!("I7", differing.is_none(), "{whose} and what was recovered differ: {differing:?}");
        let (first, second) = (self.entries.len(), recovered.entries.len());
        ensure!("I7", first == second, "{whose} has {first} entries, what was recovered {second}");
        Ok(())
    }
}

/// What was recovered is the fold of what was decided. What the crash undid was decided by nobody any more.
pub(crate) fn is_fold_of_decided(core: &Core, decided: &mut Decided, planted: Option<Planted>) -> Verdict {
    let recovered = core.sequence();
    let kept = decided.replica.sequence();
    ensure!("I1", kept <= recovered, "{kept:?} was recovered before, now {recovered:?}");
    let Decided { replica, batches, journaled } = decided;
    batches.retain(|(_, batch)| batch.last() <= recovered);
    for (epoch, batch) in batches.drain(..) {
        ensure!("I7", batch.first == replica.sequence().next(), "a gap before {:?}", batch.first);
        replica.set_epoch(epoch);
        let mut rest = &batch.bytes[..];
        for _ in 0..batch.count {
            let fact = record::read(&mut rest).map_err(|error| Violation::new("I7", error.to_string()))?;
            replica.apply_recovered(&fact);
            journaled.note(&fact);
        }
    }
    let decided = replica.sequence();
    ensure!(
        "I7",
        recovered == decided,
        "{recovered:?} was recovered, of what was decided that is {decided:?}"
    );
    Contents::of(replica, planted).same_as(&Contents::of(core, planted), "who folds the facts as decided")
}
