//! Snapshots from outside: whatever becomes of them, the ledger after a start is what it was.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archived;
mod behind;
mod broken;
mod course;
mod cuts;
mod lasting;
mod repaired;
mod trimming;
mod verified;
mod world;

use holdfast_journal::{SegmentNumber, SnapshotSettings, SnapshotStep, SnapshotStorage};

use crate::course::Course;
use crate::world::{EVERY_OTHER, World, whole};

#[test]
fn a_start_from_a_snapshot_finds_what_the_whole_journal_tells() {
    for seed in 0..6 {
        let settings = SnapshotSettings { of_one_core: if seed % 2 == 0 { 1 } else { 3 }, ..EVERY_OTHER };
        let mut course = Course::new(seed);
        let mut made = 0;
        for round in 0..6 {
            let mut world = World::must_start(course, settings);
            assert_eq!(
                world.loaded.is_some(),
                made > 0,
                "seed {seed}, round {round}: a snapshot that is there is used"
            );
            assert!(world.unusable.is_empty(), "seed {seed}, round {round}");
            made += world.run(60);
            course = world.course;
            course.storage.crash(seed * 100 + round);
            let whole = whole(&course.storage);
            assert_eq!(whole.digest(), course.digests[&whole.sequence().0], "seed {seed}, round {round}");
        }
        assert!(made > 6, "seed {seed}: {made} snapshots were made");
    }
}

#[test]
fn a_start_reads_only_what_follows_the_snapshot() {
    let mut world = World::must_start(Course::new(3), EVERY_OTHER);
    assert!(world.run(200) > 3);
    let course = world.course;
    course.storage.crash(1);
    // What is behind it is not looked at: a rotten bit there is for the verification of the journal to find.
    let newest = course.storage.list_snapshots().unwrap().last().unwrap().at;
    let behind = holdfast_journal::Position { segment: SegmentNumber(newest.0 - 1), offset: 4_096 };
    course.storage.flip(behind, 3);
    let world = World::must_start(course, EVERY_OTHER);
    assert_eq!(world.loaded, Some(newest));
}

#[test]
fn without_snapshots_none_is_made() {
    let none = SnapshotSettings { segments_between: 0, ..EVERY_OTHER };
    let mut world = World::must_start(Course::new(4), none);
    assert_eq!(world.run(120), 0);
    assert!(world.journal.sealed() > SegmentNumber(4));
    assert_eq!(world.snapshot_step().unwrap(), SnapshotStep::Idle);
    assert!(world.course.storage.list_snapshots().unwrap().is_empty());
}

#[test]
fn snapshots_never_write_more_than_a_part_of_what_the_journal_does() {
    let seldom = SnapshotSettings { percent_of_its_size: 600, ..EVERY_OTHER };
    let (mut snapshot_bytes, mut last) = (0, None);
    let mut world = World::must_start(Course::new(5), seldom);
    for _ in 0..600 {
        assert!(world.turn());
        if let SnapshotStep::Made { bytes, .. } = world.snapshot_step().unwrap() {
            snapshot_bytes += last.replace(bytes).unwrap_or(0);
        }
    }
    let journal_bytes = world.journal.sealed().0 * crate::world::settings().segment_bytes;
    assert!(last.is_some() && snapshot_bytes * 6 <= journal_bytes, "{snapshot_bytes} of {journal_bytes}");
}

#[test]
fn a_snapshot_is_late_once_as_much_was_sealed_as_it_folds() {
    let mut world = World::must_start(Course::new(6), EVERY_OTHER);
    while world.snapshot_step().unwrap() == SnapshotStep::Idle {
        assert!(world.turn());
    }
    // It has begun, and folds what is sealed now.
    let begun = world.journal.sealed();
    assert!(!world.snapshotter.is_late(begun));
    while world.journal.sealed().0 < begun.0 * 2 {
        assert!(!world.snapshotter.is_late(world.journal.sealed()));
        assert!(world.turn());
    }
    assert!(world.snapshotter.is_late(world.journal.sealed()));
    while !matches!(world.snapshot_step().unwrap(), SnapshotStep::Made { .. }) {}
    assert!(!world.snapshotter.is_late(world.journal.sealed()), "nothing is in the making");
}

#[test]
fn a_core_that_lasts_is_late_once_as_much_waits_as_is_sealed_between_two() {
    let mut world = World::must_start(Course::new(6), SnapshotSettings { of_one_core: 8, ..EVERY_OTHER });
    while !matches!(world.snapshot_step().unwrap(), SnapshotStep::Made { .. }) {
        assert!(world.turn());
    }
    // It has folded everything, and a segment more is sealed.
    while world.snapshot_step().unwrap() != SnapshotStep::Idle {}
    let folded = world.journal.sealed();
    while world.journal.sealed() == folded {
        assert!(world.turn());
    }
    assert_eq!(world.snapshot_step().unwrap(), SnapshotStep::More, "it keeps up");
    let late_from = folded.0 + EVERY_OTHER.segments_between;
    while world.journal.sealed().0 < late_from {
        assert!(!world.snapshotter.is_late(world.journal.sealed()));
        assert!(world.turn());
    }
    assert!(world.snapshotter.is_late(world.journal.sealed()), "who folds it hurries");
    while world.snapshot_step().unwrap() != SnapshotStep::Idle {}
    assert!(!world.snapshotter.is_late(world.journal.sealed()), "nothing waits");
}
