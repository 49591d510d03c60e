//! Scripts: what becomes of a payment that is refunded, and what is booked.

use holdfast_protocol::{Answer, DecidedBy, Message, Outcome, Reason, Refund, Reverse, State};

use crate::accounting::Fault;
use crate::flows::Flow;
use crate::operator::tests::{Play, answer, authorize, refused, status};

/// Pays under a number whose remainder by four is this, and gives the amount and the refund that follows.
fn refunding(course: usize) -> (Play, u64, Refund) {
    let mut play = Play::new("refund:1");
    play.at(30);
    for _ in 0..course {
        play.next();
    }
    let pay = play.approve_next();
    let refund = play.said.messages.pop_back();
    play.said.messages.clear();
    let Some(Message::Refund(refund)) = refund else { panic!("a refund follows the approval") };
    assert_eq!(refund.original, authorize(&pay).id);
    assert_ne!(refund.id, refund.original);
    assert!(
        !refund.repeat && refund.budget_ms > 0 && refund.amount.minor() <= authorize(&pay).amount.minor()
    );
    (play, authorize(&pay).amount.minor(), refund)
}

fn approved(refund: &Refund) -> Answer {
    answer(refund.id, Outcome::Approved, State::Captured, Reason::None, refund.amount.minor())
}

fn reversed(reverse: &Reverse, amount: u64) -> Answer {
    answer(reverse.id, Outcome::Approved, State::Reversed, Reason::None, amount)
}

fn flow(play: &Play) -> Flow {
    let tally = play.operator.tally();
    let mut sum = Flow::default();
    tally.borrow().flows.iter().for_each(|flow| sum += *flow);
    sum
}

#[test]
fn a_whole_refund_leaves_nothing() {
    let (mut play, amount, refund) = refunding(0);
    assert_eq!(refund.amount.minor(), amount);
    play.hear(approved(&refund));
    assert!(play.is_silent());
    assert_eq!((flow(&play).refunded, flow(&play).net()), (i128::from(amount), 0));
    let counts = play.counts();
    assert_eq!((counts.approved, counts.refunds, counts.errors_in_all()), (1, 1, 0));
}

#[test]
fn two_refunds_together_reach_what_was_captured() {
    let (mut play, amount, first) = refunding(1);
    play.hear(approved(&first));
    let Message::Refund(second) = play.next() else { panic!("the rest is refunded, too") };
    assert_eq!(second.original, first.original);
    assert_eq!(first.amount.minor() + second.amount.minor(), amount);
    play.hear(approved(&second));
    assert_eq!(flow(&play).net(), 0);
    let counts = play.counts();
    assert_eq!((counts.approved, counts.refunds), (1, 2));
}

#[test]
fn a_refund_that_is_reversed_leaves_the_payment_as_it_was() {
    let (mut play, amount, refund) = refunding(2);
    play.hear(approved(&refund));
    let Message::Reverse(reverse) = play.next() else { panic!("the refund is reversed") };
    assert_eq!(reverse.original, refund.id, "a refund is a transaction of its own");
    play.hear(reversed(&reverse, refund.amount.minor()));
    assert_eq!(flow(&play).net(), i128::from(amount));
    let counts = play.counts();
    assert_eq!((counts.approved, counts.refunds, counts.reversed), (1, 1, 1));
}

#[test]
fn a_reversal_after_a_refund_gives_back_the_rest() {
    let (mut play, amount, refund) = refunding(3);
    play.hear(approved(&refund));
    let Message::Reverse(reverse) = play.next() else { panic!("the payment is reversed") };
    assert_eq!(reverse.original, refund.original);
    play.hear(reversed(&reverse, amount - refund.amount.minor()));
    assert_eq!(flow(&play).net(), 0);
    assert_eq!(play.counts().approved, 1);
}

#[test]
fn a_reversal_that_gives_back_what_was_refunded_is_an_error() {
    let (mut play, amount, refund) = refunding(3);
    play.hear(approved(&refund));
    let Message::Reverse(reverse) = play.next() else { panic!("the payment is reversed") };
    play.hear(reversed(&reverse, amount));
    assert_eq!(play.counts().errors[&Fault::AmountDiffers], 1);
}

#[test]
fn a_refund_that_the_switch_declines_leaves_the_payment() {
    let (mut play, amount, refund) = refunding(0);
    let reason = Reason::DestinationTimedOut;
    let declined = answer(refund.id, Outcome::Declined, State::TimedOut, reason, 0);
    play.hear(Answer { decided_by: DecidedBy::Switch, ..declined });
    assert_eq!(flow(&play).net(), i128::from(amount));
    let counts = play.counts();
    assert_eq!((counts.declined[&reason], counts.refunds), (1, 0));
}

#[test]
fn a_destination_does_not_decline_what_it_approved_before() {
    let (mut play, _, refund) = refunding(0);
    play.hear(answer(refund.id, Outcome::Declined, State::Declined, Reason::InvalidTransaction, 0));
    assert_eq!(play.counts().errors[&Fault::OutcomeContradictsDestination], 1);
}

#[test]
fn one_copy_of_a_refund_refused_is_not_done() {
    let (mut play, _, refund) = refunding(0);
    play.hear(refused(refund.id, Reason::Busy));
    assert_eq!(flow(&play).refunded, 0);
    assert_eq!(play.counts().not_done[&Reason::Busy], 1);
}

#[test]
fn a_refund_without_an_answer_is_said_again_and_then_asked_about_by_its_own_id() {
    let (mut play, amount, refund) = refunding(0);
    play.operator.on_link(play.now(), &mut play.said);
    let again = play.said.messages.iter().find_map(|message| match message {
        Message::Refund(m) => Some(m.clone()),
        _ => None,
    });
    let again = again.expect("everything unanswered is said again");
    assert_eq!((again.id, again.repeat, again.attempt), (refund.id, true, 2));
    assert_eq!((again.amount, again.original), (refund.amount, refund.original));
    for ms in (1_000..36_000).step_by(250) {
        play.at(ms);
    }
    let asks = |message: &Message| matches!(message, Message::Inquiry(m) if m.id == refund.id);
    assert!(play.said.messages.iter().any(asks));
    play.told(status(refund.id, State::Captured, amount, amount));
    assert_eq!(flow(&play).net(), 0);
    assert_eq!(play.operator.tally().borrow().accounting.total().approved, 1);
}

#[test]
fn a_second_answer_after_the_end_must_agree_with_the_step_that_it_answers() {
    let (mut play, _, refund) = refunding(0);
    let pay = refund.original;
    play.operator.on_link(play.now(), &mut play.said);
    let reason = Reason::DestinationTimedOut;
    let declined = answer(refund.id, Outcome::Declined, State::TimedOut, reason, 0);
    let declined = Answer { decided_by: DecidedBy::Switch, ..declined };
    play.hear(declined.clone());
    let strays = |play: &Play| play.stage.faults.borrow().strays;
    play.hear(declined);
    play.hear(answer(pay, Outcome::Approved, State::Captured, Reason::None, 1));
    assert_eq!(strays(&play), 0, "the payment was approved, and its refund declined");
    play.hear(approved(&refund));
    assert_eq!(strays(&play), 1);
    play.hear(answer(pay, Outcome::Declined, State::Declined, reason, 0));
    assert_eq!(strays(&play), 2);
}
