//! What the outside is to hear once the facts are durable (I1). Data, never a call.

use holdfast_protocol::{
    Answer, Authorize, Capture, Complete, DeliveryNumber, Partition, Reason, Refund, Release, RequestId,
    Reverse, Status, TransactionKey, UnixMillis,
};

use crate::input::LeaseMessage;
use crate::view::SessionId;

/// One effect of a step. An effect for a session that has gone is dropped by the outbox: whoever needs it repeats or
/// asks.
#[derive(Clone, Debug)]
pub enum Effect {
    /// To the originator's link; `original` says which lane.
    Answer {
        /// Where to.
        to: SessionId,
        /// The id of the authorize or refund it belongs to, which chooses the lane.
        original: RequestId,
        /// What.
        answer: Answer,
    },
    /// A later copy of a request came, and its link gets the answer: this link has one unanswered request less.
    Superseded {
        /// Whose copy was the earlier.
        to: SessionId,
    },
    /// To whoever asked.
    Status {
        /// Where to.
        to: SessionId,
        /// What.
        status: Status,
    },
    /// To a destination. The outbox fills in the remaining budget when it leaves: `deadline` less the time then.
    Forward {
        /// Where to.
        to: SessionId,
        /// When the switch reverses.
        deadline: UnixMillis,
        /// The request with originator and settlement date set.
        request: Authorize,
    },
    /// As [`Self::Forward`], of a refund.
    ForwardRefund {
        /// Where to.
        to: SessionId,
        /// When the switch reverses.
        deadline: UnixMillis,
        /// The request with originator and settlement date set.
        request: Refund,
    },
    /// To a destination, to be acknowledged.
    Deliver {
        /// Where to.
        to: SessionId,
        /// What.
        delivery: Delivery,
    },
    /// To a destination: nothing more will come for the transaction.
    Complete {
        /// Where to.
        to: SessionId,
        /// Which.
        complete: Complete,
    },
    /// End a link whose latest answer could not be taken: it must not be told that the answer is decided.
    Close {
        /// Which.
        to: SessionId,
        /// Why.
        reason: Reason,
    },
    /// Look the transaction up in the archive.
    Recall(TransactionKey),
    /// To another partition.
    Lease {
        /// Which.
        to: Partition,
        /// What.
        message: LeaseMessage,
    },
}

/// What a destination must acknowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Take from the hold.
    Capture(Capture),
    /// Give the hold back.
    Release(Release),
    /// Undo everything.
    Reverse(Reverse),
}

impl Delivery {
    /// Its place among the deliveries of its transaction.
    pub fn number(&self) -> DeliveryNumber {
        let number = match self {
            Self::Capture(m) => m.delivery,
            Self::Release(m) => m.delivery,
            Self::Reverse(m) => m.delivery,
        };
        number.expect("the switch numbers each delivery when it queues it")
    }

    /// The id of the original.
    pub const fn original(&self) -> RequestId {
        match self {
            Self::Capture(m) => m.original,
            Self::Release(m) => m.original,
            Self::Reverse(m) => m.original,
        }
    }

    /// As it leaves for the `attempt`-th time: from the second on with the repeat flag (rule 7).
    pub(crate) fn as_sent(&self, attempt: u8) -> Self {
        let mut delivery = self.clone();
        let (repeat, number) = match &mut delivery {
            Self::Capture(m) => (&mut m.repeat, &mut m.attempt),
            Self::Release(m) => (&mut m.repeat, &mut m.attempt),
            Self::Reverse(m) => (&mut m.repeat, &mut m.attempt),
        };
        (*repeat, *number) = (attempt > 1, attempt);
        delivery
    }
}
