//! Forwards: each is decided once, written down, and answered; each copy gets the one answer.

use bytes::BytesMut;
use holdfast_protocol::{Amount, Authorize, Kind, Message, Reason, Refund, TransactionKey, UnixMillis};

use super::book::Book;
use super::entry::{Entry, Origin};
use super::handler::Decision;
use super::record::{Decided, Record};
use super::replies::{answer, content_of, content_of_refund, refused, reversed_before_arrival};
use super::terms::Action;

/// What the switch asks a destination to decide on.
pub(super) enum Forward {
    Authorize(Box<Authorize>),
    Refund(Box<Refund>),
}

impl Forward {
    fn key(&self) -> Option<TransactionKey> {
        match self {
            Self::Authorize(request) => request.key(),
            Self::Refund(request) => request.key(),
        }
    }

    fn content(&self, scratch: &mut BytesMut) -> u64 {
        match self {
            Self::Authorize(request) => content_of(request, scratch),
            Self::Refund(request) => content_of_refund(request, scratch),
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Authorize(request) => Action::Decide(request),
            Self::Refund(request) => Action::DecideRefund(request),
        }
    }
}

/// What a decision is about.
struct Asked {
    kind: Kind,
    hold_until: UnixMillis,
    amount: Amount,
    partial_allowed: bool,
}

impl Book {
    pub(super) fn forward(&mut self, request: Forward, now: UnixMillis) {
        let Some(key) = request.key() else { return };
        let content = request.content(&mut self.scratch);
        let Some(entry) = self.entries.get(&key) else {
            return self.new_forward(request, key, content, now);
        };
        let answer = match (&entry.origin, entry.content) {
            // Rule 2: the same key with other content.
            (_, Some(first)) if first != content => refused(key, Reason::IdReusedOtherContent, 0),
            // Rule 4: the answer to the first copy is the answer to all.
            (Origin::Deciding, _) => return,
            (Origin::Decided(decided), _) => answer(key, decided),
            (Origin::DeliveryOnly, _) if entry.reversed() => reversed_before_arrival(key),
            // A capture or release came, so it was approved once, and forgotten: nobody may approve it again.
            (Origin::DeliveryOnly, _) => refused(key, Reason::IdTooOld, 0),
        };
        self.send(Message::Answer(answer));
    }

    fn new_forward(&mut self, request: Forward, key: TransactionKey, content: u64, now: UnixMillis) {
        let full =
            self.deciding >= self.settings.deciding_max || self.entries.len() >= self.settings.remembered_max;
        if now > self.remembered_until(key) {
            // Rule 5: its tombstone may be forgotten.
            self.send(Message::Answer(refused(key, Reason::IdTooOld, 0)));
        } else if full {
            let retry_after_ms = self.settings.retry_after_ms;
            self.send(Message::Answer(refused(key, Reason::Busy, retry_after_ms)));
        } else {
            self.entries.insert(key, Entry::new(Origin::Deciding, Some(content)));
            self.file(key);
            self.deciding += 1;
            self.actions.push_back(request.action());
        }
    }

    /// The handler has decided; `None` where it did not within the budget. The answer leaves once its record is
    /// durable. What a handler that ran out of time may have done, the switch's reversal undoes (rule 7).
    pub fn decided(&mut self, request: &Authorize, decision: Option<Decision>, now: UnixMillis) {
        let Authorize { kind, hold_until, amount, partial_allowed, .. } = *request;
        let asked = Asked { kind, hold_until, amount, partial_allowed };
        self.decided_on(request.key(), &asked, decision, now);
    }

    /// As [`Self::decided`], of a refund: with its approval it is done, as a payment is.
    pub fn refund_decided(&mut self, request: &Refund, decision: Option<Decision>, now: UnixMillis) {
        let (kind, hold_until) = (Kind::Pay, UnixMillis::default());
        let asked = Asked { kind, hold_until, amount: request.amount, partial_allowed: false };
        self.decided_on(request.key(), &asked, decision, now);
    }

    fn decided_on(
        &mut self,
        key: Option<TransactionKey>,
        asked: &Asked,
        decision: Option<Decision>,
        now: UnixMillis,
    ) {
        let Some(key) = key else { return };
        let Some(entry) = self.entries.get(&key).filter(|e| e.origin == Origin::Deciding) else { return };
        let decision = decision.unwrap_or(Decision::Decline(Reason::DestinationFailed));
        let (reason, amount, approval_code) = decision.judge(asked.amount, asked.partial_allowed);
        let content = entry.content.unwrap_or_default();
        let Asked { kind, hold_until, .. } = *asked;
        let decided = Decided { content, kind, hold_until, reason, amount, approval_code };
        self.deciding -= 1;
        self.record(Record::Decided(key, decided));
        self.send(Message::Answer(answer(key, &decided)));
        self.deliver_next(key);
        self.plan(key, now);
    }
}
