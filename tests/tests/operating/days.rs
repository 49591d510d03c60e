//! The end of a business day (rules 26 to 28).

use holdfast_protocol::Outcome;
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::wait_until;
use holdfast_tests::requests::{approval, capture, date_in, pay, reserve, reverse};

use crate::{order, refused_order};

#[tokio::test]
async fn new_work_gets_the_new_date_and_the_old_day_closes_behind_its_last_transaction() {
    let mut fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let paid = pay("shop@acq-1", 700);
    let held = reserve("shop@acq-1", 1_000);
    let first = parties.approved(&paid).await;
    parties.approved(&held).await;
    let mut in_flight = pay("shop@acq-1", 20);
    in_flight.budget_ms = 20_000;
    let forward = parties.forwarded(&in_flight).await;
    let old = fixture.status().await.business_date;
    let next = date_in(7).to_string();
    assert_eq!(first.settlement_date.unwrap().to_string(), old);
    let answer = order(&fixture, &format!("/cutover/{next}"));
    assert!(answer.contains(&old) && answer.contains(&next), "{answer}");
    let fresh = parties.approved(&pay("shop@acq-1", 1)).await;
    assert_eq!(fresh.settlement_date.unwrap().to_string(), next);
    let status = fixture.status().await;
    assert_eq!(status.business_date, next);
    assert!(status.open_days.contains(&old), "something dated to it is pending: {:?}", status.open_days);
    // Rule 26: a repeat keeps its date; so does what was in flight.
    assert_eq!(parties.operator.answer_to(paid.clone()).await, first);
    parties.acquirer.send(&[approval(&forward, None).into()]).await;
    let late = parties.operator.next_answer().await;
    assert_eq!((late.outcome, late.settlement_date), (Outcome::Approved, first.settlement_date));
    wait_until("the old day to close", async || !fixture.status().await.open_days.contains(&old)).await;
    // Rule 28: new movements about old transactions have the date on which they are decided.
    for answer in [
        parties.operator.answer_to(capture(&held, 1_000, true)).await,
        parties.operator.answer_to(reverse(&paid)).await,
    ] {
        assert_eq!((answer.outcome, answer.settlement_date), (Outcome::Approved, fresh.settlement_date));
    }
    fixture.restart();
    let status = fixture.status().await;
    assert_eq!(status.business_date, next, "the wall clock never moves it");
    assert!(!status.open_days.contains(&old), "closed means closed");
}

#[tokio::test]
async fn the_date_only_moves_forward() {
    let fixture = Fixture::start("");
    let today = fixture.status().await.business_date;
    refused_order(&fixture, "/cutover/2000-01-01", 409);
    refused_order(&fixture, &format!("/cutover/{today}"), 409);
    refused_order(&fixture, "/cutover/tomorrow", 400);
    assert_eq!(fixture.status().await.business_date, today);
}
