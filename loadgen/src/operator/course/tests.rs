//! Scripts: follow-ups at the times and with the amounts that were recorded.

use std::rc::Rc;

use holdfast_protocol::{Amount, Message, Outcome, Reason, State};

use crate::operator::Loop;
use crate::operator::tests::{Play, answer, authorize, good_answer, status};
use crate::trace::played;
use crate::traffic::arrival::{Action, Arrival, Course, Payee, Step};
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

/// An operation of 90 that begins after ten milliseconds.
fn play(scenario: Scenario, fate: Fate, hold_ms: u64, steps: &[(u64, Action)]) -> Play {
    let step = |(after_ms, action): &(u64, Action)| Step { after_ns: after_ms * 1_000_000, action: *action };
    let course = Course { hold_ns: hold_ms * 1_000_000, steps: steps.iter().map(step).collect() };
    let arrival = Arrival {
        number: 0,
        at_ns: 10_000_000,
        scenario,
        payee: Payee { destination: 0, merchant: 0 },
        amount: amount(90),
        fate,
        account: 5,
        course: Some(Rc::new(course)),
    };
    Play::of(played(vec![arrival]).into(), Loop::Open)
}

#[test]
fn follow_ups_come_when_they_came_and_take_what_they_took() {
    let captures = [
        (400, Action::Capture { amount: amount(20), last: false }),
        (900, Action::Capture { amount: amount(30), last: true }),
    ];
    let mut play = play(Scenario::Partial, Fate::Approve, 0, &captures);
    play.at(10);
    play.approve_next();
    play.at(409);
    assert!(play.is_silent(), "its time has not come");
    play.at(411);
    let Message::Capture(first) = play.next() else { panic!("it captures") };
    assert_eq!((first.amount, first.last), (amount(20), false));
    // The answer comes late: what follows does not wait any longer than it must.
    play.at(1_000);
    play.hear(good_answer(&Message::Capture(first)));
    let Message::Capture(last) = play.approve_next() else { panic!("it captures") };
    assert_eq!((last.amount, last.last), (amount(30), true));
    let counts = play.counts();
    assert_eq!((counts.approved, counts.errors_in_all(), counts.in_flight_at_end), (1, 0, 0));
}

#[test]
fn a_hold_lasts_until_its_last_follow_up_and_ends_at_its_time_where_it_did() {
    let mut released = play(Scenario::Release, Fate::Approve, 0, &[(60_000, Action::Release)]);
    released.at(10);
    let request = authorize(&released.next()).clone();
    assert!(request.hold_until.since(request.id.created()) >= 60_000);
    let mut expired = play(Scenario::Expire, Fate::Approve, 45_000, &[(0, Action::Expire)]);
    expired.at(10);
    let request = authorize(&expired.next()).clone();
    assert_eq!(request.hold_until.since(request.id.created()), 45_000);
}

#[test]
fn what_was_captured_before_the_end_of_a_hold_stays_captured() {
    let steps = [(100, Action::Capture { amount: amount(20), last: false }), (100, Action::Expire)];
    let mut play = play(Scenario::Partial, Fate::Approve, 5_000, &steps);
    play.at(10);
    let request = authorize(&play.approve_next()).clone();
    play.at(120);
    play.approve_next();
    play.at(6_000);
    assert!(matches!(play.next(), Message::Inquiry(_)), "it asks what became of the hold");
    play.told(status(request.id, State::Captured, 90, 20));
    assert_eq!(play.counts().approved, 1);
}

#[test]
fn a_part_is_approved_as_it_was() {
    let steps = [(50, Action::Capture { amount: amount(70), last: true })];
    let mut play = play(Scenario::Reserve, Fate::ApprovePart(amount(70)), 0, &steps);
    play.at(10);
    let request = authorize(&play.next()).clone();
    assert!(request.partial_allowed);
    assert_eq!(Fate::from_instrument(&request.instrument), Some(Fate::ApprovePart(amount(70))));
}

#[test]
fn a_reversal_gives_back_what_is_held_and_what_was_captured() {
    let steps = [(50, Action::Capture { amount: amount(20), last: false }), (70, Action::Reverse)];
    let mut play = play(Scenario::Partial, Fate::Approve, 0, &steps);
    play.at(10);
    play.approve_next();
    play.at(60);
    play.approve_next();
    play.at(80);
    let Message::Reverse(reverse) = play.next() else { panic!("it reverses") };
    play.hear(answer(reverse.id, Outcome::Approved, State::Reversed, Reason::None, 90));
    let flow = play.operator.tally().borrow().flows[0];
    assert_eq!((flow.reserve_captured, flow.reserve_reversed, flow.pay_reversed), (20, 20, 0));
    assert_eq!(play.counts().approved, 1);
}
