//! Payments that a single message decides.

use holdfast_protocol::{ApprovalCode, DecidedBy, Outcome, ParticipantNumber, Reason, State};
use holdfast_tests::deliveries::Delivery;
use holdfast_tests::deliveries::decline;
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::Parties;
use holdfast_tests::peer::{Peer, sign_on};
use holdfast_tests::requests::{approval, pay};

#[tokio::test]
async fn an_approved_payment_moves_the_money_once() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let forward = parties.forwarded(&request).await;
    assert_eq!(forward.originator, ParticipantNumber::new(1));
    assert_eq!((forward.repeat, forward.attempt), (false, 1));
    assert!(forward.budget_ms < request.budget_ms, "rule 6: the budget shrinks");
    assert_eq!(fixture.position("operator-1", "EUR").await, (700, 0, 0), "held while the answer is out");
    let code = ApprovalCode::new(*b"A12345").unwrap();
    let yes = holdfast_protocol::Answer { approval_code: code, ..approval(&forward, None) };
    parties.acquirer.send(&[yes.into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Captured));
    assert_eq!((answer.amount, answer.approval_code), (request.amount, code));
    assert_eq!(answer.settlement_date, forward.settlement_date);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 700));
}

#[tokio::test]
async fn a_decline_of_the_destination_is_told_with_its_reason_and_holds_nothing() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let forward = parties.forwarded(&request).await;
    parties.acquirer.send(&[decline(&forward, Reason::InsufficientFunds).into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::InsufficientFunds));
    assert_eq!((answer.state, answer.decided_by), (State::Declined, DecidedBy::Destination));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
    assert_eq!(parties.operator.answer_to(request).await, answer, "rule 3: a declined id stays declined");
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_is_not_forwarded() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    let first = parties.approved(&request).await;
    (request.repeat, request.attempt) = (true, 2);
    assert_eq!(parties.operator.answer_to(request).await, first, "the sequence, too");
    // Had the repeat been forwarded, its forward would come before that of the next payment.
    parties.approved(&pay("shop@acq-1", 1)).await;
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 701, 0));
}

#[tokio::test]
async fn a_repeat_while_the_first_is_in_flight_waits_with_it() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    let forward = parties.forwarded(&request).await;
    (request.repeat, request.attempt) = (true, 2);
    let next = pay("shop@acq-1", 5);
    parties.operator.send(&[request.clone().into(), next.clone().into()]).await;
    let following = parties.acquirer.next_forward().await;
    assert_eq!(following.id, next.id, "rule 4: never forwarded twice");
    parties.acquirer.send(&[approval(&forward, None).into(), approval(&following, None).into()]).await;
    let answers = [parties.operator.next_answer().await.id, parties.operator.next_answer().await.id];
    assert_eq!(answers, [request.id, next.id], "one answer for both copies");
}

#[tokio::test]
async fn a_partial_approval_moves_the_approved_amount() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    request.partial_allowed = true;
    let forward = parties.forwarded(&request).await;
    parties.acquirer.send(&[approval(&forward, Some(300)).into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.amount.minor()), (Outcome::Approved, 300), "rule 17");
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 300, 0));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 300));
}

#[tokio::test]
async fn a_partial_approval_nobody_allowed_is_undone() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let forward = parties.forwarded(&pay("shop@acq-1", 700)).await;
    parties.acquirer.send(&[approval(&forward, Some(300)).into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::PartialNotAllowed));
    assert_eq!(parties.acquirer.take_delivery().await.original(), forward.id);
    assert_eq!(parties.acquirer.next_complete().await.original, forward.id);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
}

#[tokio::test]
async fn an_operator_may_be_the_destination() {
    let fixture = Fixture::start("");
    let mut payer = Peer::operator(&fixture, "operator-2").await;
    let mut payee = Peer::dial(&fixture, "operator-1").await;
    payee.sign_on(sign_on(true, true)).await;
    let _acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let request = pay("anna@mps-1", 900);
    payer.send(&[request.clone().into()]).await;
    let forward = payee.next_forward().await;
    assert_eq!((forward.id, forward.originator), (request.id, ParticipantNumber::new(2)));
    payee.send(&[approval(&forward, None).into()]).await;
    assert_eq!(payer.next_answer().await.outcome, Outcome::Approved);
    assert_eq!(fixture.position("operator-2", "EUR").await, (0, 900, 0));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 900));
}

#[tokio::test]
async fn a_silent_destination_is_reversed_at_the_deadline() {
    let fixture = Fixture::start("");
    let mut parties = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    request.budget_ms = 300;
    let forward = parties.forwarded(&request).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::DestinationTimedOut));
    assert_eq!((answer.state, answer.decided_by), (State::TimedOut, DecidedBy::Switch));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0), "released at the decision");
    let reversal = parties.acquirer.next_delivery().await;
    assert_eq!(reversal.original(), forward.id, "rule 7");
    assert!(
        matches!(&reversal, Delivery::Reverse(m) if m.reason == Reason::DestinationTimedOut.number()),
        "it says why: {reversal:?}"
    );
    let silent =
        "holdfast_destination_declines_total{destination=\"acquirer-1\",reason=\"DestinationTimedOut\"}";
    assert_eq!(fixture.metric(silent), 1.0, "whose silence it was");
    // Rule 8: what comes too late is not delivered.
    parties.acquirer.send(&[approval(&forward, None).into(), reversal.acknowledgement()]).await;
    assert_eq!(parties.acquirer.next_complete().await.original, forward.id);
    assert_eq!(parties.operator.answer_to(request).await, answer);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
}
