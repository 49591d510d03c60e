//! What an operator gives back: mostly what it may, sometimes what the rules forbid; and reversals that cross a refund.

use holdfast_protocol::{Extensions, Kind, Message, Outcome, Refund, RequestId, UnixMillis};

use super::Operator;
use super::making::amount;
use crate::sim::plan::{euro, pound};
use crate::sim::scene::Scene;

impl Operator {
    /// Of one of the newest transactions of which something may be or is captured, or else of the one given.
    pub(super) fn refund(&mut self, now: UnixMillis, of: RequestId, scene: &Scene<'_>) -> Message {
        let may_be_captured = |id: &&RequestId| {
            let request = &self.requests[*id];
            matches!(&request.message, Message::Authorize(m) if m.kind != Kind::Verify)
                && request.told.as_ref().is_some_and(|t| t.outcome == Outcome::Approved)
        };
        let newest = self.transactions.iter().rev().take(80).filter(may_be_captured);
        let newest: Vec<RequestId> = newest.take(12).copied().collect();
        let original = match self.random.below(10) {
            0..4 => self.random.pick(&newest).copied().unwrap_or(of),
            4..8 => self.captured().unwrap_or(of),
            _ => of,
        };
        self.refund_of(now, original, scene)
    }

    /// A reservation of which a part was captured: it may be held, released or expired since.
    fn captured(&mut self) -> Option<RequestId> {
        let captured = self.requests.values().rev().take(150).filter_map(|request| match &request.message {
            Message::Capture(m) => {
                request.told.as_ref().is_some_and(|t| t.outcome == Outcome::Approved).then_some(m.original)
            }
            _ => None,
        });
        let captured: Vec<RequestId> = captured.take(12).collect();
        self.random.pick(&captured).copied()
    }

    pub(super) fn refund_of(&mut self, now: UnixMillis, original: RequestId, scene: &Scene<'_>) -> Message {
        let of = self.requests.get(&original).map(|request| &request.message);
        let (asked, currency) = match of {
            Some(Message::Authorize(m)) => (m.amount.minor(), m.currency),
            Some(Message::Refund(m)) => (m.amount.minor(), m.currency),
            _ => (100, euro()),
        };
        let currency = if self.random.percent(3) { pound() } else { currency };
        let minor = match self.random.below(10) {
            0..3 => asked,
            3..8 => asked / (2 + self.random.below(4)),
            8..9 => self.random.below(400),
            _ => asked + 1,
        };
        let (id, expires) = (self.id(now), self.expires(now, scene));
        let budget =
            if self.random.percent(3) { 1 + self.random.below(5) } else { 200 + self.random.below(3_500) };
        let extensions: &[u8] = if self.random.percent(5) { &[1, 0, 2, 0, 7, 7] } else { &[] };
        Message::Refund(Refund {
            id,
            original,
            originator: None,
            amount: amount(minor.max(1)),
            currency,
            expires,
            budget_ms: budget as u32,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::from_wire(extensions).expect("a known form"),
        })
    }

    /// A refund, soon after it a whole reversal of its original, and perhaps another refund while that waits.
    pub(super) fn refund_and_reverse(
        &mut self,
        now: UnixMillis,
        of: RequestId,
        scene: &Scene<'_>,
    ) -> RequestId {
        let refund = self.refund(now, of, scene);
        let Message::Refund(m) = &refund else { unreachable!("it is a refund") };
        let original = m.original;
        let refund = self.keep(refund, None);
        let payee = self.payee_of(original);
        let reversal = self.reverse(now, original, payee, scene);
        self.keep_back(reversal, scene, 500);
        if self.random.percent(40) {
            let another = self.refund_of(now, original, scene);
            self.keep_back(another, scene, 900);
        }
        refund
    }

    fn keep_back(&mut self, message: Message, scene: &Scene<'_>, millis_max: u64) {
        let id = self.keep(message, None);
        self.held_back.push((scene.now.plus(self.random.between(20, millis_max)), id));
    }
}
