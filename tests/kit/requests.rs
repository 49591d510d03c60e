//! Requests as operators and destinations make them, with fresh ids in the time of this machine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, BusinessDate, Capture, Channel, Currency, DecidedBy, Epoch,
    Extensions, InstrumentReference, Kind, Outcome, Partition, Reason, Refund, Release, RequestId, Reverse,
    SecurityLevel, Sequence, State, UnixMillis,
};

/// The time now; the switch runs on the same machine.
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap()).unwrap()
}

/// The business date some days from now, in UTC.
pub fn date_in(days: u64) -> BusinessDate {
    BusinessDate::from_utc(now().plus(days * 86_400_000))
}

/// An id nobody else has.
pub fn fresh_id() -> RequestId {
    id_made(now())
}

/// An id nobody else has, made at another time.
pub fn id_made(at: UnixMillis) -> RequestId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let process = u128::from(std::process::id()) << 40;
    RequestId::new(at, process | u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A payment in euro cents.
pub fn pay(payment_id: &str, minor: u64) -> Authorize {
    let id = fresh_id();
    Authorize {
        id,
        originator: None,
        kind: Kind::Pay,
        payment_id: payment_id.parse().unwrap(),
        instrument: InstrumentReference::new(b"5500001234567890").unwrap(),
        amount: Amount::from_minor(minor).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        security_level: SecurityLevel::Two,
        channel: Channel::PacketData,
        expires: id.created().plus(20_000),
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

/// A reservation for a minute.
pub fn reserve(payment_id: &str, minor: u64) -> Authorize {
    let request = pay(payment_id, minor);
    Authorize { kind: Kind::Reserve, hold_until: request.id.created().plus(60_000), ..request }
}

/// A capture of a reservation.
pub fn capture(original: &Authorize, minor: u64, last: bool) -> Capture {
    let id = fresh_id();
    Capture {
        id,
        original: original.id,
        originator: None,
        amount: Amount::from_minor(minor).unwrap(),
        currency: original.currency,
        last,
        expires: id.created().plus(20_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

/// A release of a reservation.
pub fn release(original: &Authorize) -> Release {
    let id = fresh_id();
    Release {
        id,
        original: original.id,
        originator: None,
        expires: id.created().plus(20_000),
        delivery: None,
        expired: false,
        repeat: false,
        attempt: 1,
        extensions: Extensions::NONE,
    }
}

/// A reversal.
pub fn reverse(original: &Authorize) -> Reverse {
    let id = fresh_id();
    Reverse {
        id,
        original: original.id,
        originator: None,
        payment_id: original.payment_id,
        reason: 0,
        expires: id.created().plus(20_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

/// A refund of a part of a payment or reservation.
pub fn refund(original: &Authorize, minor: u64) -> Refund {
    let id = fresh_id();
    Refund {
        id,
        original: original.id,
        originator: None,
        amount: Amount::from_minor(minor).unwrap(),
        currency: original.currency,
        expires: id.created().plus(20_000),
        budget_ms: 5_000,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

/// A reversal of a refund.
pub fn reverse_refund(refund: &Refund, original: &Authorize) -> Reverse {
    Reverse { original: refund.id, ..reverse(original) }
}

/// A destination's approval of a refund.
pub fn refund_approval(forward: &Refund) -> Answer {
    Answer {
        id: forward.id,
        originator: forward.originator,
        amount: forward.amount,
        ..approval(&pay("none@none", 1), None)
    }
}

/// A destination's approval of a forward, of another amount where one is given.
pub fn approval(forward: &Authorize, minor: Option<u64>) -> Answer {
    Answer {
        id: forward.id,
        originator: forward.originator,
        outcome: Outcome::Approved,
        state: State::None,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: minor.map_or(forward.amount, |minor| Amount::from_minor(minor).unwrap()),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}
