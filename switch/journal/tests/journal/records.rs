//! Facts as records: each reads back as written, and no part of one does.

use holdfast_core::fact::{DeclinedAtOnce, Fact, FollowUp, Reserved};
use holdfast_core::registry::{
    CurrencyLimits, Debtor, Limits, MerchantPattern, ParticipantRecord, ParticipantStatus, Route,
};
use holdfast_journal::{RecordWriter, record};
use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, BusinessDate, Capture, Channel, Currency, DecidedBy, DeliveryNumber,
    Extensions, Instance, InstrumentReference, Kind, Merchant, MpsId, ParticipantNumber, Partition, Reason,
    Release, RequestId, Reverse, SecurityLevel, Total, TransactionKey, UnixMillis,
};

const NOW: UnixMillis = UnixMillis::from_48_bits(1_795_305_600_123);

fn number(number: u16) -> ParticipantNumber {
    ParticipantNumber::new(number).unwrap()
}

fn id(rest: u128) -> RequestId {
    RequestId::new(NOW, rest)
}

fn key() -> TransactionKey {
    TransactionKey { originator: number(1), id: id(1) }
}

fn date() -> BusinessDate {
    "2026-11-22".parse().unwrap()
}

fn euro(minor: u64) -> (Amount, Currency) {
    (Amount::from_minor(minor).unwrap(), Currency::from_code("EUR").unwrap())
}

fn authorize() -> Authorize {
    let (amount, currency) = euro(1_250);
    Authorize {
        id: id(1),
        originator: None,
        kind: Kind::Reserve,
        payment_id: "shop-1@acq1".parse().unwrap(),
        instrument: InstrumentReference::new(b"5500001234567890").unwrap(),
        amount,
        currency,
        security_level: SecurityLevel::Two,
        channel: Channel::PacketData,
        expires: NOW.plus(60_000),
        hold_until: NOW.plus(3_600_000),
        budget_ms: 5_000,
        partial_allowed: true,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn capture() -> Capture {
    let (amount, currency) = euro(1_000);
    Capture {
        id: id(2),
        original: id(1),
        originator: None,
        amount,
        currency,
        last: true,
        expires: NOW.plus(60_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn release() -> Release {
    Release {
        id: id(3),
        original: id(1),
        originator: None,
        expires: NOW.plus(60_000),
        delivery: None,
        expired: false,
        repeat: true,
        attempt: 2,
        extensions: Extensions::NONE,
    }
}

fn reverse() -> Reverse {
    Reverse {
        id: id(4),
        original: id(1),
        originator: None,
        payment_id: "shop-1@acq1".parse().unwrap(),
        reason: 7,
        expires: NOW.plus(60_000),
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn facts_about_the_switch() -> Vec<Fact> {
    let (_, euro) = euro(0);
    let limits = CurrencyLimits {
        amount: Amount::from_minor(100_000),
        daily_amount: Some(Total::from_minor(i128::from(u64::MAX) * 10)),
        daily_count: None,
    };
    let limits = Limits { currencies: vec![(euro, limits)] };
    let route = |merchants| Route {
        mps: MpsId::from_text("acq1").unwrap(),
        merchants,
        destination: number(11),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Destination,
    };
    vec![
        Fact::ParticipantConfigured(ParticipantRecord {
            number: number(1),
            name: "operator-1".to_owned(),
            originates: true,
            receives: false,
            caps: vec![(euro, Total::from_minor(5_000_000))],
            limits: vec![(SecurityLevel::One, Limits::default()), (SecurityLevel::Two, limits)],
        }),
        Fact::ParticipantStatusSet(number(1), ParticipantStatus::Draining),
        Fact::ParticipantRemoved(number(9)),
        Fact::RoutesConfigured(vec![
            route(MerchantPattern::Default),
            route(MerchantPattern::Prefix(Merchant::from_text("shop-").unwrap())),
            route(MerchantPattern::Exact(Merchant::from_text("shop-1").unwrap())),
        ]),
        Fact::CutOver(date()),
        Fact::DayClosed(date()),
        Fact::Forgotten(1_795_305_600),
        Fact::Founded { partition: Partition(2), partitions: 3 },
        Fact::LeaseGiven {
            debtor: number(11),
            currency: Currency::from_code("EUR").unwrap(),
            to: Partition(1),
            total: Total::from_minor(1_250),
        },
        Fact::LeaseTaken {
            debtor: number(11),
            currency: Currency::from_code("EUR").unwrap(),
            from: Partition(0),
            total: Total::from_minor(1 << 70),
        },
    ]
}

fn facts_about_transactions() -> Vec<Fact> {
    let (amount, _) = euro(1_200);
    let (originator, settlement_date) = (number(1), date());
    vec![
        Fact::Reserved(Reserved {
            originator,
            request: authorize(),
            destination: number(11),
            instance: Instance(2),
            debtor: Debtor::Destination,
            settlement_date,
            deadline: NOW.plus(4_995),
        }),
        Fact::DeclinedAtOnce(DeclinedAtOnce {
            originator,
            request: Authorize {
                id: id(5),
                kind: Kind::Pay,
                hold_until: UnixMillis::default(),
                ..authorize()
            },
            reason: Reason::NetDebitCapExceeded,
            settlement_date,
        }),
        Fact::Approved {
            key: key(),
            amount,
            approval_code: ApprovalCode::new(*b"A1B2C3").unwrap(),
            extensions: Extensions::NONE,
        },
        Fact::Declined {
            key: key(),
            reason: Reason::DestinationTimedOut,
            decided_by: DecidedBy::Switch,
            reversal: true,
            extensions: Extensions::NONE,
        },
        Fact::LateAnswer { key: key(), approved: true, reversal: false },
        Fact::Captured { originator, request: capture(), settlement_date },
        Fact::Released { originator, request: release(), settlement_date },
        Fact::Expired(key()),
        Fact::Reversed {
            originator,
            request: reverse(),
            settlement_date,
            superseded_from: Some(DeliveryNumber(2)),
        },
        Fact::Tombstoned { originator, request: reverse(), destination: Some(number(11)), settlement_date },
        Fact::FollowUpDeclined {
            originator,
            request: FollowUp::Capture(capture()),
            reason: Reason::CaptureAboveHold,
            settlement_date,
        },
        Fact::FollowUpDeclined {
            originator,
            request: FollowUp::Release(release()),
            reason: Reason::HoldExpired,
            settlement_date,
        },
        Fact::FollowUpDeclined {
            originator,
            request: FollowUp::Reverse(reverse()),
            reason: Reason::ReversalOfReversal,
            settlement_date,
        },
        Fact::Acknowledged { key: key(), delivery: DeliveryNumber(1) },
    ]
}

#[test]
fn each_fact_reads_back_as_written() {
    let facts: Vec<Fact> = facts_about_the_switch().into_iter().chain(facts_about_transactions()).collect();
    let (mut writer, mut bytes) = (RecordWriter::default(), Vec::new());
    facts.iter().for_each(|fact| writer.write(fact, &mut bytes));
    let mut rest = bytes.as_slice();
    for fact in &facts {
        assert_eq!(&record::read(&mut rest).unwrap(), fact);
    }
    assert!(rest.is_empty());
}

#[test]
fn a_record_cut_anywhere_is_refused_and_stays_where_it_is() {
    for fact in facts_about_the_switch().iter().chain(&facts_about_transactions()) {
        let mut bytes = Vec::new();
        RecordWriter::default().write(fact, &mut bytes);
        for end in 0..bytes.len() {
            let mut rest = &bytes[..end];
            assert!(record::read(&mut rest).is_err(), "{fact:?} cut at {end}");
            assert_eq!(rest.len(), end);
        }
    }
}

#[test]
fn the_records_of_a_payment_are_short() {
    let size = |fact: &Fact| {
        let mut bytes = Vec::new();
        RecordWriter::default().write(fact, &mut bytes);
        bytes.len()
    };
    let facts = facts_about_transactions();
    assert!(size(&facts[0]) <= 200, "reserved takes {} bytes", size(&facts[0]));
    assert!(size(&facts[2]) <= 64, "approved takes {} bytes", size(&facts[2]));
}
