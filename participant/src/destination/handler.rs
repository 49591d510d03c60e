//! What an acquirer, or an MPS as destination, decides and carries out.

use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, Currency, DeliveryNumber, PaymentId, Reason, ReasonClass, Refund, State,
    TransactionKey,
};

/// The embedder's side of a destination.
///
/// Once a decision or a delivery is recorded, it is never asked for again. A crash in between means that the same
/// `(originator, id)` or `(originator, id, delivery)` may be handed over a second time: carry out by these keys.
pub trait Handler: Send + Sync + 'static {
    /// Decides on a forward. It has the request's `budget_ms`; then it is dropped and the forward is declined with
    /// [`Reason::DestinationFailed`], upon which the switch sends a reversal for whatever was done.
    fn decide(&self, request: &Authorize) -> impl Future<Output = Decision> + Send;

    /// Decides on a refund of a transaction that this destination approved (rule 15), exactly as on a payment: the amount
    /// is not above what the switch captured and neither reversed nor refunded before. Who does not say otherwise offers
    /// no refunds.
    fn refund(&self, request: &Refund) -> impl Future<Output = Decision> + Send {
        tracing::debug!(id = %request.id, original = %request.original, "refunds are not offered");
        async { Decision::Decline(Reason::InvalidTransaction) }
    }

    /// Carries out what the switch has decided. It cannot be refused (rule 10): keep trying until it is done. The
    /// switch repeats meanwhile; repeats are not handed over.
    fn deliver(&self, delivery: Delivery) -> impl Future<Output = ()> + Send;

    /// Hears what happens to transactions besides. Must not block.
    fn notice(&self, notice: Notice) {
        tracing::debug!(?notice, "destination");
    }
}

/// What a destination says to a forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, to all of it.
    Approve(ApprovalCode),
    /// Yes, to less than was asked; only where the request allows it.
    ApprovePart(Amount, ApprovalCode),
    /// No. A reason that is no destination's becomes [`Reason::DestinationFailed`].
    Decline(Reason),
}

impl Decision {
    /// The reason, amount and code to record. What cannot be told to the switch becomes a technical failure, upon
    /// which the switch sends a reversal.
    pub(super) fn judge(self, asked: Amount, partial_allowed: bool) -> (Reason, Amount, ApprovalCode) {
        let declined = |reason| (reason, Amount::ZERO, ApprovalCode::NONE);
        match self {
            Self::Approve(code) => (Reason::None, asked, code),
            Self::ApprovePart(amount, code) if partial_allowed && !amount.is_zero() && amount < asked => {
                (Reason::None, amount, code)
            }
            Self::Decline(reason) if reason.class() == ReasonClass::DestinationDeclined => declined(reason),
            Self::ApprovePart(..) | Self::Decline(_) => declined(Reason::DestinationFailed),
        }
    }
}

/// Something the switch has decided for a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which transaction.
    pub key: TransactionKey,
    /// Which of its deliveries.
    pub number: DeliveryNumber,
    /// Whether this destination remembers the forward. A capture of a forgotten hold is honoured all the same.
    pub known: bool,
    /// What to do.
    pub task: Task,
}

/// What a delivery asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Take from the hold.
    Capture {
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// Whether the rest is released with it.
        last: bool,
    },
    /// Give the hold back.
    Release {
        /// Whether it ended at its time.
        expired: bool,
    },
    /// Undo everything, whatever became of it. The forward may never have come, and may still come: it is refused then.
    Reverse {
        /// The payee of the original.
        payment_id: PaymentId,
        /// Why, as the originator says.
        reason: u16,
    },
}

/// What a destination may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The switch has decided on the approval. Unless a reversal follows, a payment stands from now on.
    Covered(TransactionKey),
    /// The hold has ended at the switch, or the approval, a payment's too, does not stand there, as an inquiry says, and no
    /// delivery comes for it: let it go.
    LetGo(TransactionKey, State),
    /// Nothing more will come for the transaction.
    Complete(TransactionKey),
    /// The switch does not know a transaction that this destination approved: for people to look at.
    UnknownToSwitch(TransactionKey),
}
