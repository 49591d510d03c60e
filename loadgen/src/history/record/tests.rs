//! Records are byte for byte those of docs/HISTORY.md.

use super::layout::PAYMENT_KIND;
use super::*;
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Capture, Channel, Currency, DecidedBy, DeliveryNumber, Epoch,
    Extensions, InstrumentReference, Kind, MessageType, Outcome, ParticipantNumber, Partition, Reason,
    RequestId, SecurityLevel, Sequence, State,
};

// The examples of docs/HISTORY.md.
const HEADER: &str = "484f4c4448495354010060010100000000748d00a20100006f70657261746f72\
    2d31000000000000000000000000000000000000000000000000000000000000\
    00000000000000000000000000000000000000000000000000000000a0261275";
const SENT: &str = "00000000011002017b748d00a201000015cd5b070000000001000000d2030200\
    01a0000000007000800000000000000101a00000000070008000000000000001\
    393000000000000000000000000000000000000011a5376f2c996ae08fd12422";
const HEARD: &str = "01000000021000017b748d00a201000015cd5b070000000001000000d2030200\
    01a0000000007000800000000000000101a00000000070008000000000000001\
    393000000000000001020000010000000300000067120000000000006a2e5110";
const ANSWERED: &str = "05000000111000007b748d00a201000015cd5b070000000001000000d2030201\
    01a0000000007000800000000000000101a00000000070008000000000000001\
    39300000000000000100000000000000010000001100000000000000721872b4";
const DELIVERED: &str = "07000000131228017b748d00a201000015cd5b070000000001000100d2030000\
    01a0000000017000800000000000000201a00000000070008000000000000001\
    39300000000000000000000000000000000000000000000000000000ae7a52a4";
const DECIDED_THROUGH: &str = "0a000000160000007b748d00a201000015cd5b07000000000000000000000001\
    0000000000000000000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000100000011000000000000002e95fd50";
const CLOSED: &str = "0c0000001f0040007b748d00a201000015cd5b07000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000000000002a2a8166";

fn hex(bytes: [u8; RECORD_BYTES]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn id(text: &str) -> RequestId {
    text.parse().unwrap()
}

fn original() -> RequestId {
    id("01a00000000070008000000000000001")
}

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn at() -> At {
    At { time: UnixMillis::new(1_795_305_600_123).unwrap(), monotonic_ns: 123_456_789 }
}

fn amount() -> Amount {
    Amount::from_minor(12_345).unwrap()
}

fn authorize() -> Authorize {
    Authorize {
        id: original(),
        originator: None,
        kind: Kind::Reserve,
        payment_id: "shop-7@ACQ1".parse().unwrap(),
        instrument: InstrumentReference::NONE,
        amount: amount(),
        currency: euro(),
        security_level: SecurityLevel::One,
        channel: Channel::Unspecified,
        expires: UnixMillis::MAX,
        hold_until: UnixMillis::MAX,
        budget_ms: 1,
        partial_allowed: true,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn answer() -> Answer {
    Answer {
        id: original(),
        originator: None,
        outcome: Outcome::Approved,
        state: State::Held,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: amount(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(3),
        sequence: Sequence(4711),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

fn operator() -> ParticipantNumber {
    ParticipantNumber::new(1).unwrap()
}

#[test]
fn the_header_is_the_one_of_the_documentation() {
    let begun = UnixMillis::new(1_795_305_600_000).unwrap();
    assert_eq!(hex(header(Role::Operator, operator(), 0, begun, "operator-1")), HEADER);
}

#[test]
fn records_of_operators_are_those_of_the_documentation() {
    let digest = payment_id_digest(&"shop-7@ACQ1".parse().unwrap());
    let sent = Record::new(EventKind::Sent, at()).authorize(&authorize(), operator(), false, digest);
    assert_eq!(hex(sent.finish(0)), SENT);
    let mut heard = Record::new(EventKind::Heard, at())
        .about(MessageType::Authorize, 1)
        .ids(operator(), original(), original())
        .money(euro(), 0)
        .answer(&answer());
    heard.put(PAYMENT_KIND, [2]);
    assert_eq!(hex(heard.finish(1)), HEARD);
}

#[test]
fn records_of_destinations_are_those_of_the_documentation() {
    let place = AnswerPlace { link: 1, lane: 1, count: 17 };
    let answered = Record::new(EventKind::Answered, at()).ids(operator(), original(), original()).answered(
        &answer(),
        &authorize(),
        place,
    );
    assert_eq!(hex(answered.finish(5)), ANSWERED);
    let capture = Capture {
        id: id("01a00000000170008000000000000002"),
        original: original(),
        originator: Some(operator()),
        amount: amount(),
        currency: euro(),
        last: true,
        expires: UnixMillis::MAX,
        delivery: Some(DeliveryNumber(1)),
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    };
    let delivered = Record::new(EventKind::Delivered, at()).capture(&capture, operator(), true);
    assert_eq!(hex(delivered.finish(7)), DELIVERED);
    let through = Record::new(EventKind::DecidedThrough, at()).place(place);
    assert_eq!(hex(through.finish(10)), DECIDED_THROUGH);
    assert_eq!(hex(Record::new(EventKind::Closed, at()).drained(true).finish(12)), CLOSED);
}
