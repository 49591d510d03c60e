//! What the switch knows, held against what operators and destinations were told.

use std::collections::BTreeMap;

use holdfast_core::Core;
use holdfast_core::effect::Delivery;
use holdfast_core::report::TransactionView;
use holdfast_core::transaction::money::{Ending, Money};
use holdfast_protocol::{Kind, Message, Outcome, ParticipantNumber, Reason, RequestId, TransactionKey};

use crate::destination::{Destination, Entry};
use crate::operator::{Operator, Request};

/// After each restart: nothing that anybody was told is missing or otherwise.
pub(crate) fn check_told(
    core: &Core,
    operators: &[Operator],
    destinations: &[Destination],
) -> Result<(), String> {
    for operator in operators {
        for (id, request) in &operator.requests {
            told_to_operator(core, operator.key(request.original), *id, request)?;
        }
    }
    for destination in destinations {
        for (key, entry) in &destination.entries {
            told_to_destination(core, destination.number, *key, entry)?;
        }
    }
    nets_to_zero(core)
}

fn told_to_operator(
    core: &Core,
    key: TransactionKey,
    id: RequestId,
    request: &Request,
) -> Result<(), String> {
    let Some(told) = &request.told else { return Ok(()) };
    let view = core.transaction(key);
    if matches!(request.message, Message::Authorize(_)) {
        let view = view.ok_or_else(|| format!("{key} is forgotten, its operator was told {told:?}"))?;
        let now = (view.outcome, view.reason, view.approval_code, view.sequence, Some(view.settlement_date));
        let then = (Some(told.outcome), told.reason, told.approval_code, told.sequence, told.settlement_date);
        ensure!(now == then, "I2: of {key} its operator was told {told:?}, now it is {view:?}");
        let amount = told.outcome == Outcome::Declined || told.amount == view.held_for;
        ensure!(amount, "of {key} its operator was told {told:?}, now it is {view:?}");
    } else if told.outcome == Outcome::Approved {
        let view = view.ok_or_else(|| format!("{key} is forgotten, {id} was told {told:?}"))?;
        let kept = match request.message {
            Message::Capture(_) => view.captured >= told.amount,
            Message::Release(_) => matches!(view.money, Money::Closed(_)),
            Message::Reverse(_) => matches!(view.money, Money::Closed(_)) && told.amount <= view.held_for,
            _ => false,
        };
        ensure!(kept, "the answer to {id} was {told:?}, now {key} is {view:?}");
    }
    Ok(())
}

fn told_to_destination(
    core: &Core,
    destination: ParticipantNumber,
    key: TransactionKey,
    entry: &Entry,
) -> Result<(), String> {
    let Some(view) = core.transaction(key) else {
        return Err(format!("{key} was sent to {destination} as {entry:?}, and is forgotten"));
    };
    ensure!(view.destination == Some(destination), "{key} was sent to {destination}, now it is {view:?}");
    let captured = view.captured.minor();
    ensure!(entry.captured() <= captured, "{key}: captures were delivered, {entry:?}, now it is {view:?}");
    let closed = matches!(view.money, Money::Closed(_));
    ensure!(closed || !entry.ended(), "{key}: its ending was delivered, {entry:?}, now it is {view:?}");
    let undone = matches!(view.money, Money::Closed(Ending::Reversed | Ending::Declined | Ending::TimedOut));
    ensure!(undone || !entry.reversed(), "{key}: its reversal was delivered, {entry:?}, now it is {view:?}");
    if entry.covered {
        covered(key, entry, &view)?;
    }
    Ok(())
}

/// A covered answer is decided, and an approval that does not stand has its reversal queued or delivered.
fn covered(key: TransactionKey, entry: &Entry, view: &TransactionView) -> Result<(), String> {
    ensure!(view.outcome.is_some(), "{key}: its answer was covered, {entry:?}, and is not decided");
    let stands = view.outcome == Some(Outcome::Approved) && view.money != Money::Closed(Ending::Reversed);
    let queued = view.undelivered.iter().any(|d| matches!(d, Delivery::Reverse(_)));
    let ok = stands || queued || entry.reversed() || entry.approved().is_none();
    ensure!(ok, "{key}: the approval was covered, {entry:?}, and no reversal comes: {view:?}");
    Ok(())
}

/// I4.
fn nets_to_zero(core: &Core) -> Result<(), String> {
    let positions = core.participants().flat_map(|(_, _, positions)| positions);
    let net: i128 = positions.map(|p| p.debits.minor() - p.credits.minor()).sum();
    ensure!(net == 0, "I4: positions net to {net}");
    Ok(())
}

/// A transaction as its operator knows it.
#[derive(Debug, Default)]
struct Known {
    kind: Option<Kind>,
    approved: bool,
    reason: Option<Reason>,
    captured: u64,
    reversed: bool,
}

fn known(operator: &Operator) -> BTreeMap<TransactionKey, Known> {
    let mut all: BTreeMap<TransactionKey, Known> = BTreeMap::new();
    for request in operator.requests.values() {
        let known = all.entry(operator.key(request.original)).or_default();
        let Some(told) = &request.told else { continue };
        let approved = told.outcome == Outcome::Approved;
        match &request.message {
            Message::Authorize(m) => {
                (known.kind, known.approved, known.reason) = (Some(m.kind), approved, Some(told.reason));
                if approved && m.kind == Kind::Pay {
                    known.captured += told.amount.minor();
                }
            }
            Message::Capture(_) if approved => known.captured += told.amount.minor(),
            Message::Reverse(_) if approved => known.reversed = true,
            _ => {}
        }
    }
    all
}

/// When everything is finished: operators, destinations and positions agree to the last cent.
pub(crate) fn check_closed(
    core: &Core,
    operators: &[Operator],
    destinations: &[Destination],
) -> Result<(), String> {
    ensure!(core.pending() == 0, "{} transactions are pending", core.pending());
    ensure!(core.open() == 0, "{} transactions are open", core.open());
    let mut positions: BTreeMap<ParticipantNumber, (i128, i128)> = BTreeMap::new();
    let mut book = |debtor, creditor, amount: u64| {
        positions.entry(debtor).or_default().0 += i128::from(amount);
        positions.entry(creditor).or_default().1 += i128::from(amount);
    };
    for operator in operators {
        for (key, known) in known(operator) {
            let at = destinations.iter().find_map(|d| Some((d.number, d.entries.get(&key)?)));
            let Some((destination, entry)) = at else {
                // The forward may have been lost with a link, its reversal never is.
                let told_of = known.approved || known.reason == Some(Reason::DestinationTimedOut);
                ensure!(!told_of, "{key} is {known:?}, and no destination knows it");
                continue;
            };
            agree(key, &known, entry)?;
            let (debtor, creditor) = match known.kind {
                Some(Kind::Pay) => (operator.number, destination),
                _ => (destination, operator.number),
            };
            book(debtor, creditor, known.captured);
            if known.reversed {
                book(creditor, debtor, known.captured);
            }
        }
    }
    for (record, _, of) in core.participants() {
        let held: i128 = of.iter().map(|p| p.held.minor()).sum();
        ensure!(held == 0, "{} still holds {held}", record.name);
        let booked = of.iter().fold((0, 0), |(d, c), p| (d + p.debits.minor(), c + p.credits.minor()));
        let told = positions.remove(&record.number).unwrap_or_default();
        ensure!(
            booked == told,
            "{}: the switch booked {booked:?}, operators were told {told:?}",
            record.name
        );
    }
    Ok(())
}

/// Operator and destination of one transaction know the same.
fn agree(key: TransactionKey, known: &Known, entry: &Entry) -> Result<(), String> {
    let for_operator = if known.reversed { 0 } else { known.captured };
    let paid = match &entry.forward {
        Some((forward, _)) if forward.kind == Kind::Pay => {
            entry.approved().map_or(0, |amount| amount.minor())
        }
        Some(_) | None => entry.captured(),
    };
    let for_destination = if entry.reversed() { 0 } else { paid };
    ensure!(
        for_operator == for_destination,
        "{key}: the operator knows {known:?}, the destination {entry:?}"
    );
    // I5: each ending reaches the destination.
    let held = known.approved && known.kind == Some(Kind::Reserve);
    ensure!(!held || entry.ended(), "I5: {key} has ended, and the destination still holds: {entry:?}");
    let timed_out = known.reason == Some(Reason::DestinationTimedOut);
    ensure!(
        !timed_out || entry.reversed(),
        "{key} timed out, and the destination heard no reversal: {entry:?}"
    );
    Ok(())
}
