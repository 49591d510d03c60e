//! What changes something: authorize, capture, release, reverse, refund; and the inquiry, which does not.
//!
//! Each has its own id as the first field. The switch sends the same structs on to the destination, with the
//! originator, the settlement date and the remaining budget filled in.

use crate::codec::extension::Extensions;
use crate::ids::{DeliveryNumber, ParticipantNumber, RequestId, TransactionKey};
use crate::money::{Amount, Currency};
use crate::payment_id::{InstrumentReference, PaymentId};
use crate::time::{BusinessDate, UnixMillis};

/// What an authorize asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Pay in one message: the approval is the capture.
    Pay = 1,
    /// Hold the amount; captures, a release or the expiry follow.
    Reserve = 2,
    /// Hold a small amount on an instrument to prove its ownership (Y.2741 Appendix I); always released or expired.
    Verify = 3,
}

/// The security level of Y.2740 under which the client was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SecurityLevel {
    /// Level 1.
    One = 1,
    /// Level 2.
    Two = 2,
    /// Level 3.
    Three = 3,
    /// Level 4.
    Four = 4,
}

/// How the client's request reached its operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Channel {
    /// Not said.
    Unspecified = 0,
    /// Short message.
    Sms = 1,
    /// Unstructured supplementary service data.
    Ussd = 2,
    /// Packet data, from a payment application.
    PacketData = 3,
    /// The operator's web site.
    Web = 4,
    /// The operator's office.
    Office = 5,
    /// By earlier consent, without the client.
    Automatic = 6,
}

/// Asks for a payment, a reservation or a verification.
///
/// Type 0x10. Flags: 0x01 repeat, 0x02 partial allowed, 0x04 captures many.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 2 | originator, 0 from the operator |
/// | 18 | 1 | kind: 1 pay, 2 reserve, 3 verify |
/// | 19 | 1 | security level, 1 to 4 |
/// | 20 | 1 | channel: 0 not said, 1 SMS, 2 USSD, 3 packet data, 4 web, 5 office, 6 automatic |
/// | 21 | 1 | attempt, from 1 |
/// | 22 | 2 | currency, ISO 4217 number |
/// | 24 | 8 | amount in minor units, 1 to 999,999,999,999 |
/// | 32 | 8 | MPS id, zero-padded |
/// | 40 | 24 | merchant, zero-padded |
/// | 64 | 32 | instrument reference, zero-padded |
/// | 96 | 1 | length of the instrument reference, 0 to 32 |
/// | 97 | 3 | zero |
/// | 100 | 4 | budget in milliseconds, 1 to 600,000 |
/// | 104 | 8 | expires, Unix milliseconds |
/// | 112 | 8 | hold until, Unix milliseconds, 0 for a payment |
/// | 120 | 4 | settlement date, 0 from the operator |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorize {
    /// Its own id, which names the transaction from now on.
    pub id: RequestId,
    /// Who asks. Absent from the operator (the certificate says it); present from the switch to the destination.
    pub originator: Option<ParticipantNumber>,
    /// What is asked for.
    pub kind: Kind,
    /// The payee, which decides the route.
    pub payment_id: PaymentId,
    /// What pays.
    pub instrument: InstrumentReference,
    /// How much; never zero.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Under which security level.
    pub security_level: SecurityLevel,
    /// How the client's request came.
    pub channel: Channel,
    /// Until when it may be accepted as new work: at most the id's creation and the window.
    pub expires: UnixMillis,
    /// Until when a reservation or verification holds; zero for a payment.
    pub hold_until: UnixMillis,
    /// How much time is left for the answer, in milliseconds, 1 to 600,000.
    pub budget_ms: u32,
    /// Whether the destination may approve less.
    pub partial_allowed: bool,
    /// Whether a reservation may be captured in several parts.
    pub captures_many: bool,
    /// Whether this may have been sent before.
    pub repeat: bool,
    /// Which attempt this is, counted from one; no part of the content.
    pub attempt: u8,
    /// The business date the switch stamped; absent from the operator.
    pub settlement_date: Option<BusinessDate>,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

/// Takes a part or all of what a reservation holds.
///
/// Type 0x12. Flags: 0x01 repeat, 0x02 last (the rest is released with it).
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 2 | delivery, 0 from the operator |
/// | 36 | 1 | attempt, from 1 |
/// | 37 | 1 | zero |
/// | 38 | 2 | currency, ISO 4217 number |
/// | 40 | 8 | amount in minor units, 1 to 999,999,999,999 |
/// | 48 | 8 | expires, Unix milliseconds |
/// | 56 | 4 | settlement date, 0 from the operator |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Its own id. From the switch: the id of the operator's request.
    pub id: RequestId,
    /// The id of the authorize.
    pub original: RequestId,
    /// Absent from the operator; present to the destination.
    pub originator: Option<ParticipantNumber>,
    /// How much; never zero.
    pub amount: Amount,
    /// The currency of the original.
    pub currency: Currency,
    /// Whether the rest is released with it.
    pub last: bool,
    /// Until when it may be accepted as new work.
    pub expires: UnixMillis,
    /// Absent from the operator; from the switch the place among the transaction's deliveries.
    pub delivery: Option<DeliveryNumber>,
    /// Whether this may have been sent before.
    pub repeat: bool,
    /// Which attempt this is, counted from one; no part of the content.
    pub attempt: u8,
    /// The business date the switch stamped.
    pub settlement_date: Option<BusinessDate>,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

/// Gives back what a reservation still holds.
///
/// Type 0x13. Flags: 0x01 repeat, 0x02 expired (only from the switch).
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 2 | delivery, 0 from the operator |
/// | 36 | 1 | attempt, from 1 |
/// | 37 | 1 | zero |
/// | 38 | 8 | expires, Unix milliseconds |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its own id. From the switch: the id of the operator's request, or the original's id where the switch released.
    pub id: RequestId,
    /// The id of the authorize.
    pub original: RequestId,
    /// Absent from the operator; present to the destination.
    pub originator: Option<ParticipantNumber>,
    /// Until when it may be accepted as new work.
    pub expires: UnixMillis,
    /// Absent from the operator; from the switch the place among the transaction's deliveries.
    pub delivery: Option<DeliveryNumber>,
    /// Whether the hold ended at its time rather than by a release. Only from the switch.
    pub expired: bool,
    /// Whether this may have been sent before.
    pub repeat: bool,
    /// Which attempt this is, counted from one; no part of the content.
    pub attempt: u8,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

/// Undoes a transaction as a whole, whatever became of it (rules 10 to 12). It may precede its original.
///
/// Type 0x14. Flags: 0x01 repeat.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 2 | delivery, 0 from the operator |
/// | 36 | 1 | attempt, from 1 |
/// | 37 | 1 | zero |
/// | 38 | 2 | reason as the originator says, 0 for none given |
/// | 40 | 8 | MPS id of the original, zero-padded |
/// | 48 | 24 | merchant of the original, zero-padded |
/// | 72 | 8 | expires, Unix milliseconds |
/// | 80 | 4 | settlement date, 0 from the operator |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverse {
    /// Its own id. From the switch: the id of the operator's request, or the original's id where the switch reversed.
    pub id: RequestId,
    /// The id of the authorize.
    pub original: RequestId,
    /// Absent from the operator; present to the destination.
    pub originator: Option<ParticipantNumber>,
    /// The payee of the original: where the reversal goes when the switch does not know the original.
    pub payment_id: PaymentId,
    /// Why, as the originator says; zero for no reason given.
    pub reason: u16,
    /// Until when it may be accepted as new work.
    pub expires: UnixMillis,
    /// Absent from the operator; from the switch the place among the transaction's deliveries.
    pub delivery: Option<DeliveryNumber>,
    /// Whether this may have been sent before.
    pub repeat: bool,
    /// Which attempt this is, counted from one; no part of the content.
    pub attempt: u8,
    /// The business date the switch stamped: undoing what was captured is a new movement (rule 28). Absent from the
    /// operator.
    pub settlement_date: Option<BusinessDate>,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

/// Gives captured money back: a new transaction with its own id, which refers to a captured one and settles on its own
/// (rule 15). Its debtor is the creditor of the original; the approval is the capture.
///
/// Type 0x21. Flags: 0x01 repeat.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 1 | attempt, from 1 |
/// | 35 | 1 | zero |
/// | 36 | 2 | currency, ISO 4217 number |
/// | 38 | 8 | amount in minor units, 1 to 999,999,999,999 |
/// | 46 | 4 | budget in milliseconds, 1 to 600,000 |
/// | 50 | 8 | expires, Unix milliseconds |
/// | 58 | 4 | settlement date, 0 from the operator |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its own id, which names the refund from now on.
    pub id: RequestId,
    /// The id of the authorize whose captured money is given back.
    pub original: RequestId,
    /// Who asks: the originator of the original. Absent from the operator; present to the destination.
    pub originator: Option<ParticipantNumber>,
    /// How much; never zero.
    pub amount: Amount,
    /// The currency of the original.
    pub currency: Currency,
    /// Until when it may be accepted as new work: at most the id's creation and the window.
    pub expires: UnixMillis,
    /// How much time is left for the answer, in milliseconds, 1 to 600,000.
    pub budget_ms: u32,
    /// Whether this may have been sent before.
    pub repeat: bool,
    /// Which attempt this is, counted from one; no part of the content.
    pub attempt: u8,
    /// The business date the switch stamped: a refund is a movement of its own (rule 28). Absent from the operator.
    pub settlement_date: Option<BusinessDate>,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

/// Asks what became of a request. Changes nothing and is not remembered.
///
/// Type 0x16. No flags.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id asked about |
/// | 16 | 2 | originator, 0 for the asker's own |
/// | 18 | 8 | correlation |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The id asked about: of an authorize, capture, release, reversal or refund.
    pub id: RequestId,
    /// Whose id it is. Absent for the asker's own; a destination names the originator.
    pub originator: Option<ParticipantNumber>,
    /// Chosen by the asker and returned in the status.
    pub correlation: u64,
}

impl Authorize {
    /// The largest budget in milliseconds: ten minutes.
    pub const BUDGET_MS_MAX: u32 = 600_000;

    /// The transaction, once the switch has said whose it is.
    pub fn key(&self) -> Option<TransactionKey> {
        self.originator.map(|originator| TransactionKey { originator, id: self.id })
    }
}

impl Refund {
    /// The transaction that the refund is, once the switch has said whose it is.
    pub fn key(&self) -> Option<TransactionKey> {
        self.originator.map(|originator| TransactionKey { originator, id: self.id })
    }

    /// The transaction whose money it gives back, once the switch has said whose it is.
    pub fn original_key(&self) -> Option<TransactionKey> {
        self.originator.map(|originator| TransactionKey { originator, id: self.original })
    }
}
