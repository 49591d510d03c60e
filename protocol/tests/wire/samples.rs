//! One message of each kind and direction, as in the worked examples of `docs/PROTOCOL.md`.
//!
//! The names are those of the golden bytes. It is 2026-11-22 09:00:00 UTC on the switch; operator 1 pays and reserves at
//! acquirer 11.

// Found from here also where a benchmark includes this file.
#[path = "samples/control.rs"]
mod control;
#[path = "samples/refunds.rs"]
mod refunds;

use holdfast_protocol::{
    Acknowledge, Amount, Answer, ApprovalCode, Authorize, BusinessDate, Capture, Channel, Complete, Currency,
    DecidedBy, DecidedThrough, DeliveryNumber, Epoch, Extensions, Inquiry, InstrumentReference, Kind,
    Message, Outcome, ParticipantNumber, Partition, Reason, Release, RequestId, Reverse, SecurityLevel,
    Sequence, State, Status, UnixMillis,
};

/// The switch's time: 2026-11-22 09:00:00 UTC.
pub(crate) const NOW: u64 = 1_795_338_000_000;

/// The id of the pay.
pub(crate) fn pay_id() -> RequestId {
    id(0, 0xa1)
}

/// The id of the reservation.
pub(crate) fn reserve_id() -> RequestId {
    id(0, 0xb1)
}

/// An id created `after_ms` after [`NOW`], of version 7, ending in `last`.
pub(crate) fn id(after_ms: u64, last: u128) -> RequestId {
    RequestId::new(at(after_ms), (0x7 << 76) | (0x8 << 60) | last)
}

fn at(after_ms: u64) -> UnixMillis {
    UnixMillis::new(NOW + after_ms).unwrap()
}

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(crate) fn operator() -> ParticipantNumber {
    ParticipantNumber::new(1).unwrap()
}

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn today() -> Option<BusinessDate> {
    BusinessDate::from_yyyymmdd(20_261_122)
}

/// An operator's pay of 12.50 euro.
pub(crate) fn pay() -> Authorize {
    Authorize {
        id: pay_id(),
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop-1@acq-1".parse().unwrap(),
        instrument: InstrumentReference::new(b"acct-4711").unwrap(),
        amount: amount(1_250),
        currency: euro(),
        security_level: SecurityLevel::Three,
        channel: Channel::PacketData,
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

fn reserve() -> Authorize {
    Authorize {
        id: reserve_id(),
        kind: Kind::Reserve,
        amount: amount(10_000),
        hold_until: at(86_400_000),
        partial_allowed: true,
        captures_many: true,
        ..pay()
    }
}

fn verify() -> Authorize {
    Authorize {
        id: id(0, 0xc1),
        kind: Kind::Verify,
        amount: amount(37),
        hold_until: at(600_000),
        channel: Channel::Office,
        security_level: SecurityLevel::Four,
        ..pay()
    }
}

fn answer() -> Answer {
    Answer {
        id: pay_id(),
        originator: None,
        outcome: Outcome::Approved,
        state: State::Captured,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: amount(1_250),
        approval_code: ApprovalCode::new(*b"A1B2C3").unwrap(),
        settlement_date: today(),
        partition: Partition(0),
        epoch: Epoch(7),
        sequence: Sequence(4_242),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

fn answer_of_destination() -> Answer {
    Answer {
        originator: Some(operator()),
        state: State::None,
        settlement_date: None,
        epoch: Epoch(0),
        sequence: Sequence(0),
        ..answer()
    }
}

fn refusal(reason: Reason, retry_after_ms: u16) -> Answer {
    Answer {
        outcome: Outcome::Refused,
        state: State::None,
        reason,
        decided_by: DecidedBy::Switch,
        amount: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms,
        ..answer()
    }
}

fn capture() -> Capture {
    Capture {
        id: id(1_000, 0xb2),
        original: reserve_id(),
        originator: None,
        amount: amount(4_000),
        currency: euro(),
        last: false,
        expires: at(31_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn release() -> Release {
    Release {
        id: id(2_000, 0xb3),
        original: reserve_id(),
        originator: None,
        expires: at(32_000),
        delivery: None,
        expired: false,
        repeat: false,
        attempt: 1,
        extensions: Extensions::NONE,
    }
}

fn reverse() -> Reverse {
    Reverse {
        id: id(6_000, 0xa2),
        original: pay_id(),
        originator: None,
        payment_id: "shop-1@acq-1".parse().unwrap(),
        reason: 0,
        expires: at(36_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn status() -> Status {
    Status {
        id: reserve_id(),
        originator: None,
        correlation: 77,
        reason: Reason::None,
        outcome: Some(Outcome::Approved),
        outcome_reason: Reason::None,
        state: State::Captured,
        decided_by: DecidedBy::Destination,
        undelivered: 1,
        held_for: amount(10_000),
        captured: amount(4_000),
        released: amount(6_000),
        reversed: Amount::ZERO,
        approval_code: ApprovalCode::new(*b"Z9    ").unwrap(),
        settlement_date: today(),
        partition: Partition(0),
        epoch: Epoch(7),
        sequence: Sequence(4_250),
    }
}

fn nothing_found(reason: Reason) -> Status {
    Status {
        reason,
        outcome: None,
        state: State::None,
        decided_by: DecidedBy::Switch,
        undelivered: 0,
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        released: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        epoch: Epoch(0),
        sequence: Sequence(0),
        ..status()
    }
}

/// Extensions with two entries that no version knows: type 1 with three bytes, type 2 with none.
pub(crate) fn extensions() -> Extensions {
    Extensions::from_wire(&[1, 0, 3, 0, 0xaa, 0xbb, 0xcc, 2, 0, 0, 0]).unwrap()
}

fn requests() -> Vec<(&'static str, Message)> {
    let of_switch = Some(operator());
    let forward = |request: Authorize| Authorize {
        originator: of_switch,
        settlement_date: today(),
        budget_ms: 4_990,
        ..request
    };
    vec![
        ("authorize-pay", pay().into()),
        ("authorize-pay-forward", forward(pay()).into()),
        ("authorize-pay-repeat", Authorize { repeat: true, attempt: 2, budget_ms: 3_000, ..pay() }.into()),
        ("authorize-pay-extensions", Authorize { extensions: extensions(), ..pay() }.into()),
        ("authorize-reserve", reserve().into()),
        ("authorize-reserve-forward", forward(reserve()).into()),
        ("authorize-verify", verify().into()),
        ("capture", capture().into()),
        (
            "capture-delivery",
            Capture {
                originator: of_switch,
                delivery: Some(DeliveryNumber(1)),
                expires: UnixMillis::MAX,
                settlement_date: today(),
                ..capture()
            }
            .into(),
        ),
        ("capture-last", Capture { id: id(3_000, 0xb4), last: true, ..capture() }.into()),
        ("release", release().into()),
        (
            "release-delivery-expired",
            Release {
                id: reserve_id(),
                originator: of_switch,
                delivery: Some(DeliveryNumber(2)),
                expires: UnixMillis::MAX,
                expired: true,
                repeat: true,
                attempt: 3,
                ..release()
            }
            .into(),
        ),
        ("reverse", reverse().into()),
        (
            "reverse-delivery",
            Reverse {
                id: pay_id(),
                originator: of_switch,
                delivery: Some(DeliveryNumber(1)),
                expires: UnixMillis::MAX,
                settlement_date: today(),
                reason: Reason::DestinationTimedOut.number(),
                ..reverse()
            }
            .into(),
        ),
        ("inquiry", Inquiry { id: reserve_id(), originator: None, correlation: 77 }.into()),
        ("inquiry-of-destination", Inquiry { id: pay_id(), originator: of_switch, correlation: 78 }.into()),
    ]
}

fn answers() -> Vec<(&'static str, Message)> {
    let declined = Answer {
        outcome: Outcome::Declined,
        state: State::Declined,
        amount: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        ..answer()
    };
    vec![
        ("answer-of-destination", answer_of_destination().into()),
        (
            "answer-of-destination-declined",
            Answer {
                outcome: Outcome::Declined,
                reason: Reason::InsufficientFunds,
                amount: Amount::ZERO,
                approval_code: ApprovalCode::NONE,
                ..answer_of_destination()
            }
            .into(),
        ),
        ("answer-approved", answer().into()),
        (
            "answer-approved-partial",
            Answer { id: reserve_id(), state: State::Held, amount: amount(8_000), ..answer() }.into(),
        ),
        ("answer-declined", Answer { reason: Reason::InsufficientFunds, ..declined.clone() }.into()),
        (
            "answer-timed-out",
            Answer {
                reason: Reason::DestinationTimedOut,
                state: State::TimedOut,
                decided_by: DecidedBy::Switch,
                ..declined
            }
            .into(),
        ),
        ("answer-busy", refusal(Reason::Busy, 250).into()),
        ("answer-refused", refusal(Reason::AmountZero, 0).into()),
        ("answer-extensions", Answer { extensions: extensions(), ..answer() }.into()),
        (
            "acknowledge",
            Acknowledge { original: pay_id(), originator: operator(), delivery: DeliveryNumber(1) }.into(),
        ),
        ("status", status().into()),
        (
            "status-pending",
            Status {
                outcome: None,
                state: State::Pending,
                captured: Amount::ZERO,
                released: Amount::ZERO,
                ..status()
            }
            .into(),
        ),
        (
            "status-unknown",
            Status { originator: Some(operator()), ..nothing_found(Reason::OriginalUnknown) }.into(),
        ),
        ("decided-through", DecidedThrough { count: 300 }.into()),
        ("complete", Complete { original: pay_id(), originator: operator() }.into()),
    ]
}

/// Every sample, with the name of its golden bytes.
pub(crate) fn all() -> Vec<(&'static str, Message)> {
    let mut all = control::all();
    all.extend(requests());
    all.extend(refunds::all());
    all.extend(answers());
    all
}
