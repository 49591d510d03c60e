//! Links that end while something is on its way.

use holdfast_protocol::{Instance, Outcome};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties, lose};
use holdfast_tests::peer::{Peer, sign_on, wait_until};
use holdfast_tests::requests::{approval, pay, release, reserve};

#[tokio::test]
async fn a_forward_whose_link_is_lost_goes_to_the_same_instance_again() {
    let fixture = Fixture::start(PATIENT);
    let Parties { mut operator, mut acquirer } = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    request.budget_ms = 20_000;
    operator.send(&[request.clone().into()]).await;
    let first = acquirer.next_forward().await;
    lose(&fixture, acquirer).await;
    assert_eq!(fixture.position("operator-1", "EUR").await, (700, 0, 0), "still pending");
    // Another instance does not know it and must not get it.
    let mut stranger = Peer::dial(&fixture, "acquirer-1").await;
    stranger.sign_on(holdfast_protocol::SignOn { instance: Instance(2), ..sign_on(false, true) }).await;
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let again = acquirer.next_forward().await;
    assert_eq!(
        (again.id, again.amount, again.settlement_date),
        (first.id, first.amount, first.settlement_date)
    );
    assert_eq!((first.repeat, again.repeat, again.attempt), (false, true, 2));
    assert!(again.budget_ms < first.budget_ms, "rule 6");
    // Only the instance that got it may answer.
    stranger.send(&[approval(&again, Some(1)).into()]).await;
    assert!(matches!(stranger.next().await, Some(holdfast_protocol::Message::DecidedThrough(_))));
    acquirer.send(&[approval(&again, None).into()]).await;
    let answer = operator.next_answer().await;
    assert_eq!((answer.outcome, answer.amount), (Outcome::Approved, request.amount));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0));
}

#[tokio::test]
async fn instances_that_share_their_deduplication_take_over_from_each_other() {
    let fixture = Fixture::start(PATIENT);
    let mut operator = Peer::operator(&fixture, "operator-1").await;
    let shared = |n| holdfast_protocol::SignOn {
        instance: Instance(n),
        shared_deduplication: true,
        ..sign_on(false, true)
    };
    let mut first = Peer::dial(&fixture, "acquirer-1").await;
    first.sign_on(shared(1)).await;
    let mut request = pay("shop@acq-1", 700);
    request.budget_ms = 20_000;
    operator.send(&[request.clone().into()]).await;
    assert!(!first.next_forward().await.repeat);
    let mut second = Peer::dial(&fixture, "acquirer-1").await;
    second.sign_on(shared(2)).await;
    lose(&fixture, first).await;
    let again = second.next_forward().await;
    assert_eq!((again.id, again.repeat), (request.id, true));
    second.send(&[approval(&again, None).into()]).await;
    assert_eq!(operator.next_answer().await.outcome, Outcome::Approved);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0));
}

#[tokio::test]
async fn an_operator_that_left_finds_the_outcome_by_repeating_over_another_link() {
    let fixture = Fixture::start(PATIENT);
    let Parties { mut operator, mut acquirer } = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    lose(&fixture, operator).await;
    acquirer.send(&[approval(&forward, None).into()]).await;
    wait_until("the payment to be decided", async || {
        fixture.position("operator-1", "EUR").await == (0, 700, 0)
    })
    .await;
    let mut operator = Peer::dial(&fixture, "operator-1").await;
    operator.sign_on(holdfast_protocol::SignOn { instance: Instance(2), ..sign_on(true, false) }).await;
    (request.repeat, request.attempt) = (true, 2);
    let answer = operator.answer_to(request.clone()).await;
    assert_eq!((answer.id, answer.outcome), (request.id, Outcome::Approved));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0), "once");
}

#[tokio::test]
async fn an_operator_that_repeats_over_another_link_is_answered_there() {
    let fixture = Fixture::start(PATIENT);
    let Parties { mut operator, mut acquirer } = Parties::of(&fixture).await;
    let mut request = pay("shop@acq-1", 700);
    request.budget_ms = 20_000;
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    lose(&fixture, operator).await;
    let mut operator = Peer::operator(&fixture, "operator-1").await;
    (request.repeat, request.attempt) = (true, 2);
    // An inquiry behind the repeat shows that the repeat was looked at.
    operator.send(&[request.clone().into()]).await;
    assert_eq!(operator.inquire(request.id, None).await.outcome, None);
    acquirer.send(&[approval(&forward, None).into()]).await;
    assert_eq!(operator.next_answer().await.outcome, Outcome::Approved);
}

#[tokio::test]
async fn a_delivery_waits_for_the_instance_that_knows_the_hold() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = reserve("shop@acq-1", 1_000);
    parties.approved(&request).await;
    let Parties { mut operator, acquirer } = parties;
    lose(&fixture, acquirer).await;
    assert_eq!(operator.answer_to(release(&request)).await.outcome, Outcome::Approved);
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 0), "the decision is the switch's");
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    assert_eq!(acquirer.take_delivery().await.original(), request.id);
    assert_eq!(acquirer.next_complete().await.original, request.id);
}
