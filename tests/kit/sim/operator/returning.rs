//! What an operator asks about transactions that have left memory: about any, and in some seeds about the same ones again
//! and again, so that they leave, are recalled and changed, and leave once more.

use holdfast_protocol::{Kind, Message, Outcome, RequestId, UnixMillis};

use super::Operator;
use crate::sim::scene::Scene;

/// In so many of a hundred requests.
const PERCENT: u64 = 7;
/// Transactions that are asked about again and again.
const SAME_MAX: usize = 8;
/// How long after it could be forgotten it has surely left.
const LEFT_MS: u64 = 1_500;

impl Operator {
    /// About one that has perhaps left memory.
    pub(super) fn of_old_original(&mut self, now: UnixMillis, scene: &Scene<'_>) -> Message {
        let original = self.random.pick(&self.transactions).copied().expect("there is one");
        match self.random.below(10) {
            0..6 => {
                let payee = self.payee_of(original);
                self.reverse(now, original, payee, scene)
            }
            6..7 => self.release(now, original, scene),
            7..9 => self.refund_of(now, original, scene),
            _ => self.capture(now, original, scene),
        }
    }

    /// About one that was asked about when it had left memory, once it has left again; or else about another that has
    /// left and of which something can be given back.
    pub(super) fn of_the_same_again(&mut self, now: UnixMillis, scene: &Scene<'_>) -> Option<Message> {
        if !scene.plan.returning || !self.random.percent(PERCENT) {
            return None;
        }
        let left_ms = scene.plan.core.window_max_ms + scene.plan.core.skew_max_ms + LEFT_MS;
        let again = self.same.iter().position(|(_, asked)| asked.plus(left_ms) < now);
        let original = match again {
            Some(at) => self.same.remove(at).expect("it was found").0,
            None if self.same.len() < SAME_MAX => self.paid_and_left(now.minus(left_ms))?,
            None => return None,
        };
        self.same.push_back((original, now));
        Some(if self.random.percent(75) {
            self.refund_of(now, original, scene)
        } else {
            let payee = self.payee_of(original);
            self.reverse(now, original, payee, scene)
        })
    }

    /// A payment that was approved, and has left memory not long ago.
    fn paid_and_left(&mut self, before: UnixMillis) -> Option<RequestId> {
        let is_paid = |id: &&RequestId| {
            let request = &self.requests[*id];
            matches!(&request.message, Message::Authorize(m) if m.kind == Kind::Pay)
                && request.told.as_ref().is_some_and(|told| told.outcome == Outcome::Approved)
                && !self.same.iter().any(|(same, _)| same == *id)
        };
        let left = self.transactions.iter().rev().filter(|id| id.created() < before);
        let newest: Vec<RequestId> = left.take(60).filter(is_paid).take(8).copied().collect();
        self.random.pick(&newest).copied()
    }
}
