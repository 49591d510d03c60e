//! Undoing: what is pending, what is held, what was captured, and what nobody has seen yet.

use holdfast_protocol::{Outcome, ParticipantNumber, Reason, Reverse, State};
use holdfast_tests::deliveries::Delivery;
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::requests::{approval, capture, pay, reserve, reverse};

#[tokio::test]
async fn a_pending_payment_is_reversed_at_once() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let forward = parties.forwarded(&request).await;
    let undoing = reverse(&request);
    parties.operator.send(&[undoing.clone().into()]).await;
    let mut answers = [parties.operator.next_answer().await, parties.operator.next_answer().await];
    answers.sort_by_key(|answer| answer.id != request.id);
    assert_eq!(
        (answers[0].id, answers[0].outcome, answers[0].reason),
        (request.id, Outcome::Declined, Reason::ReversedByOriginator)
    );
    assert_eq!((answers[1].id, answers[1].outcome), (undoing.id, Outcome::Approved));
    assert_eq!(answers[1].state, State::Reversed);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
    // Too late: nothing comes of it.
    parties.acquirer.send(&[approval(&forward, None).into()]).await;
    let Delivery::Reverse(told) = parties.acquirer.take_delivery().await else { panic!("no reversal") };
    assert_eq!((told.id, told.original), (undoing.id, request.id));
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    assert_eq!(parties.operator.answer_to(undoing).await, answers[1]);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
}

#[tokio::test]
async fn a_captured_payment_is_reversed_by_the_opposite_movement() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let first = parties.approved(&request).await;
    // A reason of the operator's own, on no list of the switch.
    let undoing = Reverse { reason: 9_999, ..reverse(&request) };
    let answer = parties.operator.answer_to(undoing.clone()).await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Reversed));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 700), "rule 22: never subtracted");
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 700, 700));
    let told = parties.acquirer.take_delivery().await;
    assert!(
        matches!(&told, Delivery::Reverse(m) if (m.original, m.reason) == (request.id, 9_999)),
        "{told:?}"
    );
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    assert_eq!(parties.operator.answer_to(undoing.clone()).await, answer, "the same answer again");
    // Rule 11: a second whole reversal under a new id moves nothing; rule 12: a reversal is never reversed.
    let second = parties.operator.answer_to(reverse(&request)).await;
    assert_eq!((second.outcome, second.state), (Outcome::Approved, State::Reversed));
    let mut of_reversal = reverse(&request);
    of_reversal.original = undoing.id;
    let refused = parties.operator.answer_to(of_reversal).await;
    assert_eq!((refused.outcome, refused.reason), (Outcome::Declined, Reason::ReversalOfReversal));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 700));
    // Rule 13: the outcome as decided, and the state now.
    let again = parties.operator.answer_to(request).await;
    assert_eq!(
        (again.outcome, again.state, again.sequence),
        (first.outcome, State::Reversed, first.sequence)
    );
}

#[tokio::test]
async fn a_hold_captured_in_part_is_reversed_as_a_whole() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut request = reserve("shop@acq-1", 1_000);
    request.captures_many = true;
    parties.approved(&request).await;
    assert_eq!(parties.operator.answer_to(capture(&request, 400, false)).await.outcome, Outcome::Approved);
    let part = parties.acquirer.take_delivery().await;
    assert_eq!(parties.operator.answer_to(reverse(&request)).await.state, State::Reversed);
    let whole = parties.acquirer.take_delivery().await;
    assert!(matches!(whole, Delivery::Reverse(_)), "{whole:?}");
    assert!(whole.number() > part.number());
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 400, 400));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 400, 400));
    let late = parties.operator.answer_to(capture(&request, 1, true)).await;
    assert_eq!((late.outcome, late.reason), (Outcome::Declined, Reason::OriginalReversed));
}

#[tokio::test]
async fn a_reversal_of_the_unknown_is_passed_on_and_declines_an_original_that_comes_later() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let undoing = reverse(&request);
    let answer = parties.operator.answer_to(undoing.clone()).await;
    assert_eq!(answer.outcome, Outcome::Approved, "{}", answer.reason);
    let Delivery::Reverse(told) = parties.acquirer.take_delivery().await else { panic!("no reversal") };
    assert_eq!((told.id, told.original), (undoing.id, request.id));
    assert_eq!(told.originator, ParticipantNumber::new(1));
    let late = parties.operator.answer_to(request.clone()).await;
    assert_eq!((late.outcome, late.reason), (Outcome::Declined, Reason::ReversedBeforeArrival));
    assert_eq!(parties.operator.answer_to(request).await, late);
    assert_eq!(parties.operator.answer_to(undoing).await.sequence, answer.sequence);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
    // The declined original was not forwarded: the next forward is that of another payment.
    parties.approved(&pay("shop@acq-1", 1)).await;
}

#[tokio::test]
async fn nobody_can_reverse_the_payment_of_somebody_else() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut stranger = holdfast_tests::peer::Peer::operator(&fixture, "operator-2").await;
    let request = pay("shop@acq-1", 700);
    parties.approved(&request).await;
    // For the stranger the id is another transaction, which nobody knows.
    assert_eq!(stranger.answer_to(reverse(&request)).await.outcome, Outcome::Approved);
    let Delivery::Reverse(told) = parties.acquirer.take_delivery().await else { panic!("no reversal") };
    assert_eq!(told.originator, ParticipantNumber::new(2), "rule 2");
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0));
    assert_eq!(parties.operator.answer_to(request).await.state, State::Captured);
}
