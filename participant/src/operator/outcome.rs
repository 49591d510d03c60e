//! How a call ends.

use std::fmt;
use std::sync::Arc;

use holdfast_protocol::{
    Amount, Answer, ApprovalCode, BusinessDate, DecidedBy, Epoch, Partition, Reason, RequestId, Sequence,
    State, Status,
};

/// How a call ended. Exactly one of these; silence is `Unknown`, never "no" (rule 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// Yes, and it still stands.
    Approved(Approval),
    /// No, recorded and final; or it was approved once and no longer stands. A new attempt needs a new id (rule 3).
    Declined(Decline),
    /// Nothing was done: nothing was sent, or the only copy ever sent was refused. The same may be tried anew.
    NotDone(NotDone),
    /// Nobody knows yet. Repeat the call with the same id, inquire, or reverse it to be certain.
    Unknown(Unknown),
}

/// A yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Of the request.
    pub id: RequestId,
    /// What was approved, captured, released or reversed.
    pub amount: Amount,
    /// Of the issuer.
    pub approval_code: ApprovalCode,
    /// The business date of the transaction.
    pub settlement_date: Option<BusinessDate>,
    /// How the transaction stands now.
    pub state: State,
    /// Who decided.
    pub decided_by: DecidedBy,
    /// Which partition decided.
    pub partition: Partition,
    /// Under which epoch.
    pub epoch: Epoch,
    /// The place of the decision in its journal.
    pub sequence: Sequence,
}

/// A no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Of the request.
    pub id: RequestId,
    /// Why.
    pub reason: Reason,
    /// How the transaction stands now.
    pub state: State,
    /// Who decided.
    pub decided_by: DecidedBy,
}

/// Nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDone {
    /// Of the request.
    pub id: RequestId,
    /// Why: the switch's refusal; [`Reason::NotSignedOn`] where there was no link until the deadline,
    /// [`Reason::Expired`] where the request expired before it could be sent.
    pub reason: Reason,
    /// After how many milliseconds to try again, where the switch says so.
    pub retry_after_ms: u16,
    /// Why there was no link, in words, where there was none when it ended.
    pub no_link: Option<Arc<str>>,
}

/// The outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Of the request.
    pub id: RequestId,
    /// How many copies were sent; with those an earlier run may have sent.
    pub copies: u32,
    /// The last refusal of one of the copies, which says nothing about the others.
    pub refused: Option<Reason>,
    /// Why there was no link, in words, where there was none when it ended.
    pub no_link: Option<Arc<str>>,
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.text())?;
        self.no_link.as_ref().map_or(Ok(()), |no_link| write!(f, ": {no_link}"))
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.copies {
            1 => f.write_str("1 copy was sent, and no answer came")?,
            copies => write!(f, "{copies} copies were sent, and no answer came")?,
        }
        if let Some(reason) = self.refused {
            write!(f, "; one was refused, {}", reason.text())?;
        }
        self.no_link.as_ref().map_or(Ok(()), |no_link| write!(f, ": {no_link}"))
    }
}

impl CallOutcome {
    /// The id of the request.
    pub const fn id(&self) -> RequestId {
        match self {
            Self::Approved(approval) => approval.id,
            Self::Declined(decline) => decline.id,
            Self::NotDone(not_done) => not_done.id,
            Self::Unknown(unknown) => unknown.id,
        }
    }

    /// Whether it was approved and still stands.
    pub const fn is_approved(&self) -> bool {
        matches!(self, Self::Approved(_))
    }
}

impl Approval {
    pub(super) const fn of(answer: &Answer) -> Self {
        Self {
            id: answer.id,
            amount: answer.amount,
            approval_code: answer.approval_code,
            settlement_date: answer.settlement_date,
            state: answer.state,
            decided_by: answer.decided_by,
            partition: answer.partition,
            epoch: answer.epoch,
            sequence: answer.sequence,
        }
    }
}

impl Decline {
    pub(super) const fn of(answer: &Answer, reason: Reason) -> Self {
        Self { id: answer.id, reason, state: answer.state, decided_by: answer.decided_by }
    }
}

/// How an inquiry ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InquiryOutcome {
    /// This is how it stands.
    Found(Box<Status>),
    /// The switch has no such request of ours. Where it could not look so far back, it is refused instead.
    NotInMemory,
    /// The switch did not look it up.
    Refused(Reason),
    /// No answer until the deadline. [`crate::Operator::no_link`] says whether there is a link, and if not, why.
    Unknown,
}
