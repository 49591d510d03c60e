//! What is behind the snapshots is removed when it is old enough, and never what a start may need.

use std::time::Duration;

use holdfast_journal::{
    Fault, IndexStorage, SegmentNumber, SnapshotSettings, SnapshotStep, SnapshotStorage, Storage, read_facts,
    read_storage,
};

use crate::course::Course;
use crate::world::{EVERY_OTHER, World};

fn trimming(retention: Duration) -> SnapshotSettings {
    SnapshotSettings { retention: Some(retention), ..EVERY_OTHER }
}

fn first(course: &Course) -> SegmentNumber {
    course.storage.list().unwrap().first().unwrap().number
}

#[test]
fn nothing_is_removed_unless_it_is_asked_for() {
    let mut world = World::must_start(Course::new(1), EVERY_OTHER);
    assert!(world.run(300) > 4);
    assert_eq!(first(&world.course), SegmentNumber::FIRST);
}

#[test]
fn what_is_old_and_behind_both_snapshots_goes_and_each_snapshot_is_enough_for_a_start() {
    for seed in 0..6 {
        let settings = trimming(Duration::from_secs(2));
        let mut course = Course::new(seed);
        for round in 0..5 {
            let mut world = World::must_start(course, settings);
            world.run(120);
            course = world.course;
            course.storage.crash(round);
            let kept: Vec<_> =
                course.storage.list_snapshots().unwrap().into_iter().filter(|f| f.finished).collect();
            assert!(
                first(&course) <= kept[0].at,
                "I1: a start from the older snapshot finds all that follows it"
            );
        }
        assert!(first(&course) > SegmentNumber(5), "seed {seed}: something was removed");
        // From the older one, with the newest gone bad.
        let newest = course.storage.list_snapshots().unwrap().last().unwrap().at;
        course.storage.flip_snapshot(newest, 900, 1);
        let world = World::must_start(course, settings);
        assert_eq!(world.unusable, [newest]);
        // And with both gone bad it refuses: what they stood for is nowhere else.
        let course = world.course;
        let older = course.storage.list_snapshots().unwrap()[0].at;
        course.storage.flip_snapshot(older, 900, 1);
        let error = World::must_not_start(course, settings);
        assert!(error.to_string().contains("no snapshot counts"), "{error}");
    }
}

#[test]
fn what_is_younger_than_the_retention_stays() {
    let settings = trimming(Duration::from_secs(86_400));
    let mut world = World::must_start(Course::new(7), settings);
    assert!(world.run(300) > 4);
    assert_eq!(first(&world.course), SegmentNumber::FIRST);
    // A day later it goes, as soon as the next snapshot is there, one segment a step.
    world.course.now = world.course.now.plus(86_400_000);
    let mut removed = Vec::new();
    for _ in 0..120 {
        assert!(world.turn());
        if let SnapshotStep::Trimmed(segment) = world.snapshot_step().unwrap() {
            removed.push(segment.0);
        }
    }
    assert!(removed.len() > 4 && removed.is_sorted() && removed[0] == 1, "{removed:?}");
}

#[test]
fn what_became_old_goes_without_another_snapshot() {
    let mut world = World::must_start(Course::new(7), trimming(Duration::from_secs(86_400)));
    assert!(world.run(300) > 4);
    while world.snapshot_step().unwrap() != SnapshotStep::Idle {}
    assert_eq!(first(&world.course), SegmentNumber::FIRST);
    // Nothing is sealed any more, as on a full disk.
    world.course.now = world.course.now.plus(86_400_000);
    let older = world.course.storage.list_snapshots().unwrap()[0].at;
    let mut removed = 0;
    while let SnapshotStep::Trimmed(_) = world.snapshot_step().unwrap() {
        removed += 1;
    }
    assert!(removed > 4, "{removed} were removed");
    assert_eq!(first(&world.course), older, "all before the older snapshot");
}

#[test]
fn what_a_failure_leaves_unfinished_takes_no_room() {
    let unfinished = |world: &World| {
        let snapshots = world.course.storage.list_snapshots().unwrap();
        let indexes = world.course.storage.list_indexes().unwrap();
        snapshots.iter().filter(|file| !file.finished).count()
            + indexes.iter().filter(|file| !file.finished).count()
    };
    let (mut failed, mut left) = (0, 0);
    for at in (1..60).step_by(3) {
        let mut world = World::must_start(Course::new(3), trimming(Duration::from_secs(86_400)));
        assert!(world.run(60) > 0);
        // Operations of the snapshotter alone.
        while world.journal.sealed().0.is_multiple_of(2)
            || world.snapshot_step().unwrap() != SnapshotStep::Idle
        {
            assert!(world.turn());
        }
        world.course.storage.set_fault(Fault::FailAt(at));
        while world.journal.failure().is_none() {
            match world.snapshot_step() {
                Ok(_) => assert!(world.turn() || world.journal.failure().is_some()),
                Err(_) => break,
            }
        }
        if world.journal.failure().is_some() {
            continue;
        }
        failed += 1;
        left += unfinished(&world);
        assert_eq!(world.snapshot_step().unwrap(), SnapshotStep::Idle, "it is tried later");
        assert_eq!(unfinished(&world), 0, "failed at {at}");
    }
    assert!(failed > 2 && left > 0, "{failed} tries failed and left {left} files");
}

#[test]
fn a_trimmed_journal_is_read_from_where_it_begins() {
    let mut world = World::must_start(Course::new(9), trimming(Duration::ZERO));
    world.run(300);
    let course = world.course;
    let mut found = Vec::new();
    let read = read_storage(&course.storage, &mut |facts| {
        read_facts(&facts, &mut |sequence, _| {
            found.push(sequence.0);
            Ok(())
        })
    });
    assert!(read.unwrap().is_some());
    assert!(found[0] > 1 && found.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(found.last(), Some(&course.durable));
}
