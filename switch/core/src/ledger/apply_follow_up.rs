//! Captures, releases, reversals and expiry: facts that follow an original.

use holdfast_protocol::{
    Amount, ApprovalCode, BusinessDate, Capture, DecidedBy, DeliveryNumber, Extensions, ParticipantNumber,
    Reason, Release, RequestId, Reverse, TransactionKey, UnixMillis,
};

use super::apply::{RECORDED, Touched, close_if_done, end_pending, open_index, push_delivery, push_reversal};
use super::apply_refund as refund;
use super::content::Content;
use super::follow_up_record::{FollowUpKind, FollowUpRecord};
use super::movement::{change, open};
use super::record::{Closed, Standing, TransactionRecord};
use super::remembered::second_of;
use super::state::{Ledger, Transaction};
use crate::effect::Delivery;
use crate::fact::FollowUp;
use crate::snapshot::ClosedEntry;
use crate::transaction::money::{Ending, Money};

/// A request that is to be remembered with its outcome.
struct Remember<'a> {
    who: ParticipantNumber,
    request: &'a FollowUp,
    reason: Reason,
    amount: Amount,
    date: BusinessDate,
}

fn remember(ledger: &mut Ledger, r: &Remember<'_>) {
    let kind = match r.request {
        FollowUp::Capture(_) => FollowUpKind::Capture,
        FollowUp::Release(_) => FollowUpKind::Release,
        FollowUp::Reverse(_) => FollowUpKind::Reverse,
    };
    let content = Content::of_follow_up(r.request);
    let (id, original) = (r.request.id(), r.request.original());
    let record =
        FollowUpRecord::new(r.who, id, original, kind, content, r.reason, r.amount, r.date, ledger.sequence);
    ledger.remembered.insert_follow_up(r.who, id, record);
}

fn named(transaction: &mut Transaction, by: RequestId) {
    transaction.latest_second = transaction.latest_second.max(second_of(by));
}

pub(super) fn capture(
    ledger: &mut Ledger,
    who: ParticipantNumber,
    request: &Capture,
    date: BusinessDate,
) -> Touched {
    let key = TransactionKey { originator: who, id: request.original };
    let index = open_index(ledger, key);
    change(ledger, index, |transaction, legs| {
        assert_eq!(transaction.money, Money::Held, "rule 18: only what is held is captured");
        legs.capture(transaction, request.amount);
        let rest = transaction.open_amount();
        if request.last {
            legs.release(transaction, rest);
        }
        // I5: a part that takes all that is held ends the hold, and the destination hears that it was the last.
        let last = request.last || rest.is_zero();
        if last {
            transaction.money = Money::Closed(Ending::Captured);
        }
        let delivery = Capture {
            originator: Some(who),
            last,
            expires: UnixMillis::MAX,
            delivery: Some(transaction.next_delivery()),
            repeat: false,
            attempt: 1,
            settlement_date: Some(date),
            ..request.clone()
        };
        push_delivery(transaction, Delivery::Capture(delivery));
        named(transaction, request.id);
    });
    let request = FollowUp::Capture(request.clone());
    let amount = amount_of(&request);
    remember(ledger, &Remember { who, request: &request, reason: Reason::None, amount, date });
    close_if_done(ledger, index)
}

fn amount_of(request: &FollowUp) -> Amount {
    match request {
        FollowUp::Capture(m) => m.amount,
        FollowUp::Release(_) | FollowUp::Reverse(_) => Amount::ZERO,
    }
}

/// Ends a hold without capturing the rest; what was captured stays so.
fn let_go(
    ledger: &mut Ledger,
    index: u32,
    ending: Ending,
    delivery: impl FnOnce(&Transaction) -> Release,
) -> Amount {
    change(ledger, index, |transaction, legs| {
        assert_eq!(transaction.money, Money::Held, "I5: a hold ends once");
        let rest = transaction.open_amount();
        legs.release(transaction, rest);
        transaction.money = Money::Closed(ending);
        let release = delivery(transaction);
        push_delivery(transaction, Delivery::Release(release));
        rest
    })
}

pub(super) fn release(
    ledger: &mut Ledger,
    who: ParticipantNumber,
    request: &Release,
    date: BusinessDate,
) -> Touched {
    let key = TransactionKey { originator: who, id: request.original };
    let index = open_index(ledger, key);
    let amount = let_go(ledger, index, Ending::Released, |transaction| Release {
        originator: Some(who),
        expires: UnixMillis::MAX,
        delivery: Some(transaction.next_delivery()),
        expired: false,
        repeat: false,
        attempt: 1,
        ..request.clone()
    });
    named(ledger.transactions.get_mut(index), request.id);
    let request = FollowUp::Release(request.clone());
    remember(ledger, &Remember { who, request: &request, reason: Reason::None, amount, date });
    close_if_done(ledger, index)
}

pub(super) fn expire(ledger: &mut Ledger, key: TransactionKey) -> Touched {
    let index = open_index(ledger, key);
    let_go(ledger, index, Ending::Expired, |transaction| Release {
        id: key.id,
        original: key.id,
        originator: Some(key.originator),
        expires: UnixMillis::MAX,
        delivery: Some(transaction.next_delivery()),
        expired: true,
        repeat: false,
        attempt: 1,
        extensions: Extensions::NONE,
    });
    let transaction = ledger.transactions.get_mut(index);
    transaction.latest_second = transaction.latest_second.max(transaction.hold_until.get() / 1_000);
    close_if_done(ledger, index)
}

/// A transaction that had left memory is there again, as it left.
pub(super) fn recall(ledger: &mut Ledger, entry: &ClosedEntry, until: u64) {
    let ClosedEntry { key, content, closed, linked } = entry;
    ledger.remembered.refunds.restore(*key, *linked);
    let record = TransactionRecord::closed(key.originator, key.id, *content, closed);
    ledger.remembered.recall(*key, record, until);
}

/// A closed transaction is in the slab again, because something is to be delivered for it.
pub(super) fn reopen(ledger: &mut Ledger, key: TransactionKey, closed: &Closed) -> u32 {
    let destination = closed.destination.expect("only what was forwarded is ever opened again");
    let released =
        closed.held_for.checked_sub(closed.captured).expect("I5: captured never exceeds what is held for");
    let reversed = closed.reversed(ledger.remembered.refunds.of(key).refunded);
    let transaction = Transaction {
        key,
        destination,
        instance: Some(closed.instance),
        terms: closed.terms,
        captures_many: false,
        partial_allowed: false,
        money: Money::Closed(closed.ending),
        held_for: closed.held_for,
        captured: closed.captured,
        released,
        reversed,
        deadline: UnixMillis::MAX,
        hold_until: UnixMillis::MAX,
        settlement_date: closed.settlement_date,
        approval_code: closed.approval_code,
        reason: closed.reason,
        decided_by: closed.decided_by,
        sequence: closed.sequence,
        payment_id: ledger.routes.any_payment_id(destination),
        content: None,
        deliveries: Vec::new(),
        deliveries_made: closed.deliveries_made,
        late_noted: closed.late_noted,
        // Which requests named it is not known any more.
        latest_second: ledger.remembered.newest_second(key),
    };
    let index = open(ledger, transaction);
    ledger.remembered.change(key, |record| record.reopen(index)).expect(RECORDED);
    index
}

pub(super) fn reverse(
    ledger: &mut Ledger,
    who: ParticipantNumber,
    request: &Reverse,
    date: BusinessDate,
    superseded_from: Option<DeliveryNumber>,
) -> Option<Touched> {
    let key = TransactionKey { originator: who, id: request.original };
    let follow_up = FollowUp::Reverse(request.clone());
    let mut outcome = Remember { who, request: &follow_up, reason: Reason::None, amount: Amount::ZERO, date };
    let (index, opened) = match ledger.remembered.transaction(key).expect(RECORDED).standing() {
        Standing::Open(index) => (index, false),
        Standing::Closed(closed) if closed.ending != Ending::Reversed && !closed.captured.is_zero() => {
            let index = reopen(ledger, key, &closed);
            ledger.transactions.get_mut(index).payment_id = request.payment_id;
            (index, true)
        }
        Standing::Closed(_) => {
            // Rule 10: acknowledged, and nothing moves, for nothing is there to undo.
            remember(ledger, &outcome);
            ledger.remembered.closed(key, second_of(request.id));
            return None;
        }
    };
    outcome.amount = undo(ledger, index, request, date, superseded_from);
    named(ledger.transactions.get_mut(index), request.id);
    remember(ledger, &outcome);
    Some(Touched { opened, ..close_if_done(ledger, index) })
}

fn undo(
    ledger: &mut Ledger,
    index: u32,
    request: &Reverse,
    date: BusinessDate,
    superseded_from: Option<DeliveryNumber>,
) -> Amount {
    let sequence = ledger.sequence;
    let transaction = ledger.transactions.get(index);
    let key = transaction.key;
    match transaction.money {
        Money::Pending => {
            let amount = transaction.held_for;
            end_pending(ledger, index, |transaction| {
                transaction.reason = Reason::ReversedByOriginator;
                transaction.decided_by = DecidedBy::Switch;
                transaction.sequence = sequence;
                transaction.money = Money::Closed(Ending::Reversed);
                push_reversal(transaction, Some(request), date);
            });
            amount
        }
        // Nothing was captured: the release on its way undoes all there was.
        Money::Closed(Ending::Released | Ending::Expired) if transaction.captured.is_zero() => Amount::ZERO,
        Money::Held | Money::Closed(Ending::Captured | Ending::Released | Ending::Expired) => {
            let is_refund = transaction.is_refund();
            let refunded = ledger.remembered.refunds.of(key).in_all();
            let goes_on = is_refund && refund::original_is_reversed(ledger, key);
            let undone = change(ledger, index, |transaction, legs| {
                let rest = transaction.open_amount();
                legs.release(transaction, rest);
                let captured = legs.undo_captures(transaction, refunded);
                if goes_on {
                    legs.reverse_original(transaction, captured);
                }
                transaction.money = Money::Closed(Ending::Reversed);
                if let Some(from) = superseded_from {
                    transaction.deliveries.retain(|delivery| delivery.number() < from);
                }
                push_reversal(transaction, Some(request), date);
                rest.checked_add(captured).expect("both are parts of what was held for")
            });
            if is_refund {
                refund::undone(ledger, key, undone);
            }
            undone
        }
        // Rule 11: nothing is left to undo, or a reversal is on its way already.
        Money::Closed(Ending::Declined | Ending::TimedOut | Ending::Reversed) => Amount::ZERO,
    }
}

pub(super) fn tombstone(
    ledger: &mut Ledger,
    who: ParticipantNumber,
    request: &Reverse,
    destination: Option<ParticipantNumber>,
    date: BusinessDate,
) -> Option<Touched> {
    let key = TransactionKey { originator: who, id: request.original };
    let follow_up = FollowUp::Reverse(request.clone());
    remember(
        ledger,
        &Remember { who, request: &follow_up, reason: Reason::None, amount: Amount::ZERO, date },
    );
    let closed = Closed {
        terms: None,
        ending: Ending::Reversed,
        reason: Reason::ReversedBeforeArrival,
        decided_by: DecidedBy::Switch,
        destination,
        instance: holdfast_protocol::Instance(0),
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: date,
        sequence: ledger.sequence,
        deliveries_made: 0,
        late_noted: false,
    };
    let record = TransactionRecord::closed(who, key.id, Content::NONE, &closed);
    let Some(destination) = destination else {
        if second_of(key.id) > ledger.remembered.forgotten_through() {
            ledger.remembered.insert_transaction(key, record);
        }
        return None;
    };
    ledger.remembered.insert_transaction(key, record);
    let index = reopen(ledger, key, &closed);
    change(ledger, index, |transaction, _| {
        transaction.instance = None;
        transaction.payment_id = request.payment_id;
        push_reversal(transaction, Some(request), date);
    });
    named(ledger.transactions.get_mut(index), request.id);
    Some(Touched { index, destination, opened: true, gone: false })
}

pub(super) fn decline(
    ledger: &mut Ledger,
    who: ParticipantNumber,
    request: &FollowUp,
    reason: Reason,
    date: BusinessDate,
) {
    remember(ledger, &Remember { who, request, reason, amount: Amount::ZERO, date });
}
