//! One payment through the public interface of the core.

use holdfast_core::registry::*;
use holdfast_core::view::{LiveSession, SessionId};
use holdfast_core::*;
use holdfast_protocol::*;

fn at(ms: u64) -> UnixMillis {
    UnixMillis::new(1_795_305_600_000 + ms).expect("valid")
}

fn participant(number: u16, originates: bool) -> ParticipantRecord {
    ParticipantRecord {
        number: ParticipantNumber::new(number).expect("valid"),
        name: format!("p{number}"),
        originates,
        receives: !originates,
        caps: vec![(Currency::from_code("EUR").expect("valid"), Total::from_minor(100_000))],
        limits: vec![(SecurityLevel::Two, Limits::default())],
    }
}

fn from(number: u16) -> From {
    From {
        participant: ParticipantNumber::new(number).expect("valid"),
        instance: Instance(0),
        session: SessionId(u64::from(number)),
    }
}

fn pay(id: u128) -> Authorize {
    Authorize {
        id: RequestId::new(at(0), id),
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop@acq".parse().expect("valid"),
        instrument: InstrumentReference::NONE,
        amount: Amount::from_minor(1250).expect("valid"),
        currency: Currency::from_code("EUR").expect("valid"),
        security_level: SecurityLevel::Two,
        channel: Channel::Sms,
        expires: at(30_000),
        hold_until: UnixMillis::default(),
        budget_ms: 5_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn core() -> (Core, View, Output) {
    let mut core = Core::new(Settings::default());
    let mut view = View::default();
    view.links.insert(
        ParticipantNumber::new(2).expect("valid"),
        vec![LiveSession {
            session: SessionId(2),
            instance: Instance(0),
            receives: true,
            shared_deduplication: false,
            draining: false,
            window: 10,
        }],
    );
    let mut out = Output::default();
    let route = Route {
        mps: MpsId::from_text("acq").expect("valid"),
        merchants: MerchantPattern::Default,
        destination: ParticipantNumber::new(2).expect("valid"),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Destination,
    };
    core.step(at(0), &Input::CutOver("2026-11-22".parse().expect("valid")), &view, &mut out);
    let participants = vec![participant(1, true), participant(2, false)];
    core.step(at(0), &Input::Configure(participants, vec![route]), &view, &mut out);
    out.clear();
    (core, view, out)
}

#[test]
fn a_payment_is_forwarded_answered_and_booked_once() {
    let (mut core, view, mut out) = core();
    core.step(at(1), &Input::Authorize(from(1), pay(7)), &view, &mut out);
    let [Effect::Forward { to: SessionId(2), request, .. }] = &out.effects[..] else {
        panic!("{:?}", out.effects)
    };
    let answer = Answer {
        id: request.id,
        originator: request.originator,
        outcome: Outcome::Approved,
        state: State::None,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: request.amount,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    };
    out.clear();
    core.step(at(2), &Input::Answer(from(2), answer), &view, &mut out);
    let [Effect::Answer { to: SessionId(1), answer: told, .. }] = &out.effects[..] else {
        panic!("{:?}", out.effects)
    };
    assert_eq!((told.outcome, told.state), (Outcome::Approved, State::Captured));
    let told = told.clone();
    out.clear();
    core.step(at(3), &Input::Authorize(from(1), pay(7)), &view, &mut out);
    assert!(out.facts.is_empty());
    assert!(matches!(&out.effects[..], [Effect::Answer { answer, .. }] if *answer == told));
    let debits: Vec<i128> = core.participants().map(|(_, _, p)| p[0].debits.minor()).collect();
    assert_eq!(debits, [1250, 0]);
}

#[test]
fn silence_ends_in_a_reversal_that_is_sent_until_it_is_acknowledged() {
    let (mut core, view, mut out) = core();
    core.step(at(1), &Input::Authorize(from(1), pay(7)), &view, &mut out);
    out.clear();
    core.step(at(4_995), &Input::Tick, &view, &mut out);
    assert!(out.facts.is_empty());
    core.step(at(4_996), &Input::Tick, &view, &mut out);
    assert!(
        matches!(
            &out.effects[..],
            [
                Effect::Answer { answer: Answer { reason: Reason::DestinationTimedOut, .. }, .. },
                Effect::Deliver { to: SessionId(2), .. },
            ]
        ),
        "{:?}",
        out.effects
    );
    out.clear();
    core.step(at(6_300), &Input::Tick, &view, &mut out);
    let [Effect::Deliver { delivery: effect::Delivery::Reverse(again), .. }] = &out.effects[..] else {
        panic!("{:?}", out.effects)
    };
    assert!(again.repeat);
    let acknowledge = Acknowledge {
        original: again.original,
        originator: again.originator.expect("valid"),
        delivery: again.delivery.expect("valid"),
    };
    out.clear();
    core.step(at(6_301), &Input::Acknowledge(from(2), acknowledge), &view, &mut out);
    assert!(matches!(&out.effects[..], [Effect::Complete { .. }]), "{:?}", out.effects);
    assert_eq!(core.open_of(ParticipantNumber::new(1).expect("valid")), Some(0));
}
