//! Snapshots that are rotten, cut off, foreign or missing: never used, and never missed where the journal is whole.

use holdfast_journal::{ForgetfulStorage, OpenError, SegmentNumber, SnapshotStorage, Storage};

use crate::course::Course;
use crate::world::{EVERY_OTHER, World};

/// A course with two snapshots, at rest.
fn course(seed: u64) -> Course {
    let mut world = World::must_start(Course::new(seed), EVERY_OTHER);
    assert!(world.run(160) > 2, "enough snapshots are made");
    let course = world.course;
    course.storage.crash(seed);
    assert_eq!(snapshots(&course.storage).len(), 2, "two are kept");
    course
}

fn snapshots(storage: &ForgetfulStorage) -> Vec<SegmentNumber> {
    storage.list_snapshots().unwrap().into_iter().filter(|file| file.finished).map(|file| file.at).collect()
}

fn restart(course: Course) -> World {
    World::must_start(course, EVERY_OTHER)
}

#[test]
fn any_rotten_bit_makes_a_snapshot_unusable_and_the_one_before_it_is_used() {
    let mut course = course(1);
    let [older, newest] = snapshots(&course.storage)[..] else { panic!("two snapshots") };
    let bytes = usize::try_from(course.storage.list_snapshots().unwrap().last().unwrap().bytes).unwrap();
    for place in (0..bytes).step_by(bytes / 60).chain([bytes - 1]) {
        let bit = u8::try_from(place % 8).unwrap();
        course.storage.flip_snapshot(newest, place, bit);
        let world = restart(course);
        assert_eq!(
            (world.unusable.as_slice(), world.loaded),
            ([newest].as_slice(), Some(older)),
            "byte {place}"
        );
        course = world.course;
        course.storage.flip_snapshot(newest, place, bit);
    }
    assert_eq!(restart(course).loaded, Some(newest), "whole again, it is used again");
}

#[test]
fn with_both_rotten_the_whole_journal_is_read() {
    let course = course(2);
    for at in snapshots(&course.storage) {
        course.storage.flip_snapshot(at, 1_000, 2);
    }
    let mut world = restart(course);
    assert_eq!((world.unusable.len(), world.loaded), (2, None));
    // And the next snapshot is made without them, and takes their place.
    assert!(world.run(60) > 0);
    let course = world.course;
    course.storage.crash(9);
    assert!(restart(course).loaded.is_some());
}

#[test]
fn a_missing_snapshot_is_not_missed() {
    let course = course(3);
    for file in course.storage.list_snapshots().unwrap() {
        course.storage.remove_snapshot(file).unwrap();
    }
    course.storage.sync_directory().unwrap();
    assert_eq!(restart(course).loaded, None);
}

#[test]
fn a_snapshot_whose_segment_is_gone_says_that_facts_are_missing() {
    let course = course(4);
    let newest = *snapshots(&course.storage).last().unwrap();
    for segment in course.storage.list().unwrap().into_iter().rev().filter(|s| s.number >= newest) {
        course.storage.remove(segment.number).unwrap();
    }
    course.storage.sync_directory().unwrap();
    let error = World::must_not_start(course, EVERY_OTHER);
    assert!(matches!(error, OpenError::Corrupt { at, .. } if at.segment == newest), "{error}");
}

#[test]
fn a_snapshot_under_the_name_of_another_place_is_not_used() {
    let course = course(5);
    let newest = *snapshots(&course.storage).last().unwrap();
    let elsewhere = SegmentNumber(newest.0 - 1);
    let mut bytes = vec![0; 1 << 20];
    let read = course.storage.read_snapshot(newest, 0, &mut bytes).unwrap();
    for file in course.storage.list_snapshots().unwrap() {
        course.storage.remove_snapshot(file).unwrap();
    }
    course.storage.begin_snapshot(elsewhere).unwrap();
    course.storage.append_snapshot(elsewhere, &bytes[..read]).unwrap();
    course.storage.name_snapshot(elsewhere).unwrap();
    let world = restart(course);
    assert_eq!((world.unusable, world.loaded), (vec![elsewhere], None));
}
