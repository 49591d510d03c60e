//! Captured money that is given back: a transaction of its own over real links.

use holdfast_protocol::{Currency, Outcome, Reason, Refund, State};
use holdfast_tests::deliveries::Delivery;
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties, lose};
use holdfast_tests::peer::Peer;
use holdfast_tests::requests::{
    capture, fresh_id, pay, refund, refund_approval, reserve, reverse, reverse_refund,
};

/// Of both parties.
async fn positions(fixture: &Fixture) -> [(i128, i128, i128); 2] {
    [fixture.position("operator-1", "EUR").await, fixture.position("acquirer-1", "EUR").await]
}

/// A refund that the acquirer approves.
async fn refunded(parties: &mut Parties, request: &Refund) {
    parties.operator.send(&[request.clone().into()]).await;
    let forward = parties.acquirer.next_refund().await;
    parties.acquirer.send(&[refund_approval(&forward).into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.id, answer.outcome), (request.id, Outcome::Approved), "{}", answer.reason);
    assert_eq!((answer.state, answer.amount), (State::Captured, request.amount));
}

#[tokio::test]
async fn a_refund_goes_to_the_destination_of_its_original_and_moves_money_back_once() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let payment = pay("shop@acq-1", 700);
    parties.approved(&payment).await;
    let mut request = refund(&payment, 300);
    parties.operator.send(&[request.clone().into()]).await;
    let forward = parties.acquirer.next_refund().await;
    assert_eq!((forward.id, forward.original, forward.amount), (request.id, payment.id, request.amount));
    assert_eq!((forward.repeat, forward.attempt), (false, 1));
    assert!(forward.originator.is_some() && forward.settlement_date.is_some());
    assert!(forward.budget_ms < request.budget_ms, "rule 6: the budget shrinks");
    assert_eq!(
        positions(&fixture).await,
        [(0, 700, 0), (300, 0, 700)],
        "held on the creditor of the original"
    );
    parties.acquirer.send(&[refund_approval(&forward).into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Captured));
    assert_eq!(positions(&fixture).await, [(0, 700, 300), (0, 300, 700)]);
    (request.repeat, request.attempt) = (true, 2);
    assert_eq!(parties.operator.answer_to(request).await, answer, "I2");
    assert_eq!(positions(&fixture).await, [(0, 700, 300), (0, 300, 700)]);
    assert!(fixture.metric("holdfast_requests_total{participant=\"operator-1\",kind=\"refund\"") >= 2.0);
}

#[tokio::test]
async fn what_must_not_be_refunded_is_declined_with_its_own_reason_and_moves_nothing() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut stranger = Peer::operator(&fixture, "operator-2").await;
    let payment = pay("shop@acq-1", 700);
    parties.approved(&payment).await;
    let held = reserve("shop@acq-1", 500);
    parties.approved(&held).await;
    let yen = Refund { currency: Currency::from_code("JPY").unwrap(), ..refund(&payment, 100) };
    let unknown = Refund { original: fresh_id(), ..refund(&payment, 100) };
    let cases = [
        (refund(&payment, 701), Reason::RefundAboveCaptured),
        (refund(&held, 1), Reason::NothingCaptured),
        (yen, Reason::CurrencyDiffers),
        (unknown, Reason::OriginalUnknown),
    ];
    let before = positions(&fixture).await;
    for (request, reason) in cases {
        assert_eq!(parties.operator.ask(request).await, (Outcome::Declined, reason));
        fixture.shows_declines("operator-1", reason, 1).await;
    }
    let of_somebody_else = refund(&payment, 100);
    assert_eq!(stranger.ask(of_somebody_else).await, (Outcome::Declined, Reason::OriginalUnknown));
    let first = refund(&payment, 400);
    refunded(&mut parties, &first).await;
    assert_eq!(
        parties.operator.ask(Refund { original: first.id, ..refund(&payment, 1) }).await,
        (Outcome::Declined, Reason::NotRefundable)
    );
    assert_eq!(
        parties.operator.ask(refund(&payment, 301)).await,
        (Outcome::Declined, Reason::RefundAboveCaptured),
        "refunds add up"
    );
    refunded(&mut parties, &refund(&payment, 300)).await;
    let after = positions(&fixture).await;
    assert_eq!(after[0], (before[0].0, before[0].1, before[0].2 + 700));
}

#[tokio::test]
async fn a_silent_destination_is_sent_a_reversal_of_the_refund() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let payment = pay("shop@acq-1", 700);
    parties.approved(&payment).await;
    let request = Refund { budget_ms: 300, ..refund(&payment, 700) };
    parties.operator.send(&[request.clone().into()]).await;
    let forward = parties.acquirer.next_refund().await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::DestinationTimedOut));
    let reversal = parties.acquirer.next_delivery().await;
    assert!(matches!(&reversal, Delivery::Reverse(m) if m.original == request.id), "{reversal:?}");
    // Rule 8: what comes too late is not delivered.
    parties.acquirer.send(&[refund_approval(&forward).into(), reversal.acknowledgement()]).await;
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    assert_eq!(positions(&fixture).await, [(0, 700, 0), (0, 0, 700)]);
    refunded(&mut parties, &refund(&payment, 700)).await;
    assert_eq!(positions(&fixture).await, [(0, 700, 700), (0, 700, 700)]);
}

#[tokio::test]
async fn a_whole_reversal_waits_for_a_pending_refund_and_gives_back_the_rest() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let payment = pay("shop@acq-1", 700);
    parties.approved(&payment).await;
    let request = refund(&payment, 300);
    parties.operator.send(&[request.clone().into()]).await;
    let forward = parties.acquirer.next_refund().await;
    let undoing = reverse(&payment);
    parties.operator.send(&[undoing.clone().into()]).await;
    // Had the reversal not waited, it would have been answered before this.
    let more = refund(&payment, 1);
    assert_eq!(parties.operator.ask(more).await, (Outcome::Refused, Reason::ReversalWaiting));
    parties.acquirer.send(&[refund_approval(&forward).into()]).await;
    let answers = [parties.operator.next_answer().await, parties.operator.next_answer().await];
    assert_eq!(answers.each_ref().map(|answer| answer.id), [request.id, undoing.id]);
    assert_eq!(answers.each_ref().map(|answer| answer.amount.minor()), [300, 400]);
    let Delivery::Reverse(told) = parties.acquirer.take_delivery().await else { panic!("no reversal") };
    assert_eq!(told.original, payment.id);
    assert_eq!(positions(&fixture).await, [(0, 700, 700), (0, 700, 700)]);
    // Then the refund is undone, too: what it gives up belongs to the reversal.
    let answer = parties.operator.answer_to(reverse_refund(&request, &payment)).await;
    assert_eq!(
        (answer.outcome, answer.state, answer.amount.minor()),
        (Outcome::Approved, State::Reversed, 300)
    );
    let Delivery::Reverse(told) = parties.acquirer.take_delivery().await else { panic!("no reversal") };
    assert_eq!(told.original, request.id);
    assert_eq!(positions(&fixture).await, [(0, 1_000, 1_000), (0, 1_000, 1_000)]);
}

#[tokio::test]
async fn a_refund_outlives_a_lost_link_and_a_restart() {
    let mut fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let held = reserve("shop@acq-1", 700);
    parties.approved(&held).await;
    parties.operator.answer_to(capture(&held, 500, true)).await;
    parties.acquirer.take_delivery().await;
    let mut request = Refund { budget_ms: 20_000, ..refund(&held, 200) };
    parties.operator.send(&[request.clone().into()]).await;
    let first = parties.acquirer.next_refund().await;
    let Parties { operator, acquirer } = parties;
    lose(&fixture, acquirer).await;
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let again = acquirer.next_refund().await;
    assert_eq!((again.id, again.repeat, again.attempt), (request.id, true, 2));
    assert_eq!(again.settlement_date, first.settlement_date);
    let before = positions(&fixture).await;
    assert_eq!(
        before,
        [(200, 0, 500), (0, 500, 0)],
        "a reservation is owed by its destination, its refund by the operator"
    );
    drop((operator, acquirer));
    fixture.restart();
    assert_eq!(positions(&fixture).await, before, "as before");
    let mut parties = Parties::of(&fixture).await;
    let again = parties.acquirer.next_refund().await;
    assert_eq!((again.id, again.repeat), (request.id, true));
    request.repeat = true;
    parties.operator.send(&[request.clone().into()]).await;
    assert_eq!(parties.operator.inquire(request.id, None).await.state, State::Pending);
    parties.acquirer.send(&[refund_approval(&again).into()]).await;
    assert_eq!(parties.operator.next_answer().await.outcome, Outcome::Approved);
    assert_eq!(positions(&fixture).await, [(0, 200, 500), (0, 500, 200)]);
    let too_much = parties.operator.ask(refund(&held, 301)).await;
    assert_eq!(too_much, (Outcome::Declined, Reason::RefundAboveCaptured), "what was refunded is remembered");
}
