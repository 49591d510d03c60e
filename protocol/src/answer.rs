//! What comes back: answers, acknowledgements, statuses, and the destination's assurance that it was heard.

use crate::codec::extension::Extensions;
use crate::ids::{DeliveryNumber, Epoch, ParticipantNumber, Partition, RequestId, Sequence};
use crate::money::Amount;
use crate::reason::Reason;
use crate::time::BusinessDate;

/// What was decided. It never changes (rule 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Yes. For a partial approval the amount is less than was asked.
    Approved = 1,
    /// No: recorded and final.
    Declined = 2,
    /// Nothing was recorded; nothing is said about other copies of the request.
    Refused = 3,
}

/// How the transaction stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// There is none: the request was refused, or its original is unknown.
    None = 0,
    /// The destination has not answered yet.
    Pending = 1,
    /// Held, perhaps captured in part.
    Held = 2,
    /// Declined.
    Declined = 3,
    /// Captured; what was not captured was released.
    Captured = 4,
    /// Released before anything was captured.
    Released = 5,
    /// The hold ended at its time before anything was captured.
    Expired = 6,
    /// The destination did not answer in time.
    TimedOut = 7,
    /// Reversed.
    Reversed = 8,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DecidedBy {
    /// The destination.
    Destination = 1,
    /// The switch.
    Switch = 2,
    /// The switch in place of the destination, within delegated limits (reserved).
    StandIn = 3,
}

/// The answer to an authorize, capture, release, reversal or refund.
///
/// Type 0x11. No flags.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id of the request that is answered |
/// | 16 | 2 | originator, from a destination; 0 to an operator |
/// | 18 | 1 | outcome: 1 approved, 2 declined, 3 refused |
/// | 19 | 1 | state now, 0 to 8 |
/// | 20 | 2 | reason, 0 for an approval |
/// | 22 | 1 | decided by: 1 destination, 2 switch, 3 stand-in |
/// | 23 | 1 | zero |
/// | 24 | 8 | amount in minor units, 0 to 999,999,999,999 |
/// | 32 | 6 | approval code: letters, digits, spaces |
/// | 38 | 4 | settlement date, 0 in a refusal and from a destination |
/// | 42 | 2 | partition |
/// | 44 | 4 | epoch |
/// | 48 | 8 | sequence |
/// | 56 | 2 | retry after, milliseconds, with reasons 300, 311 and 322; else 0 |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The id of the request that is answered.
    pub id: RequestId,
    /// Present from a destination, which must name the transaction in full; absent to an operator.
    pub originator: Option<ParticipantNumber>,
    /// As decided.
    pub outcome: Outcome,
    /// As it stands now. From a destination it is ignored.
    pub state: State,
    /// Why not; [`Reason::None`] for an approval.
    pub reason: Reason,
    /// Who decided. From a destination it is ignored.
    pub decided_by: DecidedBy,
    /// What was approved, captured, released or reversed; zero for a decline.
    pub amount: Amount,
    /// Six letters or digits of the issuer, spaces where it gave none.
    pub approval_code: ApprovalCode,
    /// The business date of the movement that was decided: of the transaction, or of the capture or reversal that is
    /// answered (rule 28). Absent in a refusal and from a destination.
    pub settlement_date: Option<BusinessDate>,
    /// Which partition decided.
    pub partition: Partition,
    /// Under which epoch it decided.
    pub epoch: Epoch,
    /// The place of the deciding fact in the journal of that partition; zero in a refusal and from a destination.
    pub sequence: Sequence,
    /// After how many milliseconds to try again (rule 24), in a refusal with [`Reason::Busy`],
    /// [`Reason::WindowExceeded`] or [`Reason::DeliveryQueueFull`]. Zero otherwise.
    pub retry_after_ms: u16,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

/// The approval code of the issuer (ISO 8583 field 38): six letters, digits or spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApprovalCode([u8; 6]);

impl ApprovalCode {
    /// None was given.
    pub const NONE: Self = Self(*b"      ");

    /// `None` where a byte is no ASCII letter, digit or space.
    pub fn new(bytes: [u8; 6]) -> Option<Self> {
        bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b' ').then_some(Self(bytes))
    }

    /// As on the wire.
    pub const fn to_bytes(self) -> [u8; 6] {
        self.0
    }
}

/// A destination has recorded a capture, release or reversal.
///
/// Type 0x15. No flags.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id of the original |
/// | 16 | 2 | originator |
/// | 18 | 2 | delivery, from 1 |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    /// The id of the original.
    pub original: RequestId,
    /// Who sent the original.
    pub originator: ParticipantNumber,
    /// Which of its deliveries.
    pub delivery: DeliveryNumber,
}

/// The answer to an inquiry.
///
/// Type 0x17. No flags.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id asked about |
/// | 16 | 2 | originator, 0 where the asker named nobody |
/// | 18 | 8 | correlation |
/// | 26 | 2 | reason: 0 found, 230 unknown, 300 to 399 not looked up; of those 310 where it left memory and cannot be looked up now |
/// | 28 | 1 | outcome as decided, 0 while pending and where not found |
/// | 29 | 1 | state now |
/// | 30 | 2 | reason of the outcome |
/// | 32 | 1 | decided by |
/// | 33 | 1 | zero |
/// | 34 | 2 | undelivered messages to the destination |
/// | 36 | 8 | held for |
/// | 44 | 8 | captured |
/// | 52 | 8 | released |
/// | 60 | 8 | reversed |
/// | 68 | 6 | approval code |
/// | 74 | 4 | settlement date, or 0 |
/// | 78 | 2 | partition |
/// | 80 | 4 | epoch |
/// | 84 | 8 | sequence |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The id asked about.
    pub id: RequestId,
    /// Whose it is; absent where the asker named nobody.
    pub originator: Option<ParticipantNumber>,
    /// From the inquiry.
    pub correlation: u64,
    /// [`Reason::None`]: found, the rest holds. [`Reason::OriginalUnknown`]: never recorded, or nothing of the asker's.
    /// Any refusal: not looked up; of those [`Reason::OriginalUnavailable`] where it may be in an archive that cannot
    /// say so now.
    pub reason: Reason,
    /// The outcome as decided; absent while pending and where not found.
    pub outcome: Option<Outcome>,
    /// Why that outcome, [`Reason::None`] for an approval.
    pub outcome_reason: Reason,
    /// As it stands now.
    pub state: State,
    /// Who decided.
    pub decided_by: DecidedBy,
    /// How many deliveries the destination has not acknowledged yet.
    pub undelivered: u16,
    /// Held or once held: requested while pending, approved after.
    pub held_for: Amount,
    /// Captured in all.
    pub captured: Amount,
    /// Ended without capture.
    pub released: Amount,
    /// Captured and undone.
    pub reversed: Amount,
    /// Of the issuer.
    pub approval_code: ApprovalCode,
    /// The business date of the transaction.
    pub settlement_date: Option<BusinessDate>,
    /// Which partition decided.
    pub partition: Partition,
    /// Under which epoch.
    pub epoch: Epoch,
    /// The place of the deciding fact.
    pub sequence: Sequence,
}

/// The first `count` answers received on this lane are decided and durable; whatever was not accepted among them has
/// its reversal queued.
///
/// Type 0x18. No flags.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 8 | answers received on this lane and decided, since the lane was opened |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedThrough {
    /// Answers since the lane was opened.
    pub count: u64,
}

/// Nothing for the transaction is undelivered and nothing more will come: the destination may forget its deliveries.
///
/// Type 0x19. No flags.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id of the original |
/// | 16 | 2 | originator |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete {
    /// The id of the original.
    pub original: RequestId,
    /// Who sent the original.
    pub originator: ParticipantNumber,
}
