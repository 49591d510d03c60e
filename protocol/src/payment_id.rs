//! The payment ID names the payee, and the instrument reference names what pays.

use std::fmt;
use std::str::FromStr;

/// The highest bit of each of eight bytes.
const EACH_HIGH_BIT: u64 = 0x8080_8080_8080_8080;

/// Short text of letters, digits, `.`, `-` and `_`, padded with zero bytes on the wire.
///
/// The bytes after the text are all zero, so that equal texts are equal arrays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Padded<const N: usize>([u8; N]);

impl<const N: usize> Padded<N> {
    /// `None` where a byte is not allowed, text follows a zero byte, or there is no text.
    #[inline]
    fn from_bytes(bytes: [u8; N]) -> Option<Self> {
        const { assert!(N.is_multiple_of(8), "looked at in words of eight bytes") };
        let (mut allowed, mut text_may_follow) = (true, true);
        for word in bytes.as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*word);
            let zeros = Self::bytes_between(word, 0, 0);
            // The bytes after a zero are zero, in this word and in the next.
            allowed &= (zeros << 8) & !zeros == 0 && (text_may_follow || word == 0);
            text_may_follow &= zeros == 0;
            allowed &= word & EACH_HIGH_BIT == 0 && zeros | Self::text_bytes(word) == EACH_HIGH_BIT;
        }
        let begins = bytes.first().is_some_and(|b| *b != 0);
        (allowed && begins).then_some(Self(bytes))
    }

    /// The high bit of each byte that is a letter, a digit, `-`, `.` or `_`.
    #[inline]
    const fn text_bytes(word: u64) -> u64 {
        let lower = word | (EACH_HIGH_BIT >> 2);
        Self::bytes_between(lower, b'a', b'z')
            | Self::bytes_between(word, b'0', b'9')
            | Self::bytes_between(word, b'-', b'.')
            | Self::bytes_between(word, b'_', b'_')
    }

    /// The high bit of each byte of `word` from `low` to `high`, eight bytes at once, since this is done for each
    /// authorize. Only where no byte has its high bit set: then no sum carries into the next byte.
    #[inline]
    const fn bytes_between(word: u64, low: u8, high: u8) -> u64 {
        let from_low = word.wrapping_add(u64::from_le_bytes([0x80 - low; 8]));
        let above_high = word.wrapping_add(u64::from_le_bytes([0x7f - high; 8]));
        from_low & !above_high & EACH_HIGH_BIT
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Self::from_bytes(bytes)
    }

    fn as_str(&self) -> &str {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(N);
        let text = self.0.get(..len).unwrap_or_default();
        std::str::from_utf8(text).expect("only ASCII passes from_bytes")
    }
}

/// Names a mobile payment system: 1 to 8 letters, digits, `.`, `-` or `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MpsId(Padded<8>);

/// Names a merchant (or, for another MPS, the payee there): 1 to 24 letters, digits, `.`, `-` or `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Merchant(Padded<24>);

macro_rules! padded_text {
    ($name:ident, $bytes:literal) => {
        impl $name {
            /// Bytes on the wire.
            pub const BYTES: usize = $bytes;

            /// `None` for bytes that are not its text padded with zeros.
            pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
                Padded::from_bytes(bytes).map(Self)
            }

            /// `None` for a text that is empty, too long, or has other characters.
            pub fn from_text(text: &str) -> Option<Self> {
                Padded::from_text(text).map(Self)
            }

            /// The bytes on the wire.
            pub const fn to_bytes(self) -> [u8; Self::BYTES] {
                self.0.0
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

padded_text!(MpsId, 8);
padded_text!(Merchant, 24);

/// Names the payee: a merchant and the MPS that serves it (Y.2741 6.4.3.2). In text `MERCHANT@MPS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId {
    /// The payment system that serves the merchant.
    pub mps: MpsId,
    /// The merchant there.
    pub merchant: Merchant,
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.merchant, self.mps)
    }
}

/// A text that is no payment ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a payment ID: expected MERCHANT@MPS, up to 24 and 8 letters, digits, '.', '-' or '_', as in shop-1@acq-1"
)]
pub struct ParsePaymentIdError;

impl FromStr for PaymentId {
    type Err = ParsePaymentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (merchant, mps) = text.split_once('@').ok_or(ParsePaymentIdError)?;
        Ok(Self {
            mps: MpsId::from_text(mps).ok_or(ParsePaymentIdError)?,
            merchant: Merchant::from_text(merchant).ok_or(ParsePaymentIdError)?,
        })
    }
}

/// What pays, in the words of its operator and issuer: up to 32 opaque bytes. The switch never looks inside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstrumentReference {
    length: u8,
    bytes: [u8; Self::BYTES_MAX],
}

impl InstrumentReference {
    /// The longest reference.
    pub const BYTES_MAX: usize = 32;
    /// No instrument named.
    pub const NONE: Self = Self { length: 0, bytes: [0; Self::BYTES_MAX] };

    /// `None` for more than [`Self::BYTES_MAX`] bytes.
    pub fn new(reference: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..reference.len())?.copy_from_slice(reference);
        Some(Self { length: u8::try_from(reference.len()).ok()?, bytes })
    }

    /// From the wire: `None` where the length is above 32 or a byte after it is not zero.
    #[inline]
    pub fn from_padded(length: u8, bytes: [u8; Self::BYTES_MAX]) -> Option<Self> {
        // As above: all bytes at once.
        let padded = bytes.iter().zip(0_u8..).fold(true, |ok, (b, at)| ok & ((at < length) | (*b == 0)));
        (padded && usize::from(length) <= Self::BYTES_MAX).then_some(Self { length, bytes })
    }

    /// Its length and its bytes padded with zeros, as on the wire.
    pub const fn to_padded(self) -> (u8, [u8; Self::BYTES_MAX]) {
        (self.length, self.bytes)
    }

    /// The reference itself. It must never reach a log: [`fmt::Display`] masks it.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Display for InstrumentReference {
    /// Masked: at most the last four characters of a reference of more than eight.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            [] => f.write_str("none"),
            [.., a, b, c, d] if self.length > 8 && [a, b, c, d].iter().all(|x| x.is_ascii_graphic()) => {
                write!(f, "****{}{}{}{}", char::from(*a), char::from(*b), char::from(*c), char::from(*d))
            }
            _ => f.write_str("****"),
        }
    }
}

impl fmt::Debug for InstrumentReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payment_ids_read_as_they_print() {
        let id: PaymentId = "shop-1@acq1".parse().unwrap();
        assert_eq!(id.to_string(), "shop-1@acq1");
        for wrong in ["shop", "@acq", "shop@", "shop 1@acq", "shop@toolongmps", "a@b@c", "é@x"] {
            assert!(wrong.parse::<PaymentId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_byte_is_judged_at_every_place() {
        for at in 0..24 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"abcdefghijklmnopqrstuvwx";
                bytes[at] = byte;
                let allowed = byte.is_ascii_alphanumeric()
                    || matches!(byte, b'.' | b'-' | b'_')
                    || (byte == 0 && at == 23);
                assert_eq!(Merchant::from_bytes(bytes).is_some(), allowed, "{byte:#x} at {at}");
                bytes[at..].fill(0);
                bytes[at] = byte;
                let ends = byte == 0 && at > 0;
                let allowed = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || ends;
                assert_eq!(Merchant::from_bytes(bytes).is_some(), allowed, "{byte:#x} at the end, {at}");
            }
        }
    }

    #[test]
    fn text_after_padding_is_refused() {
        assert!(MpsId::from_bytes(*b"ab\0c\0\0\0\0").is_none());
        assert!(MpsId::from_bytes([0; 8]).is_none());
        assert!(MpsId::from_bytes(*b"12345678").is_some());
    }

    #[test]
    fn instrument_references_are_masked() {
        let card = InstrumentReference::new(b"5500001234567890").unwrap();
        assert_eq!(format!("{card} {card:?}"), "****7890 ****7890");
        assert_eq!(InstrumentReference::new(b"12345678").unwrap().to_string(), "****");
        assert!(InstrumentReference::new(&[1; 33]).is_none());
        assert!(InstrumentReference::from_padded(31, [1; 32]).is_none());
    }
}
