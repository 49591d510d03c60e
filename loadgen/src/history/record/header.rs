//! The first bytes of a history: who writes it, in which role.

use holdfast_protocol::{ParticipantNumber, UnixMillis};

use super::Record;
use super::layout::RECORD_BYTES;

const VERSION: u16 = 1;
const NAME_BYTES_MAX: usize = 32;

/// In which role a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends requests.
    Operator = 1,
    /// It answers them.
    Destination = 2,
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

/// The header of a history. Its fields stand elsewhere than a record's.
pub fn header(
    role: Role,
    number: ParticipantNumber,
    instance: u16,
    begun: UnixMillis,
    name: &str,
) -> [u8; RECORD_BYTES] {
    let mut header = Record { bytes: [0; RECORD_BYTES] };
    header.put(0, *b"HOLDHIST");
    header.put(8, VERSION.to_le_bytes());
    header.put(10, [RECORD_BYTES as u8, role as u8]);
    header.put(12, number.get().to_le_bytes());
    header.put(14, instance.to_le_bytes());
    header.put(16, begun.get().to_le_bytes());
    let mut padded = [0; NAME_BYTES_MAX];
    let length = name.len().min(padded.len());
    padded[..length].copy_from_slice(&name.as_bytes()[..length]);
    header.put(24, padded);
    header.seal();
    header.bytes
}
