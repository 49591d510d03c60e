//! What may be reserved and refunded among what is watched.

use holdfast_core::Fact;
use holdfast_core::registry::CurrencyLimits;
use holdfast_core::transaction::money::{Event, Step, next};
use holdfast_protocol::{Authorize, Reason, RequestId};

use super::{Before, Watched};
use crate::sim::plan::euro;
use crate::sim::violation::{Verdict, Violation, ensure};

impl Watched {
    /// SW-12, rule 22: what is reserved is within its originator's limits; what is declined for one is not.
    pub(super) fn within_limits(&self, fact: &Fact) -> Verdict {
        let limits = |originator, m: &Authorize| {
            let limits = self.configuration.limits_at(&self.plan, originator, m.security_level)?;
            Some(if m.currency == euro() { limits } else { CurrencyLimits::NONE })
        };
        match fact {
            Fact::Reserved(f) => match limits(f.originator, &f.request) {
                Some(limits) => self.reckoning.within(f, limits),
                None => Err(Violation::new("limits", format!("a level nobody agreed to: {f:?}"))),
            },
            Fact::DeclinedAtOnce(f) if is_of_limit(f.reason) => {
                let limited = (f.originator, f.request.security_level, f.request.currency);
                let limits = limits(f.originator, &f.request).unwrap_or_default();
                self.reckoning.beyond(limited, f.settlement_date, f.request.amount, limits, f.reason)
            }
            _ => Ok(()),
        }
    }

    /// A refund of what was there before, if it is a new one.
    pub(super) fn refunded(&mut self, before: &Before, id: RequestId, facts: &[Fact]) -> Verdict {
        let (state, key) = (before.view.money, before.key);
        let decided = facts.iter().find_map(|fact| match fact {
            Fact::RefundReserved(f) if f.request.id == id => Some(Reason::None),
            Fact::RefundDeclined(f) if f.request.id == id => Some(f.reason),
            _ => None,
        });
        let Some(reason) = decided else { return Ok(()) };
        self.coverage.money(state, Event::Refund);
        let may = match next(state, Event::Refund) {
            // Said before it is looked at how the original stands.
            Step::Refuse(expected) => {
                [expected, Reason::ReversedBeforeArrival, Reason::NotRefundable, Reason::OriginalReversed]
                    .contains(&reason)
            }
            step => step == Step::GiveBack,
        };
        ensure!("table", may, "{key} was {state:?}, a refund is decided: {reason}");
        Ok(())
    }
}

const fn is_of_limit(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::AmountLimitExceeded | Reason::DailyAmountLimitExceeded | Reason::DailyCountLimitExceeded
    )
}
