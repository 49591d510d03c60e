//! Rules 5 and 20: what is recorded as new was in time when it was decided, and a hold whose time has come is taken from no
//! more, whether or not the tick that ends it has come.

use holdfast_core::Fact;
use holdfast_core::fact::FollowUp;
use holdfast_core::report::TransactionView;
use holdfast_protocol::{RequestId, UnixMillis};

use crate::sim::plan::Plan;
use crate::sim::violation::{Verdict, ensure};

/// The facts of one step, `view` being what its original was before.
pub(crate) fn check(view: Option<&TransactionView>, facts: &[Fact], plan: &Plan, now: UnixMillis) -> Verdict {
    for (id, expires) in facts.iter().filter_map(recorded) {
        let (window_ms, skew_ms) = (plan.core.window_max_ms, plan.core.skew_max_ms);
        let made = id.created();
        let in_time = expires > now && made <= now.plus(skew_ms) && made.plus(window_ms) >= now;
        ensure!("I2", in_time, "{id}, made at {made:?} and expiring at {expires:?}, is recorded at {now:?}");
        let taken = facts.iter().any(|fact| matches!(fact, Fact::Captured { .. } | Fact::Released { .. }));
        let ended = view.and_then(|view| view.hold_until).is_some_and(|until| until <= now);
        ensure!("I5", !(taken && ended), "{id} takes from a hold that ended: {view:?}");
    }
    Ok(())
}

/// The new request that a fact records, and until when it could be.
fn recorded(fact: &Fact) -> Option<(RequestId, UnixMillis)> {
    match fact {
        Fact::Reserved(f) => Some((f.request.id, f.request.expires)),
        Fact::RefundReserved(f) => Some((f.request.id, f.request.expires)),
        Fact::RefundDeclined(f) => Some((f.request.id, f.request.expires)),
        Fact::DeclinedAtOnce(f) => Some((f.request.id, f.request.expires)),
        Fact::Captured { request, .. } => Some((request.id, request.expires)),
        Fact::Released { request, .. } => Some((request.id, request.expires)),
        Fact::Reversed { request, .. } | Fact::Tombstoned { request, .. } => {
            Some((request.id, request.expires))
        }
        Fact::FollowUpDeclined { request, .. } => Some(match request {
            FollowUp::Capture(m) => (m.id, m.expires),
            FollowUp::Release(m) => (m.id, m.expires),
            FollowUp::Reverse(m) => (m.id, m.expires),
        }),
        _ => None,
    }
}
