//! What was decided: the only thing that changes the ledger, and what the journal holds.

use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, BusinessDate, Capture, Currency, DecidedBy, DeliveryNumber, Extensions,
    Instance, ParticipantNumber, Partition, Reason, Refund, Release, RequestId, Reverse, Total,
    TransactionKey, UnixMillis,
};

use crate::registry::{Debtor, ParticipantRecord, ParticipantStatus, Route};
use crate::snapshot::ClosedEntry;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A participant is configured like this from now on.
    ParticipantConfigured(ParticipantRecord),
    /// A participant without open work was removed.
    ParticipantRemoved(ParticipantNumber),
    /// A participant was suspended, drained or resumed.
    ParticipantStatusSet(ParticipantNumber, ParticipantStatus),
    /// All routes from now on, sorted.
    RoutesConfigured(Vec<Route>),
    /// New work gets this date.
    CutOver(BusinessDate),
    /// Nothing dated to this day is pending any more (rule 27).
    DayClosed(BusinessDate),
    /// The first fact of a journal of several: which partition it is of how many. A journal without it is that of the only one.
    Founded {
        /// Which.
        partition: Partition,
        /// Of how many.
        partitions: u16,
    },
    /// Room under a cap was given to another partition.
    LeaseGiven {
        /// Whose cap.
        debtor: ParticipantNumber,
        /// In which currency.
        currency: Currency,
        /// To whom.
        to: Partition,
        /// All that was given to it until now, in minor units.
        total: Total,
    },
    /// Room under a cap was taken that another partition had given.
    LeaseTaken {
        /// Whose cap.
        debtor: ParticipantNumber,
        /// In which currency.
        currency: Currency,
        /// From whom.
        from: Partition,
        /// All that was taken from it until now, in minor units.
        total: Total,
    },
    /// All ids created in this second (Unix seconds) or before are forgotten, but for those that are still open.
    Forgotten(u64),

    /// An authorize was accepted, its amount is held, and it is to be forwarded.
    Reserved(Reserved),
    /// An authorize was declined without a reservation.
    DeclinedAtOnce(DeclinedAtOnce),
    /// The destination approved. A payment is captured with it.
    Approved {
        /// Which.
        key: TransactionKey,
        /// What it approved: at most what was asked.
        amount: Amount,
        /// Of the issuer.
        approval_code: ApprovalCode,
        /// What came along.
        extensions: Extensions,
    },
    /// A pending transaction ended without approval: declined by the destination or by the switch, or timed out.
    /// `reversal` says whether the destination must hear a reversal.
    Declined {
        /// Which.
        key: TransactionKey,
        /// Why.
        reason: Reason,
        /// Who.
        decided_by: DecidedBy,
        /// Whether a reversal is queued for the destination.
        reversal: bool,
        /// What came along with the destination's answer.
        extensions: Extensions,
    },
    /// A destination's answer came after the end and contradicts it. Noted once; moves no money.
    LateAnswer {
        /// Which.
        key: TransactionKey,
        /// Approved or not.
        approved: bool,
        /// Whether a reversal is queued because of it: it approved what it had declined.
        reversal: bool,
    },
    /// A hold was captured in part or for the last time.
    Captured {
        /// Who asked.
        originator: ParticipantNumber,
        /// As received.
        request: Capture,
        /// The date of the movement.
        settlement_date: BusinessDate,
    },
    /// A hold was released.
    Released {
        /// Who asked.
        originator: ParticipantNumber,
        /// As received.
        request: Release,
        /// The business date.
        settlement_date: BusinessDate,
    },
    /// A hold ended at its time.
    Expired(TransactionKey),
    /// A transaction was reversed as a whole, by its originator.
    Reversed {
        /// Who asked.
        originator: ParticipantNumber,
        /// As received.
        request: Reverse,
        /// The date of the opposite movement, where something was captured.
        settlement_date: BusinessDate,
        /// The first of the deliveries that were never sent and need not be: all from here on.
        superseded_from: Option<DeliveryNumber>,
    },
    /// A reversal came for an unknown original: remembered, so that the original is declined if it comes later.
    Tombstoned {
        /// Who asked.
        originator: ParticipantNumber,
        /// As received.
        request: Reverse,
        /// Where the reversal is passed on to; nowhere if the payment ID leads nowhere.
        destination: Option<ParticipantNumber>,
        /// The date of the transaction.
        settlement_date: BusinessDate,
    },
    /// A capture, release or reversal was declined; recorded and final.
    FollowUpDeclined {
        /// Who asked.
        originator: ParticipantNumber,
        /// As received.
        request: FollowUp,
        /// Why.
        reason: Reason,
        /// The business date.
        settlement_date: BusinessDate,
    },
    /// A transaction that had left memory is there again, as it left, because a request names it.
    Recalled {
        /// As the archive has it.
        entry: ClosedEntry,
        /// It stays until this second is forgotten, or longer where what is done to it makes it.
        until: u64,
    },
    /// A refund was accepted, its amount is held on the creditor of its original, and it is to be forwarded. What its
    /// destination says to it are the facts of any transaction.
    RefundReserved(RefundReserved),
    /// A refund was declined without a reservation.
    RefundDeclined(RefundDeclined),
    /// A destination acknowledged a delivery.
    Acknowledged {
        /// Which.
        key: TransactionKey,
        /// Which of its deliveries.
        delivery: DeliveryNumber,
    },
}

/// See [`Fact::Reserved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Who asks.
    pub originator: ParticipantNumber,
    /// As received.
    pub request: Authorize,
    /// Where it goes.
    pub destination: ParticipantNumber,
    /// To which instance it goes first.
    pub instance: Instance,
    /// Whose position carries the hold.
    pub debtor: Debtor,
    /// The business date.
    pub settlement_date: BusinessDate,
    /// When the switch reverses unless the destination answered.
    pub deadline: UnixMillis,
}

/// See [`Fact::DeclinedAtOnce`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclinedAtOnce {
    /// Who asks.
    pub originator: ParticipantNumber,
    /// As received.
    pub request: Authorize,
    /// Why.
    pub reason: Reason,
    /// The business date.
    pub settlement_date: BusinessDate,
}

/// See [`Fact::RefundReserved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundReserved {
    /// Who asks: the originator of the original.
    pub originator: ParticipantNumber,
    /// As received.
    pub request: Refund,
    /// Where it goes: to the destination of the original.
    pub destination: ParticipantNumber,
    /// To which instance it goes first.
    pub instance: Instance,
    /// Whose position carries the hold: that of the creditor of the original.
    pub debtor: Debtor,
    /// The date of the movement (rule 28).
    pub settlement_date: BusinessDate,
    /// When the switch reverses unless the destination answered.
    pub deadline: UnixMillis,
}

/// See [`Fact::RefundDeclined`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundDeclined {
    /// Who asks.
    pub originator: ParticipantNumber,
    /// As received.
    pub request: Refund,
    /// Why.
    pub reason: Reason,
    /// The business date.
    pub settlement_date: BusinessDate,
}

/// A request about an original that is no transaction of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowUp {
    /// A capture.
    Capture(Capture),
    /// A release.
    Release(Release),
    /// A reversal.
    Reverse(Reverse),
}

impl FollowUp {
    /// Its own id.
    pub const fn id(&self) -> RequestId {
        match self {
            Self::Capture(m) => m.id,
            Self::Release(m) => m.id,
            Self::Reverse(m) => m.id,
        }
    }

    /// Until when it may be accepted.
    pub const fn expires(&self) -> UnixMillis {
        match self {
            Self::Capture(m) => m.expires,
            Self::Release(m) => m.expires,
            Self::Reverse(m) => m.expires,
        }
    }

    /// The id of its original.
    pub const fn original(&self) -> RequestId {
        match self {
            Self::Capture(m) => m.original,
            Self::Release(m) => m.original,
            Self::Reverse(m) => m.original,
        }
    }
}
