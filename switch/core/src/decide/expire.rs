//! Time passed: deadlines, holds that end, deliveries to send again, ids to forget, days to close.
//!
//! One tick takes a bounded number of each; what is left is due at once again.

use holdfast_protocol::{DecidedBy, Extensions, Reason};

use super::Desk;
use crate::fact::Fact;
use crate::transaction::money::Money;

/// Deadlines and retries that one tick takes.
pub(crate) const TAKEN_MAX: usize = 4_096;

pub(crate) fn decide(desk: &mut Desk<'_>) {
    for _ in 0..TAKEN_MAX {
        let Some(index) = desk.schedule.take_due(desk.now) else { break };
        let transaction = desk.ledger.transactions.get(index);
        let key = transaction.key;
        match transaction.money {
            // Rule 7: silence is not a no, so the destination hears a reversal.
            Money::Pending => desk.fact(Fact::Declined {
                key,
                reason: Reason::DestinationTimedOut,
                decided_by: DecidedBy::Switch,
                reversal: true,
                extensions: Extensions::NONE,
            }),
            // Rule 20: at its deadline, not at the next sweep.
            Money::Held => desk.fact(Fact::Expired(key)),
            Money::Closed(_) => unreachable!("what is closed has no deadline"),
        }
    }
    super::recall::give_up(desk);
    forget(desk);
}

/// Rule 5: an id is remembered until its creation, the window and the skew have passed.
fn forget(desk: &mut Desk<'_>) {
    let kept_ms = desk.settings.window_max_ms + desk.settings.skew_max_ms;
    let oldest_kept = desk.now.minus(kept_ms).get() / 1_000;
    if desk.ledger.remembered.oldest_second().is_some_and(|oldest| oldest < oldest_kept) {
        desk.fact(Fact::Forgotten(oldest_kept - 1));
    }
}
