//! The ledger taken apart into entries, and put together again (I7).
//!
//! Both directions take each struct apart field by field, so that a field that is added does not compile until it is in
//! snapshots, too.
//!
//! Left out is what the digest leaves out: numbers in slabs, hash seeds, sums of what is there one by one, and the epoch
//! of a fact that is still to come.

use holdfast_protocol::{Amount, Sequence, Total, TransactionKey, UnixMillis};

use super::follow_up_record::FollowUpRecord;
use super::limits::Usages;
use super::participants::Participant;
use super::record::{CHANNEL_END, Standing, TransactionRecord};
use super::remembered::{Remembered, key_of, second_of};
use super::state::{Ledger, Transaction};
use super::{Position, movement};
use crate::effect::Delivery;
use crate::snapshot::{
    Beginning, Closed, ClosedEntry, Content, Entry, FollowUpParts, LeaseEntry, Linked, Moved, NoLedger,
    OpenEntry, ParticipantEntry, Terms,
};
use crate::transaction::TransactionKind;
use crate::transaction::money::Money;

/// Keys in one entry of closed transactions.
const KEYS_MAX: usize = 1_000;
/// Sequences in records have 48 bits.
const SEQUENCE_END: u64 = 1 << 48;
/// Deliveries have numbers below this.
const DELIVERIES_END: u8 = 64;
/// No sum of a ledger comes near; what does was never one.
const TOTAL_END: i128 = 1 << 100;

/// Calls `each` with all entries, in the order of the variants of [`Entry`].
pub(crate) fn write<E>(
    ledger: &Ledger,
    time: UnixMillis,
    waits_since: &dyn Fn(u32) -> Option<UnixMillis>,
    each: &mut dyn FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    let Ledger {
        sequence,
        participants,
        routes,
        business_date,
        days,
        transactions,
        contents,
        remembered,
        partition,
        partitions,
        leases,
        // A sum.
        pending: _,
        ..
    } = ledger;
    each(Entry::Beginning(Beginning {
        sequence: Sequence(*sequence),
        time,
        business_date: *business_date,
        forgotten_through: remembered.forgotten_through(),
    }))?;
    if *partitions > 1 {
        each(Entry::Founded(*partition, *partitions))?;
    }
    for participant in participants.iter() {
        each(Entry::Participant(Box::new(participant_entry(participant))))?;
    }
    for ((debtor, currency), other, moved) in leases.all() {
        each(Entry::Lease(LeaseEntry { debtor, currency, other, moved: *moved }))?;
    }
    each(Entry::Routes(routes.all().to_vec()))?;
    for (from, epoch) in ledger.epochs_decided() {
        each(Entry::Epoch(Sequence(*from), *epoch))?;
    }
    for day in days.keys() {
        each(Entry::Day(*day))?;
    }
    for (index, transaction) in transactions.iter() {
        let record = remembered.transaction(transaction.key).expect("an open transaction has a record");
        let request = transaction.content.map(|content| contents.get(content).clone());
        let waits_since = waits_since(index).filter(|_| !transaction.deliveries.is_empty());
        let transaction = Transaction { content: None, ..transaction.clone() };
        let content = Content { digest: record.digest(), fields: *record.fields() };
        let refund = remembered.refunds.request(transaction.key).cloned();
        let linked = remembered.refunds.linked(transaction.key);
        let entry = OpenEntry { transaction, request, refund, linked, content, waits_since };
        each(Entry::Open(Box::new(entry)))?;
    }
    write_remembered(ledger, each)
}

fn write_remembered<E>(ledger: &Ledger, each: &mut dyn FnMut(Entry) -> Result<(), E>) -> Result<(), E> {
    let remembered = &ledger.remembered;
    let mut long: Vec<_> = remembered.long().collect();
    long.sort_unstable_by_key(|(key, _)| **key);
    for (key, record) in long {
        write_closed(remembered, *key, record, each)?;
    }
    for (second, generation) in remembered.generations() {
        for record in generation.transactions() {
            write_closed(remembered, key_of(record.originator(), second, record.id_low()), record, each)?;
        }
    }
    for (second, generation) in remembered.generations() {
        for record in generation.follow_ups() {
            let key = key_of(record.originator(), second, record.id_low());
            each(Entry::FollowUp(record.parts(key)))?;
        }
    }
    for (second, keys) in remembered.staying() {
        let keys: Vec<_> = keys.iter().copied().collect();
        for keys in keys.chunks(KEYS_MAX) {
            each(Entry::ClosedUntil(*second, keys.to_vec()))?;
        }
    }
    let mut extensions: Vec<_> = remembered.all_extensions().collect();
    extensions.sort_unstable_by_key(|(whose, _)| **whose);
    for ((who, id), extensions) in extensions {
        each(Entry::Extensions(*who, *id, extensions.clone()))?;
    }
    Ok(())
}

fn write_closed<E>(
    remembered: &Remembered,
    key: TransactionKey,
    record: &TransactionRecord,
    each: &mut dyn FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    match record.standing() {
        // It has an entry of its own.
        Standing::Open(_) => Ok(()),
        Standing::Closed(closed) => {
            let content = Content { digest: record.digest(), fields: *record.fields() };
            let linked = remembered.refunds.linked(key);
            each(Entry::Closed(ClosedEntry { key, content, closed, linked }))
        }
    }
}

fn participant_entry(participant: &Participant) -> ParticipantEntry {
    let Participant {
        record,
        status,
        removed,
        positions,
        usages,
        // Sums over open transactions.
        pending: _,
        unfinished: _,
        undelivered: _,
        open: _,
        in_doubt: _,
    } = participant;
    ParticipantEntry {
        record: record.clone(),
        status: *status,
        removed: *removed,
        positions: positions.clone(),
        usages: usages.iter().copied().collect(),
    }
}

fn ensure(holds: bool, what: &'static str) -> Result<(), NoLedger> {
    if holds { Ok(()) } else { Err(NoLedger(what)) }
}

/// Puts one entry back. Returns an open transaction whose first delivery waits, and since when.
pub(crate) fn restore(ledger: &mut Ledger, entry: Entry) -> Result<Option<(u32, UnixMillis)>, NoLedger> {
    match entry {
        Entry::Beginning(Beginning { sequence, time: _, business_date, forgotten_through }) => {
            ensure(sequence.0 < SEQUENCE_END, "its sequence is out of range")?;
            ledger.sequence = sequence.0;
            ledger.business_date = business_date;
            ledger.remembered.restore(forgotten_through);
        }
        Entry::Founded(partition, partitions) => {
            let first = ledger.partitions == 1 && ledger.participants.iter().next().is_none();
            ensure(first && partition.0 < partitions && partitions > 1, "its partition is out of range")?;
            (ledger.partition, ledger.partitions) = (partition, partitions);
        }
        Entry::Participant(entry) => restore_participant(ledger, *entry)?,
        Entry::Lease(entry) => restore_lease(ledger, entry)?,
        Entry::Routes(routes) => ledger.routes.replace(&routes),
        Entry::Epoch(from, epoch) => {
            let last = ledger.last_epoch_from();
            ensure(last < from.0 && from.0 <= ledger.sequence, "its epochs are out of order")?;
            ledger.restore_epoch(from.0, epoch);
        }
        Entry::Day(day) => {
            ledger.days.insert(day, 0);
        }
        Entry::Open(entry) => return restore_open(ledger, *entry),
        Entry::Closed(ClosedEntry { key, content, closed, linked }) => {
            check_closed(ledger, key, &closed)?;
            check_linked(closed.terms, closed.captured, linked)?;
            ledger.remembered.refunds.restore(key, linked);
            let record = TransactionRecord::closed(key.originator, key.id, content, &closed);
            ledger.remembered.insert_transaction(key, record);
        }
        Entry::FollowUp(parts) => restore_follow_up(ledger, &parts)?,
        Entry::ClosedUntil(second, keys) => {
            ensure(second > ledger.remembered.forgotten_through(), "a second was forgotten")?;
            for key in keys {
                ensure(ledger.remembered.restore_until(second, key), "a transaction stays twice")?;
            }
        }
        Entry::Extensions(who, id, extensions) => {
            ledger.remembered.keep_extensions(who, id, &extensions);
        }
    }
    Ok(None)
}

fn restore_participant(ledger: &mut Ledger, entry: ParticipantEntry) -> Result<(), NoLedger> {
    let ParticipantEntry { record, status, removed, positions, usages } = entry;
    ensure(!ledger.participants.is_known(record.number), "a participant comes twice")?;
    let within = |total: Total| (-TOTAL_END..TOTAL_END).contains(&total.minor());
    let sums =
        |p: &Position| within(p.held) && within(p.debits) && within(p.credits) && p.cap.is_none_or(within);
    ensure(positions.iter().all(sums), "a position is out of range")?;
    ensure(usages.iter().all(|usage| within(usage.amount)), "a usage is out of range")?;
    let mut currencies: Vec<_> = positions.iter().map(|position| position.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    ensure(currencies.len() == positions.len(), "a position comes twice")?;
    ledger.participants.restore(record, (status, removed), positions, Usages::restored(usages));
    Ok(())
}

fn restore_lease(ledger: &mut Ledger, entry: LeaseEntry) -> Result<(), NoLedger> {
    let LeaseEntry { debtor, currency, other, moved: Moved { given, taken } } = entry;
    let cap = (debtor, currency);
    let within = |total: Total| (0..TOTAL_END).contains(&total.minor());
    ensure(within(given) && within(taken), "a lease is out of range")?;
    ensure(ledger.is_other(other) && ledger.participants.is_known(debtor), "a lease is of nobody")?;
    ensure(ledger.leases.moved(cap, other) == Moved::default(), "a lease comes twice")?;
    ledger.leases.given(cap, other, given);
    ledger.leases.taken(cap, other, taken);
    Ok(())
}

fn restore_open(ledger: &mut Ledger, entry: OpenEntry) -> Result<Option<(u32, UnixMillis)>, NoLedger> {
    let OpenEntry { transaction, request, refund, linked, content, waits_since } = entry;
    check_open(ledger, &transaction)?;
    check_linked(transaction.terms, transaction.captured, linked)?;
    let is_pending = transaction.money == Money::Pending;
    let pending = is_pending && transaction.is_refund();
    ensure(request.is_some() == (is_pending && !pending), "a pending request is missing")?;
    ensure(refund.is_some() == pending, "a pending refund is missing")?;
    ledger.remembered.refunds.restore(transaction.key, linked);
    ensure(request.as_ref().is_none_or(|r| r.id == transaction.key.id), "a request is of another")?;
    let (key, terms) = (transaction.key, transaction.terms);
    if let Some(refund) = refund {
        let same = refund.id == key.id && refund.amount == transaction.held_for;
        ensure(same && linked == Linked::RefundOf(refund.original), "a refund is of another")?;
        ensure(ledger.remembered.refunds.restore_pending(key, refund), "refunds exceed what there is")?;
    }
    let content_index = request.map(|request| ledger.contents.insert(request));
    let waits = !transaction.deliveries.is_empty();
    let index = movement::restore(ledger, Transaction { content: content_index, ..transaction });
    let record = TransactionRecord::open(key.originator, key.id, content, terms, index);
    ledger.remembered.insert_transaction(key, record);
    Ok(waits_since.filter(|_| waits).map(|since| (index, since)))
}

fn check_open(ledger: &Ledger, transaction: &Transaction) -> Result<(), NoLedger> {
    let Transaction { key, held_for, captured, released, reversed, deliveries, .. } = transaction;
    let participants = &ledger.participants;
    ensure(
        participants.is_known(key.originator) && participants.is_known(transaction.destination),
        "a transaction is of nobody",
    )?;
    ensure(ledger.remembered.transaction(*key).is_none(), "a transaction comes twice")?;
    ensure(transaction.terms.is_none_or(|terms| terms.channel < CHANNEL_END), "no such channel")?;
    ensure(transaction.sequence <= ledger.sequence, "a transaction is of a later fact")?;
    let ended = captured.checked_add(*released).is_some_and(|ended| ended <= *held_for);
    ensure(ended && reversed <= captured, "I5: more has ended than was held for")?;
    let is_open = !transaction.money.is_closed();
    ensure(is_open || transaction.open_amount().is_zero(), "I5: a closed transaction holds something")?;
    ensure(is_open || !deliveries.is_empty(), "an open transaction is closed and delivered")?;
    let made = transaction.deliveries_made;
    let last = deliveries.last().map_or(0, |delivery| delivery.number().0);
    let in_order = deliveries.is_sorted_by_key(Delivery::number);
    ensure(made < DELIVERIES_END && last <= u16::from(made) && in_order, "deliveries are out of order")?;
    let hold = transaction.hold_on_position();
    let position = transaction.debtor().zip(transaction.terms).is_some_and(|(debtor, terms)| {
        participants.is_known(debtor) && participants.known(debtor).position(terms.currency).is_some()
    });
    ensure(hold.is_zero() || position, "I3: a hold is on no position")
}

/// Rule 15, as far as one transaction tells.
fn check_linked(terms: Option<Terms>, captured: Amount, linked: Linked) -> Result<(), NoLedger> {
    let is_refund = terms.is_some_and(|terms| terms.kind == TransactionKind::Refund);
    match linked {
        Linked::Alone => Ok(()),
        Linked::Refunded(amount) => {
            ensure(!is_refund && amount <= captured, "more was refunded than captured")
        }
        Linked::RefundOf(_) => ensure(is_refund, "what is no refund refunds something"),
    }
}

fn check_closed(ledger: &Ledger, key: TransactionKey, closed: &Closed) -> Result<(), NoLedger> {
    ensure(ledger.remembered.transaction(key).is_none(), "a transaction comes twice")?;
    ensure(closed.captured <= closed.held_for, "I5: more was captured than was held for")?;
    ensure(closed.deliveries_made < DELIVERIES_END, "it has more deliveries than there are")?;
    ensure(closed.sequence <= ledger.sequence, "a transaction is of a later fact")?;
    ensure(closed.terms.is_none_or(|terms| terms.channel < CHANNEL_END), "no such channel")
}

/// Whether a transaction that the archive gave back is one that this ledger can have had: it was read from a disk.
pub(crate) fn may_come_back(ledger: &Ledger, entry: &ClosedEntry) -> bool {
    let ClosedEntry { key, content: _, closed, linked } = entry;
    let participants = &ledger.participants;
    let captured = !closed.captured.is_zero();
    second_of(key.id) <= ledger.remembered.forgotten_through()
        && check_closed(ledger, *key, closed).is_ok()
        && check_linked(closed.terms, closed.captured, *linked).is_ok()
        && participants.is_known(key.originator)
        && closed.destination.is_none_or(|destination| participants.is_known(destination))
        && (!captured || closed.destination.is_some() && closed.terms.is_some())
}

fn restore_follow_up(ledger: &mut Ledger, parts: &FollowUpParts) -> Result<(), NoLedger> {
    let (who, id) = (parts.key.originator, parts.key.id);
    ensure(second_of(id) > ledger.remembered.forgotten_through(), "a second was forgotten")?;
    ensure(ledger.remembered.find(who, id).is_none(), "an id comes twice")?;
    ensure(parts.sequence <= ledger.sequence, "a request is of a later fact")?;
    ledger.remembered.insert_follow_up(who, id, FollowUpRecord::restored(parts));
    Ok(())
}
