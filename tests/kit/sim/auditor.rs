//! The auditor: predicts every position from what operators and destinations were told, without a look at the ledger.
//!
//! While traffic runs it knows the least that must be booked; when everything is finished, it knows it to the last cent.
//! Only of a request that outlived the switch's memory before anybody heard of it does it read the journal.

use std::borrow::Cow;
use std::collections::BTreeMap;

use holdfast_core::Core;
use holdfast_protocol::{
    Authorize, Currency, Kind, Message, Outcome, ParticipantNumber, Reason, RequestId, TransactionKey,
    UnixMillis,
};

use super::destination::{Destination, Entry};
use super::log::Journaled;
use super::operator::{Operator, Request};
use super::plan::Plan;
use super::refunds::opening;
use super::shown::{flat, shown};
use super::violation::{Verdict, Violation, ensure};
use super::words;

/// Debits and credits of each participant in each currency.
type Books = BTreeMap<(ParticipantNumber, Currency), (i128, i128)>;

/// A transaction as its operator knows it.
#[derive(Debug, Default)]
struct Known<'a> {
    authorize: Option<Cow<'a, Authorize>>,
    /// Of a refund.
    refund_of: Option<RequestId>,
    approved: Option<u64>,
    reason: Option<Reason>,
    captured: u64,
    reversed: bool,
    /// A reversal was asked for, whatever became of it.
    reversal_asked: bool,
    /// A release, a last capture or a reversal was asked for, whatever became of it.
    ending_asked: bool,
    /// Captures that were asked for, whatever became of them.
    capture_asked: u64,
}

/// Debits, credits and what is held of each participant in each currency, at least.
#[derive(Clone, Copy, Debug, Default)]
struct Least {
    debits: i128,
    credits: i128,
    held: i128,
}

/// Whether a request was carried out, and for how much as the operator was told.
fn carried_out(
    operator: &Operator,
    id: RequestId,
    request: &Request,
    journaled: Option<&Journaled>,
) -> Option<u64> {
    if let Some(told) = &request.told {
        return (told.outcome == Outcome::Approved).then(|| told.amount.minor());
    }
    let (journaled, key) = (journaled?, operator.key(id));
    match &request.message {
        Message::Authorize(_) | Message::Refund(_) => {
            journaled.approved.get(&key).map(|amount| amount.minor())
        }
        Message::Capture(m) => journaled.done.contains(&key).then(|| m.amount.minor()),
        _ => journaled.done.contains(&key).then_some(0),
    }
}

fn known<'a>(operator: &'a Operator, journaled: Option<&Journaled>) -> BTreeMap<RequestId, Known<'a>> {
    let mut all: BTreeMap<RequestId, Known<'a>> = BTreeMap::new();
    for (id, request) in &operator.requests {
        let done = carried_out(operator, *id, request, journaled);
        let known = all.entry(request.original).or_default();
        match &request.message {
            Message::Refund(m) => {
                known.authorize = opening(&request.message);
                known.refund_of = Some(m.original);
                known.reason = request.told.as_ref().map(|told| told.reason);
                known.approved = done;
                known.captured += done.unwrap_or(0);
            }
            Message::Authorize(m) => {
                known.authorize = Some(Cow::Borrowed(m));
                known.reason = request.told.as_ref().map(|told| told.reason);
                known.approved = done;
                if m.kind == Kind::Pay {
                    known.captured += done.unwrap_or(0);
                }
            }
            Message::Capture(m) => {
                known.captured += done.unwrap_or(0);
                known.capture_asked += m.amount.minor();
                known.ending_asked |= m.last;
            }
            Message::Reverse(_) => {
                known.reversal_asked = true;
                known.ending_asked = true;
                known.reversed |= done.is_some();
            }
            _ => known.ending_asked = true,
        }
    }
    all
}

/// The destination that got a transaction: the one that has its forward, or at least something of it, or else the one
/// that its payment ID leads to at first.
fn destination<'a>(
    key: TransactionKey,
    m: &Authorize,
    plan: &Plan,
    all: &'a [Destination],
) -> Option<&'a Destination> {
    let entry = |d: &&Destination| d.entries.get(&key).is_some_and(|entry| !entry.lied);
    let forward = |d: &&Destination| d.entries.get(&key).is_some_and(|entry| entry.forward.is_some());
    let at_first = plan.destination(m.payment_id);
    let found = all.iter().find(forward).or_else(|| all.iter().find(entry));
    found.or_else(|| all.iter().find(|d| Some(d.number) == at_first))
}

/// Who owes whom by a transaction; by a refund it is the other way round than by its original.
fn legs(
    operator: &Operator,
    original: RequestId,
    known: &Known<'_>,
    plan: &Plan,
    all: &[Destination],
) -> Option<(ParticipantNumber, ParticipantNumber)> {
    let of = known.refund_of.unwrap_or(original);
    let Message::Authorize(m) = &operator.requests.get(&of)?.message else { return None };
    let destination = destination(operator.key(of), m, plan, all)?;
    let (debtor, creditor) = plan.legs(operator.number, destination.number, m.payment_id, m.kind)?;
    Some(if known.refund_of.is_some() { (creditor, debtor) } else { (debtor, creditor) })
}

/// What refunds that stand give back of each original.
fn refunded(all: &BTreeMap<RequestId, Known<'_>>) -> BTreeMap<RequestId, u64> {
    let mut refunded = BTreeMap::new();
    for known in all.values().filter(|known| !known.reversed) {
        if let Some(original) = known.refund_of {
            *refunded.entry(original).or_default() += known.captured;
        }
    }
    refunded
}

/// `back`: what its reversal gives back, where that counts.
fn book(
    books: &mut Books,
    known: &Known<'_>,
    legs: Option<(ParticipantNumber, ParticipantNumber)>,
    back: Option<u64>,
) {
    let Some(m) = known.authorize.as_ref().filter(|_| known.captured > 0) else { return };
    let Some((debtor, creditor)) = legs else { return };
    let mut pay = |from, to, amount: u64| {
        books.entry((from, m.currency)).or_default().0 += i128::from(amount);
        books.entry((to, m.currency)).or_default().1 += i128::from(amount);
    };
    pay(debtor, creditor, known.captured);
    if let Some(back) = back.filter(|_| known.reversed) {
        pay(creditor, debtor, back);
    }
}

/// What its operator knows to be held still: an approved reservation that nobody asked to end, and whose time has not come.
fn holds(
    known: &Known<'_>,
    legs: Option<(ParticipantNumber, ParticipantNumber)>,
    latest: UnixMillis,
) -> Option<(ParticipantNumber, Currency, i128)> {
    let m = known.authorize.as_ref().filter(|m| m.kind == Kind::Reserve && m.hold_until > latest)?;
    let left = known.approved?.checked_sub(known.capture_asked).filter(|_| !known.ending_asked)?;
    let (debtor, _) = legs?;
    Some((debtor, m.currency, i128::from(left)))
}

/// While traffic runs: whatever anybody was told of is booked, and what is to be held is held. The switch's time was never
/// later than `latest`.
pub(crate) fn at_least(
    cores: &[&Core],
    plan: &Plan,
    operators: &[Operator],
    all: &[Destination],
    latest: UnixMillis,
) -> Verdict {
    let mut least: BTreeMap<(ParticipantNumber, Currency), Least> = BTreeMap::new();
    let mut books = Books::new();
    for operator in operators {
        for (original, known) in &known(operator, None) {
            let legs = legs(operator, *original, known, plan, all);
            book(&mut books, known, legs, None);
            if let Some((debtor, currency, amount)) = holds(known, legs, latest) {
                least.entry((debtor, currency)).or_default().held += amount;
            }
        }
    }
    for (of, (debits, credits)) in books {
        let least = least.entry(of).or_default();
        (least.debits, least.credits) = (debits, credits);
    }
    for (number, (name, positions)) in shown(cores) {
        for position in positions {
            let least = least.remove(&(number, position.currency)).unwrap_or_default();
            let enough = position.debits.minor() >= least.debits
                && position.credits.minor() >= least.credits
                && position.held.minor() >= least.held;
            ensure!("auditor", enough, "{name} has {position:?}, of which was told {least:?}");
        }
    }
    if !least.is_empty() {
        for (number, position) in flat(cores) {
            let told = least.remove(&(number, position.currency)).unwrap_or_default();
            let enough = position.debits.minor() >= told.debits && position.credits.minor() >= told.credits;
            ensure!(
                "auditor",
                enough && told.held == 0,
                "{number} has {position:?}, of which was told {told:?}"
            );
        }
    }
    ensure!("auditor", least.is_empty(), "nobody has the positions {least:?}");
    Ok(())
}

/// When everything is finished: operators, destinations and positions agree to the last cent.
pub(crate) fn closed(
    cores: &[&Core],
    plan: &Plan,
    operators: &[Operator],
    destinations: &[Destination],
    journaled: &[&Journaled],
) -> Verdict {
    let mut books = Books::new();
    for operator in operators {
        let journaled = journaled[usize::from(operator.number.home(plan.partitions).0)];
        refused_is_not_recorded(operator, journaled)?;
        let all = known(operator, Some(journaled));
        let refunded = refunded(&all);
        for (original, known) in &all {
            let given = refunded.get(original).copied().unwrap_or(0);
            let Some(left) =
                known.captured.checked_sub(given).or_else(|| known.authorize.is_none().then_some(0))
            else {
                return Err(Violation::new(
                    "rule 15",
                    format!("{given} of {original} is refunded: {known:?}"),
                ));
            };
            let legs = legs(operator, *original, known, plan, destinations);
            book(&mut books, known, legs, Some(left));
            agree(operator, *original, known, plan, destinations)?;
        }
    }
    for (number, (name, positions)) in shown(cores) {
        for position in positions {
            let told = books.remove(&(number, position.currency)).unwrap_or_default();
            let booked = (position.debits.minor(), position.credits.minor());
            let currency = position.currency;
            let held = position.held.minor();
            ensure!("auditor", held == 0, "{name} still holds {held} in {currency}");
            ensure!("auditor", booked == told, "{name} has {booked:?} in {currency}, told was {told:?}");
        }
    }
    if !books.is_empty() {
        for (number, position) in flat(cores) {
            let told = books.remove(&(number, position.currency)).unwrap_or_default();
            let booked = (position.debits.minor(), position.credits.minor());
            ensure!("auditor", booked == told, "{number} has {booked:?}, told was {told:?}");
        }
    }
    ensure!("auditor", books.is_empty(), "nobody has the positions {books:?}");
    Ok(())
}

/// What was refused as too late was never recorded.
fn refused_is_not_recorded(operator: &Operator, journaled: &Journaled) -> Verdict {
    for (id, request) in &operator.requests {
        let recorded = journaled.recorded.contains(&operator.key(*id));
        let refused = request.over.is_some();
        ensure!("I2", !(recorded && refused), "{id} was refused for good and is recorded: {request:?}");
    }
    Ok(())
}

/// Operator and destination of one transaction know the same.
fn agree(
    operator: &Operator,
    original: RequestId,
    known: &Known<'_>,
    plan: &Plan,
    destinations: &[Destination],
) -> Verdict {
    let key = operator.key(original);
    let Some(m) = known.authorize.as_deref() else { return Ok(()) };
    let at = destination(key, m, plan, destinations);
    let Some(entry) = at.and_then(|d| d.entries.get(&key)).filter(|entry| !entry.lied) else {
        let lied = at.and_then(|d| d.entries.get(&key)).is_some();
        // The forward may have been lost with a link, its reversal never is.
        let told_of = known.approved.is_some() || known.reason == Some(Reason::DestinationTimedOut);
        ensure!("I5", lied || !told_of, "{key} is {known:?}, and no destination knows it");
        return Ok(());
    };
    amounts_agree(key, known, m.kind, entry)?;
    words::agree(operator, original, m, entry)?;
    // I5: each ending reaches the destination.
    let held = known.approved.is_some() && m.kind != Kind::Pay;
    ensure!("I5", !held || entry.ended(), "{key} has ended, and the destination still holds: {entry:?}");
    let timed_out = known.reason == Some(Reason::DestinationTimedOut);
    ensure!("I5", !timed_out || entry.reversed(), "{key} timed out, and was not reversed: {entry:?}");
    // What was approved, decided and not accepted is undone.
    let stands = known.approved.is_some() && !known.reversed;
    let undone = entry.reversed() || !entry.approval_covered();
    let only_released = m.kind != Kind::Pay && known.captured == 0 && entry.ended();
    ensure!(
        "I5",
        stands || undone || only_released,
        "{key} is {known:?}, the destination's approval: {entry:?}"
    );
    let why = known.approved.is_none() || known.reversal_asked;
    ensure!(
        "I5",
        why || !entry.reversed(),
        "{key} is {known:?}, and its destination was told to undo it: {entry:?}"
    );
    Ok(())
}

fn amounts_agree(key: TransactionKey, known: &Known<'_>, kind: Kind, entry: &Entry) -> Verdict {
    if let Some(approved) = known.approved {
        let said = entry
            .answers
            .iter()
            .any(|said| said.reply.outcome == Outcome::Approved && said.reply.amount.minor() == approved);
        ensure!("I6", said, "{key} is approved for {approved}, its destination said {entry:?}");
    }
    if kind != Kind::Pay {
        let delivered = entry.captured();
        // A reversal may have made captures needless that had not been sent.
        let same = delivered == known.captured || (known.reversed && delivered < known.captured);
        ensure!("auditor", same, "{key}: {delivered} was delivered of {known:?}");
    }
    if known.reversed && known.captured > 0 {
        ensure!("I5", entry.reversed(), "{key} was reversed, its destination knows {entry:?}");
    }
    Ok(())
}
