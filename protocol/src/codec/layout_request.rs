//! Authorize, capture, release, reverse, refund and inquiry to bytes and back. Their byte tables are in `request.rs`.

use bytes::BytesMut;

use super::frame::Frame;
use super::{DecodeError, Fields, Writer};
use crate::message::MessageType;
use crate::request::{Authorize, Capture, Channel, Inquiry, Kind, Refund, Release, Reverse, SecurityLevel};

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

impl Authorize {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 124;

    /// Appends its frame to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
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

    /// Reads a frame that has to be an authorize.
    ///
    /// # Errors
    /// As [`Message::decode`](crate::Message::decode); [`Reason::FrameMalformed`](crate::Reason::FrameMalformed) for every other
    /// message.
    pub fn read(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        if frame.kind == MessageType::Authorize as u8 {
            Self::decode(frame)
        } else {
            Err(DecodeError::malformed("message type"))
        }
    }

    // Where it has two callers the compiler would move what it returns once more.
    #[inline(always)]
    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
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
        frame: &Frame<'_>,
        id: crate::ids::RequestId,
        f: &mut Fields<'_>,
    ) -> Result<Self, DecodeError> {
        frame.only_flags(REPEAT | PARTIAL_ALLOWED | CAPTURES_MANY)?;
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
        check_budget(budget_ms)?;
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
            extensions: frame.extensions()?,
        })
    }
}

fn check_budget(budget_ms: u32) -> Result<(), DecodeError> {
    if budget_ms == 0 || budget_ms > Authorize::BUDGET_MS_MAX {
        return Err(DecodeError::malformed("budget"));
    }
    Ok(())
}

impl Capture {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 60;

    /// Appends its frame to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = if self.repeat { REPEAT } else { 0 } | if self.last { LAST } else { 0 };
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator).delivery(self.delivery);
        w.u8(self.attempt).u8(0).u16(self.currency.number()).u64(self.amount.minor());
        w.u64(self.expires.get()).date(self.settlement_date);
        w.finish(MessageType::Capture, flags, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        Self::decode_rest(frame, id, &mut f).map_err(|e| DecodeError { id: Some(id), ..e })
    }

    fn decode_rest(
        frame: &Frame<'_>,
        id: crate::ids::RequestId,
        f: &mut Fields<'_>,
    ) -> Result<Self, DecodeError> {
        frame.only_flags(REPEAT | LAST)?;
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
            extensions: frame.extensions()?,
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

impl Release {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 46;

    /// Appends its frame to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = if self.repeat { REPEAT } else { 0 } | if self.expired { EXPIRED } else { 0 };
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator).delivery(self.delivery);
        w.u8(self.attempt).u8(0).u64(self.expires.get());
        w.finish(MessageType::Release, flags, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        let mut rest = || {
            frame.only_flags(REPEAT | EXPIRED)?;
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
                extensions: frame.extensions()?,
            })
        };
        rest().map_err(|e: DecodeError| DecodeError { id: Some(id), ..e })
    }
}

impl Reverse {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 84;

    /// Appends its frame to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator).delivery(self.delivery);
        w.u8(self.attempt).u8(0).u16(self.reason).payment_id(self.payment_id).u64(self.expires.get());
        w.date(self.settlement_date);
        w.finish(MessageType::Reverse, if self.repeat { REPEAT } else { 0 }, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        let mut rest = || {
            frame.only_flags(REPEAT)?;
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
                extensions: frame.extensions()?,
            })
        };
        rest().map_err(|e: DecodeError| DecodeError { id: Some(id), ..e })
    }
}

impl Refund {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 62;

    /// Appends its frame to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).request_id(self.original).participant(self.originator);
        w.u8(self.attempt).u8(0).u16(self.currency.number()).u64(self.amount.minor());
        w.u32(self.budget_ms).u64(self.expires.get()).date(self.settlement_date);
        w.finish(MessageType::Refund, if self.repeat { REPEAT } else { 0 }, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        let mut rest = || {
            frame.only_flags(REPEAT)?;
            let original = f.request_id("original")?;
            let originator = f.participant("originator")?;
            let attempt = attempt_and_zero(&mut f)?;
            let currency = f.currency("currency")?;
            let amount = f.amount_above_zero("amount")?;
            let budget_ms = f.u32("budget")?;
            check_budget(budget_ms)?;
            Ok(Self {
                id,
                original,
                originator,
                amount,
                currency,
                budget_ms,
                expires: f.time("expires")?,
                repeat: frame.flags & REPEAT != 0,
                attempt,
                settlement_date: f.date("settlement date")?,
                extensions: frame.extensions()?,
            })
        };
        rest().map_err(|e: DecodeError| DecodeError { id: Some(id), ..e })
    }
}

impl Inquiry {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 26;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).participant(self.originator).u64(self.correlation);
        w.finish(MessageType::Inquiry, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        let mut f = Fields::new(frame.fixed());
        let id = f.request_id("id")?;
        Ok(Self { id, originator: f.participant("originator")?, correlation: f.u64("correlation")? })
    }
}
