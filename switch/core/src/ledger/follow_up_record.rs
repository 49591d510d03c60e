//! What is remembered of a decided capture, release or reversal: at most 64 bytes.

use holdfast_protocol::{Amount, BusinessDate, ParticipantNumber, Reason, RequestId, TransactionKey};

use super::content::{Content, FIELDS};
use super::digested::{DIGESTED_BYTES, Digested};
use super::record::{IdLow, Packed};

/// Which request a record of the second kind is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUpKind {
    /// A capture.
    Capture,
    /// A release.
    Release,
    /// A reversal.
    Reverse,
}

/// What a decided capture, release or reversal is remembered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUpParts {
    /// Who sent it, and its own id.
    pub key: TransactionKey,
    /// Of its transaction.
    pub original: RequestId,
    /// Which request it was.
    pub kind: FollowUpKind,
    /// By which a repeat is recognised.
    pub content: Content,
    /// [`Reason::None`] where it was done.
    pub reason: Reason,
    /// What it moved.
    pub amount: Amount,
    /// The business date.
    pub settlement_date: BusinessDate,
    /// Of the fact that decided it.
    pub sequence: u64,
}

/// A decided capture, release or reversal.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct FollowUpRecord {
    digest: u64,
    original: [u8; 16],
    settlement_date: BusinessDate,
    reason: Reason,
    originator: ParticipantNumber,
    id_low: IdLow,
    sequence: Packed<6>,
    amount: Packed<5>,
    fields: [u8; FIELDS],
    kind: FollowUpKind,
}

const _: () = assert!(size_of::<FollowUpRecord>() <= 64);

impl FollowUpRecord {
    #[expect(clippy::too_many_arguments, reason = "one call, and each argument has its own type")]
    pub(crate) fn new(
        originator: ParticipantNumber,
        id: RequestId,
        original: RequestId,
        kind: FollowUpKind,
        content: Content,
        reason: Reason,
        amount: Amount,
        settlement_date: BusinessDate,
        sequence: u64,
    ) -> Self {
        Self {
            digest: content.digest,
            original: original.to_bytes(),
            settlement_date,
            reason,
            originator,
            id_low: IdLow::of(id),
            sequence: Packed::new(sequence),
            amount: Packed::new(amount.minor()),
            fields: content.fields,
            kind,
        }
    }

    pub(crate) fn is(&self, originator: ParticipantNumber, id: RequestId) -> bool {
        self.originator == originator && self.id_low == IdLow::of(id)
    }

    pub(crate) const fn originator(&self) -> ParticipantNumber {
        self.originator
    }

    pub(crate) fn id_low(&self) -> [u8; 12] {
        self.id_low.0
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) const fn fields(&self) -> &[u8; FIELDS] {
        &self.fields
    }

    /// All of it; the key is that of the request.
    pub(crate) fn parts(&self, key: TransactionKey) -> FollowUpParts {
        FollowUpParts {
            key,
            original: self.original(),
            kind: self.kind,
            content: Content { digest: self.digest, fields: self.fields },
            reason: self.reason,
            amount: self.amount(),
            settlement_date: self.settlement_date,
            sequence: self.sequence(),
        }
    }

    /// All of it, as bytes.
    pub(crate) fn digested(&self, key: TransactionKey) -> [u8; DIGESTED_BYTES] {
        let Self { digest, original, settlement_date, reason, sequence, amount, fields, kind, .. } = self;
        let mut bytes = Digested::of(key);
        bytes.put(digest.to_le_bytes());
        bytes.put(*original);
        bytes.put(settlement_date.to_yyyymmdd().to_le_bytes());
        bytes.put(reason.number().to_le_bytes());
        bytes.put(sequence.0);
        bytes.put(amount.0);
        bytes.put(*fields);
        bytes.put([*kind as u8]);
        bytes.bytes
    }

    /// As it was before it was taken into a snapshot.
    pub(crate) fn restored(parts: &FollowUpParts) -> Self {
        let FollowUpParts { key, original, kind, content, reason, amount, settlement_date, sequence } =
            *parts;
        Self::new(key.originator, key.id, original, kind, content, reason, amount, settlement_date, sequence)
    }

    pub(crate) fn original(&self) -> RequestId {
        RequestId::from_bytes(self.original)
    }

    pub(crate) const fn kind(&self) -> FollowUpKind {
        self.kind
    }

    /// [`Reason::None`] where it was done.
    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    pub(crate) fn amount(&self) -> Amount {
        Amount::from_minor(self.amount.get()).expect("a record takes its amount from an amount")
    }

    pub(crate) const fn settlement_date(&self) -> BusinessDate {
        self.settlement_date
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.get()
    }
}
