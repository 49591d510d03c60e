//! A cut at the damage: what it would lose is said first, and what was before it starts.

use std::sync::Arc;

use holdfast_core::Core;
use holdfast_journal::repair::{Damage, cut, examine};
use holdfast_journal::{
    Fault, ForgetfulStorage, JournalId, OpenError, Position, Recovering, SegmentNumber, SnapshotStorage,
    Storage, recover_core,
};
use holdfast_protocol::Sequence;

use crate::course::Course;
use crate::world::{EVERY_OTHER, World, core_settings, settings, whole};

/// A course at rest with snapshots, all facts of which are in order, and its newest snapshot.
fn course(seed: u64) -> (Course, SegmentNumber) {
    let mut world = World::must_start(Course::new(seed), EVERY_OTHER);
    assert!(world.run(160) > 2);
    let course = world.course;
    course.storage.crash(seed);
    let newest = course.storage.list_snapshots().unwrap().last().unwrap().at;
    (course, newest)
}

fn looked_at(storage: &ForgetfulStorage) -> (Option<Damage>, u64) {
    let mut facts = 0;
    let damage = examine(storage, &mut |lost| {
        facts += u64::from(lost.count);
        Ok(())
    });
    (damage.unwrap(), facts)
}

/// Starts, and says up to which fact.
fn started(course: &Course) -> Result<Sequence, OpenError> {
    let storage = Arc::new(course.storage.clone());
    let recovering = Recovering {
        new_core: &mut || Core::new(core_settings()),
        apply: &mut |core, fact| core.apply_recovered(fact),
        news: &mut |_| (),
    };
    let opened = recover_core(storage, settings(), JournalId([9; 16]), course.now, recovering);
    opened.map(|(core, _)| core.sequence())
}

#[test]
fn a_journal_that_starts_has_no_damage_even_where_it_rots_behind_a_snapshot() {
    let (course, newest) = course(1);
    assert_eq!(looked_at(&course.storage), (None, 0));
    course.storage.flip(Position { segment: SegmentNumber(newest.0 - 1), offset: 4_096 }, 3);
    assert_eq!(looked_at(&course.storage), (None, 0));
}

#[test]
fn what_a_cut_would_lose_is_told_to_the_last_fact_and_the_rest_starts() {
    let (course, newest) = course(2);
    let last = whole(&course.storage).sequence();
    let at = Position { segment: newest, offset: 4_096 };
    course.storage.flip(Position { offset: at.offset + 140, ..at }, 1);
    assert!(matches!(started(&course), Err(OpenError::Corrupt { at: named, .. }) if named == at));
    let before = course.storage.operations();
    let (damage, facts) = looked_at(&course.storage);
    let damage = damage.expect("a start is refused");
    assert_eq!(course.storage.operations(), before, "looking changes nothing");
    let (first_lost, last_lost) = damage.sequences.unwrap();
    assert_eq!((damage.at, damage.unreadable_frames, last_lost), (at, 1, last));
    assert!(facts == damage.readable_facts && facts > 0 && facts <= last_lost.0 - first_lost.0);
    cut(&course.storage, &damage).unwrap();
    assert_eq!(looked_at(&course.storage), (None, 0));
    assert_eq!(started(&course).unwrap(), Sequence(first_lost.0 - 1));
}

#[test]
fn a_cut_within_a_segment_keeps_its_snapshot() {
    let (course, newest) = course(6);
    let at = Position { segment: newest, offset: 3 * 4_096 };
    course.storage.flip(Position { offset: at.offset + 140, ..at }, 1);
    let damage = looked_at(&course.storage).0.expect("a start is refused");
    assert_eq!((damage.at.segment, damage.snapshots.len()), (newest, 0));
    cut(&course.storage, &damage).unwrap();
    assert_eq!(looked_at(&course.storage).0, None);
    assert_eq!(started(&course).unwrap(), Sequence(damage.sequences.unwrap().0.0 - 1));
}

#[test]
fn a_missing_segment_costs_itself_and_all_after_it() {
    let (course, newest) = course(3);
    let missing = newest.next();
    assert!(course.storage.list().unwrap().iter().any(|segment| segment.number > missing));
    course.storage.remove(missing).unwrap();
    course.storage.sync_directory().unwrap();
    let damage = looked_at(&course.storage).0.expect("a start is refused");
    assert_eq!(damage.at, Position { segment: missing, offset: 0 });
    cut(&course.storage, &damage).unwrap();
    assert_eq!(looked_at(&course.storage).0, None);
    assert!(started(&course).is_ok());
}

#[test]
fn where_a_cut_would_leave_nothing_it_is_not_offered() {
    let (course, _) = course(4);
    for file in course.storage.list_snapshots().unwrap() {
        course.storage.remove_snapshot(file).unwrap();
    }
    course.storage.remove(SegmentNumber::FIRST).unwrap();
    course.storage.sync_directory().unwrap();
    let refused = examine(&course.storage, &mut |_| Ok(()));
    assert!(matches!(refused, Err(OpenError::Corrupt { .. })), "{refused:?}");
}

#[test]
fn a_cut_that_the_power_interrupts_can_be_made_again() {
    for operations in 0.. {
        let (course, newest) = course(5);
        let at = Position { segment: newest, offset: 4_096 };
        course.storage.flip(Position { offset: at.offset + 140, ..at }, 1);
        let damage = looked_at(&course.storage).0.expect("a start is refused");
        course.storage.set_fault(Fault::CutAfter(operations));
        let done = cut(&course.storage, &damage).is_ok();
        course.storage.crash(operations);
        if let Some(damage) = looked_at(&course.storage).0 {
            assert!(!done, "{operations}: it was cut");
            cut(&course.storage, &damage).unwrap();
        }
        assert_eq!(looked_at(&course.storage).0, None, "{operations}");
        assert!(started(&course).is_ok(), "{operations}");
        if done {
            assert!(operations > 2);
            return;
        }
    }
}

#[test]
fn a_cut_before_the_segment_of_a_rotten_snapshot_takes_that_snapshot_along() {
    let (course, newest) = course(7);
    let snapshots = course.storage.list_snapshots().unwrap();
    let older = snapshots[snapshots.len() - 2];
    assert!(older.finished && older.at < newest);
    // With the newest one sound, nothing before its segment is read by a start.
    let at = Position { segment: SegmentNumber(newest.0 - 1), offset: 4_096 };
    assert!(at.segment >= older.at);
    course.storage.flip(Position { offset: at.offset + 140, ..at }, 1);
    assert_eq!(looked_at(&course.storage), (None, 0));
    course.storage.flip_snapshot(newest, 200, 1);
    assert!(
        matches!(started(&course), Err(OpenError::Corrupt { at: named, .. }) if named.segment == at.segment)
    );
    let damage = looked_at(&course.storage).0.expect("a start is refused");
    let taken: Vec<_> = damage.snapshots.iter().map(|file| file.at).collect();
    assert_eq!((damage.at.segment, taken), (at.segment, vec![newest]));
    cut(&course.storage, &damage).unwrap();
    let left: Vec<_> = course.storage.list_snapshots().unwrap().into_iter().map(|file| file.at).collect();
    assert!(left.contains(&older.at) && !left.contains(&newest), "{left:?}");
    // Healed or not: what is cut off comes back from no snapshot.
    course.storage.flip_snapshot(newest, 200, 1);
    assert_eq!(looked_at(&course.storage).0, None);
    assert_eq!(started(&course).unwrap(), Sequence(damage.sequences.unwrap().0.0 - 1));
}
