//! What is remembered of a decided transaction: 64 bytes.
//!
//! While a transaction is open its record only points to it; when it closes and nothing is undelivered, the record
//! takes over what a repeat, an inquiry or a late reversal needs. The fields are packed because there are tens of
//! millions of them.

use holdfast_protocol::{
    Amount, ApprovalCode, BusinessDate, Currency, DecidedBy, Instance, ParticipantNumber, Reason, RequestId,
    SecurityLevel, TransactionKey,
};

use super::content::{Content, FIELDS};
use super::digested::{DIGESTED_BYTES, Digested};
use crate::registry::Debtor;
use crate::transaction::TransactionKind;
use crate::transaction::money::Ending;

/// An unsigned number of `N` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Packed<N> {
    pub(super) fn new(value: u64) -> Self {
        let bytes = value.to_le_bytes();
        assert!(bytes[N..].iter().all(|b| *b == 0), "the number fits the bytes of its record");
        let mut packed = [0; N];
        packed.copy_from_slice(&bytes[..N]);
        Self(packed)
    }

    pub(super) fn get(self) -> u64 {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.0);
        u64::from_le_bytes(bytes)
    }
}

/// The part of an id that its generation does not say: the low 96 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdLow(pub(super) [u8; 12]);

impl IdLow {
    pub(crate) fn of(id: RequestId) -> Self {
        let [_, _, _, _, low @ ..] = id.to_bytes();
        Self(low)
    }
}

/// What a transaction is about. A tombstone whose original has not arrived has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Pay, reserve, verify or refund.
    pub kind: TransactionKind,
    /// Whose position carries the hold.
    pub debtor: Debtor,
    /// Of the request; the first for a refund, which has none.
    pub security_level: SecurityLevel,
    /// As in the request, for comparing; zero for a refund, which has none.
    pub channel: u8,
    /// Of all its amounts.
    pub currency: Currency,
}

/// What a closed transaction is remembered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// What it is about; none for a tombstone whose original has not arrived.
    pub terms: Option<Terms>,
    /// How it ended.
    pub ending: Ending,
    /// Why the authorize was declined; [`Reason::None`] where it was approved.
    pub reason: Reason,
    /// Who decided the authorize.
    pub decided_by: DecidedBy,
    /// Where it was forwarded to, if it was.
    pub destination: Option<ParticipantNumber>,
    /// Which instance got the forward; meaningless where none did.
    pub instance: Instance,
    /// What was held for it: approved, or requested where nothing was approved.
    pub held_for: Amount,
    /// Of that, what was captured; undone where the ending is a reversal.
    pub captured: Amount,
    /// Of the issuer.
    pub approval_code: ApprovalCode,
    /// The business date.
    pub settlement_date: BusinessDate,
    /// Of the fact that decided the authorize.
    pub sequence: u64,
    /// How many deliveries there were.
    pub deliveries_made: u8,
    /// A destination's contradiction was noted.
    pub late_noted: bool,
}

impl Closed {
    /// Of what was captured, what its reversal undid: all that refunds had not given back, and all that they give up
    /// since (rule 15).
    pub(crate) fn reversed(&self, refunded: Amount) -> Amount {
        match self.ending {
            Ending::Reversed => self.captured.checked_sub(refunded).unwrap_or(Amount::ZERO),
            Ending::Declined | Ending::Captured | Ending::Released | Ending::Expired | Ending::TimedOut => {
                Amount::ZERO
            }
        }
    }
}

/// What a record says of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is open: its number in the slab.
    Open(u32),
    /// It is closed, and this is all that is left.
    Closed(Closed),
}

/// Bits of `flags`, from the lowest: ending 3, open 1, kind 2 (0: no terms), decided by 2, debtor 2, security level 2,
/// channel 3 (7: not a pay but a refund, which has none), currency 10, deliveries 6, late 1.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct TransactionRecord {
    digest: u64,
    flags: u32,
    settlement_date: u32,
    reason: Reason,
    instance: u16,
    originator: ParticipantNumber,
    destination: Option<ParticipantNumber>,
    id_low: IdLow,
    sequence: Packed<6>,
    approval_code: ApprovalCode,
    held_for: Packed<5>,
    captured: Packed<5>,
    fields: [u8; FIELDS],
}

const _: () = assert!(size_of::<TransactionRecord>() == 64);

const ENDINGS: [Ending; 6] = [
    Ending::Declined,
    Ending::Captured,
    Ending::Released,
    Ending::Expired,
    Ending::TimedOut,
    Ending::Reversed,
];
const KINDS: [TransactionKind; 3] = [TransactionKind::Pay, TransactionKind::Reserve, TransactionKind::Verify];
/// Channels of requests have numbers below this, which stands for a refund.
pub(super) const CHANNEL_END: u8 = 7;
const DECIDERS: [DecidedBy; 3] = [DecidedBy::Destination, DecidedBy::Switch, DecidedBy::StandIn];
const DEBTORS: [Debtor; 3] = [Debtor::Originator, Debtor::Destination, Debtor::Outside];
const LEVELS: [SecurityLevel; 4] =
    [SecurityLevel::One, SecurityLevel::Two, SecurityLevel::Three, SecurityLevel::Four];

const OPEN: u32 = 1 << 3;
const LATE: u32 = 1 << 31;

const fn ending_number(ending: Ending) -> u32 {
    match ending {
        Ending::Declined => 0,
        Ending::Captured => 1,
        Ending::Released => 2,
        Ending::Expired => 3,
        Ending::TimedOut => 4,
        Ending::Reversed => 5,
    }
}

const fn debtor_number(debtor: Debtor) -> u32 {
    match debtor {
        Debtor::Originator => 0,
        Debtor::Destination => 1,
        Debtor::Outside => 2,
    }
}

fn terms_bits(terms: Option<Terms>) -> u32 {
    terms.map_or(0, |t| {
        let (kind, channel) = match t.kind {
            TransactionKind::Pay => (1, t.channel),
            TransactionKind::Reserve => (2, t.channel),
            TransactionKind::Verify => (3, t.channel),
            TransactionKind::Refund => (1, CHANNEL_END),
        };
        kind << 4
            | debtor_number(t.debtor) << 8
            | (t.security_level as u32 - 1) << 10
            | u32::from(channel) << 12
            | u32::from(t.currency.number()) << 15
    })
}

const TERMS_MASK: u32 = 0b11 << 4 | 0b11 << 8 | 0b11 << 10 | 0b111 << 12 | 0x3ff << 15;

impl TransactionRecord {
    /// A record of an open transaction.
    pub(crate) fn open(
        originator: ParticipantNumber,
        id: RequestId,
        content: Content,
        terms: Option<Terms>,
        index: u32,
    ) -> Self {
        Self {
            digest: content.digest,
            flags: OPEN | terms_bits(terms),
            settlement_date: 0,
            reason: Reason::None,
            instance: 0,
            originator,
            destination: None,
            id_low: IdLow::of(id),
            sequence: Packed::new(0),
            approval_code: ApprovalCode::NONE,
            held_for: Packed::new(u64::from(index)),
            captured: Packed::new(0),
            fields: content.fields,
        }
    }

    /// A record that only takes up room.
    pub(crate) fn blank() -> Self {
        let nobody = ParticipantNumber::new(1).expect("one is a participant's number");
        let content = Content { digest: 0, fields: [0; FIELDS] };
        Self::open(nobody, RequestId::from_bytes([0; RequestId::BYTES]), content, None, 0)
    }

    /// A record of a transaction that was never open.
    pub(crate) fn closed(
        originator: ParticipantNumber,
        id: RequestId,
        content: Content,
        closed: &Closed,
    ) -> Self {
        let mut record = Self::open(originator, id, content, closed.terms, 0);
        record.close(closed);
        record
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

    /// All that says something, as bytes. Of an open transaction that is only what its request was: the rest stands in
    /// the transaction, and its number there is an accident of the order in which others closed.
    pub(crate) fn digested(&self, key: TransactionKey) -> [u8; DIGESTED_BYTES] {
        let Self {
            digest,
            flags,
            settlement_date,
            reason,
            instance,
            // In the key.
            originator: _,
            destination,
            id_low: _,
            sequence,
            approval_code,
            held_for,
            captured,
            fields,
        } = self;
        let mut bytes = Digested::of(key);
        bytes.put(digest.to_le_bytes());
        bytes.put(*fields);
        if flags & OPEN != 0 {
            bytes.put((flags & (TERMS_MASK | OPEN)).to_le_bytes());
            return bytes.bytes;
        }
        bytes.put(flags.to_le_bytes());
        bytes.put(settlement_date.to_le_bytes());
        bytes.put(reason.number().to_le_bytes());
        bytes.put(instance.to_le_bytes());
        bytes.put(destination.map_or(0, ParticipantNumber::get).to_le_bytes());
        bytes.put(sequence.0);
        bytes.put(approval_code.to_bytes());
        bytes.put(held_for.0);
        bytes.put(captured.0);
        bytes.bytes
    }

    /// The number of its transaction where that is open.
    pub(crate) fn index(&self) -> Option<u32> {
        (self.flags & OPEN != 0)
            .then(|| u32::try_from(self.held_for.get()).expect("an open record holds a number of 32 bits"))
    }

    /// The original of a tombstone arrived: its content is known from now on.
    pub(crate) fn arrive(&mut self, content: Content, terms: Terms) {
        self.digest = content.digest;
        self.fields = content.fields;
        self.flags = self.flags & !TERMS_MASK | terms_bits(Some(terms));
    }

    /// The transaction is open again: its number from now on.
    pub(crate) fn reopen(&mut self, index: u32) {
        self.flags |= OPEN;
        self.held_for = Packed::new(u64::from(index));
    }

    /// Takes over what is left of a closed transaction.
    pub(crate) fn close(&mut self, closed: &Closed) {
        let decided_by = closed.decided_by as u32 - 1;
        self.flags = ending_number(closed.ending)
            | terms_bits(closed.terms)
            | decided_by << 6
            | u32::from(closed.deliveries_made) << 25
            | if closed.late_noted { LATE } else { 0 };
        self.settlement_date = closed.settlement_date.to_yyyymmdd();
        self.reason = closed.reason;
        self.instance = closed.instance.0;
        self.destination = closed.destination;
        self.sequence = Packed::new(closed.sequence);
        self.approval_code = closed.approval_code;
        self.held_for = Packed::new(closed.held_for.minor());
        self.captured = Packed::new(closed.captured.minor());
    }

    /// What it is about; none for a tombstone whose original has not arrived.
    pub(crate) fn terms(&self) -> Option<Terms> {
        let field = |shift: u32, bits: u32| (self.flags >> shift) & ((1 << bits) - 1);
        let kind = field(4, 2).checked_sub(1)?;
        let channel = u8::try_from(field(12, 3)).expect("three bits");
        let (kind, channel) = if channel == CHANNEL_END {
            (TransactionKind::Refund, 0)
        } else {
            (KINDS[kind as usize], channel)
        };
        Some(Terms {
            kind,
            debtor: DEBTORS[field(8, 2) as usize],
            security_level: LEVELS[field(10, 2) as usize],
            channel,
            currency: Currency::from_number(u16::try_from(field(15, 10)).expect("ten bits"))
                .expect("a record takes its currency from a currency"),
        })
    }

    pub(crate) fn standing(&self) -> Standing {
        if let Some(index) = self.index() {
            return Standing::Open(index);
        }
        let amount = |packed: Packed<5>| {
            Amount::from_minor(packed.get()).expect("a record takes its amounts from amounts")
        };
        Standing::Closed(Closed {
            terms: self.terms(),
            ending: ENDINGS[(self.flags & 7) as usize],
            reason: self.reason,
            decided_by: DECIDERS[(self.flags >> 6 & 3) as usize],
            destination: self.destination,
            instance: Instance(self.instance),
            held_for: amount(self.held_for),
            captured: amount(self.captured),
            approval_code: self.approval_code,
            settlement_date: BusinessDate::from_yyyymmdd(self.settlement_date)
                .expect("a record takes its date from a date"),
            sequence: self.sequence.get(),
            deliveries_made: u8::try_from(self.flags >> 25 & 0x3f).expect("six bits"),
            late_noted: self.flags & LATE != 0,
        })
    }
}
