//! Facts as bytes.
//!
//! Each record: length of the rest (4 bytes), version (1), type (1), fields, all little-endian. Requests stand in it as
//! frames of the protocol, exactly as received, extensions included. A field is never changed or removed; a new meaning
//! gets a new type or a new version, so that every journal ever written can be read.
//!
//! Invariant: reading bytes that nobody wrote gives an error and never a panic.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod fields;
mod follow_up;
pub(crate) mod registry;

use bytes::BytesMut;
use holdfast_core::fact::{DeclinedAtOnce, Fact, RefundDeclined, RefundReserved, Reserved};
use holdfast_core::snapshot::{ClosedEntry, Linked};
use holdfast_protocol::{ParticipantNumber, Partition, TransactionKey};

use crate::snapshot::{entry, entry_read};
use fields::{Reader, Writer};

/// The only version so far.
pub const VERSION: u8 = 1;

/// No record is longer: the longest holds all routes.
pub const RECORD_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// Bytes that are no record of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes end before the record does.
    #[error("the record is cut off")]
    Short,
    /// A later version wrote it.
    #[error("the record has version {0}, known is {VERSION}")]
    Version(u8),
    /// No such type of record.
    #[error("the record has the unknown type {0}")]
    Kind(u8),
    /// A field holds what its type does not allow.
    #[error("the record's field \"{0}\" holds what it cannot")]
    Field(&'static str),
    /// There is more in the record than its fields.
    #[error("the record is longer than its fields")]
    Long,
}

mod kind {
    pub(super) const PARTICIPANT_CONFIGURED: u8 = 1;
    pub(super) const PARTICIPANT_REMOVED: u8 = 2;
    pub(super) const PARTICIPANT_STATUS_SET: u8 = 3;
    pub(super) const ROUTES_CONFIGURED: u8 = 4;
    pub(super) const CUT_OVER: u8 = 5;
    pub(super) const DAY_CLOSED: u8 = 6;
    pub(super) const FORGOTTEN: u8 = 7;
    pub(super) const FOUNDED: u8 = 8;
    pub(super) const LEASE_GIVEN: u8 = 9;
    pub(super) const LEASE_TAKEN: u8 = 10;
    pub(super) const RESERVED: u8 = 16;
    pub(super) const DECLINED_AT_ONCE: u8 = 17;
    pub(super) const APPROVED: u8 = 18;
    pub(super) const DECLINED: u8 = 19;
    pub(super) const LATE_ANSWER: u8 = 20;
    pub(super) const CAPTURED: u8 = 21;
    pub(super) const RELEASED: u8 = 22;
    pub(super) const EXPIRED: u8 = 23;
    pub(super) const REVERSED: u8 = 24;
    pub(super) const TOMBSTONED: u8 = 25;
    pub(super) const FOLLOW_UP_DECLINED: u8 = 26;
    pub(super) const ACKNOWLEDGED: u8 = 27;
    pub(super) const RECALLED: u8 = 32;
    /// As [`RECALLED`], of what is linked with others.
    pub(super) const RECALLED_LINKED: u8 = 33;
    pub(super) const REFUND_RESERVED: u8 = 34;
    pub(super) const REFUND_DECLINED: u8 = 35;
}

/// Writes records. Keeps a buffer for the requests inside them.
#[derive(Debug, Default)]
pub struct RecordWriter {
    frame: BytesMut,
}

impl RecordWriter {
    /// Appends the record of a fact to `out`.
    pub fn write(&mut self, fact: &Fact, out: &mut Vec<u8>) {
        let start = out.len();
        let mut w = Writer::begin(out, &mut self.frame, kind_of(fact));
        match fact {
            Fact::ParticipantConfigured(record) => registry::write_participant(&mut w, record),
            Fact::ParticipantRemoved(number) => w.participant(*number),
            Fact::ParticipantStatusSet(number, status) => {
                w.participant(*number);
                w.u8(registry::status_number(*status));
            }
            Fact::RoutesConfigured(routes) => registry::write_routes(&mut w, routes),
            Fact::CutOver(date) | Fact::DayClosed(date) => w.date(*date),
            Fact::Forgotten(second) => w.u64(*second),
            Fact::Founded { partition, partitions } => {
                w.u16(partition.0);
                w.u16(*partitions);
            }
            Fact::LeaseGiven { debtor, currency, to: other, total }
            | Fact::LeaseTaken { debtor, currency, from: other, total } => {
                w.participant(*debtor);
                w.currency(*currency);
                w.u16(other.0);
                w.total(*total);
            }
            Fact::Reserved(r) => write_reserved(&mut w, r),
            Fact::DeclinedAtOnce(d) => {
                w.request(d.originator, |out| d.request.encode(out));
                w.reason(d.reason);
                w.date(d.settlement_date);
            }
            Fact::Approved { key, amount, approval_code, extensions } => {
                w.key(*key);
                w.amount(*amount);
                w.bytes(&approval_code.to_bytes());
                w.extensions(extensions);
            }
            Fact::Declined { key, reason, decided_by, reversal, extensions } => {
                w.key(*key);
                w.reason(*reason);
                w.u8(fields::decider_number(*decided_by));
                w.bool(*reversal);
                w.extensions(extensions);
            }
            Fact::LateAnswer { key, approved, reversal } => {
                w.key(*key);
                w.bool(*approved);
                w.bool(*reversal);
            }
            Fact::Expired(key) => w.key(*key),
            Fact::Recalled { entry, until } => write_recalled(&mut w, entry, *until),
            Fact::Acknowledged { key, delivery } => {
                w.key(*key);
                w.u16(delivery.0);
            }
            Fact::Captured { .. }
            | Fact::Released { .. }
            | Fact::Reversed { .. }
            | Fact::Tombstoned { .. }
            | Fact::FollowUpDeclined { .. } => follow_up::write(&mut w, fact),
            Fact::RefundReserved(r) => write_refund_reserved(&mut w, r),
            Fact::RefundDeclined(d) => write_refund_declined(&mut w, d),
        }
        Writer::end(out, start);
    }
}

fn kind_of(fact: &Fact) -> u8 {
    match fact {
        Fact::ParticipantConfigured(_) => kind::PARTICIPANT_CONFIGURED,
        Fact::ParticipantRemoved(_) => kind::PARTICIPANT_REMOVED,
        Fact::ParticipantStatusSet(..) => kind::PARTICIPANT_STATUS_SET,
        Fact::RoutesConfigured(_) => kind::ROUTES_CONFIGURED,
        Fact::CutOver(_) => kind::CUT_OVER,
        Fact::DayClosed(_) => kind::DAY_CLOSED,
        Fact::Forgotten(_) => kind::FORGOTTEN,
        Fact::Founded { .. } => kind::FOUNDED,
        Fact::LeaseGiven { .. } => kind::LEASE_GIVEN,
        Fact::LeaseTaken { .. } => kind::LEASE_TAKEN,
        Fact::Reserved(_) => kind::RESERVED,
        Fact::DeclinedAtOnce(_) => kind::DECLINED_AT_ONCE,
        Fact::Approved { .. } => kind::APPROVED,
        Fact::Declined { .. } => kind::DECLINED,
        Fact::LateAnswer { .. } => kind::LATE_ANSWER,
        Fact::Captured { .. } => kind::CAPTURED,
        Fact::Released { .. } => kind::RELEASED,
        Fact::Expired(_) => kind::EXPIRED,
        Fact::Reversed { .. } => kind::REVERSED,
        Fact::Tombstoned { .. } => kind::TOMBSTONED,
        Fact::FollowUpDeclined { .. } => kind::FOLLOW_UP_DECLINED,
        Fact::Acknowledged { .. } => kind::ACKNOWLEDGED,
        Fact::Recalled { entry, .. } => match entry.linked {
            Linked::Alone => kind::RECALLED,
            Linked::Refunded(_) | Linked::RefundOf(_) => kind::RECALLED_LINKED,
        },
        Fact::RefundReserved(_) => kind::REFUND_RESERVED,
        Fact::RefundDeclined(_) => kind::REFUND_DECLINED,
    }
}

fn write_reserved(w: &mut Writer<'_>, r: &Reserved) {
    w.request(r.originator, |out| r.request.encode(out));
    w.participant(r.destination);
    w.u16(r.instance.0);
    w.u8(registry::debtor_number(r.debtor));
    w.date(r.settlement_date);
    w.time(r.deadline);
}

fn write_recalled(w: &mut Writer<'_>, entry: &ClosedEntry, until: u64) {
    entry::write_closed_entry(w, entry);
    w.u64(until);
    entry::write_linked(w, entry.linked);
}

fn write_refund_declined(w: &mut Writer<'_>, d: &RefundDeclined) {
    w.request(d.originator, |out| d.request.encode(out));
    w.reason(d.reason);
    w.date(d.settlement_date);
}

fn write_refund_reserved(w: &mut Writer<'_>, r: &RefundReserved) {
    w.request(r.originator, |out| r.request.encode(out));
    w.participant(r.destination);
    w.u16(r.instance.0);
    w.u8(registry::debtor_number(r.debtor));
    w.date(r.settlement_date);
    w.time(r.deadline);
}

/// Takes one record off the front of `bytes`.
///
/// # Errors
/// See [`RecordError`]; `bytes` is then where the record began.
pub fn read(bytes: &mut &[u8]) -> Result<Fact, RecordError> {
    let (kind, mut reader, rest) = split(bytes)?;
    let fact = read_fact(kind, &mut reader)?;
    if !reader.is_empty() {
        return Err(RecordError::Long);
    }
    *bytes = rest;
    Ok(fact)
}

/// The same, put behind others: a fact is some hundred bytes, and is moved once.
///
/// # Errors
/// As [`read`]; nothing is put there then.
pub(crate) fn read_behind(bytes: &mut &[u8], others: &mut Vec<Fact>) -> Result<(), RecordError> {
    let (kind, mut reader, rest) = split(bytes)?;
    others.push(read_fact(kind, &mut reader)?);
    if !reader.is_empty() {
        others.pop();
        return Err(RecordError::Long);
    }
    *bytes = rest;
    Ok(())
}

/// The type of the first record, its fields, and what follows it.
#[inline(always)]
fn split<'a>(bytes: &&'a [u8]) -> Result<(u8, Reader<'a>, &'a [u8]), RecordError> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(RecordError::Short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| RecordError::Short)?;
    if length > RECORD_BYTES_MAX {
        return Err(RecordError::Field("length"));
    }
    let (record, rest) = rest.split_at_checked(length).ok_or(RecordError::Short)?;
    let ([version, kind], fields) = record.split_first_chunk::<2>().ok_or(RecordError::Short)?;
    if *version != VERSION {
        return Err(RecordError::Version(*version));
    }
    Ok((*kind, Reader::new(fields), rest))
}

fn read_fact(kind: u8, r: &mut Reader<'_>) -> Result<Fact, RecordError> {
    Ok(match kind {
        kind::PARTICIPANT_CONFIGURED => Fact::ParticipantConfigured(registry::read_participant(r)?),
        kind::PARTICIPANT_REMOVED => Fact::ParticipantRemoved(r.participant()?),
        kind::PARTICIPANT_STATUS_SET => {
            Fact::ParticipantStatusSet(r.participant()?, registry::status(r.u8()?)?)
        }
        kind::ROUTES_CONFIGURED => Fact::RoutesConfigured(registry::read_routes(r)?),
        kind::CUT_OVER => Fact::CutOver(r.date()?),
        kind::DAY_CLOSED => Fact::DayClosed(r.date()?),
        kind::FORGOTTEN => Fact::Forgotten(r.u64()?),
        kind::FOUNDED => read_founded(r)?,
        kind::LEASE_GIVEN | kind::LEASE_TAKEN => read_lease(kind, r)?,
        kind::RESERVED => Fact::Reserved(read_reserved(r)?),
        kind::DECLINED_AT_ONCE => Fact::DeclinedAtOnce(DeclinedAtOnce {
            originator: r.participant()?,
            request: r.authorize()?,
            reason: r.reason()?,
            settlement_date: r.date()?,
        }),
        kind::APPROVED => Fact::Approved {
            key: r.key()?,
            amount: r.amount()?,
            approval_code: r.approval_code()?,
            extensions: r.extensions()?,
        },
        kind::DECLINED => Fact::Declined {
            key: r.key()?,
            reason: r.reason()?,
            decided_by: fields::decider(r.u8()?)?,
            reversal: r.bool()?,
            extensions: r.extensions()?,
        },
        kind::LATE_ANSWER => Fact::LateAnswer { key: r.key()?, approved: r.bool()?, reversal: r.bool()? },
        kind::EXPIRED => Fact::Expired(r.key()?),
        kind::ACKNOWLEDGED => Fact::Acknowledged { key: r.key()?, delivery: r.delivery()? },
        kind::RECALLED => Fact::Recalled { entry: entry_read::read_closed_entry(r)?, until: r.u64()? },
        kind::RECALLED_LINKED => {
            let (entry, until) = (entry_read::read_closed_entry(r)?, r.u64()?);
            Fact::Recalled { entry: ClosedEntry { linked: entry_read::read_linked(r)?, ..entry }, until }
        }
        kind::CAPTURED | kind::RELEASED | kind::REVERSED | kind::TOMBSTONED | kind::FOLLOW_UP_DECLINED => {
            return follow_up::read(kind, r);
        }
        kind::REFUND_RESERVED => Fact::RefundReserved(RefundReserved {
            originator: r.participant()?,
            request: r.refund()?,
            destination: r.participant()?,
            instance: holdfast_protocol::Instance(r.u16()?),
            debtor: registry::debtor(r.u8()?)?,
            settlement_date: r.date()?,
            deadline: r.time()?,
        }),
        kind::REFUND_DECLINED => Fact::RefundDeclined(RefundDeclined {
            originator: r.participant()?,
            request: r.refund()?,
            reason: r.reason()?,
            settlement_date: r.date()?,
        }),
        unknown => return Err(RecordError::Kind(unknown)),
    })
}

fn read_founded(r: &mut Reader<'_>) -> Result<Fact, RecordError> {
    let (partition, partitions) = (Partition(r.u16()?), r.u16()?);
    if partitions < 2 || partition.0 >= partitions {
        return Err(RecordError::Field("partition"));
    }
    Ok(Fact::Founded { partition, partitions })
}

fn read_lease(kind: u8, r: &mut Reader<'_>) -> Result<Fact, RecordError> {
    let (debtor, currency) = (r.participant()?, r.currency()?);
    let (other, total) = (Partition(r.u16()?), r.total()?);
    Ok(match kind {
        kind::LEASE_GIVEN => Fact::LeaseGiven { debtor, currency, to: other, total },
        _ => Fact::LeaseTaken { debtor, currency, from: other, total },
    })
}

fn read_reserved(r: &mut Reader<'_>) -> Result<Reserved, RecordError> {
    Ok(Reserved {
        originator: r.participant()?,
        request: r.authorize()?,
        destination: r.participant()?,
        instance: holdfast_protocol::Instance(r.u16()?),
        debtor: registry::debtor(r.u8()?)?,
        settlement_date: r.date()?,
        deadline: r.time()?,
    })
}

/// The key of a transaction on disk: originator, then id.
fn key_of(originator: ParticipantNumber, id: [u8; 16]) -> TransactionKey {
    TransactionKey { originator, id: holdfast_protocol::RequestId::from_bytes(id) }
}

#[cfg(test)]
mod tests;
