//! What the switch says of single transactions: how one stands, and which wait for an acknowledgement.

use holdfast_core::Core;
use holdfast_core::effect::Delivery;
use holdfast_core::overview::{OpenDetails, Overdue, WaitsFor};
use holdfast_core::transaction::TransactionKind;
use holdfast_core::transaction::money::Money;
use holdfast_core::view::View;
use holdfast_protocol::{
    ApprovalCode, DecidedBy, Outcome, Reason, RequestId, State, TransactionKey, UnixMillis,
};

use super::report::{debtor_name, find_known, name_of};
use crate::admin::command::{CommandError, Who};
use crate::admin::report::{
    TransactionDelivery, TransactionReport, UndeliveredReport, UndeliveredTransaction,
};

const fn state_name(state: State) -> &'static str {
    match state {
        State::None => "none",
        State::Pending => "pending",
        State::Held => "held",
        State::Declined => "declined",
        State::Captured => "captured",
        State::Released => "released",
        State::Expired => "expired",
        State::TimedOut => "timed out",
        State::Reversed => "reversed",
    }
}

const fn decider_name(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Destination => "destination",
        DecidedBy::Switch => "switch",
        DecidedBy::StandIn => "stand_in",
    }
}

pub(crate) const fn delivery_name(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Capture(_) => "capture",
        Delivery::Release(_) => "release",
        Delivery::Reverse(_) => "reverse",
    }
}

/// What memory does not keep of a transaction, for those who would look for it here.
fn forgotten(open: bool) -> Vec<String> {
    let of_all = ["when each thing happened", "deliveries that were acknowledged"];
    let of_closed = ["payment ID", "instance", "debtor", "deadlines"];
    let kept = if open { &of_closed[..0] } else { &of_closed[..] };
    of_all.iter().chain(kept).map(|what| (*what).to_owned()).collect()
}

/// A transaction, or why there is none to tell of.
pub(super) type Found = Result<Box<TransactionReport>, CommandError>;

/// What is known of a transaction.
pub(crate) fn transaction(
    core: &Core,
    who: &Who,
    id: RequestId,
) -> Result<Box<TransactionReport>, CommandError> {
    let originator = find_known(core, who).ok_or_else(|| CommandError::ParticipantUnknown(who.clone()))?;
    let asked = TransactionKey { originator, id };
    if core.transaction(asked).is_none()
        && let Some(original) = core.original_of(asked)
    {
        let original = TransactionKey { originator, id: original };
        let mut report = describe(core, original).ok_or(CommandError::OriginalUnknown(original.id))?;
        report.follow_up = Some(id.to_string());
        return Ok(Box::new(report));
    }
    describe(core, asked).map(Box::new).ok_or(CommandError::TransactionUnknown)
}

fn describe(core: &Core, key: TransactionKey) -> Option<TransactionReport> {
    let TransactionKey { originator, id } = key;
    let view = core.transaction(key)?;
    let details = core.open_details(key);
    let pending = view.money == Money::Pending;
    let is_refund = view.kind == Some(TransactionKind::Refund);
    let open = view.held_for.minor() - view.captured.minor() - view.released.minor();
    Some(TransactionReport {
        originator: name_of(core, originator),
        id: id.to_string(),
        follow_up: None,
        kind: view.kind.map(|kind| {
            match kind {
                TransactionKind::Pay => "pay",
                TransactionKind::Reserve => "reserve",
                TransactionKind::Verify => "verify",
                TransactionKind::Refund => "refund",
            }
            .to_owned()
        }),
        // A refund names none.
        payment_id: details.as_ref().filter(|_| !is_refund).map(|d| d.payment_id.to_string()),
        refund_of: view.refund_of.map(|original| original.to_string()),
        destination: view.destination.map(|number| name_of(core, number)),
        instance: details.as_ref().and_then(|d| d.instance).map(|instance| instance.0),
        debtor: details.as_ref().and_then(|d| d.debtor).map(|debtor| debtor_name(debtor).to_owned()),
        currency: view.currency.map(|currency| currency.code().to_owned()),
        deadline_ms: view.deadline.map(UnixMillis::get),
        hold_until_ms: view.hold_until.map(UnixMillis::get),
        outcome: view.outcome.map(|outcome| {
            match outcome {
                Outcome::Approved => "approved",
                Outcome::Declined => "declined",
                Outcome::Refused => "refused",
            }
            .to_owned()
        }),
        approval_code: (view.approval_code != ApprovalCode::NONE)
            .then(|| String::from_utf8_lossy(&view.approval_code.to_bytes()).trim_end().to_owned()),
        decided_by: (!pending).then(|| decider_name(view.decided_by).to_owned()),
        reason: (!pending && view.reason != Reason::None).then(|| view.reason.to_string()),
        state: state_name(view.money.state(view.captured)).to_owned(),
        held_for: view.held_for.minor().to_string(),
        captured: view.captured.minor().to_string(),
        released: view.released.minor().to_string(),
        reversed: view.reversed.minor().to_string(),
        refunded: view.refunded.minor().to_string(),
        refunding: view.refunding.minor().to_string(),
        open: open.to_string(),
        settlement_date: Some(view.settlement_date.to_string()),
        sequence: (!pending).then_some(view.sequence.0),
        deliveries: deliveries(&view.undelivered, details.as_ref()),
        created_ms: id.created().get(),
        forgotten: forgotten(details.is_some()),
    })
}

/// Only the first of a transaction's undelivered messages is on its way; the others wait for it.
fn deliveries(deliveries: &[Delivery], details: Option<&OpenDetails>) -> Vec<TransactionDelivery> {
    let report = |(place, delivery): (usize, &Delivery)| {
        let first = details.filter(|_| place == 0);
        let sends = first.map_or(0, |d| d.sends);
        TransactionDelivery {
            number: delivery.number().0,
            kind: delivery_name(delivery).to_owned(),
            state: if sends > 0 { "sent" } else { "waiting" }.to_owned(),
            attempts: u32::from(sends),
            next_attempt_ms: first.and_then(|d| d.next_send).map(UnixMillis::get),
        }
    };
    deliveries.iter().enumerate().map(report).collect()
}

/// The transactions that wait longest for an acknowledgement.
pub(super) fn undelivered(
    core: &Core,
    view: &View,
    destination: Option<&Who>,
    max: usize,
    now: UnixMillis,
) -> Result<Box<UndeliveredReport>, CommandError> {
    let find = |who: &Who| find_known(core, who).ok_or_else(|| CommandError::ParticipantUnknown(who.clone()));
    let destination = destination.map(find);
    let (oldest, count) = core.overdue(view, destination.transpose()?, max);
    let more = count.saturating_sub(oldest.len() as u64);
    let transactions = oldest.iter().map(|one| overdue(core, one, now)).collect();
    Ok(Box::new(UndeliveredReport { transactions, more }))
}

/// Those that wait longest of what each partition lists.
pub(super) fn joined(
    lists: Vec<Result<Box<UndeliveredReport>, CommandError>>,
    max: usize,
) -> Result<Box<UndeliveredReport>, CommandError> {
    let mut whole = UndeliveredReport::default();
    for list in lists {
        let UndeliveredReport { transactions, more } = *list?;
        whole.transactions.extend(transactions);
        whole.more += more;
    }
    whole.transactions.sort_by_key(|one| std::cmp::Reverse(one.age_ms));
    whole.more += whole.transactions.len().saturating_sub(max) as u64;
    whole.transactions.truncate(max);
    Ok(Box::new(whole))
}

fn overdue(core: &Core, one: &Overdue, now: UnixMillis) -> UndeliveredTransaction {
    let (why, next_attempt) = match one.waits_for {
        WaitsFor::Window => ("waits for room in the delivery window of its link".to_owned(), None),
        WaitsFor::Link(None) => ("the destination has no link".to_owned(), None),
        WaitsFor::Link(Some(instance)) => (
            format!("instance {} of the destination has no link, and only it may acknowledge", instance.0),
            None,
        ),
        WaitsFor::Acknowledgement(again) => ("sent and not acknowledged".to_owned(), Some(again)),
    };
    UndeliveredTransaction {
        originator: name_of(core, one.key.originator),
        id: one.key.id.to_string(),
        destination: name_of(core, one.destination),
        delivery: one.first.number().0,
        kind: delivery_name(&one.first).to_owned(),
        behind: one.behind,
        age_ms: now.since(one.since),
        attempts: u32::from(one.sends),
        currency: one.in_doubt.map(|(currency, _)| currency.code().to_owned()),
        in_doubt: one.in_doubt.map(|(_, amount)| amount.minor().to_string()),
        why,
        next_attempt_ms: next_attempt.map(UnixMillis::get),
    }
}
