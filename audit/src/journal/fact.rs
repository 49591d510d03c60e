//! A fact about a transaction, in the compact form that a shard holds.

use crate::history::Message;

/// Bytes of a stored fact.
pub(crate) const FACT_BYTES: usize = 96;

/// Which fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum FactKind {
    /// Accepted and held.
    Reserved = 1,
    /// Declined without a hold.
    DeclinedAtOnce = 2,
    /// The destination approved.
    Approved = 3,
    /// Ended without approval.
    Declined = 4,
    /// An answer after the end.
    LateAnswer = 5,
    /// Taken from the hold.
    Captured = 6,
    /// What was open was given back.
    Released = 7,
    /// What was open was given back at its time.
    Expired = 8,
    /// Undone as a whole.
    Reversed = 9,
    /// A reversal of an unknown original.
    Tombstoned = 10,
    /// A capture, release or reversal was declined.
    FollowUpDeclined = 11,
    /// A delivery was acknowledged.
    Acknowledged = 12,
}

impl FactKind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [Self; 12] = [
        Self::Reserved,
        Self::DeclinedAtOnce,
        Self::Approved,
        Self::Declined,
        Self::LateAnswer,
        Self::Captured,
        Self::Released,
        Self::Expired,
        Self::Reversed,
        Self::Tombstoned,
        Self::FollowUpDeclined,
        Self::Acknowledged,
    ];

    /// As the dump writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::DeclinedAtOnce => "declined_at_once",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::LateAnswer => "late_answer",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
            Self::Tombstoned => "tombstoned",
            Self::FollowUpDeclined => "follow_up_declined",
            Self::Acknowledged => "acknowledged",
        }
    }

    /// A refund is accepted and declined as an authorize is, and differs by its kind of payment.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let name = match name {
            "refund_reserved" => "reserved",
            "refund_declined" => "declined_at_once",
            other => other,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Whose position carries the hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Debtor {
    /// No position moves.
    #[default]
    Outside = 0,
    /// The originator owes the destination.
    Originator = 1,
    /// The destination owes the originator.
    Destination = 2,
}

/// One fact. A field that its kind does not have is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// In which partition's journal it stands; zero where there is one.
    pub partition: u16,
    /// Place in that, counted from one.
    pub sequence: u64,
    /// Start of the switch that wrote it.
    pub epoch: u32,
    /// Unix milliseconds.
    pub time_ms: u64,
    /// Which.
    pub kind: FactKind,
    /// Who sent the authorize.
    pub originator: u16,
    /// The id of the authorize.
    pub original: u128,
    /// The id of the request.
    pub id: u128,
    /// 1 pay, 2 reserve, 3 verify, 4 refund.
    pub payment_kind: u8,
    /// Whose position carries the hold.
    pub debtor: Debtor,
    /// 1 destination, 2 switch, 3 stand-in.
    pub decided_by: u8,
    /// Less may be approved.
    pub partial_allowed: bool,
    /// Several captures are allowed.
    pub captures_many: bool,
    /// The rest is released with it.
    pub last: bool,
    /// The destination is being sent a reversal.
    pub reversal: bool,
    /// What a late answer said.
    pub approved: bool,
    /// Of a reversed refund: its original was reversed before, and that reversal takes what the refund gives up.
    pub goes_on: bool,
    /// Digest of the payment ID; of a refund, of the id of its original.
    pub payment_digest: u64,
    /// Minor units. Of a reversal: what refunds had given back, which it does not.
    pub amount: u64,
    /// ISO 4217 number.
    pub currency: u16,
    /// Where it went, zero for nowhere.
    pub destination: u16,
    /// Unix milliseconds.
    pub hold_until: u64,
    /// Unix milliseconds.
    pub deadline: u64,
    /// The protocol's number.
    pub reason: u16,
    /// Counted from one.
    pub delivery: u16,
    /// Of a whole reversal: the first delivery that was never sent and need not be; zero for none.
    pub superseded_from: u16,
    /// Which follow-up was declined.
    pub request: Message,
}

impl Fact {
    /// A fact with every other field zero.
    pub fn new(kind: FactKind) -> Self {
        Self {
            partition: 0,
            sequence: 0,
            epoch: 0,
            time_ms: 0,
            kind,
            originator: 0,
            original: 0,
            id: 0,
            payment_kind: 0,
            debtor: Debtor::Outside,
            decided_by: 0,
            partial_allowed: false,
            captures_many: false,
            last: false,
            reversal: false,
            approved: false,
            goes_on: false,
            payment_digest: 0,
            amount: 0,
            currency: 0,
            destination: 0,
            hold_until: 0,
            deadline: 0,
            reason: 0,
            delivery: 0,
            superseded_from: 0,
            request: Message::None,
        }
    }

    /// Whether this is what decided a request: what its answers tell.
    pub const fn decides(&self) -> bool {
        match self.kind {
            FactKind::DeclinedAtOnce
            | FactKind::Approved
            | FactKind::Declined
            | FactKind::Captured
            | FactKind::Released
            | FactKind::Reversed
            | FactKind::Tombstoned
            | FactKind::FollowUpDeclined => true,
            FactKind::Reserved | FactKind::LateAnswer | FactKind::Expired | FactKind::Acknowledged => false,
        }
    }

    /// Which message the fact decided, [`Message::None`] for one that decides nothing.
    pub const fn decided_message(&self) -> Message {
        match self.kind {
            FactKind::DeclinedAtOnce | FactKind::Approved | FactKind::Declined => Message::Authorize,
            FactKind::Captured => Message::Capture,
            FactKind::Released => Message::Release,
            FactKind::Reversed | FactKind::Tombstoned => Message::Reverse,
            FactKind::FollowUpDeclined => self.request,
            FactKind::Reserved | FactKind::LateAnswer | FactKind::Expired | FactKind::Acknowledged => {
                Message::None
            }
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; FACT_BYTES] {
        let mut bytes = [0; FACT_BYTES];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        let flags =
            [self.partial_allowed, self.captures_many, self.last, self.reversal, self.approved, self.goes_on];
        let flags = flags.iter().enumerate().fold(0, |bits, (at, set)| bits | (u8::from(*set) << at));
        put(&self.original.to_le_bytes());
        put(&self.id.to_le_bytes());
        put(&self.time_ms.to_le_bytes());
        put(&self.payment_digest.to_le_bytes());
        put(&self.amount.to_le_bytes());
        put(&self.hold_until.to_le_bytes());
        put(&self.deadline.to_le_bytes());
        put(&self.epoch.to_le_bytes());
        for half in [
            self.originator,
            self.currency,
            self.destination,
            self.reason,
            self.delivery,
            self.superseded_from,
        ] {
            put(&half.to_le_bytes());
        }
        put(&[self.kind as u8, self.payment_kind, self.debtor as u8, self.decided_by]);
        put(&[flags, self.request as u8]);
        put(&self.partition.to_le_bytes());
        bytes
    }

    /// `None` for bytes that [`Self::to_bytes`] never wrote.
    pub(crate) fn from_bytes(bytes: &[u8; FACT_BYTES], sequence: u64) -> Option<Self> {
        let (halves, rest) = bytes[76..].split_first_chunk::<12>()?;
        let half = |at: usize| u16::from_le_bytes([halves[2 * at], halves[2 * at + 1]]);
        let [kind, payment_kind, debtor, decided_by, flags, request, partition @ ..] =
            *rest.first_chunk::<8>()?;
        let long = |at: usize| bytes[at..].first_chunk().map(|b| u64::from_le_bytes(*b));
        let wide = |at: usize| bytes[at..].first_chunk().map(|b| u128::from_le_bytes(*b));
        let flag = |at: u8| flags & (1 << at) != 0;
        Some(Self {
            partition: u16::from_le_bytes(partition),
            sequence,
            epoch: bytes[72..].first_chunk().map(|b| u32::from_le_bytes(*b))?,
            time_ms: long(32)?,
            kind: FactKind::ALL.into_iter().find(|k| *k as u8 == kind)?,
            originator: half(0),
            original: wide(0)?,
            id: wide(16)?,
            payment_kind,
            debtor: [Debtor::Outside, Debtor::Originator, Debtor::Destination]
                .into_iter()
                .find(|d| *d as u8 == debtor)?,
            decided_by,
            partial_allowed: flag(0),
            captures_many: flag(1),
            last: flag(2),
            reversal: flag(3),
            approved: flag(4),
            goes_on: flag(5),
            payment_digest: long(40)?,
            amount: long(48)?,
            currency: half(1),
            destination: half(2),
            hold_until: long(56)?,
            deadline: long(64)?,
            reason: half(3),
            delivery: half(4),
            superseded_from: half(5),
            request: Message::from_number(request)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_fact_is_the_fact() {
        for kind in FactKind::ALL {
            let fact = Fact {
                partition: 63,
                sequence: 9,
                epoch: 2,
                time_ms: 3,
                originator: 4,
                original: 5 << 100,
                id: 6 << 90,
                payment_kind: 2,
                debtor: Debtor::Destination,
                decided_by: 1,
                captures_many: true,
                reversal: true,
                goes_on: true,
                payment_digest: 7 << 50,
                amount: 8,
                currency: 978,
                destination: 10,
                hold_until: 11,
                deadline: 12,
                reason: 203,
                delivery: 13,
                superseded_from: 2,
                request: Message::Release,
                ..Fact::new(kind)
            };
            assert_eq!(Fact::from_bytes(&fact.to_bytes(), 9), Some(fact));
        }
    }
}
