//! Turns facts into state. It never fails and never decides (I7): recovery and replicas call it too.

use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, BusinessDate, DecidedBy, DeliveryNumber, Extensions, ParticipantNumber,
    Reason, Reverse, TransactionKey, UnixMillis,
};

use super::apply_follow_up as follow_up;
use super::apply_refund as refund;
use super::content::Content;
use super::movement::{change, open};
use super::record::{Closed, Standing, Terms, TransactionRecord};
use super::remembered::second_of;
use super::state::{Ledger, Transaction};
use crate::effect::Delivery;
use crate::fact::{DeclinedAtOnce, Fact, Reserved};
use crate::registry::Debtor;
use crate::transaction::TransactionKind;
use crate::transaction::money::{Ending, Money};

/// Which open transaction a fact changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) index: u32,
    pub(crate) destination: ParticipantNumber,
    /// It is in the slab since this fact: its number may have been another's.
    pub(crate) opened: bool,
    /// It is closed and delivered, and its number is free again.
    pub(crate) gone: bool,
}

pub(super) const RECORDED: &str = "a fact about a transaction follows the fact that recorded it";

/// Applies one fact.
pub(crate) fn apply(ledger: &mut Ledger, fact: &Fact) -> Option<Touched> {
    ledger.sequence += 1;
    match fact {
        Fact::ParticipantConfigured(record) => ledger.participants.configure(record),
        Fact::ParticipantRemoved(number) => ledger.participants.remove(*number),
        Fact::ParticipantStatusSet(number, status) => ledger.participants.set_status(*number, *status),
        Fact::RoutesConfigured(routes) => ledger.routes.replace(routes),
        Fact::CutOver(date) => {
            assert!(ledger.business_date.is_none_or(|now| now < *date), "rule 26: the date only moves on");
            ledger.business_date = Some(*date);
            ledger.days.entry(*date).or_insert(0);
        }
        Fact::DayClosed(date) => {
            let pending = ledger.days.remove(date);
            assert_eq!(pending, Some(0), "rule 27: a closed day has nothing pending");
        }
        Fact::Founded { partition, partitions } => {
            (ledger.partition, ledger.partitions) = (*partition, *partitions);
        }
        Fact::LeaseGiven { debtor, currency, to, total } => {
            ledger.leases.given((*debtor, *currency), *to, *total);
        }
        Fact::LeaseTaken { debtor, currency, from, total } => {
            ledger.leases.taken((*debtor, *currency), *from, *total);
        }
        Fact::Forgotten(second) => ledger.remembered.forget(*second),
        Fact::Reserved(reserved) => return Some(reserve(ledger, reserved)),
        Fact::DeclinedAtOnce(declined) => decline_at_once(ledger, declined),
        Fact::Approved { key, amount, approval_code, extensions } => {
            return Some(approve(ledger, *key, *amount, *approval_code, extensions));
        }
        Fact::Declined { key, reason, decided_by, reversal, extensions } => {
            return Some(decline(ledger, *key, *reason, *decided_by, *reversal, extensions));
        }
        Fact::LateAnswer { key, approved: _, reversal } => return note_late_answer(ledger, *key, *reversal),
        Fact::Captured { originator, request, settlement_date } => {
            return Some(follow_up::capture(ledger, *originator, request, *settlement_date));
        }
        Fact::Released { originator, request, settlement_date } => {
            return Some(follow_up::release(ledger, *originator, request, *settlement_date));
        }
        Fact::Expired(key) => return Some(follow_up::expire(ledger, *key)),
        Fact::Reversed { originator, request, settlement_date, superseded_from } => {
            return follow_up::reverse(ledger, *originator, request, *settlement_date, *superseded_from);
        }
        Fact::Tombstoned { originator, request, destination, settlement_date } => {
            return follow_up::tombstone(ledger, *originator, request, *destination, *settlement_date);
        }
        Fact::FollowUpDeclined { originator, request, reason, settlement_date } => {
            follow_up::decline(ledger, *originator, request, *reason, *settlement_date);
        }
        Fact::Recalled { entry, until } => follow_up::recall(ledger, entry, *until),
        Fact::RefundReserved(reserved) => return Some(refund::reserve(ledger, reserved)),
        Fact::RefundDeclined(declined) => refund::decline(ledger, declined),
        Fact::Acknowledged { key, delivery } => return acknowledge(ledger, *key, *delivery),
    }
    None
}

pub(super) fn terms_of(request: &Authorize, debtor: Debtor) -> Terms {
    Terms {
        kind: request.kind.into(),
        debtor,
        security_level: request.security_level,
        channel: request.channel as u8,
        currency: request.currency,
    }
}

fn reserve(ledger: &mut Ledger, fact: &Reserved) -> Touched {
    let request = &fact.request;
    let key = TransactionKey { originator: fact.originator, id: request.id };
    let terms = terms_of(request, fact.debtor);
    let content = ledger.contents.insert(request.clone());
    ledger.participants.known_mut(fact.originator).usages.count(
        request.security_level,
        request.currency,
        fact.settlement_date,
        request.amount,
    );
    let index = open(
        ledger,
        Transaction {
            key,
            destination: fact.destination,
            instance: Some(fact.instance),
            terms: Some(terms),
            captures_many: request.captures_many,
            partial_allowed: request.partial_allowed,
            money: Money::Pending,
            held_for: request.amount,
            captured: Amount::ZERO,
            released: Amount::ZERO,
            reversed: Amount::ZERO,
            deadline: fact.deadline,
            hold_until: request.hold_until,
            settlement_date: fact.settlement_date,
            approval_code: ApprovalCode::NONE,
            reason: Reason::None,
            decided_by: DecidedBy::Switch,
            sequence: 0,
            payment_id: request.payment_id,
            content: Some(content),
            deliveries: Vec::new(),
            deliveries_made: 0,
            late_noted: false,
            latest_second: second_of(request.id),
        },
    );
    let record = TransactionRecord::open(
        fact.originator,
        request.id,
        Content::of_authorize(request),
        Some(terms),
        index,
    );
    ledger.remembered.insert_transaction(key, record);
    Touched { index, destination: fact.destination, opened: true, gone: false }
}

fn decline_at_once(ledger: &mut Ledger, fact: &DeclinedAtOnce) {
    let request = &fact.request;
    let key = TransactionKey { originator: fact.originator, id: request.id };
    let (content, terms) = (Content::of_authorize(request), terms_of(request, Debtor::Outside));
    decline_new(ledger, key, content, terms, fact.reason, fact.settlement_date);
}

/// A request that would have opened a transaction is declined.
pub(super) fn decline_new(
    ledger: &mut Ledger,
    key: TransactionKey,
    content: Content,
    terms: Terms,
    reason: Reason,
    settlement_date: BusinessDate,
) {
    let sequence = ledger.sequence;
    // Rule 11: the original of a tombstone came after all.
    let tombstone = ledger.remembered.change(key, |record| {
        record.arrive(content, terms);
        let standing = record.standing();
        if let Standing::Closed(closed) = standing {
            record.close(&Closed { reason, sequence, ..closed });
        }
        standing
    });
    match tombstone {
        Some(Standing::Open(index)) => {
            change(ledger, index, |transaction, _| {
                transaction.terms = Some(terms);
                transaction.reason = reason;
                transaction.sequence = sequence;
            });
        }
        Some(Standing::Closed(_)) => {}
        None => {
            let closed = Closed {
                terms: Some(terms),
                ending: Ending::Declined,
                reason,
                decided_by: DecidedBy::Switch,
                destination: None,
                instance: holdfast_protocol::Instance(0),
                held_for: Amount::ZERO,
                captured: Amount::ZERO,
                approval_code: ApprovalCode::NONE,
                settlement_date,
                sequence,
                deliveries_made: 0,
                late_noted: false,
            };
            let record = TransactionRecord::closed(key.originator, key.id, content, &closed);
            ledger.remembered.insert_transaction(key, record);
        }
    }
}

pub(super) fn open_index(ledger: &Ledger, key: TransactionKey) -> u32 {
    ledger.remembered.transaction(key).and_then(TransactionRecord::index).expect(RECORDED)
}

fn approve(
    ledger: &mut Ledger,
    key: TransactionKey,
    amount: Amount,
    approval_code: ApprovalCode,
    extensions: &Extensions,
) -> Touched {
    let index = open_index(ledger, key);
    let sequence = ledger.sequence;
    let (content, kind) = change(ledger, index, |transaction, legs| {
        assert_eq!(transaction.money, Money::Pending, "I6: one answer decides");
        let less = transaction.held_for.checked_sub(amount).expect("rule 17: never above what was asked");
        // Rule 17: from the approval on only the approved amount is held.
        legs.release(transaction, less);
        transaction.held_for = amount;
        transaction.released = Amount::ZERO;
        transaction.approval_code = approval_code;
        transaction.decided_by = DecidedBy::Destination;
        transaction.sequence = sequence;
        let kind = transaction.terms.map(|terms| terms.kind);
        if kind.is_some_and(TransactionKind::is_captured_by_approval) {
            legs.capture(transaction, amount);
            transaction.money = Money::Closed(Ending::Captured);
        } else {
            transaction.money = Money::Held;
        }
        (transaction.content.take(), kind)
    });
    drop_content(ledger, content);
    if kind == Some(TransactionKind::Refund) {
        refund::decided(ledger, key, amount, true);
    }
    ledger.remembered.keep_extensions(key.originator, key.id, extensions);
    close_if_done(ledger, index)
}

fn drop_content(ledger: &mut Ledger, content: Option<u32>) {
    if let Some(content) = content {
        ledger.contents.remove(content);
    }
}

fn decline(
    ledger: &mut Ledger,
    key: TransactionKey,
    reason: Reason,
    decided_by: DecidedBy,
    reversal: bool,
    extensions: &Extensions,
) -> Touched {
    let index = open_index(ledger, key);
    let (sequence, date) = (ledger.sequence, ledger.date());
    end_pending(ledger, index, |transaction| {
        transaction.reason = reason;
        transaction.decided_by = decided_by;
        transaction.sequence = sequence;
        let timed_out = reason == Reason::DestinationTimedOut;
        transaction.money = Money::Closed(if timed_out { Ending::TimedOut } else { Ending::Declined });
        if reversal {
            push_reversal(transaction, None, date);
        }
    });
    ledger.remembered.keep_extensions(key.originator, key.id, extensions);
    close_if_done(ledger, index)
}

/// Ends what is pending without approval: nothing of it stays held.
pub(super) fn end_pending(ledger: &mut Ledger, index: u32, end: impl FnOnce(&mut Transaction)) {
    let (content, refund) = change(ledger, index, |transaction, legs| {
        assert_eq!(transaction.money, Money::Pending, "I6: one outcome");
        let amount = transaction.open_amount();
        legs.release(transaction, amount);
        end(transaction);
        let refund = transaction.is_refund().then_some((transaction.key, amount));
        (transaction.content.take(), refund)
    });
    drop_content(ledger, content);
    if let Some((key, amount)) = refund {
        refund::decided(ledger, key, amount, false);
    }
}

/// Puts a delivery at the end of the queue.
pub(super) fn push_delivery(transaction: &mut Transaction, delivery: Delivery) {
    transaction.deliveries_made += 1;
    assert!(transaction.deliveries_made < 64, "I8: the deliveries of a transaction have a limit");
    transaction.deliveries.push(delivery);
}

/// Queues a reversal; one that the originator asked for carries its id and reason, another the reason of the decline.
pub(super) fn push_reversal(transaction: &mut Transaction, request: Option<&Reverse>, date: BusinessDate) {
    let reversal = Reverse {
        id: request.map_or(transaction.key.id, |r| r.id),
        original: transaction.key.id,
        originator: Some(transaction.key.originator),
        payment_id: transaction.payment_id,
        reason: request.map_or_else(|| transaction.reason.number(), |r| r.reason),
        // A delivery does not expire: it is sent until it is acknowledged (rule 7).
        expires: UnixMillis::MAX,
        delivery: Some(transaction.next_delivery()),
        settlement_date: Some(date),
        repeat: false,
        attempt: 1,
        extensions: request.map_or(Extensions::NONE, |r| r.extensions.clone()),
    };
    push_delivery(transaction, Delivery::Reverse(reversal));
}

fn note_late_answer(ledger: &mut Ledger, key: TransactionKey, reversal: bool) -> Option<Touched> {
    let standing = ledger.remembered.transaction(key).expect(RECORDED).standing();
    let (index, opened) = match standing {
        Standing::Open(index) => (index, false),
        Standing::Closed(closed) if reversal => (follow_up::reopen(ledger, key, &closed), true),
        Standing::Closed(closed) => {
            let noted = Closed { late_noted: true, ..closed };
            ledger.remembered.change(key, |record| record.close(&noted)).expect(RECORDED);
            return None;
        }
    };
    let date = ledger.date();
    change(ledger, index, |transaction, _| {
        transaction.late_noted = true;
        if reversal {
            push_reversal(transaction, None, date);
        }
    });
    Some(Touched { opened, ..close_if_done(ledger, index) })
}

fn acknowledge(ledger: &mut Ledger, key: TransactionKey, delivery: DeliveryNumber) -> Option<Touched> {
    let index = open_index(ledger, key);
    change(ledger, index, |transaction, _| {
        let first = transaction.deliveries.first().map(Delivery::number);
        assert_eq!(first, Some(delivery), "deliveries are acknowledged in order");
        transaction.deliveries.remove(0);
    });
    Some(close_if_done(ledger, index))
}

/// Frees the transaction once it is closed and delivered; the record keeps what is left.
pub(super) fn close_if_done(ledger: &mut Ledger, index: u32) -> Touched {
    let transaction = ledger.transactions.get(index);
    let destination = transaction.destination;
    let Money::Closed(ending) = transaction.money else {
        return Touched { index, destination, opened: false, gone: false };
    };
    if !transaction.deliveries.is_empty() {
        return Touched { index, destination, opened: false, gone: false };
    }
    assert!(transaction.open_amount().is_zero(), "I5: a closed transaction holds nothing");
    let (key, own) = (transaction.key, second_of(transaction.key.id));
    let closed = Closed {
        terms: transaction.terms,
        ending,
        reason: transaction.reason,
        decided_by: transaction.decided_by,
        destination: Some(destination),
        instance: transaction.instance.unwrap_or(holdfast_protocol::Instance(0)),
        held_for: transaction.held_for,
        captured: transaction.captured,
        approval_code: transaction.approval_code,
        settlement_date: transaction.settlement_date,
        sequence: transaction.sequence,
        deliveries_made: transaction.deliveries_made,
        late_noted: transaction.late_noted,
    };
    // Rule 13: a repeat of a request that names it says how it stands. Where all that was done to it was to capture, that
    // is said without it, too: by far the most go with their own second.
    let said_without = ending == Ending::Captured && own > ledger.remembered.forgotten_through();
    let second = if refund::is_linked(ledger, transaction) {
        transaction.latest_second.max(refund::alone_until(key.id))
    } else if said_without {
        own
    } else {
        transaction.latest_second
    };
    ledger.transactions.remove(index);
    ledger.remembered.change(key, |record| record.close(&closed)).expect(RECORDED);
    ledger.remembered.closed(key, second);
    Touched { index, destination, opened: false, gone: true }
}
