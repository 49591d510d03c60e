//! A destination answers a forward.
//!
//! Only the destination of the transaction is heard, and only the first answer decides (I6). What comes after the end
//! moves no money; where it shows that the destination may hold some, a reversal goes out (rules 7 and 8).

use holdfast_protocol::{
    Amount, Answer, DecidedBy, Extensions, Outcome, Reason, ReasonClass, TransactionKey,
};

use super::Desk;
use crate::fact::Fact;
use crate::input::From;
use crate::ledger::record::Standing;
use crate::ledger::state::Transaction;
use crate::transaction::money::{Ending, Money};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Answer) {
    let Some(originator) = m.originator else {
        desk.counters.answers_unexpected += 1;
        return;
    };
    let key = TransactionKey { originator, id: m.id };
    let Some(record) = desk.ledger.remembered.transaction(key) else {
        desk.counters.answers_unexpected += 1;
        return;
    };
    match record.standing() {
        Standing::Open(index) => {
            let transaction = desk.ledger.transactions.get(index);
            if transaction.destination != from.participant || !may_answer(desk, from, transaction) {
                desk.counters.answers_unexpected += 1;
                return;
            }
            if transaction.money == Money::Pending {
                let fact = first_answer(desk, transaction, m);
                desk.fact(fact);
                return;
            }
            let Money::Closed(ending) = transaction.money else {
                late(desk, key, m, true, transaction.late_noted, None);
                return;
            };
            let approved = transaction.reason == Reason::None;
            late(desk, key, m, approved, transaction.late_noted, Some((ending, transaction.decided_by)));
        }
        Standing::Closed(closed) => {
            if closed.destination != Some(from.participant) {
                desk.counters.answers_unexpected += 1;
                return;
            }
            let approved = closed.reason == Reason::None;
            late(desk, key, m, approved, closed.late_noted, Some((closed.ending, closed.decided_by)));
        }
    }
}

/// Without shared deduplication only the instance that got the forward can know it.
fn may_answer(desk: &Desk<'_>, from: From, transaction: &Transaction) -> bool {
    let shared = desk
        .view
        .receivers(from.participant)
        .any(|link| link.session == from.session && link.shared_deduplication);
    shared || transaction.instance == Some(from.instance)
}

fn first_answer(desk: &mut Desk<'_>, transaction: &Transaction, m: &Answer) -> Fact {
    let key = transaction.key;
    let extensions = passed_on(desk, m);
    let by_switch = |reason| Fact::Declined {
        key,
        reason,
        decided_by: DecidedBy::Switch,
        reversal: true,
        extensions: Extensions::NONE,
    };
    match m.outcome {
        Outcome::Approved if m.amount > transaction.held_for => by_switch(Reason::ApprovalAboveAmount),
        Outcome::Approved if m.amount < transaction.held_for && !transaction.partial_allowed => {
            by_switch(Reason::PartialNotAllowed)
        }
        // Nothing approved in full is no approval.
        Outcome::Approved if m.amount == Amount::ZERO => by_switch(Reason::PartialNotAllowed),
        Outcome::Approved => {
            Fact::Approved { key, amount: m.amount, approval_code: m.approval_code, extensions }
        }
        Outcome::Declined => match m.reason.class() {
            // A technical failure leaves the outcome in doubt: reverse.
            ReasonClass::DestinationDeclined => Fact::Declined {
                key,
                reason: m.reason,
                decided_by: DecidedBy::Destination,
                reversal: m.reason == Reason::DestinationFailed,
                extensions,
            },
            ReasonClass::None | ReasonClass::SwitchDeclined | ReasonClass::Refused | ReasonClass::Link => {
                Fact::Declined {
                    key,
                    reason: Reason::DoNotHonour,
                    decided_by: DecidedBy::Destination,
                    reversal: false,
                    extensions,
                }
            }
        },
        // It says nothing about other copies of the forward, so the outcome is in doubt.
        Outcome::Refused => by_switch(Reason::DestinationRefused),
    }
}

/// The answer's extensions, as long as there is room to remember them: a repeat gets the same answer (I2).
fn passed_on(desk: &Desk<'_>, m: &Answer) -> Extensions {
    let bytes = desk.ledger.remembered.extension_bytes() + m.extensions.len();
    if bytes <= desk.settings.answer_extension_bytes_max { m.extensions.clone() } else { Extensions::NONE }
}

/// An answer after the end. The same answer again says nothing; a late approval finds its reversal on the way already,
/// unless the destination had declined: then it contradicts itself and must hear a reversal.
fn late(
    desk: &mut Desk<'_>,
    key: TransactionKey,
    m: &Answer,
    was_approved: bool,
    noted: bool,
    end: Option<(Ending, DecidedBy)>,
) {
    let approves = m.outcome == Outcome::Approved;
    if approves == was_approved {
        desk.counters.answers_repeated += 1;
        return;
    }
    if approves {
        desk.counters.approvals_late += 1;
    } else {
        desk.counters.declines_late += 1;
    }
    let declined_by_destination = matches!(end, Some((Ending::Declined, DecidedBy::Destination)));
    if !noted {
        desk.fact(Fact::LateAnswer {
            key,
            approved: approves,
            reversal: approves && declined_by_destination,
        });
    }
}
