//! The byte tables of authorize, capture, release, reverse and inquiry.

use bytes::BytesMut;

use super::extension::Extensions;
use super::frame::Frame;
use super::{DecodeError, Fields, Writer};
use crate::message::MessageType;
use crate::request::{Authorize, Capture, Channel, Inquiry, Kind, Release, Reverse, SecurityLevel};

/// Flag of every request: it may have been sent before.
const REPEAT: u8 = 0x01;
/// Flag of authorize: the destination may approve less.
const PARTIAL_ALLOWED: u8 = 0x02;
/// Flag of authorize: a reservation may be captured in several parts.
const CAPTURES_MANY: u8 = 0x04;
/// Flag of capture: the rest is released with it.
const LAST: u8 = 0x02;
/// Flag of release: the hold ended at its time.
const EXPIRED: u8 = 0x02;

/// The largest budget in milliseconds.
pub(crate) const BUDGET_MS_MAX: u32 = 600_000;

fn known_flags(flags: u8, known: u8) -> Result<(), DecodeError> {
    if flags & !known == 0 { Ok(()) } else { Err(DecodeError::malformed("flags")) }
}

impl Kind {
    fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            1 => Ok(Self::Pay),
            2 => Ok(Self::Reserve),
            3 => Ok(Self::Verify),
            _ => Err(DecodeError::malformed("kind")),
        }
    }
}

impl SecurityLevel {
    fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            _ => Err(DecodeError::malformed("security level")),
        }
    }
}

impl Channel {
    fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(Self::Unspecified),
            1 => Ok(Self::Sms),
            2 => Ok(Self::Ussd),
            3 => Ok(Self::PacketData),
            4 => Ok(Self::Web),
            5 => Ok(Self::Office),
            6 => Ok(Self::Automatic),
            _ => Err(DecodeError::malformed("channel")),
        }
    }
}

/// Type 0x10. Flags: 0x01 repeat, 0x02 partial allowed, 0x04 captures many.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 2 | originator, 0 from the operator |
/// | 18 | 1 | kind: 1 pay, 2 reserve, 3 verify |
/// | 19 | 1 | security level, 1 to 4 |
/// | 20 | 1 | channel, 0 to 6 |
/// | 21 | 1 | attempt, from 1 |
/// | 22 | 2 | currency, ISO 4217 number |
/// | 24 | 8 | amount in minor units, 1 to 999,999,999,999 |
/// | 32 | 8 | MPS id, zero-padded |
/// | 40 | 24 | merchant, zero-padded |
/// | 64 | 32 | instrument reference, zero-padded |
/// | 96 | 1 | length of the instrument reference, 0 to 32 |
/// | 97 | 3 | zero |
/// | 100 | 4 | budget in milliseconds, 1 to 600,000 |
/// | 104 | 8 | expires, Unix milliseconds |
/// | 112 | 8 | hold until, Unix milliseconds, 0 for a payment |
/// | 120 | 4 | settlement date, 0 from the operator |
impl Authorize {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 124;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut flags = if self.repeat { REPEAT } else { 0 };
        flags |= if self.partial_allowed { PARTIAL_ALLOWED } else { 0 };
        flags |= if self.captures_many { CAPTURES_MANY } else { 0 };
        let (instrument_length, instrument) = self.instrument.to_padded();
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).participant(self.originator);
        w.u8(self.kind as u8).u8(self.security_level as u8).u8(self.channel as u8).u8(self.attempt);
        w.u16(self.currency.number()).u64(self.amount.minor()).payment_id(self.payment_id);
        w.bytes(instrument).u8(instrument_length).bytes([0; 3]).u32(self.budget_ms);
        w.u64(self.expires.get()).u64(self.hold_until.get()).date(self.settlement_date);
        w.finish(MessageType::Authorize, flags, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let fixed = frame
            .fixed()
            .first_chunk::<{ Self::FIXED_BYTES }>()
            .ok_or(DecodeError::malformed("fixed part"))?;
        let mut f = Fields::new(fixed);
        let id = f.request_id("id")?;
        Self::decode_rest(frame, id, &mut f).map_err(|e| DecodeError { id: Some(id), ..e })
    }

    #[inline(always)]
    fn decode_rest(
        frame: &Frame,
        id: crate::ids::RequestId,
        f: &mut Fields<'_>,
    ) -> Result<Self, DecodeError> {
        known_flags(frame.flags, REPEAT | PARTIAL_ALLOWED | CAPTURES_MANY)?;
        let originator = f.participant("originator")?;
        let kind = Kind::from_number(f.u8("kind")?)?;
        let security_level = SecurityLevel::from_number(f.u8("security level")?)?;
        let channel = Channel::from_number(f.u8("channel")?)?;
        let attempt = f.u8("attempt")?;
        let currency = f.currency("currency")?;
        let amount = f.amount_above_zero("amount")?;
        let payment_id = f.payment_id()?;
        let padded = f.bytes("instrument")?;
        let length = f.u8("instrument length")?;
        let instrument = crate::payment_id::InstrumentReference::from_padded(length, padded)
            .ok_or(DecodeError::malformed("instrument"))?;
        if f.bytes("zero")? != [0; 3] {
            return Err(DecodeError::malformed("zero"));
        }
        let budget_ms = f.u32("budget")?;
        let expires = f.time("expires")?;
        let hold_until = f.time("hold until")?;
        if attempt == 0 {
            return Err(DecodeError::malformed("attempt"));
        }
        if budget_ms == 0 || budget_ms > BUDGET_MS_MAX {
            return Err(DecodeError::malformed("budget"));
        }
        if matches!(kind, Kind::Pay) != (hold_until.get() == 0) {
            return Err(DecodeError::malformed("hold until"));
        }
        Ok(Self {
            id,
            originator,
            kind,
            payment_id,
            instrument,
            amount,
            currency,
            security_level,
            channel,
            expires,
            hold_until,
            budget_ms,
            partial_allowed: frame.flags & PARTIAL_ALLOWED != 0,
            captures_many: frame.flags & CAPTURES_MANY != 0,
            repeat: frame.flags & REPEAT != 0,
            attempt,
            settlement_date: f.date("settlement date")?,
            extensions: Extensions::from_wire(frame.extension_area())?,
        })
    }
}

/// Type 0x12. Flags: 0x01 repeat, 0x02 last (the rest is released with it).
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 2 | delivery, 0 from the operator |
/// | 36 | 1 | attempt, from 1 |
/// | 37 | 1 | zero |
/// | 38 | 2 | currency, ISO 4217 number |
/// | 40 | 8 | amount in minor units, 1 to 999,999,999,999 |
/// | 48 | 8 | expires, Unix milliseconds |
/// | 56 | 4 | settlement date, 0 from the operator |
impl Capture {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 60;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let flags = if self.repeat { REPEAT } else { 0 } | if self.last { LAST } else { 0 };
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator).delivery(self.delivery);
        w.u8(self.attempt).u8(0).u16(self.currency.number()).u64(self.amount.minor());
        w.u64(self.expires.get()).date(self.settlement_date);
        w.finish(MessageType::Capture, flags, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        Self::decode_rest(frame, id, &mut f).map_err(|e| DecodeError { id: Some(id), ..e })
    }

    fn decode_rest(
        frame: &Frame,
        id: crate::ids::RequestId,
        f: &mut Fields<'_>,
    ) -> Result<Self, DecodeError> {
        known_flags(frame.flags, REPEAT | LAST)?;
        let original = f.request_id("original")?;
        let (originator, delivery) = (f.participant("originator")?, f.delivery("delivery")?);
        let attempt = attempt_and_zero(f)?;
        Ok(Self {
            id,
            original,
            originator,
            currency: f.currency("currency")?,
            amount: f.amount_above_zero("amount")?,
            last: frame.flags & LAST != 0,
            expires: f.time("expires")?,
            delivery,
            repeat: frame.flags & REPEAT != 0,
            attempt,
            settlement_date: f.date("settlement date")?,
            extensions: Extensions::from_wire(frame.extension_area())?,
        })
    }
}

fn attempt_and_zero(f: &mut Fields<'_>) -> Result<u8, DecodeError> {
    let attempt = f.u8("attempt")?;
    if attempt == 0 {
        return Err(DecodeError::malformed("attempt"));
    }
    if f.u8("zero")? != 0 {
        return Err(DecodeError::malformed("zero"));
    }
    Ok(attempt)
}

/// Type 0x13. Flags: 0x01 repeat, 0x02 expired (only from the switch).
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 2 | delivery, 0 from the operator |
/// | 36 | 1 | attempt, from 1 |
/// | 37 | 1 | zero |
/// | 38 | 8 | expires, Unix milliseconds |
impl Release {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 46;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let flags = if self.repeat { REPEAT } else { 0 } | if self.expired { EXPIRED } else { 0 };
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator).delivery(self.delivery);
        w.u8(self.attempt).u8(0).u64(self.expires.get());
        w.finish(MessageType::Release, flags, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        let mut rest = || {
            known_flags(frame.flags, REPEAT | EXPIRED)?;
            let original = f.request_id("original")?;
            let (originator, delivery) = (f.participant("originator")?, f.delivery("delivery")?);
            Ok(Self {
                id,
                original,
                originator,
                delivery,
                attempt: attempt_and_zero(&mut f)?,
                expires: f.time("expires")?,
                expired: frame.flags & EXPIRED != 0,
                repeat: frame.flags & REPEAT != 0,
                extensions: Extensions::from_wire(frame.extension_area())?,
            })
        };
        rest().map_err(|e: DecodeError| DecodeError { id: Some(id), ..e })
    }
}

/// Type 0x14. Flags: 0x01 repeat.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id |
/// | 16 | 16 | id of the original |
/// | 32 | 2 | originator, 0 from the operator |
/// | 34 | 2 | delivery, 0 from the operator |
/// | 36 | 1 | attempt, from 1 |
/// | 37 | 1 | zero |
/// | 38 | 2 | reason as the originator says, 0 for none given |
/// | 40 | 8 | MPS id of the original, zero-padded |
/// | 48 | 24 | merchant of the original, zero-padded |
/// | 72 | 8 | expires, Unix milliseconds |
/// | 80 | 4 | settlement date, 0 from the operator |
impl Reverse {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 84;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator).delivery(self.delivery);
        w.u8(self.attempt).u8(0).u16(self.reason).payment_id(self.payment_id).u64(self.expires.get());
        w.date(self.settlement_date);
        w.finish(MessageType::Reverse, if self.repeat { REPEAT } else { 0 }, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        let mut rest = || {
            known_flags(frame.flags, REPEAT)?;
            let original = f.request_id("original")?;
            let (originator, delivery) = (f.participant("originator")?, f.delivery("delivery")?);
            Ok(Self {
                id,
                original,
                originator,
                delivery,
                attempt: attempt_and_zero(&mut f)?,
                reason: f.u16("reason")?,
                payment_id: f.payment_id()?,
                expires: f.time("expires")?,
                settlement_date: f.date("settlement date")?,
                repeat: frame.flags & REPEAT != 0,
                extensions: Extensions::from_wire(frame.extension_area())?,
            })
        };
        rest().map_err(|e: DecodeError| DecodeError { id: Some(id), ..e })
    }
}

/// Type 0x16. No flags, no extensions.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 16 | id asked about |
/// | 16 | 2 | originator, 0 for the asker's own |
/// | 18 | 8 | correlation |
impl Inquiry {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 26;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).participant(self.originator).u64(self.correlation);
        w.finish(MessageType::Inquiry, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        Ok(Self { id, originator: f.participant("originator")?, correlation: f.u64("correlation")? })
    }
}
