//! Entries as bytes: length of the rest (4 bytes), version (1), type (1), fields, all little-endian, as records of facts
//! are. Requests and deliveries stand in them as frames of the protocol. [`super::entry_read`] reads them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::BytesMut;
use holdfast_core::effect::Delivery;
use holdfast_core::leaving::Archived;
use holdfast_core::ledger::Position;
use holdfast_core::snapshot::{
    Beginning, Closed, ClosedEntry, Content, Entry, FollowUpKind, FollowUpParts, LeaseEntry, Linked, Moved,
    OpenEntry, ParticipantEntry, Terms, Transaction, Usage,
};
use holdfast_core::transaction::TransactionKind;
use holdfast_core::transaction::money::{Ending, Money};
use holdfast_protocol::{ParticipantNumber, Refund, RequestId, TransactionKey};

use crate::format::{In, Out};
use crate::record::fields::{Writer, decider_number};
use crate::record::registry;

pub(super) mod kind {
    pub(in crate::snapshot) const BEGINNING: u8 = 1;
    pub(in crate::snapshot) const PARTICIPANT: u8 = 2;
    pub(in crate::snapshot) const ROUTES: u8 = 3;
    pub(in crate::snapshot) const EPOCH: u8 = 4;
    pub(in crate::snapshot) const DAY: u8 = 5;
    pub(in crate::snapshot) const OPEN: u8 = 6;
    pub(in crate::snapshot) const CLOSED: u8 = 7;
    pub(in crate::snapshot) const FOLLOW_UP: u8 = 8;
    pub(in crate::snapshot) const CLOSED_UNTIL: u8 = 9;
    pub(in crate::snapshot) const EXTENSIONS: u8 = 10;
    /// As [`OPEN`] and [`CLOSED`], of what is linked with others.
    pub(in crate::snapshot) const OPEN_LINKED: u8 = 11;
    pub(in crate::snapshot) const CLOSED_LINKED: u8 = 12;
    pub(in crate::snapshot) const FOUNDED: u8 = 13;
    pub(in crate::snapshot) const LEASE: u8 = 14;
}

/// Appends an entry to `out`; `frame` is room for the requests in it.
pub fn write(entry: &Entry, frame: &mut BytesMut, out: &mut Vec<u8>) {
    let start = out.len();
    let mut w = Writer::begin(out, frame, kind_of(entry));
    match entry {
        Entry::Beginning(Beginning { sequence, time, business_date, forgotten_through }) => {
            w.u64(sequence.0);
            w.time(*time);
            w.optional_date(*business_date);
            w.u64(*forgotten_through);
        }
        Entry::Founded(partition, partitions) => {
            w.u16(partition.0);
            w.u16(*partitions);
        }
        Entry::Participant(participant) => write_participant(&mut w, participant),
        Entry::Lease(LeaseEntry { debtor, currency, other, moved: Moved { given, taken } }) => {
            w.participant(*debtor);
            w.currency(*currency);
            w.u16(other.0);
            w.total(*given);
            w.total(*taken);
        }
        Entry::Routes(routes) => registry::write_routes(&mut w, routes),
        Entry::Epoch(from, epoch) => {
            w.u64(from.0);
            w.u64(u64::from(epoch.0));
        }
        Entry::Day(day) => w.date(*day),
        Entry::Open(open) => write_open(&mut w, open),
        Entry::Closed(entry) => write_closed(&mut w, entry),
        Entry::FollowUp(parts) => write_follow_up(&mut w, parts),
        Entry::ClosedUntil(second, keys) => {
            w.u64(*second);
            w.count(keys.len());
            keys.iter().for_each(|key| w.key(*key));
        }
        Entry::Extensions(who, id, extensions) => {
            w.participant(*who);
            w.bytes(&id.to_bytes());
            w.extensions(extensions);
        }
    }
    Writer::end(out, start);
}

/// Appends the entry of what left memory.
pub(crate) fn write_archived(archived: &Archived, frame: &mut BytesMut, out: &mut Vec<u8>) {
    let start = out.len();
    match archived {
        Archived::Transaction(closed) => {
            write_closed(&mut Writer::begin(out, frame, kind_of_closed(closed)), closed);
        }
        Archived::FollowUp(parts) => {
            write_follow_up(&mut Writer::begin(out, frame, kind::FOLLOW_UP), parts);
        }
    }
    Writer::end(out, start);
}

/// Whose the first entry of these bytes is, as [`write_archived`] has written it; and the bytes after it.
pub(crate) fn split_archived(bytes: &[u8]) -> Option<(TransactionKey, &[u8], &[u8])> {
    let (length, _) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (entry, rest) = bytes.split_at_checked(length.checked_add(4)?)?;
    // Version and type stand before it.
    let mut key = In(entry.get(6..)?);
    let originator = ParticipantNumber::new(u16::from_le_bytes(key.take()?))?;
    Some((TransactionKey { originator, id: RequestId::from_bytes(key.take()?) }, entry, rest))
}

const fn kind_of_closed(closed: &ClosedEntry) -> u8 {
    match closed.linked {
        Linked::Alone => kind::CLOSED,
        Linked::Refunded(_) | Linked::RefundOf(_) => kind::CLOSED_LINKED,
    }
}

const fn kind_of(entry: &Entry) -> u8 {
    match entry {
        Entry::Beginning(_) => kind::BEGINNING,
        Entry::Founded(..) => kind::FOUNDED,
        Entry::Participant(_) => kind::PARTICIPANT,
        Entry::Lease(_) => kind::LEASE,
        Entry::Routes(_) => kind::ROUTES,
        Entry::Epoch(..) => kind::EPOCH,
        Entry::Day(_) => kind::DAY,
        Entry::Open(open) => match open.linked {
            Linked::Alone => kind::OPEN,
            Linked::Refunded(_) | Linked::RefundOf(_) => kind::OPEN_LINKED,
        },
        Entry::Closed(closed) => kind_of_closed(closed),
        Entry::FollowUp(_) => kind::FOLLOW_UP,
        Entry::ClosedUntil(..) => kind::CLOSED_UNTIL,
        Entry::Extensions(..) => kind::EXTENSIONS,
    }
}

fn write_participant(w: &mut Writer<'_>, entry: &ParticipantEntry) {
    let ParticipantEntry { record, status, removed, positions, usages } = entry;
    registry::write_participant(w, record);
    w.u8(registry::status_number(*status));
    w.bool(*removed);
    w.count(positions.len());
    for Position { currency, cap, held, debits, credits } in positions {
        w.currency(*currency);
        w.bool(cap.is_some());
        w.total(cap.unwrap_or_default());
        w.total(*held);
        w.total(*debits);
        w.total(*credits);
    }
    w.count(usages.len());
    for Usage { level, currency, date, amount, count } in usages {
        w.u8(*level as u8);
        w.currency(*currency);
        w.date(*date);
        w.total(*amount);
        w.u64(*count);
    }
}

/// Bytes of a closed transaction before its terms and after them.
pub(super) const BEFORE_TERMS: usize = 32;
pub(super) const AFTER_TERMS: usize = 44;
/// Bytes of terms, where there are some.
pub(super) const TERMS: usize = 6;

/// All of a closed transaction. Facts have the same bytes. There are tens of millions of them in a snapshot, and as many in
/// indexes: their fields are put together where the place of each is known, and appended at once.
pub(crate) fn write_closed_entry(w: &mut Writer<'_>, entry: &ClosedEntry) {
    // How it is linked with others stands after it, where it is.
    let ClosedEntry { key, content, closed, linked: _ } = entry;
    let mut before = [0; BEFORE_TERMS];
    let mut out = Out(&mut before);
    out.put(key.originator.get().to_le_bytes());
    out.put(key.id.to_bytes());
    out.put(content.digest.to_le_bytes());
    out.put(content.fields);
    w.bytes(&before);
    write_terms(w, closed.terms);
    w.bytes(&after_terms(closed));
}

fn write_closed(w: &mut Writer<'_>, entry: &ClosedEntry) {
    write_closed_entry(w, entry);
    write_linked(w, entry.linked);
}

fn write_content(w: &mut Writer<'_>, content: &Content) {
    w.u64(content.digest);
    w.bytes(&content.fields);
}

fn write_terms(w: &mut Writer<'_>, terms: Option<Terms>) {
    let Some(Terms { kind, debtor, security_level, channel, currency }) = terms else { return w.u8(0) };
    let kind = match kind {
        TransactionKind::Pay => 1,
        TransactionKind::Reserve => 2,
        TransactionKind::Verify => 3,
        TransactionKind::Refund => 4,
    };
    let [low, high] = currency.number().to_le_bytes();
    let bytes: [u8; TERMS] =
        [kind, registry::debtor_number(debtor), security_level as u8, channel, low, high];
    w.bytes(&bytes);
}

/// What is alone has a type of its own, which says so.
pub(crate) fn write_linked(w: &mut Writer<'_>, linked: Linked) {
    match linked {
        Linked::Alone => {}
        Linked::Refunded(amount) => {
            w.u8(1);
            w.amount(amount);
        }
        Linked::RefundOf(original) => {
            w.u8(2);
            w.bytes(&original.to_bytes());
        }
    }
}

fn after_terms(closed: &Closed) -> [u8; AFTER_TERMS] {
    let Closed {
        terms: _,
        ending,
        reason,
        decided_by,
        destination,
        instance,
        held_for,
        captured,
        approval_code,
        settlement_date,
        sequence,
        deliveries_made,
        late_noted,
    } = closed;
    let mut after = [0; AFTER_TERMS];
    let mut out = Out(&mut after);
    out.put([ending_number(*ending)]);
    out.put(reason.number().to_le_bytes());
    out.put([decider_number(*decided_by)]);
    out.put(destination.map_or(0, ParticipantNumber::get).to_le_bytes());
    out.put(instance.0.to_le_bytes());
    out.put(held_for.minor().to_le_bytes());
    out.put(captured.minor().to_le_bytes());
    out.put(approval_code.to_bytes());
    out.put(settlement_date.to_yyyymmdd().to_le_bytes());
    out.put(sequence.to_le_bytes());
    out.put([*deliveries_made, u8::from(*late_noted)]);
    after
}

fn write_follow_up(w: &mut Writer<'_>, parts: &FollowUpParts) {
    let FollowUpParts { key, original, kind, content, reason, amount, settlement_date, sequence } = parts;
    w.key(*key);
    w.bytes(&original.to_bytes());
    w.u8(match kind {
        FollowUpKind::Capture => 1,
        FollowUpKind::Release => 2,
        FollowUpKind::Reverse => 3,
    });
    write_content(w, content);
    w.reason(*reason);
    w.amount(*amount);
    w.date(*settlement_date);
    w.u64(*sequence);
}

fn write_open(w: &mut Writer<'_>, entry: &OpenEntry) {
    let OpenEntry { transaction, request, refund, linked, content, waits_since } = entry;
    let Transaction {
        key,
        destination,
        instance,
        terms,
        captures_many,
        partial_allowed,
        money,
        held_for,
        captured,
        released,
        reversed,
        deadline,
        hold_until,
        settlement_date,
        approval_code,
        reason,
        decided_by,
        sequence,
        payment_id,
        content: _,
        deliveries,
        deliveries_made,
        late_noted,
        latest_second,
    } = transaction;
    w.key(*key);
    w.participant(*destination);
    w.bool(instance.is_some());
    w.u16(instance.map_or(0, |instance| instance.0));
    write_terms(w, *terms);
    w.bool(*captures_many);
    w.bool(*partial_allowed);
    w.u8(money_number(*money));
    for amount in [held_for, captured, released, reversed] {
        w.amount(*amount);
    }
    w.time(*deadline);
    w.time(*hold_until);
    w.date(*settlement_date);
    w.bytes(&approval_code.to_bytes());
    w.reason(*reason);
    w.u8(decider_number(*decided_by));
    w.u64(*sequence);
    w.bytes(&payment_id.mps.to_bytes());
    w.bytes(&payment_id.merchant.to_bytes());
    w.u8(*deliveries_made);
    w.bool(*late_noted);
    w.u64(*latest_second);
    write_content(w, content);
    w.bool(waits_since.is_some());
    w.time(waits_since.unwrap_or_default());
    w.bool(request.is_some());
    if let Some(request) = request {
        w.frame(|frame| request.encode(frame));
    }
    w.count(deliveries.len());
    for delivery in deliveries {
        w.frame(|frame| match delivery {
            Delivery::Capture(m) => m.encode(frame),
            Delivery::Release(m) => m.encode(frame),
            Delivery::Reverse(m) => m.encode(frame),
        });
    }
    write_open_link(w, *linked, refund.as_ref());
}

/// Nothing for what is alone: its type says so.
fn write_open_link(w: &mut Writer<'_>, linked: Linked, refund: Option<&Refund>) {
    write_linked(w, linked);
    if linked != Linked::Alone {
        w.bool(refund.is_some());
    }
    if let Some(refund) = refund {
        w.frame(|frame| refund.encode(frame));
    }
}

const fn ending_number(ending: Ending) -> u8 {
    match ending {
        Ending::Declined => 1,
        Ending::Captured => 2,
        Ending::Released => 3,
        Ending::Expired => 4,
        Ending::TimedOut => 5,
        Ending::Reversed => 6,
    }
}

/// Of what is closed, the ending's number with this bit.
pub(super) const CLOSED: u8 = 0x80;

const fn money_number(money: Money) -> u8 {
    match money {
        Money::Pending => 1,
        Money::Held => 2,
        Money::Closed(ending) => ending_number(ending) | CLOSED,
    }
}
