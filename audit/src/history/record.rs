//! One record of a history: 96 bytes whose fields stand at the same places in every kind.
//!
//! A record proves itself: it carries its place in the file and a checksum, so that a torn, moved, doubled or missing
//! record is seen before its content is believed.

use crc32c::crc32c;

/// Bytes of a record, and of a file's header.
pub const RECORD_BYTES: usize = 96;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An operator handed a copy of a request to its link; a destination an inquiry.
    Sent = 1,
    /// An operator received an answer.
    Heard = 2,
    /// A status came back for an inquiry.
    Told = 3,
    /// An operator stopped waiting: the outcome is unknown to it.
    GaveUp = 4,
    /// A destination received a forward.
    Received = 16,
    /// A destination handed an answer to its link.
    Answered = 17,
    /// A destination decided not to answer a forward, or to answer it late.
    Silent = 18,
    /// A destination received a capture, release or reversal.
    Delivered = 19,
    /// A destination handed an acknowledgement to its link.
    Acknowledged = 20,
    /// A destination heard that nothing more will come for a transaction.
    Completed = 21,
    /// A destination heard how many answers of a lane are decided.
    DecidedThrough = 22,
    /// A destination knows that one answer is decided.
    Assured = 23,
    /// The writer finished.
    Closed = 31,
}

impl Kind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [Self; 13] = [
        Self::Sent,
        Self::Heard,
        Self::Told,
        Self::GaveUp,
        Self::Received,
        Self::Answered,
        Self::Silent,
        Self::Delivered,
        Self::Acknowledged,
        Self::Completed,
        Self::DecidedThrough,
        Self::Assured,
        Self::Closed,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Which message a record is about, by its number in the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Message {
    /// None, or no particular one.
    #[default]
    None = 0,
    /// Asks for a payment, a reservation or a verification.
    Authorize = 0x10,
    /// Takes from a hold.
    Capture = 0x12,
    /// Gives back a hold.
    Release = 0x13,
    /// Undoes a transaction.
    Reverse = 0x14,
    /// Asks what became of a request.
    Inquiry = 0x16,
}

impl Message {
    const ALL: [Self; 6] =
        [Self::None, Self::Authorize, Self::Capture, Self::Release, Self::Reverse, Self::Inquiry];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|message| *message as u8 == number)
    }
}

/// The bits of [`Record::flags`].
pub mod flag {
    /// The message said that it may have been sent before.
    pub const REPEAT: u8 = 0x01;
    /// Authorize: less may be approved.
    pub const PARTIAL_ALLOWED: u8 = 0x02;
    /// Authorize: several captures are allowed.
    pub const CAPTURES_MANY: u8 = 0x04;
    /// Capture: the rest is released with it.
    pub const LAST: u8 = 0x08;
    /// Release: the hold ended at its time.
    pub const EXPIRED: u8 = 0x10;
    /// Received and delivered: this copy changed the destination's books; a recognised repeat does not.
    pub const APPLIED: u8 = 0x20;
    /// Closed: the writer had nothing in flight any more.
    pub const DRAINED: u8 = 0x40;
    /// Every bit that has a meaning.
    pub const KNOWN: u8 = 0x7f;
}

/// One record. A field that its kind does not use is zero; `docs/HISTORY.md` says which kind uses what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub kind: Kind,
    /// To which message.
    pub message: Message,
    /// See [`flag`].
    pub flags: u8,
    /// Which copy, counted from one.
    pub attempt: u8,
    /// The switch's time as the writer knows it, in Unix milliseconds.
    pub time_ms: u64,
    /// Nanoseconds of the writer's monotonic clock; comparable within one file.
    pub monotonic_ns: u64,
    /// Who sent the authorize.
    pub originator: u16,
    /// Which delivery, counted from one.
    pub delivery: u16,
    /// ISO 4217 number.
    pub currency: u16,
    /// 1 pay, 2 reserve, 3 verify, 4 refund.
    pub payment_kind: u8,
    /// Which lane, counted from zero.
    pub lane: u8,
    /// The id of the request.
    pub id: u128,
    /// The id of the authorize.
    pub original: u128,
    /// Minor units.
    pub amount: u64,
    /// 1 approved, 2 declined, 3 refused.
    pub outcome: u8,
    /// State now, as the protocol numbers it.
    pub state: u8,
    /// The protocol's reason.
    pub reason: u16,
    /// 1 destination, 2 switch, 3 stand-in.
    pub decided_by: u8,
    /// Which partition decided.
    pub partition: u16,
    /// Which epoch decided; in a destination's own records the number of the link.
    pub epoch: u32,
    /// The place of the deciding fact; or the place of an answer on its lane; or the digest of a payment ID.
    pub sequence: u64,
}

/// Why 96 bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes are not those that were written.
    #[error("the checksum does not match")]
    Checksum,
    /// Records before it are missing, doubled or moved.
    #[error("it is record {found} in the place of record {expected}")]
    OutOfPlace {
        /// What it says.
        found: u32,
        /// Where it stands.
        expected: u32,
    },
    /// A field holds what its type does not allow.
    #[error("{0} holds a number without a meaning")]
    Field(&'static str),
}

impl Record {
    /// A record with every other field zero.
    pub const fn new(kind: Kind, message: Message) -> Self {
        Self {
            kind,
            message,
            flags: 0,
            attempt: 0,
            time_ms: 0,
            monotonic_ns: 0,
            originator: 0,
            delivery: 0,
            currency: 0,
            payment_kind: 0,
            lane: 0,
            id: 0,
            original: 0,
            amount: 0,
            outcome: 0,
            state: 0,
            reason: 0,
            decided_by: 0,
            partition: 0,
            epoch: 0,
            sequence: 0,
        }
    }

    /// Whether a bit of [`flag`] is set.
    pub const fn has(&self, bit: u8) -> bool {
        self.flags & bit != 0
    }

    /// The bytes of this record as the one at `place`, counted from zero.
    pub fn to_bytes(&self, place: u64) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&number_at(place).to_le_bytes());
        put(&[self.kind as u8, self.message as u8, self.flags, self.attempt]);
        put(&self.time_ms.to_le_bytes());
        put(&self.monotonic_ns.to_le_bytes());
        put(&self.originator.to_le_bytes());
        put(&self.delivery.to_le_bytes());
        put(&self.currency.to_le_bytes());
        put(&[self.payment_kind, self.lane]);
        put(&self.id.to_be_bytes());
        put(&self.original.to_be_bytes());
        put(&self.amount.to_le_bytes());
        put(&[self.outcome, self.state]);
        put(&self.reason.to_le_bytes());
        put(&[self.decided_by, 0]);
        put(&self.partition.to_le_bytes());
        put(&self.epoch.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        seal(&mut bytes);
        bytes
    }

    /// Reads the record that stands at `place`, counted from zero.
    ///
    /// # Errors
    /// Where the bytes are not a record that was written for this place.
    pub fn from_bytes(bytes: &[u8; RECORD_BYTES], place: u64) -> Result<Self, RecordError> {
        if !is_sealed(bytes) {
            return Err(RecordError::Checksum);
        }
        let found = u32::from_le_bytes(field(bytes, 0));
        let expected = number_at(place);
        if found != expected {
            return Err(RecordError::OutOfPlace { found, expected });
        }
        let [kind, message, flags, attempt] = field(bytes, 4);
        let [payment_kind, lane] = field(bytes, 30);
        let [outcome, state] = field(bytes, 72);
        let [decided_by, _zero] = field(bytes, 76);
        let within = |value: u8, max: u8, name| {
            if value <= max { Ok(value) } else { Err(RecordError::Field(name)) }
        };
        Ok(Self {
            kind: Kind::from_number(kind).ok_or(RecordError::Field("kind"))?,
            message: Message::from_number(message).ok_or(RecordError::Field("message"))?,
            flags: within(flags, flag::KNOWN, "flags")?,
            attempt,
            time_ms: u64::from_le_bytes(field(bytes, 8)),
            monotonic_ns: u64::from_le_bytes(field(bytes, 16)),
            originator: u16::from_le_bytes(field(bytes, 24)),
            delivery: u16::from_le_bytes(field(bytes, 26)),
            currency: u16::from_le_bytes(field(bytes, 28)),
            payment_kind: within(payment_kind, 4, "kind of payment")?,
            lane,
            id: u128::from_be_bytes(field(bytes, 32)),
            original: u128::from_be_bytes(field(bytes, 48)),
            amount: u64::from_le_bytes(field(bytes, 64)),
            outcome: within(outcome, 3, "outcome")?,
            state: within(state, 8, "state")?,
            reason: u16::from_le_bytes(field(bytes, 74)),
            decided_by: within(decided_by, 3, "decided by")?,
            partition: u16::from_le_bytes(field(bytes, 78)),
            epoch: u32::from_le_bytes(field(bytes, 80)),
            sequence: u64::from_le_bytes(field(bytes, 84)),
        })
    }
}

/// The digest of a payment ID in its text form `MERCHANT@MPS`: FNV-1a, 64 bits.
pub fn payment_id_digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The number a record carries is its place, of which the lowest 32 bits suffice to see a gap.
fn number_at(place: u64) -> u32 {
    let [a, b, c, d, ..] = place.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

pub(super) fn field<const N: usize>(bytes: &[u8; RECORD_BYTES], at: usize) -> [u8; N] {
    bytes[at..].first_chunk().copied().expect("every field lies within the record")
}

pub(super) fn seal(bytes: &mut [u8; RECORD_BYTES]) {
    let sum = crc32c(&bytes[..92]);
    bytes[92..].copy_from_slice(&sum.to_le_bytes());
}

pub(super) fn is_sealed(bytes: &[u8; RECORD_BYTES]) -> bool {
    crc32c(&bytes[..92]) == u32::from_le_bytes(field(bytes, 92))
}
