//! What became of a request: asked by its originator, or by the destination of its transaction; answered from memory.
//!
//! Rule 23: each participant has a budget, so that a storm of inquiries does not slow payments.

use holdfast_protocol::{
    Amount, ApprovalCode, DecidedBy, Inquiry, ParticipantNumber, Reason, Sequence, State, Status,
    TransactionKey,
};

use super::Desk;
use crate::effect::Effect;
use crate::input::From;
use crate::ledger::generation::Found;
use crate::report::{self, TransactionView};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Inquiry) {
    let second = desk.now.get() / 1_000;
    let status = if desk.schedule.spend_inquiry(from.participant, second, desk.settings.inquiries_per_s) {
        let originator = m.originator.unwrap_or(from.participant);
        found(desk, from, m, originator).unwrap_or_else(|| empty(desk, m, Reason::OriginalUnknown))
    } else {
        empty(desk, m, Reason::InquiryBudgetSpent)
    };
    desk.counters.inquired(from.participant, status.reason);
    desk.out.effects.push(Effect::Status { to: from.session, status });
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
            status.outcome = view.outcome;
            status.outcome_reason = view.reason;
            status.decided_by = view.decided_by;
            status.settlement_date = Some(view.settlement_date);
            status.sequence = view.sequence;
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

fn fill(status: &mut Status, view: &TransactionView) {
    status.state = view.money.state(view.captured);
    status.undelivered = u16::try_from(view.undelivered.len()).expect("at most 63 deliveries");
    status.held_for = view.held_for;
    status.captured = view.captured;
    status.released = view.released;
    status.reversed = view.reversed;
    status.approval_code = view.approval_code;
}
