//! What goes to destinations: forwards, and deliveries until they are acknowledged.

use holdfast_protocol::{Authorize, ParticipantNumber, Refund, UnixMillis};

use super::Desk;
use crate::counters::Counters;
use crate::effect::Effect;
use crate::ledger::state::{Ledger, Transaction};
use crate::schedule::{Schedule, Unsent};
use crate::settings::Settings;
use crate::step::Output;
use crate::view::{SessionId, View};

/// Forwards or deliveries that one step sends again to one destination; the next tick goes on (I8).
const AGAIN_PER_STEP: usize = 1_024;

/// Sends again what no link of the destination has, as far as windows have room.
pub(crate) fn forward_again(desk: &mut Desk<'_>, destination: ParticipantNumber) {
    let Desk { ledger, schedule, counters, view, now, out, .. } = desk;
    forward_again_parts(ledger, schedule, counters, view, *now, destination, out);
}

pub(crate) fn forward_again_parts(
    ledger: &Ledger,
    schedule: &mut Schedule,
    counters: &mut Counters,
    view: &View,
    now: UnixMillis,
    destination: ParticipantNumber,
    out: &mut Output,
) {
    for _ in 0..AGAIN_PER_STEP {
        match schedule.take_unsent(view, destination, now) {
            Some(Unsent::Send(index, to)) => {
                push_forward(ledger, schedule, index, to, out);
                counters.forwards_repeated += 1;
            }
            Some(Unsent::Over) => {}
            None => return,
        }
    }
    schedule.leave_over(destination);
}

/// With the repeat flag where it may have left before.
pub(crate) fn push_forward(
    ledger: &Ledger,
    schedule: &mut Schedule,
    index: u32,
    to: SessionId,
    out: &mut Output,
) {
    let transaction = ledger.transactions.get(index);
    let attempt = schedule.forward(index, transaction.destination, to);
    let Some(content) = transaction.content else {
        out.effects.push(refund(ledger, transaction, attempt, to));
        return;
    };
    let received = ledger.contents.get(content);
    let request = Authorize {
        originator: Some(transaction.key.originator),
        settlement_date: Some(transaction.settlement_date),
        // Whether the operator repeated is its own affair; what counts here is whether this destination may know it.
        repeat: attempt > 1,
        attempt,
        ..received.clone()
    };
    out.effects.push(Effect::Forward { to, deadline: transaction.deadline, request });
}

/// A pending refund keeps its request beside the others.
fn refund(ledger: &Ledger, transaction: &Transaction, attempt: u8, to: SessionId) -> Effect {
    let received = ledger.remembered.refunds.request(transaction.key);
    let request = Refund {
        originator: Some(transaction.key.originator),
        settlement_date: Some(transaction.settlement_date),
        repeat: attempt > 1,
        attempt,
        ..received.expect("a pending transaction keeps its request").clone()
    };
    Effect::ForwardRefund { to, deadline: transaction.deadline, request }
}

/// Lets deliveries leave while the windows of the destination's links have room. Without shared deduplication only the
/// instance that got the forward is told: another would not know it.
pub(crate) fn pump(desk: &mut Desk<'_>, destination: ParticipantNumber) {
    pump_parts(desk.ledger, desk.schedule, desk.settings, desk.view, desk.now, destination, desk.out);
}

pub(crate) fn pump_parts(
    ledger: &Ledger,
    schedule: &mut Schedule,
    settings: &Settings,
    view: &View,
    now: UnixMillis,
    destination: ParticipantNumber,
    out: &mut Output,
) {
    for _ in 0..AGAIN_PER_STEP {
        let next = schedule.next_delivery(view, destination, settings.delivery_window);
        let Some((index, to)) = next else { return };
        let transaction = ledger.transactions.get(index);
        let attempt = schedule.send(index, transaction, to, settings, now);
        let delivery =
            transaction.deliveries.first().expect("a transaction that waits has something to deliver");
        out.effects.push(Effect::Deliver { to, delivery: delivery.as_sent(attempt) });
    }
    schedule.leave_over(destination);
}
