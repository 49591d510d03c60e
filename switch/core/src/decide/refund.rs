//! Captured money is given back: a new transaction that refers to a captured one, with a debtor, a date and an outcome of
//! its own (rules 15 and 28).
//!
//! It goes where its original went, not where a payment ID leads, and is answered as a pay is: what its destination says,
//! its deadline and its reversal are those of any transaction. Captured − reversed − refunded bounds it, where a pending
//! refund counts as refunded. It may take its debtor above the cap (I9).

use holdfast_protocol::{Amount, Instance, ParticipantNumber, Reason, Refund, TransactionKey, UnixMillis};

use super::authorize::{No, repeat_of};
use super::{Desk, new_work, original};
use crate::fact::{Fact, RefundDeclined, RefundReserved};
use crate::input::From;
use crate::ledger::content::{Content, REFUND_FIELDS};
use crate::ledger::generation::Found;
use crate::ledger::record::{Standing, TransactionRecord};
use crate::registry::{Debtor, ParticipantStatus};
use crate::schedule::recalls::Asked;
use crate::transaction::TransactionKind;
use crate::transaction::money::{Event, Money, Step, next};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Refund) {
    if is_known(desk, from, m) {
        return;
    }
    if let Err(reason) = may_be_recorded(desk, from, m) {
        desk.refuse(from, m.id, m.id, reason);
        return;
    }
    // Rule 11: its reversal came first, so nothing is looked up for it.
    let original = TransactionKey { originator: from.participant, id: m.original };
    let is_elsewhere = matches!(original::find(desk, original), original::Original::Recall);
    if is_elsewhere && !has_tombstone(desk, from, m) {
        let arrived = desk.now;
        original::look_up(desk, from, original, Asked::Refund(m.clone(), arrived), (m.id, m.id));
        return;
    }
    looked_up(desk, from, m, desk.now);
}

/// Answers a repeat, and refuses what reuses an id; says whether the id was known.
pub(super) fn is_known(desk: &mut Desk<'_>, from: From, m: &Refund) -> bool {
    match desk.ledger.remembered.find(from.participant, m.id) {
        Some(Found::Transaction(record)) => match record.terms() {
            Some(terms) if terms.kind == TransactionKind::Refund => match differing(record, m) {
                Some(reason) => desk.refuse(from, m.id, m.id, reason),
                None => repeat_of(desk, from, m.id, record),
            },
            Some(_) => desk.refuse(from, m.id, m.id, Reason::IdReusedOtherMessage),
            // A tombstone: the refund itself has not come before.
            None => return false,
        },
        Some(Found::FollowUp(_)) => desk.refuse(from, m.id, m.id, Reason::IdReusedOtherMessage),
        None => return false,
    }
    true
}

/// The field in which a repeat differs from the first.
fn differing(record: &TransactionRecord, m: &Refund) -> Option<Reason> {
    let content = Content::of_refund(m);
    if content.digest == record.digest() {
        return None;
    }
    let field = content.differing(record.fields()).and_then(|at| REFUND_FIELDS.get(at).copied());
    Some(field.unwrap_or(Reason::IdReusedOtherContent))
}

/// A refund is new work: what cannot be recorded is refused (rule 5).
pub(super) fn may_be_recorded(desk: &Desk<'_>, from: From, m: &Refund) -> Result<(), Reason> {
    let status = new_work::may_send(desk, from, m.id, m.expires)?;
    // One id has one outcome (I2): that of the original cannot be its own.
    if m.id == m.original {
        return Err(Reason::IdReusedOtherMessage);
    }
    if m.original.created() > desk.now.plus(desk.settings.skew_max_ms) {
        return Err(Reason::IdFromTheFuture);
    }
    new_work::is_taken(desk, status)
}

fn has_tombstone(desk: &Desk<'_>, from: From, m: &Refund) -> bool {
    desk.ledger.remembered.find(from.participant, m.id).is_some()
}

/// One whose own id is new, and whose original is in memory or nowhere. It arrived at this time.
pub(super) fn looked_up(desk: &mut Desk<'_>, from: From, m: &Refund, arrived: UnixMillis) {
    match check(desk, from, m, arrived) {
        Ok(reserved) => desk.fact(Fact::RefundReserved(reserved)),
        Err(No::Refuse(reason)) => desk.refuse(from, m.id, m.id, reason),
        Err(No::Decline(reason)) => decline(desk, from, m, reason),
    }
}

/// Declines finally. A journal without room takes no such fact: it finishes nothing.
pub(super) fn decline(desk: &mut Desk<'_>, from: From, m: &Refund, reason: Reason) {
    if desk.view.journal_full {
        desk.refuse(from, m.id, m.id, Reason::JournalFull);
        return;
    }
    desk.fact(Fact::RefundDeclined(RefundDeclined {
        originator: from.participant,
        request: m.clone(),
        reason,
        settlement_date: desk.ledger.date(),
    }));
}

/// What a refund needs to know of its original.
struct Given {
    destination: ParticipantNumber,
    instance: Option<Instance>,
    debtor: Debtor,
}

fn check(desk: &Desk<'_>, from: From, m: &Refund, arrived: UnixMillis) -> Result<RefundReserved, No> {
    if has_tombstone(desk, from, m) {
        return Err(No::Decline(Reason::ReversedBeforeArrival));
    }
    // Another participant's transaction has another key: nobody refunds for somebody else.
    let key = TransactionKey { originator: from.participant, id: m.original };
    let given = match original::find(desk, key) {
        original::Original::Transaction(record) => check_original(desk, key, m, record)?,
        original::Original::FollowUp(_) | original::Original::Unknown | original::Original::Recall => {
            return Err(No::Decline(Reason::OriginalUnknown));
        }
    };
    if desk.schedule.reversals.are_waiting(key) {
        return Err(No::Refuse(Reason::ReversalWaiting));
    }
    let Given { destination, instance, debtor } = given;
    let accepts = desk.ledger.participants.get(destination).filter(|p| p.status == ParticipantStatus::Active);
    let receiver = accepts.ok_or(No::Decline(Reason::DestinationNotAccepting))?;
    let deadline = new_work::deadline(desk, arrived, m.budget_ms, m.expires);
    let deadline = deadline.ok_or(No::Decline(Reason::BudgetTooShort))?;
    let sender = desk.ledger.participants.known(from.participant);
    if !sender.agrees(m.currency) || !receiver.agrees(m.currency) {
        return Err(No::Decline(Reason::CurrencyNotAgreed));
    }
    // Without shared deduplication only the instance that got the original knows it.
    let knows = |link: &crate::view::LiveSession| link.takes_deliveries_of(instance);
    let link = new_work::link(desk, destination, receiver, knows)?;
    Ok(RefundReserved {
        originator: from.participant,
        request: m.clone(),
        destination,
        instance: link.instance,
        debtor,
        settlement_date: desk.ledger.date(),
        deadline,
    })
}

/// Whether the original can bear the refund (rule 15).
fn check_original(
    desk: &Desk<'_>,
    key: TransactionKey,
    m: &Refund,
    record: &TransactionRecord,
) -> Result<Given, No> {
    let terms = record.terms().ok_or(No::Decline(Reason::OriginalReversed))?;
    match terms.kind {
        TransactionKind::Pay | TransactionKind::Reserve => {}
        TransactionKind::Verify | TransactionKind::Refund => return Err(No::Decline(Reason::NotRefundable)),
    }
    let (money, captured, destination, instance) = match record.standing() {
        Standing::Open(index) => {
            let t = desk.ledger.transactions.get(index);
            (t.money, t.captured, Some(t.destination), t.instance)
        }
        Standing::Closed(t) => (Money::Closed(t.ending), t.captured, t.destination, Some(t.instance)),
    };
    if let Step::Refuse(reason) = next(money, Event::Refund) {
        return Err(No::Decline(reason));
    }
    if captured == Amount::ZERO {
        return Err(No::Decline(Reason::NothingCaptured));
    }
    if terms.currency != m.currency {
        return Err(No::Decline(Reason::CurrencyDiffers));
    }
    let refunded = desk.ledger.remembered.refunds.of(key).in_all();
    let left = captured.checked_sub(refunded).unwrap_or(Amount::ZERO);
    if m.amount > left {
        return Err(No::Decline(Reason::RefundAboveCaptured));
    }
    Ok(Given {
        destination: destination.expect("what was captured was forwarded"),
        instance,
        debtor: terms.debtor.opposite(),
    })
}
