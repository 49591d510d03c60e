//! What goes to destinations: forwards, and deliveries until they are acknowledged.

use holdfast_protocol::{Authorize, ParticipantNumber};

use super::Desk;
use crate::effect::Effect;
use crate::ledger::state::{Ledger, Transaction};
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::step::Output;
use crate::view::{LiveSession, SessionId, View};
use holdfast_protocol::UnixMillis;

/// Sends a pending request over a link: again with the repeat flag where it may have left before, and not at all where
/// its time is over.
pub(crate) fn forward(desk: &mut Desk<'_>, index: u32, to: SessionId) {
    let transaction = desk.ledger.transactions.get(index);
    if transaction.deadline <= desk.now {
        return;
    }
    push_forward(desk.ledger, desk.schedule, index, to, desk.out);
    desk.counters.forwards_repeated += 1;
}

pub(crate) fn push_forward(
    ledger: &Ledger,
    schedule: &mut Schedule,
    index: u32,
    to: SessionId,
    out: &mut Output,
) {
    let transaction = ledger.transactions.get(index);
    let content = transaction.content.expect("a pending transaction keeps its request");
    let attempt = schedule.forward(index, transaction.destination, to);
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

/// Lets deliveries leave while the destination's window has room.
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
    let destination_of = |index| ledger.transactions.get(index).destination;
    while let Some(index) = schedule.pop_ready(destination, settings.delivery_window, destination_of) {
        let transaction = ledger.transactions.get(index);
        let Some(link) = link_for(view, transaction) else {
            schedule.wait(index, destination, transaction.instance);
            continue;
        };
        let attempt = schedule.send(index, transaction, settings, now);
        let delivery = transaction.deliveries.first().expect("a ready transaction has something to deliver");
        let delivery = delivery.as_sent(attempt);
        out.effects.push(Effect::Deliver { to: link.session, delivery });
    }
}

/// Without shared deduplication only the instance that got the forward: another would not know it.
fn link_for<'v>(view: &'v View, transaction: &Transaction) -> Option<&'v LiveSession> {
    let mut links = view.receivers(transaction.destination);
    links.find(|link| {
        transaction.instance.is_none_or(|instance| instance == link.instance) || link.shared_deduplication
    })
}
