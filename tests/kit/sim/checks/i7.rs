//! I7: the ledger is a fold of facts: a restart, a replica and the live core with the same facts have the same digest.

use holdfast_core::Core;
use holdfast_journal::record;

use crate::sim::log::Decided;
use crate::sim::violation::{Verdict, Violation, ensure};

/// What was recovered is the fold of what was decided. What the crash undid was decided by nobody any more.
pub(crate) fn is_fold_of_decided(core: &Core, decided: &mut Decided) -> Verdict {
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
    let (recovered, again) = (core.digest(), replica.digest());
    ensure!("I7", recovered == again, "recovered {recovered}, the facts as decided {again}");
    Ok(())
}

/// The core that was lost and the one that was recovered have the same digest where they have the same facts.
pub(crate) fn same_as_live(live: (u64, String), core: &Core) -> Verdict {
    let (sequence, digest) = live;
    let now = core.digest().to_string();
    let same = sequence != core.sequence().0 || digest == now;
    ensure!("I7", same, "the core that decided had {digest}, the recovered has {now}");
    Ok(())
}
