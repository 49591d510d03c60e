//! Scripts: what an operator says and how its operations end, against a switch that each test plays by hand.

use std::collections::VecDeque;
use std::rc::Rc;

use holdfast_protocol::{
    Amount, Answer, ApprovalCode, DecidedBy, Epoch, Extensions, Message, Outcome, Partition, Reason,
    RequestId, Sequence, State, Status, UnixMillis,
};

use super::{Loop, Operator, Outgoing};
use crate::accounting::{Counts, Fault};
use crate::stage::{Now, Stage, played_stage};
use crate::traffic::arrivals::Arrivals;
use crate::traffic::fate::Fate;
use crate::traffic::schedule::{Schedule, ScheduleSettings, played_settings};

/// Takes what the operator says.
#[derive(Default)]
pub(super) struct Said {
    pub(super) messages: VecDeque<Message>,
    full: bool,
}

impl Outgoing for Said {
    fn push(&mut self, message: &Message) {
        self.messages.push_back(message.clone());
    }

    fn has_room(&self) -> bool {
        !self.full
    }
}

pub(super) struct Play {
    pub(super) stage: Rc<Stage>,
    pub(super) operator: Operator,
    pub(super) said: Said,
    ms: u64,
}

const START_MS: u64 = 1_800_000_000_000;

impl Play {
    pub(super) fn with(mix: &str, change: impl FnOnce(&mut ScheduleSettings)) -> Self {
        let mut settings = ScheduleSettings { mix: mix.parse().unwrap(), ..played_settings() };
        change(&mut settings);
        let pace = if settings.rate_per_s.is_some() { Loop::Open } else { Loop::Closed };
        Self::of(Schedule::new(&settings, 0).into(), pace)
    }

    pub(super) fn of(arrivals: Arrivals, pace: Loop) -> Self {
        let stage = Rc::new(played_stage(2, 2));
        let operator = Operator::new(Rc::clone(&stage), 0, arrivals, pace, 10_000);
        Self { stage, operator, said: Said::default(), ms: 0 }
    }

    pub(super) fn new(mix: &str) -> Self {
        Self::with(mix, |_| {})
    }

    pub(super) fn now(&self) -> Now {
        Now { ns: self.ms * 1_000_000, switch: UnixMillis::new(START_MS + self.ms).unwrap() }
    }

    /// Lets time pass up to a millisecond of the run.
    pub(super) fn at(&mut self, ms: u64) {
        self.ms = ms;
        self.operator.on_time(self.now(), Some(&mut self.said));
    }

    pub(super) fn next(&mut self) -> Message {
        self.said.messages.pop_front().expect("the operator has something to say")
    }

    pub(super) fn is_silent(&self) -> bool {
        self.said.messages.is_empty()
    }

    pub(super) fn hear(&mut self, answer: Answer) {
        self.operator.on_answer(self.now(), &answer, &mut self.said);
    }

    pub(super) fn told(&mut self, status: Status) {
        self.operator.on_status(self.now(), &status, &mut self.said);
    }

    /// Answers the first request that was said as a good switch does, and drops what was said with it.
    pub(super) fn approve_next(&mut self) -> Message {
        let message = self.next();
        let answer = good_answer(&message);
        self.hear(answer);
        message
    }

    pub(super) fn counts(&mut self) -> Counts {
        self.operator.close(self.now(), false);
        let total = self.operator.tally().borrow().accounting.total();
        assert_eq!(total.check(), Ok(()));
        total
    }
}

pub(super) fn answer(id: RequestId, outcome: Outcome, state: State, reason: Reason, amount: u64) -> Answer {
    Answer {
        id,
        originator: None,
        outcome,
        state,
        reason,
        decided_by: DecidedBy::Destination,
        amount: Amount::from_minor(amount).unwrap(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(1),
        sequence: Sequence(9),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

/// What a good switch answers to a first copy; half for a fate that says so.
pub(super) fn good_answer(message: &Message) -> Answer {
    use holdfast_protocol::Kind;
    match message {
        Message::Authorize(m) => {
            let amount = match Fate::from_instrument(&m.instrument) {
                Some(Fate::ApproveHalf) => m.amount.minor() / 2,
                _ => m.amount.minor(),
            };
            let state = if m.kind == Kind::Pay { State::Captured } else { State::Held };
            answer(m.id, Outcome::Approved, state, Reason::None, amount)
        }
        Message::Capture(m) => {
            answer(m.id, Outcome::Approved, State::Captured, Reason::None, m.amount.minor())
        }
        Message::Refund(m) => {
            answer(m.id, Outcome::Approved, State::Captured, Reason::None, m.amount.minor())
        }
        other => panic!("no good answer to {other:?}"),
    }
}

pub(super) fn refused(id: RequestId, reason: Reason) -> Answer {
    Answer { decided_by: DecidedBy::Switch, ..answer(id, Outcome::Refused, State::None, reason, 0) }
}

pub(super) fn status(id: RequestId, state: State, amount: u64, captured: u64) -> Status {
    let minor = |n| Amount::from_minor(n).unwrap();
    Status {
        id,
        originator: None,
        correlation: 0,
        reason: Reason::None,
        outcome: Some(Outcome::Approved),
        outcome_reason: Reason::None,
        state,
        decided_by: DecidedBy::Destination,
        undelivered: 0,
        held_for: minor(amount),
        captured: minor(captured),
        released: minor(0),
        reversed: minor(0),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(1),
        sequence: Sequence(9),
    }
}

pub(super) fn authorize(message: &Message) -> &holdfast_protocol::Authorize {
    match message {
        Message::Authorize(m) => m,
        other => panic!("expected an authorize, not {other:?}"),
    }
}

#[test]
fn payments_that_are_approved_end_as_approved() {
    let mut play = Play::new("pay:1");
    play.at(100);
    let mut sum = 0;
    let mut sent = 0;
    while !play.is_silent() {
        sum += i128::from(authorize(&play.approve_next()).amount.minor());
        sent += 1;
    }
    let tally = play.operator.tally();
    assert_eq!(tally.borrow().flows.iter().map(|f| f.pay_captured).sum::<i128>(), sum);
    let counts = play.counts();
    assert!(sent > 50);
    assert_eq!((counts.approved, counts.sent), (sent, sent));
}

#[test]
fn an_arrival_that_cannot_be_sent_in_time_is_shed() {
    let mut play = Play::new("pay:1");
    play.said.full = true;
    play.at(100);
    assert!(play.is_silent());
    play.said.full = false;
    // The budget of the stage is three seconds; the schedule ends after one.
    play.at(3_500);
    let counts = play.counts();
    assert!(counts.shed > 0 && counts.sent > 0, "{counts:?}");
}

#[test]
fn a_reservation_is_captured_finally() {
    let mut play = Play::new("reserve:1");
    play.at(2);
    let reserve = play.approve_next();
    let Message::Capture(capture) = play.next() else { panic!("a capture follows the approval") };
    assert_eq!(capture.original, authorize(&reserve).id);
    assert_ne!(capture.id, capture.original);
    assert!(capture.last && !capture.repeat);
    play.hear(answer(capture.id, Outcome::Approved, State::Captured, Reason::None, capture.amount.minor()));
    let tally = play.operator.tally();
    let captured: i128 = tally.borrow().flows.iter().map(|f| f.reserve_captured).sum();
    assert_eq!(captured, i128::from(capture.amount.minor()));
    assert_eq!(play.counts().approved, 1);
}

#[test]
fn a_partial_reservation_is_captured_three_times_within_what_was_approved() {
    let mut play = Play::new("partial:1");
    play.at(20);
    let reserve = play.approve_next();
    assert!(authorize(&reserve).captures_many && authorize(&reserve).partial_allowed);
    let others = std::mem::take(&mut play.said.messages);
    let mine: Vec<_> = others.into_iter().filter(|m| matches!(m, Message::Capture(_))).collect();
    play.said.messages = mine.into();
    let mut captured = 0;
    for number in 1..=3 {
        let message = play.approve_next();
        let Message::Capture(capture) = message else { panic!("a capture") };
        assert_eq!(capture.last, number == 3);
        captured += capture.amount.minor();
    }
    assert!(captured <= good_answer(&reserve).amount.minor());
    assert!(play.is_silent());
    assert_eq!(play.counts().approved, 1);
}

#[test]
fn a_decline_with_another_reason_than_the_destination_gave_is_an_error() {
    let mut play = Play::with("pay:1", |s| s.decline_rate = 1.0);
    play.at(20);
    let message = play.next();
    let Some(Fate::Decline(reason)) = Fate::from_instrument(&authorize(&message).instrument) else {
        panic!()
    };
    play.hear(answer(authorize(&message).id, Outcome::Declined, State::Declined, reason, 0));
    let other = Reason::ALL.iter().copied().find(|r| r.number() > 100 && *r != reason).unwrap();
    let second = play.next();
    play.hear(answer(authorize(&second).id, Outcome::Declined, State::Declined, other, 0));
    let third = play.next();
    play.hear(good_answer(&third));
    let counts = play.counts();
    assert_eq!(counts.declined[&reason], 1);
    assert_eq!(counts.errors[&Fault::UnexpectedReason(other)], 1);
    assert_eq!(counts.errors[&Fault::OutcomeContradictsDestination], 1);
}

#[test]
fn one_copy_refused_is_not_done_and_two_copies_refused_are_not() {
    let mut play = Play::new("pay:1");
    play.at(20);
    let first = play.next();
    play.hear(refused(authorize(&first).id, Reason::Busy));
    let second = authorize(&play.next()).clone();
    play.said.messages.clear();
    // The link breaks and comes back: everything unanswered is said again under its id.
    play.operator.on_link(play.now(), &mut play.said);
    let again = authorize(&play.next()).clone();
    assert_eq!((again.id, again.repeat, again.attempt), (second.id, true, 2));
    assert_eq!(
        (again.amount, again.expires, again.instrument),
        (second.amount, second.expires, second.instrument)
    );
    play.said.messages.clear();
    play.hear(refused(second.id, Reason::Busy));
    assert_eq!(play.operator.tally().borrow().accounting.total().not_done_in_all(), 1, "only the first");
    // It is said again after a pause, and its approval counts.
    play.at(500);
    let third = std::mem::take(&mut play.said.messages).into_iter().find(|m| match m {
        Message::Authorize(m) => m.id == second.id,
        _ => false,
    });
    play.hear(good_answer(&third.expect("the refused repeat is said again")));
    let counts = play.counts();
    assert_eq!((counts.approved, counts.not_done_in_all()), (1, 1));
}

#[test]
fn what_stays_unanswered_until_it_expires_is_asked_about() {
    let mut play = Play::with("pay:1", |s| s.rate_per_s = Some(5.0));
    play.at(900);
    let first = authorize(&play.next()).clone();
    play.said.messages.clear();
    play.at(35_000);
    let inquiry = std::mem::take(&mut play.said.messages).into_iter().find_map(|m| match m {
        Message::Inquiry(m) if m.id == first.id => Some(m),
        _ => None,
    });
    assert!(inquiry.is_some());
    // It was approved, and nobody heard.
    play.told(status(first.id, State::Captured, first.amount.minor(), first.amount.minor()));
    assert_eq!(play.operator.tally().borrow().accounting.total().approved, 1);
}

#[test]
fn what_nobody_ever_answers_ends_as_unknown() {
    let mut play = Play::with("pay:1", |s| s.rate_per_s = Some(5.0));
    play.at(1_000);
    let sent = play.said.messages.len() as u64;
    assert!(sent > 0);
    for ms in (2_000..600_000).step_by(250) {
        play.at(ms);
    }
    assert!(play.operator.is_finished());
    let counts = play.counts();
    assert_eq!((counts.unknown, counts.sent), (sent, sent));
}

#[test]
fn two_answers_that_disagree_are_an_error() {
    let mut play = Play::new("duplicate:1");
    play.at(20);
    // The first duplicate has an even number: both copies leave at once, and the question follows the answer.
    let first = play.next();
    let second = authorize(&play.next()).clone();
    assert!(second.repeat && second.id == authorize(&first).id);
    play.hear(good_answer(&first));
    let id = second.id;
    play.hear(answer(id, Outcome::Declined, State::Declined, Reason::DoNotHonour, 0));
    let counts = play.counts();
    assert_eq!(counts.errors[&Fault::AnswersDisagree], 1);
    assert_eq!(counts.duplicates, counts.sent.div_ceil(2));
}

#[test]
fn an_expired_hold_is_seen_to_be_expired() {
    let mut play = Play::with("expire:1", |s| s.rate_per_s = Some(5.0));
    play.at(900);
    let reserve = play.approve_next();
    let m = authorize(&reserve).clone();
    play.said.messages.clear();
    assert!(m.hold_until > m.expires);
    let ends_ms = m.hold_until.get() - START_MS;
    play.at(ends_ms - 1);
    assert!(!play.said.messages.iter().any(|message| matches!(message, Message::Inquiry(_))));
    play.at(ends_ms + 50);
    assert!(play.said.messages.iter().any(|message| matches!(message, Message::Inquiry(i) if i.id == m.id)));
    play.told(status(m.id, State::Expired, m.amount.minor(), 0));
    assert_eq!(play.operator.tally().borrow().accounting.total().approved, 1);
}

#[test]
fn an_answer_nobody_asked_for_is_noticed() {
    let mut play = Play::new("pay:1");
    play.at(20);
    let message = play.approve_next();
    play.hear(good_answer(&message));
    assert_eq!(play.stage.faults.borrow().strays, 1, "a second answer although one copy was sent");
    let stranger = RequestId::new(UnixMillis::new(START_MS).unwrap(), 1 << 70);
    play.hear(answer(stranger, Outcome::Approved, State::Captured, Reason::None, 1));
    assert_eq!(play.stage.faults.borrow().strays, 2);
}

#[test]
fn a_closed_loop_keeps_its_window_full() {
    let mut play = Play::with("pay:1", |s| s.rate_per_s = None);
    play.operator.limit_window(10);
    play.at(1);
    assert_eq!(play.said.messages.len(), 9, "a tenth is left free");
    play.approve_next();
    play.approve_next();
    play.at(2);
    assert_eq!(play.operator.in_flight(), 9);
}

#[test]
fn a_broken_link_without_tolerance_is_an_error_for_what_was_in_flight() {
    let mut play = Play::new("pay:1");
    play.at(20);
    let in_flight = play.operator.in_flight() as u64;
    play.operator.close(play.now(), true);
    let total = play.operator.tally().borrow().accounting.total();
    assert_eq!(total.errors[&Fault::LinkBroken], in_flight);
    assert_eq!(total.check(), Ok(()));
}
