//! The power goes at each operation with which old segments and old indexes are removed, and at each with which an index is
//! written: what is left has no gap, verifies, starts as what it was, and says nothing wrong.

use std::time::Duration;

use holdfast_journal::{
    Fault, IndexStorage, SegmentNumber, SnapshotSettings, SnapshotStep, SnapshotStorage, Storage,
    verify_storage,
};

use crate::archived::all;
use crate::course::Course;
use crate::world::{EVERY_OTHER, World};

const A_DAY: Duration = Duration::from_secs(86_400);

/// Steps of the snapshotter alone, until nothing is left to do or the power is off: how many did something, and whether it
/// is off.
fn steps(world: &mut World) -> (u64, bool) {
    let mut done = 0;
    loop {
        match world.snapshot_step() {
            Ok(SnapshotStep::Idle) => return (done, false),
            Ok(SnapshotStep::More) => {}
            Ok(_) => done += 1,
            Err(_) => return (done, true),
        }
    }
}

fn follow_each_other(numbers: &[SegmentNumber]) -> bool {
    numbers.windows(2).all(|pair| matches!(pair, [one, next] if one.next() == *next))
}

/// After a power cut: nothing that a start needs is gone, and no gap is in what is left.
fn restarted(course: Course, seed: u64, settings: SnapshotSettings) -> World {
    course.storage.crash(seed);
    let segments: Vec<_> = course.storage.list().unwrap().iter().map(|segment| segment.number).collect();
    assert!(follow_each_other(&segments), "{segments:?}");
    let indexes: Vec<_> = course.storage.list_indexes().unwrap();
    let indexes: Vec<_> = indexes.into_iter().filter(|file| file.finished).map(|file| file.of).collect();
    assert!(follow_each_other(&indexes), "{indexes:?}");
    let oldest = course.storage.list_snapshots().unwrap().into_iter().find(|file| file.finished).unwrap();
    assert!(segments[0] <= oldest.at, "a start from the oldest snapshot finds what follows it");
    let verified = verify_storage(&course.storage).unwrap().unwrap();
    assert!(verified.snapshots.iter().all(|snapshot| snapshot.counts.is_ok()), "{verified}");
    // Checks that what was durable is there, and the ledger what it was.
    let world = World::must_start(course, settings);
    assert!(world.unusable.is_empty());
    assert_eq!(world.archive.counts().damaged, 0);
    world
}

/// Payments, and nothing left to do; then segments, indexes or both become old.
fn a_day_later(seed: u64, settings: SnapshotSettings) -> World {
    let mut world = World::must_start(Course::new(seed), settings);
    assert!(world.run(130) > 3);
    steps(&mut world);
    assert_eq!(world.course.storage.list().unwrap()[0].number, SegmentNumber::FIRST);
    world.course.now = world.course.now.plus(86_400_000);
    world
}

/// Cuts the power after none, one, two and more operations of the snapshotter, until it does all without being cut. `ready` makes
/// a world that has something to do, `check` looks at what it is after a start.
fn cut_at_each(settings: SnapshotSettings, ready: &dyn Fn(u64) -> World, check: &dyn Fn(World)) {
    for after in 0..200 {
        let mut world = ready(after);
        world.course.storage.set_fault(Fault::CutAfter(after));
        let (done, is_cut) = steps(&mut world);
        check(restarted(world.course, after, settings));
        if !is_cut {
            assert!(done > 3 && after > 6, "{done} steps did something, in {after} operations");
            return;
        }
    }
    panic!("it comes to no end");
}

fn is_all_found(world: &mut World) {
    let [found, _, unavailable] = all(world);
    assert_eq!((found, unavailable), (world.course.left.len() as u64, 0));
}

#[test]
fn a_power_cut_at_any_operation_that_removes_segments_loses_nothing() {
    let settings = SnapshotSettings { retention: Some(A_DAY), ..EVERY_OTHER };
    cut_at_each(settings, &|seed| a_day_later(seed, settings), &|mut world| {
        is_all_found(&mut world);
        // What is left to remove goes with the next snapshots.
        assert!(world.run(60) > 0);
        assert!(world.course.storage.list().unwrap()[0].number > SegmentNumber::FIRST);
        is_all_found(&mut world);
    });
}

#[test]
fn a_power_cut_at_any_operation_that_removes_indexes_leaves_no_gap() {
    let retention = Some(A_DAY.saturating_mul(1_000));
    let settings = SnapshotSettings { retention, archive_retention: Some(A_DAY), ..EVERY_OTHER };
    cut_at_each(settings, &|seed| a_day_later(seed, settings), &|mut world| {
        // Each look-up checks what is found; of what was in a removed index nothing is said.
        all(&mut world);
        assert!(world.run(60) > 0);
        assert!(world.course.storage.list_indexes().unwrap()[0].of > SegmentNumber::FIRST);
        all(&mut world);
    });
}

#[test]
fn a_power_cut_at_any_operation_that_writes_indexes_loses_nothing() {
    let ready = |seed| {
        let mut world = World::must_start(Course::new(seed), EVERY_OTHER);
        assert!(world.run(40) > 0);
        let folded = world.journal.sealed().0;
        while world.journal.sealed().0 < folded + 3 {
            assert!(world.turn());
        }
        world
    };
    cut_at_each(EVERY_OTHER, &ready, &|mut world| {
        is_all_found(&mut world);
        assert!(world.run(20) > 0);
        is_all_found(&mut world);
    });
}
