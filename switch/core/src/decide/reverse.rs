//! A transaction is undone as a whole (rules 10 to 12).
//!
//! It cannot be refused for business reasons. Before its original it leaves a tombstone; a second one moves nothing; only
//! another reversal is never reversed. It gives back what refunds have not, so it waits for those that are pending (rule 15).

use holdfast_protocol::{Amount, DeliveryNumber, ParticipantNumber, Reason, Reverse, TransactionKey};

use super::{Desk, check_times, original};
use crate::effect::{Delivery, Effect};
use crate::fact::{Fact, FollowUp};
use crate::input::From;
use crate::ledger::content::Content;
use crate::ledger::follow_up_record::FollowUpKind;
use crate::ledger::record::{Standing, TransactionRecord};
use crate::report;
use crate::schedule::recalls::{Asked, Wait};
use crate::transaction::money::{Event, Money, Step, next};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Reverse) {
    let request = FollowUp::Reverse(m.clone());
    if original::is_new(desk, from, &request, m.expires, Content::of_reverse(m)) {
        find(desk, from, m, None);
    }
}

/// A transaction was looked up in the archive: it is in memory now, or there is none. Another reversal that waited for it
/// may have left a tombstone since.
pub(super) fn looked_up(desk: &mut Desk<'_>, from: From, m: &Reverse, key: TransactionKey) {
    find(desk, from, m, Some(key));
}

/// The refunds it waited for are decided.
pub(crate) fn waited(desk: &mut Desk<'_>, from: From, m: &Reverse) {
    // I2: while it waited, another request may have been decided under its id.
    let request = FollowUp::Reverse(m.clone());
    if original::is_known(desk, from, &request, Content::of_reverse(m)) {
        return;
    }
    // Rule 5: nothing is recorded that has expired meanwhile.
    match check_times(desk.settings, desk.ledger, desk.now, m.id, m.expires) {
        Ok(()) => find(desk, from, m, None),
        Err(reason) => desk.refuse(from, m.id, m.original, reason),
    }
}

/// Decides a new one, now that this transaction was looked up.
fn find(desk: &mut Desk<'_>, from: From, m: &Reverse, looked_up: Option<TransactionKey>) {
    let request = FollowUp::Reverse(m.clone());
    let key = TransactionKey { originator: from.participant, id: m.original };
    match original::find(desk, key) {
        original::Original::Transaction(record) => reverse(desk, from, m, record, looked_up),
        original::Original::FollowUp(kind) => of_follow_up(desk, from, m, kind),
        original::Original::Recall if looked_up != Some(key) => original::recall(desk, from, request),
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

/// Rule 15: while a refund of it is pending, what a whole reversal gives back is not known.
fn event(desk: &Desk<'_>, key: TransactionKey) -> Event {
    let pending = desk.ledger.remembered.refunds.of(key).pending;
    if pending.is_zero() { Event::Reverse } else { Event::ReverseRefunding }
}

fn wait(desk: &mut Desk<'_>, from: From, m: &Reverse, key: TransactionKey) {
    match desk.schedule.reversals.wait(key, from, m.clone(), desk.settings.recalls_max) {
        Wait::Joined(Some(to)) => desk.out.effects.push(Effect::Superseded { to }),
        Wait::Joined(None) | Wait::LookUp => {}
        Wait::Full => desk.refuse(from, m.id, m.original, Reason::Busy),
    }
}

fn reverse(
    desk: &mut Desk<'_>,
    from: From,
    m: &Reverse,
    record: &TransactionRecord,
    looked_up: Option<TransactionKey>,
) {
    let key = TransactionKey { originator: from.participant, id: m.original };
    let (money, superseded_from) = standing(desk, record);
    let (moves, superseded_from) = match next(money, event(desk, key)) {
        Step::Close(..) => (true, superseded_from),
        Step::Undo => {
            let undoes = report::transaction(desk.ledger, key).is_some_and(|t| !t.captured.is_zero());
            // What a refund gave back is counted on its original, which must be known for that.
            if undoes
                && let Some(refunded) = desk.ledger.remembered.refunds.original_of(key)
                && looked_up != Some(refunded)
                && matches!(original::find(desk, refunded), original::Original::Recall)
            {
                let asked = Asked::FollowUp(FollowUp::Reverse(m.clone()));
                original::look_up(desk, from, refunded, asked, (m.id, m.original));
                return;
            }
            if !refund_is_counted(desk, key) {
                desk.refuse(from, m.id, m.original, Reason::OriginalUnavailable);
                return;
            }
            // What is closed and delivered is opened again by it.
            let full = record.index().is_none() && is_open_full(desk);
            let destination = report::destination(desk.ledger, key);
            if undoes && (full || destination.is_some_and(|destination| is_full(desk, destination))) {
                desk.refuse(from, m.id, m.original, Reason::DeliveryQueueFull);
                return;
            }
            (undoes, superseded_from.filter(|_| undoes))
        }
        Step::Wait => return wait(desk, from, m, key),
        Step::Stay
        | Step::Hold
        | Step::Part
        | Step::GiveBack
        | Step::Refuse(_)
        | Step::Note(_)
        | Step::Never => (false, None),
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

/// Whether a captured refund is counted on its original, where that is in memory. What came back from an archive that does
/// not fit this journal may say otherwise: nothing is undone on its word.
fn refund_is_counted(desk: &Desk<'_>, key: TransactionKey) -> bool {
    let refunds = &desk.ledger.remembered.refunds;
    let Some(original) = refunds.original_of(key) else { return true };
    let captured = report::transaction(desk.ledger, key).map_or(Amount::ZERO, |refund| refund.captured);
    !refunds.counts(original) || refunds.of(original).refunded >= captured
}

/// How the original stands, and the first of its deliveries that were never sent.
fn standing(desk: &Desk<'_>, record: &TransactionRecord) -> (Money, Option<DeliveryNumber>) {
    match record.standing() {
        Standing::Open(index) => {
            let transaction = desk.ledger.transactions.get(index);
            let sent = desk.schedule.flight(index).sends > 0;
            let unsent = transaction.deliveries.iter().skip(usize::from(sent));
            (transaction.money, unsent.map(Delivery::number).next())
        }
        Standing::Closed(closed) => (Money::Closed(closed.ending), None),
    }
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
