//! The bytes of a history never change: one header and one record of each kind, as `docs/HISTORY.md` prints them.

use holdfast_audit::finding::Class;
use holdfast_audit::history::record::{flag, payment_id_digest};
use holdfast_audit::history::{Header, Kind, Message, Record, Role};

const ID: u128 = 0x01a0_0000_0000_7000_8000_0000_0000_0001;
const CAPTURE_ID: u128 = 0x01a0_0000_0001_7000_8000_0000_0000_0002;

fn header() -> Header {
    Header {
        role: Role::Operator,
        participant: 1,
        instance: 0,
        started_ms: 1_795_305_600_000,
        name: "operator-1".to_owned(),
    }
}

fn base(kind: Kind, message: Message) -> Record {
    Record {
        time_ms: 1_795_305_600_123,
        monotonic_ns: 123_456_789,
        originator: 1,
        id: ID,
        original: ID,
        ..Record::new(kind, message)
    }
}

/// One example of each kind, in the order of the numbers.
fn examples() -> Vec<Record> {
    let money = |record: Record| Record { currency: 978, payment_kind: 2, amount: 12_345, ..record };
    let digest = payment_id_digest("shop-7@ACQ1");
    let capture =
        |record: Record| Record { id: CAPTURE_ID, amount: 12_345, currency: 978, delivery: 1, ..record };
    vec![
        Record {
            attempt: 1,
            flags: flag::PARTIAL_ALLOWED,
            sequence: digest,
            ..money(base(Kind::Sent, Message::Authorize))
        },
        Record {
            attempt: 1,
            outcome: 1,
            state: 2,
            decided_by: 1,
            epoch: 3,
            sequence: 4711,
            ..money(base(Kind::Heard, Message::Authorize))
        },
        Record {
            outcome: 1,
            state: 4,
            decided_by: 1,
            epoch: 3,
            sequence: 4711,
            amount: 12_345,
            ..base(Kind::Told, Message::Inquiry)
        },
        Record { attempt: 2, ..base(Kind::GaveUp, Message::Authorize) },
        Record {
            attempt: 1,
            flags: flag::PARTIAL_ALLOWED | flag::APPLIED,
            sequence: digest,
            ..money(base(Kind::Received, Message::Authorize))
        },
        Record {
            outcome: 1,
            epoch: 1,
            lane: 1,
            sequence: 17,
            ..money(base(Kind::Answered, Message::Authorize))
        },
        base(Kind::Silent, Message::Authorize),
        Record {
            attempt: 1,
            flags: flag::LAST | flag::APPLIED,
            ..capture(base(Kind::Delivered, Message::Capture))
        },
        Record { delivery: 1, ..base(Kind::Acknowledged, Message::None) },
        base(Kind::Completed, Message::None),
        Record {
            originator: 0,
            id: 0,
            original: 0,
            epoch: 1,
            lane: 1,
            sequence: 17,
            ..base(Kind::DecidedThrough, Message::None)
        },
        base(Kind::Assured, Message::Authorize),
        Record {
            originator: 0,
            id: 0,
            original: 0,
            flags: flag::DRAINED,
            ..base(Kind::Closed, Message::None)
        },
    ]
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 32 == 0 {
            text.push('\n');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[test]
fn every_kind_has_the_bytes_that_the_document_prints() {
    let document = include_str!("../../docs/HISTORY.md");
    let mut wanted = format!("header\n{}\n", hex(&header().to_bytes()));
    for (place, record) in examples().iter().enumerate() {
        let bytes = record.to_bytes(place as u64);
        wanted.push_str(&format!("\n{place} {:?}\n{}\n", record.kind, hex(&bytes)));
    }
    assert_eq!(examples().iter().map(|r| r.kind).collect::<Vec<_>>(), Kind::ALL);
    assert!(document.contains(&wanted), "docs/HISTORY.md should print:\n{wanted}");
}

#[test]
fn what_is_written_is_what_is_read() {
    assert_eq!(Header::from_bytes(&header().to_bytes()), Ok(header()));
    for (place, record) in examples().into_iter().enumerate() {
        let place = place as u64 + (1 << 32);
        assert_eq!(Record::from_bytes(&record.to_bytes(place), place), Ok(record));
    }
}

#[test]
fn a_flipped_bit_is_never_believed() {
    let bytes = examples()[1].to_bytes(1);
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes;
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Record::from_bytes(&damaged, 1).is_err(), "bit {bit}");
    }
    assert!(Record::from_bytes(&bytes, 2).is_err(), "a moved record");
}

#[test]
fn the_document_lists_every_class_of_finding() {
    let document = include_str!("../../docs/HISTORY.md");
    for class in Class::ALL {
        let line = format!("| `{}` | {} |", class.name(), class.meaning());
        assert!(document.contains(&line), "docs/HISTORY.md should have: {line}");
    }
}
