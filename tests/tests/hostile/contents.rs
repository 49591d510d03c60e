//! Requests and answers that can be read and may not be.

use std::collections::HashMap;

use holdfast_protocol::{Amount, Currency, Message, Outcome, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::PATIENT;
use holdfast_tests::peer::{Peer, encoded, pays, wait_until};
use holdfast_tests::requests::{approval, id_made, now, pay};

/// An operator and both acquirers.
async fn parties(fixture: &Fixture) -> (Peer, Peer, Peer) {
    (
        Peer::operator(fixture, "operator-1").await,
        Peer::destination(fixture, "acquirer-1").await,
        Peer::destination(fixture, "acquirer-2").await,
    )
}

#[tokio::test]
async fn fields_out_of_range_are_refused_each_with_its_own_reason() {
    let fixture = Fixture::start(PATIENT);
    let (mut operator, mut acquirer, _) = parties(&fixture).await;
    // Offsets of the byte table of authorize, after the header of six bytes.
    let cases: [(usize, &[u8], Reason); 6] = [
        (24, &0_u64.to_le_bytes(), Reason::AmountZero),
        (24, &1_000_000_000_000_u64.to_le_bytes(), Reason::AmountTooLarge),
        (22, &999_u16.to_le_bytes(), Reason::CurrencyUnknown),
        (18, &[9], Reason::Malformed),
        (32, b"\0\0\0\0\0\0\0\0", Reason::PaymentIdMalformed),
        (100, &0_u32.to_le_bytes(), Reason::Malformed),
    ];
    for (offset, bytes, reason) in cases {
        let mut frame = encoded(&[pay("shop@acq-1", 100).into()]).to_vec();
        frame[6 + offset..6 + offset + bytes.len()].copy_from_slice(bytes);
        operator.send_bytes(&frame).await;
        let answer = operator.next_answer().await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Refused, reason), "at {offset}");
    }
    for (_, _, reason) in cases {
        let times = cases.iter().filter(|(_, _, other)| *other == reason).count() as u64;
        fixture.shows_refused_frames("operator-1", reason, times).await;
    }
    let mut reserved = encoded(&[pay("shop@acq-1", 100).into()]).to_vec();
    reserved[2] = 0x22;
    operator.send_bytes(&reserved).await;
    assert_eq!(operator.next_answer().await.reason, Reason::MessageReserved);
    fixture.shows_refused_frames("operator-1", Reason::MessageReserved, 1).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn ids_and_expiries_outside_the_window_are_refused() {
    let fixture = Fixture::start(PATIENT);
    let (mut operator, mut acquirer, _) = parties(&fixture).await;
    let made_at = |created, expires| {
        let mut request = pay("shop@acq-1", 100);
        request.id = id_made(created);
        request.expires = expires;
        request
    };
    let cases = [
        (made_at(now().minus(3_600_000), now().plus(1_000)), Reason::ExpiresTooFar),
        (made_at(now().minus(3_600_000), now().minus(3_599_000)), Reason::Expired),
        (made_at(now().plus(3_600_000), now().plus(3_601_000)), Reason::IdFromTheFuture),
        (made_at(now().plus(20_000), now().plus(21_000)), Reason::IdFromTheFuture),
        (made_at(now(), now().plus(86_400_000)), Reason::ExpiresTooFar),
        (made_at(now().minus(5_000), now().minus(1_000)), Reason::Expired),
    ];
    let mut refused: HashMap<Reason, u64> = HashMap::new();
    for (request, reason) in cases {
        let text = format!("{request:?}");
        let (outcome, said) = operator.ask(request).await;
        // An id that is both too old and badly dated may be refused for either; never taken.
        assert_eq!(outcome, Outcome::Refused, "{text}");
        assert!(said == reason || said == Reason::IdTooOld, "{said} instead of {reason}: {text}");
        *refused.entry(said).or_default() += 1;
    }
    for (reason, times) in refused {
        fixture.shows_refusals("operator-1", reason, times).await;
    }
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused_naming_the_field() {
    let fixture = Fixture::start(PATIENT);
    let (mut operator, mut acquirer, _) = parties(&fixture).await;
    let request = pay("shop@acq-1", 700);
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    let mut other = request.clone();
    other.amount = Amount::from_minor(701).unwrap();
    assert_eq!(operator.ask(other).await.1, Reason::IdReusedOtherAmount, "while pending");
    acquirer.send(&[approval(&forward, None).into()]).await;
    assert_eq!(operator.next_answer().await.outcome, Outcome::Approved);
    let mut other = request.clone();
    other.currency = Currency::from_code("JPY").unwrap();
    assert_eq!(operator.ask(other).await.1, Reason::IdReusedOtherCurrency);
    let mut other = request.clone();
    other.payment_id = "shop@acq-2".parse().unwrap();
    assert_eq!(operator.ask(other).await.1, Reason::IdReusedOtherPaymentId);
    let mut repeat = request;
    (repeat.repeat, repeat.attempt, repeat.budget_ms) = (true, 2, 17);
    assert_eq!(
        operator.ask(repeat).await,
        (Outcome::Approved, Reason::None),
        "rule 2: no part of the content"
    );
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0));
    for reason in [Reason::IdReusedOtherAmount, Reason::IdReusedOtherCurrency, Reason::IdReusedOtherPaymentId]
    {
        fixture.shows_refusals("operator-1", reason, 1).await;
    }
}

#[tokio::test]
async fn unknown_payees_and_currencies_are_declined_and_nothing_is_held() {
    let fixture = Fixture::start(PATIENT);
    let (mut operator, ..) = parties(&fixture).await;
    assert_eq!(operator.ask(pay("shop@nobody", 1)).await, (Outcome::Declined, Reason::MpsUnknown));
    let mut yen = pay("shop@acq-1", 1);
    yen.currency = Currency::from_code("JPY").unwrap();
    assert_eq!(operator.ask(yen).await, (Outcome::Declined, Reason::CurrencyNotAgreed));
    assert_eq!(operator.ask(pay("me@mps-1", 1)).await, (Outcome::Declined, Reason::DestinationIsOriginator));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
    for reason in [Reason::MpsUnknown, Reason::CurrencyNotAgreed, Reason::DestinationIsOriginator] {
        fixture.shows_declines("operator-1", reason, 1).await;
    }
}

#[tokio::test]
async fn an_answer_nobody_asked_for_changes_nothing() {
    let fixture = Fixture::start(PATIENT);
    let (mut operator, mut acquirer, mut other) = parties(&fixture).await;
    let mut unasked = pay("shop@acq-1", 700);
    unasked.originator = holdfast_protocol::ParticipantNumber::new(1);
    acquirer.send(&[approval(&unasked, None).into()]).await;
    // An answer to somebody else's request: the transaction is the first acquirer's.
    let request = pay("shop@acq-1", 700);
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    other.send(&[approval(&forward, Some(1)).into()]).await;
    // The other one's answer has been looked at when it is told so; then the right one answers.
    let Some(Message::DecidedThrough(decided)) = other.next().await else { panic!("not told") };
    assert_eq!(decided.count, 1);
    acquirer.send(&[approval(&forward, None).into()]).await;
    let answer = operator.next_answer().await;
    assert_eq!((answer.outcome, answer.amount), (Outcome::Approved, request.amount));
    assert_eq!(fixture.position("acquirer-2", "EUR").await, (0, 0, 0));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 700));
    let counter = "holdfast_answers_unexpected_total";
    fixture.shows_oddity("acquirer-1", "answers nobody asked for", counter, 2).await;
    fixture.shows_oddity("acquirer-2", "answers nobody asked for", counter, 2).await;
}

#[tokio::test]
async fn an_approval_above_the_amount_is_declined_and_reversed() {
    let fixture = Fixture::start(PATIENT);
    let (mut operator, mut acquirer, _) = parties(&fixture).await;
    let request = pay("shop@acq-1", 700);
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    acquirer.send(&[approval(&forward, Some(701)).into()]).await;
    let answer = operator.next_answer().await;
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::ApprovalAboveAmount));
    loop {
        match acquirer.next().await {
            Some(Message::Reverse(reversal)) => break assert_eq!(reversal.original, request.id),
            Some(Message::DecidedThrough(_)) => {}
            other => panic!("no reversal: {other:?}"),
        }
    }
    wait_until("the hold to be let go", async || fixture.position("operator-1", "EUR").await == (0, 0, 0))
        .await;
    let what = "approvals of what was not asked";
    fixture.shows_oddity("acquirer-1", what, "holdfast_approvals_wrong_total", 1).await;
    fixture.shows_declines("operator-1", Reason::ApprovalAboveAmount, 1).await;
}
