//! A journal that holds another run, too, as close as a moment before or after: nobody's word about that one is missing, and what nobody
//! asked for within the run is found all the same.

use holdfast_audit::Report;
use holdfast_audit::history::Kind;
use holdfast_audit::history::record::flag;

use crate::world::World;

fn audit(world: &World) -> Report {
    world.audit().expect("the world is readable")
}

fn classes(report: &Report) -> Vec<&'static str> {
    report.findings_by_class.keys().copied().collect()
}

fn of_another_run(report: &Report, count: u64) {
    assert_eq!(classes(report), ["not-covered"], "{report}");
    assert_eq!((report.findings_total, report.tally.not_covered), (1, count), "{report}");
    assert!(report.findings[0].what.contains(&format!("holds {count} transactions")), "{report}");
}

#[test]
fn other_times_that_are_known_of_are_a_note_and_no_finding() {
    let mut world = World::new();
    world.pay_approved();
    world.histories_begin_after(MOMENT_MS);
    world.pay_approved();
    world.drained();
    let report = audit(&world);
    assert!(report.to_string().ends_with("audit: faulty, 1 finding\n"), "{report}");
    let excused = report.excuse_other_times();
    assert_eq!(
        (excused.verdict, excused.findings_total, excused.is_clean()),
        ("clean", 0, true),
        "{excused}"
    );
    let text = excused.to_string();
    assert!(text.ends_with("audit: clean\n") && !text.contains("not-covered"), "{text}");
    assert!(text.contains("note: transactions of other times in the journal, which no history here covers, are not judged: 1"), "{text}");
    let twice = excused.excuse_other_times();
    assert_eq!(twice.notes.len(), 1, "{twice}");
}

/// How far apart two runs of one script are, within the second by which clocks may differ.
const MOMENT_MS: u64 = 3;

#[test]
fn a_run_that_ended_a_moment_before_is_one_finding_and_no_phantom() {
    let mut world = World::new();
    world.pay_approved();
    world.pay_declined_at_once();
    world.histories_begin_after(MOMENT_MS);
    world.pay_approved();
    world.drained();
    of_another_run(&audit(&world), 2);
}

#[test]
fn a_run_that_began_a_moment_after_is_one_finding_and_no_phantom() {
    let mut world = World::new();
    world.pay_approved();
    world.drained();
    let (operator, destination) = (world.operator.clone(), world.destination.clone());
    world.wait(MOMENT_MS);
    world.pay_approved();
    world.pay_declined_at_once();
    (world.operator, world.destination) = (operator, destination);
    of_another_run(&audit(&world), 2);
}

#[test]
fn what_nobody_asked_for_right_after_the_beginning_and_right_before_the_end_is_a_phantom() {
    let mut world = World::new();
    world.pay_declined_at_once();
    world.histories_begin_after(MOMENT_MS);
    // Nobody wrote down the first and the last; the one between is as it should be.
    world.pay_declined_at_once();
    world.operator.clear();
    world.pay_approved();
    let operator = world.operator.clone();
    world.pay_declined_at_once();
    world.operator = operator;
    world.drained();
    let report = audit(&world);
    assert_eq!(classes(&report), ["not-covered", "phantom"], "{report}");
    assert_eq!((report.findings_by_class["phantom"], report.tally.not_covered), (2, 1), "{report}");
}

#[test]
fn a_clock_that_is_set_back_takes_no_request_out_of_the_run_that_made_it() {
    let mut world = World::new();
    world.pay_approved();
    world.drained();
    // The history says that it began after its own first id was made, and ended before its last.
    world.begun_ms += 40;
    let ended = world.operator.last_mut().expect("drained");
    ended.time_ms -= 2;
    let report = audit(&world);
    assert_eq!(report.tally.not_covered, 0, "{report}");
    world.operator.retain(|record| record.id == 0);
    assert!(classes(&audit(&world)).contains(&"phantom"), "a destination's word is none of another run");
}

#[test]
fn without_a_history_of_the_operator_the_destination_s_decides() {
    let mut world = World::new();
    world.pay_approved();
    world.histories_begin_after(MOMENT_MS);
    world.pay_approved();
    world.destination.clear();
    world.without_operator = true;
    let report = audit(&world);
    assert_eq!((report.findings_by_class["phantom"], report.tally.not_covered), (1, 1), "{report}");
}

#[test]
fn what_another_run_left_open_is_delivered_in_this_one_and_no_phantom() {
    let mut world = World::new();
    let mut hold = world.reserved(2, 1_000, 1_000);
    let mut forgotten = world.authorize(1, 900);
    world.reserve(&forgotten);
    world.histories_begin_after(MOMENT_MS);
    world.expire(&mut hold);
    // The forward comes again, now with its flag; what is new in this run has none.
    world.receive(&forgotten, 2);
    world.time_out(&mut forgotten);
    world.pay_approved();
    world.drained();
    of_another_run(&audit(&world), 2);
    let mut new = world.clone();
    let repeat =
        new.destination.iter_mut().find(|r| r.kind == Kind::Received && r.id == forgotten.id).unwrap();
    repeat.flags = flag::APPLIED;
    assert!(classes(&audit(&new)).contains(&"phantom"), "nobody asked for what is new");
}

#[test]
fn what_a_destination_did_after_its_history_is_not_missed_there_and_before_its_end_is() {
    let told = |kept: fn(&mut World)| {
        let mut world = World::new();
        let mut hold = world.reserved(2, 1_000, 1_000);
        let asked = world.authorize(1, 800);
        world.forward(&asked);
        kept(&mut world);
        let destination = world.destination.clone();
        // Another run's destination answers and acknowledges.
        world.answer(&asked, 2, 101, 0);
        world.declined(&asked);
        world.expire(&mut hold);
        world.destination = destination;
        audit(&world)
    };
    let report = told(World::closed);
    assert!(!classes(&report).contains(&"phantom"), "{report}");
    let report = told(|_| {});
    assert_eq!(report.findings_by_class["phantom"], 2, "the answer and the acknowledgement: {report}");
}

#[test]
fn what_nobody_of_this_run_asked_for_is_a_phantom_though_it_is_about_another_run_s_hold() {
    let mut world = World::new();
    let mut hold = world.reserved(2, 1_000, 1_000);
    world.histories_begin_after(MOMENT_MS);
    world.capture(&mut hold, 1_000, true, 4);
    // The capture's id was made within the run, and no operator sent it.
    world.operator.clear();
    world.pay_approved();
    world.drained();
    let report = audit(&world);
    assert!(classes(&report).contains(&"phantom"), "{report}");
}

#[test]
fn what_another_run_left_open_is_still_applied_once_and_as_it_was_decided() {
    let left = |spoil: fn(&mut World)| {
        let mut world = World::new();
        let mut hold = world.reserved(2, 1_000, 1_000);
        world.histories_begin_after(MOMENT_MS);
        world.expire(&mut hold);
        spoil(&mut world);
        world.pay_approved();
        world.drained();
        let report = audit(&world);
        classes(&report)
    };
    assert_eq!(left(|_| {}), ["not-covered"]);
    assert!(
        left(|world| {
            let at = world.destination.iter().position(|record| record.kind == Kind::Delivered).unwrap();
            let mut again = world.destination[at];
            again.flags |= flag::REPEAT;
            world.destination.insert(at + 1, again);
        })
        .contains(&"applied-twice")
    );
    assert!(
        left(|world| {
            let expiry = world.destination.iter_mut().find(|record| record.kind == Kind::Delivered).unwrap();
            expiry.delivery += 1;
        })
        .contains(&"phantom")
    );
}
