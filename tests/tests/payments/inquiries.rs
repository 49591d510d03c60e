//! Asking what became of a request.

use holdfast_protocol::{Outcome, ParticipantNumber, Reason, State};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::Peer;
use holdfast_tests::requests::{approval, capture, pay, reserve};

#[tokio::test]
async fn operator_and_destination_learn_the_same_and_others_nothing() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut stranger = Peer::operator(&fixture, "operator-2").await;
    let mut request = reserve("shop@acq-1", 1_000);
    request.captures_many = true;
    let answer = parties.approved(&request).await;
    assert_eq!(parties.operator.answer_to(capture(&request, 300, false)).await.outcome, Outcome::Approved);
    let one = ParticipantNumber::new(1);
    let asked = parties.operator.inquire(request.id, None).await;
    assert_eq!((asked.reason, asked.outcome), (Reason::None, Some(Outcome::Approved)));
    assert_eq!((asked.state, asked.sequence, asked.undelivered), (State::Held, answer.sequence, 1));
    assert_eq!(
        (asked.held_for.minor(), asked.captured.minor(), asked.released.minor(), asked.reversed.minor()),
        (1_000, 300, 0, 0)
    );
    let part = parties.acquirer.take_delivery().await;
    assert_eq!(part.original(), request.id);
    let seen = parties.acquirer.inquire(request.id, one).await;
    assert_eq!((seen.outcome, seen.state, seen.captured), (asked.outcome, asked.state, asked.captured));
    assert_eq!(seen.undelivered, 0);
    let nothing = stranger.inquire(request.id, one).await;
    assert_eq!((nothing.reason, nothing.outcome), (Reason::OriginalUnknown, None));
}

#[tokio::test]
async fn what_is_pending_has_no_outcome_and_what_is_unknown_is_said_to_be() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let nothing = parties.operator.inquire(request.id, None).await;
    assert_eq!((nothing.reason, nothing.state), (Reason::OriginalUnknown, State::None));
    let forward = parties.forwarded(&request).await;
    let pending = parties.operator.inquire(request.id, None).await;
    assert_eq!((pending.reason, pending.outcome, pending.state), (Reason::None, None, State::Pending));
    parties.acquirer.send(&[approval(&forward, None).into()]).await;
    let answer = parties.operator.next_answer().await;
    let decided = parties.operator.inquire(request.id, None).await;
    assert_eq!((decided.outcome, decided.sequence), (Some(answer.outcome), answer.sequence));
}
