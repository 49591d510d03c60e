//! Entries from bytes: see [`super::entry`].
//!
//! Invariant: reading bytes that nobody wrote gives an error and never a panic.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use holdfast_core::effect::Delivery;
use holdfast_core::ledger::Position;
use holdfast_core::snapshot::{
    Beginning, Closed, ClosedEntry, Content, Entry, FollowUpKind, FollowUpParts, LeaseEntry, Linked, Moved,
    OpenEntry, ParticipantEntry, Terms, Transaction, Usage,
};
use holdfast_core::transaction::TransactionKind;
use holdfast_core::transaction::money::{Ending, Money};
use holdfast_protocol::{
    Amount, BusinessDate, Epoch, Instance, Merchant, Message, MpsId, ParticipantNumber, Partition, PaymentId,
    RequestId, Sequence,
};

use super::entry::{AFTER_TERMS, BEFORE_TERMS, CLOSED, kind};
use crate::record::fields::{Reader, decider};
use crate::record::{RECORD_BYTES_MAX, RecordError, VERSION, registry};

const fn ending(number: u8) -> Result<Ending, RecordError> {
    match number {
        1 => Ok(Ending::Declined),
        2 => Ok(Ending::Captured),
        3 => Ok(Ending::Released),
        4 => Ok(Ending::Expired),
        5 => Ok(Ending::TimedOut),
        6 => Ok(Ending::Reversed),
        _ => Err(RecordError::Field("ending")),
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
pub fn read(bytes: &mut &[u8]) -> Result<Entry, RecordError> {
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
        kind::FOUNDED => Entry::Founded(Partition(r.u16()?), r.u16()?),
        kind::LEASE => Entry::Lease(LeaseEntry {
            debtor: r.participant()?,
            currency: r.currency()?,
            other: Partition(r.u16()?),
            moved: Moved { given: r.total()?, taken: r.total()? },
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
        kind::OPEN_LINKED => Entry::Open(Box::new(read_open_linked(r)?)),
        kind::CLOSED => Entry::Closed(read_closed_entry(r)?),
        kind::CLOSED_LINKED => {
            let entry = read_closed_entry(r)?;
            Entry::Closed(ClosedEntry { linked: read_linked(r)?, ..entry })
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

/// See [`super::entry::write_closed_entry`].
pub(crate) fn read_closed_entry(r: &mut Reader<'_>) -> Result<ClosedEntry, RecordError> {
    // Taken in pieces of fixed length: then the place of each field is known.
    let before: [u8; BEFORE_TERMS] = r.array()?;
    let mut fields = Reader::new(&before);
    let (key, content) = (fields.key()?, read_content(&mut fields)?);
    let terms = read_terms(r)?;
    let after: [u8; AFTER_TERMS] = r.array()?;
    let closed = read_after_terms(terms, &mut Reader::new(&after))?;
    Ok(ClosedEntry { key, content, closed, linked: Linked::Alone })
}

#[inline(always)]
fn read_content(r: &mut Reader<'_>) -> Result<Content, RecordError> {
    Ok(Content { digest: r.u64()?, fields: r.array()? })
}

fn read_terms(r: &mut Reader<'_>) -> Result<Option<Terms>, RecordError> {
    let kind = match r.u8()? {
        0 => return Ok(None),
        1 => TransactionKind::Pay,
        2 => TransactionKind::Reserve,
        3 => TransactionKind::Verify,
        4 => TransactionKind::Refund,
        _ => return Err(RecordError::Field("kind")),
    };
    let debtor = registry::debtor(r.u8()?)?;
    let security_level = registry::level(r.u8()?)?;
    Ok(Some(Terms { kind, debtor, security_level, channel: r.u8()?, currency: r.currency()? }))
}

pub(crate) fn read_linked(r: &mut Reader<'_>) -> Result<Linked, RecordError> {
    match r.u8()? {
        1 => Ok(Linked::Refunded(r.amount()?)),
        2 => Ok(Linked::RefundOf(RequestId::from_bytes(r.array()?))),
        _ => Err(RecordError::Field("link")),
    }
}

#[inline(always)]
fn read_after_terms(terms: Option<Terms>, r: &mut Reader<'_>) -> Result<Closed, RecordError> {
    Ok(Closed {
        terms,
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
    let waits_since = waits.then_some(since);
    Ok(OpenEntry { transaction, request, refund: None, linked: Linked::Alone, content, waits_since })
}

fn read_open_linked(r: &mut Reader<'_>) -> Result<OpenEntry, RecordError> {
    let entry = read_open(r)?;
    let linked = read_linked(r)?;
    let refund = if r.bool()? { Some(r.refund()?) } else { None };
    Ok(OpenEntry { linked, refund, ..entry })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(kind in 0_u8..14, fields in proptest::collection::vec(any::<u8>(), 0..400)) {
            let length = u32::try_from(fields.len() + 2).unwrap();
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend([VERSION, kind]);
            bytes.extend(&fields);
            let mut rest = bytes.as_slice();
            if let Ok(entry) = super::read(&mut rest) {
                // What is read is written as it was.
                let mut again = Vec::new();
                super::super::entry::write(&entry, &mut bytes::BytesMut::new(), &mut again);
                prop_assert_eq!(again.len(), bytes.len() - rest.len());
            }
        }
    }
}
