//! Snapshots: the ledger taken apart and put together again is the same ledger, at every moment of any history.

use proptest::prelude::*;

use super::random::{config, line, play};
use super::restart::through_a_snapshot;
use super::world::check;
use crate::Core;
use crate::ledger::DIGEST_VERSION;
use crate::snapshot::{Entry, NoLedger, Restoring};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_snapshot_of_any_moment_and_the_rest_make_the_same_ledger(lines in prop::collection::vec(line(), 1..80)) {
        let (world, _) = play(&lines);
        let facts = world.journal.len();
        let mut whole = Core::new(world.settings.clone());
        for cut in 0..=facts {
            let mut core = through_a_snapshot(&whole, &world.settings);
            prop_assert_eq!(core.digest(), whole.digest(), "after {} facts", cut);
            // A snapshot of a snapshot is the same again.
            let again = through_a_snapshot(&core, &world.settings);
            prop_assert_eq!(entries(&again), entries(&core));
            world.fold(&mut core, cut, facts);
            prop_assert_eq!(core.digest(), world.core.digest(), "with the rest after {} facts", cut);
            world.fold(&mut whole, cut, (cut + 1).min(facts));
        }
    }

    #[test]
    fn entries_left_out_or_doubled_are_refused_or_make_another_ledger(
        lines in prop::collection::vec(line(), 20..60),
        at in any::<prop::sample::Index>(),
        doubled in any::<bool>(),
    ) {
        let (world, _) = play(&lines);
        let all = entries(&world.core);
        let mut changed = all.clone();
        let at = at.index(all.len());
        if doubled {
            changed.insert(at, all[at].clone());
        } else {
            changed.remove(at);
        }
        let mut restoring = Restoring::new(Core::new(world.settings.clone()));
        let added: Result<(), NoLedger> = changed.into_iter().try_for_each(|entry| restoring.add(entry));
        if let Ok(core) = added.and_then(|()| restoring.finish()) {
            // A day that pending work brings along, the same routes again: nothing is lost by those.
            prop_assert!(entries(&core) == all || core.digest() != world.core.digest());
        }
    }
}

fn entries(core: &Core) -> Vec<Entry> {
    let mut entries = Vec::new();
    let taken: Result<(), NoLedger> = core.entries(&mut |entry| {
        entries.push(entry);
        Ok(())
    });
    taken.unwrap();
    entries
}

#[test]
fn what_was_decided_before_a_snapshot_is_repeated_after_it() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        authorize A 11 m@D 50.00 reserve many hold=40000 -> D authorize A/11 50.00
        answer D A/11 approved   -> A 11 approved 50.00 Held
        capture A 12 of 11 20.00 -> A 12 approved 20.00 Held, D capture 20.00 A/11 #1
        cutover 2026-11-23
        cutover 2026-11-24
        cutover 2026-11-25
        cutover 2026-11-26
        cutover 2026-11-27
        cutover 2026-11-28
        cutover 2026-11-29
        restart
        link up A
        link up D                -> D capture 20.00 A/11 #1 again
        authorize A 10 m@B 50.00 -> A 10 approved 50.00 Captured
        capture A 12 of 11 20.00 -> A 12 approved 20.00 Held
        authorize A 10 m@B 60.00 -> A 10 refused IdReusedOtherAmount
        show A                   -> held=30.00 debits=70.00 credits=0.00
        ",
    );
}

#[test]
fn a_refund_that_is_pending_is_pending_after_a_snapshot() {
    let lines = [
        "authorize A 1 m@B 50.00",
        "answer B A/1 approved",
        "refund A 12 of 1 20.00",
        "refund A 13 of 1 10.00",
    ];
    let lines: Vec<String> = lines.map(str::to_owned).to_vec();
    let (world, _) = play(&lines);
    assert_eq!(world.core.pending(), 2);
    let core = through_a_snapshot(&world.core, &world.settings);
    assert_eq!(core.digest(), world.core.digest());
}

/// A digest that is noted beside a snapshot is compared by later versions of the program.
#[test]
fn the_digest_of_a_fixed_history_is_what_it_was() {
    let lines: Vec<String> = [
        "authorize A 1 m@B 50.00",
        "answer B A/1 approved",
        "authorize A 2 m@D 50.00 reserve many hold=40000",
        "answer D A/2 approved",
        "capture A 100 of 2 20.00",
        "reverse A 101 of 1 to=m@B",
        "reverse A 102 of 9 to=m@D",
        "authorize A 3 m@X 1.00",
    ]
    .map(str::to_owned)
    .to_vec();
    let (world, _) = play(&lines);
    let digest = world.core.digest().to_string();
    assert_eq!(
        (DIGEST_VERSION, digest.as_str()),
        (2, "be51237360c01887-192f4730233d7cb8"),
        "raise DIGEST_VERSION with it"
    );
}
