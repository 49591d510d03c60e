//! Sessions in memory: what a link may send, and what it gets for the rest.

#![allow(clippy::unwrap_used, reason = "a test that lacks something it was given may stop there")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use holdfast::session::control::{Control, EchoTimes, Offer, Wish};
use holdfast::session::inbound::Agreed;
use holdfast::session::{Inbound, Member, Outbound, Received};
use holdfast_core::view::SessionId;
use holdfast_core::{From, Input};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, Drain, Echo, Epoch, Extensions,
    FrameReader, Inquiry, Instance, InstrumentReference, Kind, LaneOpen, Message, Outcome, ParticipantNumber,
    Partition, Reason, RequestId, Reverse, SecurityLevel, Sequence, SignOff, SignOn, State, UnixMillis,
    Window,
};

const WINDOW: u32 = 3;

struct Lane {
    inbound: Inbound,
    outbound: Arc<Outbound>,
    now: Instant,
}

impl Lane {
    fn opened(originates: bool, receives: bool) -> Self {
        let mut lane = Self::new(originates, receives);
        assert_eq!(lane.send(&[LaneOpen { lane: 0 }.into()]).map(|r| r.work.len()), Ok(0));
        lane
    }

    fn new(originates: bool, receives: bool) -> Self {
        let number = ParticipantNumber::new(7).unwrap();
        let member = Arc::new(Member::new("operator-7".into(), number, originates, receives, 2));
        let outbound = Arc::new(Outbound::default());
        let from = From { participant: number, instance: Instance(1), session: SessionId(1 << 16) };
        let agreed = Agreed { originates, receives, window: WINDOW, retry_after_ms: 100 };
        let inbound = Inbound::new(from, member, Arc::clone(&outbound), agreed, 0);
        Self { inbound, outbound, now: Instant::now() + Duration::from_secs(2) }
    }

    fn send(&mut self, messages: &[Message]) -> Result<Received, Reason> {
        let mut bytes = BytesMut::new();
        for message in messages {
            message.encode(&mut bytes);
        }
        self.send_bytes(bytes.freeze())
    }

    fn send_bytes(&mut self, bytes: Bytes) -> Result<Received, Reason> {
        let mut received = Received::default();
        self.inbound.receive(bytes, self.now, &mut received)?;
        Ok(received)
    }
}

fn id(n: u8) -> RequestId {
    RequestId::new(UnixMillis::new(1_790_000_000_000).unwrap(), u128::from(n))
}

fn authorize(n: u8) -> Authorize {
    Authorize {
        id: id(n),
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop-1@acq-1".parse().unwrap(),
        instrument: InstrumentReference::NONE,
        amount: Amount::from_minor(100).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        security_level: SecurityLevel::Two,
        channel: Channel::Ussd,
        expires: UnixMillis::new(1_790_000_060_000).unwrap(),
        hold_until: UnixMillis::default(),
        budget_ms: 1_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn reverse(n: u8, original: u8) -> Reverse {
    Reverse {
        id: id(n),
        original: id(original),
        originator: None,
        payment_id: "shop-1@acq-1".parse().unwrap(),
        reason: 0,
        expires: UnixMillis::new(1_790_000_060_000).unwrap(),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn approval(originator: Option<u16>) -> Answer {
    Answer {
        id: id(1),
        originator: originator.and_then(ParticipantNumber::new),
        outcome: Outcome::Approved,
        state: State::None,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: Amount::from_minor(100).unwrap(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

/// What was refused to the peer, read back from the bytes.
fn refusals(received: &Received) -> Vec<Message> {
    let mut frames = FrameReader::default();
    frames.push(Bytes::copy_from_slice(&received.refusals));
    let mut messages = Vec::new();
    while let Some(frame) = frames.next_frame().unwrap() {
        messages.push(Message::decode(&frame).unwrap());
    }
    messages
}

fn refused_with(received: &Received) -> Vec<(RequestId, Reason)> {
    refusals(received)
        .into_iter()
        .map(|message| match message {
            Message::Answer(a) => {
                assert_eq!(a.outcome, Outcome::Refused);
                (a.id, a.reason)
            }
            Message::Status(s) => (s.id, s.reason),
            other => panic!("no refusal: {other:?}"),
        })
        .collect()
}

#[test]
fn a_lane_begins_with_its_own_lane_open() {
    assert_eq!(Lane::new(true, false).send(&[authorize(1).into()]).unwrap_err(), Reason::ProtocolViolation);
    let other = Lane::new(true, false).send(&[LaneOpen { lane: 1 }.into()]);
    assert_eq!(other.unwrap_err(), Reason::ProtocolViolation);
    let mut lane = Lane::opened(true, false);
    assert_eq!(lane.send(&[LaneOpen { lane: 0 }.into()]).unwrap_err(), Reason::ProtocolViolation);
}

#[test]
fn requests_beyond_the_window_are_refused_until_some_are_answered() {
    let mut lane = Lane::opened(true, false);
    let four: Vec<Message> = (1..=4).map(|n| authorize(n).into()).collect();
    let received = lane.send(&four).unwrap();
    assert_eq!(received.work.len(), 3);
    assert_eq!(refused_with(&received), [(id(4), Reason::WindowExceeded)]);
    assert!(matches!(&refusals(&received)[0], Message::Answer(a) if a.retry_after_ms == 100));
    lane.outbound.answered(1);
    assert_eq!(lane.send(&[authorize(5).into()]).unwrap().work.len(), 1);
}

#[test]
fn only_the_switch_may_name_originator_date_and_delivery() {
    let mut lane = Lane::opened(true, false);
    let mut forged = authorize(1);
    forged.originator = ParticipantNumber::new(9);
    let mut dated = authorize(2);
    dated.settlement_date = "2026-11-22".parse().ok();
    let mut foreign = reverse(3, 1);
    foreign.originator = ParticipantNumber::new(9);
    let received = lane.send(&[forged.into(), dated.into(), foreign.into()]).unwrap();
    assert!(received.work.is_empty() && received.first.is_empty());
    assert_eq!(refused_with(&received), [1, 2, 3].map(|n| (id(n), Reason::Malformed)));
}

#[test]
fn messages_outside_the_role_are_refused_or_end_the_link() {
    let received = Lane::opened(false, true).send(&[authorize(1).into()]).unwrap();
    assert_eq!(refused_with(&received), [(id(1), Reason::RoleNotAgreed)]);
    let answer = Lane::opened(true, false).send(&[approval(Some(1)).into()]);
    assert_eq!(answer.unwrap_err(), Reason::ProtocolViolation);
    let nameless = Lane::opened(false, true).send(&[approval(None).into()]);
    assert_eq!(nameless.unwrap_err(), Reason::ProtocolViolation, "an answer names its transaction in full");
}

#[test]
fn answers_and_reversals_go_first_but_no_reversal_overtakes_its_original() {
    let mut lane = Lane::opened(true, true);
    let batch = [authorize(1).into(), reverse(2, 1).into(), reverse(3, 9).into(), approval(Some(1)).into()];
    let received = lane.send(&batch).unwrap();
    assert!(
        matches!(&received.work[..], [Input::Authorize(_, a), Input::Reverse(_, r)] if a.id == r.original)
    );
    assert!(matches!(&received.first[..], [Input::Reverse(_, r), Input::Answer(..)] if r.id == id(3)));
    assert_eq!(received.answers, 1);
}

#[test]
fn inquiries_beyond_the_budget_get_a_status_that_says_so() {
    let mut lane = Lane::opened(true, false);
    let inquiry = |n| Message::from(Inquiry { id: id(n), originator: None, correlation: u64::from(n) });
    let received = lane.send(&[inquiry(1), inquiry(2), inquiry(3)]).unwrap();
    assert_eq!(received.work.len(), 2);
    assert_eq!(refused_with(&received), [(id(3), Reason::InquiryBudgetSpent)]);
}

#[test]
fn authorizes_beyond_the_rate_are_refused_as_busy_and_everything_else_goes_on() {
    let mut lane = Lane::opened(true, false);
    lane.inbound = {
        let number = ParticipantNumber::new(7).unwrap();
        let member = Member::new("operator-7".into(), number, true, false, 2).with_authorizes(20);
        let from = From { participant: number, instance: Instance(1), session: SessionId(1 << 16) };
        let agreed = Agreed { originates: true, receives: false, window: WINDOW, retry_after_ms: 100 };
        Inbound::new(from, Arc::new(member), Arc::clone(&lane.outbound), agreed, 0)
    };
    lane.send(&[LaneOpen { lane: 0 }.into()]).unwrap();
    let received = lane.send(&[authorize(1).into(), authorize(2).into(), reverse(3, 1).into()]).unwrap();
    assert_eq!(refused_with(&received), [(id(2), Reason::Busy)]);
    assert_eq!(received.work.len() + received.first.len(), 2, "the first, and its reversal");
    lane.now += Duration::from_millis(50);
    assert!(
        lane.send(&[authorize(4).into()]).unwrap().refused.is_empty(),
        "one more a twentieth of a second later"
    );
}

#[test]
fn a_bad_field_refuses_the_request_and_a_bad_frame_ends_the_link() {
    let mut lane = Lane::opened(true, false);
    let mut bytes = BytesMut::new();
    Message::from(authorize(1)).encode(&mut bytes);
    bytes[6 + 24..6 + 32].copy_from_slice(&1_000_000_000_000_u64.to_le_bytes());
    let received = lane.send_bytes(bytes.clone().freeze()).unwrap();
    assert_eq!(refused_with(&received), [(id(1), Reason::AmountTooLarge)]);
    bytes[2] = 0x22; // An offer of a merchant, of a later version.
    let received = lane.send_bytes(bytes.clone().freeze()).unwrap();
    assert_eq!(refused_with(&received), [(id(1), Reason::MessageReserved)]);
    bytes[2] = 0xee;
    assert_eq!(lane.send_bytes(bytes.freeze()).unwrap_err(), Reason::FrameMalformed);
    let short = Bytes::from_static(&[3, 0, 0, 0, 0, 0]);
    assert_eq!(Lane::opened(true, false).send_bytes(short).unwrap_err(), Reason::FrameMalformed);
}

#[test]
fn a_flood_beyond_the_window_ends_the_link() {
    let mut lane = Lane::opened(true, false);
    let flood: Vec<Message> = (0..20_000_u32).map(|_| authorize(1).into()).collect();
    assert_eq!(lane.send(&flood).unwrap_err(), Reason::Flooding);
}

fn control() -> (Control, Instant) {
    let now = Instant::now();
    let times = EchoTimes { interval: Duration::from_secs(1), patience: Duration::from_secs(3) };
    (Control::new(times, now), now)
}

fn bytes_of(message: impl Into<Message>) -> Bytes {
    let mut bytes = BytesMut::new();
    message.into().encode(&mut bytes);
    bytes.freeze()
}

fn sign_on() -> SignOn {
    SignOn {
        version_min: 1,
        version_max: 3,
        instance: Instance(1),
        originates: true,
        receives: false,
        shared_deduplication: false,
        lanes: 1,
        window: 10,
    }
}

#[test]
fn sign_on_agrees_on_a_version_and_on_configured_roles_only() {
    let offer = Offer {
        partition: Partition(0),
        epoch: Epoch(3),
        window: 100,
        window_max_ms: 60_000,
        skew_max_ms: 5_000,
        budget_max_ms: 60_000,
        hold_max_ms: 1,
    };
    let member = Member::new("operator-1".into(), ParticipantNumber::new(1).unwrap(), true, false, 1);
    let (mut c, _) = control();
    assert_eq!(c.sign_on(bytes_of(sign_on())), Ok(Some(sign_on())));
    assert_eq!(c.welcome(&sign_on(), &member, &offer, UnixMillis::default()), Ok(()));
    let future = SignOn { version_min: 2, ..sign_on() };
    let refused = c.welcome(&future, &member, &offer, UnixMillis::default());
    assert_eq!(refused, Err(Reason::VersionUnsupported));
    let receiver = SignOn { receives: true, ..sign_on() };
    let refused = c.welcome(&receiver, &member, &offer, UnixMillis::default());
    assert_eq!(refused, Err(Reason::RoleNotConfigured));
    assert_eq!(control().0.sign_on(bytes_of(SignOff)), Err(Reason::ProtocolViolation));
}

#[test]
fn a_peer_that_answers_no_echo_for_three_seconds_loses_its_link() {
    let time = UnixMillis::default();
    let (mut c, start) = control();
    assert_eq!(c.tick(start + Duration::from_secs(1), time), Ok(()));
    assert_eq!(c.tick(start + Duration::from_secs(2), time), Ok(()));
    let reply = Echo { correlation: 1, time, reply: true };
    assert_eq!(c.receive(bytes_of(reply), time, &mut Vec::new()), Ok(()));
    assert_eq!(c.tick(start + Duration::from_secs(3), time), Ok(()), "asked again");
    assert_eq!(c.tick(start + Duration::from_millis(5_900), time), Ok(()));
    assert_eq!(c.tick(start + Duration::from_secs(6), time), Err(Reason::EchoUnanswered));
}

#[test]
fn wishes_on_the_control_stream_are_heard_and_payments_there_end_the_link() {
    let (mut c, _) = control();
    let time = UnixMillis::new(42).unwrap();
    let mut wishes = Vec::new();
    for message in [
        Message::from(Drain { within_ms: 0 }),
        Window { window: 9 }.into(),
        Echo { correlation: 5, time, reply: false }.into(),
        SignOff.into(),
    ] {
        c.receive(bytes_of(message), time, &mut wishes).unwrap();
    }
    assert_eq!(wishes, [Wish::Drain, Wish::Window(9), Wish::SignOff]);
    assert_eq!(c.out.clone().freeze(), bytes_of(Echo { correlation: 5, time, reply: true }));
    assert_eq!(c.receive(bytes_of(authorize(1)), time, &mut wishes), Err(Reason::ProtocolViolation));
}
