//! Suspending, draining, resuming (rule 25): new work stops, work in flight finishes, reversals always flow.

use holdfast_protocol::{Drain, Message, Notice, Outcome, Reason, State};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::{Peer, pays};
use holdfast_tests::requests::{approval, capture, pay, release, reserve, reverse};

use crate::{order, refused_order};

#[tokio::test]
async fn a_suspended_operator_may_only_undo() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let (paid, held) = (pay("shop@acq-1", 700), reserve("shop@acq-1", 1_000));
    parties.approved(&paid).await;
    parties.approved(&held).await;
    let in_flight = pay("shop@acq-1", 20);
    let forward = parties.forwarded(&in_flight).await;
    order(&fixture, "/participant/operator-1/suspend");
    let (fresh, taking) = (pay("shop@acq-1", 1), capture(&held, 10, true));
    let suspended = (Outcome::Refused, Reason::Suspended);
    assert_eq!(parties.operator.ask(fresh.clone()).await, suspended);
    assert_eq!(parties.operator.ask(taking.clone()).await, suspended);
    assert_eq!(parties.operator.ask(release(&held)).await, suspended);
    parties.acquirer.send(&[approval(&forward, None).into()]).await;
    assert_eq!(parties.operator.next_answer().await.outcome, Outcome::Approved, "in flight finishes");
    assert_eq!(parties.operator.answer_to(reverse(&paid)).await.state, State::Reversed, "reversals flow");
    assert_eq!(parties.acquirer.take_delivery().await.original(), paid.id);
    assert_eq!(parties.operator.answer_to(in_flight).await.outcome, Outcome::Approved, "so do repeats");
    order(&fixture, "/participant/operator-1/resume");
    assert_eq!(parties.operator.answer_to(taking).await.outcome, Outcome::Approved, "nothing was recorded");
    assert_eq!(parties.acquirer.take_delivery().await.original(), held.id);
    parties.approved(&fresh).await;
}

/// What its links are told, in the words of the protocol's table.
#[tokio::test]
async fn a_participant_hears_that_it_is_drained_and_why_and_that_it_may_work_again() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut heard = async || parties.operator.next_control().await.expect("the link stands");
    for (word, reason) in [("drain", Reason::Draining), ("suspend", Reason::Suspended)] {
        order(&fixture, &format!("/participant/operator-1/{word}"));
        assert_eq!(heard().await, Message::Notice(Notice { reason }));
        assert_eq!(heard().await, Message::Drain(Drain { within_ms: 0 }));
        order(&fixture, "/participant/operator-1/resume");
        assert!(matches!(heard().await, Message::Window(_)));
    }
}

#[tokio::test]
async fn a_drained_operator_finishes_what_it_has() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let held = reserve("shop@acq-1", 1_000);
    parties.approved(&held).await;
    order(&fixture, "/participant/operator-1/drain");
    let fresh = pay("shop@acq-1", 1);
    assert_eq!(parties.operator.ask(fresh.clone()).await, (Outcome::Refused, Reason::Draining));
    assert_eq!(parties.operator.answer_to(capture(&held, 10, true)).await.outcome, Outcome::Approved);
    assert_eq!(parties.acquirer.take_delivery().await.original(), held.id);
    order(&fixture, "/participant/operator-1/resume");
    parties.approved(&fresh).await;
}

#[tokio::test]
async fn a_destination_that_is_drained_or_suspended_gets_no_new_work_and_finishes_the_old() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let mut other = Peer::destination(&fixture, "acquirer-2").await;
    for word in ["drain", "suspend"] {
        let (in_flight, held) = (pay("shop@acq-1", 20), reserve("shop@acq-1", 1_000));
        parties.approved(&held).await;
        let forward = parties.forwarded(&in_flight).await;
        order(&fixture, &format!("/participant/acquirer-1/{word}"));
        let refused = (Outcome::Declined, Reason::DestinationNotAccepting);
        assert_eq!(parties.operator.ask(pay("shop@acq-1", 1)).await, refused, "{word}");
        parties.acquirer.send(&[approval(&forward, None).into()]).await;
        assert_eq!(parties.operator.next_answer().await.outcome, Outcome::Approved, "{word}");
        assert_eq!(parties.operator.answer_to(reverse(&in_flight)).await.state, State::Reversed, "{word}");
        assert_eq!(parties.acquirer.take_delivery().await.original(), in_flight.id);
        assert_eq!(parties.operator.answer_to(release(&held)).await.outcome, Outcome::Approved, "{word}");
        assert_eq!(parties.acquirer.take_delivery().await.original(), held.id);
        pays(&mut parties.operator, &mut other, "shop@acq-2").await;
        order(&fixture, "/participant/acquirer-1/resume");
        parties.approved(&pay("shop@acq-1", 1)).await;
    }
}

#[tokio::test]
async fn a_suspension_outlives_a_restart() {
    let mut fixture = Fixture::start(PATIENT);
    order(&fixture, "/participant/operator-1/suspend");
    fixture.restart();
    let mut parties = Parties::of(&fixture).await;
    assert_eq!(parties.operator.ask(pay("shop@acq-1", 1)).await, (Outcome::Refused, Reason::Suspended));
    order(&fixture, "/participant/1/resume");
    parties.approved(&pay("shop@acq-1", 1)).await;
    refused_order(&fixture, "/participant/nobody/resume", 404);
    refused_order(&fixture, "/participant/operator-1/stop", 400);
}
