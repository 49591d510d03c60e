//! The power goes while segments are sealed and snapshots made, and every operation of a snapshot fails once.

use holdfast_journal::{Fault, SnapshotSettings, SnapshotStep};

use crate::course::Course;
use crate::world::{EVERY_OTHER, World};

const TURNS: u64 = 70;

/// A course with a snapshot, then one more run under a fault.
fn under(fault: Option<Fault>, seed: u64) -> (Course, u64, u64) {
    let trimming = SnapshotSettings { retention: Some(std::time::Duration::from_secs(1)), ..EVERY_OTHER };
    let mut world = World::must_start(Course::new(seed), trimming);
    assert!(world.run(50) > 0, "there is a snapshot before");
    let mut course = world.course;
    course.storage.crash(seed);
    let before = course.storage.operations();
    if let Some(fault) = fault {
        course.storage.set_fault(fault);
    }
    let mut made = 0;
    match World::start(course, trimming) {
        Ok(mut world) => {
            made = world.run(TURNS);
            course = world.course;
        }
        Err(refused) => course = refused.0,
    }
    let operations = course.storage.operations() - before;
    (course, operations, made)
}

#[test]
fn a_power_cut_leaves_a_ledger_that_is_what_it_was() {
    let (_, operations, made) = under(None, 7);
    assert!(made > 1 && operations > 150, "snapshots are made meanwhile: {made}, {operations} operations");
    // Not each of them: the operations of a snapshot each have their turn below.
    for after in (0..operations).step_by(7) {
        let (course, _, _) = under(Some(Fault::CutAfter(after)), 7);
        course.storage.crash(after);
        // Checks the ledger, and goes on.
        let mut world = World::must_start(course, EVERY_OTHER);
        assert!(world.unusable.is_empty(), "cut after {after}: a snapshot that has its name is whole");
        world.run(4);
    }
}

/// Operations that making a snapshot takes, and some more.
const OPERATIONS: u64 = 40;

/// Payments, and then a snapshot made under a fault. Whether it was made, or nothing was left to do; and whether a step
/// failed.
fn make_under(fault: Fault, seed: u64) -> (World, bool, bool) {
    let mut world = World::must_start(Course::new(seed), EVERY_OTHER);
    assert!(world.run(40) > 0, "there is a snapshot before");
    for _ in 0..15 {
        assert!(world.turn());
    }
    world.course.storage.set_fault(fault);
    for _ in 0..1_000 {
        match world.snapshot_step() {
            Ok(SnapshotStep::Made { .. }) => return (world, true, false),
            Ok(SnapshotStep::More | SnapshotStep::Indexed(_)) => {}
            Ok(SnapshotStep::Idle | SnapshotStep::Trimmed(_) | SnapshotStep::IndexTrimmed(_)) => {
                return (world, false, false);
            }
            Err(_) => return (world, false, true),
        }
    }
    panic!("making a snapshot comes to no end");
}

#[test]
fn a_power_cut_at_any_operation_of_a_snapshot_leaves_the_one_before_or_the_new_one() {
    let (mut old, mut new) = (0, 0);
    for after in 0..OPERATIONS {
        for seed in 0..4 {
            let (world, _, _) = make_under(Fault::CutAfter(after), seed);
            let at = world.journal.sealed().next();
            let course = world.course;
            course.storage.crash(after + 100 * seed);
            let world = World::must_start(course, EVERY_OTHER);
            assert!(world.unusable.is_empty(), "cut after {after}: a snapshot that has its name is whole");
            let loaded = world.loaded.expect("the one before counts at the least");
            if loaded == at { new += 1 } else { old += 1 }
        }
    }
    assert!(old > 10 && new > 10, "{old} starts from the old one, {new} from the new one");
}

#[test]
fn a_failure_while_a_snapshot_is_made_costs_the_snapshot_only() {
    let mut failures = 0;
    for at in 1..OPERATIONS {
        let (mut world, made, failed) = make_under(Fault::FailAt(at), 8);
        failures += u64::from(failed);
        world.course.storage.set_fault(Fault::FailAt(u64::MAX));
        // Payments go on, and a later snapshot is made.
        assert!(made || world.run(60) > 0, "failed at operation {at}");
        assert!(world.journal.failure().is_none());
        let course = world.course;
        course.storage.crash(at);
        World::must_start(course, EVERY_OTHER);
    }
    assert!(failures > 3, "operations of a snapshot failed: {failures}");
}

#[test]
fn syncs_that_lie_are_noticed() {
    let lost = (0..40_u64).filter(|seed| {
        let mut world = World::must_start(Course::new(*seed), EVERY_OTHER);
        world.course.storage.lie();
        world.run(80);
        let course = world.course;
        course.storage.crash(*seed);
        let started = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            World::start(course, EVERY_OTHER).is_ok()
        }));
        !started.unwrap_or(false)
    });
    assert!(lost.count() > 10, "without syncs these tests fail");
}
