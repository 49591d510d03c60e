//! A payment, reservation or verification is asked for.
//!
//! First whether its id is known (I2): a repeat gets the outcome of the first, or waits with it, and nothing is forwarded
//! twice as new (rule 4). Then what cannot be recorded is refused, and what can is declined for ever or reserved.

use holdfast_protocol::{Authorize, Kind, Reason, RequestId, Total, TransactionKey};

use super::{Desk, lease, new_work};
use crate::effect::Effect;
use crate::fact::{DeclinedAtOnce, Fact, Reserved};
use crate::input::From;
use crate::ledger::content::{AUTHORIZE_FIELDS, Content};
use crate::ledger::generation::Found;
use crate::ledger::record::TransactionRecord;
use crate::registry::{Debtor, ParticipantStatus};
use crate::report;
use crate::transaction::TransactionKind;

/// Why nothing is reserved.
pub(super) enum No {
    /// Nothing is recorded.
    Refuse(Reason),
    /// Recorded and final.
    Decline(Reason),
}

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Authorize) {
    match desk.ledger.remembered.find(from.participant, m.id) {
        Some(Found::Transaction(record)) if record.terms().is_some() => repeat(desk, from, m, record),
        // Rule 11: its reversal came first.
        Some(Found::Transaction(_)) => new(desk, from, m, true),
        Some(Found::FollowUp(_)) => desk.refuse(from, m.id, m.id, Reason::IdReusedOtherMessage),
        None => new(desk, from, m, false),
    }
}

/// The field in which a repeat differs from the first.
fn differing(record: &TransactionRecord, m: &Authorize) -> Option<Reason> {
    let content = Content::of_authorize(m);
    if content.digest == record.digest() {
        return None;
    }
    let Some(terms) = record.terms() else { return Some(Reason::IdReusedOtherContent) };
    if terms.kind == TransactionKind::Refund {
        return Some(Reason::IdReusedOtherMessage);
    }
    if terms.kind != m.kind.into() {
        return Some(Reason::IdReusedOtherKind);
    }
    if terms.currency != m.currency {
        return Some(Reason::IdReusedOtherCurrency);
    }
    if (terms.security_level, terms.channel) != (m.security_level, m.channel as u8) {
        return Some(Reason::IdReusedOtherSecurity);
    }
    let field = content.differing(record.fields()).and_then(|at| AUTHORIZE_FIELDS.get(at).copied());
    Some(field.unwrap_or(Reason::IdReusedOtherContent))
}

fn repeat(desk: &mut Desk<'_>, from: From, m: &Authorize, record: &TransactionRecord) {
    if let Some(reason) = differing(record, m) {
        desk.refuse(from, m.id, m.id, reason);
        return;
    }
    repeat_of(desk, from, m.id, record);
}

/// A repeat of a request that opened a transaction: it gets the outcome of the first, or waits with it.
pub(super) fn repeat_of(desk: &mut Desk<'_>, from: From, id: RequestId, record: &TransactionRecord) {
    // It may have left memory and be back, without what came along with its answer; nobody repeats for so long (rule 5).
    let ended = record.index().is_none_or(|index| desk.ledger.transactions.get(index).money.is_closed());
    if ended && desk.ledger.remembered.is_long(id) {
        desk.refuse(from, id, id, Reason::IdTooOld);
        return;
    }
    desk.counters.repeated(from.participant);
    let key = TransactionKey { originator: from.participant, id };
    match report::answer(desk.ledger, key) {
        Some(answer) => {
            desk.out.effects.push(Effect::Answer { to: from.session, original: id, answer });
        }
        None => {
            let index = record.index().expect("what has no outcome yet is open");
            let older = desk.schedule.flight_mut(index).waiter.replace(from.session);
            if let Some(to) = older {
                desk.out.effects.push(Effect::Superseded { to });
            }
        }
    }
}

fn new(desk: &mut Desk<'_>, from: From, m: &Authorize, tombstoned: bool) {
    let originator = from.participant;
    match check(desk, from, m, tombstoned) {
        Ok(reserved) => desk.fact(Fact::Reserved(reserved)),
        Err(No::Refuse(reason)) => desk.refuse(from, m.id, m.id, reason),
        Err(No::Decline(reason)) => {
            let settlement_date = desk.ledger.date();
            let request = m.clone();
            desk.fact(Fact::DeclinedAtOnce(DeclinedAtOnce { originator, request, reason, settlement_date }));
        }
    }
}

fn check(desk: &mut Desk<'_>, from: From, m: &Authorize, tombstoned: bool) -> Result<Reserved, No> {
    may_be_recorded(desk, from, m).map_err(No::Refuse)?;
    if tombstoned {
        return Err(No::Decline(Reason::ReversedBeforeArrival));
    }
    let ledger = desk.ledger;
    let route = ledger.routes.find(m.payment_id).map_err(No::Decline)?;
    let (destination, debtor) = (route.destination, route.debtor(m.kind));
    if destination == from.participant {
        return Err(No::Decline(Reason::DestinationIsOriginator));
    }
    let receiver = ledger.participants.get(destination).ok_or(No::Decline(Reason::MerchantUnknown))?;
    if receiver.status != ParticipantStatus::Active {
        return Err(No::Decline(Reason::DestinationNotAccepting));
    }
    let deadline = new_work::deadline(desk, desk.now, m.budget_ms, m.expires);
    let deadline = deadline.ok_or(No::Decline(Reason::BudgetTooShort))?;
    let sender = ledger.participants.known(from.participant);
    if !sender.agrees(m.currency) || !receiver.agrees(m.currency) {
        return Err(No::Decline(Reason::CurrencyNotAgreed));
    }
    let settlement_date = ledger.date();
    let limits = sender.record.limits.iter().find(|(level, _)| *level == m.security_level);
    let (_, limits) = limits.ok_or(No::Decline(Reason::SecurityLevelNotAgreed))?;
    sender
        .usages
        .check(limits.of(m.currency), m.security_level, m.currency, settlement_date, m.amount)
        .map_err(No::Decline)?;
    let debtor_side = match debtor {
        Debtor::Originator => Some(sender),
        Debtor::Destination => Some(receiver),
        Debtor::Outside => None,
    };
    // I9: no hold takes its debtor's exposure above the cap.
    if let Some(debtor) = debtor_side {
        let amount = Total::from_minor(m.amount.minor().into());
        lease::has_room(desk, debtor, (debtor.record.number, m.currency), amount)?;
    }
    let link = new_work::link(desk, destination, receiver, |_| true)?;
    Ok(Reserved {
        originator: from.participant,
        request: m.clone(),
        destination,
        instance: link.instance,
        debtor,
        settlement_date,
        deadline,
    })
}

/// What is refused: it is not recorded, so that the same id may still be accepted later (rule 5).
fn may_be_recorded(desk: &Desk<'_>, from: From, m: &Authorize) -> Result<(), Reason> {
    let settings = desk.settings;
    let status = new_work::may_send(desk, from, m.id, m.expires)?;
    if m.kind != Kind::Pay {
        let hold_max_ms =
            if m.kind == Kind::Verify { settings.verify_hold_max_ms } else { settings.hold_max_ms };
        let longest = m.id.created().plus(hold_max_ms);
        if m.hold_until < m.expires || m.hold_until > longest {
            return Err(Reason::HoldUntilOutOfRange);
        }
    }
    new_work::is_taken(desk, status)
}
