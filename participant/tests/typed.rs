//! Typed calls and a served destination against a peer that speaks real QUIC.

#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test stops at what it did not expect")]

mod played_switch;

use std::sync::Mutex;
use std::time::Duration;

use holdfast_participant::destination::{Decision, Delivery, Task};
use holdfast_participant::operator::{NotDone, Unknown};
use holdfast_participant::{
    CallOutcome, FileDedup, Handler, InquiryOutcome, Operator, Participant, ParticipantConfig,
    ParticipantError, Roles, Terms,
};
use holdfast_protocol::{
    Acknowledge, Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, DecidedThrough,
    DeliveryNumber, Epoch, Extensions, InstrumentReference, Kind, Message, Notice, Outcome,
    ParticipantNumber, Partition, Reason, RequestId, Reverse, SecurityLevel, Sequence, State, Status,
    UnixMillis,
};
use played_switch::{PlayedLink, PlayedSwitch, SWITCH_TIME, wait_until};

const WITHIN: Duration = Duration::from_secs(8);

fn terms() -> Terms {
    let amount = Amount::from_minor(50_00).unwrap();
    Terms::new("shop-1@acq1".parse().unwrap(), amount, Currency::from_code("EUR").unwrap())
}

fn config(switch: &PlayedSwitch, roles: Roles) -> ParticipantConfig {
    let mut config = ParticipantConfig::new(switch.config(roles), vec![switch.address()]);
    config.pause_first = Duration::from_millis(5);
    config
}

fn answer(id: RequestId, outcome: Outcome, state: State, reason: Reason) -> Message {
    Message::Answer(Answer {
        id,
        originator: None,
        outcome,
        state,
        reason,
        decided_by: DecidedBy::Destination,
        amount: Amount::from_minor(50_00).unwrap(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(1),
        sequence: Sequence(1),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    })
}

async fn signed_on(switch: &PlayedSwitch) -> (PlayedLink, Participant, Operator) {
    let originator = Participant::originator(config(switch, Roles::Originator));
    let (played, started) = tokio::join!(switch.accept_and_welcome(), originator);
    let (participant, operator) = started.unwrap();
    (played, participant, operator)
}

async fn next_authorize(played: &mut PlayedLink) -> Authorize {
    match played.lanes[0].receive().await {
        Message::Authorize(request) => request,
        other => panic!("a payment was called: {other:?}"),
    }
}

#[tokio::test]
async fn calls_end_as_they_are_answered() {
    let switch = PlayedSwitch::start();
    let (mut played, participant, operator) = signed_on(&switch).await;
    for (outcome, state, reason) in [
        (Outcome::Approved, State::Captured, Reason::None),
        (Outcome::Declined, State::Declined, Reason::InsufficientFunds),
        (Outcome::Refused, State::None, Reason::Busy),
        (Outcome::Approved, State::Reversed, Reason::None),
    ] {
        let call = operator.new_call(Duration::from_secs(30));
        let answering = async {
            let request = next_authorize(&mut played).await;
            assert_eq!((request.id, request.expires, request.repeat), (call.id, call.expires, false));
            assert_eq!(request.expires.since(request.id.created()), 30_000);
            played.lanes[0].send(&[answer(request.id, outcome, state, reason)]).await;
        };
        let (ended, ()) = wait_until("the call ends", async {
            tokio::join!(operator.pay(call, terms(), WITHIN), answering)
        })
        .await;
        match (ended, outcome, state) {
            (CallOutcome::Approved(approval), Outcome::Approved, State::Captured) => {
                assert_eq!(approval.id, call.id);
            }
            (CallOutcome::Declined(decline), Outcome::Declined, _) => assert_eq!(decline.reason, reason),
            (CallOutcome::NotDone(not_done), Outcome::Refused, _) => assert_eq!(not_done.reason, reason),
            (CallOutcome::Declined(decline), Outcome::Approved, State::Reversed) => {
                assert_eq!(decline.reason, Reason::OriginalReversed);
            }
            (ended, ..) => panic!("{outcome:?} {state:?} ended as {ended:?}"),
        }
    }
    let closing = async { participant.close(WITHIN).await.unwrap() };
    let played = async {
        assert!(matches!(played.control.receive().await, Message::Drain(_)));
        assert!(matches!(played.control.receive().await, Message::SignOff(_)));
        played.connection.close(400_u32.into(), b"");
    };
    wait_until("the participant signs off", async { tokio::join!(closing, played) }).await;
    let late = operator.pay(operator.new_call(WITHIN), terms(), WITHIN).await;
    assert!(matches!(late, CallOutcome::NotDone(NotDone { reason: Reason::NotSignedOn, .. })), "{late:?}");
}

#[tokio::test]
async fn a_call_that_loses_its_link_is_repeated_on_the_next() {
    let switch = PlayedSwitch::start();
    let (mut played, _participant, operator) = signed_on(&switch).await;
    let call = operator.new_call(Duration::from_secs(30));
    let playing = async {
        let first = next_authorize(&mut played).await;
        assert!(!first.repeat && first.attempt == 1);
        played.connection.close(411_u32.into(), b"");
        let mut played = switch.accept_and_welcome().await;
        let second = next_authorize(&mut played).await;
        assert!(
            second.repeat && second.attempt == 2 && second.id == first.id && second.expires == first.expires
        );
        let approved = answer(second.id, Outcome::Approved, State::Captured, Reason::None);
        played.lanes[0].send(&[approved]).await;
        played
    };
    let (ended, _played) =
        wait_until("the call ends", async { tokio::join!(operator.pay(call, terms(), WITHIN), playing) })
            .await;
    assert!(ended.is_approved(), "{ended:?}");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_an_inquiry_finds_it() {
    let switch = PlayedSwitch::start();
    let (mut played, _participant, operator) = signed_on(&switch).await;
    let call = operator.new_call(Duration::from_secs(30));
    let ended = operator.pay(call, terms(), Duration::from_millis(50)).await;
    assert!(matches!(ended, CallOutcome::Unknown(Unknown { copies: 1, .. })), "{ended:?}");
    let answering = async {
        next_authorize(&mut played).await;
        let Message::Inquiry(asked) = played.lanes[0].receive().await else {
            panic!("an inquiry was called")
        };
        assert_eq!(asked.id, call.id);
        let status = Status {
            id: asked.id,
            originator: None,
            correlation: asked.correlation,
            reason: Reason::None,
            outcome: Some(Outcome::Approved),
            outcome_reason: Reason::None,
            state: State::Captured,
            decided_by: DecidedBy::Destination,
            undelivered: 0,
            held_for: Amount::from_minor(50_00).unwrap(),
            captured: Amount::from_minor(50_00).unwrap(),
            released: Amount::ZERO,
            reversed: Amount::ZERO,
            approval_code: ApprovalCode::NONE,
            settlement_date: None,
            partition: Partition(0),
            epoch: Epoch(1),
            sequence: Sequence(1),
        };
        played.lanes[0].send(&[status.into()]).await;
    };
    let (found, ()) = tokio::join!(operator.inquire(call.id, WITHIN), answering);
    assert!(matches!(found, InquiryOutcome::Found(status) if status.state == State::Captured));
    let silent = operator.inquire(call.id, Duration::from_millis(20)).await;
    assert_eq!(silent, InquiryOutcome::Unknown);
}

#[tokio::test]
async fn a_participant_that_was_replaced_does_not_fight_for_its_place() {
    let switch = PlayedSwitch::start();
    let (mut played, mut participant, _operator) = signed_on(&switch).await;
    played.control.send(&[Notice { reason: Reason::Replaced }.into()]).await;
    let ended = wait_until("the participant ends", participant.ended()).await.unwrap_err();
    assert!(matches!(ended, ParticipantError::Link(_)) && ended.to_string().contains("404"), "{ended}");
}

#[tokio::test]
async fn an_originator_that_gets_a_forward_dials_anew() {
    let switch = PlayedSwitch::start();
    let (mut played, _participant, _operator) = signed_on(&switch).await;
    played.lanes[0].send(&[forward(1).into()]).await;
    assert_eq!(played.closed_with().await, u64::from(Reason::ProtocolViolation.number()));
    switch.accept_and_welcome().await;
}

/// Approves what ends in an even cent, and writes down what it is asked.
#[derive(Default)]
struct Acquirer {
    asked: std::sync::Arc<Mutex<Vec<String>>>,
}

impl Handler for Acquirer {
    async fn decide(&self, request: &Authorize) -> Decision {
        self.asked.lock().unwrap().push(format!("decide {}", request.amount.minor()));
        if request.amount.minor() == 666 {
            return std::future::pending().await;
        }
        if request.amount.minor().is_multiple_of(2) {
            Decision::Approve(ApprovalCode::new(*b"OK1234").unwrap())
        } else {
            Decision::Decline(Reason::InsufficientFunds)
        }
    }

    async fn deliver(&self, delivery: Delivery) {
        assert!(matches!(delivery.task, Task::Reverse { .. }));
        self.asked.lock().unwrap().push(format!("reverse {}", delivery.number.0));
    }
}

fn originator() -> ParticipantNumber {
    ParticipantNumber::new(9).unwrap()
}

fn forward(minor: u64) -> Authorize {
    let created = UnixMillis::new(SWITCH_TIME).unwrap();
    Authorize {
        id: RequestId::new(created, u128::from(minor)),
        originator: Some(originator()),
        kind: Kind::Pay,
        payment_id: "shop-1@acq1".parse().unwrap(),
        instrument: InstrumentReference::NONE,
        amount: Amount::from_minor(minor).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        security_level: SecurityLevel::Two,
        channel: Channel::Web,
        expires: created.plus(30_000),
        hold_until: UnixMillis::default(),
        budget_ms: 100,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn reversal(minor: u64) -> Message {
    let original = forward(minor);
    Message::Reverse(Reverse {
        id: original.id,
        original: original.id,
        originator: original.originator,
        payment_id: original.payment_id,
        reason: 0,
        expires: original.expires,
        delivery: Some(DeliveryNumber(1)),
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    })
}

async fn serving(switch: &PlayedSwitch, directory: &std::path::Path) -> (PlayedLink, Participant, Acquirer) {
    let (acquirer, store) = (Acquirer::default(), FileDedup::open(directory).unwrap());
    let handler = Acquirer { asked: std::sync::Arc::clone(&acquirer.asked) };
    let destination = Participant::destination(config(switch, Roles::Destination), handler, store);
    let (played, destination) = tokio::join!(switch.accept_and_welcome(), destination);
    assert!(played.sign_on.receives && !played.sign_on.originates);
    (played, destination.unwrap(), acquirer)
}

async fn answered(played: &mut PlayedLink) -> (Outcome, Reason) {
    match played.lanes[0].receive().await {
        Message::Answer(answer) => {
            assert_eq!(answer.originator, Some(originator()));
            (answer.outcome, answer.reason)
        }
        other => panic!("an answer was due: {other:?}"),
    }
}

#[tokio::test]
async fn a_destination_keeps_its_word_over_a_restart() {
    let switch = PlayedSwitch::start();
    let directory = tempfile::tempdir().unwrap();
    let (mut played, destination, acquirer) = serving(&switch, directory.path()).await;
    let (yes, no) = ((Outcome::Approved, Reason::None), (Outcome::Declined, Reason::InsufficientFunds));
    for (minor, expected) in [(2, yes), (3, no), (2, yes), (3, no)] {
        played.lanes[0].send(&[forward(minor).into()]).await;
        assert_eq!(answered(&mut played).await, expected);
    }
    played.lanes[0].send(&[reversal(5)]).await;
    let acknowledge =
        Acknowledge { original: forward(5).id, originator: originator(), delivery: DeliveryNumber(1) };
    assert_eq!(played.lanes[0].receive().await, Message::Acknowledge(acknowledge.clone()));
    assert_eq!(*acquirer.asked.lock().unwrap(), ["decide 2", "decide 3", "reverse 1"]);
    // As if the power had failed: nothing is signed off.
    drop(destination);
    wait_until("the link is gone", played.connection.closed()).await;
    let lock_is_free = async {
        while FileDedup::open(directory.path()).is_err() {
            tokio::task::yield_now().await
        }
    };
    wait_until("the store is free", lock_is_free).await;

    let (mut played, destination, acquirer) = serving(&switch, directory.path()).await;
    let tombstone = (Outcome::Declined, Reason::ReversedBeforeArrival);
    for (minor, expected) in [(2, yes), (3, no), (5, tombstone)] {
        played.lanes[0].send(&[forward(minor).into()]).await;
        assert_eq!(answered(&mut played).await, expected);
    }
    played.lanes[0].send(&[reversal(5)]).await;
    assert_eq!(played.lanes[0].receive().await, Message::Acknowledge(acknowledge));
    assert!(acquirer.asked.lock().unwrap().is_empty(), "nothing was asked a second time");

    played.lanes[0].send(&[DecidedThrough { count: 3 }.into()]).await;
    let closing = async { destination.close(WITHIN).await.unwrap() };
    let playing = async {
        assert!(matches!(played.control.receive().await, Message::Drain(_)));
        assert!(matches!(played.control.receive().await, Message::SignOff(_)));
        played.connection.close(400_u32.into(), b"");
    };
    wait_until("the destination signs off", async { tokio::join!(closing, playing) }).await;
}

#[tokio::test]
async fn a_handler_that_does_not_decide_in_time_has_failed() {
    let switch = PlayedSwitch::start();
    let directory = tempfile::tempdir().unwrap();
    let (mut played, _destination, _acquirer) = serving(&switch, directory.path()).await;
    played.lanes[0].send(&[forward(666).into()]).await;
    assert_eq!(answered(&mut played).await, (Outcome::Declined, Reason::DestinationFailed));
}

#[tokio::test]
async fn a_switch_that_contradicts_itself_loses_the_link() {
    let switch = PlayedSwitch::start();
    let directory = tempfile::tempdir().unwrap();
    let (mut played, _destination, _acquirer) = serving(&switch, directory.path()).await;
    played.lanes[0].send(&[DecidedThrough { count: 1 }.into()]).await;
    assert_eq!(played.closed_with().await, u64::from(Reason::ProtocolViolation.number()));
    switch.accept_and_welcome().await;
}
