//! One record of a history, as docs/HISTORY.md lays it out: what every record has. What a kind adds stands in the files
//! beside this one: requests, and what is said about them.

mod header;
mod layout;
mod outcome;
mod request;
mod stored;
#[cfg(test)]
mod tests;

use holdfast_protocol::UnixMillis;

pub use header::{Role, header};
pub use layout::RECORD_BYTES;
use layout::{CHECKSUM, DRAINED, FLAGS, KIND, MONOTONIC, NUMBER, TIME};
pub use outcome::AnswerPlace;
pub use request::payment_id_digest;
pub use stored::Stored;

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
        record.put(KIND, [kind as u8]);
        record.put(TIME, at.time.get().to_le_bytes());
        record.put(MONOTONIC, at.monotonic_ns.to_le_bytes());
        record
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&bytes);
    }

    #[inline]
    fn flag(mut self, flag: u8, set: bool) -> Self {
        if set {
            self.bytes[FLAGS] |= flag;
        }
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
        self.put(NUMBER, number.to_le_bytes());
        self.seal();
        self.bytes
    }

    fn seal(&mut self) {
        let checksum = crc32c::crc32c(&self.bytes[..CHECKSUM]);
        self.put(CHECKSUM, checksum.to_le_bytes());
    }
}
