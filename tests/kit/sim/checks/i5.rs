//! I5: every hold ends exactly once, and its ending reaches the destination; what reaches the destination follows what
//! was there before.

use holdfast_core::Core;
use holdfast_core::effect::Delivery;
use holdfast_core::transaction::money::{Ending, Money};
use holdfast_protocol::{DeliveryNumber, Outcome, ParticipantNumber, TransactionKey, UnixMillis};

use crate::sim::destination::{Entry, Task};
use crate::sim::scene::Scene;
use crate::sim::violation::{Verdict, ensure};

/// A delivery that was not there before.
pub(crate) fn follows(key: TransactionKey, entry: &Entry, number: DeliveryNumber, task: Task) -> Verdict {
    if entry.lied {
        return Ok(());
    }
    let open = entry.deliveries.iter().find(|(n, got)| **n >= number || !got.is_acknowledged());
    ensure!("I5", open.is_none(), "{key}: delivery {number:?} {task:?} overtakes {open:?}");
    let reversal = matches!(task, Task::Reverse { .. });
    ensure!("I5", !entry.reversed(), "{key} was reversed, now {task:?}");
    ensure!("I5", !entry.ended() || reversal, "{key} was ended, now {task:?}");
    if let Task::Capture { amount, .. } = task {
        let approved = entry.approved().map_or(0, |amount| amount.minor());
        let after = entry.captured() + amount.minor();
        ensure!("I5", after <= approved, "{key}: {after} is captured, {approved} was approved");
    }
    Ok(())
}

/// Rule 20: a hold expires at its time and not before. The switch's time was never later than `latest`.
pub(crate) fn ends_in_time(key: TransactionKey, entry: &Entry, task: Task, latest: UnixMillis) -> Verdict {
    let expired = matches!(task, Task::Release { expired: true, .. });
    let until = entry.forward.as_ref().map(|forward| forward.hold_until).filter(|_| expired);
    ensure!("I5", until.is_none_or(|until| until <= latest), "{key} expired before {until:?}, at {latest:?}");
    Ok(())
}

/// The switch said that an answer is decided: it is, and an approval that does not stand has its reversal queued or
/// delivered.
pub(crate) fn covered(
    core: &Core,
    destination: ParticipantNumber,
    key: TransactionKey,
    entry: &Entry,
    scene: &Scene<'_>,
) -> Verdict {
    let forgotten = key.id.created() <= scene.plan.remembered_from(scene.time_high);
    let Some(view) = core.transaction(key) else {
        ensure!("I1", forgotten, "{key} was sent to {destination}, and is forgotten: {entry:?}");
        return Ok(());
    };
    ensure!("I6", view.outcome.is_some(), "{key}: its answer was covered, {entry:?}, and is not decided");
    let stands = view.outcome == Some(Outcome::Approved) && view.money != Money::Closed(Ending::Reversed);
    let queued = view.undelivered.iter().any(|d| matches!(d, Delivery::Reverse(_)));
    let ok = stands || queued || entry.reversed() || entry.lied || !entry.approval_covered();
    ensure!("I5", ok, "{key}: the approval was covered, {entry:?}, and no reversal comes: {view:?}");
    Ok(())
}

/// After a restart: what a destination was sent is still so.
pub(crate) fn still(
    core: &Core,
    destination: ParticipantNumber,
    key: TransactionKey,
    entry: &Entry,
    forgotten: bool,
) -> Verdict {
    if entry.forward.is_none() && entry.deliveries.is_empty() {
        return Ok(());
    }
    let Some(view) = core.transaction(key) else {
        ensure!("I1", forgotten, "{key} was sent to {destination} as {entry:?}, and is forgotten");
        return Ok(());
    };
    let at = view.destination;
    ensure!("I1", at == Some(destination), "{key} was sent to {destination}, now it is {view:?}");
    let captured = view.captured.minor();
    ensure!("I1", entry.captured() <= captured, "{key}: captures were delivered, {entry:?}, now {view:?}");
    let closed = matches!(view.money, Money::Closed(_));
    ensure!("I1", closed || !entry.ended(), "{key}: its ending was delivered, {entry:?}, now {view:?}");
    let undone = matches!(view.money, Money::Closed(Ending::Reversed | Ending::Declined | Ending::TimedOut));
    ensure!("I1", undone || !entry.reversed(), "{key}: its reversal was delivered, {entry:?}, now {view:?}");
    Ok(())
}
