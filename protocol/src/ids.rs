//! Identifiers: each has its own type, so that none can stand in for another.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use crate::time::UnixMillis;

/// The id of one request, unique for its author for ever.
///
/// 128 bits in the layout of UUID version 7 (RFC 9562): the first 48 bits are the creation time in milliseconds, so
/// that how long an id must be remembered follows from the id alone (rule 5). The version and variant bits are not
/// checked; the 74 to 80 bits after the time must not repeat within a millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// Bytes on the wire: big-endian, the order of a UUID.
    pub const BYTES: usize = 16;

    /// Builds an id from its creation time and the 80 bits after it; bits of `rest` above 80 are dropped.
    pub const fn new(created: UnixMillis, rest: u128) -> Self {
        Self(((created.get() as u128) << 80) | (rest & ((1 << 80) - 1)))
    }

    /// An id as it is written on the wire.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The id as it is written on the wire.
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_be_bytes()
    }

    /// When the author says it was made.
    pub const fn created(self) -> UnixMillis {
        UnixMillis::from_48_bits((self.0 >> 80) as u64)
    }

    /// All 128 bits, for hashing.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for RequestId {
    /// The text form of a UUID: 8-4-4-4-12 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            n >> 96,
            (n >> 80) & 0xffff,
            (n >> 64) & 0xffff,
            (n >> 48) & 0xffff,
            n & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no request id: 32 hexadecimal digits, with or without the hyphens of a UUID, were expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: expected 32 hexadecimal digits in the form of a UUID")]
pub struct ParseRequestIdError;

impl FromStr for RequestId {
    type Err = ParseRequestIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut value: u128 = 0;
        let mut digits = 0_u32;
        for c in text.chars().filter(|c| *c != '-') {
            let digit = c.to_digit(16).ok_or(ParseRequestIdError)?;
            digits += 1;
            if digits > 32 {
                return Err(ParseRequestIdError);
            }
            value = (value << 4) | u128::from(digit);
        }
        if digits == 32 { Ok(Self(value)) } else { Err(ParseRequestIdError) }
    }
}

/// The number of a participant, 1 to 65,535. The configuration gives it; it never passes to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantNumber(NonZeroU16);

impl ParticipantNumber {
    /// `None` for zero, which stands for nobody.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl ParticipantNumber {
    /// The partition that decides its requests, where there are so many; for ever.
    pub const fn home(self, partitions: u16) -> Partition {
        Partition(self.get() % partitions)
    }
}

impl fmt::Display for ParticipantNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a transaction is called everywhere: another participant's equal id is another transaction (rule 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionKey {
    /// Who sent the authorize; the switch sets it from the certificate of the link.
    pub originator: ParticipantNumber,
    /// The id of the authorize.
    pub id: RequestId,
}

impl fmt::Display for TransactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.originator, self.id)
    }
}

/// Which of a participant's instances: it chooses the number at sign-on and keeps it over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub u16);

/// Which partition of the switch: each has a journal of its own. Zero where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

/// Which leadership of the journal. It grows by one with each start of the switch that may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// The place of a fact in the journal, counted from one; zero means before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Which of the messages that a destination must acknowledge for one transaction, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryNumber(pub u16);
