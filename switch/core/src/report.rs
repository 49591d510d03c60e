//! What the ledger says to those who ask: answers, statuses, and the life of a transaction.

use holdfast_protocol::{
    Amount, Answer, ApprovalCode, BusinessDate, Currency, DecidedBy, Extensions, Outcome, ParticipantNumber,
    Reason, RequestId, Sequence, State, TransactionKey, UnixMillis,
};

use crate::effect::Delivery;
use crate::ledger::follow_up_record::FollowUpKind;
use crate::ledger::generation::Found;
use crate::ledger::record::{Closed, Standing};
use crate::ledger::refunds::{Linked, Refunded};
use crate::ledger::state::Ledger;
use crate::transaction::TransactionKind;
use crate::transaction::money::Money;

/// A transaction as far as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    /// Which.
    pub key: TransactionKey,
    /// Where it went; nowhere if it was declined at once.
    pub destination: Option<ParticipantNumber>,
    /// What was asked for; none for a tombstone whose original has not come.
    pub kind: Option<TransactionKind>,
    /// In which currency.
    pub currency: Option<Currency>,
    /// How it stands.
    pub money: Money,
    /// Requested while pending, approved after.
    pub held_for: Amount,
    /// Captured in all.
    pub captured: Amount,
    /// Ended without capture.
    pub released: Amount,
    /// Captured and undone by a reversal.
    pub reversed: Amount,
    /// Captured and given back by refunds that are approved and stand.
    pub refunded: Amount,
    /// What refunds that are not decided yet may give back.
    pub refunding: Amount,
    /// The original that it refunds.
    pub refund_of: Option<RequestId>,
    /// The outcome as decided; none while pending.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: Reason,
    /// Who decided.
    pub decided_by: DecidedBy,
    /// Of the issuer.
    pub approval_code: ApprovalCode,
    /// Its business date.
    pub settlement_date: BusinessDate,
    /// The place of the deciding fact; zero while pending.
    pub sequence: Sequence,
    /// When the switch reverses, while pending.
    pub deadline: Option<UnixMillis>,
    /// When the hold ends, while held.
    pub hold_until: Option<UnixMillis>,
    /// What the destination has not acknowledged.
    pub undelivered: Vec<Delivery>,
}

pub(crate) const fn outcome_of(reason: Reason) -> Outcome {
    if matches!(reason, Reason::None) { Outcome::Approved } else { Outcome::Declined }
}

/// What is remembered of a transaction.
pub(crate) fn transaction(ledger: &Ledger, key: TransactionKey) -> Option<TransactionView> {
    let record = ledger.remembered.transaction(key)?;
    let terms = record.terms();
    let (kind, currency) = (terms.map(|t| t.kind), terms.map(|t| t.currency));
    let refunds = &ledger.remembered.refunds;
    let Refunded { refunded, pending: refunding } = refunds.of(key);
    let refund_of = refunds.original_of(key).map(|original| original.id);
    Some(match record.standing() {
        Standing::Open(index) => {
            let t = ledger.transactions.get(index);
            let pending = t.money == Money::Pending;
            TransactionView {
                key,
                destination: Some(t.destination),
                kind,
                currency,
                money: t.money,
                held_for: t.held_for,
                captured: t.captured,
                released: t.released,
                reversed: t.reversed,
                refunded,
                refunding,
                refund_of,
                outcome: (!pending).then(|| outcome_of(t.reason)),
                reason: t.reason,
                decided_by: t.decided_by,
                approval_code: t.approval_code,
                settlement_date: t.settlement_date,
                sequence: Sequence(t.sequence),
                deadline: pending.then_some(t.deadline),
                hold_until: (t.money == Money::Held).then_some(t.hold_until),
                undelivered: t.deliveries.clone(),
            }
        }
        Standing::Closed(t) => {
            let view = closed(key, &t, ledger.remembered.refunds.linked(key));
            TransactionView { refunding, ..view }
        }
    })
}

/// What is left of a closed transaction, wherever it is kept.
pub(crate) fn closed(key: TransactionKey, t: &Closed, linked: Linked) -> TransactionView {
    let released = t.held_for.checked_sub(t.captured).unwrap_or(Amount::ZERO);
    let (refunded, refund_of) = match linked {
        Linked::Alone => (Amount::ZERO, None),
        Linked::Refunded(amount) => (amount, None),
        Linked::RefundOf(original) => (Amount::ZERO, Some(original)),
    };
    TransactionView {
        key,
        destination: t.destination,
        kind: t.terms.map(|terms| terms.kind),
        currency: t.terms.map(|terms| terms.currency),
        money: Money::Closed(t.ending),
        held_for: t.held_for,
        captured: t.captured,
        released,
        reversed: t.reversed(refunded),
        refunded,
        refunding: Amount::ZERO,
        refund_of,
        outcome: Some(outcome_of(t.reason)),
        reason: t.reason,
        decided_by: t.decided_by,
        approval_code: t.approval_code,
        settlement_date: t.settlement_date,
        sequence: Sequence(t.sequence),
        deadline: None,
        hold_until: None,
        undelivered: Vec::new(),
    }
}

/// Where a transaction went.
pub(crate) fn destination(ledger: &Ledger, key: TransactionKey) -> Option<ParticipantNumber> {
    match ledger.remembered.transaction(key)?.standing() {
        Standing::Open(index) => Some(ledger.transactions.get(index).destination),
        Standing::Closed(closed) => closed.destination,
    }
}

/// The answer to an authorize: its outcome, which never changes, and its state now (rule 13). None while pending.
pub(crate) fn answer(ledger: &Ledger, key: TransactionKey) -> Option<Answer> {
    let (money, captured, reason, decided_by, held_for, approval_code, date, sequence) =
        match ledger.remembered.transaction(key)?.standing() {
            Standing::Open(index) => {
                let t = ledger.transactions.get(index);
                if t.money == Money::Pending {
                    return None;
                }
                let date = t.settlement_date;
                (t.money, t.captured, t.reason, t.decided_by, t.held_for, t.approval_code, date, t.sequence)
            }
            Standing::Closed(t) => {
                let (money, date) = (Money::Closed(t.ending), t.settlement_date);
                (money, t.captured, t.reason, t.decided_by, t.held_for, t.approval_code, date, t.sequence)
            }
        };
    let outcome = outcome_of(reason);
    Some(Answer {
        id: key.id,
        originator: None,
        outcome,
        state: money.state(captured),
        reason,
        decided_by,
        amount: if outcome == Outcome::Approved { held_for } else { Amount::ZERO },
        approval_code,
        settlement_date: Some(date),
        partition: ledger.partition,
        epoch: ledger.epoch_of(sequence),
        sequence: Sequence(sequence),
        retry_after_ms: 0,
        extensions: ledger.extensions(key),
    })
}

/// How the transaction of a capture, release or reversal stands now.
pub(crate) fn follow_up_state(
    original: Option<&TransactionView>,
    kind: FollowUpKind,
    reason: Reason,
) -> State {
    match original {
        Some(original) => original.money.state(original.captured),
        // The original is forgotten; what this request did to it still stands.
        None if reason != Reason::None => State::None,
        None => match kind {
            FollowUpKind::Capture => State::Captured,
            FollowUpKind::Release => State::Released,
            FollowUpKind::Reverse => State::Reversed,
        },
    }
}

/// The answer to a capture, release or reversal, where it is remembered.
pub(crate) fn follow_up_answer(ledger: &Ledger, who: ParticipantNumber, id: RequestId) -> Option<Answer> {
    let Found::FollowUp(record) = ledger.remembered.find(who, id)? else { return None };
    let original = transaction(ledger, TransactionKey { originator: who, id: record.original() });
    let reason = record.reason();
    let state = follow_up_state(original.as_ref(), record.kind(), reason);
    Some(Answer {
        id,
        originator: None,
        outcome: outcome_of(reason),
        state,
        reason,
        decided_by: DecidedBy::Switch,
        amount: record.amount(),
        approval_code: ApprovalCode::NONE,
        settlement_date: Some(record.settlement_date()),
        partition: ledger.partition,
        epoch: ledger.epoch_of(record.sequence()),
        sequence: Sequence(record.sequence()),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    })
}
