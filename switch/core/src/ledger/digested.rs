//! The bytes of a remembered id that its digest is reckoned of. There are tens of millions of them.

use holdfast_protocol::TransactionKey;

/// Bytes of a record in the digest.
pub(super) const DIGESTED_BYTES: usize = 80;

/// What the digest is reckoned of: fields one after the other.
pub(super) struct Digested {
    pub(super) bytes: [u8; DIGESTED_BYTES],
    used: usize,
}

// Inlined wherever it is used: then each field is one store at a known place, and not a copy of a length unknown.
impl Digested {
    #[inline(always)]
    pub(super) fn of(key: TransactionKey) -> Self {
        let mut digested = Self { bytes: [0; DIGESTED_BYTES], used: 0 };
        digested.put(key.originator.get().to_le_bytes());
        digested.put(key.id.to_bytes());
        digested
    }

    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, field: [u8; N]) {
        self.bytes[self.used..self.used + N].copy_from_slice(&field);
        self.used += N;
    }
}
