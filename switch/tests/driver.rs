//! The driver in memory: what leaves when, what is told to whom, and what a full log or a slow link does.

#![allow(clippy::unwrap_used, reason = "a test that lacks something it was given may stop there")]

mod world;

use std::time::{Duration, Instant};

use holdfast::driver::DriverSettings;
use holdfast_journal::JournalFailure;
use holdfast_protocol::{Message, Outcome, Reason, Sequence, State};
use world::{Disk, World, approve, decline, id, pay, refund};

#[test]
fn a_forward_leaves_only_when_its_reservation_is_durable() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.driver.turn(world.now, Instant::now());
    assert_eq!(acquirer.read(), [], "I1: not durable yet");
    world.settle();
    let forwards = acquirer.read();
    assert!(
        matches!(&forwards[..], [Message::Authorize(a)] if a.id == id(1) && a.originator == Some(world::number(1)))
    );
}

#[test]
fn an_outcome_and_what_the_destination_is_told_wait_for_the_approval() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    acquirer.read();
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.driver.turn(world.now, Instant::now());
    assert_eq!((operator.read(), acquirer.read()), (vec![], vec![]), "I1: not durable yet");
    // A repeat is answered from what is decided, and that is not durable either.
    world.send(&mut operator, &[pay(1, 500)]);
    assert_eq!(operator.read(), [], "I1: the repeat waits, too");
    world.settle();
    let answers = operator.read();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let Message::Answer(answer) = answer else { panic!("{answer:?}") };
        assert_eq!(
            (answer.outcome, answer.state, answer.reason),
            (Outcome::Approved, State::Captured, Reason::None)
        );
        assert!(answer.sequence > Sequence(0));
    }
    assert!(matches!(&acquirer.read()[..], [Message::DecidedThrough(d)] if d.count == 1));
}

#[test]
fn a_silent_destination_gets_a_reversal_and_the_operator_a_decline() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    acquirer.read();
    world.pass(4_000);
    world.settle();
    assert_eq!(operator.read(), []);
    world.pass(1_001);
    world.settle();
    assert!(matches!(&operator.read()[..], [Message::Answer(a)]
        if a.outcome == Outcome::Declined && a.reason == Reason::DestinationTimedOut));
    assert!(matches!(&acquirer.read()[..], [Message::Reverse(r)] if r.original == id(1)));
    // Too late: nothing new for the operator (rule 8).
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.settle();
    assert_eq!(operator.read(), []);
}

#[test]
fn an_answer_that_is_already_here_has_come_before_its_deadline() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    acquirer.read();
    world.now = world.now.plus(60_000); // The machine stood still.
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.settle();
    assert!(matches!(&operator.read()[..], [Message::Answer(a)] if a.outcome == Outcome::Approved));
}

#[test]
fn after_a_start_a_destination_has_time_to_come_back_before_anything_is_declined_for_it() {
    let mut world = World::with(DriverSettings { start_grace_ms: 2_000, ..DriverSettings::default() });
    let mut operator = world.connect(1, 1);
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    assert!(matches!(&operator.read()[..], [Message::Answer(a)]
        if a.outcome == Outcome::Refused && a.reason == Reason::Busy && a.retry_after_ms > 0));
    world.pass(1_999);
    let mut acquirer = world.connect(11, 1);
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    assert!(matches!(&acquirer.read()[..], [Message::Authorize(a)] if a.id == id(1)));
    world.disconnect(&acquirer);
    world.send(&mut operator, &[pay(2, 500)]);
    world.settle();
    assert!(matches!(&operator.read()[..], [Message::Answer(a)] if a.reason == Reason::Busy));
    world.pass(1);
    world.send(&mut operator, &[pay(2, 500), pay(3, 500)]);
    world.settle();
    let reasons: Vec<_> = operator
        .read()
        .into_iter()
        .map(|message| match message {
            Message::Answer(answer) => (answer.outcome, answer.reason),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons, [(Outcome::Declined, Reason::DestinationNotConnected); 2]);
}

#[test]
fn a_backlog_of_new_work_keeps_no_deadline_waiting() {
    let mut world = World::with(DriverSettings { work_per_turn: 1, quota: 1, ..DriverSettings::default() });
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    acquirer.read();
    world.now = world.now.plus(5_001);
    let batch: Vec<_> = (2..=200).map(|n| pay(n, 500)).collect();
    world.send(&mut operator, &batch);
    world.driver.log().durable.set(world.driver.log().last());
    world.driver.turn(world.now, Instant::now());
    assert!(world.driver.queues().work > 100, "most of the batch still waits");
    assert!(matches!(&operator.read()[..], [Message::Answer(a), ..]
        if a.id == id(1) && a.reason == Reason::DestinationTimedOut));
}

#[test]
fn the_time_in_the_queue_is_gone_from_the_budget_of_a_payment_and_of_a_refund() {
    let mut world = World::with(DriverSettings { work_per_turn: 1, quota: 1, ..DriverSettings::default() });
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.settle();
    acquirer.read();
    // The first of them is decided as it comes, the others wait.
    world.send(&mut operator, &[pay(4, 500), pay(2, 500), refund(3, 1, 200)]);
    let later = Instant::now() + Duration::from_secs(3);
    while world.driver.queues().work > 0 || world.driver.queues().events > 0 {
        world.driver.turn(world.now, later);
    }
    world.settle();
    let budgets: Vec<u32> = acquirer
        .read()
        .iter()
        .skip(1)
        .map(|message| match message {
            Message::Authorize(m) => m.budget_ms,
            Message::Refund(m) => m.budget_ms,
            other => panic!("{other:?} was not to be forwarded"),
        })
        .collect();
    assert_eq!(budgets.len(), 2);
    assert!(
        budgets.iter().all(|budget_ms| *budget_ms <= 2_000),
        "three of five seconds are gone: {budgets:?}"
    );
}

#[test]
fn a_link_of_a_participant_that_was_removed_while_it_signed_on_is_ended() {
    let mut world = World::new();
    let gone = world.connect(99, 1);
    assert_eq!(gone.outbound.closing(), Some(Reason::Removed));
    assert_eq!(world.driver.sessions().iter().count(), 0);
}

#[test]
fn a_newer_sign_on_of_the_same_instance_replaces_the_link_and_gets_the_answers() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    acquirer.read();
    let mut newer = world.connect(1, 1);
    assert_eq!(operator.outbound.closing(), Some(Reason::Replaced));
    world.send(&mut newer, &[pay(1, 500), pay(1, 500)]);
    world.settle();
    assert_eq!(newer.outbound.unanswered(), 1, "two copies, one answer to come");
    assert_eq!(acquirer.read(), [], "rule 4: never forwarded twice as new");
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.settle();
    assert!(matches!(&newer.read()[..], [Message::Answer(a)] if a.outcome == Outcome::Approved));
    assert_eq!(operator.read(), []);
}

#[test]
fn facts_wait_in_order_while_the_log_takes_no_more() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.driver.log().room_for.set(0);
    for n in 1..=5 {
        world.send(&mut operator, &[pay(n, 500)]);
    }
    world.driver.log().durable.set(world.driver.log().last());
    world.driver.turn(world.now, Instant::now());
    assert_eq!(acquirer.read(), []);
    assert!(world.driver.queues().unsubmitted_bytes > 0);
    world.driver.log().room_for.set(usize::MAX);
    world.settle();
    assert_eq!(acquirer.read().len(), 5);
    assert!(world.driver.is_settled());
}

#[test]
fn a_full_journal_refuses_new_work_and_lets_work_in_flight_finish() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    acquirer.read();
    world.driver.log().full.set(true);
    world.send(&mut operator, &[pay(2, 500)]);
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.settle();
    let mut outcomes: Vec<_> = operator
        .read()
        .into_iter()
        .map(|m| match m {
            Message::Answer(a) => (a.id, a.outcome, a.reason),
            other => panic!("{other:?}"),
        })
        .collect();
    outcomes.sort_by_key(|(id, ..)| *id);
    let expected = [(id(1), Outcome::Approved, Reason::None), (id(2), Outcome::Refused, Reason::JournalFull)];
    assert_eq!(outcomes, expected);
}

#[test]
fn a_link_that_does_not_read_is_closed_and_others_notice_nothing() {
    let mut world = World::with(DriverSettings { outbound_bytes_max: 1_000, ..DriverSettings::default() });
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    let mut other = world.connect(2, 1);
    let batch: Vec<_> = (1..=20).map(|n| pay(n, 500)).collect();
    world.send(&mut operator, &batch);
    world.settle();
    assert_eq!(acquirer.outbound.closing(), Some(Reason::NotReading));
    assert_eq!(operator.outbound.closing(), None);
    acquirer.read();
    world.disconnect(&acquirer);
    let mut again = world.connect(11, 1);
    world.settle();
    again.read();
    world.send(&mut other, &[pay(1, 500)]);
    world.settle();
    assert!(matches!(&again.read()[..], [Message::Authorize(a)] if a.originator == Some(world::number(2))));
}

#[test]
fn an_answer_that_there_is_no_room_for_ends_its_link_and_is_never_said_to_be_decided() {
    let core = holdfast_core::Settings { open_max: 1, ..holdfast_core::Settings::default() };
    let mut world = World::with_core(DriverSettings::default(), core);
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    world.settle();
    world.send(&mut acquirer, &[decline(1, 1)]);
    world.settle();
    world.send(&mut operator, &[pay(2, 500)]);
    world.settle();
    acquirer.read();
    // It approves what it declined: a reversal would have to be queued, and nothing more may be open.
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.settle();
    assert_eq!(acquirer.outbound.closing(), Some(Reason::Flooding));
    assert_eq!(acquirer.read(), []);
}

#[test]
fn a_window_that_grows_lets_out_what_a_lost_link_had() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500), pay(2, 500), pay(3, 500)]);
    world.settle();
    acquirer.read();
    world.disconnect(&acquirer);
    let mut again = world.connect_with(11, 1, 1);
    world.settle();
    assert_eq!(again.read().len(), 1, "no more than the window");
    world.window(&again, 2);
    world.settle();
    assert!(matches!(&again.read()[..], [Message::Authorize(a)] if a.id == id(2) && a.repeat));
}

#[test]
fn what_a_command_decided_is_settled_when_it_is_durable_and_not_before() {
    let mut world = World::new();
    assert!(world.driver.is_settled());
    let next: holdfast_protocol::BusinessDate = "2026-11-23".parse().unwrap();
    world.driver.command(world.now, &holdfast_core::Input::CutOver(next));
    assert!(!world.driver.is_settled(), "it waits for a turn");
    world.driver.turn(world.now, Instant::now());
    assert!(!world.driver.is_settled(), "it waits for the disk");
    world.settle();
    assert!(world.driver.is_settled());
}

#[test]
fn a_window_takes_back_the_drain_of_its_link() {
    let mut world = World::new();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.drain(&acquirer);
    world.send(&mut operator, &[pay(1, 500)]);
    world.window(&acquirer, 1_000);
    world.send(&mut operator, &[pay(2, 500)]);
    world.settle();
    assert!(matches!(&operator.read()[..], [Message::Answer(a)]
        if a.id == id(1) && a.reason == Reason::DestinationNotAccepting));
    assert!(matches!(&acquirer.read()[..], [Message::Authorize(a)] if a.id == id(2)));
}

/// The proof that answers wait: the reservation is synced before the forward leaves, and the approval before its answer.
#[test]
fn a_payment_takes_at_least_as_long_as_its_two_syncs() {
    const SYNC: Duration = Duration::from_millis(300);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut world = Disk::new(directory.path(), SYNC).world();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    let begun = Instant::now();
    world.send(&mut operator, &[pay(1, 500)]);
    let mut told = Vec::new();
    world.turn_until("the forward leaves", |_| {
        told = acquirer.read();
        !told.is_empty()
    });
    assert!(matches!(&told[..], [Message::Authorize(a)] if a.id == id(1)), "{told:?}");
    assert!(begun.elapsed() >= SYNC, "I1: forwarded after {:?}", begun.elapsed());
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.turn_until("the answer leaves", |_| {
        told = operator.read();
        !told.is_empty()
    });
    assert!(matches!(&told[..], [Message::Answer(a)] if a.outcome == Outcome::Approved), "{told:?}");
    assert!(begun.elapsed() >= SYNC * 2, "I1: answered after {:?}", begun.elapsed());
}

#[test]
fn a_sync_that_fails_ends_the_journal_and_nothing_is_told() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let disk = Disk::new(directory.path(), Duration::ZERO);
    let mut world = disk.world();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    let mut told = Vec::new();
    world.turn_until("the forward leaves", |_| {
        told = acquirer.read();
        !told.is_empty()
    });
    disk.fail();
    world.send(&mut acquirer, &[approve(1, 1, 500)]);
    world.send(&mut operator, &[pay(2, 700)]);
    world.turn_until("the journal has ended", |driver| driver.log().failure().is_some());
    let failure = world.driver.log().failure().unwrap();
    // Whichever sync was the first to fail: that of the frame, or that of the segment that is made beside it.
    let failed = matches!(*failure, JournalFailure::Sync { .. } | JournalFailure::Prepare { .. });
    assert!(failed, "{failure}");
    for _ in 0..1_000 {
        world.driver.turn(world.now, Instant::now());
    }
    assert_eq!((operator.read(), acquirer.read()), (vec![], vec![]), "I1: nobody hears of it");
    drop((world, disk));

    let mut world = Disk::new(directory.path(), Duration::ZERO).world();
    let (mut operator, mut acquirer) = (world.connect(1, 1), world.connect(11, 1));
    world.send(&mut operator, &[pay(1, 500)]);
    // The approval was written and may have survived: then it is told again, as it was never told. Otherwise the forward
    // is repeated.
    world.turn_until("the payment goes on", |_| {
        let answers = operator.read();
        told = acquirer.read();
        !told.is_empty() || !answers.is_empty()
    });
}
