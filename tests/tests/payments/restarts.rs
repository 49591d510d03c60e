//! A switch that stops in the middle and comes back over its journal.

use holdfast_protocol::{Outcome, State};
use holdfast_tests::deliveries::Delivery;
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::requests::{approval, capture, pay, release, reserve, reverse};

/// Of both parties.
async fn positions(fixture: &Fixture) -> [(i128, i128, i128); 2] {
    [fixture.position("operator-1", "EUR").await, fixture.position("acquirer-1", "EUR").await]
}

#[tokio::test]
async fn pending_and_held_transactions_finish_after_a_restart() {
    let mut fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let (paid, held) = (pay("shop@acq-1", 700), reserve("shop@acq-1", 1_000));
    let mut pending = pay("shop@acq-1", 50);
    pending.budget_ms = 20_000;
    let told = parties.approved(&paid).await;
    let promised = parties.approved(&held).await;
    let first = parties.forwarded(&pending).await;
    let before = positions(&fixture).await;
    assert_eq!(before, [(50, 700, 0), (1_000, 0, 700)]);
    fixture.restart();
    assert_eq!(positions(&fixture).await, before, "as before");
    let mut parties = Parties::of(&fixture).await;
    let again = parties.acquirer.next_forward().await;
    assert_eq!((again.id, again.repeat, again.settlement_date), (pending.id, true, first.settlement_date));
    // The operator repeats what it has not heard, and what it has.
    pending.repeat = true;
    parties.operator.send(&[pending.clone().into()]).await;
    assert_eq!(parties.operator.inquire(pending.id, None).await.state, State::Pending);
    parties.acquirer.send(&[approval(&again, None).into()]).await;
    assert_eq!(parties.operator.next_answer().await.outcome, Outcome::Approved);
    assert_eq!(
        parties.operator.answer_to(paid.clone()).await,
        told,
        "the same answer, sequence and epoch, too"
    );
    assert_eq!(parties.operator.answer_to(held.clone()).await, promised);
    let answer = parties.operator.answer_to(capture(&held, 400, true)).await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Captured));
    let capture = parties.acquirer.take_delivery().await;
    assert!(matches!(&capture, Delivery::Capture(m) if m.original == held.id), "{capture:?}");
    assert_eq!(parties.acquirer.next_complete().await.original, held.id);
    assert_eq!(positions(&fixture).await, [(0, 750, 400), (0, 400, 750)]);
}

#[tokio::test]
async fn what_was_not_acknowledged_is_delivered_again_after_a_restart() {
    let mut fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let (held, paid) = (reserve("shop@acq-1", 1_000), pay("shop@acq-1", 700));
    parties.approved(&held).await;
    parties.approved(&paid).await;
    let (giving_back, undoing) = (release(&held), reverse(&paid));
    let released = parties.operator.answer_to(giving_back.clone()).await;
    let reversed = parties.operator.answer_to(undoing.clone()).await;
    assert_eq!((released.outcome, reversed.outcome), (Outcome::Approved, Outcome::Approved));
    let heard = [parties.acquirer.next_delivery().await, parties.acquirer.next_delivery().await];
    let before = positions(&fixture).await;
    fixture.restart();
    let mut parties = Parties::of(&fixture).await;
    let again = [parties.acquirer.next_delivery().await, parties.acquirer.next_delivery().await];
    for delivery in &again {
        assert!(delivery.repeat(), "it may have left before");
        assert!(heard.iter().any(|h| (h.original(), h.number()) == (delivery.original(), delivery.number())));
    }
    assert_ne!(again[0].original(), again[1].original());
    parties.acquirer.send(&again.each_ref().map(|delivery| delivery.acknowledgement())).await;
    let complete = [parties.acquirer.next_complete().await, parties.acquirer.next_complete().await];
    assert_eq!(complete.map(|c| c.original), again.each_ref().map(|delivery| delivery.original()));
    assert_eq!(parties.operator.answer_to(giving_back).await, released);
    assert_eq!(parties.operator.answer_to(undoing).await, reversed);
    assert_eq!(positions(&fixture).await, before);
}

#[tokio::test]
async fn a_deadline_that_passed_while_the_switch_was_down_is_a_reversal() {
    let mut fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    request.budget_ms = 1_000;
    let forward = parties.forwarded(&request).await;
    fixture.restart();
    let mut parties = Parties::of(&fixture).await;
    // Where the restart was quicker than the deadline, the forward comes again first; nobody answers it.
    let reversal = parties.acquirer.next_reversal_past_forwards().await;
    parties.acquirer.send(&[reversal.acknowledgement()]).await;
    assert_eq!(reversal.original(), forward.id);
    assert_eq!(parties.operator.answer_to(request).await.state, State::TimedOut);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
}
