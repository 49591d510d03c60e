//! What the verification of a journal says of its snapshots.

use std::time::Duration;

use holdfast_journal::{
    ForgetfulStorage, OpenError, SegmentNumber, SnapshotSettings, SnapshotStorage, Storage, verify_storage,
};

use crate::course::Course;
use crate::world::{EVERY_OTHER, World, bytes_of};

fn course(seed: u64, settings: SnapshotSettings) -> Course {
    let mut world = World::must_start(Course::new(seed), settings);
    assert!(world.run(250) > 3);
    let course = world.course;
    course.storage.crash(seed);
    course
}

#[test]
fn snapshots_of_a_whole_and_of_a_trimmed_journal_agree_with_it() {
    let trimming = SnapshotSettings { retention: Some(Duration::ZERO), ..EVERY_OTHER };
    for (settings, trimmed) in [(EVERY_OTHER, false), (trimming, true)] {
        let course = course(1, settings);
        let verified = verify_storage(&course.storage).unwrap().unwrap();
        assert_eq!(verified.first != SegmentNumber::FIRST, trimmed);
        assert_eq!(verified.snapshots.len(), 2);
        for snapshot in &verified.snapshots {
            let last = snapshot.counts.clone().unwrap();
            assert!(last.0 > 0 && last.0 < course.durable);
        }
        let said = verified.to_string();
        assert_eq!(said.contains("trimmed"), trimmed, "{said}");
        assert_eq!(said.matches("agrees with the").count(), 2, "{said}");
    }
}

#[test]
fn a_rotten_snapshot_is_named_and_a_trimmed_journal_without_one_that_counts_is_a_fault() {
    let rot = |storage: &ForgetfulStorage, which: usize| {
        let at = storage.list_snapshots().unwrap()[which].at;
        storage.flip_snapshot(at, 700, 5);
        at
    };
    let course = course(2, SnapshotSettings { retention: Some(Duration::ZERO), ..EVERY_OTHER });
    let newest = rot(&course.storage, 1);
    let verified = verify_storage(&course.storage).unwrap().unwrap();
    assert_eq!((verified.snapshots[1].at, verified.snapshots[1].counts.is_err()), (newest, true));
    assert!(verified.to_string().contains("is not used"));
    rot(&course.storage, 0);
    let error = verify_storage(&course.storage).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[test]
fn a_snapshot_that_counts_and_says_other_than_the_journal_is_a_fault() {
    // Two courses of one journal id: the snapshot of one beside the segments of the other.
    let (one, other) = (course(3, EVERY_OTHER), course(4, EVERY_OTHER));
    let foreign = *one.storage.list_snapshots().unwrap().last().unwrap();
    for file in other.storage.list_snapshots().unwrap() {
        other.storage.remove_snapshot(file).unwrap();
    }
    other.storage.begin_snapshot(foreign.at).unwrap();
    other.storage.append_snapshot(foreign.at, &bytes_of(&one.storage, foreign)).unwrap();
    other.storage.name_snapshot(foreign.at).unwrap();
    other.storage.sync_directory().unwrap();
    let error = verify_storage(&other.storage).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { at, .. } if at.segment == foreign.at), "{error}");
    // And a start from it finds that the journal does not go on where it ends.
    let error = World::must_not_start(other, EVERY_OTHER);
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}
