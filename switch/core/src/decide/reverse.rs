//! A transaction is undone as a whole (rules 10 to 12).
//!
//! It cannot be refused for business reasons. Before its original it leaves a tombstone; a second one moves nothing; only
//! another reversal is never reversed.

use holdfast_protocol::{ParticipantNumber, Reason, Reverse, TransactionKey};

use super::{Desk, original};
use crate::effect::Delivery;
use crate::fact::{Fact, FollowUp};
use crate::input::From;
use crate::ledger::content::Content;
use crate::ledger::follow_up_record::FollowUpKind;
use crate::ledger::record::{Standing, TransactionRecord};
use crate::transaction::money::{Event, Money, Step, next};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Reverse) {
    let request = FollowUp::Reverse(m.clone());
    if !original::is_new(desk, from, &request, m.expires, Content::of_reverse(m)) {
        return;
    }
    let key = TransactionKey { originator: from.participant, id: m.original };
    match original::find(desk, key) {
        original::Original::Recall => original::recall(desk, from, request),
        known @ (original::Original::Transaction(_)
        | original::Original::FollowUp(_)
        | original::Original::Unknown) => decide_known(desk, from, m, known),
    }
}

/// The original was looked up in the archive: it is in memory now, or there is none. Another reversal that waited for it
/// may have left a tombstone since.
pub(super) fn looked_up(desk: &mut Desk<'_>, from: From, m: &Reverse) {
    let key = TransactionKey { originator: from.participant, id: m.original };
    let known = original::find(desk, key);
    decide_known(desk, from, m, known);
}

fn decide_known(desk: &mut Desk<'_>, from: From, m: &Reverse, known: original::Original<'_>) {
    match known {
        original::Original::Transaction(record) => reverse(desk, from, m, record),
        original::Original::FollowUp(kind) => of_follow_up(desk, from, m, kind),
        original::Original::Unknown | original::Original::Recall => tombstone(desk, from, m),
    }
}

/// Rule 12: only transactions are undone.
pub(super) fn of_follow_up(desk: &mut Desk<'_>, from: From, m: &Reverse, kind: FollowUpKind) {
    let reason = match kind {
        FollowUpKind::Reverse => Reason::ReversalOfReversal,
        FollowUpKind::Capture | FollowUpKind::Release => Reason::OriginalUnknown,
    };
    original::decline(desk, from, FollowUp::Reverse(m.clone()), reason);
}

fn reverse(desk: &mut Desk<'_>, from: From, m: &Reverse, record: &TransactionRecord) {
    let mut superseded_from = None;
    let money = match record.standing() {
        Standing::Open(index) => {
            let transaction = desk.ledger.transactions.get(index);
            let sent = desk.schedule.flight(index).sends > 0;
            let unsent = transaction.deliveries.iter().skip(usize::from(sent));
            superseded_from = unsent.map(Delivery::number).next();
            transaction.money
        }
        Standing::Closed(closed) => Money::Closed(closed.ending),
    };
    let (moves, superseded_from) = match next(money, Event::Reverse) {
        Step::Close(..) => (true, superseded_from),
        Step::Undo => {
            let captured = crate::report::transaction(
                desk.ledger,
                TransactionKey { originator: from.participant, id: m.original },
            )
            .is_some_and(|t| !t.captured.is_zero());
            let destination = crate::report::destination(
                desk.ledger,
                TransactionKey { originator: from.participant, id: m.original },
            );
            // What is closed and delivered is opened again by it.
            let full = record.index().is_none() && is_open_full(desk);
            if captured && (full || destination.is_some_and(|destination| is_full(desk, destination))) {
                desk.refuse(from, m.id, m.original, Reason::DeliveryQueueFull);
                return;
            }
            (captured, superseded_from.filter(|_| captured))
        }
        Step::Stay | Step::Hold | Step::Part | Step::Refuse(_) | Step::Note(_) | Step::Never => (false, None),
    };
    if desk.view.journal_full && !moves {
        desk.refuse(from, m.id, m.original, Reason::JournalFull);
        return;
    }
    let settlement_date = desk.ledger.date();
    desk.fact(Fact::Reversed {
        originator: from.participant,
        request: m.clone(),
        settlement_date,
        superseded_from,
    });
}

/// Whether no transaction more may be open.
pub(super) fn is_open_full(desk: &Desk<'_>) -> bool {
    desk.ledger.transactions.len() >= desk.settings.open_max as usize
}

/// Whether no delivery more fits that has no slot reserved.
pub(super) fn is_full(desk: &Desk<'_>, destination: ParticipantNumber) -> bool {
    let p = desk.ledger.participants.known(destination);
    let slots = u64::from(p.undelivered) + u64::from(p.unfinished) + 1;
    slots > u64::from(desk.settings.undelivered_for_destination_max)
}

/// Rule 11: remembered, and passed on to the destination that may know the original.
fn tombstone(desk: &mut Desk<'_>, from: From, m: &Reverse) {
    if desk.view.journal_full {
        desk.refuse(from, m.id, m.original, Reason::JournalFull);
        return;
    }
    let route = desk.ledger.routes.find(m.payment_id).ok().map(|route| route.destination);
    let configured = |destination: &ParticipantNumber| desk.ledger.participants.get(*destination).is_some();
    let destination = route.filter(|destination| *destination != from.participant).filter(configured);
    if is_open_full(desk) || destination.is_some_and(|destination| is_full(desk, destination)) {
        desk.refuse(from, m.id, m.original, Reason::DeliveryQueueFull);
        return;
    }
    desk.counters.reversals_before_request += 1;
    let settlement_date = desk.ledger.date();
    desk.fact(Fact::Tombstoned {
        originator: from.participant,
        request: m.clone(),
        destination,
        settlement_date,
    });
}
