//! What became of a refund, compared with rule 15 and the table.

use holdfast_core::transaction::TransactionKind;
use holdfast_core::transaction::money::{Event, Step, next};
use holdfast_core::{Core, Fact};
use holdfast_protocol::{Reason, RequestId};

use super::{Before, Watched};
use crate::sim::violation::{Verdict, ensure};

impl Watched {
    /// A refund of it, if it is a new one.
    pub(super) fn refunded(
        &mut self,
        core: &Core,
        before: &Before,
        id: RequestId,
        facts: &[Fact],
    ) -> Verdict {
        let refundable = matches!(before.view.kind, Some(TransactionKind::Pay | TransactionKind::Reserve));
        let reason = facts.iter().find_map(|fact| match fact {
            Fact::RefundReserved(f) if f.request.id == id => Some(Reason::None),
            Fact::RefundDeclined(f) if f.request.id == id => Some(f.reason),
            _ => None,
        });
        let Some(reason) = reason.filter(|reason| refundable && *reason != Reason::ReversedBeforeArrival)
        else {
            return Ok(());
        };
        let key = before.key;
        let given = before.view.refunded.minor() + before.view.refunding.minor();
        let left = before.view.captured.minor().saturating_sub(given);
        if reason == Reason::None {
            let asked = facts.iter().find_map(|fact| match fact {
                Fact::RefundReserved(f) => Some(f.request.amount.minor()),
                _ => None,
            });
            ensure!("rule 15", asked <= Some(left), "{asked:?} of {key} is refunded, {left} is left");
        }
        if let Step::Refuse(expected) = next(before.view.money, Event::Refund) {
            ensure!("table", reason == expected, "a refund of {key} got {reason}, not {expected}");
        }
        self.met(core, before, Event::Refund)
    }
}
