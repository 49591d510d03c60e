//! Holds: taken in parts, given back, run out.

use holdfast_protocol::{Kind, Outcome, Reason, State};
use holdfast_tests::deliveries::Delivery;
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::wait_until;
use holdfast_tests::requests::{approval, capture, release, reserve};

#[tokio::test]
async fn a_reservation_is_captured_in_parts_and_the_last_one_gives_back_the_rest() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut request = reserve("shop@acq-1", 1_000);
    request.captures_many = true;
    assert_eq!(parties.approved(&request).await.state, State::Held);
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (1_000, 0, 0));
    let parts = [(400, false, (600, 400)), (250, false, (350, 650)), (100, true, (0, 750))];
    for (number, (minor, last, (held, debits))) in (1..).zip(parts) {
        let part = capture(&request, minor, last);
        let answer = parties.operator.answer_to(part.clone()).await;
        assert_eq!((answer.id, answer.outcome), (part.id, Outcome::Approved), "{}", answer.reason);
        assert_eq!((answer.amount, answer.state == State::Captured), (part.amount, last));
        assert_eq!(fixture.position("acquirer-1", "EUR").await, (held, debits, 0));
        assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, debits));
        assert_eq!(parties.operator.answer_to(part.clone()).await, answer, "a repeat is no second part");
        let Delivery::Capture(told) = parties.acquirer.take_delivery().await else { panic!("no capture") };
        assert_eq!(
            (told.id, told.original, told.amount, told.last),
            (part.id, request.id, part.amount, last)
        );
        assert_eq!(told.delivery.unwrap().0, number);
        assert!(told.settlement_date.is_some());
    }
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    let more = parties.operator.answer_to(capture(&request, 1, true)).await;
    assert_eq!((more.outcome, more.reason), (Outcome::Declined, Reason::HoldCaptured));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 750, 0));
}

#[tokio::test]
async fn captures_beyond_what_was_agreed_are_declined_and_take_nothing() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = reserve("shop@acq-1", 1_000);
    parties.approved(&request).await;
    let cases = [
        (capture(&request, 1_001, true), Reason::CaptureAboveHold),
        (capture(&request, 500, false), Reason::CapturesManyNotAllowed),
    ];
    for (part, reason) in cases {
        let answer = parties.operator.answer_to(part.clone()).await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, reason));
        assert_eq!(parties.operator.answer_to(part).await, answer, "final");
    }
    let unknown = parties.operator.answer_to(capture(&reserve("shop@acq-1", 1), 1, true)).await;
    assert_eq!((unknown.outcome, unknown.reason), (Outcome::Declined, Reason::OriginalUnknown));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (1_000, 0, 0));
}

#[tokio::test]
async fn a_release_gives_everything_back() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = reserve("shop@acq-1", 1_000);
    parties.approved(&request).await;
    let giving_back = release(&request);
    let answer = parties.operator.answer_to(giving_back.clone()).await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Released));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 0));
    let Delivery::Release(told) = parties.acquirer.take_delivery().await else { panic!("no release") };
    assert_eq!((told.id, told.original, told.expired), (giving_back.id, request.id, false));
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    assert_eq!(parties.operator.answer_to(giving_back).await, answer);
    let late = parties.operator.answer_to(capture(&request, 1, true)).await;
    assert_eq!((late.outcome, late.reason), (Outcome::Declined, Reason::HoldReleased));
}

#[tokio::test]
async fn a_hold_that_runs_out_is_released_and_the_destination_hears_it() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut request = reserve("shop@acq-1", 1_000);
    request.expires = request.id.created().plus(3_000);
    request.hold_until = request.expires;
    parties.approved(&request).await;
    let Delivery::Release(told) = parties.acquirer.take_delivery().await else { panic!("no release") };
    assert_eq!((told.original, told.expired), (request.id, true));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 0));
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
    let late = parties.operator.answer_to(capture(&request, 1, true)).await;
    assert_eq!((late.outcome, late.reason), (Outcome::Declined, Reason::HoldExpired), "rule 18");
    assert_eq!(parties.operator.inquire(request.id, None).await.state, State::Expired);
}

#[tokio::test]
async fn a_verification_holds_nothing_and_cannot_be_captured() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = holdfast_protocol::Authorize { kind: Kind::Verify, ..reserve("shop@acq-1", 100) };
    parties.approved(&request).await;
    for who in ["operator-1", "acquirer-1"] {
        assert_eq!(fixture.position(who, "EUR").await, (0, 0, 0), "{who}");
    }
    let taking = parties.operator.answer_to(capture(&request, 100, true)).await;
    assert_eq!((taking.outcome, taking.reason), (Outcome::Declined, Reason::NotCapturable));
    let answer = parties.operator.answer_to(release(&request)).await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Released));
    let told = parties.acquirer.take_delivery().await;
    assert!(matches!(&told, Delivery::Release(m) if m.original == request.id), "{told:?}");
    assert_eq!(parties.acquirer.next_complete().await.original, request.id);
}

#[tokio::test]
async fn a_delivery_nobody_acknowledges_is_repeated_with_the_flag() {
    let fixture = Fixture::start(&format!("{PATIENT}\n[deliveries]\nretry_ms = 50\nretry_max_ms = 100\n"));
    let mut parties = Parties::of(&fixture).await;
    let request = reserve("shop@acq-1", 1_000);
    parties.approved(&request).await;
    assert_eq!(parties.operator.answer_to(release(&request)).await.outcome, Outcome::Approved);
    let first = parties.acquirer.next_delivery().await;
    let second = parties.acquirer.next_delivery().await;
    assert_eq!((first.repeat(), second.repeat()), (false, true), "rule 7");
    assert_eq!((first.number(), first.original()), (second.number(), second.original()));
    parties.acquirer.send(&[second.acknowledgement()]).await;
    wait_until("nothing to be undelivered", async || {
        fixture.status().await.deliveries.iter().all(|d| d.undelivered == 0)
    })
    .await;
}

#[tokio::test]
async fn a_reservation_may_be_approved_in_part() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut request = reserve("shop@acq-1", 1_000);
    request.partial_allowed = true;
    let forward = parties.forwarded(&request).await;
    parties.acquirer.send(&[approval(&forward, Some(600)).into()]).await;
    let answer = parties.operator.next_answer().await;
    assert_eq!((answer.state, answer.amount.minor()), (State::Held, 600));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (600, 0, 0));
    let above = parties.operator.answer_to(capture(&request, 601, true)).await;
    assert_eq!(above.reason, Reason::CaptureAboveHold, "rule 17");
    assert_eq!(parties.operator.answer_to(capture(&request, 600, true)).await.outcome, Outcome::Approved);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 600));
}
