//! What makes two requests the same (rule 2): everything but repeat flag, attempt and remaining budget.
//!
//! A remembered id keeps a digest of 64 bits of its content, and one byte for each field that names the one that
//! differs. Where two different fields happen to share their byte, the refusal says "other content" and names none.

use crate::fact::FollowUp;
use holdfast_protocol::{Authorize, Capture, Extensions, PaymentId, Reason, Refund, Release, Reverse};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Fixed, since the digest of the ledger covers these bytes (I7).
const SEED: u64 = 0x686f_6c64_6661_7374;

/// Fields that have a byte of their own.
pub(crate) const FIELDS: usize = 6;

/// The content of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Of all of it.
    pub digest: u64,
    /// One byte for each field that a refusal can name.
    pub fields: [u8; FIELDS],
}

impl Content {
    /// Of an original that has not arrived.
    pub(crate) const NONE: Self = Self { digest: 0, fields: [0; FIELDS] };

    fn new(words: [u64; 8], fields: [u64; FIELDS]) -> Self {
        let mut bytes = [0; 64];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Self { digest: xxh3_64_with_seed(&bytes, SEED), fields: fields.map(byte) }
    }

    pub(crate) fn of_authorize(m: &Authorize) -> Self {
        let (length, instrument) = m.instrument.to_padded();
        let instrument = xxh3_64_with_seed(&instrument, u64::from(length));
        let payment_id = hash_payment_id(m.payment_id);
        let options = u64::from(m.partial_allowed) | u64::from(m.captures_many) << 1;
        let kinds = u64::from(m.currency.number())
            | u64::from(m.kind as u8) << 16
            | u64::from(m.security_level as u8) << 24
            | u64::from(m.channel as u8) << 32
            | options << 40;
        let extensions = hash_extensions(&m.extensions);
        let (amount, expires, hold) = (m.amount.minor(), m.expires.get(), m.hold_until.get());
        Self::new(
            [amount, kinds, payment_id, instrument, expires, hold, extensions, 1],
            [amount, payment_id, instrument, expires ^ hold.rotate_left(23), options, extensions],
        )
    }

    pub(crate) fn of_follow_up(request: &FollowUp) -> Self {
        match request {
            FollowUp::Capture(m) => Self::of_capture(m),
            FollowUp::Release(m) => Self::of_release(m),
            FollowUp::Reverse(m) => Self::of_reverse(m),
        }
    }

    pub(crate) fn of_capture(m: &Capture) -> Self {
        let (amount, currency) = (m.amount.minor(), u64::from(m.currency.number()));
        let (options, extensions) = (u64::from(m.last), hash_extensions(&m.extensions));
        let (high, low) = halves(m.original.get());
        Self::new(
            [amount, currency, m.expires.get(), options, extensions, high, low, 2],
            [amount, currency, 0, m.expires.get(), options, extensions],
        )
    }

    pub(crate) fn of_release(m: &Release) -> Self {
        let extensions = hash_extensions(&m.extensions);
        let (high, low) = halves(m.original.get());
        Self::new(
            [m.expires.get(), extensions, high, low, 0, 0, 0, 3],
            [0, 0, 0, m.expires.get(), 0, extensions],
        )
    }

    pub(crate) fn of_reverse(m: &Reverse) -> Self {
        let extensions = hash_extensions(&m.extensions);
        let payment_id = hash_payment_id(m.payment_id);
        let (high, low) = halves(m.original.get());
        Self::new(
            [m.expires.get(), extensions, high, low, payment_id, u64::from(m.reason), 0, 4],
            [0, 0, payment_id, m.expires.get(), u64::from(m.reason), extensions],
        )
    }

    pub(crate) fn of_refund(m: &Refund) -> Self {
        let (amount, currency) = (m.amount.minor(), u64::from(m.currency.number()));
        let extensions = hash_extensions(&m.extensions);
        let (high, low) = halves(m.original.get());
        Self::new(
            [amount, currency, m.expires.get(), extensions, high, low, 0, 5],
            [amount, currency, high ^ low.rotate_left(23), m.expires.get(), 0, extensions],
        )
    }

    /// Which of the fields with a byte differs, by its place.
    pub(crate) fn differing(&self, other: &[u8; FIELDS]) -> Option<usize> {
        self.fields.iter().zip(other).position(|(a, b)| a != b)
    }
}

/// The refusal that names a field of [`Content::of_authorize`].
pub(crate) const AUTHORIZE_FIELDS: [Reason; FIELDS] = [
    Reason::IdReusedOtherAmount,
    Reason::IdReusedOtherPaymentId,
    Reason::IdReusedOtherInstrument,
    Reason::IdReusedOtherTimes,
    Reason::IdReusedOtherOptions,
    Reason::IdReusedOtherExtensions,
];

/// The refusal that names a field of a capture, release or reversal.
pub(crate) const FOLLOW_UP_FIELDS: [Reason; FIELDS] = [
    Reason::IdReusedOtherAmount,
    Reason::IdReusedOtherCurrency,
    Reason::IdReusedOtherPaymentId,
    Reason::IdReusedOtherTimes,
    Reason::IdReusedOtherOptions,
    Reason::IdReusedOtherExtensions,
];

/// The refusal that names a field of [`Content::of_refund`].
pub(crate) const REFUND_FIELDS: [Reason; FIELDS] = [
    Reason::IdReusedOtherAmount,
    Reason::IdReusedOtherCurrency,
    Reason::IdReusedOtherOriginal,
    Reason::IdReusedOtherTimes,
    Reason::IdReusedOtherContent,
    Reason::IdReusedOtherExtensions,
];

fn hash_payment_id(id: PaymentId) -> u64 {
    let mut bytes = [0; 32];
    let (mps, merchant) = bytes.split_at_mut(8);
    mps.copy_from_slice(&id.mps.to_bytes());
    merchant.copy_from_slice(&id.merchant.to_bytes());
    xxh3_64(&bytes)
}

fn hash_extensions(extensions: &Extensions) -> u64 {
    if extensions.is_empty() { 0 } else { xxh3_64_with_seed(extensions.as_bytes(), SEED) }
}

const fn halves(id: u128) -> (u64, u64) {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
    ((id >> 64) as u64, id as u64)
}

/// One byte that depends on all 64 bits.
const fn byte(word: u64) -> u8 {
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}
