//! What left memory is found, over starts, power cuts, rot and trimming; or nothing is said of it. Never anything else.

use std::time::Duration;

use holdfast_core::input::Recalled;
use holdfast_journal::{Fault, IndexFile, IndexStorage, SegmentNumber, SnapshotSettings, Storage};
use holdfast_protocol::*;

use crate::course::{Course, START, number};
use crate::world::{EVERY_OTHER, World};

/// Looks up everything that ever left, and as many ids that there never were. How many were found, absent and not to be
/// said; what is said is checked by [`World::look_up`].
pub(crate) fn all(world: &mut World) -> [u64; 3] {
    let mut keys: Vec<TransactionKey> = world.course.left.keys().copied().collect();
    let never = |key: &TransactionKey| TransactionKey {
        id: RequestId::new(key.id.created(), u128::MAX >> 60),
        ..*key
    };
    keys.extend(keys.clone().iter().map(never));
    let mut said = [0; 3];
    for key in keys {
        match world.look_up(key) {
            Recalled::Found(_) => said[0] += 1,
            Recalled::Absent => said[1] += 1,
            Recalled::Unavailable => said[2] += 1,
        }
    }
    said
}

fn indexes(world: &World) -> Vec<IndexFile> {
    world.course.storage.list_indexes().unwrap().into_iter().filter(|file| file.finished).collect()
}

#[test]
fn everything_that_left_memory_is_found_over_starts_and_power_cuts() {
    for seed in 0..2 {
        let mut course = Course::new(seed);
        for round in 0..5 {
            let mut world = World::must_start(course, EVERY_OTHER);
            let [found, absent, unavailable] = all(&mut world);
            assert_eq!(unavailable, 0, "seed {seed}, round {round}");
            assert_eq!(found, absent);
            world.run(100);
            let [found, absent, unavailable] = all(&mut world);
            assert_eq!(
                (found, unavailable),
                (world.course.left.len() as u64, 0),
                "seed {seed}, round {round}"
            );
            assert_eq!(found, absent);
            course = world.course;
            course.storage.crash(seed * 10 + round);
        }
        let mut world = World::must_start(course, EVERY_OTHER);
        let counts = world.archive.counts();
        assert!(counts.indexes > 10 && counts.indexed > 200, "{counts:?}");
        assert!(counts.unindexed < counts.indexed / 2, "memory keeps only what is in no index: {counts:?}");
        let left = world.course.left.len() as u64;
        let again = world.course.left.values().filter(|left| left.len() > 1).count();
        assert!(again > 5, "some were recalled and left again: {again}");
        assert!(left > 400 && all(&mut world)[0] == left, "{left} left");
    }
}

#[test]
fn a_power_cut_at_any_operation_costs_no_answer() {
    for after in (0..220).step_by(13) {
        let mut world = World::must_start(Course::new(7), EVERY_OTHER);
        world.run(60);
        world.course.storage.set_fault(Fault::CutAfter(after));
        world.run(40);
        let course = world.course;
        course.storage.crash(after);
        let mut world = World::must_start(course, EVERY_OTHER);
        let [found, _, unavailable] = all(&mut world);
        assert_eq!((found, unavailable), (world.course.left.len() as u64, 0), "cut after {after}");
    }
}

#[test]
fn a_failed_operation_costs_the_index_until_the_next_and_no_answer() {
    for at in (1..200).step_by(19) {
        let mut world = World::must_start(Course::new(3), EVERY_OTHER);
        world.run(60);
        world.course.storage.set_fault(Fault::FailAt(at));
        world.run(60);
        if world.journal.failure().is_some() {
            continue;
        }
        let [found, _, unavailable] = all(&mut world);
        assert_eq!((found, unavailable), (world.course.left.len() as u64, 0), "failed at {at}");
    }
}

#[test]
fn a_rotten_bit_anywhere_costs_answers_and_changes_none() {
    let mut world = World::must_start(Course::new(11), EVERY_OTHER);
    world.run(220);
    let files = indexes(&world);
    let largest = files.iter().max_by_key(|file| file.bytes).unwrap();
    assert!(largest.bytes > 3 * 4_096, "it has a header, entries and a filter: {largest:?}");
    let mut course = world.course;
    let (mut silent, mut noticed) = (0, 0);
    let bytes = usize::try_from(largest.bytes).unwrap();
    for offset in (0..bytes).step_by(997) {
        course.storage.flip_index(largest.of, offset, (offset % 8) as u8);
        let mut world = World::must_start(course, EVERY_OTHER);
        let [_, _, unavailable] = all(&mut world);
        if unavailable == 0 {
            silent += 1
        } else {
            noticed += 1
        }
        assert_eq!(world.archive.counts().damaged > 0, unavailable > 0, "it is counted");
        course = world.course;
        course.storage.flip_index(largest.of, offset, (offset % 8) as u8);
    }
    // The rest of the header's block is zero, and nobody reads it.
    assert!(noticed > 3 && silent <= 4_096 / 997 + 1, "{noticed} noticed, {silent} not");
}

#[test]
fn a_missing_index_is_a_gap_and_what_is_younger_is_still_found() {
    let mut world = World::must_start(Course::new(5), EVERY_OTHER);
    world.run(260);
    let files = indexes(&world);
    let gone = files[files.len() / 2];
    world.course.storage.remove_index(gone).unwrap();
    world.course.storage.sync_directory().unwrap();
    let mut world = World::must_start(world.course, EVERY_OTHER);
    let [found, absent, unavailable] = all(&mut world);
    assert!(
        found > 50 && absent > 50 && unavailable > 50,
        "{found} found, {absent} absent, {unavailable} not said"
    );
    assert_eq!(world.archive.counts().damaged, 0);
    // From the journal it is made again, as it was.
    let done =
        holdfast_journal::archive::reindex_storage(&world.course.storage, &crate::world::core_settings());
    let done = done.unwrap().unwrap();
    assert!(done.made.contains(&gone.of) && done.kept > 3, "{done:?}");
    let mut world = World::must_start(world.course, EVERY_OTHER);
    assert_eq!(all(&mut world)[2], 0);
}

#[test]
fn beyond_the_retention_nothing_is_said() {
    let settings = SnapshotSettings {
        retention: Some(Duration::from_secs(1)),
        archive_retention: Some(Duration::from_secs(8)),
        ..EVERY_OTHER
    };
    let mut world = World::must_start(Course::new(9), settings);
    world.run(700);
    let files = indexes(&world);
    assert!(files[0].of > SegmentNumber(3), "some were removed");
    let mut world = World::must_start(world.course, settings);
    let [found, absent, unavailable] = all(&mut world);
    assert!(
        found > 20 && absent > 20 && unavailable > 20,
        "{found} found, {absent} absent, {unavailable} not said"
    );
    let first =
        TransactionKey { originator: number(1), id: RequestId::new(UnixMillis::new(START).unwrap(), 5) };
    assert_eq!(world.look_up(first), Recalled::Unavailable);
}

#[test]
fn an_index_of_another_journal_or_segment_is_none() {
    let mut world = World::must_start(Course::new(2), EVERY_OTHER);
    world.run(150);
    let files = indexes(&world);
    let (from, to) = (files[1], files[2]);
    let mut bytes = vec![0; usize::try_from(from.bytes).unwrap()];
    let storage = &world.course.storage;
    assert_eq!(storage.read_index(from.of, 0, &mut bytes).unwrap(), bytes.len());
    storage.begin_index(to.of).unwrap();
    storage.append_index(to.of, &bytes).unwrap();
    storage.name_index(to.of).unwrap();
    let mut world = World::must_start(world.course, EVERY_OTHER);
    assert_eq!(world.archive.counts().damaged, 1);
    assert!(all(&mut world)[2] > 0);
}

/// Memory is what is open, the ids of the window, what is not indexed yet, and what was recalled: none of them grows with
/// what has passed.
#[test]
fn memory_holds_no_more_the_longer_payments_pass() {
    let mut world = World::must_start(Course::new(13), EVERY_OTHER);
    let mut most = [[0; 3]; 3];
    for third in &mut most {
        for _ in 0..450 {
            assert!(world.turn());
            // As the thread of low priority does it where it has time.
            for _ in 0..4 {
                world.snapshot_step().unwrap();
            }
            let now = [world.core.remembered(), world.core.recalled_kept(), world.archive.counts().unindexed];
            third.iter_mut().zip(now).for_each(|(most, now)| *most = now.max(*most));
        }
    }
    let [_, second, third] = most;
    let indexed = world.archive.counts().indexed;
    assert!(indexed > third.iter().sum::<u64>(), "{indexed} passed, {third:?} were in memory");
    for (before, after) in second.iter().zip(third) {
        assert!(after <= before * 3 / 2 + 20, "it grows: {second:?}, then {third:?}");
    }
}
