//! What became of a request: asked by its originator, or by the destination of its transaction; answered from memory, or
//! from the archive where it has left memory.
//!
//! Rule 23: each participant has a budget, so that a storm of inquiries does not slow payments.

use holdfast_protocol::{
    Amount, ApprovalCode, DecidedBy, Inquiry, ParticipantNumber, Reason, RequestId, Sequence, State, Status,
    TransactionKey,
};

use super::{Desk, original};
use crate::effect::Effect;
use crate::input::{From, Recalled};
use crate::leaving::Archived;
use crate::ledger::generation::Found;
use crate::report::{self, TransactionView};
use crate::schedule::recalls::{Asked, Wait};
use crate::snapshot::FollowUpParts;

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Inquiry) {
    let second = desk.now.get() / 1_000;
    let status = if desk.schedule.spend_inquiry(from.participant, second, desk.settings.inquiries_per_s) {
        let originator = m.originator.unwrap_or(from.participant);
        let known = desk.ledger.remembered.find(originator, m.id).is_some();
        if !known && !original::in_window(desk, m.id) {
            return look_up(desk, from, Asked::Inquiry(m.clone(), None), m, m.id);
        }
        found(desk, from, m, originator).unwrap_or_else(|| empty(desk, m, Reason::OriginalUnknown))
    } else {
        empty(desk, m, Reason::InquiryBudgetSpent)
    };
    tell(desk, from, status);
}

fn tell(desk: &mut Desk<'_>, from: From, status: Status) {
    desk.counters.inquired(from.participant, status.reason);
    desk.out.effects.push(Effect::Status { to: from.session, status });
}

/// Waits until an id was looked up. Those that only ask leave half of the places to those that change something.
fn look_up(desk: &mut Desk<'_>, from: From, asked: Asked, m: &Inquiry, id: RequestId) {
    let key = TransactionKey { originator: m.originator.unwrap_or(from.participant), id };
    let until = desk.now.plus(desk.settings.recall_wait_ms);
    let places = (desk.settings.recalls_max / 2).max(1);
    match desk.schedule.recalls.wait(key, from, asked, until, places) {
        Wait::LookUp => desk.out.effects.push(Effect::Recall(key)),
        Wait::Joined(_) => {}
        Wait::Full => {
            let status = empty(desk, m, Reason::Busy);
            tell(desk, from, status);
        }
    }
}

/// The id was looked up; or, where it is of `follow_up`, that one's transaction.
pub(super) fn looked_up(
    desk: &mut Desk<'_>,
    from: From,
    m: &Inquiry,
    follow_up: Option<FollowUpParts>,
    recalled: Recalled,
) {
    let originator = m.originator.unwrap_or(from.participant);
    let id = follow_up.map_or(m.id, |parts| parts.original);
    // Another that waited for it may have brought it back, and changed it.
    let known = report::transaction(desk.ledger, TransactionKey { originator, id });
    let transaction = match (recalled, follow_up) {
        _ if known.is_some() => known,
        (Recalled::Found(Archived::FollowUp(parts)), None) => {
            let key = TransactionKey { originator, id: parts.original };
            let known = report::transaction(desk.ledger, key);
            if known.is_none() && !original::in_window(desk, key.id) {
                return look_up(desk, from, Asked::Inquiry(m.clone(), Some(parts)), m, key.id);
            }
            return tell_archived(desk, from, m, known, Some(parts));
        }
        (Recalled::Found(Archived::Transaction(entry)), _) => {
            Some(report::closed(entry.key, &entry.closed, entry.linked))
        }
        (Recalled::Unavailable, _) => {
            let status = empty(desk, m, Reason::OriginalUnavailable);
            return tell(desk, from, status);
        }
        // What a declined request named need not exist.
        (Recalled::Absent | Recalled::Found(Archived::FollowUp(_)), _) => None,
    };
    tell_archived(desk, from, m, transaction, follow_up);
}

fn tell_archived(
    desk: &mut Desk<'_>,
    from: From,
    m: &Inquiry,
    transaction: Option<TransactionView>,
    follow_up: Option<FollowUpParts>,
) {
    let originator = m.originator.unwrap_or(from.participant);
    let mut status = empty(desk, m, Reason::None);
    let may_know = match &transaction {
        Some(view) => may_know(from, originator, view).is_some(),
        None => follow_up.is_some() && from.participant == originator,
    };
    if !may_know {
        let status = empty(desk, m, Reason::OriginalUnknown);
        return tell(desk, from, status);
    }
    if let Some(view) = &transaction {
        fill(&mut status, view);
        fill_decision(&mut status, view);
    }
    if let Some(parts) = follow_up {
        status.state = report::follow_up_state(transaction.as_ref(), parts.kind, parts.reason);
        status.outcome = Some(report::outcome_of(parts.reason));
        status.outcome_reason = parts.reason;
        status.decided_by = DecidedBy::Switch;
        status.settlement_date = Some(parts.settlement_date);
        status.sequence = Sequence(parts.sequence);
    }
    status.epoch = desk.ledger.epoch_of(status.sequence.0);
    tell(desk, from, status);
}

fn empty(desk: &Desk<'_>, m: &Inquiry, reason: Reason) -> Status {
    Status {
        id: m.id,
        originator: m.originator,
        correlation: m.correlation,
        reason,
        outcome: None,
        outcome_reason: Reason::None,
        state: State::None,
        decided_by: DecidedBy::Switch,
        undelivered: 0,
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        released: Amount::ZERO,
        reversed: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: desk.ledger.partition,
        epoch: desk.ledger.epoch(),
        sequence: Sequence(0),
    }
}

fn found(desk: &Desk<'_>, from: From, m: &Inquiry, originator: ParticipantNumber) -> Option<Status> {
    let mut status = empty(desk, m, Reason::None);
    match desk.ledger.remembered.find(originator, m.id)? {
        Found::Transaction(_) => {
            let view = report::transaction(desk.ledger, TransactionKey { originator, id: m.id })?;
            may_know(from, originator, &view)?;
            fill(&mut status, &view);
            fill_decision(&mut status, &view);
        }
        Found::FollowUp(record) => {
            let original = TransactionKey { originator, id: record.original() };
            match report::transaction(desk.ledger, original) {
                Some(view) => {
                    may_know(from, originator, &view)?;
                    fill(&mut status, &view);
                }
                None if from.participant != originator => return None,
                None => {}
            }
            let answer = report::follow_up_answer(desk.ledger, originator, m.id)?;
            status.state = answer.state;
            status.outcome = Some(answer.outcome);
            status.outcome_reason = answer.reason;
            status.settlement_date = answer.settlement_date;
            status.sequence = answer.sequence;
        }
    }
    status.epoch = desk.ledger.epoch_of(status.sequence.0);
    Some(status)
}

/// Nobody else learns even that there is such a transaction.
fn may_know(from: From, originator: ParticipantNumber, view: &TransactionView) -> Option<()> {
    (from.participant == originator || view.destination == Some(from.participant)).then_some(())
}

fn fill_decision(status: &mut Status, view: &TransactionView) {
    status.outcome = view.outcome;
    status.outcome_reason = view.reason;
    status.decided_by = view.decided_by;
    status.settlement_date = Some(view.settlement_date);
    status.sequence = view.sequence;
}

fn fill(status: &mut Status, view: &TransactionView) {
    status.state = view.money.state(view.captured);
    status.undelivered = u16::try_from(view.undelivered.len()).expect("at most 63 deliveries");
    status.held_for = view.held_for;
    status.captured = view.captured;
    status.released = view.released;
    status.reversed = view.reversed;
    status.approval_code = view.approval_code;
}
