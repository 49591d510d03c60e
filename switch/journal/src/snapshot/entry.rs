//! Entries as bytes: length of the rest (4 bytes), version (1), type (1), fields, all little-endian, as records of facts
//! are. Requests and deliveries stand in them as frames of the protocol.
//!
//! Invariant: reading bytes that nobody wrote gives an error and never a panic.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::BytesMut;
use holdfast_core::effect::Delivery;
use holdfast_core::ledger::Position;
use holdfast_core::snapshot::{
    Beginning, Closed, ClosedEntry, Content, Entry, FollowUpKind, FollowUpParts, OpenEntry, ParticipantEntry,
    Terms, Transaction, Usage,
};
use holdfast_core::transaction::money::{Ending, Money};
use holdfast_protocol::{
    Amount, BusinessDate, Epoch, Instance, Kind, Merchant, Message, MpsId, ParticipantNumber, PaymentId,
    RequestId, Sequence,
};

use crate::record::fields::{Reader, Writer, decider, decider_number};
use crate::record::{RECORD_BYTES_MAX, RecordError, VERSION, registry};

mod kind {
    pub(super) const BEGINNING: u8 = 1;
    pub(super) const PARTICIPANT: u8 = 2;
    pub(super) const ROUTES: u8 = 3;
    pub(super) const EPOCH: u8 = 4;
    pub(super) const DAY: u8 = 5;
    pub(super) const OPEN: u8 = 6;
    pub(super) const CLOSED: u8 = 7;
    pub(super) const FOLLOW_UP: u8 = 8;
    pub(super) const CLOSED_UNTIL: u8 = 9;
    pub(super) const EXTENSIONS: u8 = 10;
}

/// Appends an entry to `out`; `frame` is room for the requests in it.
pub(super) fn write(entry: &Entry, frame: &mut BytesMut, out: &mut Vec<u8>) {
    let start = out.len();
    let mut w = Writer::begin(out, frame, kind_of(entry));
    match entry {
        Entry::Beginning(Beginning { sequence, time, business_date, forgotten_through }) => {
            w.u64(sequence.0);
            w.time(*time);
            w.optional_date(*business_date);
            w.u64(*forgotten_through);
        }
        Entry::Participant(participant) => write_participant(&mut w, participant),
        Entry::Routes(routes) => registry::write_routes(&mut w, routes),
        Entry::Epoch(from, epoch) => {
            w.u64(from.0);
            w.u64(u64::from(epoch.0));
        }
        Entry::Day(day) => w.date(*day),
        Entry::Open(open) => write_open(&mut w, open),
        Entry::Closed(ClosedEntry { key, content, closed }) => {
            w.key(*key);
            write_content(&mut w, content);
            write_closed(&mut w, closed);
        }
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

const fn kind_of(entry: &Entry) -> u8 {
    match entry {
        Entry::Beginning(_) => kind::BEGINNING,
        Entry::Participant(_) => kind::PARTICIPANT,
        Entry::Routes(_) => kind::ROUTES,
        Entry::Epoch(..) => kind::EPOCH,
        Entry::Day(_) => kind::DAY,
        Entry::Open(_) => kind::OPEN,
        Entry::Closed(_) => kind::CLOSED,
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

fn write_content(w: &mut Writer<'_>, content: &Content) {
    w.u64(content.digest);
    w.bytes(&content.fields);
}

fn write_terms(w: &mut Writer<'_>, terms: Option<Terms>) {
    let Some(Terms { kind, debtor, security_level, channel, currency }) = terms else { return w.u8(0) };
    w.u8(kind as u8);
    w.u8(registry::debtor_number(debtor));
    w.u8(security_level as u8);
    w.u8(channel);
    w.currency(currency);
}

fn write_closed(w: &mut Writer<'_>, closed: &Closed) {
    let Closed {
        terms,
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
    write_terms(w, *terms);
    w.u8(ending_number(*ending));
    w.reason(*reason);
    w.u8(decider_number(*decided_by));
    w.u16(destination.map_or(0, ParticipantNumber::get));
    w.u16(instance.0);
    w.amount(*held_for);
    w.amount(*captured);
    w.bytes(&approval_code.to_bytes());
    w.date(*settlement_date);
    w.u64(*sequence);
    w.u8(*deliveries_made);
    w.bool(*late_noted);
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
    let OpenEntry { transaction, request, content, waits_since } = entry;
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
}

const ENDINGS: [(Ending, u8); 6] = [
    (Ending::Declined, 1),
    (Ending::Captured, 2),
    (Ending::Released, 3),
    (Ending::Expired, 4),
    (Ending::TimedOut, 5),
    (Ending::Reversed, 6),
];

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

fn ending(number: u8) -> Result<Ending, RecordError> {
    let known = ENDINGS.iter().find(|(_, known)| *known == number);
    known.map(|(ending, _)| *ending).ok_or(RecordError::Field("ending"))
}

/// Of what is closed, the ending's number with this bit.
const CLOSED: u8 = 0x80;

const fn money_number(money: Money) -> u8 {
    match money {
        Money::Pending => 1,
        Money::Held => 2,
        Money::Closed(ending) => ending_number(ending) | CLOSED,
    }
}

fn money(number: u8) -> Result<Money, RecordError> {
    match number {
        1 => Ok(Money::Pending),
        2 => Ok(Money::Held),
        closed if closed & CLOSED != 0 => ending(closed & !CLOSED).map(Money::Closed),
        _ => Err(RecordError::Field("money")),
    }
}

/// Takes one entry off the front of `bytes`.
///
/// # Errors
/// See [`RecordError`].
pub(super) fn read(bytes: &mut &[u8]) -> Result<Entry, RecordError> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(RecordError::Short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| RecordError::Short)?;
    if length > RECORD_BYTES_MAX {
        return Err(RecordError::Field("length"));
    }
    let (entry, rest) = rest.split_at_checked(length).ok_or(RecordError::Short)?;
    let ([version, kind], fields) = entry.split_first_chunk::<2>().ok_or(RecordError::Short)?;
    if *version != VERSION {
        return Err(RecordError::Version(*version));
    }
    let mut reader = Reader::new(fields);
    let entry = read_entry(*kind, &mut reader)?;
    if !reader.is_empty() {
        return Err(RecordError::Long);
    }
    *bytes = rest;
    Ok(entry)
}

fn read_entry(kind: u8, r: &mut Reader<'_>) -> Result<Entry, RecordError> {
    Ok(match kind {
        kind::BEGINNING => Entry::Beginning(Beginning {
            sequence: Sequence(r.u64()?),
            time: r.time()?,
            business_date: optional_date(r)?,
            forgotten_through: r.u64()?,
        }),
        kind::PARTICIPANT => Entry::Participant(Box::new(read_participant(r)?)),
        kind::ROUTES => Entry::Routes(registry::read_routes(r)?),
        kind::EPOCH => {
            let from = Sequence(r.u64()?);
            let epoch = u32::try_from(r.u64()?).map_err(|_| RecordError::Field("epoch"))?;
            Entry::Epoch(from, Epoch(epoch))
        }
        kind::DAY => Entry::Day(r.date()?),
        kind::OPEN => Entry::Open(Box::new(read_open(r)?)),
        kind::CLOSED => {
            Entry::Closed(ClosedEntry { key: r.key()?, content: read_content(r)?, closed: read_closed(r)? })
        }
        kind::FOLLOW_UP => Entry::FollowUp(read_follow_up(r)?),
        kind::CLOSED_UNTIL => {
            let second = r.u64()?;
            let count = r.count(18)?;
            Entry::ClosedUntil(second, (0..count).map(|_| r.key()).collect::<Result<_, _>>()?)
        }
        kind::EXTENSIONS => {
            Entry::Extensions(r.participant()?, RequestId::from_bytes(r.array()?), r.extensions()?)
        }
        unknown => return Err(RecordError::Kind(unknown)),
    })
}

fn optional_date(r: &mut Reader<'_>) -> Result<Option<BusinessDate>, RecordError> {
    match u32::from_le_bytes(r.array()?) {
        0 => Ok(None),
        date => BusinessDate::from_yyyymmdd(date).map(Some).ok_or(RecordError::Field("date")),
    }
}

fn read_participant(r: &mut Reader<'_>) -> Result<ParticipantEntry, RecordError> {
    let record = registry::read_participant(r)?;
    let status = registry::status(r.u8()?)?;
    let removed = r.bool()?;
    let count = r.count(67)?;
    let mut positions = Vec::with_capacity(count);
    for _ in 0..count {
        let currency = r.currency()?;
        let (agreed, cap) = (r.bool()?, r.total()?);
        let (held, debits, credits) = (r.total()?, r.total()?, r.total()?);
        positions.push(Position { currency, cap: agreed.then_some(cap), held, debits, credits });
    }
    let count = r.count(31)?;
    let mut usages = Vec::with_capacity(count);
    for _ in 0..count {
        let level = registry::level(r.u8()?)?;
        let (currency, date) = (r.currency()?, r.date()?);
        usages.push(Usage { level, currency, date, amount: r.total()?, count: r.u64()? });
    }
    Ok(ParticipantEntry { record, status, removed, positions, usages })
}

fn read_content(r: &mut Reader<'_>) -> Result<Content, RecordError> {
    Ok(Content { digest: r.u64()?, fields: r.array()? })
}

fn read_terms(r: &mut Reader<'_>) -> Result<Option<Terms>, RecordError> {
    let kind = match r.u8()? {
        0 => return Ok(None),
        1 => Kind::Pay,
        2 => Kind::Reserve,
        3 => Kind::Verify,
        _ => return Err(RecordError::Field("kind")),
    };
    let debtor = registry::debtor(r.u8()?)?;
    let security_level = registry::level(r.u8()?)?;
    Ok(Some(Terms { kind, debtor, security_level, channel: r.u8()?, currency: r.currency()? }))
}

fn read_closed(r: &mut Reader<'_>) -> Result<Closed, RecordError> {
    Ok(Closed {
        terms: read_terms(r)?,
        ending: ending(r.u8()?)?,
        reason: r.reason()?,
        decided_by: decider(r.u8()?)?,
        destination: ParticipantNumber::new(r.u16()?),
        instance: Instance(r.u16()?),
        held_for: r.amount()?,
        captured: r.amount()?,
        approval_code: r.approval_code()?,
        settlement_date: r.date()?,
        sequence: r.u64()?,
        deliveries_made: r.u8()?,
        late_noted: r.bool()?,
    })
}

fn read_follow_up(r: &mut Reader<'_>) -> Result<FollowUpParts, RecordError> {
    let key = r.key()?;
    let original = RequestId::from_bytes(r.array()?);
    let kind = match r.u8()? {
        1 => FollowUpKind::Capture,
        2 => FollowUpKind::Release,
        3 => FollowUpKind::Reverse,
        _ => return Err(RecordError::Field("kind")),
    };
    let (content, reason, amount) = (read_content(r)?, r.reason()?, r.amount()?);
    let settlement_date = r.date()?;
    Ok(FollowUpParts { key, original, kind, content, reason, amount, settlement_date, sequence: r.u64()? })
}

fn read_open(r: &mut Reader<'_>) -> Result<OpenEntry, RecordError> {
    let transaction = read_transaction(r)?;
    let content = read_content(r)?;
    let (waits, since) = (r.bool()?, r.time()?);
    let request = if r.bool()? { Some(r.authorize()?) } else { None };
    // A frame has a length of two bytes.
    let count = r.count(2)?;
    let deliveries = (0..count).map(|_| read_delivery(r)).collect::<Result<_, _>>()?;
    let transaction = Transaction { deliveries, ..transaction };
    Ok(OpenEntry { transaction, request, content, waits_since: waits.then_some(since) })
}

/// All of it but its deliveries.
fn read_transaction(r: &mut Reader<'_>) -> Result<Transaction, RecordError> {
    let (key, destination) = (r.key()?, r.participant()?);
    let (forwarded, instance) = (r.bool()?, Instance(r.u16()?));
    let terms = read_terms(r)?;
    let (captures_many, partial_allowed) = (r.bool()?, r.bool()?);
    let money = money(r.u8()?)?;
    let mut amount = || -> Result<Amount, RecordError> { r.amount() };
    let (held_for, captured, released, reversed) = (amount()?, amount()?, amount()?, amount()?);
    Ok(Transaction {
        key,
        destination,
        instance: forwarded.then_some(instance),
        terms,
        captures_many,
        partial_allowed,
        money,
        held_for,
        captured,
        released,
        reversed,
        deadline: r.time()?,
        hold_until: r.time()?,
        settlement_date: r.date()?,
        approval_code: r.approval_code()?,
        reason: r.reason()?,
        decided_by: decider(r.u8()?)?,
        sequence: r.u64()?,
        payment_id: read_payment_id(r)?,
        content: None,
        deliveries: Vec::new(),
        deliveries_made: r.u8()?,
        late_noted: r.bool()?,
        latest_second: r.u64()?,
    })
}

fn read_payment_id(r: &mut Reader<'_>) -> Result<PaymentId, RecordError> {
    let wrong = RecordError::Field("payment ID");
    let mps = MpsId::from_bytes(r.array()?).ok_or(wrong)?;
    Ok(PaymentId { mps, merchant: Merchant::from_bytes(r.array()?).ok_or(wrong)? })
}

fn read_delivery(r: &mut Reader<'_>) -> Result<Delivery, RecordError> {
    let wrong = RecordError::Field("delivery");
    let (delivery, number) = match r.message()? {
        Message::Capture(m) => (m.delivery, Delivery::Capture(m)),
        Message::Release(m) => (m.delivery, Delivery::Release(m)),
        Message::Reverse(m) => (m.delivery, Delivery::Reverse(m)),
        _ => return Err(wrong),
    };
    // Each has its number.
    delivery.map(|_| number).ok_or(wrong)
}
