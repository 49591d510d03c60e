//! The control messages to bytes and back. Their byte tables are in `control.rs` beside this folder.

use bytes::BytesMut;

use super::frame::Frame;
use super::{DecodeError, Fields, Writer};
use crate::control::{Drain, Echo, LaneOpen, Notice, SignOff, SignOn, Welcome, Window};
use crate::ids::{Epoch, Instance, Partition};
use crate::lane::LANES_MAX;
use crate::message::MessageType;

/// Flag of sign-on: it sends requests.
const ORIGINATES: u8 = 0x01;
/// Flag of sign-on: it takes forwards and deliveries.
const RECEIVES: u8 = 0x02;
/// Flag of sign-on: its instances share their deduplication store.
const SHARED_DEDUPLICATION: u8 = 0x04;
/// Flag of echo: this is the reply.
const REPLY: u8 = 0x01;

fn window(f: &mut Fields<'_>) -> Result<u32, DecodeError> {
    match f.u32("window")? {
        0 => Err(DecodeError::malformed("window")),
        window => Ok(window),
    }
}

impl SignOn {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 12;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut flags = if self.originates { ORIGINATES } else { 0 };
        flags |= if self.receives { RECEIVES } else { 0 };
        flags |= if self.shared_deduplication { SHARED_DEDUPLICATION } else { 0 };
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u16(self.version_min).u16(self.version_max).u16(self.instance.0);
        w.u8(self.lanes).u8(0).u32(self.window);
        w.finish(MessageType::SignOn, flags, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        // A later version may say more in flags and extensions; what is not critical is none of ours.
        frame.extensions()?;
        let mut f = Fields::new(frame.fixed());
        let (version_min, version_max) = (f.u16("version")?, f.u16("version")?);
        let (instance, lanes, zero) = (Instance(f.u16("instance")?), f.u8("lanes")?, f.u8("zero")?);
        if lanes == 0 || lanes > LANES_MAX {
            return Err(DecodeError::malformed("lanes"));
        }
        if zero != 0 || version_min > version_max || frame.flags & (ORIGINATES | RECEIVES) == 0 {
            return Err(DecodeError::malformed("sign-on"));
        }
        Ok(Self {
            version_min,
            version_max,
            instance,
            originates: frame.flags & ORIGINATES != 0,
            receives: frame.flags & RECEIVES != 0,
            shared_deduplication: frame.flags & SHARED_DEDUPLICATION != 0,
            lanes,
            window: window(&mut f)?,
        })
    }
}

impl Welcome {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 44;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u16(self.version).participant(Some(self.participant)).u16(self.partition.0).u16(0);
        w.u32(self.epoch.0).u64(self.time.get()).u32(self.window).u32(self.window_max_ms);
        w.u32(self.skew_max_ms).u32(self.budget_max_ms).u64(self.hold_max_ms);
        w.finish(MessageType::Welcome, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        let mut f = Fields::new(frame.fixed());
        let version = f.u16("version")?;
        let participant = f.participant("participant")?.ok_or(DecodeError::malformed("participant"))?;
        let partition = Partition(f.u16("partition")?);
        if f.u16("zero")? != 0 {
            return Err(DecodeError::malformed("zero"));
        }
        Ok(Self {
            version,
            participant,
            partition,
            epoch: Epoch(f.u32("epoch")?),
            time: f.time("time")?,
            window: window(&mut f)?,
            window_max_ms: f.u32("window max")?,
            skew_max_ms: f.u32("skew max")?,
            budget_max_ms: f.u32("budget max")?,
            hold_max_ms: f.u64("hold max")?,
        })
    }
}

impl LaneOpen {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 1;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u8(self.lane);
        w.finish(MessageType::LaneOpen, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        let lane = Fields::new(frame.fixed()).u8("lane")?;
        if lane < LANES_MAX { Ok(Self { lane }) } else { Err(DecodeError::malformed("lane")) }
    }
}

impl Echo {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 16;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u64(self.correlation).u64(self.time.get());
        w.finish(MessageType::Echo, if self.reply { REPLY } else { 0 }, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.only_flags(REPLY)?;
        frame.extensions()?;
        let mut f = Fields::new(frame.fixed());
        Ok(Self {
            correlation: f.u64("correlation")?,
            time: f.time("time")?,
            reply: frame.flags & REPLY != 0,
        })
    }
}

impl Window {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 4;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u32(self.window);
        w.finish(MessageType::Window, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        Ok(Self { window: window(&mut Fields::new(frame.fixed()))? })
    }
}

impl Notice {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 2;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u16(self.reason.number());
        w.finish(MessageType::Notice, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        Ok(Self { reason: Fields::new(frame.fixed()).reason("reason")? })
    }
}

impl Drain {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 4;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u32(self.within_ms);
        w.finish(MessageType::Drain, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        Ok(Self { within_ms: Fields::new(frame.fixed()).u32("within")? })
    }
}

impl SignOff {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 0;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        Writer::<{ Self::FIXED_BYTES }>::new().finish(MessageType::SignOff, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain().map(|()| Self)
    }
}
