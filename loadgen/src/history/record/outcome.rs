//! Records of what was said about requests: answers, statuses, and the places of answers on their lanes.

use holdfast_protocol::{
    Amount, Answer, Authorize, DecidedBy, Epoch, MessageType, Outcome, Partition, Reason, Refund, Sequence,
    State, Status,
};

use super::Record;
use super::layout::{
    AMOUNT, COUNT, DECIDED_BY, EPOCH, LANE, LINK, OUTCOME, PARTITION, PAYMENT_KIND, REASON, SEQUENCE, STATE,
};
use super::request::REFUND;

/// Which answer on which lane of which link.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerPlace {
    /// Counted from one in this file.
    pub link: u32,
    /// Counted from zero.
    pub lane: u8,
    /// Answers on that lane until now.
    pub count: u64,
}

/// What answers and statuses say alike.
struct Decision {
    amount: Amount,
    state: State,
    decided_by: DecidedBy,
    partition: Partition,
    epoch: Epoch,
    sequence: Sequence,
}

impl Record {
    #[inline]
    fn outcome(mut self, outcome: Option<Outcome>, reason: Reason) -> Self {
        self.put(OUTCOME, [outcome.map_or(0, |o| o as u8)]);
        self.put(REASON, reason.number().to_le_bytes());
        self
    }

    #[inline]
    fn decision(mut self, d: &Decision) -> Self {
        self.put(AMOUNT, d.amount.minor().to_le_bytes());
        self.put(STATE, [d.state as u8]);
        self.put(DECIDED_BY, [d.decided_by as u8]);
        self.put(PARTITION, d.partition.0.to_le_bytes());
        self.put(EPOCH, d.epoch.0.to_le_bytes());
        self.put(SEQUENCE, d.sequence.0.to_le_bytes());
        self
    }

    /// An answer as it was heard.
    #[inline]
    #[must_use]
    pub fn answer(self, m: &Answer) -> Self {
        self.outcome(Some(m.outcome), m.reason).decision(&Decision {
            amount: m.amount,
            state: m.state,
            decided_by: m.decided_by,
            partition: m.partition,
            epoch: m.epoch,
            sequence: m.sequence,
        })
    }

    /// A status as it was told.
    #[must_use]
    pub fn status(self, m: &Status) -> Self {
        if m.reason != Reason::None {
            return self.outcome(None, m.reason);
        }
        self.outcome(m.outcome, m.outcome_reason).decision(&Decision {
            amount: m.held_for,
            state: m.state,
            decided_by: m.decided_by,
            partition: m.partition,
            epoch: m.epoch,
            sequence: m.sequence,
        })
    }

    /// An answer as a destination gives it.
    #[inline]
    #[must_use]
    pub fn answered(self, m: &Answer, request: &Authorize, place: AnswerPlace) -> Self {
        let mut record = self
            .about(MessageType::Authorize, 0)
            .money(request.currency, m.amount.minor())
            .outcome(Some(m.outcome), m.reason);
        record.put(PAYMENT_KIND, [request.kind as u8]);
        record.place(place)
    }

    /// An answer to a refund as a destination gives it.
    #[must_use]
    pub fn refund_answered(self, m: &Answer, request: &Refund, place: AnswerPlace) -> Self {
        let mut record = self
            .about(MessageType::Authorize, 0)
            .money(request.currency, m.amount.minor())
            .outcome(Some(m.outcome), m.reason);
        record.put(PAYMENT_KIND, [REFUND]);
        record.place(place)
    }

    /// Where an answer stands on its link, or what a decided-through says about one.
    #[must_use]
    pub fn place(mut self, place: AnswerPlace) -> Self {
        self.put(LANE, [place.lane]);
        self.put(LINK, place.link.to_le_bytes());
        self.put(COUNT, place.count.to_le_bytes());
        self
    }
}
