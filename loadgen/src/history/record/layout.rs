//! Where each field of a record stands, and the bits of its flags.

/// Bytes of a record and of the header.
pub const RECORD_BYTES: usize = 96;

pub(super) const NUMBER: usize = 0;
pub(super) const KIND: usize = 4;
pub(super) const MESSAGE: usize = 5;
pub(super) const FLAGS: usize = 6;
pub(super) const ATTEMPT: usize = 7;
pub(super) const TIME: usize = 8;
pub(super) const MONOTONIC: usize = 16;
pub(super) const ORIGINATOR: usize = 24;
pub(super) const DELIVERY: usize = 26;
pub(super) const CURRENCY: usize = 28;
pub(super) const PAYMENT_KIND: usize = 30;
pub(super) const LANE: usize = 31;
pub(super) const ID: usize = 32;
pub(super) const ORIGINAL: usize = 48;
pub(super) const AMOUNT: usize = 64;
pub(super) const OUTCOME: usize = 72;
pub(super) const STATE: usize = 73;
pub(super) const REASON: usize = 74;
pub(super) const DECIDED_BY: usize = 76;
pub(super) const PARTITION: usize = 78;
/// Of the decision; where an answer is given, its link.
pub(super) const EPOCH: usize = 80;
pub(super) const LINK: usize = EPOCH;
/// Of the decision; the payment ID's digest of an authorize; the count of answers on a lane.
pub(super) const SEQUENCE: usize = 84;
pub(super) const DIGEST: usize = SEQUENCE;
pub(super) const COUNT: usize = SEQUENCE;
pub(super) const CHECKSUM: usize = RECORD_BYTES - 4;

pub(super) const REPEAT: u8 = 0x01;
pub(super) const PARTIAL_ALLOWED: u8 = 0x02;
pub(super) const CAPTURES_MANY: u8 = 0x04;
pub(super) const LAST: u8 = 0x08;
pub(super) const EXPIRED: u8 = 0x10;
pub(super) const APPLIED: u8 = 0x20;
pub(super) const DRAINED: u8 = 0x40;
