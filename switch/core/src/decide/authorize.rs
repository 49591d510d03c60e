//! A payment, reservation or verification is asked for.
//!
//! First whether its id is known (I2): a repeat gets the outcome of the first, or waits with it, and nothing is forwarded
//! twice as new (rule 4). Then what cannot be recorded is refused, and what can is declined for ever or reserved.

use holdfast_protocol::{Authorize, Kind, Reason, TransactionKey, UnixMillis};

use super::{Desk, check_times};
use crate::effect::Effect;
use crate::fact::{DeclinedAtOnce, Fact, Reserved};
use crate::input::From;
use crate::ledger::content::{AUTHORIZE_FIELDS, Content};
use crate::ledger::generation::Found;
use crate::ledger::record::TransactionRecord;
use crate::registry::{Debtor, ParticipantStatus};
use crate::report;

/// Why nothing is reserved.
enum No {
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
    if terms.kind != m.kind {
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
    desk.counters.repeated(from.participant);
    let key = TransactionKey { originator: from.participant, id: m.id };
    match report::answer(desk.ledger, key) {
        Some(answer) => {
            desk.out.effects.push(Effect::Answer { to: from.session, original: m.id, answer });
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

fn check(desk: &Desk<'_>, from: From, m: &Authorize, tombstoned: bool) -> Result<Reserved, No> {
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
    let deadline = deadline(desk, m).ok_or(No::Decline(Reason::BudgetTooShort))?;
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
    if let Some(participant) = debtor_side
        && !participant.position(m.currency).is_some_and(|p| p.has_room(m.amount))
    {
        return Err(No::Decline(Reason::NetDebitCapExceeded));
    }
    let Some((link, has_room)) = desk.schedule.choose(desk.view, destination) else {
        let draining = desk.view.receivers(destination).next().is_some();
        let reason = if draining { Reason::DestinationNotAccepting } else { Reason::DestinationNotConnected };
        return Err(No::Decline(reason));
    };
    if !has_room || receiver.pending >= desk.settings.pending_for_destination_max {
        return Err(No::Refuse(Reason::Busy));
    }
    // Each open transaction has a slot reserved for its last delivery; at 80 % new work stops.
    let slots = u64::from(receiver.undelivered) + u64::from(receiver.unfinished) + 1;
    if slots * 5 > u64::from(desk.settings.undelivered_for_destination_max) * 4 {
        return Err(No::Refuse(Reason::DeliveryQueueFull));
    }
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
    let (ledger, settings) = (desk.ledger, desk.settings);
    let sender = ledger.participants.get(from.participant).ok_or(Reason::NotSignedOn)?;
    if !sender.record.originates {
        return Err(Reason::RoleNotAgreed);
    }
    check_times(settings, ledger, desk.now, m.id, m.expires)?;
    if m.kind != Kind::Pay {
        let hold_max_ms =
            if m.kind == Kind::Verify { settings.verify_hold_max_ms } else { settings.hold_max_ms };
        let longest = m.id.created().plus(hold_max_ms);
        if m.hold_until < m.expires || m.hold_until > longest {
            return Err(Reason::HoldUntilOutOfRange);
        }
    }
    match sender.status {
        ParticipantStatus::Active => {}
        ParticipantStatus::Draining => return Err(Reason::Draining),
        ParticipantStatus::Suspended => return Err(Reason::Suspended),
    }
    if desk.view.stopping {
        return Err(Reason::ShuttingDown);
    }
    if desk.view.journal_full {
        return Err(Reason::JournalFull);
    }
    let full = ledger.pending >= settings.pending_max
        || ledger.transactions.len() >= settings.open_max as usize
        || ledger.remembered.len() >= settings.remembered_max as usize;
    if full || desk.view.journal_behind || ledger.business_date.is_none() {
        return Err(Reason::Busy);
    }
    Ok(())
}

/// Rule 6: the budget, no more than the largest, and no later than the request expires; less the share that the way back
/// needs. `None` where nothing is left.
fn deadline(desk: &Desk<'_>, m: &Authorize) -> Option<UnixMillis> {
    let budget = u64::from(m.budget_ms).min(desk.settings.budget_max_ms);
    let until = desk.now.plus(budget).min(m.expires);
    let deadline = until.minus(desk.settings.budget_share_ms);
    (deadline > desk.now).then_some(deadline)
}
