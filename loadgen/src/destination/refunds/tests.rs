//! Scripts: refunds and their reversals as a destination books them.

use holdfast_protocol::{
    Amount, Answer, Currency, DeliveryNumber, Extensions, Kind, Message, Outcome, Reason, Refund, RequestId,
    Reverse, UnixMillis,
};

use crate::destination::tests::{CREATED, Play, operator};
use crate::operation_id::IdFields;
use crate::traffic::fate::Fate;

/// A payment of 100 under number 1 was approved.
fn paid() -> Play {
    let mut play = Play::new();
    let pay = play.request(1, Kind::Pay, Fate::Approve);
    play.forward(&pay);
    play
}

fn refund_id(play: &Play, step: u8) -> RequestId {
    play.stage.spaces[0].id(UnixMillis::new(CREATED + 5).unwrap(), IdFields { number: 1, step, slot: 0 })
}

fn refund(play: &Play, step: u8, amount: u64) -> Refund {
    Refund {
        id: refund_id(play, step),
        original: play.id(1),
        originator: operator(),
        amount: Amount::from_minor(amount).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        expires: UnixMillis::new(CREATED + 30_000).unwrap(),
        budget_ms: 3_000,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn forward(play: &mut Play, refund: &Refund) -> Answer {
    play.destination.on_refund(play.now(), refund, &mut play.said);
    match play.said.0.pop() {
        Some(Message::Answer(answer)) => answer,
        other => panic!("expected an answer, not {other:?}"),
    }
}

fn reverse_refund(play: &mut Play, step: u8) {
    let reverse = Reverse {
        id: refund_id(play, step + 1),
        original: refund_id(play, step),
        originator: operator(),
        payment_id: "shop-1@acq-1".parse().unwrap(),
        reason: 0,
        expires: UnixMillis::MAX,
        delivery: Some(DeliveryNumber(1)),
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    };
    play.destination.on_reverse(play.now(), &reverse, &mut play.said);
    assert_eq!(play.acknowledged().original, reverse.original);
}

#[test]
fn a_refund_is_approved_once_and_a_repeat_gets_the_same_answer() {
    let mut play = paid();
    let part = refund(&play, 1, 40);
    let first = forward(&mut play, &part);
    assert_eq!((first.outcome, first.amount.minor()), (Outcome::Approved, 40));
    assert_eq!(forward(&mut play, &Refund { repeat: true, attempt: 2, ..part }), first);
    assert_eq!((play.net(), play.strays()), (60, 0));
}

#[test]
fn several_refunds_reach_what_was_approved_and_never_exceed_it() {
    let mut play = paid();
    for (step, amount) in [(1, 40), (2, 60)] {
        let part = refund(&play, step, amount);
        assert_eq!(forward(&mut play, &part).outcome, Outcome::Approved);
    }
    assert_eq!((play.net(), play.strays()), (0, 0));
    let more = refund(&play, 3, 1);
    let answer = forward(&mut play, &more);
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::InvalidTransaction));
    assert_eq!((play.net(), play.strays()), (0, 1));
}

#[test]
fn a_refund_of_what_was_never_approved_is_declined_and_noticed() {
    let mut play = Play::new();
    let pay = play.request(1, Kind::Pay, Fate::Decline(Reason::SuspectedFraud));
    play.forward(&pay);
    let part = refund(&play, 1, 40);
    assert_eq!(forward(&mut play, &part).outcome, Outcome::Declined);
    assert_eq!((play.net(), play.strays()), (0, 1));
}

#[test]
fn a_reversal_of_a_refund_undoes_it_once_and_only_it() {
    let mut play = paid();
    let part = refund(&play, 1, 40);
    forward(&mut play, &part);
    reverse_refund(&mut play, 1);
    reverse_refund(&mut play, 1);
    assert_eq!((play.net(), play.strays()), (100, 0));
    let again = forward(&mut play, &Refund { repeat: true, ..part });
    assert_eq!(again.outcome, Outcome::Refused);
    assert_eq!(play.net(), 100);
}

#[test]
fn a_reversal_of_a_refund_that_comes_first_is_remembered() {
    let mut play = paid();
    reverse_refund(&mut play, 1);
    let part = refund(&play, 1, 40);
    assert_eq!(forward(&mut play, &part).reason, Reason::ReversedBeforeArrival);
    assert_eq!((play.net(), play.strays()), (100, 0));
}

#[test]
fn a_payment_that_is_reversed_gives_back_what_its_refunds_have_not() {
    let mut play = paid();
    let part = refund(&play, 1, 40);
    forward(&mut play, &part);
    play.reverse(1, 1);
    play.reverse(1, 1);
    assert_eq!(play.net(), 0);
    // What the refund gives up belongs to the reversal: nothing is left with the payee all the same.
    reverse_refund(&mut play, 1);
    assert_eq!((play.net(), play.strays()), (0, 0));
}

#[test]
fn a_refund_is_forgotten_with_its_payment_and_not_before() {
    let mut play = paid();
    let part = refund(&play, 1, 40);
    forward(&mut play, &part);
    let find = |play: &Play| play.stage.memory.borrow().refunds.find(0, 1, part.id);
    play.stage.memory.borrow_mut().forget(UnixMillis::new(CREATED + 3).unwrap());
    assert!(find(&play).is_some(), "it is younger than its payment");
    play.stage.memory.borrow_mut().forget(UnixMillis::new(CREATED + 6).unwrap());
    assert!(find(&play).is_none());
}
