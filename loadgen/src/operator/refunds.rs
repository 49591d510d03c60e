//! Refunds as an operator makes them: each is a transaction of its own, with its own id, outcome and money (rule 15).
//!
//! The number of an operation says what becomes of its payment after it was captured, so that every order of a refund, a
//! second one and a reversal comes, and the sum of the refunds reaches what was captured and never exceeds it.

use holdfast_protocol::{Amount, Extensions, MessageType, Refund, RequestId};

use super::operation::{FollowUp, Operation, RequestCopy};
use crate::operation_id::{IdFields, IdSpace};
use crate::stage::Rules;

/// What becomes of a captured payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aftermath {
    /// All of it is refunded.
    Whole,
    /// A part is refunded, then the rest.
    TwoParts,
    /// A part is refunded, and that refund reversed.
    Undone,
    /// A part is refunded, then the payment reversed, which gives back the rest.
    ThenReversed,
}

impl Aftermath {
    const fn of(number: u64) -> Self {
        match number % 4 {
            0 => Self::Whole,
            1 => Self::TwoParts,
            2 => Self::Undone,
            _ => Self::ThenReversed,
        }
    }
}

impl Operation {
    /// What comes after `step` steps of a payment that is refunded.
    pub(super) fn refund_follow_up(&self, step: u8) -> FollowUp {
        let rest = self.captured - self.refunded;
        match (Aftermath::of(self.arrival.number), step) {
            (Aftermath::Whole, 0) => FollowUp::Refund { amount: rest },
            (Aftermath::TwoParts | Aftermath::Undone | Aftermath::ThenReversed, 0) => {
                FollowUp::Refund { amount: (rest / 3).max(1) }
            }
            (Aftermath::TwoParts, 1) if rest > 0 => FollowUp::Refund { amount: rest },
            (Aftermath::Undone, 1) => FollowUp::ReverseRefund,
            (Aftermath::ThenReversed, 1) => FollowUp::Reverse,
            (Aftermath::Whole | Aftermath::TwoParts | Aftermath::Undone | Aftermath::ThenReversed, _) => {
                FollowUp::Done
            }
        }
    }

    /// Whether the request of this step opens a transaction, so that a refusal of its only copy means "not done".
    pub(super) const fn opens_transaction(&self) -> bool {
        self.step == 0 || matches!(self.current, FollowUp::Refund { .. })
    }

    pub(super) fn refund(&self, space: IdSpace, rules: &Rules, amount: u64, copy: RequestCopy) -> Refund {
        Refund {
            id: self.request(space),
            original: self.original(space),
            originator: None,
            amount: Amount::from_minor(amount).expect("a part of an amount is an amount"),
            currency: rules.currency,
            expires: self.step_expires(rules),
            budget_ms: copy.budget_ms,
            repeat: copy.number > 1,
            attempt: copy.number,
            settlement_date: None,
            extensions: Extensions::NONE,
        }
    }
}

/// Which message an answer is about, as histories write it, and of which transaction. `last` is that of the latest request:
/// only a refund and an authorize are answered under ids that are transactions themselves.
pub(super) const fn answered(
    refund_steps: u16,
    fields: IdFields,
    id: RequestId,
    last: (MessageType, RequestId),
) -> (MessageType, RequestId) {
    let is_refund = refund_steps & (1 << fields.step) != 0;
    if fields.step == 0 || is_refund { (MessageType::Authorize, id) } else { last }
}

#[cfg(test)]
mod tests;
