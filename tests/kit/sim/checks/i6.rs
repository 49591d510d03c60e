//! I6: one outcome is told, and it has a ground: an approval that the destination gave, its decline, or the switch's own
//! reason; silence is never a no.

use holdfast_core::Core;
use holdfast_core::transaction::money::Money;
use holdfast_protocol::{
    Answer, DecidedBy, Message, Outcome, ParticipantNumber, Reason, ReasonClass, RequestId, TransactionKey,
    UnixMillis,
};

use crate::sim::destination::{Entry, Reply};
use crate::sim::operator::Request;
use crate::sim::plan::Plan;
use crate::sim::violation::{Verdict, ensure};

/// What an operator was told holds as long as it is remembered.
pub(crate) fn holds(
    core: &Core,
    who: ParticipantNumber,
    id: RequestId,
    request: &Request,
    plan: &Plan,
    time: UnixMillis,
) -> Verdict {
    let Some(told) = &request.told else { return Ok(()) };
    let key = TransactionKey { originator: who, id: request.original };
    let Some(view) = core.transaction(key) else {
        // A decline of what refers to nothing known is remembered by itself.
        let needed = request.opens_a_transaction() || told.outcome == Outcome::Approved;
        let forgotten = key.id.created() <= plan.remembered_from(time);
        ensure!("I2", !needed || forgotten, "{key} is forgotten, {id} was told {told:?}");
        return Ok(());
    };
    if request.opens_a_transaction() {
        let now = (view.outcome, view.reason, view.approval_code, view.sequence, Some(view.settlement_date));
        let then = (Some(told.outcome), told.reason, told.approval_code, told.sequence, told.settlement_date);
        ensure!("I2", now == then, "of {key} its operator was told {told:?}, now it is {view:?}");
        let amount = told.outcome == Outcome::Declined || told.amount == view.held_for;
        ensure!("I5", amount, "of {key} its operator was told {told:?}, now it is {view:?}");
    } else if told.outcome == Outcome::Approved {
        let kept = match &request.message {
            Message::Capture(m) => view.captured >= told.amount && told.amount == m.amount,
            Message::Release(_) => matches!(view.money, Money::Closed(_)),
            Message::Reverse(_) => matches!(view.money, Money::Closed(_)) && told.amount <= view.held_for,
            _ => false,
        };
        ensure!("I5", kept, "the answer to {id} was {told:?}, now {key} is {view:?}");
    }
    Ok(())
}

/// An outcome of an authorize, and what its destination said of it.
/// There is room to remember all that travels along where `wide`.
pub(crate) fn has_ground(key: TransactionKey, told: &Answer, entry: Option<&Entry>, wide: bool) -> Verdict {
    let said = |outcome: Outcome, fits: &dyn Fn(&Reply) -> bool| {
        entry.is_some_and(|entry| {
            entry.answers.iter().any(|said| said.reply.outcome == outcome && fits(&said.reply))
        })
    };
    // Where there is no room to remember it, nothing travels along.
    let along = |r: &Reply| (told.extensions.is_empty() && !wide) || told.extensions == r.extensions();
    let ground = match (told.outcome, told.reason) {
        (Outcome::Approved, _) => said(Outcome::Approved, &|r| {
            r.amount == told.amount && r.approval_code == told.approval_code && along(r)
        }),
        (_, Reason::ApprovalAboveAmount | Reason::PartialNotAllowed) => said(Outcome::Approved, &|_| true),
        (_, Reason::DestinationRefused) => said(Outcome::Refused, &|_| true),
        (_, reason) if reason.class() == ReasonClass::DestinationDeclined => {
            said(Outcome::Declined, &|r| r.reason == reason && along(r))
        }
        _ => told.decided_by == DecidedBy::Switch,
    };
    ensure!("I6", ground, "of {key} the operator was told {told:?}, its destination knows {entry:?}");
    Ok(())
}
