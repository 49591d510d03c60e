//! Links come and go. A lost link leaves a transaction pending: before the deadline the forward goes to the same
//! instance again, or to another where the instances share their deduplication.

use super::{Desk, deliver};
use crate::input::From;

pub(crate) fn up(desk: &mut Desk<'_>, from: From) {
    let Some(link) = desk.view.receivers(from.participant).find(|link| link.session == from.session).copied()
    else {
        return;
    };
    for index in desk.schedule.unsent(from.participant) {
        let transaction = desk.ledger.transactions.get(index);
        if link.shared_deduplication || transaction.instance == Some(link.instance) {
            deliver::forward(desk, index, link.session);
        }
    }
    desk.schedule.wake(from.participant, link.instance, link.shared_deduplication);
    deliver::pump(desk, from.participant);
}

pub(crate) fn lost(desk: &mut Desk<'_>, from: From) {
    let lost = desk.schedule.link_lost(from.participant, from.session);
    let other = desk.view.receivers(from.participant).find(|link| link.shared_deduplication).copied();
    let Some(other) = other else { return };
    for index in lost {
        deliver::forward(desk, index, other.session);
    }
}
