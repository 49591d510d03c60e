//! One record of a history, as docs/HISTORY.md lays it out.

use holdfast_protocol::{
    Answer, Authorize, Capture, Currency, DeliveryNumber, MessageType, Outcome, ParticipantNumber, PaymentId,
    Reason, Release, RequestId, Reverse, Status, UnixMillis,
};

/// Bytes of a record and of the header.
pub const RECORD_BYTES: usize = 96;
const VERSION: u16 = 1;

const REPEAT: u8 = 0x01;
const PARTIAL_ALLOWED: u8 = 0x02;
const CAPTURES_MANY: u8 = 0x04;
const LAST: u8 = 0x08;
const EXPIRED: u8 = 0x10;
const APPLIED: u8 = 0x20;
const DRAINED: u8 = 0x40;

/// In which role a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends requests.
    Operator,
    /// It answers them.
    Destination,
}

impl Role {
    /// As in the name of the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Destination => "destination",
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A copy of a request is about to be handed to the link.
    Sent = 1,
    /// An answer arrived.
    Heard = 2,
    /// A status arrived.
    Told = 3,
    /// The operator stopped waiting.
    GaveUp = 4,
    /// A forward arrived.
    Received = 16,
    /// An answer is about to be handed to the link.
    Answered = 17,
    /// The destination will not answer now.
    Silent = 18,
    /// A capture, release or reversal arrived.
    Delivered = 19,
    /// An acknowledgement is about to be handed to the link.
    Acknowledged = 20,
    /// A complete arrived.
    Completed = 21,
    /// A decided-through arrived.
    DecidedThrough = 22,
    /// The last record.
    Closed = 31,
}

/// When something happened, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The switch's time.
    pub time: UnixMillis,
    /// Nanoseconds since the run began.
    pub monotonic_ns: u64,
}

/// The fields of a record; what a kind does not use stays zero.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    bytes: [u8; RECORD_BYTES],
}

impl Record {
    /// A record of this kind.
    #[inline]
    pub fn new(kind: EventKind, at: At) -> Self {
        let mut record = Self { bytes: [0; RECORD_BYTES] };
        record.put(4, [kind as u8]);
        record.put(8, at.time.get().to_le_bytes());
        record.put(16, at.monotonic_ns.to_le_bytes());
        record
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&bytes);
    }

    #[inline]
    fn flag(mut self, flag: u8, set: bool) -> Self {
        if set {
            self.bytes[6] |= flag;
        }
        self
    }

    #[inline]
    fn message(mut self, message: MessageType, attempt: u8) -> Self {
        self.put(5, [message.number()]);
        self.put(7, [attempt]);
        self
    }

    /// Names a request of a transaction.
    #[inline]
    #[must_use]
    pub fn ids(mut self, originator: ParticipantNumber, id: RequestId, original: RequestId) -> Self {
        self.put(24, originator.get().to_le_bytes());
        self.put(32, id.to_bytes());
        self.put(48, original.to_bytes());
        self
    }

    #[inline]
    fn money(mut self, currency: Currency, amount: u64) -> Self {
        self.put(28, currency.number().to_le_bytes());
        self.put(64, amount.to_le_bytes());
        self
    }

    /// An authorize as it is sent or received.
    #[inline]
    #[must_use]
    pub fn authorize(self, m: &Authorize, originator: ParticipantNumber, applied: bool, digest: u64) -> Self {
        let mut record = self
            .message(MessageType::Authorize, m.attempt)
            .ids(originator, m.id, m.id)
            .money(m.currency, m.amount.minor())
            .flag(REPEAT, m.repeat)
            .flag(PARTIAL_ALLOWED, m.partial_allowed)
            .flag(CAPTURES_MANY, m.captures_many)
            .flag(APPLIED, applied);
        record.put(30, [m.kind as u8]);
        record.put(84, digest.to_le_bytes());
        record
    }

    /// A capture as it is sent or delivered.
    #[must_use]
    pub fn capture(self, m: &Capture, originator: ParticipantNumber, applied: bool) -> Self {
        self.message(MessageType::Capture, m.attempt)
            .ids(originator, m.id, m.original)
            .money(m.currency, m.amount.minor())
            .delivery(m.delivery)
            .flag(REPEAT, m.repeat)
            .flag(LAST, m.last)
            .flag(APPLIED, applied)
    }

    /// A release as it is sent or delivered.
    #[must_use]
    pub fn release(self, m: &Release, originator: ParticipantNumber, applied: bool) -> Self {
        self.message(MessageType::Release, m.attempt)
            .ids(originator, m.id, m.original)
            .delivery(m.delivery)
            .flag(REPEAT, m.repeat)
            .flag(EXPIRED, m.expired)
            .flag(APPLIED, applied)
    }

    /// A reversal as it is sent or delivered.
    #[must_use]
    pub fn reverse(self, m: &Reverse, originator: ParticipantNumber, applied: bool) -> Self {
        self.message(MessageType::Reverse, m.attempt)
            .ids(originator, m.id, m.original)
            .delivery(m.delivery)
            .flag(REPEAT, m.repeat)
            .flag(APPLIED, applied)
    }

    /// Which message it was about, and which copy.
    #[inline]
    #[must_use]
    pub fn about(self, message: MessageType, attempt: u8) -> Self {
        self.message(message, attempt)
    }

    /// Which delivery it was.
    #[must_use]
    pub fn delivery(mut self, delivery: Option<DeliveryNumber>) -> Self {
        self.put(26, delivery.map_or(0, |n| n.0).to_le_bytes());
        self
    }

    #[inline]
    fn outcome(mut self, outcome: Option<Outcome>, reason: Reason) -> Self {
        self.put(72, [outcome.map_or(0, |o| o as u8)]);
        self.put(74, reason.number().to_le_bytes());
        self
    }

    /// An answer as it was heard.
    #[inline]
    #[must_use]
    pub fn answer(self, m: &Answer) -> Self {
        let mut record = self.outcome(Some(m.outcome), m.reason);
        record.put(64, m.amount.minor().to_le_bytes());
        record.put(73, [m.state as u8]);
        record.put(76, [m.decided_by as u8]);
        record.put(78, m.partition.0.to_le_bytes());
        record.put(80, m.epoch.0.to_le_bytes());
        record.put(84, m.sequence.0.to_le_bytes());
        record
    }

    /// A status as it was told.
    #[must_use]
    pub fn status(self, m: &Status) -> Self {
        if m.reason != Reason::None {
            return self.outcome(None, m.reason);
        }
        let mut record = self.outcome(m.outcome, m.outcome_reason);
        record.put(64, m.held_for.minor().to_le_bytes());
        record.put(73, [m.state as u8]);
        record.put(76, [m.decided_by as u8]);
        record.put(78, m.partition.0.to_le_bytes());
        record.put(80, m.epoch.0.to_le_bytes());
        record.put(84, m.sequence.0.to_le_bytes());
        record
    }

    /// An answer as a destination gives it.
    #[inline]
    #[must_use]
    pub fn answered(self, m: &Answer, request: &Authorize, place: AnswerPlace) -> Self {
        let mut record = self
            .message(MessageType::Authorize, 0)
            .money(request.currency, m.amount.minor())
            .outcome(Some(m.outcome), m.reason);
        record.put(30, [request.kind as u8]);
        record.place(place)
    }

    /// Where an answer stands on its link, or what a decided-through says about one.
    #[must_use]
    pub fn place(mut self, place: AnswerPlace) -> Self {
        self.put(31, [place.lane]);
        self.put(80, place.link.to_le_bytes());
        self.put(84, place.count.to_le_bytes());
        self
    }

    /// Whether the writer finished in good order.
    #[must_use]
    pub fn drained(self, drained: bool) -> Self {
        self.flag(DRAINED, drained)
    }

    /// The record with its number and checksum.
    #[inline]
    pub fn finish(mut self, number: u32) -> [u8; RECORD_BYTES] {
        self.put(0, number.to_le_bytes());
        self.seal();
        self.bytes
    }

    fn seal(&mut self) {
        let checksum = crc32c::crc32c(&self.bytes[..RECORD_BYTES - 4]);
        self.put(RECORD_BYTES - 4, checksum.to_le_bytes());
    }
}

/// Which answer on which lane of which link.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerPlace {
    /// Counted from one in this file.
    pub link: u32,
    /// Counted from zero.
    pub lane: u8,
    /// Answers on that lane until now.
    pub count: u64,
}

/// The first bytes of a history.
pub fn header(
    role: Role,
    number: ParticipantNumber,
    instance: u16,
    begun: UnixMillis,
    name: &str,
) -> [u8; RECORD_BYTES] {
    let mut record = Record { bytes: [0; RECORD_BYTES] };
    record.put(0, *b"HOLDHIST");
    record.put(8, VERSION.to_le_bytes());
    record.put(
        10,
        [
            RECORD_BYTES as u8,
            match role {
                Role::Operator => 1,
                Role::Destination => 2,
            },
        ],
    );
    record.put(12, number.get().to_le_bytes());
    record.put(14, instance.to_le_bytes());
    record.put(16, begun.get().to_le_bytes());
    let mut padded = [0; 32];
    let length = name.len().min(padded.len());
    padded[..length].copy_from_slice(&name.as_bytes()[..length]);
    record.put(24, padded);
    record.seal();
    record.bytes
}

/// The digest of a payment ID's text, `MERCHANT@MPS`.
pub fn payment_id_digest(id: &PaymentId) -> u64 {
    let text = [id.merchant.as_str(), "@", id.mps.as_str()];
    text.into_iter().flat_map(str::bytes).fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_protocol::{
        ApprovalCode, Channel, DecidedBy, Epoch, Extensions, InstrumentReference, Kind, Partition,
        SecurityLevel, Sequence, State,
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

    fn amount() -> holdfast_protocol::Amount {
        holdfast_protocol::Amount::from_minor(12_345).unwrap()
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
        heard.put(30, [2]);
        assert_eq!(hex(heard.finish(1)), HEARD);
    }

    #[test]
    fn records_of_destinations_are_those_of_the_documentation() {
        let place = AnswerPlace { link: 1, lane: 1, count: 17 };
        let answered = Record::new(EventKind::Answered, at())
            .ids(operator(), original(), original())
            .answered(&answer(), &authorize(), place);
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
}
