//! A journal of one fact of each kind.

use holdfast_core::fact::{DeclinedAtOnce, Fact, FollowUp, RefundDeclined, RefundReserved, Reserved};
use holdfast_core::registry::{
    CurrencyLimits, Debtor, Limits, MerchantPattern, ParticipantRecord, ParticipantStatus, Route,
};
use holdfast_core::snapshot::{Closed, ClosedEntry, Content, Linked};
use holdfast_core::transaction::money::Ending;
use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, BusinessDate, Capture, Channel, Currency, DecidedBy, DeliveryNumber,
    Extensions, Instance, InstrumentReference, Kind, Merchant, MpsId, ParticipantNumber, Partition, Reason,
    Refund, Release, RequestId, Reverse, SecurityLevel, Total, TransactionKey, UnixMillis,
};

pub(crate) const NOW: u64 = 1_795_305_600_123;

pub(crate) fn time(millis: u64) -> UnixMillis {
    UnixMillis::new(millis).unwrap()
}

pub(crate) fn id(last: u128) -> RequestId {
    let first: RequestId = "019f0000-0000-7000-8000-000000000000".parse().unwrap();
    RequestId::from_bytes((first.get() + last).to_be_bytes())
}

pub(crate) fn operator() -> ParticipantNumber {
    ParticipantNumber::new(1).unwrap()
}

pub(crate) fn acquirer() -> ParticipantNumber {
    ParticipantNumber::new(11).unwrap()
}

pub(crate) fn date() -> BusinessDate {
    "2026-11-22".parse().unwrap()
}

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

pub(crate) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

/// The first payment, long after it left memory.
pub(crate) fn recalled() -> Fact {
    let closed = Closed {
        terms: None,
        ending: Ending::Declined,
        reason: Reason::MpsUnknown,
        decided_by: DecidedBy::Switch,
        destination: None,
        instance: Instance(0),
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: date(),
        sequence: 1,
        deliveries_made: 0,
        late_noted: false,
    };
    let (gone, content) =
        (TransactionKey { originator: operator(), id: id(99) }, Content { digest: 1, fields: [2; 6] });
    Fact::Recalled {
        entry: ClosedEntry { key: gone, content, closed, linked: Linked::Refunded(Amount::ZERO) },
        until: NOW / 1_000 + 60,
    }
}

pub(crate) fn refund(last: u128) -> Refund {
    Refund {
        id: id(last),
        original: id(1),
        originator: None,
        amount: amount(500),
        currency: euro(),
        expires: time(1_795_305_660_000),
        budget_ms: 5_000,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::default(),
    }
}

pub(crate) fn refund_reserved() -> Fact {
    Fact::RefundReserved(RefundReserved {
        originator: operator(),
        request: refund(30),
        destination: acquirer(),
        instance: Instance(0),
        debtor: Debtor::Destination,
        settlement_date: date(),
        deadline: time(1_795_305_605_118),
    })
}

pub(crate) fn refund_declined() -> Fact {
    Fact::RefundDeclined(RefundDeclined {
        originator: operator(),
        request: refund(31),
        reason: Reason::RefundAboveCaptured,
        settlement_date: date(),
    })
}

/// The payment of the example in docs/JOURNAL.md.
pub(crate) fn authorize(last: u128) -> Authorize {
    Authorize {
        id: id(last),
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop-1@acq1".parse().unwrap(),
        instrument: InstrumentReference::new(b"5500001234567890").unwrap(),
        amount: amount(1_250),
        currency: euro(),
        security_level: SecurityLevel::Two,
        channel: Channel::PacketData,
        expires: time(1_795_305_660_000),
        hold_until: UnixMillis::default(),
        budget_ms: 5_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::default(),
    }
}

pub(crate) fn reverse(last: u128, original: u128) -> Reverse {
    Reverse {
        id: id(last),
        original: id(original),
        originator: None,
        payment_id: "shop-1@acq1".parse().unwrap(),
        reason: 7,
        expires: time(NOW + 60_000),
        delivery: None,
        repeat: true,
        attempt: 2,
        settlement_date: None,
        extensions: Extensions::default(),
    }
}

pub(crate) fn capture() -> Capture {
    Capture {
        id: id(21),
        original: id(2),
        originator: None,
        amount: amount(500),
        currency: euro(),
        last: true,
        expires: time(NOW + 60_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::default(),
    }
}

pub(crate) fn release() -> Release {
    Release {
        id: id(22),
        original: id(2),
        originator: None,
        expires: time(NOW + 60_000),
        delivery: None,
        expired: false,
        repeat: false,
        attempt: 1,
        extensions: Extensions::default(),
    }
}

pub(crate) fn configuration() -> Vec<Fact> {
    let limits = CurrencyLimits { amount: Some(amount(9)), ..CurrencyLimits::NONE };
    let participant = |number, name: &str, receives: bool| ParticipantRecord {
        number,
        name: name.to_owned(),
        originates: !receives,
        receives,
        caps: vec![(euro(), Total::from_minor(5_000_000))],
        limits: vec![(SecurityLevel::Two, Limits { currencies: vec![(euro(), limits)] })],
    };
    let route = |merchants| Route {
        mps: MpsId::from_text("acq1").unwrap(),
        merchants,
        destination: acquirer(),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Outside,
    };
    let shop = Merchant::from_text("shop").unwrap();
    vec![
        Fact::ParticipantConfigured(participant(operator(), "operator-1", false)),
        Fact::ParticipantConfigured(participant(acquirer(), "acquirer-1", true)),
        Fact::RoutesConfigured(vec![route(MerchantPattern::Default), route(MerchantPattern::Prefix(shop))]),
        Fact::ParticipantStatusSet(acquirer(), ParticipantStatus::Draining),
        Fact::CutOver(date()),
        Fact::DayClosed(date()),
    ]
}

pub(crate) fn reserved(last: u128, debtor: Debtor) -> Fact {
    Fact::Reserved(Reserved {
        originator: operator(),
        request: authorize(last),
        destination: acquirer(),
        instance: Instance(0),
        debtor,
        settlement_date: date(),
        deadline: time(1_795_305_605_118),
    })
}

pub(crate) fn transactions() -> Vec<Fact> {
    let key = |last| TransactionKey { originator: operator(), id: id(last) };
    let originator = operator();
    let settlement_date = date();
    let declined = DeclinedAtOnce {
        originator,
        request: authorize(3),
        reason: Reason::NetDebitCapExceeded,
        settlement_date,
    };
    let extensions = Extensions::default;
    vec![
        reserved(1, Debtor::Originator),
        Fact::Approved {
            key: key(1),
            amount: amount(1_250),
            approval_code: ApprovalCode::new(*b"A1B2C3").unwrap(),
            extensions: extensions(),
        },
        reserved(2, Debtor::Outside),
        Fact::DeclinedAtOnce(declined),
        Fact::Declined {
            key: key(2),
            reason: Reason::DestinationTimedOut,
            decided_by: DecidedBy::Switch,
            reversal: true,
            extensions: extensions(),
        },
        Fact::LateAnswer { key: key(2), approved: true, reversal: false },
        Fact::Captured { originator, request: capture(), settlement_date },
        Fact::Released { originator, request: release(), settlement_date },
        Fact::Expired(key(2)),
        Fact::Reversed {
            originator,
            request: reverse(23, 2),
            settlement_date,
            superseded_from: Some(DeliveryNumber(2)),
        },
        Fact::Tombstoned { originator, request: reverse(24, 9), destination: None, settlement_date },
        Fact::FollowUpDeclined {
            originator,
            request: FollowUp::Release(release()),
            reason: Reason::HoldReleased,
            settlement_date,
        },
        Fact::Acknowledged { key: key(2), delivery: DeliveryNumber(1) },
        recalled(),
        refund_reserved(),
        refund_declined(),
        Fact::Forgotten(NOW / 1_000),
        Fact::Founded { partition: Partition(2), partitions: 3 },
        Fact::LeaseGiven {
            debtor: acquirer(),
            currency: Currency::from_code("EUR").unwrap(),
            to: Partition(1),
            total: Total::from_minor(1_250),
        },
        Fact::LeaseTaken {
            debtor: acquirer(),
            currency: Currency::from_code("EUR").unwrap(),
            from: Partition(0),
            total: Total::from_minor(1 << 70),
        },
        Fact::ParticipantRemoved(acquirer()),
    ]
}
