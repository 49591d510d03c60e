//! Refunds: facts that reserve or decline one, and what the end of one means for its original (rule 15).

use holdfast_protocol::{
    Amount, ApprovalCode, DecidedBy, RequestId, SecurityLevel, TransactionKey, UnixMillis,
};

use super::apply::{Touched, decline_new};
use super::content::Content;
use super::movement::open;
use super::record::{Standing, Terms, TransactionRecord};
use super::refunds::Linked;
use super::remembered::second_of;
use super::state::{Ledger, Transaction};
use crate::fact::{RefundDeclined, RefundReserved};
use crate::registry::Debtor;
use crate::transaction::TransactionKind;
use crate::transaction::money::{Ending, Money};

fn terms(currency: holdfast_protocol::Currency, debtor: Debtor) -> Terms {
    Terms { kind: TransactionKind::Refund, debtor, security_level: SecurityLevel::One, channel: 0, currency }
}

pub(super) fn reserve(ledger: &mut Ledger, fact: &RefundReserved) -> Touched {
    let request = &fact.request;
    let key = TransactionKey { originator: fact.originator, id: request.id };
    let original = TransactionKey { originator: fact.originator, id: request.original };
    let terms = terms(request.currency, fact.debtor);
    ledger.remembered.refunds.begin(key, request);
    let transaction = Transaction {
        key,
        destination: fact.destination,
        instance: Some(fact.instance),
        terms: Some(terms),
        captures_many: false,
        partial_allowed: false,
        money: Money::Pending,
        held_for: request.amount,
        captured: Amount::ZERO,
        released: Amount::ZERO,
        reversed: Amount::ZERO,
        deadline: fact.deadline,
        hold_until: UnixMillis::default(),
        settlement_date: fact.settlement_date,
        approval_code: ApprovalCode::NONE,
        reason: holdfast_protocol::Reason::None,
        decided_by: DecidedBy::Switch,
        sequence: 0,
        // The destination knows it by its id.
        payment_id: ledger.routes.any_payment_id(fact.destination),
        content: None,
        deliveries: Vec::new(),
        deliveries_made: 0,
        late_noted: false,
        latest_second: alone_until(request.id),
    };
    let index = open(ledger, transaction);
    let content = Content::of_refund(request);
    let record = TransactionRecord::open(fact.originator, request.id, content, Some(terms), index);
    ledger.remembered.insert_transaction(key, record);
    keep_original(ledger, original, request.id);
    Touched { index, destination: fact.destination, opened: true, gone: false }
}

pub(super) fn decline(ledger: &mut Ledger, fact: &RefundDeclined) {
    let request = &fact.request;
    let key = TransactionKey { originator: fact.originator, id: request.id };
    let (content, terms) = (Content::of_refund(request), terms(request.currency, Debtor::Outside));
    decline_new(ledger, key, content, terms, fact.reason, fact.settlement_date);
}

/// What is linked leaves memory alone and not with its second, so that the link leaves with it.
pub(super) fn alone_until(id: RequestId) -> u64 {
    second_of(id) + 1
}

/// Whether a transaction is a refund or has any. One that nothing named later than within its own second is neither.
pub(super) fn is_linked(ledger: &Ledger, transaction: &Transaction) -> bool {
    let own = second_of(transaction.key.id);
    let named = transaction.latest_second > own || transaction.deliveries_made > 0;
    named && ledger.remembered.refunds.linked(transaction.key) != Linked::Alone
}

/// An original stays at least as long as a refund that names it.
fn keep_original(ledger: &mut Ledger, original: TransactionKey, refund: RequestId) {
    let until = second_of(refund).max(alone_until(original.id));
    match ledger.remembered.transaction(original).map(TransactionRecord::standing) {
        Some(Standing::Open(index)) => {
            let transaction = ledger.transactions.get_mut(index);
            transaction.latest_second = transaction.latest_second.max(until);
        }
        Some(Standing::Closed(_)) => ledger.remembered.closed(original, until),
        None => {}
    }
}

/// A pending refund is decided. Its original may leave memory again.
pub(super) fn decided(ledger: &mut Ledger, key: TransactionKey, amount: Amount, approved: bool) {
    ledger.remembered.refunds.decided(key, amount, approved);
    if let Some(original) = ledger.remembered.refunds.original_of(key) {
        keep_original(ledger, original, key.id);
    }
}

/// An approved refund was reversed: what it had given back counts as captured again. Where its original was reversed as a
/// whole meanwhile, that reversal takes it, for it leaves nothing captured: so it is said beforehand by
/// [`original_is_reversed`].
pub(super) fn undone(ledger: &mut Ledger, key: TransactionKey, amount: Amount) {
    ledger.remembered.refunds.undone(key, amount);
    let original = ledger.remembered.refunds.original_of(key);
    let record = original.and_then(|original| ledger.remembered.transaction(original));
    if let Some(Standing::Open(index)) = record.map(TransactionRecord::standing) {
        let transaction = ledger.transactions.get_mut(index);
        if transaction.money == Money::Closed(Ending::Reversed) {
            transaction.reversed = transaction
                .reversed
                .checked_add(amount)
                .expect("rule 15: reversed and refunded never exceed what was captured");
        }
    }
}

/// Whether the original of a refund was reversed as a whole.
pub(super) fn original_is_reversed(ledger: &Ledger, refund: TransactionKey) -> bool {
    let original = ledger.remembered.refunds.original_of(refund);
    let record = original.and_then(|original| ledger.remembered.transaction(original));
    match record.map(TransactionRecord::standing) {
        Some(Standing::Open(index)) => {
            ledger.transactions.get(index).money == Money::Closed(Ending::Reversed)
        }
        Some(Standing::Closed(closed)) => closed.ending == Ending::Reversed,
        None => false,
    }
}
