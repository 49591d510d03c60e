//! A destination answers a forward.
//!
//! Only the destination of the transaction is heard, and only the first answer decides (I6). What comes after the end
//! moves no money; where it shows that the destination may hold some, a reversal goes out (rules 7 and 8).

use holdfast_protocol::{
    Amount, Answer, DecidedBy, Extensions, Instance, Outcome, Reason, ReasonClass, TransactionKey,
};

use super::Desk;
use super::reverse::{is_full, is_open_full};
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::From;
use crate::ledger::record::Standing;
use crate::ledger::state::Transaction;
use crate::transaction::TransactionKind;
use crate::transaction::money::{Deliver, Event, Money, Step, next};

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
    let (money, destination, instance, noted, told_before) = match record.standing() {
        Standing::Open(index) => {
            let t = desk.ledger.transactions.get(index);
            (t.money, Some(t.destination), t.instance, t.late_noted, t.deliveries_made > 0)
        }
        Standing::Closed(t) => {
            (Money::Closed(t.ending), t.destination, Some(t.instance), t.late_noted, t.deliveries_made > 0)
        }
    };
    if destination != Some(from.participant) || !may_answer(desk, from, instance) {
        desk.counters.answers_unexpected += 1;
        return;
    }
    let Some(terms) = record.terms() else {
        // A tombstone was never forwarded.
        desk.counters.answers_unexpected += 1;
        return;
    };
    if money == Money::Pending {
        let index = record.index().expect("what is pending is open");
        let transaction = desk.ledger.transactions.get(index);
        let (event, reason) = event_of(terms.kind, m, Some(transaction));
        if event == Event::ApproveWrongly {
            desk.counters.approvals_wrong += 1;
        }
        let fact = first_answer(desk, key, event, reason, m);
        desk.fact(fact);
        return;
    }
    let (event, _) = event_of(terms.kind, m, None);
    let closed = record.index().is_none();
    late(desk, from, m, next(money, event), Late { key, closed, noted, told_before });
}

/// An answer after the end.
struct Late {
    key: TransactionKey,
    /// Nothing of it is open: a reversal would open it again.
    closed: bool,
    /// A contradiction was noted before.
    noted: bool,
    /// Something was queued for the destination before.
    told_before: bool,
}

/// Without shared deduplication only the instance that got the forward can know it.
fn may_answer(desk: &Desk<'_>, from: From, instance: Option<Instance>) -> bool {
    instance == Some(from.instance)
        || desk
            .view
            .receivers(from.participant)
            .any(|link| link.session == from.session && link.shared_deduplication)
}

/// What an answer means for the money, and the reason that the originator hears.
fn event_of(kind: TransactionKind, m: &Answer, pending: Option<&Transaction>) -> (Event, Reason) {
    let approve = match kind {
        TransactionKind::Pay | TransactionKind::Refund => Event::ApprovePay,
        TransactionKind::Reserve | TransactionKind::Verify => Event::ApproveHold,
    };
    match m.outcome {
        Outcome::Approved => match pending {
            Some(t) if m.amount > t.held_for => (Event::ApproveWrongly, Reason::ApprovalAboveAmount),
            // Nothing approved is no approval, whatever was allowed.
            Some(t) if m.amount < t.held_for && (!t.partial_allowed || m.amount == Amount::ZERO) => {
                (Event::ApproveWrongly, Reason::PartialNotAllowed)
            }
            Some(_) | None => (approve, Reason::None),
        },
        Outcome::Declined => match m.reason.class() {
            // A technical failure leaves the outcome in doubt.
            ReasonClass::DestinationDeclined if m.reason == Reason::DestinationFailed => {
                (Event::Fail, m.reason)
            }
            ReasonClass::DestinationDeclined => (Event::Decline, m.reason),
            // A reason that is not a destination's to give says no more than that it declines.
            ReasonClass::None | ReasonClass::SwitchDeclined | ReasonClass::Refused | ReasonClass::Link => {
                (Event::Decline, Reason::DoNotHonour)
            }
        },
        Outcome::Refused => (Event::Fail, Reason::DestinationRefused),
    }
}

fn first_answer(desk: &Desk<'_>, key: TransactionKey, event: Event, reason: Reason, m: &Answer) -> Fact {
    let extensions = passed_on(desk, m);
    let step = next(Money::Pending, event);
    let reversal = matches!(step, Step::Close(_, Deliver::Reversal));
    if reason == Reason::None {
        return Fact::Approved { key, amount: m.amount, approval_code: m.approval_code, extensions };
    }
    let destination_said_so = reason.class() == ReasonClass::DestinationDeclined;
    let decided_by = if destination_said_so { DecidedBy::Destination } else { DecidedBy::Switch };
    Fact::Declined { key, reason, decided_by, reversal, extensions }
}

/// The answer's extensions, as long as there is room to remember them: a repeat gets the same answer (I2).
fn passed_on(desk: &Desk<'_>, m: &Answer) -> Extensions {
    let bytes = desk.ledger.remembered.extension_bytes() + m.extensions.len();
    if bytes <= desk.settings.answer_extension_bytes_max { m.extensions.clone() } else { Extensions::NONE }
}

/// Where it shows that the destination may hold something, a reversal must be queued before the destination is told
/// that its answer is decided. At the limit of what may be open its link ends instead: then it asks, and hears the end.
fn late(desk: &mut Desk<'_>, from: From, m: &Answer, step: Step, late: Late) {
    let Late { key, closed, noted, told_before } = late;
    let approved = m.outcome == Outcome::Approved;
    match step {
        Step::Note(deliver) => {
            let count =
                if approved { &mut desk.counters.approvals_late } else { &mut desk.counters.declines_late };
            *count += 1;
            if !noted {
                let reversal = deliver == Deliver::Reversal && !told_before;
                let full = is_open_full(desk) || is_full(desk, from.participant);
                if reversal && closed && full {
                    desk.out.effects.push(Effect::Close { to: from.session, reason: Reason::Flooding });
                    return;
                }
                desk.fact(Fact::LateAnswer { key, approved, reversal });
            }
        }
        Step::Stay
        | Step::Hold
        | Step::Part
        | Step::Close(..)
        | Step::Undo
        | Step::Wait
        | Step::GiveBack
        | Step::Refuse(_)
        | Step::Never => {
            desk.counters.answers_repeated += 1;
        }
    }
}
