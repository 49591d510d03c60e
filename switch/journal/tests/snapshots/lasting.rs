//! A core that lasts from one snapshot to the next: it makes the same ones, and what it made is loaded before anything is
//! trimmed behind it.

use std::time::Duration;

use holdfast_journal::{SegmentNumber, SnapshotSettings, SnapshotStep, SnapshotStorage, Storage};

use crate::course::Course;
use crate::world::{EVERY_OTHER, World, bytes_of};

/// Three snapshots of each core, and of the journal only what is needed.
const LASTING: SnapshotSettings =
    SnapshotSettings { of_one_core: 3, retention: Some(Duration::ZERO), ..EVERY_OTHER };

/// Turns until a snapshot is made and what follows it is done; at which segment it stands.
fn next(world: &mut World) -> SegmentNumber {
    let mut made = None;
    loop {
        assert!(world.turn());
        match world.snapshot_step().unwrap() {
            SnapshotStep::Made { at, .. } => made = Some(at),
            SnapshotStep::Idle if made.is_some() => return made.unwrap(),
            _ => {}
        }
    }
}

fn kept(world: &World) -> Vec<SegmentNumber> {
    let files = world.course.storage.list_snapshots().unwrap();
    files.into_iter().filter(|file| file.finished).map(|file| file.at).collect()
}

fn first(world: &World) -> SegmentNumber {
    world.course.storage.list().unwrap().first().unwrap().number
}

#[test]
fn it_makes_the_snapshots_that_one_which_is_loaded_each_time_makes() {
    for seed in 0..4 {
        let [lasting, loaded] = [LASTING.of_one_core, 1].map(|of_one_core| {
            let mut world =
                World::must_start(Course::new(seed), SnapshotSettings { of_one_core, ..EVERY_OTHER });
            assert!(world.run(240) > 6);
            let files = world.course.storage.list_snapshots().unwrap();
            let newest = files.into_iter().rfind(|file| file.finished).unwrap();
            let length = bytes_of(&world.course.storage, newest).len();
            // What is in it, by the digest: a start loads it and compares.
            world.course.storage.crash(seed);
            let world = World::must_start(world.course, EVERY_OTHER);
            assert_eq!(world.loaded, Some(newest.at));
            (newest.at, length, world.core.digest())
        });
        assert_eq!(lasting, loaded, "seed {seed}");
    }
}

#[test]
fn the_last_that_was_loaded_is_kept_and_the_journal_is_trimmed_behind_it() {
    let mut world = World::must_start(Course::new(2), LASTING);
    // Of the first core, which began with the first fact: none of its snapshots was loaded.
    let made: Vec<_> = (0..3).map(|_| next(&mut world)).collect();
    assert_eq!((kept(&world), first(&world)), (made[1..].to_vec(), SegmentNumber::FIRST));
    // The fourth is made of the third, which is loaded for it.
    let (tested, mut before) = (made[2], next(&mut world));
    assert_eq!((kept(&world), first(&world)), (vec![tested, before], tested));
    for _ in 0..2 {
        let newest = next(&mut world);
        assert_eq!((kept(&world), first(&world)), (vec![tested, before, newest], tested));
        before = newest;
    }
    // The seventh is made of the sixth.
    let newest = next(&mut world);
    assert_eq!((kept(&world), first(&world)), (vec![before, newest], before));
}

#[test]
fn one_that_went_bad_meanwhile_is_found_when_it_is_loaded_and_nothing_behind_it_was_trimmed() {
    let mut world = World::must_start(Course::new(3), LASTING);
    let made: Vec<_> = (0..6).map(|_| next(&mut world)).collect();
    let (tested, bad) = (made[2], made[5]);
    world.course.storage.flip_snapshot(bad, 900, 1);
    // The seventh would be made of it: it is made of the one before it instead.
    let newest = next(&mut world);
    assert_eq!((kept(&world), first(&world)), (vec![made[4], newest], made[4]));
    assert!(tested < made[4]);
    let course = world.course;
    course.storage.crash(1);
    course.storage.flip_snapshot(newest, 900, 1);
    let world = World::must_start(course, LASTING);
    assert_eq!((world.unusable.as_slice(), world.loaded), ([newest].as_slice(), Some(made[4])));
}

#[test]
fn after_a_failure_the_next_is_made_of_a_snapshot() {
    let mut world = World::must_start(Course::new(5), LASTING);
    for _ in 0..2 {
        next(&mut world);
    }
    // A snapshot is begun in the core of the last, and given up: what was folded is not in it twice.
    while world.snapshot_step().unwrap() == SnapshotStep::Idle {
        assert!(world.turn());
    }
    let segment = world.journal.sealed();
    let at = holdfast_journal::Position { segment, offset: 4_096 };
    world.course.storage.flip(at, 3);
    let broken = (0..100).find_map(|_| world.snapshot_step().err());
    assert!(broken.is_some(), "the flipped byte is read");
    world.course.storage.flip(at, 3);
    let newest = next(&mut world);
    assert_eq!(kept(&world).last(), Some(&newest));
    let course = world.course;
    course.storage.crash(1);
    let world = World::must_start(course, LASTING);
    assert_eq!(world.loaded, Some(newest));
}
