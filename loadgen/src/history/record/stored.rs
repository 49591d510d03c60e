//! A record as it stands in a file, for whoever reads histories to damage a copy of them.

use holdfast_protocol::MessageType;

use super::layout::{AMOUNT, APPLIED, CHECKSUM, FLAGS, KIND, MESSAGE, NUMBER, OUTCOME, RECORD_BYTES, REPEAT};
use super::{EventKind, Record};

/// An outcome as records have it.
const APPROVED: u8 = 1;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    bytes: [u8; RECORD_BYTES],
}

impl Stored {
    /// As read.
    pub const fn from_bytes(bytes: [u8; RECORD_BYTES]) -> Self {
        Self { bytes }
    }

    /// As it stands.
    pub const fn bytes(&self) -> &[u8; RECORD_BYTES] {
        &self.bytes
    }

    /// Whether it is of this kind.
    pub const fn is(&self, kind: EventKind) -> bool {
        self.bytes[KIND] == kind as u8
    }

    /// Whether it is about an authorize, or a refund.
    pub const fn is_of_authorize(&self) -> bool {
        self.bytes[MESSAGE] == MessageType::Authorize.number()
    }

    /// Whether the copy was marked as a repeat.
    pub const fn is_repeat(&self) -> bool {
        self.bytes[FLAGS] & REPEAT != 0
    }

    /// Whether the writer carried out what it is about.
    pub const fn is_applied(&self) -> bool {
        self.bytes[FLAGS] & APPLIED != 0
    }

    /// Whether it tells an approval.
    pub const fn is_approval(&self) -> bool {
        self.bytes[OUTCOME] == APPROVED
    }

    /// Another amount than was written.
    pub const fn flip_amount(&mut self) {
        self.bytes[AMOUNT] ^= 1;
    }

    /// Gives it its place in a file; the checksum follows.
    pub fn renumber(&mut self, number: u64) -> &[u8; RECORD_BYTES] {
        // The number in the file is modulo 2^32.
        let [a, b, c, d, ..] = number.to_le_bytes();
        self.bytes[NUMBER..NUMBER + 4].copy_from_slice(&[a, b, c, d]);
        let checksum = crc32c::crc32c(&self.bytes[..CHECKSUM]);
        self.bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }
}

impl From<Record> for Stored {
    fn from(record: Record) -> Self {
        Self { bytes: record.bytes }
    }
}
